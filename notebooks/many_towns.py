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
# # Many towns, side by side
#
# Which of four towns lost most? A ranking is easy to make and hard to defend: where two intervals
# overlap, the order of the two towns is not known. This notebook compares four small simulated
# towns, draws their intervals, and then looks at the truth.

# %%
# %matplotlib inline
# %config InlineBackend.figure_formats = ["jpeg"]
# %config InlineBackend.print_figure_kwargs = {"dpi": 80, "pil_kwargs": {"quality": 70}}
import json
import tomllib
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown

import changedet as cd

samples = Path("..") / "samples"
towns = tomllib.loads((samples / "towns.toml").read_text("utf-8"))["town"]

# %% [markdown]
# ## Run them all
#
# One loop, the same options for all: a figure that was tuned town by town cannot be compared.

# %%
results = {}
for town in towns:
    files = {key: samples / town[key] for key in ("before", "after", "footprints")}
    results[town["name"]] = cd.run(**files, title=town["name"])

figure, panels = plt.subplots(2, len(results), figsize=(10, 5.4))
for (name, result), (above, below) in zip(results.items(), panels.T, strict=True):
    maps = result.to_xarray("after", "classes", zoom=2)
    above.imshow(maps.after.transpose("y", "x", "band"))
    below.imshow(maps.classes == 2, cmap="Oranges", vmin=0, vmax=1.4)
    above.set_title(name)
    for axes in (above, below):
        axes.set_xticks([])
        axes.set_yticks([])
panels[0, 0].set_ylabel("after")
_ = panels[1, 0].set_ylabel("built area destroyed")
# %% [markdown]
# ## One table
#
# The status comes first: a degraded town has something to say before its figures count.

# %%
columns = {
    name: {
        "status": result.status,
        "built before, ha": result.built.before_ha,
        "destroyed, ha": result.built.destroyed_ha,
        "from": result.built.low_ha,
        "to": result.built.high_ha,
        "share": result.built.destroyed_share,
        "not judged": result.record.not_observable_share,
        "buildings destroyed": f"{result.buildings.destroyed} of {result.buildings.total}",
    }
    for name, result in results.items()
}
table = pd.DataFrame(columns).T
table

# %%
for name, result in results.items():
    for note in result.record.warnings:
        print(f"{name}: {note.message}")

# %% [markdown]
# ## Dot and bar
#
# Shares, not hectares: a large town loses more hectares of anything. The bar is the interval, the
# dot the central figure, and the diamond what really happened, which a run never sees.

# %%
truth = {
    town["name"]: json.loads((samples / town["before"]).with_name("truth.json").read_text("utf-8"))
    for town in towns
}
kinds = {
    "built area destroyed": (
        lambda result: (result.built, result.built.destroyed_share),
        "built_destroyed",
    ),
    "vegetation lost": (
        lambda result: (result.vegetation, result.vegetation.lost_share),
        "vegetation_lost",
    ),
}
figure, panels = plt.subplots(1, 2, figsize=(10, 3), sharey=True)
for axes, (title, (pick, key)) in zip(panels, kinds.items(), strict=True):
    for row, (name, result) in enumerate(results.items()):
        part, share = pick(result)
        axes.plot([part.low_share, part.high_share], [row, row], color="#0072b2", linewidth=5)
        axes.plot(share, row, "o", color="white", markeredgecolor="#1c1e21", markersize=9)
        axes.plot(truth[name]["shares"][key], row, "D", color="#d55e00", markersize=6)
    axes.set_title(title)
    axes.set_xlim(-0.02, 1)
    axes.set_xlabel("share of what was there before")
panels[0].set_yticks(range(len(results)), results)
panels[0].invert_yaxis()
# %%
inside = {
    title: sum(
        part.low_share <= truth[name]["shares"][key] <= part.high_share
        for name, result in results.items()
        for part, _ in [pick(result)]
    )
    for title, (pick, key) in kinds.items()
}
Markdown(
    "\n".join(
        f"- {title}: the truth lies inside the interval in {count} of {len(results)} towns"
        for title, count in inside.items()
    )
)

# %% [markdown]
# ## Which order can be defended?
#
# One town lost a larger share than another if its interval begins above the end of the other's.

# %%
built = {name: result.built for name, result in results.items()}
worst_first = sorted(built, key=lambda name: -built[name].destroyed_share)
said = []
for more, less in pairwise(worst_first):
    sure = built[more].low_share > built[less].high_share
    said.append(f"- {more} before {less}: " + ("**sure**" if sure else "not sure, they overlap"))
Markdown("\n".join(said))

# %% [markdown]
# A control belongs into every such table. It is a town where nothing happened, seen under the same
# conditions: what it "loses" is what the method makes up.

# %%
control = built["Tyche (control)"]
Markdown(
    f"The control has {control.destroyed_ha:.2f} ha destroyed, of {control.before_ha:.2f} ha "
    f"(interval up to {control.high_ha:.3f} ha)."
)

# %% [markdown]
# ## Inside a town: cells
#
# Each result also has its shares by cell of 500 m, each with an interval of its own. These towns
# fit into one cell, so their cell says what the town says; in a real one, cells show where it
# happened. Their intervals need not add up to that of the town: errors that all cells share do not
# cancel, others do.

# %%
cells = pd.concat(
    {name: result.to_geodataframe("grid_cells").drop(columns="geometry")
     for name, result in results.items()}
).droplevel(1)  # fmt: skip
cells.filter(regex="^(analysed|built)")

# %% [markdown]
# The layers come with their place, so towns can be put on one map of a GIS:
# `result.to_geodataframe("changes").to_crs(4326)`.
