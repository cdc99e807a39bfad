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

from unmaskbench.benchmark.detection.faces import (
    Array,
    Detection,
    NoFaceError,
    Pixels,
    central,
    check_upright,
    every,
    turned_face,
)
from unmaskbench.benchmark.plugins.lazy_modules import np
from unmaskbench.benchmark.plugins.weights.files import sha256

MODEL = Path(__file__).parent / "weights" / "face_detection_yunet_2023mar.onnx"
MODEL_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
THRESHOLD = 0.5
"""At OpenCV's 0.9 nearly half of all faces with a covered lower half are missed."""
OVERLAP = 0.3
LONG_SIDE, SHORT_SIDE = 640, 160
MARGIN = 0.25
CERTAIN = 0.93
"""Score from which a face is upright: of 285 faces of LFW, bare and behind a drawn mask, none on its head or side has 0.92."""
TURN_SIDES = (112, 160)
"""Sides of the crop at which a face is compared with its turned copies. Large, a face on its head scores as well as an upright
one. Where a turned copy must score better at both of these, none of the same 570 upright faces is refused, and 3 of 542 on their
heads pass."""
ANGLES = (0, 90, 180, -90)
"""Degrees by which a photograph is turned clockwise that a number of counter-clockwise quarter turns makes upright."""
SURE = 0.75
"""Score from which a face that only a turned copy shows is told of."""
FINE_SIDE = 384
"""Of a crop twice as wide as the face: eyes in bare 160 px photographs are then placed twice as exactly as at their own size."""


class YuNet:
    """Five landmarks by YuNet. Raises ValueError where the shipped network is damaged."""

    signature = (
        f"yunet:{MODEL_SHA256[:8]}|score:{THRESHOLD}|nms:{OVERLAP}|side:{SHORT_SIDE}-{LONG_SIDE}"
        f"|margin:{MARGIN}|fine:{FINE_SIDE}|turned:{TURN_SIDES[0]}&{TURN_SIDES[1]}<{CERTAIN}"
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
            copies = {angle: self._in_whole(np.rot90(pixels, turns)) for turns, angle in enumerate(ANGLES) if turns}
            best = max(copies, key=lambda angle: _best(copies[angle]))
            if _best(copies[best]) >= SURE:
                raise turned_face(best)
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
        _check_turned(crop, _best(faces))
        if not faces:
            return face
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


def _check_turned(crop: Pixels, score: float) -> None:
    """Raise NoFaceError where a crop shows a face better when it is turned: YuNet sees an upright face in one that stands on
    its head, with points that are not there. A ``score`` of the crop as it is spares the look."""
    if score >= CERTAIN:
        return
    copies = [np.ascontiguousarray(np.rot90(crop, turns)) for turns in range(4)]  # counter-clockwise
    scores = np.array([[_best(_look(copy, side, side)) for side in TURN_SIDES] for copy in copies])
    if (scores > scores[0]).all(1).any():
        raise turned_face(ANGLES[int(scores.sum(1).argmax())])


def _best(faces: list[Detection]) -> float:
    return max((face.score for face in faces), default=0.0)


def _moved(face: Detection, by: Array) -> Detection:
    return Detection(face.points + by, face.box + np.tile(by, 2), face.score, face.faces)


@lru_cache(maxsize=1)
def _network() -> Any:
    import cv2

    if not MODEL.is_file() or sha256(MODEL) != MODEL_SHA256:
        raise ValueError(f"{MODEL} is absent or damaged; install the package again")
    # Its constructor sets the default target whatever is asked for, and the engine of OpenCV 5 warns that it has no targets.
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(min(level, cv2.utils.logging.LOG_LEVEL_ERROR))
    try:
        return cv2.FaceDetectorYN.create(str(MODEL), "", (320, 320), THRESHOLD, OVERLAP, 5000)
    finally:
        cv2.utils.logging.setLogLevel(level)
