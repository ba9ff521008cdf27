"""Standard per-pixel measures of change, for comparison: written from the published formulae.

Each takes BEFORE and AFTER as float32 arrays of shape (height, width, bands) on one grid and
``valid`` of shape (height, width), True = use, and returns a float map, larger = more changed,
NaN where not valid. What has to be fitted is fitted on a bounded sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.linalg import eigh
from scipy.stats import chi2
from skimage.filters import threshold_otsu
from skimage.metrics import structural_similarity

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Map = NDArray[np.float64]

SAMPLE = 100_000
"""Most pixels that a fit looks at."""
BLOCK = 5
"""Side of the neighbourhoods of PCA-KMeans, pixels."""


def difference(before: Image, after: Image, valid: Mask) -> Map:
    """Return the mean absolute difference over the bands.

    Singh (1989), Digital change detection techniques using remotely-sensed data,
    doi:10.1080/01431168908903939.
    """
    return _hide(np.abs(after - before).mean(axis=-1), valid)


def cva(before: Image, after: Image, valid: Mask) -> Map:
    """Return the length of the change vector, each band in robust standard deviations.

    Bovolo and Bruzzone (2007), A theoretical framework for unsupervised change detection based
    on change vector analysis, doi:10.1109/TGRS.2006.885408; centred by the median and scaled by
    the median absolute deviation.
    """
    change = (after - before).astype(np.float64)
    seen = change[valid]
    centre = np.median(seen, axis=0)
    spread = 1.4826 * np.median(np.abs(seen - centre), axis=0)
    return _hide(np.linalg.norm((change - centre) / np.maximum(spread, 1e-6), axis=-1), valid)


def irmad(before: Image, after: Image, valid: Mask, *, rounds: int = 30) -> Map:
    """Return the chi-squared statistic of the iteratively reweighted MAD variates.

    Nielsen (2007), The regularized iteratively reweighted MAD method for change detection in
    multi- and hyperspectral data, doi:10.1109/TIP.2006.888195; iteration as in Canty and
    Nielsen (2008), doi:10.1016/j.rse.2007.07.013: weight = probability of no change.
    """
    bands = before.shape[-1]
    both = np.concatenate([before, after], axis=-1).astype(np.float64)
    sample = both[valid][_pick(int(valid.sum()))]
    weight, last = np.ones(len(sample)), np.full(bands, np.inf)
    for _ in range(rounds):
        centre, to_mad, correlation = _canonical(sample, weight, bands)
        variance = np.maximum(2 * (1 - correlation), 1e-9)
        statistic = (((sample - centre) @ to_mad) ** 2 / variance).sum(axis=-1)
        weight = np.maximum(chi2.sf(statistic, bands), 1e-12)
        if np.abs(correlation - last).max() < 1e-3:
            break
        last = correlation
    return _hide((((both - centre) @ to_mad) ** 2 / variance).sum(axis=-1), valid)


def _canonical(sample: Map, weight: Map, bands: int) -> tuple[Map, Map, Map]:
    """Return the weighted mean, the matrix to the MAD variates and the correlations."""
    centre = np.average(sample, axis=0, weights=weight)
    covariance = np.cov(sample, rowvar=False, aweights=weight) + 1e-6 * np.eye(2 * bands)
    s11, s12 = covariance[:bands, :bands], covariance[:bands, bands:]
    s22 = covariance[bands:, bands:]
    onto = np.linalg.solve(s22, s12.T)
    squares, first = eigh(s12 @ onto, s11)  # a' S11 a = 1
    correlation = np.sqrt(np.clip(squares, 1e-12, 1))
    return centre, np.concatenate([first, -(onto @ first) / correlation]), correlation


def pca_kmeans(before: Image, after: Image, valid: Mask, *, components: int = 3) -> Map:
    """Return how much nearer a neighbourhood lies to the changed of two clusters.

    Celik (2009), Unsupervised change detection in satellite images using principal component
    analysis and k-means clustering, doi:10.1109/LGRS.2009.2025059: principal components of
    blocks of the difference image, k = 2. Above 0 is its own decision "changed".
    """
    change = np.where(valid, np.abs(after - before).mean(axis=-1), 0).astype(np.float32)
    rows, cols = (side - side % BLOCK for side in change.shape)
    blocks = change[:rows, :cols].reshape(rows // BLOCK, BLOCK, cols // BLOCK, BLOCK)
    vectors = blocks.swapaxes(1, 2).reshape(-1, BLOCK * BLOCK).astype(np.float64)
    _, axes = np.linalg.eigh(np.cov(vectors, rowvar=False))
    kernels = axes[:, ::-1][:, :components].T.reshape(-1, BLOCK, BLOCK)
    features = np.stack([cv2.filter2D(change, cv2.CV_32F, k) for k in kernels], axis=-1)
    picked = _pick(int(valid.sum()))
    sample, strength = features[valid][picked].astype(np.float64), change[valid][picked]
    start = sample[np.argsort(strength)[[len(sample) // 10, len(sample) * 9 // 10]]]
    centres, label = kmeans2(sample, start, minit="matrix")
    means = [strength[label == k].mean() if (label == k).any() else np.inf for k in (0, 1)]
    quiet, loud = (centres[k] for k in np.argsort(means))
    far, near = (np.linalg.norm(features - c, axis=-1) for c in (quiet, loud))
    return _hide(far - near, valid)


def dissimilarity(before: Image, after: Image, valid: Mask) -> Map:
    """Return 1 - SSIM of the grey images.

    Wang et al. (2004), Image quality assessment: from error visibility to structural
    similarity, doi:10.1109/TIP.2003.819861.
    """
    grey = [np.where(valid, image.mean(axis=-1), 0) for image in (before, after)]
    low, high = np.percentile(np.concatenate([g[valid] for g in grey]), [0.5, 99.5])
    ssim: Any = structural_similarity
    _, similar = ssim(*grey, data_range=float(max(high - low, 1e-6)), full=True)
    return _hide(1 - similar, valid)


PEERS: dict[str, Callable[[Image, Image, Mask], Map]] = {
    "difference": difference,
    "cva": cva,
    "irmad": irmad,
    "pca_kmeans": pca_kmeans,
    "1-ssim": dissimilarity,
}
"""Every peer by its name in the tables."""


def otsu(score: Map) -> Mask:
    """Return where a score lies above Otsu's threshold (its extreme 0.5 % clipped first)."""
    seen = score[np.isfinite(score)]
    if not len(seen) or seen.min() == seen.max():
        return np.zeros(score.shape, bool)
    find: Any = threshold_otsu
    return score > float(find(np.minimum(seen, np.percentile(seen, 99.5))))


def decide(name: str, score: Map) -> Mask:
    """Return a peer's own decision: the cluster for PCA-KMeans, Otsu's threshold else."""
    return score > 0 if name == "pca_kmeans" else otsu(score)


def _pick(count: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(np.intp))


def _hide(score: NDArray[np.floating], valid: Mask) -> Map:
    return np.where(valid, score, np.nan).astype(np.float64)
