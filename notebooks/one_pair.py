# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # One pair, from two files to a number you may print
#
# A town before, the same town a year later. How much of it is gone, how sure is that, and which of
# the figures belong in a newspaper?
#
# The pair ships with changedet. It is simulated, so the truth is known, and part 5 of this
# notebook holds the result against it. Put two files of your own in its place and all but that
# part stays the same.

# %%
# %matplotlib inline
# %config InlineBackend.figure_formats = ["jpeg"]
# %config InlineBackend.print_figure_kwargs = {"dpi": 80, "pil_kwargs": {"quality": 70}}
import json

import geopandas
import pandas as pd
from IPython.display import Markdown

import changedet as cd
from changedet.api import sample_pair

before, after, footprints = sample_pair()

# %% [markdown]
# ## 1. Compare
#
# The same work as `changedet run`. With building outlines (`footprints`) each building gets a
# grade; without them the built area is taken from the image itself.

# %%
result = cd.run(before, after, footprints=footprints, title="Sample town (simulated)")
result

# %% [markdown]
# The result shows itself: drag the corner of the left image to and fro. With the extra
# `changedet[notebook]`, `result.swipe(layer="classes")` is a live one.
#
# ## 2. Do they lie on each other?
#
# Two images of one place never do, not even with a georeference. An offset of a few pixels turns
# every roof edge into a "change", so look at this before you believe any figure. (Alone it is
# `cd.register(before, after)`.)

# %%
result.plot("registration")

# %%
found = result.registration
Markdown(
    f"{found.inliers:,} of {found.tie_points:,} tie points were believed. AFTER was up to "
    f"**{found.max_shift_px:.1f} px** away from BEFORE; what is left is **{found.rmse_px:.2f} px** "
    f"({found.rmse_m:.2f} m), estimated from tie points that the fit has not seen."
)

# %% [markdown]
# In the checkerboard roads and roof edges run on across the squares. Half a pixel of error does not
# matter for a house; more than two pixels would, and the pair would be refused.
#
# ## 3. The figures, each with its interval
#
# A figure without an interval is a rumour. `model` says what kind of interval it is: the range of
# thresholds, noise and misalignment under which the decision was repeated. It is no confidence
# interval; that needs a sample of places that somebody checked.

# %%
built, green, canopy = result.built, result.vegetation, result.vegetation.canopy
rows = {
    "built area destroyed": (built, built.destroyed_ha),
    "vegetation lost": (green, green.lost_ha),
    "of it trees and shrubs": (canopy, canopy.lost_ha),
}
pd.DataFrame(
    {
        name: {
            "before, ha": part.before_ha,
            "lost, ha": lost,
            "from": part.low_ha,
            "to": part.high_ha,
            "separable": part.separable,
        }
        for name, (part, lost) in rows.items()
    }
).T

# %% [markdown]
# `separable` is the gate: where a score cannot be told from what it does where nothing happened, no
# loss is claimed. [Why this threshold](why_this_threshold.ipynb) shows how it closes.
#
# ## 4. One building at a time
#
# A grade rests on two measures of each outline, and on all other buildings of the pair. Here is the
# surest of the destroyed, and the building that the program found hardest to call.

# %%
buildings = result.to_geodataframe()
graded = buildings[buildings.grade != "Not analysed"]
surest = graded.loc[graded.probability.idxmax(), "id"]
hardest = graded.loc[(graded.probability - 0.5).abs().idxmin(), "id"]
result.plot_building(surest)

# %%
result.plot_building(hardest)

# %% [markdown]
# Look at the second one yourself. If you cannot tell either, the program is right to be unsure.
#
# ## 5. Against the truth
#
# The outlines carry what really happened to each building. The run reads their geometry alone.

# %%
truth = geopandas.read_file(footprints).astype({"id": str}).set_index("id").grade
order = ["Destroyed", "Damaged", "Possibly damaged", "No visible damage", "Not analysed"]
pd.crosstab(
    pd.Series(buildings.id.map(truth), name="really"),
    pd.Series(buildings.grade, name="graded as"),
).reindex(index=order[:4], columns=order, fill_value=0)

# %%
known = json.loads(before.with_name("truth.json").read_text("utf-8"))["hectares"]
hits = {
    "built area destroyed": (built.destroyed_ha, built, known["built_destroyed"]),
    "vegetation lost": (green.lost_ha, green, known["vegetation_lost"]),
    "trees and shrubs lost": (canopy.lost_ha, canopy, known["canopy_lost"]),
}
lines = [
    f"- {name}: **{lost:.2f} ha** ({part.low_ha:.2f} to {part.high_ha:.2f}), true {real:.2f} ha: "
    + ("inside" if part.low_ha <= real <= part.high_ha else "**outside** of the interval")
    for name, (lost, part, real) in hits.items()
]
Markdown("\n".join(lines))

# %%
really = buildings.id.map(truth) == "Destroyed"
called = buildings.grade == "Destroyed"
Markdown(
    f"Of the {called.sum()} buildings called destroyed {(called & really).sum()} are. Of the "
    f"{really.sum()} that really are destroyed the program calls {(called & really).sum()}; "
    f"{(really & buildings.grade.isin(order[1:3])).sum()} more get one of the lesser grades, and "
    f"{(really & (buildings.grade == 'Not analysed')).sum()} are too small or hidden and "
    "are not judged at all."
)

# %% [markdown]
# The count of destroyed buildings is a lower one: sheds of a few square metres and houses whose
# ruins keep their outline are missed, while next to nothing that stands is called destroyed.
# Hectares suffer less, because what is missed is small.
#
# ## 6. What to print, and what not

# %%
for note in result.record.warnings:
    print("warning:", note.message)
width = {name: (part.high_ha - part.low_ha) / part.before_ha for name, (_, part, _) in hits.items()}
Markdown(
    "| figure | width of the interval | advice |\n|---|---|---|\n"
    + "\n".join(
        f"| {name} | {wide:.0%} of what was there | "
        + (
            "print it, with its interval"
            if wide < 0.25
            else "print the interval, not the figure"
            if wide < 0.5
            else "do not print it"
        )
        + " |"
        for name, wide in width.items()
    )
)

# %% [markdown]
# - Print "between … and …", both dates, and the credit of the imagery.
# - Say what part of the area could not be judged.
# - Do not call a building destroyed by name: grades are right in the mass, not one by one. Look at
#   it with `plot_building`, then ask somebody who was there.
# - Damage that cannot be seen from above is in none of these figures.
# - Where the result is `degraded`, its reasons go with the figure; `refused`, there is none.
#
# `result.save("town/")` writes the whole result folder: maps for a GIS, and `report.html`.
