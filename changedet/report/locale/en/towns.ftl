# The page of many towns.

towns-title = { $title } – many towns, changedet
towns-skip = Skip to the towns
towns-kicker = Change in many towns, each between two images
towns-no-title = Many towns

towns-none = There are no towns here
towns-none-text = The manifest holds none.
towns-all-compared = { $total ->
    [one] The town could be compared
   *[other] All { $total } towns could be compared
  }
towns-all-compared-text = Each has figures, or says why it claims none.
towns-without = { $count } of { $total } { $total ->
    [one] town
   *[other] towns
  } { $count ->
    [one] has
   *[other] have
  } no figures
towns-without-text = They are in no figure, plot or total of this page. The reasons:
towns-forced = { $count } of { $total } { $total ->
    [one] town
   *[other] towns
  } { $count ->
    [one] was
   *[other] were
  } compared by force: do not publish { $count ->
    [one] its
   *[other] their
  } figures
towns-forced-text = The pair was judged not comparable. It is in no total. The reasons:
towns-care = { $count } of { $total } { $total ->
    [one] town
   *[other] towns
  } { $count ->
    [one] needs
   *[other] need
  } care
towns-care-text = Figures that claim less than usual. The reasons:
towns-more = { $count } more
towns-no-reason = no reason was given

towns-status-ok = Compared
towns-status-degraded = Use with care
towns-status-forced = By force
towns-status-refused = Refused
towns-status-failed = Failed

towns-in-short = In short
towns-with-figures = Towns with figures
towns-with-figures-detail = of { $total }; { $refused } refused, { $failed } failed
towns-total-built = Built area destroyed, all towns
towns-total-vegetation = Vegetation lost, all towns
towns-total-buildings = Buildings destroyed, all towns
towns-total-of = { $towns ->
    [one] in { $towns } town that claims this loss
   *[other] in { $towns } towns that claim this loss
  }, of { $total } with figures
towns-total-buildings-of = { $towns ->
    [one] in { $towns } town whose outlines were graded
   *[other] in { $towns } towns whose outlines were graded
  }, of { $total } with figures
towns-total-range = range { $range }: all ends added
towns-total-note = Totals hold only towns that claim a loss; a town that claims none is not a zero. What makes one town’s figure too high (season, light, threshold) may act on all of them alike, so intervals are not independent: the range is the sum of all lower ends and of all upper ends, not a smaller one.
towns-same-ground = No totals: “{ $one }” and “{ $two }” lie on the same ground, which would be counted twice.
towns-no-totals = No totals: no town claims a loss in hectares.

towns-table = Town by town
towns-filter = Find a town
towns-status = Status
towns-any = Any
towns-sort = Sort by
towns-descending = Largest first
towns-name = Town
towns-dates = Dates
towns-built = Built destroyed
towns-built-share = Built share
towns-vegetation = Vegetation lost
towns-vegetation-share = Vegetation share
towns-buildings = Buildings destroyed
towns-hidden = Not judged
towns-rmse = RMSE
towns-of = of { $total }
towns-bar = The bar below a figure is its model interval on the scale from 0 to 100 % of what was there before, the dot the central figure. RMSE: error of the co-registration, from tie points that were left out.
towns-not-measured = not measured
towns-nothing-before = none before
towns-no-scale = no scale
towns-previous = Previous
towns-next = Next
towns-shown = { $n } of { $total } towns
towns-page = Page { $n } of { $total }
towns-nothing-found = No town fits the filter.

towns-plot = Losses with their intervals
towns-plot-text = Hectares. Dot: central figure; bar: model interval; an open bar without a dot: no loss is claimed. In the order of the table.
towns-plot-built = Built area destroyed, ha
towns-plot-vegetation = Vegetation lost, ha

towns-map = Where the towns lie
towns-map-alt = { $drawn ->
    [one] Position of { $drawn } town
   *[other] Positions of { $drawn } towns
  } on a grid of longitude and latitude
towns-map-text = Share of the built area that was destroyed, by colour; no map below, so nothing is loaded. Towns that lie too close share a marker, which shows the largest share. Towns without figures are not drawn.
towns-map-claimless = no loss claimed
towns-north = { $degrees }° N
towns-south = { $degrees }° S
towns-east = { $degrees }° E
towns-west = { $degrees }° W

towns-pictures = Small maps
towns-picture-alt = { $name }: losses over the image after
towns-pictures-text = The image after, small and pale, with the two losses; other changes are not drawn. Too coarse to judge single houses: the report of the town shows them.

towns-limits = Limits
towns-limit-compare = Towns differ in image quality, season and outlines. Compare their intervals, not only their central figures.
towns-limit-overlap = Where towns have no georeference it is not known whether they overlap.
towns-files = Beside this page
towns-files-csv = one row for each town with all figures and reasons
towns-files-gpkg = outlines of the towns with their figures, for QGIS and other GIS
towns-files-json = the same for programs
towns-made-by = Made by changedet { $version }.
towns-complete = This page loads nothing from anywhere and sends nothing; its links lead to the folders beside it.
