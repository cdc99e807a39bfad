"""Progress bars of a run, for people at a terminal; lines for logs."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from unmaskbench.benchmark.host.terminal import cell
from unmaskbench.benchmark.plan.listener import Listener


class _Rate(ProgressColumn):
    """Images a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:7.1f} img/s" if speed else "", style="dim")


class Bars:
    """A bar per stage with count, rate and time left; lines on stderr where that is no terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description:<9}"), BarColumn(30), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(),
            console=self.console, disable=not self.console.is_terminal,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self.listener = Listener(begin=self._begin, advance=self._advance, note=self._note)

    def __enter__(self) -> Bars:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def _begin(self, totals: Mapping[str, int]) -> None:
        for stage, total in totals.items():
            self._tasks[stage] = self.progress.add_task(stage, total=total)

    def _advance(self, stage: str, images: int) -> None:
        if stage in self._tasks:
            self.progress.advance(self._tasks[stage], images)

    def _note(self, text: str) -> None:
        self.console.print(cell(text, "dim"), highlight=False)
