"""Five landmarks corrected above a worn mask by a small network that was trained on drawn masks.

A detector places the eyes of a masked face by its cloth and is 0.15 eye distances off on average; corrected it is 0.08 to
0.09. The network looks at a crop laid by the detector's points, and at the mirrored one, and says where in it each point is;
a second pass looks from the corrected ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.benchmark.detection.crops import EYE_DISTANCE, MEAN_FACE, apply, cut, inverse, lay, mirrored
from unmaskbench.benchmark.detection.faces import Array, Detection, Detector, Pixels, check_upright, every
from unmaskbench.benchmark.plugins.lazy_modules import np
from unmaskbench.benchmark.plugins.lazy_torch import torch
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.benchmark.plugins.weights.loading import load_strict, read_state_dict

if TYPE_CHECKING:
    from unmaskbench.benchmark.detection.refiner_network import RefinerNetwork

MODEL = Path(__file__).parent / "weights" / "refiner.safetensors"
MODEL_SHA256 = "80aab1b01fe004f8c670151892c1709437221aabe623878adffb92bd08882792"


@dataclass(frozen=True)
class View:
    """How a crop differs from the one that the points lay: shifted, in eye distances; its size's logarithm; turned; mirrored."""

    right: float = 0.0
    down: float = 0.0
    zoom: float = 0.0
    roll_degrees: float = 0.0
    mirrored: bool = False


PASSES = 2
ONE_VIEW = (View(),)
VIEWS = (View(), View(mirrored=True))


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
        return f"{self.detector.signature}|refined:{self._digest[:8]}x{PASSES}|views:{len(VIEWS)}"

    def detect(self, pixels: Pixels) -> Detection:
        """The detector's face of a photograph (H, W, 3) with corrected points. Raises NoFaceError as the detector does."""
        return self.corrected(pixels, self.detector.detect(pixels))

    def detect_all(self, pixels: Pixels) -> list[Detection]:
        """The detector's faces with corrected points. Raises NoFaceError as the detector does."""
        return every(self.detector.detect_all(pixels), lambda face: self.corrected(pixels, face))

    def corrected(self, pixels: Pixels, face: Detection) -> Detection:
        """A face that the detector found in a photograph (H, W, 3), its points corrected. Raises NoFaceError where they lie as
        those of a turned face do."""
        points = refine(pixels, face.points, network(self.model))
        return check_upright(Detection(points, face.box, face.score, face.faces))


def refine(
    pixels: Pixels, points: Array, corrector: RefinerNetwork, passes: int = PASSES, views: Sequence[View] = VIEWS
) -> Array:
    """Points (5, 2) of a photograph (H, W, 3), corrected in so many passes; each is the mean of what is seen in ``views``."""
    for _ in range(passes):
        matrices = [lay(_viewed(points, view)) for view in views]
        crops = [cut(pixels, matrix) for matrix in matrices]
        shown = np.stack([crop[:, ::-1] if view.mirrored else crop for crop, view in zip(crops, views, strict=True)])
        with torch.inference_mode():
            said = corrector(torch.from_numpy(shown).permute(0, 3, 1, 2).float() / 255).double().numpy()
        places = [
            apply(
                inverse(matrix), np.array(MEAN_FACE) + EYE_DISTANCE * (mirrored(offsets) if view.mirrored else offsets)
            )
            for matrix, offsets, view in zip(matrices, said, views, strict=True)
        ]
        points = np.asarray(np.mean(places, axis=0), dtype=np.float64)
    return points


def _viewed(points: Array, view: View) -> Array:
    """The points that lay a view's crop."""
    roll, size = math.radians(view.roll_degrees), math.exp(view.zoom)
    turn = size * np.array([[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]])
    apart = EYE_DISTANCE / float(np.hypot(*lay(points)[:, 0]))
    return np.asarray((points - points.mean(0)) @ turn.T + points.mean(0) + np.array([view.right, view.down]) * apart)


@lru_cache(maxsize=2)
def network(path: Path) -> RefinerNetwork:
    """The network with the weights of a file, ready to be asked. Raises ValueError where they do not fit."""
    from unmaskbench.benchmark.detection.refiner_network import RefinerNetwork

    made = RefinerNetwork()
    load_strict(made, read_state_dict(path), str(path))
    return made.eval()
