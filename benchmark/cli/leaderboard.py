"""``bench leaderboard``: one board of what others have handed in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmaskbench.benchmark.host.terminal import say

if TYPE_CHECKING:
    from unmaskbench.benchmark.submissions.checks import Submission

REFUSED = 2


def leaderboard(
    results: Annotated[Path, typer.Argument(help="The folder of submissions, one folder each.")],
    out: Annotated[Path, typer.Option(help="Where to write the page and its board.json.")] = Path("leaderboard"),
    reference: Annotated[
        str, typer.Option(help="The submission whose samples, trials and judges count. Default: those that most share.")
    ] = "",
    recompute: Annotated[
        int, typer.Option(help="Score so many attached pictures of each submission, chosen at random, again.", min=0)
    ] = 0,
    root: Annotated[
        str | None, typer.Option(help="The folder of the faces, to compute again on a dataset that needs one.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 2 where any submission is refused.")] = False,
) -> None:
    """Check every submission below a folder and draw the board of those that are accepted. What is refused is told with the
    sentence why, in the terminal and on the page. Nothing that a submission names is imported or run.

    \b
    Examples:
      bench leaderboard results
      bench leaderboard results --out public --reference house --strict
      bench leaderboard results --recompute 20 --root ~/data/lfw
    """
    from unmaskbench.benchmark.cli.summary import print_summary
    from unmaskbench.benchmark.host.text import json_text, told
    from unmaskbench.benchmark.store.write import write_file
    from unmaskbench.benchmark.submissions.joint import gather, joint_board
    from unmaskbench.benchmark.submissions.recompute import recompute as computed_again
    from unmaskbench.reports.best_first import with_methods_best_first
    from unmaskbench.reports.schema import board_check
    from unmaskbench.reports.site import render

    def more(one: Submission) -> None:
        board_check()(told(one.board), "its board")  # what does not fit the schema would end the others' page
        if not recompute:
            return
        done = computed_again(one, recompute, root)
        for note in dict.fromkeys(done.notes):
            say(f"note      {one.name}: {note}")
        if done.pictures:
            say(
                f"note      {one.name}: {done.pictures} pictures scored again, {done.values} values come out as handed in"
            )

    found = gather(results, reference, more)
    for one in found.accepted:
        say(f"accepted  {one.name}: {', '.join(entry.label for entry in one.methods)} (sha256 {one.index.hash()[:12]})")
    for name, reason in sorted(found.refused.items()):
        say(f"refused   {name}: {reason}")
    if found.accepted:
        # submissions come by name, and a reader asks for the best
        board = with_methods_best_first(joint_board(found, results.resolve().name))
        write_file(out / "board.json", json_text(board))
        print_summary(out)
        say(f"board  {render([out], out)}")
    say(f"{len(found.accepted)} accepted, {len(found.refused)} refused")
    if not found.accepted or (strict and found.refused):
        raise typer.Exit(REFUSED)
