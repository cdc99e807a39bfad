"""YuNet, the default detector: a face's box and five landmarks by OpenCV's ``FaceDetectorYN``.

Wu, Peng, Yu: YuNet: A Tiny Millisecond-level Face Detector (2023). The network ships with the package
(``weights/face_detection_yunet_2023mar.onnx``, MIT). It was trained on faces of 10 to 300 px, so that a photograph is looked
at in several sizes: as a whole at ``LONG_SIDE``; with a margin, where a crop shows nothing but the face; and twice as
large, where faces are small. The face that is meant is then looked at once more in a crop of its own.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from unmaskbench.benchmark.detection.faces import Array, Detection, NoFaceError, Pixels, central, check_upright, every
from unmaskbench.benchmark.plugins.weights.files import sha256

MODEL = Path(__file__).parent / "weights" / "face_detection_yunet_2023mar.onnx"
MODEL_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
THRESHOLD = 0.5
"""At OpenCV's 0.9 nearly half of all faces with a covered lower half are missed."""
OVERLAP = 0.3
LONG_SIDE, SHORT_SIDE = 640, 160
MARGIN = 0.25
CERTAIN, TURNED_BETTER = 0.9, 0.03
"""Of 96 faces of LFW the upright one scores 0.92 or more and its best turned copy 0.036 less at least; of 83 masked ones no
turned copy scores more than 0.022 above the upright."""
FINE_SIDE = 384
"""Of a crop twice as wide as the face: eyes in bare 160 px photographs are then placed twice as exactly as at their own size."""


class YuNet:
    """Five landmarks by YuNet. Raises ValueError where the shipped network is damaged."""

    signature = (
        f"yunet:{MODEL_SHA256[:8]}|score:{THRESHOLD}|nms:{OVERLAP}|side:{SHORT_SIDE}-{LONG_SIDE}"
        f"|margin:{MARGIN}|fine:{FINE_SIDE}|turned:{TURNED_BETTER}<{CERTAIN}"
    )

    def detect(self, pixels: Pixels) -> Detection:
        """The face nearest to the centre of a photograph (H, W, 3). Raises NoFaceError where none is found."""
        face = central(self._found(pixels), *pixels.shape[:2])
        return check_upright(self._finely(pixels, face))

    def detect_all(self, pixels: Pixels) -> list[Detection]:
        """Every upright face of a photograph (H, W, 3), the surest first. Raises NoFaceError where there is none."""
        return every(self._found(pixels), lambda face: check_upright(self._finely(pixels, face)))

    def _found(self, pixels: Pixels) -> list[Detection]:
        found = self._in_whole(pixels)
        if not found:
            raise NoFaceError(
                "no face found; it must stand upright, be at least a fortieth of the photograph high, and show its eyes"
            )
        return found

    def _in_whole(self, pixels: Pixels) -> list[Detection]:
        height, width = pixels.shape[:2]
        if faces := _look(pixels, LONG_SIDE):
            return faces
        pad = max(round(MARGIN * max(height, width)), 1)
        # A frame of repeated border pixels: a crop of a face alone is tighter than anything that the network has seen.
        if max(height, width) <= 2 * LONG_SIDE:
            import cv2

            framed = cv2.copyMakeBorder(pixels, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
            if faces := _look(np.asarray(framed, dtype=np.uint8), LONG_SIDE):
                return [_moved(face, np.array([-pad, -pad])) for face in faces]
        return _look(pixels, 2 * LONG_SIDE) if max(height, width) > LONG_SIDE else []

    def _finely(self, pixels: Pixels, face: Detection) -> Detection:
        """The face from a crop of its own at the size that the network places points best at; as it was, where the crop
        shows none there."""
        import cv2

        side = float((face.box[2:] - face.box[:2]).max())
        centre = (face.box[:2] + face.box[2:]) / 2
        left, top = (int(value) for value in np.floor(centre - side))
        span = max(round(2 * side), 1)
        height, width = pixels.shape[:2]
        inside = pixels[max(top, 0) : max(top + span, 1), max(left, 0) : max(left + span, 1)]
        frame = (max(-top, 0), max(top + span - height, 0), max(-left, 0), max(left + span - width, 0))
        crop = np.asarray(cv2.copyMakeBorder(inside, *frame, cv2.BORDER_REPLICATE), dtype=np.uint8)
        faces = _look(crop, FINE_SIDE, FINE_SIDE)
        if not faces:
            return face
        _check_turned(crop, max(other.score for other in faces))
        again = _moved(central(faces, *crop.shape[:2]), np.array([left, top]))
        between = float(np.linalg.norm((again.box[:2] + again.box[2:]) / 2 - centre))
        return Detection(again.points, again.box, face.score, face.faces) if between < side / 2 else face


def _look(pixels: Pixels, side: int, least: int = SHORT_SIDE) -> list[Detection]:
    """All faces of a picture that is first scaled so that its longer side is ``side`` at most and ``least`` at
    least."""
    import cv2

    height, width = pixels.shape[:2]
    longest = max(height, width)
    scale = min(1.0, side / longest) if longest >= least else least / longest
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    if size != (width, height):
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=way), dtype=np.uint8)
    detector = _network()
    detector.setInputSize(size)
    _, rows = detector.detect(np.ascontiguousarray(pixels[:, :, ::-1]))
    stretch = np.array([width / size[0], height / size[1]])
    faces = []
    for row in np.asarray([] if rows is None else rows, dtype=np.float64).reshape(-1, 15):
        if not np.isfinite(row).all():
            continue
        corners = np.stack([row[:2], row[:2] + row[2:4]])
        places = np.concatenate([row[4:14].reshape(5, 2), corners])
        # Pixel centres at integers: what lies at x in the scaled picture lies at (x + 0.5) * stretch - 0.5.
        places = (places + 0.5) * stretch - 0.5
        faces.append(Detection(places[:5], places[5:].reshape(4), float(row[14])))
    return faces


def _check_turned(crop: Pixels, upright: float) -> None:
    """Raise NoFaceError where a crop shows a face better when it is turned: YuNet sees an upright face in one that stands on
    its head, with points that are not there, and scores it lower."""
    if upright >= CERTAIN:
        return
    for turns, side in ((2, "upside down"), (1, "on its side"), (3, "on its side")):
        turned_faces = _look(np.ascontiguousarray(np.rot90(crop, turns)), FINE_SIDE, FINE_SIDE)
        if max((face.score for face in turned_faces), default=0.0) > upright + TURNED_BETTER:
            raise NoFaceError(f"the face lies {side}; turn the photograph upright")


def _moved(face: Detection, by: Array) -> Detection:
    return Detection(face.points + by, face.box + np.tile(by, 2), face.score, face.faces)


@lru_cache(maxsize=1)
def _network() -> Any:
    import cv2

    if not MODEL.is_file() or sha256(MODEL) != MODEL_SHA256:
        raise ValueError(f"{MODEL} is absent or damaged; install the package again")
    return cv2.FaceDetectorYN.create(str(MODEL), "", (320, 320), THRESHOLD, OVERLAP, 5000)
