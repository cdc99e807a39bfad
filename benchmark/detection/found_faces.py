"""What a detector has found in photographs, kept by their content: a photograph is looked at once.

The answers lie in the user's cache (``~/.cache/unmaskbench/faces``, ``$UNMASKBENCH_CACHE`` moves it), one small file each,
named by the sha256 of the photograph's file and of the detector's signature. Where the cache cannot be written the
photograph is looked at again, with the same answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path

from unmaskbench.benchmark.detection.faces import Detection, Detector, NoFaceError, Pixels
from unmaskbench.benchmark.host.threads import one_thread
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.lazy_modules import np
from unmaskbench.benchmark.plugins.weights.files import cache_folder, sha256
from unmaskbench.benchmark.store.images import ImageError, read_pixels
from unmaskbench.benchmark.store.write import WriteError, write_file

Answer = Detection | str
"""A face, or why there is none."""


class FoundFaces:
    """Faces of photographs by one detector, remembered over runs."""

    def __init__(self, detector: Detector, folder: Path | None = None) -> None:
        self.detector = detector
        self.folder = folder or cache_folder().parent / "faces"

    def look(self, path: Path, read: Callable[[Path], Pixels] = read_pixels) -> Detection:
        """The face of a photograph's file. Raises NoFaceError that says why there is none, and ``read``'s errors."""
        place = self._place(path)
        outcome = _read(place)
        if outcome is None:
            try:
                with one_thread():
                    outcome = self.detector.detect(read(path))
            except NoFaceError as error:
                outcome = str(error)
            _write(place, outcome)
            outcome = outcome if isinstance(outcome, str) else rounded(outcome)
        if isinstance(outcome, str):
            raise NoFaceError(outcome)
        return outcome

    def why_not(self, path: Path) -> str:
        """Look for the face of a photograph's file; "" where it is found, else why not."""
        try:
            self.look(path)
        except (NoFaceError, ImageError) as error:
            return str(error)
        return ""

    def _place(self, path: Path) -> Path:
        key = hashlib.sha256(f"{sha256(path)} {self.detector.signature}".encode()).hexdigest()
        return self.folder / key[:2] / f"{key}.json"


def rounded(face: Detection) -> Detection:
    """A face in thousandths of a pixel, as it is kept: the first answer and a remembered one are the same."""
    return Detection(face.points.round(3), face.box.round(3), round(face.score, 4), face.faces)


def _read(place: Path) -> Answer | None:
    """A kept answer; None where there is none that can be read."""
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        if "none" in content:
            return str(content["none"])
        points, box = np.array(content["points"], dtype=np.float64), np.array(content["box"], dtype=np.float64)
        score, faces = float(content["score"]), int(content["faces"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    whole = points.shape == (5, 2) and box.shape == (4,) and np.isfinite(points).all() and np.isfinite(box).all()
    return Detection(points, box, score, faces) if whole and math.isfinite(score) else None


def _write(place: Path, answer: Answer) -> None:
    content: JsonObject = {"none": answer}
    if isinstance(answer, Detection):
        kept = rounded(answer)
        content = {"points": kept.points.tolist(), "box": kept.box.tolist(), "score": kept.score, "faces": kept.faces}
    with contextlib.suppress(WriteError):  # a full or read-only home costs the memory, not the answer
        write_file(place, json.dumps(content))
