# Numbers with their units. A no-break space stands before every unit.
not-known = n/a
under = under { $limit }
percent = { $share } %
percent-range = { $low }–{ $high } %
hectares = { $area } ha
hectare-range = { $low }–{ $high } ha
measure = { $value } { $unit }
unit-metres = m
unit-pixels = px
unit-seconds = s
unit-megabytes = MB
unit-days = days
unit-degrees = °
unit-kilometres = km
unit-hectares = ha
