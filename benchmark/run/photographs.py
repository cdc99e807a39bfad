"""One photograph from its file to its restoration at full size: find the face, cut its square, find or take the mask, restore,
paste back."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from unmaskbench.benchmark.detection.crops import apply, inverse
from unmaskbench.benchmark.detection.faces import Array, Detection, Pixels
from unmaskbench.benchmark.detection.found_faces import FoundFaces
from unmaskbench.benchmark.host.threads import one_thread
from unmaskbench.benchmark.plan import face_crop
from unmaskbench.benchmark.plan.chain import parts_of
from unmaskbench.benchmark.plan.entries import FaceSquare, MethodEntry
from unmaskbench.benchmark.plan.fingerprint import fingerprint
from unmaskbench.benchmark.plan.geometry import array_of, from_bytes
from unmaskbench.benchmark.plan.keys import LIBRARIES, library_versions
from unmaskbench.benchmark.plan.named_files import contents
from unmaskbench.benchmark.plan.suite import digest
from unmaskbench.benchmark.plugins.holes import HOLE_MARGIN, SMALLEST, SPECK, Hole, widened, without_specks
from unmaskbench.benchmark.plugins.registry import METHODS, SEGMENTERS
from unmaskbench.benchmark.plugins.types import Segmenter
from unmaskbench.benchmark.plugins.weights.files import content_hash
from unmaskbench.benchmark.run.paste import FEATHER, paste
from unmaskbench.benchmark.run.restore import Restorer, segmented
from unmaskbench.benchmark.store.images import ImageError, read_mask, read_pixels

VERSION = 2
"""Counts changes of this file and of ``holes`` and ``paste`` that change a pixel."""
WORTH_TELLING = 0.01
SIDE = 128
"""Pixels of the square for a method that takes any: what the compact networks were trained at."""


class NoMaskError(ValueError):
    """A face that nothing is found before; the message says what was looked for."""


class RestorationError(ValueError):
    """A photograph whose given mask misses its face, or on which the method failed; the message says which."""


@dataclass(frozen=True)
class Treatment:
    """How photographs are restored: everything beside the photograph and its mask that can change a pixel.

    ``widen`` and ``feather`` are shares of the square's side; ``size`` is that side in pixels, None for the method's own.
    ``faces`` says whether the face nearest to the photograph's centre is restored, or every one; ``segmenter`` is "" where
    every mask is given.
    """

    method: MethodEntry
    segmenter: str = "segmenter"
    square: FaceSquare = field(default_factory=FaceSquare)
    widen: float = HOLE_MARGIN
    feather: float = FEATHER
    size: int | None = None
    faces: Literal["central", "all"] = "central"
    device: str = "cpu"


@dataclass(frozen=True)
class RestoredPhotograph:
    """``pixels`` (H, W, 3) at full size, the corners (4, 2) of each restored face's square in the photograph's pixels, and
    clauses that a person should know."""

    pixels: Pixels
    squares: tuple[Array, ...]
    remarks: tuple[str, ...] = ()


class PhotographRestorer:
    """A method and a segmenter, loaded once, for any number of photographs."""

    def __init__(self, treatment: Treatment, finder: FoundFaces) -> None:
        """Builds and loads method and segmenter. Raises the registry's errors and their own."""
        self.treatment, self.finder = treatment, finder
        self._restorer = Restorer(treatment.method, treatment.device, "fp32")
        self.size = treatment.size or self._restorer.card.native_size or SIDE
        self._segmenter: Segmenter | None = None
        if treatment.segmenter:
            self._segmenter = SEGMENTERS.build(treatment.segmenter)
            self._segmenter.load(treatment.device)
        self._hash = digest([VERSION, *_what_restores(treatment), finder.detector.signature, self.size])

    def key(self, photograph: Path, mask: Path | None) -> str:
        """The key of a restoration by the contents of both files, the method and all else that can change a pixel."""
        hole = content_hash(mask) if mask is not None else fingerprint(SEGMENTERS.get(self.treatment.segmenter))
        return digest([self._hash, content_hash(photograph), mask is None, hole])

    def restore(self, photograph: Path, mask: Path | None) -> RestoredPhotograph:
        """The restoration of a photograph's file; ``mask`` is a picture of the photograph's size, None to predict it.

        Raises ImageError, NoFaceError, NoMaskError or RestorationError with a sentence.
        """
        pixels = read_pixels(photograph)
        height, width = pixels.shape[:2]
        given = None if mask is None else read_mask(mask)
        if given is not None and given.shape != (height, width):
            raise ImageError(
                f"{mask} is {given.shape[1]} x {given.shape[0]} px and its photograph {width} x {height}; give a mask of the "
                "photograph's size"
            )
        whole, squares, reason = pixels, [], NoMaskError("")
        faces = self._faces(photograph, pixels)
        for face in faces:
            rule = self.treatment.square
            matrix = face_crop.matrix_of(face.points, rule.margin, rule.roll, self.size)
            try:
                restored, hole = self._square(pixels, given, matrix, photograph.name)
            except NoMaskError as error:
                reason = error
                continue
            whole = paste(whole, restored, hole, matrix, self.treatment.feather)
            squares.append(_corners(matrix, self.size))
        if not squares:
            several = len(faces) == 1 and faces[0].faces > 1
            which = f" nearest to the centre of {faces[0].faces} (--faces all looks at each)" if several else ""
            raise NoMaskError(f"{reason}{which}") if given is None else RestorationError(f"{reason}{which}")
        return RestoredPhotograph(whole, tuple(squares), _remarks(faces, squares, given))

    @one_thread()
    def _faces(self, photograph: Path, pixels: Pixels) -> list[Detection]:
        if self.treatment.faces == "all":
            return self.finder.detector.detect_all(pixels)
        return [self.finder.look(photograph, lambda path: pixels)]

    def _square(self, pixels: Pixels, given: Hole | None, matrix: Array, name: str) -> tuple[Pixels, Hole]:
        """A face's square restored, and its hole. Raises NoMaskError, RestorationError."""
        height, width = pixels.shape[:2]
        square = face_crop.square_of(matrix, height, width, self.size)
        with one_thread():
            shown = face_crop.resample(pixels[square.rows, square.columns], square, self.size)
        hole = self._predicted(shown) if given is None else _followed(given, matrix, self.size)
        with one_thread():
            hole = widened(hole, self.treatment.widen)
        return self._restored(shown, hole, name), hole

    def _restored(self, shown: Pixels, hole: Hole, name: str) -> Pixels:
        image = from_bytes(torch.from_numpy(shown.copy()).permute(2, 0, 1)[None])
        mask = torch.from_numpy(hole).float()[None, None]
        result = self._restorer.restore(image, mask, [f"photographs/worn/{name}"])
        if result.errors[0]:
            raise RestorationError(f"{self.treatment.method.label} failed: {result.errors[0]}")
        return np.asarray(array_of(result.raw[0]), dtype=np.uint8)

    def _predicted(self, shown: Pixels) -> Hole:
        if self._segmenter is None:
            raise NoMaskError("no mask is given and there is no segmenter to find one")
        image = from_bytes(torch.from_numpy(shown.copy()).permute(2, 0, 1)[None])
        with torch.inference_mode():
            probability = segmented(self._segmenter, image, self.treatment.device)
        with one_thread():
            hole = without_specks((probability[0, 0] > 0.5).numpy())
        if not hole.any():
            raise NoMaskError("no mask is found before the face")
        return hole


