"""Index differences of a whole pair, decimated: what the report shows of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from changedet.compare import indices
from changedet.result import Radiometry

FloatArray = NDArray[np.float32]

WITH_NIR = ("ndvi", "nbr", "bsi", "ndbi")
WITHOUT_NIR = ("exg", "gli")
_DARK = 0.04
"""Share of the nominal maximum below which an index is only noise."""


def allowed_indices(roles: tuple[str, ...]) -> tuple[str, ...]:
    """Pick the indices that the shared bands allow: of near infrared, or else of colour.

    Examples
    --------
    >>> allowed_indices(("red", "green", "blue", "nir"))
    ('ndvi',)
    >>> allowed_indices(("red", "green", "blue"))
    ('exg', 'gli')
    """
    names = WITH_NIR if "nir" in roles else WITHOUT_NIR
    return tuple(name for name in names if set(indices.NEEDS[name]) <= set(roles))


def index_differences(
    before: FloatArray,
    after: FloatArray,
    roles: tuple[str, ...],
    *,
    lines: Mapping[str, Radiometry],
    white: float,
) -> dict[str, FloatArray]:
    """Compute AFTER minus BEFORE of every index that the bands allow.

    Parameters
    ----------
    before, after : ndarray, shape (bands, height, width)
        Both dates on one grid, as in the files.
    roles : tuple of str
        What the bands are.
    lines : mapping of str to Radiometry
        Brings AFTER to BEFORE's radiometry; a band without a line stays as it is.
    white : float
        Nominal maximum of BEFORE's values.

    Returns
    -------
    dict of str to ndarray of float32
        NaN where either date is too dark for an index.
    """
    level = after.astype(np.float32)
    for number, role in enumerate(roles):
        if role in lines:
            line = lines[role]
            level[number] = np.float32(line.gain) * level[number] + np.float32(line.offset)
    first, second = np.maximum(before.astype(np.float32), 0), np.maximum(level, 0)
    found = {}
    for name in allowed_indices(roles):
        picked = [roles.index(role) for role in indices.NEEDS[name]]
        formula = getattr(indices, name)
        dark = np.minimum(first[picked].mean(axis=0), second[picked].mean(axis=0)) < _DARK * white
        difference = formula(*second[picked]) - formula(*first[picked])
        found[name] = np.where(dark, np.float32(np.nan), difference)
    return found
