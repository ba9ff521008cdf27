# Dates.

# Numbers.
over = over { $limit }
less-than-one = <1

# At the foot of every picture.
credit-dates = Image before: { $before } · image after: { $after }
credit-grid = { $crs }, grid north
credit-imagery = Imagery: { $credit }
credit-owner = Imagery: credit its owner

# Scale and north.
scale-metres = { $length } m
scale-kilometres = { $length } km
no-scale = no scale
north = N

# Titles of pictures.
figure-before = Before · { $date }
figure-after = After · { $date }
figure-classes = Classes of change over the image after
figure-buildings = Buildings by grade over the image after
figure-pixel-change = Evidence of spectral change (colour and brightness)
figure-structural-change = Evidence of structural change (shapes and edges)
figure-index = Change of { $index }
figure-checkerboard = Checkerboard (blue: after)
figure-displacement = Displacement
figure-residuals = Residuals at tie points, with the noise of each

# Legends and notes.
evidence-low = 0: as where nothing changed
evidence-high = 1: far beyond that
not-judged = not judged
not-known-here = not known
index-difference = index of { $after } minus that of { $before }, unitless
grade-count = { $grade } ({ $number })
used-in-fit = used in the fit
left-out-of-fit = left out of the fit
tie-point-rejected = rejected
no-tie-points = no tie points
displacement-note = line from each dot: to where the image after has it, enlarged; the longest tenth is over { $length } px
extrapolated-note = hatched: no tie points near, extrapolated
axis-residual = residual, pixels of the full image
axis-tie-points = tie points
model-error = { $name } of the model: { $error } px
score-structural = Structural evidence on built area
score-pixel = Evidence of spectral change
score-pair = this pair
score-null = where nothing changed (null)
score-threshold = threshold
threshold-at = threshold { $value }
axis-score = score
axis-share-log = share, log scale
loss-built-area = Built area destroyed
loss-vegetation = Vegetation lost
cell-share = % of what was there before
worst-cells = Cells with the largest loss
cell-loss = { $area } ({ $share })
axis-lost-hectares = lost, ha
axis-lost-percent = lost, %

# Where in a picture.
place-upper-left = in the upper left
place-upper-middle = in the upper middle
place-upper-right = in the upper right
place-middle-left = in the middle left
place-centre = in the centre
place-middle-right = in the middle right
place-lower-left = in the lower left
place-lower-middle = in the lower middle
place-lower-right = in the lower right

# Text alternatives.
alt-before-after = The image before ({ $before }) and the image after ({ $after }) of the same place, AFTER laid on BEFORE's grid. { $share } of the picture has data on both dates.
alt-before = The before image alone, as a picture of the size of the report's map.
alt-evidence-spectral = Map of the evidence of spectral change from 0 (as where nothing changed) to 1 (far beyond that).
alt-evidence-structural = Map of the evidence of structural change from 0 (as where nothing changed) to 1 (far beyond that).
alt-nothing-judged = Nothing could be judged.
alt-evidence-high = { $share } of what could be judged is above 0.5.
alt-evidence-high-where = { $share } of what could be judged is above 0.5; it is densest { $where } of the picture.
alt-not-judged = { $share } of the picture could not be judged.
alt-indices = Maps of the change of spectral indices, after minus before.
alt-index-unknown = { $name }: not known anywhere.
alt-index = { $name }: median { $median }, nine tenths between { $low } and { $high }.
alt-index-where = { $name }: median { $median }, nine tenths between { $low } and { $high }, the falls densest { $where }.
alt-classes = Map of the classes over the image after.
alt-nothing-analysed = Nothing was analysed.
alt-of-analysed = Of the analysed part of the picture: { $said }.
alt-no-change = no visible change anywhere
alt-class-built-area-destroyed = built area destroyed { $share }, densest { $where }
alt-class-vegetation-lost = vegetation lost { $share }, densest { $where }
alt-class-other-change = other change { $share }, densest { $where }
alt-class-vegetation-gained = vegetation gained { $share }, densest { $where }
alt-not-analysed = { $share } of the picture was not analysed.
alt-buildings = Building outlines by grade over the image after.
alt-buildings-graded =
    Outlines of { $total ->
        [one] { $total } building
       *[other] { $total } buildings
    } by grade over the image after: { $grades }.
