"""``bench submit``: hand a run in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unmaskbench.benchmark.host.terminal import say


def submit(
    run: Annotated[str, typer.Argument(help="A run folder or its URL.")],
    to: Annotated[Path, typer.Option(help="The folder of results, which may be a git repository's.")],
    name: Annotated[str, typer.Option(help="The submission's name. Default: the run folder's.")] = "",
    notes: Annotated[str, typer.Option(help="What whoever reads the board should know.")] = "",
    predictions: Annotated[
        bool, typer.Option("--predictions", help="Attach the restored pictures, so that others can score them again.")
    ] = False,
    similarities: Annotated[
        bool, typer.Option("--similarities", help="Hand in the similarity of every trial in place of the embeddings.")
    ] = False,
) -> None:
    """Write a finished run as a small, hashed result into a folder of results: per-sample scores, embeddings (or, asked for,
    similarities alone), cards and figures. No pictures (unless asked for), no absolute path and no host's name.

    \b
    Examples:
      bench submit runs/quick --to results
      bench submit runs/mine --to results --name mine --notes "trained on synthetic heads"
      bench submit runs/mine --to results --name mine --predictions
      bench submit runs/mine --to results --similarities
    """
    from unmaskbench.benchmark.store.mirrored_folder import local_copy
    from unmaskbench.benchmark.submissions.pack import submit as submitted

    done = submitted(local_copy(run), to, name, notes, predictions, similarities)
    say(f"submission  {done.folder}{' (was there already, with the same bytes)' if done.was_there else ''}")
    rooms: dict[str, list[int]] = {}
    for file, (_, size) in done.index.files.items():
        rooms.setdefault(file.partition("/")[0] + ("/" if "/" in file else ""), []).append(size)
    for room, sizes in sorted(rooms.items(), key=lambda found: -sum(found[1])):
        say(f"{sum(sizes) / 1000:>10,.1f} kB  {room}" + (f" ({len(sizes)} files)" if room.endswith("/") else ""))
    say(f"{done.index.size / 1000:>10,.1f} kB  in all, {len(done.index.files)} files, sha256 {done.index.hash()}")
