"""``bench open``: the page of a run, in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from unmaskbench.benchmark.host.terminal import say


def open_page(
    run: Annotated[str, typer.Argument(help="A run folder, or its URL.")] = "runs/quick",
) -> None:
    """Open the page of a finished run in the browser; it is drawn first where it is not there yet.

    \b
    Examples:
      bench open
      bench open runs/lfw
    """
    from unmaskbench.benchmark.store.mirrored_folder import local_copy

    folder = local_copy(run)
    page = folder / "index.html"
    if not page.is_file():
        from unmaskbench.reports.site import render

        page = render([folder], folder)
    say(f"board  {page}")
    typer.launch(page.resolve().as_uri())
