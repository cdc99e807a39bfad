"""Frechet distance of two Gaussians fitted to feature sets; Heusel et al. 2017, eq. 6.

``|m_1 - m_2|^2 + tr C_1 + tr C_2 - 2 tr (C_1 C_2)^(1/2)``. The matrix square root is never formed, as only its trace
counts: tr (C_1 C_2)^(1/2) is the sum of the singular values of A_1 A_2^T for any factors C_i = A_i^T A_i. For few rows
the factors are the centred rows themselves; for many, Cholesky factors.
"""

from __future__ import annotations

from collections.abc import Mapping

from unmaskbench.benchmark.metrics._feature_sets import fold, size
from unmaskbench.plugin import np


def frechet_distance(restored: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray]) -> float:
    """Frechet distance, at least 0 up to rounding, of two sets from their statistics (see ``feature_sets``).

    Raises ValueError where a set has fewer than two images or the dimensions differ.
    """
    for role, part in (("restored", restored), ("truth", truth)):
        if size(part) < 2:
            raise ValueError(f"a Frechet distance needs at least 2 images; the {role} set has {size(part)}")
    if "features" in restored and "features" in truth:
        few = max(len(restored["features"]), len(truth["features"])) <= restored["features"].shape[1]
        if few:
            return _from_rows(restored["features"], truth["features"])
    return _from_moments(restored, truth)


def _from_rows(first: np.ndarray, second: np.ndarray) -> float:
    from scipy.linalg import svdvals  # here and below: a run without set metrics starts without it

    _check_dimensions(first.shape[1], second.shape[1])
    means, centred = [], []
    for features in (first, second):
        rows = features.astype(np.float64)
        mean = rows.mean(0)
        means.append(mean)
        centred.append((rows - mean) / np.sqrt(len(rows) - 1))
    cross = svdvals(centred[0] @ centred[1].T, overwrite_a=True, check_finite=False).sum()
    traces = sum(float((rows**2).sum()) for rows in centred)
    return float(((means[0] - means[1]) ** 2).sum() + traces - 2.0 * cross)


def _from_moments(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> float:
    from scipy.linalg import eigvalsh

    mean_1, covariance_1 = gaussian(first)
    mean_2, covariance_2 = gaussian(second)
    _check_dimensions(len(mean_1), len(mean_2))
    factor = _factor(covariance_1)
    # The eigenvalues of A C_2 A^T are those of C_1 C_2: real and, rounding apart, not negative.
    eigenvalues = eigvalsh(factor @ covariance_2 @ factor.T, overwrite_a=True, check_finite=False)
    cross = np.sqrt(np.clip(eigenvalues, 0.0, None)).sum()
    traces = np.trace(covariance_1) + np.trace(covariance_2)
    return float(((mean_1 - mean_2) ** 2).sum() + traces - 2.0 * cross)


def gaussian(part: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and unbiased covariance (d, d) in float64."""
    if "features" in part:
        rows = part["features"].astype(np.float64)
        mean = rows.mean(0)
        rows -= mean
        return mean, rows.T @ rows / (len(rows) - 1)
    moments = fold(part)
    count = int(moments["count"])
    mean = moments["sum"] / count
    return mean, (moments["outer"] - count * np.outer(mean, mean)) / (count - 1)


def _factor(covariance: np.ndarray) -> np.ndarray:
    """A with C = A^T A: Cholesky's, or from eigenvectors where C is singular."""
    from scipy.linalg import LinAlgError, cholesky, eigh

    try:
        factor: np.ndarray = cholesky(covariance, check_finite=False)
    except LinAlgError:
        values, vectors = eigh(covariance, check_finite=False)
        factor = np.sqrt(np.clip(values, 0.0, None))[:, None] * vectors.T
    return factor


def _check_dimensions(first: int, second: int) -> None:
    if first != second:
        raise ValueError(f"sets of different features have no distance: {first} and {second} dimensions")