alt-grade-destroyed = { $number } destroyed
alt-grade-damaged = { $number } damaged
alt-grade-possibly-damaged = { $number } possibly damaged
alt-grade-no-visible-damage = { $number } without visible damage
alt-grade-not-analysed = { $number } not analysed
alt-registration-unknown = Checkerboard of both dates; the registration is not recorded.
alt-registration =
    Three pictures of the registration: a checkerboard of both dates, lines of the displacement at { $drawn ->
        [one] { $drawn } tie point
       *[other] { $drawn } tie points
    }, and a histogram of their residuals.
alt-registration-error = { $inliers } of { $points } tie points were believed; the error of the model is estimated at { $rmse } (RMSE), 90 % within { $ce90 } (CE90).
alt-scores = Histograms of the scores beside what they do where nothing changed.
alt-score-no-threshold = { $label }: no threshold was set.
alt-score-no-null = { $label }: threshold { $threshold }, { $share } above it; no null.
alt-score = { $label }: threshold { $threshold }, { $share } above it against { $null } where nothing changed.
alt-cells =
    Maps and bars of { $number ->
        [one] { $number } cell
       *[other] { $number } cells
    }.
alt-cell-worst = { $loss }: most in cell { $cell } ({ $size }).

# Why a building got its grade.
building = Building { $id }. { $why }
building-why = { $grade }: { $alike }, { $order }; { $said }.
building-why-not-graded = { $grade }: { $reason }.
building-why-not-separable = probability of destroyed { $destroyed } at a prior of { $prior }, but destroyed and unchanged buildings cannot be told apart on this pair, so nothing graver is claimed
building-why-destroyed = probability { $destroyed } at a prior of { $prior }
building-why-damaged = probability of damaged or destroyed { $hurt }, of destroyed { $destroyed } at a prior of { $prior }
building-why-too-many-intact = probability of damaged or destroyed { $hurt }, but of all buildings flagged from there on more than { $rate } would be intact
building-why-possibly = probability of damaged or destroyed { $hurt }, too little to be sure (from { $least })
building-why-intact = probability of damaged or destroyed { $hurt }, below { $least }
alike-hardly = hardly more alike than unrelated places ({ $own } spreads above chance, unchanged buildings { $usual })
alike-less = much less alike than unchanged buildings ({ $own } spreads above chance, unchanged buildings { $usual })
alike-little = a little less alike than unchanged buildings ({ $own } spreads above chance, unchanged buildings { $usual })
alike-as = as alike as unchanged buildings ({ $own } spreads above chance, unchanged buildings { $usual })
order-lost = its order lost ({ $lost } spreads)
order-part = a part of its order lost ({ $lost } spreads)
order-kept = its order kept ({ $lost } spreads lost)
unseen-both = not seen in both images
unseen-small = too small for this pixel size
unseen-white = saturated or under snow
unseen-cloud = under cloud or smoke
unseen-pixels = pixels too large to see whether it stands
unseen-below = below { $area } m²
building-lines = full line: outline; dashed: what was compared
building-lines-wide = { $wide } wide; full line: outline, dashed: what was compared
measure-similarity = Similarity
measure-similarity-unit = spreads above unrelated places
measure-order = Loss of order
measure-order-unit = spreads of unchanged buildings
measure-destroyed = Probability of destroyed
measure-damaged = Probability of damaged or destroyed
measure-probability-unit = model, not calibrated
mark-unrelated = unrelated
mark-unchanged = unchanged
mark-destroyed = destroyed
mark-damaged = damaged
mark-possibly-damaged = possibly damaged
this-building = this building
axis-buildings = buildings
