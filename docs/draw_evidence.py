"""Draw docs/images/evidence.jpg: what each structural measure sees on a piece of the sample.

``changedet demo -o demo``, then ``python docs/draw_evidence.py demo`` from the repository's root.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import rasterio

import changedet as cd

ROOT = Path(__file__).parents[1]
PIECE = (slice(260, 660), slice(250, 750))
"""Rows and columns of the sample."""
SEARCH = {"radius": 9, "search": 15, "step": 3}


def read(path: Path) -> np.ndarray:
    """Read three bands of the piece and of a margin around it, as float32."""
    rows, cols = (slice(part.start - 50, part.stop + 50) for part in PIECE)
    with rasterio.open(path) as file:
        window = ((rows.start, rows.stop), (cols.start, cols.stop))
        return np.asarray(file.read((1, 2, 3), window=window), np.float32)


def main(demo: Path) -> None:
    """Measure and draw."""
    before, after = read(ROOT / "samples/bakhmut/before.tif"), read(demo / "maps/aligned.tif")
    # One line a band is what the main job does first; see changedet.compare.radiometry.
    gains = before.std(axis=(1, 2)) / after.std(axis=(1, 2))
    means = before.mean(axis=(1, 2)), after.mean(axis=(1, 2))
    after = (after - means[1][:, None, None]) * gains[:, None, None] + means[0][:, None, None]
    one, two = before.mean(axis=0), after.mean(axis=0)
    bright = [np.clip(image.max(axis=0), 0, 255).astype(np.uint8) for image in (before, after)]
    st, tx = cd.structure, cd.texture
    panels = [
        ("1 - ZNCC, searched 7 m", 1 - st.zncc(one, two, **SEARCH), (0, 1.2)),
        (
            "1 - edge directions, searched 7 m",
            1 - st.orientation_similarity(one, two, **SEARCH),
            (0, 1.2),
        ),
        ("1 - contrast-structure of SSIM", 1 - st.contrast_structure(one, two, sigma=3), (0, 1.2)),
        ("coherence lost", st.coherence(one, radius=9) - st.coherence(two, radius=9), (-0.4, 0.4)),
        ("rectilinearity lost", tx.rectilinearity_loss(one, two), (-0.5, 0.5)),
        ("PanTex lost, log ratio", tx.pantex_drop(one, two), (-2, 2)),
        ("building index lost", tx.building_index_drop(bright[0], bright[1]), (-30, 30)),
    ]
    figure, axes = plt.subplots(3, 3, figsize=(11, 9.4), layout="constrained")
    pictures = [("before", before), ("after, aligned", after)]
    inner = (slice(50, -50), slice(50, -50))
    for axis, (name, image) in zip(axes.flat, pictures, strict=False):
        axis.imshow(np.clip(np.moveaxis(image, 0, -1)[inner] / 255, 0, 1))
        axis.set_title(name, fontsize=10)
    for axis, (name, image, (low, high)) in zip(axes.flat[2:], panels, strict=True):
        colours = "PuOr_r" if low < 0 else "cividis"
        drawn = axis.imshow(image[inner], cmap=colours, vmin=low, vmax=high)
        axis.set_title(name, fontsize=10)
        figure.colorbar(drawn, ax=axis, shrink=0.75)
    for axis in axes.flat:
        axis.set_axis_off()
    axes[0, 0].plot([10, 110], [385, 385], color="white", linewidth=3)
    axes[0, 0].text(10, 375, "50 m", color="white", fontsize=9)
    figure.savefig(ROOT / "docs/images/evidence.jpg", dpi=85, pil_kwargs={"quality": 85})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
