"""Write the samples: the town that ships with the package, and four small towns for a batch.

``python samples/make_samples.py`` simulates them anew into ``samples/``; images are kept as JPEG in
GeoTIFF to be small. No image of a real place is in them.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import rasterio

import changedet as cd

HERE = Path(__file__).parent
SAMPLE: dict[str, Any] = {"preset": "bakhmut", "seed": 2, "width": 1200, "height": 1200}
TOWNS: dict[str, dict[str, Any]] = {
    "Vyshneve": {"preset": "bakhmut", "seed": 101},
    "Stavky": {"preset": "village", "seed": 102},
    "Zarichne": {"preset": "bakhmut", "seed": 103, "prevalence": 0.05},
    "Tyche (control)": {"preset": "control", "seed": 104},
}
"""Invented names; one of the towns is a control, where nothing happened."""
SMALL = 480
"""Pixels along a side of the small towns."""
QUALITY = 88


def write_small(source: Path, target: Path) -> None:
    """Copy an image as JPEG in GeoTIFF, with its place and tags."""
    with rasterio.open(source) as file:
        profile = {**file.profile, "compress": "JPEG", "photometric": "YCBCR", "tiled": True}
        for name in ("predictor", "zlevel", "interleave"):
            profile.pop(name, None)
        profile |= {"JPEG_QUALITY": QUALITY, "blockxsize": 256, "blockysize": 256}
        with rasterio.open(target, "w", interleave="pixel", **profile) as out:
            out.write(file.read())
            dates = file.tags().get("TIFFTAG_DATETIME")
            out.update_tags(TIFFTAG_DATETIME=dates, TIFFTAG_IMAGEDESCRIPTION="Simulated town")


def make(folder: Path, names: tuple[str, ...], **wishes: Any) -> None:
    """Simulate a town and keep its images and the files named."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        made = cd.simulate(Path(place) / "town", **wishes)
        for name in ("before.tif", "after.tif"):
            write_small(made.folder / name, folder / name)
        for name in names:
            shutil.copyfile(made.folder / name, folder / name)
    area = made.truth["hectares"]
    print(
        f"{folder.name}: {area['built_destroyed']:.2f} of {area['built_before']:.2f} ha destroyed"
    )


def folder_name(name: str) -> str:
    """Return the folder of a small town."""
    return name.partition(" ")[0].lower()


def write_manifest(path: Path) -> None:
    """Write the manifest of the small towns."""
    lines = ["# Four simulated towns, for `changedet batch`; paths are relative to this file.", ""]
    for name in TOWNS:
        place = f"towns/{folder_name(name)}"
        lines += [
            "[[town]]",
            f'name = "{name}"',
            f'before = "{place}/before.tif"',
            f'after = "{place}/after.tif"',
            f'footprints = "{place}/footprints.gpkg"',
            "",
        ]
    path.write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    """Write all samples."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=HERE)
    folder = parser.parse_args().folder
    truth = ("footprints.gpkg", "truth.json", "truth_classes.tif", "truth_vegetation.tif",
             "truth_buildings.tif", "truth_correspondence.tif")  # fmt: skip
    make(folder / "bakhmut", truth, **SAMPLE)
    for name, wishes in TOWNS.items():
        make(folder / "towns" / folder_name(name), truth[:3], width=SMALL, height=SMALL, **wishes)
    write_manifest(folder / "towns.toml")


if __name__ == "__main__":
    main()
