"""``bench pairs``: what a vendor's matcher has to compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unmaskbench.benchmark.host.terminal import say


def pairs(
    run: Annotated[Path, typer.Argument(help="A finished run folder, made with --save-images.")],
    out: Annotated[Path | None, typer.Option(help="The table. Default: pairs.csv in the run folder.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a table that is there.")] = False,
) -> None:
    """Write every comparison that a run's board needs as a table of two pictures each, for a matcher that is a black box.

    The names are those of PNGs below the run folder. Fill in the column similarity (higher is more alike; empty where the
    matcher gives none) and add the matcher to the run.

    \b
    Examples:
      bench run --suite my.yaml --matchers none --save-images --out runs/mine
      bench pairs runs/mine
      bench score runs/mine --matchers scores:runs/mine/pairs.csv=vendor
    """
    from unmaskbench.benchmark.run.comparisons import as_csv, comparisons
    from unmaskbench.benchmark.store.folder import RunFolder
    from unmaskbench.benchmark.store.write import write_file

    table = out or run / "pairs.csv"
    if table.exists() and not overwrite:
        raise ValueError(f"{table} is there, perhaps with similarities in it; give another --out, or --overwrite")
    found = comparisons(RunFolder(run))
    write_file(table, as_csv(found))
    pictures = {name for one in found for name in (one.a, one.b)}
    say(f"{len(found):,} comparisons of {len(pictures):,} pictures below {run}: {table}")
    say(f"fill in the column similarity, then: bench score {run} --matchers scores:{table}=vendor")
