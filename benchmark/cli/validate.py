"""``bench validate``: hold suites, plug-ins, datasets, predictions, mask sets and runs to their word; every error at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from unmaskbench.benchmark.host.terminal import say, say_json

if TYPE_CHECKING:
    from unmaskbench.benchmark.validate.findings import Findings


def validate(
    things: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="THING...",
            help="A suite (name or .yaml), a plug-in (id, FILE.py, FILE.py:CLASS), an installed package with plug-ins, a run, "
            "a set of masks, a folder of predictions.",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[str, typer.Option(help="A dataset: every face of it is decoded.")] = "",
    root: Annotated[str, typer.Option(help="The folder of the dataset's files.")] = "",
    split: Annotated[str, typer.Option(help="The dataset's split. Default: the first of its card.")] = "",
    suite: Annotated[str, typer.Option(help="The suite that predictions are for.")] = "quick",
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
) -> None:
    """Say all that is wrong with a thing before anything is computed with it.

    Exit code 0: nothing is wrong; 1: something is; 2: a word names nothing that can be validated.

    \b
    Examples:
      bench validate my.yaml lfw
      bench validate my_method.py:MyMethod
      bench validate my-package
      bench validate --dataset folder --root ~/faces
      bench validate outputs/ --suite quick
      bench validate runs/quick --json
    """
    from unmaskbench.benchmark.validate.packages import plugin_findings
    from unmaskbench.benchmark.validate.things import thing_findings

    if not things and not dataset:
        raise typer.BadParameter("give a THING, or --dataset ID")
    if (root or split) and not dataset:
        raise typer.BadParameter("--root and --split are a dataset's: give --dataset ID")
    found: list[Findings] = [findings for thing in things or [] for findings in thing_findings(thing, suite)]
    if dataset:
        with _bar(as_json) as advance:
            found.append(plugin_findings("dataset", dataset, root=root or None, split=split, advance=advance))
    if as_json:
        entries = [asdict(findings) | {"ok": not findings.problems} for findings in found]
        say_json({"ok": all(entry["ok"] for entry in entries), "things": entries})
    else:
        for findings in found:
            _tell(findings)
    if any(findings.problems for findings in found):
        raise typer.Exit(1)


def _tell(findings: Findings) -> None:
    count = len(findings.problems)
    state = "ok" if not count else "1 problem" if count == 1 else f"{count} problems"
    say(f"{state:<12} {findings.subject}")
    for text in findings.problems:
        say(f"  - {text}")
    for text in findings.notes:
        say(f"  note: {text}")
    if findings.facts:
        say("  " + ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in findings.facts.items()))


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar of faces on the terminal's error stream; nothing with ``quiet``."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as bars:
        task = bars.add_task("faces", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
