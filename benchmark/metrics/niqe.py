"""Natural image quality evaluator."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from unmaskbench.benchmark.metrics._no_reference import NoReference
from unmaskbench.benchmark.metrics._scene_statistics import (
    WINDOW_PX,
    WINDOW_SIGMA,
    block_features,
    halve,
    normalised_coefficients,
)
from unmaskbench.plugin import METRICS, MetricCard, WeightFile, check_images, np, torch, weights

if TYPE_CHECKING:
    from torch import Tensor

BLOCK_PX = 96
MINIMUM_PX = 2 * BLOCK_PX
RGB_TO_LUMA = (65481.0, 128553.0, 24966.0)
LUMA_SCALE = 255000.0
LUMA_OFFSET = 16.0
LUMA_WHITE = LUMA_OFFSET + 255.0 * sum(RGB_TO_LUMA) / LUMA_SCALE
PRISTINE = WeightFile(
    id="niqe_pristine",
    filename="niqe_pris_params.npz",
    licence="Apache-2.0",
    source="BasicSR (XPixelGroup), the authors' model of pristine images",
    enables="niqe",
    url="https://raw.githubusercontent.com/XPixelGroup/BasicSR/master/basicsr/metrics/niqe_pris_params.npz",
    sha256="2a7c182a68c9e7f1b2e2e5ec723279d6f65d912b6fcaf37eb2bf03d7367c4296",
)


def niqe(images: Tensor) -> Tensor:
    """NIQE per image, (N,) float64, at least 0, lower is more natural; Mittal et al. 2013, eq. 10.

    ``sqrt((m_1 - m_2)^T ((S_1 + S_2) / 2)^-1 (m_1 - m_2))`` between the Gaussian of the image's block features (36 per
    block of 96 px: 18 at full and 18 at half size) and that of pristine images. On luma (BT.601, 16-235, rounded); the
    image is cut to whole blocks. Images (N, 3, H, W) in [0, 1], 8-bit quantised; H and W at least 192 px, as one block
    has no covariance. NaN for an image whose features are undefined (flat). Raises ValueError on other shapes or
    ranges, FileNotFoundError where the pristine model is missing.
    """
    check_images(images, MINIMUM_PX, "niqe")
    mean, covariance = _pristine()
    with torch.no_grad():
        features = _features(images).cpu().numpy()
    return torch.tensor([_distance(blocks, mean, covariance) for blocks in features], dtype=torch.float64)


@METRICS.register("niqe")
class Niqe(NoReference):
    """NIQE for the harness; it needs no truth."""

    card = MetricCard(
        id="niqe",
        title="Natural image quality evaluator",
        kind="no_reference",
        direction="lower",
        range=(0.0, float("inf")),
        signature=(
            f"niqe|luma:bt601 {LUMA_OFFSET:g}-{LUMA_WHITE:g} rounded|win:{WINDOW_PX}|sigma:{WINDOW_SIGMA:.4g}|"
            f"block:{BLOCK_PX}|pristine:authors|8bit"
        ),
        minimum_size=MINIMUM_PX,
        source="Mittal et al. 2013, doi 10.1109/LSP.2012.2227726",
        notes=f"Needs at least 2 x 2 blocks of {BLOCK_PX} px, hence {MINIMUM_PX} px; steady values want larger images.",
    )
    weights = (PRISTINE,)

    whole_because = f"its blocks of {BLOCK_PX} px span more than a region"
    values = staticmethod(niqe)


def _features(images: Tensor) -> Tensor:
    """Block features (N, blocks, 36)."""
    rows, columns = (side // BLOCK_PX * BLOCK_PX for side in images.shape[-2:])
    # Integers in float64: halves are rounded alike whatever the batch.
    levels = images[..., :rows, :columns].to(torch.float64).mul_(255.0).round_()
    luma = torch.einsum("c,nchw->nhw", levels.new_tensor(RGB_TO_LUMA), levels)
    luma = luma.div_(LUMA_SCALE).add_(LUMA_OFFSET).round_()
    fine = block_features(normalised_coefficients(luma), BLOCK_PX)
    coarse = block_features(normalised_coefficients(halve(luma)), BLOCK_PX // 2)
    return torch.cat([fine, coarse], 2)


def _distance(features: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    """The distance of block features (blocks, 36) from the pristine Gaussian; blocks with undefined features are left
    out of the covariance, as in the authors' code."""
    whole = features[~np.isnan(features).any(1)]
    if len(whole) < 2:
        return float("nan")
    difference = np.nanmean(features, 0) - mean
    pooled = (covariance + np.cov(whole, rowvar=False)) / 2
    return float(np.sqrt(difference @ np.linalg.pinv(pooled) @ difference))


@lru_cache(maxsize=1)
def _pristine() -> tuple[np.ndarray, np.ndarray]:
    with np.load(weights.require(PRISTINE), allow_pickle=False) as model:
        return model["mu_pris_param"].reshape(-1), model["cov_pris_param"]
