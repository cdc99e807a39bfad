"""``bench report``: draw the leaderboard of one or more runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the page. Default: the first run's folder.")] = None,
    single_file: Annotated[
        bool, typer.Option("--single-file/--folder", help="One self-contained file, or a folder of files.")
    ] = True,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Draw the leaderboard of finished runs. Calls no network and needs no torch.

    \b
    Examples:
      bench report runs/quick --open
      bench report runs/lfw runs/quick --out boards/
    """
    from unmaskbench.reports.site import render

    page = render(runs, out or runs[0], single_file=single_file)
    typer.echo(f"board  {page}")
    if open_page:
        typer.launch(page.resolve().as_uri())
