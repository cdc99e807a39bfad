"""What ``unmaskbench.run`` gives back: a run folder, opened."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.benchmark.plugins.json_types import JsonObject

if TYPE_CHECKING:
    from polars import DataFrame

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

    def table(self, dataset: str = "", occlusion: str = "", output: str = "") -> DataFrame:
        """The leaderboard, a line a method, the best first, for every condition and output or those that are asked for."""
        from unmaskbench.reports.board import load
        from unmaskbench.reports.frames import leaderboard

        return leaderboard(load(self.folder), dataset, occlusion, output)

    def frame(self, name: str = "rows") -> DataFrame:
        """A long table of the board: ``rows`` (image figures), ``verification``, ``differences``, ``correlations``, ``methods``
        and more, as ``board.json`` holds them. Raises ValueError for another name."""
        from unmaskbench.reports.board import load
        from unmaskbench.reports.frames import frame

        return frame(load(self.folder), name)

    def samples(self) -> DataFrame:
        """Every score: a row for each sample, method, output, metric and region, failures too."""
        from unmaskbench.benchmark.board.single_values import sample_table
        from unmaskbench.benchmark.store.folder import RunFolder

        return sample_table(RunFolder(self.folder))

    def pairs(self, matcher: str = "", method: str = "") -> DataFrame:
        """Every comparison: probe ``a`` with gallery image ``b`` in a setting, whether both show one person, and how similar the
        matcher finds them; ``matcher`` and ``method`` leave the others out."""
        from unmaskbench.benchmark.board.single_values import pair_table
        from unmaskbench.benchmark.store.folder import RunFolder

        return pair_table(RunFolder(self.folder), matcher, method)

    def compare(self, a: str, b: str) -> DataFrame:
        """Two methods on the same samples: every paired difference, ``a`` minus ``b``, with its interval, Holm's p, and which
        of them is better."""
        from unmaskbench.reports.board import load
        from unmaskbench.reports.frames import against

        return against(load(self.folder), a, b)

    def show(self, browser: bool = True) -> Path:
        """Draw the page where it is not there yet, open it in the ``browser``, and return its path."""
        import webbrowser

        page = self.folder / "index.html"
        if not page.is_file():
            from unmaskbench.reports.site import render

            page = render([self.folder], self.folder)
        if browser:
            webbrowser.open(page.resolve().as_uri())
        return page

    def _repr_html_(self) -> str:
        """What a notebook shows of a run: the answer in a sentence and the head of its leaderboard."""
        from unmaskbench.reports.board import load
        from unmaskbench.reports.frames import summary_html

        return summary_html(load(self.folder))


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