def _followed(given: Hole, matrix: Array, size: int) -> Hole:
    """A photograph's hole as the square shows it. Raises NoMaskError where none of it lies within."""
    height, width = given.shape
    (rows, columns), within = face_crop.places(matrix, height, width, size)
    hole: Hole = given[rows, columns] & within
    if not hole.any():
        raise NoMaskError("the given mask lies outside the square of the face that was found")
    return hole


def _outside(given: Hole, squares: Sequence[Array]) -> float:
    """The share of a photograph's hole that lies in none of the squares."""
    import cv2

    drawn = np.zeros(given.shape, dtype=np.uint8)
    for corners in squares:
        cv2.fillConvexPoly(drawn, np.round(corners).astype(np.int32), 1)
    return float(1 - drawn[given].mean())


def _remarks(faces: Sequence[Detection], squares: Sequence[Array], given: Hole | None) -> tuple[str, ...]:
    remarks = []
    if len(faces) > len(squares):
        remarks.append(f"a mask was found before {len(squares)} of {len(faces)} faces")
    elif faces[0].faces > 1 and len(faces) == 1:
        remarks.append(f"of {faces[0].faces} faces the nearest to the centre was restored (--faces all restores each)")
    if given is not None and (outside := _outside(given, squares)) > WORTH_TELLING:
        remarks.append(
            f"{100 * outside:.0f} % of the mask lies outside the face's square and stays (--margin widens it)"
        )
    return tuple(remarks)


def _corners(matrix: Array, size: int) -> Array:
    ends = np.array([[-0.5, -0.5], [size - 0.5, -0.5], [size - 0.5, size - 0.5], [-0.5, size - 0.5]])
    return np.asarray(apply(inverse(matrix), ends), dtype=np.float64)


def _what_restores(treatment: Treatment) -> list[object]:
    entry = treatment.method
    classes = [METHODS.get(part.id) for part in parts_of(entry)]
    code = [fingerprint(cls) for cls in classes]
    versions = [*(importlib.metadata.version(name) for name in LIBRARIES), *library_versions(classes)]
    rule = [
        treatment.square.model_dump(), treatment.widen, [SPECK, SMALLEST], treatment.feather, treatment.faces,
        treatment.device.partition(":")[0],
    ]  # fmt: skip
    return [entry.model_dump(mode="json"), code, contents(entry), versions, rule]
