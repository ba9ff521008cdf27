# How a result was made.

date-unknown = date unknown
credit = Imagery: { $owner }
credit-missing = Imagery: credit and licence are its owner’s; add them where you publish these pictures
citation = changedet { $version }, change between { $before } ({ $before_date }) and { $after } ({ $after_date }), computed { $made }.

made-file = File
made-date = Date
made-size = Size
made-pixels = { $width } × { $height } pixels
made-bands = Bands used
made-bands-from = Bands known from
made-dtype = Data type
made-crs = Coordinate system
made-gsd = Ground sample distance
made-sha = SHA-256

made-method = Method
made-model = Model
made-tie-points = Tie points
made-believed = { $believed } believed of { $tried } tried
made-rmse = Error, RMSE
made-ce90 = Error, CE90
made-both = { $pixels } ({ $metres })
made-extrapolated = Extrapolated, no tie points near
made-backward = Median distance when matched backward
made-displacement = Largest displacement
made-support = Support of the coarse alignment above chance, spreads
made-supported = Overlap with tie points near

made-map-size = Size of the maps
made-pixel-size = Pixel size
made-no-scale = no scale known

made-started = Started
made-time = Time
made-memory = Peak memory
made-built = Built area
made-vegetation = Vegetation
