"""Progress bars and the summary table of a run, for people at a terminal and for logs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
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

from unmaskbench.benchmark.host.terminal import cell, print_table, say
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plugins.cards import NO_TRUTH
from unmaskbench.benchmark.plugins.json_types import JsonMapping
from unmaskbench.benchmark.store.folder import RunFolder


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


def print_summary(folder: Path) -> None:
    """The board's main figures as a table on stdout: one row per method, a column per image metric and matcher."""
    board = RunFolder(folder).read_board()
    for dataset, occlusion in _conditions(board):
        _print_table(board, dataset, occlusion)
    for worn in board.get("worn", ()):
        if worn["found"] is not None:
            say(f"{worn['dataset']}: a mask was found on {worn['found']} of {worn['probes']} worn photographs")
    if board["timings"]:
        stages = "  ".join(f"{stage} {seconds:.1f} s" for stage, seconds in board["timings"].items())
        say(f"time   {stages}")
    for line in _fates(board):
        say(line)


def _fates(board: JsonMapping) -> list[str]:
    """What did not go well, a line each; a photograph that no method could be given is told of once."""
    keys = ("dataset", "occlusion", "status", "count", "message")
    told = {tuple(row[key] for key in keys) for row in board["statuses"] if not row["method"]}
    lines = []
    for row in board["statuses"]:
        if row["status"] == "ok" or (row["method"] and tuple(row[key] for key in keys) in told):
            continue
        first = "the first: " if row["count"] > 1 else ""
        whose = row["method"] or "every method"
        lines.append(
            f"{row['dataset']}/{row['occlusion']}: {whose}: {row['count']} {row['status']} ({first}{row['message']})"
        )
    return lines


def _conditions(board: JsonMapping) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row["dataset"], row["occlusion"]) for row in board["rows"] + board["verification"]))


def _judged(board: JsonMapping) -> tuple[str, str]:
    """The figure that methods are ranked by, and its words before the target: older boards have only the kept threshold's."""
    equal = any(row["metric"] == "fnmr_equal" for row in board["verification"])
    return ("fnmr_equal", "FNMR at equal FMR") if equal else ("fnmr", "FNMR @")


def _print_table(board: JsonMapping, dataset: str, occlusion: str) -> None:
    rows = [r for r in board["rows"] if (r["dataset"], r["occlusion"], r["slice"]) == (dataset, occlusion, "all")]
    matched = [r for r in board["verification"] if (r["dataset"], r["occlusion"]) == (dataset, occlusion)]
    output = "composite" if any(r["output"] == "composite" for r in rows + matched) else "raw"
    figures: dict[str, dict[str, str]] = {}
    columns: list[str] = []
    for row in rows:
        if row["output"] != output or row["region"] not in ("whole", "hole"):
            continue
        name = row["metric"] + (" hole" if row["region"] == "hole" else "")
        columns += [name] if name not in columns else []
        value = row["value"]
        shown = "-" if value is None else (value if isinstance(value, str) else f"{value:.4g}")
        shown = NO_TRUTH if row.get("absent") == "no_truth" else shown
        figures.setdefault(row["method"], {})[name] = shown
    judged, words = _judged(board)
    for row in board["verification"]:
        same = (row["dataset"], row["occlusion"], row["slice"], row["metric"]) == (dataset, occlusion, "all", judged)
        if not same or row["setting"] not in ("TT", "MT", "UT") or row["policy"] != "penalised" or row["refused"]:
            continue
        if row["setting"] == "UT" and row["output"] != output:
            continue
        method = {"TT": "(truth)", "MT": "untouched"}.get(row["setting"], row["method"])
        name = f"{row['matcher']} {words} {row['target']:g}"
        columns += [name] if name not in columns else []
        figures.setdefault(method, {})[name] = "-" if row["value"] is None else f"{row['value']:.4f}"
    if not columns:
        reasons = dict.fromkeys(row["refused"] for row in matched if row["metric"] == judged and row["refused"])
        say(f"{dataset}, {occlusion}: no figure for this table{''.join(f'; {reason}' for reason in list(reasons)[:1])}")
        return
    print_table(
        f"{dataset}, {occlusion}, {output}",
        [("method", False), *((name, True) for name in columns)],
        [[method, *(values.get(name, "") for name in columns)] for method, values in figures.items()],
        name_whole=True,
    )
