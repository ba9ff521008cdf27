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
    f"unrelated places. For single places the cut is at **{result.histograms[0].threshold:.2f}**. "
    "Whole buildings, where there are enough of them, get a fit of their own with the cut at "
    f"**{cut['central']:.2f}**; what a sterner and a laxer one would say ({cut['low']:.2f} and "
    f"{cut['high']:.2f}) is in the interval."
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
_ = right.set_ylim(0, 1.05)
# %%
at_half = precision_recall(0.5)
best = int(np.nanargmax(2 * precision * recall / (precision + recall)))
middling = np.mean((score > 0.1) & (score < 0.9))
Markdown(
    f"At 0.5 the precision is **{at_half[0]:.0%}** and the recall **{at_half[1]:.0%}** "
    f"({really.sum()} of {len(really)} buildings that were judged are destroyed). Only "
    f"{middling:.0%} of the buildings have a probability between 0.1 and 0.9: for all others it "
    f"hardly matters where the cut is. With hindsight {cuts[best]:.2f} would have been best here "
    f"({precision[best]:.0%} and {recall[best]:.0%})."
)

# %% [markdown]
# Nobody has hindsight in a real town, and with so few buildings the best cut is a matter of luck.
# That is why the figure comes with an interval: the decision is repeated with other places of the
# town, other constants and other noise, and the interval holds what came out.
#
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
# The right panel shows why colour alone decides nothing about buildings: shadows, cars and grass
# change it everywhere, in a town where nothing happened too. It is a map to look at.
#
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
    f"- null from {name}: **{part.destroyed_ha:.3f} ha** ({part.low_ha:.3f} to {part.high_ha:.3f})"
    for name, part in (("the pair itself", result.built), ("the control", held.built))
]
Markdown("\n".join([*lines, f"- truth: {real:.3f} ha"]))

# %% [markdown]
# Two nulls from different places, so the two intervals tell how far the figure depends on the null.
#
# ## The gate
#
# A threshold is of no use where the two kinds of buildings look alike. So before any hectare is
# computed, it is measured how far apart they lie. Below the limit no loss is claimed:

# %%
for name, one in (("town", result), ("nothing happened", control), ("with the control", held)):
    (gate,) = [check for check in one.record.checks if check.code == "separation"]
    print(f"{name:<17} {gate.value:4.1f} {gate.unit}, limit {gate.limit_ok:g}: {gate.verdict}")

# %% [markdown]
# All three pass. Green plants have a gate of their own. Here are the same images in grey, as they
# are often printed:

# %%
grey = {"before": {"bands": "pan"}, "after": {"bands": "pan"}}
dull = cd.simulate(folder / "grey", preset="bakhmut", prevalence=0.4, seed=11, **grey, **size)
shut = cd.run(dull.before, dull.after, footprints=dull.footprints, title="In grey")
Markdown(
    f"Vegetation separable: **{shut.vegetation.separable}**, lost: **{shut.vegetation.lost_ha}**. "
    f"Built area destroyed: **{shut.built.destroyed_ha:.2f} ha** as before.\n\n"
    + "\n".join(f"> {note.message}\n" for note in shut.record.warnings)
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
