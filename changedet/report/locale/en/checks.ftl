check-overlap = Area that both images show
check-match = Places where the images match
check-residual = Error of the co-registration
check-gsd_ratio = Ratio of the pixel sizes
check-sun_elevation_difference = Difference of the sun's elevation
check-sun_elevation_least = Lower of the sun's elevations
check-sun_azimuth_difference = Difference of the sun's azimuth
check-view_difference = Difference of the view angles
check-day_of_year = Difference in the course of the year (vegetation)
check-snow = Snow on either date
check-cloud_smoke = Cloud and smoke
check-radiometry = Correlation of the colours where nothing changed
check-pixel_size = Pixel size, for buildings
check-null = Buildings or pixels that the null rests on
check-separation = Distance of destroyed from unchanged
check-vegetation = Separability of vegetation
check-captions = Captions, logos, images side by side
check-saturated = Where the sensor was saturated
check-footprints = Edges along the footprints, standard errors above chance
check-control = Control

verdict-ok = passed
verdict-degraded = claims less
verdict-refused = refused
verdict-unknown = not known

check-unit-px = px
check-unit-m = m
check-degrees = { $value } degrees
check-unit-days = days
check-unit-spreads = spreads

limit-at-least = at least { $ok }
limit-at-least-refused = at least { $ok }; refused below { $refuse }
limit-at-most = at most { $ok }
limit-at-most-refused = at most { $ok }; refused above { $refuse }

said-within = within the limit
said-unknown = not known from the inputs

footprints-given = Polygons in the file
footprints-analysed = Outlines analysed
footprints-repaired = Polygons repaired
footprints-moved = Outlines moved onto the roofs
footprints-shift = Median shift
footprints-shift-value = { $east } m east, { $north } m north
footprints-shift-p90 = Shift that one in ten exceeds
footprints-edges = Edges run along the outlines (0 as by chance, 1 all)
footprints-edges-value = { $given } given, { $aligned } moved
