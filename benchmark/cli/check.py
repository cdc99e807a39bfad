"""``bench check``: a run against a baseline, for CI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmaskbench.benchmark.host.terminal import print_table, say
from unmaskbench.benchmark.store.write import write_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unmaskbench.benchmark.gate.baseline import Baseline
    from unmaskbench.benchmark.gate.text import Line
    from unmaskbench.benchmark.gate.verdict import Result


def check(
    run: Annotated[str, typer.Argument(help="The run folder, or its URL.")],
    baseline: Annotated[Path, typer.Option(help="The baseline file (JSON).")],
    update: Annotated[
        bool, typer.Option("--update", help="Rewrite the baseline from the run, and say what changed.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML here, a test case per guarded row.")] = None,
    summary: Annotated[
        Path | None, typer.Option(help="Append a Markdown summary to this file ($GITHUB_STEP_SUMMARY).")
    ] = None,
    worst: Annotated[Path | None, typer.Option(help="Copy the worst ten images to this folder.")] = None,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="Leave out the baseline's methods that the run has not: the verdict says so."),
    ] = False,
) -> None:
    """Compare a run with a baseline: a row regresses when its paired difference is significant and exceeds the tolerance.

    Exit codes: 0 nothing regressed, 1 regression, 2 usage or broken input, 3 nothing could be compared.

    \b
    Examples:
      # make a baseline, then guard it
      bench check runs/quick --baseline baseline.json --update
      bench check runs/quick --baseline baseline.json --junit check.xml
      # a quick look at two of its methods
      bench run --methods untouched,telea --out runs/two
      bench check runs/two --baseline baseline.json --partial
    """
    from unmaskbench.benchmark.gate.baseline import read_baseline
    from unmaskbench.benchmark.gate.check import check as compared
    from unmaskbench.benchmark.gate.junit import write_junit
    from unmaskbench.benchmark.gate.snapshot import snapshot
    from unmaskbench.benchmark.gate.text import write_markdown
    from unmaskbench.benchmark.gate.worst_images import worst_samples, write_worst
    from unmaskbench.benchmark.store.mirrored_folder import local_copy

    if partial and update:
        raise typer.BadParameter("it leaves methods out, and --update writes the whole baseline: give one of them")
    folder = local_copy(run)
    if update and not baseline.exists():
        _write(snapshot(folder), baseline)
        return
    held = read_baseline(baseline)
    result = compared(held, snapshot(folder, held.guard, held.tolerance), partial)
    if junit is not None:
        write_junit(result, junit)
    chosen = write_worst(result, folder, worst) if worst is not None else worst_samples(result)
    if summary is not None:
        write_markdown(result, summary, [str(one) for one in chosen])
    print_findings(result)
    if worst is not None and chosen:
        say(f"worst images  {worst}")
    if update:
        print_moves(result)
        _write(result.run, baseline)
        return
    _conclude(result, f"bench check {run} --baseline {baseline} --update")


def _conclude(result: Result, command: str) -> None:
    """The verdict in a sentence and, where it is none to pass, the ``command`` that accepts it; then the exit code."""
    from unmaskbench.benchmark.gate.text import absent_words, headline

    say(headline(result))
    if result.exit_code:
        without = f"  # and drop {absent_words(result)}" if result.absent_methods else ""
        say(f"if that is meant: {command}{without}")
        raise typer.Exit(result.exit_code)


def print_findings(result: Result) -> None:
    """The tables of regressions and of notes."""
    from unmaskbench.benchmark.gate.text import note_lines, regression_lines

    print_lines("regressions", regression_lines(result))
    print_lines("notes", note_lines(result))


def print_moves(result: Result) -> None:
    """Every row whose figure an update changes, old -> new, however little."""
    from unmaskbench.benchmark.board.figure_text import exact, exact_difference

    moved = [v for v in result.verdicts if v.difference]
    for verdict in moved:
        before, after = (exact(verdict.name.metric, value) for value in (verdict.before, verdict.after))
        say(f"{verdict.name}: {before} -> {after} ({exact_difference(verdict.name.metric, verdict.difference)})")
    absent = result.absent_methods
    for name, count in absent.items():
        say(f"method {name}: no longer guarded, {count} rows")
    gone = [v for v in result.verdicts if v.state == "missing"]
    for verdict in gone:
        if verdict.name.method not in absent:
            say(f"{verdict.name}: no longer guarded, {verdict.message}")
    new = [v for v in result.verdicts if v.state == "new"]
    for verdict in new:
        say(f"{verdict.name}: guarded from now on")
    say(f"{len(moved)} rows changed, {len(gone)} went, {len(new)} came")


def print_lines(title: str, lines: Sequence[Line], shown: int = 40) -> None:
    """A table of findings on stdout; only the columns that hold something."""
    from unmaskbench.benchmark.gate.text import HEADINGS

    if not lines:
        return
    columns = [c for c in range(len(HEADINGS)) if any(line[c] for line in lines)]
    print_table(
        title, [(HEADINGS[c], 2 <= c <= 6) for c in columns], [[line[c] for c in columns] for line in lines[:shown]]
    )
    if len(lines) > shown:
        say(f"and {len(lines) - shown} more (--junit and --summary name them)")


def _write(content: Baseline, path: Path) -> None:
    text = content.text()
    write_file(path, text)
    rows = sum(len(row.outputs) for row in content.rows) + len(content.figures)
    failed = sum(row.values.count("failed") for row in content.rows)
    say(f"wrote {path}: {rows} guarded rows, {len(text) // 1000} kB")
    if failed:
        say(f"warning: {failed} values are failures, and will not be missed by the gate", err=True)
