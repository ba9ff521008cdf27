from __future__ import annotations

import numpy as np
import pytest

from changedet.report.views import Histogram


def test_arrays_must_lie_on_the_grid(views_with):
    with pytest.raises(ValueError, match="view classes"):
        views_with(classes=np.zeros((3, 3), np.uint8))
    with pytest.raises(ValueError, match="six columns"):
        views_with(tie_points=np.zeros((4, 5)))


def test_the_centre_of_a_block_of_pixels_is_the_centre_of_its_view_pixel(views):
    # Zoom 4: view pixel 0 covers full pixels 0..3, whose centre is 1.5.
    assert views.to_view(np.array([[1.5, 5.5]])).tolist() == [[0.0, 1.0]]


def test_a_histogram_needs_one_edge_more_than_counts():
    with pytest.raises(ValueError, match="n \\+ 1 edges"):
        Histogram(
            name="x",
            label="x",
            edges=np.arange(3.0),
            counts=np.ones(3),
            null_counts=None,
            threshold=None,
        )
