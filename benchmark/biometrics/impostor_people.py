"""How many impostor comparisons each person has above a grid of thresholds, from a second pass over all of them.

The grid is made of FMR levels: 8 % apart from a fifth of the smallest target on, and every 2 % of FMR. Its thresholds are knots
of the first pass, equally spaced, so that the place of a score is looked up and not searched for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.biometrics.impostor_stream import Block, ImpostorStream
from unmaskbench.benchmark.biometrics.impostor_tally import STEPS, ImpostorTally
from unmaskbench.benchmark.biometrics.scores import Scores

Counts = NDArray[np.int64]

ROWS = 1024
"""Rows of a block that are looked at together: enough that counting them outweighs adding up the counts."""


@dataclass(frozen=True, eq=False)
class PersonCounts:
    """``cells`` (K, T + 1) of each person's impostor comparisons: below the first of ``grid`` (T,), which only failed ones are,
    between two of its thresholds, and from the last one on, infinity, which only those that were let in are. ``middles``
    (T - 1,) are scores in the middle of the cells between two thresholds."""

    grid: Scores
    cells: Counts
    middles: NDArray[np.float64]

    def completed(self) -> PersonCounts:
        """The same without failed comparisons."""
        cells = self.cells.copy()
        cells[:, [0, -1]] = 0
        return PersonCounts(self.grid, cells, self.middles)


def count_people(stream: ImpostorStream, found: ImpostorTally, targets: Sequence[float]) -> PersonCounts:
    """A second pass over the impostor scores of which ``found`` was kept by the first."""
    low, high = found.lowest_spaced, found.lowest_spaced + found.step * STEPS
    spaced = np.linspace(low, high, STEPS + 1)
    chosen = _grid_steps(found, spaced, targets)
    # Cells: failed, then from each threshold on; then let in, and what is no comparison.
    place_of = np.searchsorted(chosen, np.arange(STEPS + 1), side="right") + 1
    let_in, nothing = len(chosen) + 2, len(chosen) + 3
    faces = np.zeros((len(stream.identities), nothing + 1), np.int32)
    scale = np.float32(1.0 / found.step) if found.step else np.float32(0.0)
    for block in stream.blocks():
        for first in range(0, len(block.scores), ROWS):
            part = Block(
                block.row + first,
                block.column,
                block.scores[first : first + ROWS],
                block.excluded[first : first + ROWS],
            )
            held = np.where(part.excluded, np.float32(low), part.scores)
            step = (np.clip(held, np.float32(low), np.float32(high)) - np.float32(low)) * scale
            # The product may round to just below the last step, which what reaches it or was clipped to it is at.
            cells = place_of[np.where(held >= np.float32(high), STEPS, np.minimum(step.astype(np.int32), STEPS))]
            if found.failed or found.let_in:
                cells[held == -np.inf], cells[held == np.inf] = 0, let_in
            if part.excluded.any():
                cells[part.excluded] = nothing
            _add(faces, part, cells)
    cells = np.zeros((len(stream.images), nothing), np.int64)
    np.add.at(cells, stream.identities, faces[:, :nothing])
    lowest = np.nextafter(np.float32("-inf"), np.float32(0))
    grid = np.concatenate([[lowest], spaced[chosen].astype(np.float32), [np.float32("inf")]]).astype(np.float32)
    inner = np.concatenate([[low], spaced[chosen], [max(high, float(found.highest))]])
    return PersonCounts(grid, cells, (inner[1:] + inner[:-1]) / 2.0)


def _add(faces: NDArray[np.int32], part: Block, cells: NDArray[np.intp]) -> None:
    """Count each cell for the face of its row and for that of its column."""
    height, width = cells.shape
    steps = faces.shape[1]
    rows = cells + np.arange(height)[:, None] * steps
    faces[part.row : part.row + height] += np.bincount(rows.ravel(), minlength=height * steps).reshape(height, steps)
    columns = cells + np.arange(width)[None, :] * steps
    faces[part.column : part.column + width] += np.bincount(columns.ravel(), minlength=width * steps).reshape(
        width, steps
    )


def _grid_steps(found: ImpostorTally, spaced: NDArray[np.float64], targets: Sequence[float]) -> NDArray[np.intp]:
    """The equally spaced knots, by number, nearest to the FMR levels of the grid."""
    least = max(min(targets, default=1e-3) / 5.0, 1.0 / max(len(found), 1))
    count = 2 + int(np.log(1.0 / least) / 0.08)
    levels = np.concatenate([np.geomspace(least, 1.0, count), np.linspace(0.02, 1.0, 50)])
    below = found.counts_near(spaced.astype(np.float32))
    places = np.searchsorted(below, len(found) - levels * len(found), side="left")
    return np.unique(np.clip(places, 1, STEPS))
