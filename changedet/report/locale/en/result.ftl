# What was found, in sentences and rows.

interval-model = model interval
interval-confidence-95 = 95 % confidence interval
interval = { $kind } { $range }

built-lost = { $area } of { $before } of built area ({ $share }) is mapped as destroyed ({ $interval }).
built-lost-share = { $share } of the built area is mapped as destroyed ({ $interval }); no scale is known, so there are no hectares.
built-none-before = Built area: none was mapped before, so none could be lost.
built-not-separable = Built area: the change is not separable from what happens where nothing changed, so no loss is claimed ({ $interval }).
built-no-figure = Built area: no figure could be computed.

vegetation-lost = { $area } of { $before } of vegetation ({ $share }) is mapped as lost ({ $interval }).
vegetation-lost-share = { $share } of the vegetation is mapped as lost ({ $interval }); no scale is known, so there are no hectares.
vegetation-none-before = Vegetation: none was mapped before, so none could be lost.
vegetation-not-separable = Vegetation: the change is not separable from what happens where nothing changed, so no loss is claimed ({ $interval }).
vegetation-no-figure = Vegetation: no figure could be computed.

canopy-lost = { $area } of { $before } of canopy ({ $share }) is mapped as lost ({ $interval }).
canopy-lost-share = { $share } of the canopy is mapped as lost ({ $interval }); no scale is known, so there are no hectares.
canopy-none-before = Canopy: none was mapped before, so none could be lost.
canopy-not-separable = Canopy: the change is not separable from what happens where nothing changed, so no loss is claimed ({ $interval }).
canopy-no-figure = Canopy: no figure could be computed.
canopy-no-figure-because = Canopy (trees and shrubs): no figure, because { $reason }.

headline-refused = These two images were not compared, so there are no figures.
headline-buildings = { $destroyed ->
    [one] { $destroyed } of { $total } buildings is graded destroyed
   *[other] { $destroyed } of { $total } buildings are graded destroyed
  } and { $damaged } damaged.
headline-ungraded = None of { $total } buildings could be graded.
headline-hidden = { $share } of the area could not be judged ({ $why }).

hidden-cloud = cloud
hidden-smoke = smoke or haze
hidden-snow = snow
hidden-saturated = saturated
hidden-outside = no data, or outside of an image
hidden-nothing = all was seen

banner-ok = The two images could be compared
banner-ok-text = All checks that could be made were passed.
banner-warnings = { $number ->
    [one] One warning further down.
   *[other] { $number } warnings further down.
  }
banner-degraded = Use with care: this result claims less than usual
banner-degraded-text = The comparison went on, but not all of it can be relied on. The reasons:
banner-forced = Not reliable: compared by force
banner-forced-text = This pair was judged not comparable and went on because --force was given. Do not publish these figures. The reasons:
banner-refused = Refused: these images must not be compared
banner-refused-text = No area is given, here or in any other file of this result. The reasons:

caveat-hidden = Damage not visible from above is not counted.
caveat-field = Not validated in the field.
caveat-veils = Thin haze, black smoke and clouds that both dates show at one place are not told from ground.
caveat-causes = Changes of any cause are seen: demolition, building work and harvest are changes too.
caveat-program = Mapped by a program from two images; nobody has checked single buildings.

intervals-model = Intervals: model intervals. They say how far a figure moves when the threshold and the disturbances (light, view angle, registration error) move within reason. A model interval is not a confidence interval: that needs a sample checked by people.
intervals-confidence-95 = Intervals: 95 % confidence intervals from a labelled sample. If the sampling were repeated many times, 95 of 100 such intervals would hold the true area.

none = none
none-before = none was mapped before
no-claim = no claim
not-separable = not separable from what happens where nothing changed

name-built-before = Built area before
name-built-lost = Built area destroyed
name-vegetation-before = Vegetation before
name-vegetation-lost = Vegetation lost
name-vegetation-gained = Vegetation gained
name-canopy-before = Canopy before
name-canopy-lost = Canopy lost
name-condition = Vegetation in worse condition
name-burnt = Vegetation burnt
name-fields = Fields changed
name-buildings-destroyed = Buildings destroyed
name-analysed = Analysed
name-hidden = Could not be judged
name-hidden-cloud = … under cloud
name-hidden-smoke = … under smoke or thick haze
name-hidden-snow = … under snow
name-hidden-saturated = … saturated
name-hidden-outside = … outside of an image, or no data
name-hidden-shadow = In shadow (analysed all the same)

note-of-area = share of the area asked for
note-of-analysed = share of the analysed area
note-of-before = share of what was there before
note-condition = share of the vegetation that stands: greener before by a quarter or more
note-burnt = by the burn ratio of the infrared bands
note-fields = by farm work or the event: other change

tile-no-scale = of what stood before; no scale known
tile-share = { $share } of { $before } before
tile-buildings = { $total ->
    [one] of { $total } building
   *[other] of { $total } buildings
  }, { $ungraded } of them not analysed
tile-hidden = of the area: { $why }
