"""``bench train``: train a learned method by a recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from unmaskbench.benchmark.cli.run import split_list
from unmaskbench.benchmark.host.terminal import say


def train(
    method: Annotated[
        str,
        typer.Argument(help="A learned method, 'segmenter', 'refiner' (of landmarks), 'compact' or 'compact_judge'."),
    ],
    recipe: Annotated[
        str, typer.Option(help="A name in the method's recipe.yaml (compact, paper ...) or a file.")
    ] = "compact",
    data: Annotated[
        str, typer.Option(help="Datasets separated by commas; NAME=DIR gives one a root of its own.")
    ] = "lfw",
    root: Annotated[str, typer.Option(help="The folder of the datasets that need one.")] = "",
    steps: Annotated[
        int,
        typer.Option(help="Steps instead of the recipe's, as a trial whose weights stay in --out. 0: the recipe's."),
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint in --out.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    precision: Annotated[Literal["", "fp32", "bf16"], typer.Option(help="Instead of the recipe's.")] = "",
    out: Annotated[str, typer.Option(help="The run's folder. Default: runs/train/<method>-<recipe>.")] = "",
) -> None:
    """Train a learned method by a recipe; the weights that validated best are put where the method finds them.

    A recipe that goes on from an earlier one has that trained first, where its weights are not here yet.

    \b
    Examples:
      bench train modified_vnet --data lfw --root ~/data/lfw
      bench train h2a_ms2a_gan --recipe paper --data celeba_hq --root ~/data/celeba_hq --device cuda
      bench train refiner --data lfw=~/data/lfw,face_shards=~/data/faces
      bench train mbnet --steps 200 --out runs/train/trial --root ~/data/lfw
      torchrun --nproc-per-node 4 -m unmaskbench.benchmark.training lama --recipe paper --data celeba --root DIR --device cuda
    """
    if method == "refiner":
        say(f"weights  {_refiner(data, root, steps, out, resume)}")
        return
    from unmaskbench.benchmark.run.device import resolve_device
    from unmaskbench.benchmark.training.train import train as train_method

    path = train_method(
        method,
        recipe,
        data=split_list(data),
        root=root or None,
        steps=steps or None,
        resume=resume,
        device=resolve_device(device),
        precision=precision or None,
        out=out or None,
    )
    say(f"weights  {path}")


def _refiner(data: str, root: str, steps: int, out: str, resume: bool) -> Path:
    """Train the landmark refiner, whose weights stay in its folder until they are put beside the detector's. Raises ValueError
    where it shall go on and there is nothing to go on from."""
    from unmaskbench.benchmark.training.refiner import Settings
    from unmaskbench.benchmark.training.refiner_run import next_seed, run

    pairs = [entry.partition("=") for entry in split_list(data)]
    if absent := [name for name, _, place in pairs if not (place or root)]:
        raise ValueError(f"bench train refiner: {absent[0]} needs a root (--data {absent[0]}=DIR or --root DIR)")
    sources = [(name, Path(place or root).expanduser()) for name, _, place in pairs]
    folder = Path(out or "runs/train/refiner")
    start = folder / "refiner.safetensors" if resume else None
    if start is not None and not start.is_file():
        raise ValueError(
            f"there is no {start} to go on from; leave out --resume, or give the --out of an earlier training"
        )
    settings = Settings(start=start, seed=next_seed(folder) if resume else 0)
    if steps:
        settings = replace(settings, steps=steps)
    return run(sources, settings, folder, lambda text: say(text, err=True))
