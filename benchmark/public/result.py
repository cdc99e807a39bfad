"""What ``unmaskbench.run`` gives back: a run folder, opened."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.benchmark.plugins.json_types import JsonObject

if TYPE_CHECKING:
    from unmaskbench.benchmark.plan.suite import Suite


@dataclass(frozen=True)
class Result(os.PathLike[str]):
    """A finished run. It stands for its folder wherever a path is asked for."""

    folder: Path

    def __fspath__(self) -> str:
        return str(self.folder)

    @property
    def board(self) -> JsonObject:
        """The board: aggregates with intervals, as ``reports/board.schema.json`` describes them."""
        from unmaskbench.benchmark.store.folder import RunFolder

        return RunFolder(self.folder).read_board()

    @property
    def record(self) -> JsonObject:
        """run.json: the suite, versions, seeds, hardware and hashes of the run."""
        from unmaskbench.benchmark.store.folder import RunFolder

        return RunFolder(self.folder).read_run()


def run(suite: Suite | str, out: Path | str | None = None, **options: Any) -> Result:
    """Run a suite, or what of it is not there yet, and open the result.

    ``suite`` is a Suite, or the name or file of one; ``out`` is the run folder, ``runs/<suite name>`` without it. The
    ``options`` are those of :func:`unmaskbench.benchmark.run.entry.run`. Raises SuiteError, EngineError or StoreError
    before anything is computed; once units run, a failure becomes a row.
    """
    from unmaskbench.benchmark.run.entry import run as execute

    return Result(execute(suite, out, **options))


def open_run(folder: Path | str) -> Result:
    """Open a finished run. Raises StoreError where the folder holds none."""
    from unmaskbench.benchmark.store.folder import RunFolder

    path = Path(folder)
    RunFolder(path).read_run()
    RunFolder(path).read_board()
    return Result(path)


def build_masks(suite: Suite, out: Path | str, workers: int = 1) -> str:
    """Write the occluded faces of a suite, their truths and masks below ``out``, for networks that run elsewhere; returns
    the manifest's hash. Raises StoreError where ``out`` holds another set or something else."""
    from unmaskbench.benchmark.run.mask_set import build

    return build(suite, Path(out), workers)
