"""Five landmarks corrected above a worn mask by a small network that was trained on drawn masks.

A detector places the eyes of a masked face by its cloth and is 0.15 eye distances off on average; corrected it is 0.10. The
network looks at a crop laid by the detector's points and says how far each is off; a second pass looks from the corrected ones.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.benchmark.detection.faces import Array, Detection, Detector, Pixels, check_upright, every
from unmaskbench.benchmark.plugins.lazy_modules import np
from unmaskbench.benchmark.plugins.lazy_torch import torch
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.benchmark.plugins.weights.loading import load_strict, read_state_dict

if TYPE_CHECKING:
    from unmaskbench.benchmark.detection.refiner_network import RefinerNetwork

MODEL = Path(__file__).parent / "weights" / "refiner.safetensors"
MODEL_SHA256 = "1f92550a091049aedcdcfde78ecfc02acbf07781cfdc541c47de861e2dfe6fd0"
PASSES = 2


class Refined:
    """A detector whose points are corrected. Raises ValueError where the shipped network is absent or damaged, and where
    another ``model`` does not fit."""

    def __init__(self, detector: Detector, model: Path = MODEL) -> None:
        if not model.is_file():
            raise ValueError(f"{model} is absent; install the package again")
        self.detector, self.model, self._digest = detector, model, sha256(model)
        if model == MODEL and self._digest != MODEL_SHA256:
            raise ValueError(f"{model} is damaged; install the package again")

    @property
    def signature(self) -> str:
        return f"{self.detector.signature}|refined:{self._digest[:8]}x{PASSES}"

    def detect(self, pixels: Pixels) -> Detection:
        """The detector's face of a photograph (H, W, 3) with corrected points. Raises NoFaceError as the detector does."""
        return self._corrected(pixels, self.detector.detect(pixels))

    def detect_all(self, pixels: Pixels) -> list[Detection]:
        """The detector's faces with corrected points. Raises NoFaceError as the detector does."""
        return every(self.detector.detect_all(pixels), lambda face: self._corrected(pixels, face))

    def _corrected(self, pixels: Pixels, face: Detection) -> Detection:
        points = refine(pixels, face.points, network(self.model))
        return check_upright(Detection(points, face.box, face.score, face.faces))


def refine(pixels: Pixels, points: Array, corrector: RefinerNetwork, passes: int = PASSES) -> Array:
    """Points (5, 2) of a photograph (H, W, 3), corrected in so many passes."""
    from unmaskbench.benchmark.detection.crops import EYE_DISTANCE, apply, cut, inverse, lay

    for _ in range(passes):
        matrix = lay(points)
        crop = torch.from_numpy(cut(pixels, matrix)).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            offsets = corrector(crop)[0].double().numpy() * EYE_DISTANCE
        points = np.asarray(apply(inverse(matrix), apply(matrix, points) + offsets), dtype=np.float64)
    return points


@lru_cache(maxsize=2)
def network(path: Path) -> RefinerNetwork:
    """The network with the weights of a file, ready to be asked. Raises ValueError where they do not fit."""
    from unmaskbench.benchmark.detection.refiner_network import RefinerNetwork

    made = RefinerNetwork()
    load_strict(made, read_state_dict(path), str(path))
    return made.eval()
