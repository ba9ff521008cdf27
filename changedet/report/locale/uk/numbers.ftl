# Числа з одиницями. Перед кожною одиницею нерозривний пробіл.
not-known = н/д
under = менш як { $limit }
percent = { $share } %
percent-range = { $low }–{ $high } %
hectares = { $area } га
hectare-range = { $low }–{ $high } га
measure = { $value } { $unit }
unit-metres = м
unit-pixels = пікс.
unit-seconds = с
unit-megabytes = МБ
unit-days = діб
unit-degrees = °
unit-kilometres = км
unit-hectares = га
