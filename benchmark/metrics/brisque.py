"""Blind/referenceless image spatial quality evaluator, by piq with its weights read from a local file."""

from __future__ import annotations

import importlib
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from unmaskbench.benchmark.metrics._no_reference import NoReference
from unmaskbench.plugin import METRICS, MetricCard, WeightFile, check_images, torch, weights

if TYPE_CHECKING:
    from torch import Tensor

MINIMUM_PX = 16
KERNEL_PX = 7
KERNEL_SIGMA = 7 / 6
# Of the authors' support vector regression (libsvm), as piq carries them.
GAMMA = 0.05
RHO = -153.591
SUPPORT_VECTORS = WeightFile(
    id="brisque_svm",
    filename="brisque_svm_weights.pt",
    licence="Apache-2.0 (piq); trained on the LIVE database",
    source="piq's release v0.4.0",
    enables="brisque",
    url="https://github.com/photosynthesis-team/piq/releases/download/v0.4.0/brisque_svm_weights.pt",
)


def brisque(images: Tensor) -> Tensor:
    """BRISQUE per image, (N,) float64, about 0 to 100, lower is better; Mittal et al. 2012.

    36 natural scene statistics of the rounded luma at two sizes, scored by the authors' support vector regression. The
    statistics are piq's own; only its download of the regression is replaced by a file. Images (N, 3, H, W) in [0, 1],
    8-bit quantised, at least 16 px. NaN where an image has no statistics (flat). Raises ValueError on other shapes or
    ranges, FileNotFoundError with the remedy where the regression is missing.
    """
    check_images(images, MINIMUM_PX, "brisque")
    coefficients, vectors = _support_vectors()
    values = []
    with torch.no_grad():
        for image in images:
            # piq asserts that the statistics exist; one flat image must not take its batch with it.
            try:
                features = _features(image[None])
            except AssertionError:
                values.append(torch.full((1,), float("nan"), dtype=torch.float64))
                continue
            distances = (features.double()[:, :, None] - vectors.to(features.device).double()).square().sum(1)
            kernel = torch.exp(-GAMMA * distances)
            values.append((kernel @ coefficients.to(kernel)).flatten() - RHO)
    return torch.cat([value.cpu() for value in values])


@METRICS.register("brisque")
class Brisque(NoReference):
    """BRISQUE for the harness; it needs no truth."""

    card = MetricCard(
        id="brisque",
        title="BRISQUE",
        kind="no_reference",
        direction="lower",
        range=(-float("inf"), float("inf")),
        signature=f"brisque|piq {version('piq').rpartition('.')[0]}|luma rounded|8bit",
        minimum_size=MINIMUM_PX,
        source="Mittal et al. 2012, doi 10.1109/TIP.2012.2214050; statistics of piq",
        notes="About 0 (good) to 100 on natural images; the regression does not bound it.",
    )
    weights = (SUPPORT_VECTORS,)

    whole_because = "its statistics are those of a whole image"
    values = staticmethod(brisque)


def _features(image: Tensor) -> Tensor:
    """The 36 scaled features (1, 36) of an image (1, 3, H, W)."""
    # piq's package attribute of this name is the function; its statistics are in the module of the same name.
    piq_brisque = importlib.import_module("piq.brisque")
    functions = importlib.import_module("piq.functional")
    luma = torch.round(functions.rgb2yiq(image * 255.0)[:, :1])
    half = functions.imresize(luma, sizes=(luma.shape[2] // 2, luma.shape[3] // 2))
    statistics = [piq_brisque._natural_scene_statistics(scale, KERNEL_PX, KERNEL_SIGMA) for scale in (luma, half)]
    scaled: Tensor = piq_brisque._scale_features(torch.cat(statistics, dim=-1))
    return scaled


@lru_cache(maxsize=1)
def _support_vectors() -> tuple[Tensor, Tensor]:
    """Coefficients (V, 1) or (V,) and support vectors (36, V)."""
    coefficients, vectors = torch.load(weights.require(SUPPORT_VECTORS), map_location="cpu", weights_only=True)
    return coefficients, vectors.T.contiguous()
