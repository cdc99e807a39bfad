"""``landmarks.csv`` of a folder of photographs: one face each, and a list of those where none was found.

``landmarks.csv`` has the columns that the dataset ``folder`` reads, then ``score``, the box ``left,top,right,bottom`` in
pixels and ``faces``, how many were seen. ``landmarks-not-found.csv`` beside it has ``file,reason``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unmaskbench.benchmark.detection.faces import Detection, NoFaceError, Pixels
from unmaskbench.benchmark.detection.found_faces import FoundFaces
from unmaskbench.benchmark.host.text import csv_text, hidden_in
from unmaskbench.benchmark.host.threads import one_thread
from unmaskbench.benchmark.store.images import ImageError, read_pixels
from unmaskbench.benchmark.store.write import write_file
from unmaskbench.datasets.landmarks import HEADER

COLUMNS = (*HEADER, "score", "left", "top", "right", "bottom", "faces")
LIST, NOT_FOUND = "landmarks.csv", "landmarks-not-found.csv"
Show = Callable[[str, Pixels, Detection], None]


@dataclass(frozen=True)
class FaceList:
    """Faces by the photograph's path under the root, and the reasons why others have none."""

    faces: dict[str, Detection]
    reasons: dict[str, str]


@one_thread()
def find_all(root: Path, files: Sequence[Path], finder: FoundFaces, done: Callable[[], None], show: Show) -> FaceList:
    """Look for the face of every file below ``root``; ``show`` is given each photograph in which one was found.

    A file that cannot be read, or shows no face, gives a reason and stops nothing.
    """
    face_list = FaceList({}, {})
    for file in files:
        name = file.relative_to(root).as_posix()
        if hidden := hidden_in(name):  # a line of the list could not be matched with its file again
            face_list.reasons[name] = f"its name holds {hidden}; rename the file"
            done()
            continue
        try:
            pixels = read_pixels(file)
            face = finder.look(file, _given(pixels))
        except (NoFaceError, ImageError) as error:
            face_list.reasons[name] = str(error)
        else:
            face_list.faces[name] = face
            show(name, pixels, face)
        done()
    return face_list


def _given(pixels: Pixels) -> Callable[[Path], Pixels]:
    return lambda path: pixels


def write(root: Path, face_list: FaceList) -> list[Path]:
    """Write both lists into ``root``, each whole or not at all; the second only where a photograph has no face."""
    rows = [
        [name, *(f"{value:.2f}" for value in face.points.ravel()), f"{face.score:.4f}",
         *(f"{value:.1f}" for value in face.box), face.faces]
        for name, face in sorted(face_list.faces.items())
    ]  # fmt: skip
    written = [_write_csv(root / LIST, [list(COLUMNS), *rows])]
    if face_list.reasons:
        written.append(
            _write_csv(
                root / NOT_FOUND, [["file", "reason"], *(list(row) for row in sorted(face_list.reasons.items()))]
            )
        )
    else:
        (root / NOT_FOUND).unlink(missing_ok=True)
    return written


def _write_csv(path: Path, rows: Iterable[Sequence[object]]) -> Path:
    return write_file(path, csv_text(rows))
