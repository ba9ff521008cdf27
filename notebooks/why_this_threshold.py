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
# # Why is the threshold where it is?
#
# "Changed" is a score above a threshold. Move the threshold and the hectares move with it, so the
# first question to any figure of damage is: who chose it, and by what?
#
# Here nobody chooses it by hand. It comes from the *null*: what the score does where nothing
# happened. This notebook simulates a small town of which some is destroyed, a control where nothing
# happened, and looks at what the threshold does to both.

# %%
# %matplotlib inline
# %config InlineBackend.figure_formats = ["jpeg"]
# %config InlineBackend.print_figure_kwargs = {"dpi": 80, "pil_kwargs": {"quality": 70}}
import tempfile
from pathlib import Path

import geopandas
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown

import changedet as cd

folder = Path(tempfile.mkdtemp())
size = {"width": 480, "height": 480}
town = cd.simulate(folder / "town", preset="bakhmut", prevalence=0.4, seed=11, **size)
quiet = cd.simulate(folder / "quiet", preset="bakhmut", prevalence=0, seed=12, **size)

# %% [markdown]
# ## A town
#
# 240 by 240 metres, a year between the images. Sun, view angle, haze and leaves differ, cars have
# moved, some roofs are new: none of that is damage.

# %%
result = cd.run(town.before, town.after, footprints=town.footprints, title="Town (simulated)")
result.plot("before_after")

# %% [markdown]
# ## The score and its null
#
# Blue is the score of all places of this pair that were built on, the black line what the score
# does where nothing changed. The axis is logarithmic, for all that matters is in the tail.

# %%
result.plot("evidence")

# %%
null, cut = result.record.null, result.record.thresholds["structural_evidence"]
Markdown(
    f"The null was measured on: *{null['source']}*.\n\n"
    f"Unchanged buildings are some {-null['unchanged_centre']:.0f} spreads more alike than "
    f"unrelated places. The cut is at **{cut['central']:.2f}**. What a sterner and a laxer one "
    f"would say ({cut['low']:.2f} and {cut['high']:.2f}) is in the interval."
)

# %% [markdown]
# ## Would another threshold be better?
#
# The truth knows. For every cut of the probability of *destroyed*: of the buildings above it, how
# many are really destroyed (precision)? Of those really destroyed, how many are above it (recall)?

# %%
graded = result.to_geodataframe().dropna(subset="probability")
truth = geopandas.read_file(town.footprints).astype({"id": str}).set_index("id").grade
really = (graded.id.map(truth) == "Destroyed").to_numpy()
score = graded.probability.to_numpy()


def precision_recall(cut):
    """Return both at one cut; precision is not known where nothing is above it."""
    called = score >= cut
    hits = (called & really).sum()
    return (hits / called.sum() if called.any() else np.nan), hits / really.sum()


cuts = np.linspace(0.01, 0.99, 99)
precision, recall = np.array([precision_recall(cut) for cut in cuts]).T
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
bins = np.linspace(0, 1, 21)
left.hist(
    [score[~really], score[really]], bins, stacked=True, color=["#56b4e9", "#d55e00"],
    label=["not destroyed", "destroyed"],
)  # fmt: skip
right.plot(cuts, precision, color="#0072b2", label="precision")
right.plot(cuts, recall, color="#d55e00", linestyle="--", label="recall")
for axes, name in ((left, "buildings, by what really happened"), (right, "along the threshold")):
    axes.axvline(0.5, color="#1c1e21", linestyle=":", label="threshold")
    axes.set_xlabel("probability of destroyed")
    axes.set_title(name)
    axes.legend()
right.set_ylim(0, 1.05);

# %%
at_half = precision_recall(0.5)
flat = (recall >= at_half[1] - 0.1) & (recall <= at_half[1] + 0.1)
Markdown(
    f"At 0.5 the precision is **{at_half[0]:.0%}** and the recall **{at_half[1]:.0%}** "
    f"({really.sum()} of {len(really)} buildings that were judged are destroyed). Anywhere from "
    f"{cuts[flat].min():.2f} to {cuts[flat].max():.2f} the recall is within a tenth of that: most "
    "buildings are far from the cut, and it hardly matters where it is. That is what *separable* "
    "means."
)

# %% [markdown]
# ## Where nothing happened
#
# A threshold that finds ruins is easy. One that finds none where there are none is not. The same
# program, the same options, a town in which not one house was touched:

# %%
control = cd.run(quiet.before, quiet.after, footprints=quiet.footprints, title="Nothing happened")
control.plot("evidence")

# %%
built, green = control.built, control.vegetation
Markdown(
    f"Destroyed: **{built.destroyed_ha:.2f} ha** of {built.before_ha:.2f} ha (interval "
    f"{built.low_ha:.2f} to {built.high_ha:.2f} ha). Vegetation lost: {green.lost_ha:.2f} ha of "
    f"{green.before_ha:.2f} ha (interval {green.low_ha:.2f} to {green.high_ha:.2f} ha)."
)

# %% [markdown]
# ## What `--control` adds
#
# Usually the null is taken from the pair itself, from its own unchanged buildings. Where hardly any
# stand, or where you want to be sure, give a pair where nothing happened: two clean dates of before
# the event, or a town that was spared, with the same sensor and season.

# %%
held = cd.run(
    town.before, town.after, footprints=town.footprints,
    control_before=quiet.before, control_after=quiet.after,
)  # fmt: skip
real = town.truth["hectares"]["built_destroyed"]
lines = [
    f"- null from {name}: **{part.destroyed_ha:.3f} ha** "
    f"({part.low_ha:.3f} to {part.high_ha:.3f})"
    for name, part in (("the pair itself", result.built), ("the control", held.built))
]
Markdown("\n".join([*lines, f"- truth: {real:.3f} ha"]))

# %% [markdown]
# Two nulls from different places, so the two intervals tell how far the figure depends on the null.
#
# ## The gate
#
# A threshold is of no use where the null is not known. Take most outlines away, so that too few
# buildings are left to see what unchanged ones do:

# %%
few = folder / "few.gpkg"
geopandas.read_file(town.footprints).head(20).to_file(few)
shut = cd.run(town.before, town.after, footprints=few, title="Too few buildings")
Markdown(
    f"Separable: **{shut.built.separable}**. Destroyed: **{shut.built.destroyed_ha}**, status "
    f"*{shut.status}*.\n\n" + "\n".join(f"> {note.message}" for note in shut.record.warnings)
)

# %% [markdown]
# No figure, with a reason: that is a result. The page, the maps and the table say the same.
#
# ## A pair that is refused
#
# Further down the road there is nothing to compare at all. The image after through thick haze and
# out of focus:

# %%
sensor = {"psf": 3.0, "snr": 5.0, "haze": 0.6}
poor = cd.simulate(folder / "poor", preset="bakhmut", prevalence=0.4, seed=11, after=sensor, **size)
cd.run(poor.before, poor.after, footprints=poor.footprints, title="Haze, out of focus")

# %% [markdown]
# Refused before any hectare exists: in the record, in the report and here there is no area, and
# the command returns 4. Such a pair has to be replaced, not tuned.
