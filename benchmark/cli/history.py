"""``bench history``: runs of one manifest over time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmaskbench.benchmark.host.terminal import print_table, say

if TYPE_CHECKING:
    from unmaskbench.benchmark.gate.timeline import History

COLUMNS = 5


def history(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or a folder of them.")],
    out: Annotated[Path | None, typer.Option(help="Where to write history.html. Default: beside the first.")] = None,
) -> None:
    """Main figures of every method over the runs of one manifest, in the order of their time, with the gate's verdict between
    neighbours. Runs of other manifests are left out and told.

    \b
    Examples:
      bench history runs
      bench history runs/monday runs/tuesday --out public
    """
    from unmaskbench.benchmark.gate.history import history as read
    from unmaskbench.reports.history_page import render_history

    found = read(runs)
    _print(found)
    for sentence in found.left_out:
        say(sentence)
    first = runs[0]
    beside = first.parent if (first / "run.json").is_file() else first
    say(f"history  {render_history(found, out or beside)}")


def _print(found: History) -> None:
    from unmaskbench.reports.history_page import shown as written
    from unmaskbench.reports.history_page import title_of, verdict_of

    from_stage = max(0, len(found.stages) - COLUMNS)
    shown = range(from_stage, len(found.stages))
    earlier = f", the last {COLUMNS} of {len(found.stages)}" if from_stage else ""
    stages = [(f"{n + 1}", s.name, s.created[:16], s.version, s.commit) for n, s in enumerate(found.stages)]
    headings = [("#", True), ("run", False), ("made (UTC)", False), ("version", False), ("commit", False)]
    say(f"{len(stages)} runs of manifest {found.manifest[:12]}{earlier}")
    print_table("", headings, stages[from_stage:])
    for (dataset, occlusion, metric, region), lines in found.figures().items():
        rows = []
        for line in lines:
            at = {point.stage: point for point in line.points}
            cells = [f"{written(metric, at[n].value)} {verdict_of(at[n])}".strip() if n in at else "" for n in shown]
            rows.append([line.method, *cells])
        say("")
        say(f"{title_of(metric, region, found.labels)}: {dataset}, {occlusion} ({lines[0].direction} is better)")
        print_table("", [("method", False), *((f"run {n + 1}", False) for n in shown)], rows, in_blocks=True)
