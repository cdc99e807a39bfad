"""The 68 landmarks of the faces that DFDNet is given: a CSV file of the user's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from unmaskbench.plugin import read_csv

POINTS = 68
HEADER = ("id", *(f"{axis}{point}" for point in range(POINTS) for axis in "xy"))


def read_landmarks_68(path: Path) -> dict[str, Tensor]:
    """Landmarks (68, 2), x then y in px of the 512 px face, by the id of the face.

    The columns are id, x0, y0 ... x67, y67 in the order of iBUG's 300-W, which dlib's and FAN's detectors give. Raises
    ValueError that names the file and the line, FileNotFoundError where there is no file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file of landmarks at {path}")
    found: dict[str, Tensor] = {}
    rows = read_csv(path)
    _, header = next(rows, (1, []))
    if tuple(cell.strip() for cell in header) != HEADER:
        raise ValueError(
            f"{path}, line 1: expected the columns id, x0, y0 ... x67, y67; found {', '.join(header)[:80]}"
        )
    for line, row in rows:
        try:
            values = [float(cell) for cell in row[1:]]
        except ValueError as error:
            raise ValueError(f"{path}, line {line}: {error}") from error
        if len(values) != 2 * POINTS or not all(math.isfinite(value) for value in values):
            raise ValueError(f"{path}, line {line}: expected an id and {2 * POINTS} finite numbers")
        name = row[0].strip()
        if name in found:
            raise ValueError(f"{path}, line {line}: '{name}' stands twice")
        found[name] = torch.tensor(values).reshape(POINTS, 2)
    return found


def landmarks_of(known: dict[str, Tensor], ids: Sequence[str], source: Path) -> Tensor:
    """Landmarks (N, 68, 2) of samples ``DATASET/OCCLUSION/FACE``; those of the face serve every occlusion.

    Raises ValueError for a face that the file has not.
    """
    chosen = []
    for sample in ids:
        face = sample.split("/", 2)[-1]
        if sample not in known and face not in known:
            raise ValueError(f"{source} has no landmarks of '{face}'")
        chosen.append(known[sample] if sample in known else known[face])
    return torch.stack(chosen)
