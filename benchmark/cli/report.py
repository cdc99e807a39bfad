"""``bench report``: draw the leaderboard of one or more runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unmaskbench.benchmark.host.terminal import say


def report(
    runs: Annotated[list[str], typer.Argument(help="Run folders, or their URLs.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the page. Default: the first run's folder.")] = None,
    single_file: Annotated[
        bool, typer.Option("--single-file/--folder", help="One self-contained file, or a folder of files.")
    ] = True,
    tables: Annotated[
        Path | None, typer.Option(help="Also write every table here, as CSV, JSON, Markdown and LaTeX.")
    ] = None,
    figures: Annotated[
        int, typer.Option(min=1, help="How many figures to draw at most, the most asked for first (about 0.1 s each).")
    ] = 48,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Draw the leaderboard of finished runs. Calls no network and needs no torch.

    \b
    Examples:
      bench report runs/quick --open
      bench report runs/lfw runs/quick --out boards/
      bench report runs/lfw --tables tables/
    """
    from unmaskbench.benchmark.store.mirrored_folder import folder_of, local_copy
    from unmaskbench.reports.site import render

    folders = [local_copy(run) for run in runs]
    page = render(folders, out or folders[0], single_file=single_file, figures_limit=figures)
    if out is None:
        folder_of(runs[0]).publish()
    say(f"board  {page}")
    if tables is not None:
        from unmaskbench.reports.tables import export_tables

        written = export_tables(folders, tables)
        say(f"tables {tables} ({len(written)} files)")
    if open_page:
        typer.launch(page.resolve().as_uri())
