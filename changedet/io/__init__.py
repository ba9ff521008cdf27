"""The only doors to files: images, outlines, the result folder."""

from __future__ import annotations

from changedet.core.environment import shield_import

# Before any module here imports rasterio or pyogrio.
shield_import()
