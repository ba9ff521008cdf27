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
# # One pair, from files to hectares
#
# The sample pair ships with changedet: a simulated town before and after, whose true losses are
# known. Put two files of your own in its place and the rest stays the same.

# %%
# %matplotlib inline
import json

import changedet as cd
from changedet.api import sample_pair

before, after, footprints = sample_pair()

# %% [markdown]
# ## Run
#
# The same work as `changedet run`. Without `output` nothing is written to disk.

# %%
options = cd.RunOptions(footprints=footprints, title="Sample town (simulated)")
result = cd.run(before, after, options=options)
result

# %% [markdown]
# ## The figures
#
# Each loss has a central figure and an interval. `interval_kind` says what the interval is: `model`
# is the range of the threshold and of nuisances, not a confidence interval.

# %%
built, vegetation = result.built, result.vegetation
for name, lost, part in (
    ("built area destroyed", built.destroyed_ha, built),
    ("vegetation lost", vegetation.lost_ha, vegetation),
):
    interval = f"{part.low_ha:.2f} to {part.high_ha:.2f}, {part.interval_kind}"
    print(f"{name:<21}{lost:6.2f} ha of {part.before_ha:.2f} ha ({interval})")

# %% [markdown]
# The sample's truth, which the run has not seen:

# %%
truth = json.loads(before.with_name("truth.json").read_text("utf-8"))
truth["hectares"]

# %% [markdown]
# ## How well do the images lie on each other?
#
# The residual is measured at tie points that were left out of the fit.

# %%
found = result.record.registration
print(f"{found.model}: {found.inliers} of {found.tie_points} tie points believed")
print(f"RMSE {found.rmse_px:.2f} px, largest shift {found.max_shift_px:.1f} px")

# %% [markdown]
# ## Pictures

# %%
result.plot()

# %% [markdown]
# ## What it says about itself
#
# Warnings belong to the result as much as the figures do.

# %%
print(result.record.status)
for note in result.record.warnings:
    print("-", note.message)

# %% [markdown]
# `result.save("out/")` writes the whole result folder, with maps for a GIS and `report.html`.
