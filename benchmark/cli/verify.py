"""``bench verify``: whether a run folder holds what its run wrote."""

from __future__ import annotations

from typing import Annotated

import typer

from unmaskbench.benchmark.host.terminal import say


def verify(
    run: Annotated[str, typer.Argument(help="A run folder or its URL.")],
    recompute: Annotated[
        int, typer.Option(help="Compute so many measurements, chosen at random, again and compare.", min=0)
    ] = 0,
    seed: Annotated[int | None, typer.Option(help="Chooses the same measurements again.")] = None,
) -> None:
    """Compare a run folder with the hashes that it records, and, asked for, with what comes out again. Exit code 1 where
    something differs.

    \b
    Examples:
      bench verify runs/quick
      bench verify runs/quick --recompute 5
    """
    from unmaskbench.benchmark.run.verify import verify as verified
    from unmaskbench.benchmark.store.mirrored_folder import local_copy

    found = verified(local_copy(run), recompute, seed)
    for line in (*found.problems, *found.notes):
        say(line)
    say(f"{found.files} files compared, {found.units} measurements recomputed, {len(found.problems)} differ")
    if found.problems or (recompute and not found.units):
        raise typer.Exit(1)
