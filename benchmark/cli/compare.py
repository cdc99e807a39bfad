"""``bench compare``: two runs of the same samples."""

from __future__ import annotations

from typing import Annotated

import typer

from unmaskbench.benchmark.host.terminal import say


def compare(
    first: Annotated[str, typer.Argument(help="A run folder, or its URL.")],
    second: Annotated[str, typer.Argument(help="Another run of the same samples.")],
    every: Annotated[bool, typer.Option("--all", help="Show the rows without a significant difference too.")] = False,
) -> None:
    """Paired differences of every method and metric that two runs share: second minus first, Holm-corrected.

    \b
    Example:
      bench compare runs/before runs/after
    """
    from unmaskbench.benchmark.cli.check import print_lines
    from unmaskbench.benchmark.gate.compare import compare as compared
    from unmaskbench.benchmark.gate.text import difference_lines
    from unmaskbench.benchmark.store.mirrored_folder import local_copy

    result = compared(local_copy(first), local_copy(second))
    lines = difference_lines(result, every)
    print_lines(f"{first} -> {second}", lines, shown=len(lines))
    rows = [verdict for verdict in result.verdicts if verdict.difference is not None]
    if not rows:
        say("the two runs share no row: no method and metric is in both with one signature")
        raise typer.Exit(3)
    same = sum(verdict.difference == 0 for verdict in rows)
    counts = {state: sum(verdict.state == state for verdict in rows) for state in ("worse", "better")}
    say(
        f"{len(rows)} rows compared: {counts['worse']} worse, {counts['better']} better, {same} equal to the last digit, "
        f"{len(rows) - same - sum(counts.values())} that cannot be told apart"
    )
