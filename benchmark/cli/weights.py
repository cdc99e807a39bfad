"""``bench weights``: list, fetch, add and verify files of weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmaskbench.benchmark.host.terminal import say
from unmaskbench.benchmark.plugins.hooks import weights_of
from unmaskbench.benchmark.plugins.nearest import did_you_mean

if TYPE_CHECKING:
    from unmaskbench.benchmark.plugins.weights.files import WeightFile

app = typer.Typer(help="List, fetch, add and verify files of weights.", no_args_is_help=True, rich_markup_mode=None)


def catalogue() -> dict[str, WeightFile]:
    """Every weight file that a plug-in, the face detector or a loss of training names, by id."""
    from unmaskbench.benchmark.detection.insightface import DETECTOR
    from unmaskbench.benchmark.metrics._backbones import VGG19
    from unmaskbench.benchmark.plugins import registry

    found: dict[str, WeightFile] = {weight.id: weight for weight in (DETECTOR, *VGG19.files)}
    for room in (registry.METRICS, registry.MATCHERS, registry.METHODS, registry.SEGMENTERS):
        for name in room.names():
            for weight in weights_of(room.get(name)):
                found.setdefault(weight.id, weight)
    return dict(sorted(found.items()))


def named(identifier: str) -> WeightFile:
    """The weight file of an id. Raises ValueError with the nearest."""
    known = catalogue()
    if identifier not in known:
        raise ValueError(f"unknown weights '{identifier}'{did_you_mean(identifier, known)} (bench weights list)")
    return known[identifier]


@app.command("list")
def list_() -> None:
    """Every file of weights, where it is or how to get it.

    \b
    Example:
      bench weights list
    """
    from unmaskbench.benchmark.plugins.weights.files import find, remedy

    for weight in catalogue().values():
        path = find(weight)
        say(f"{weight.id:<24} {'here' if path else 'not here'}  {weight.licence}")
        where = str(path or remedy(weight))
        say(f"{'':<24} {where}")
        if weight.source not in where:
            say(f"{'':<24} from {weight.source}")
        say(f"{'':<24} enables {weight.enables}")


@app.command()
def fetch(identifier: Annotated[str, typer.Argument(metavar="ID", help="bench weights list names them.")]) -> None:
    """Download a file of weights from its publisher and check its sha256.

    \b
    Example:
      bench weights fetch fid_inception
    """
    from unmaskbench.benchmark.plugins.weights.download import download

    weight = named(identifier)
    say(f"{weight.filename}: {weight.licence}, from {weight.source}")
    say(str(download(weight)))


@app.command()
def add(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="bench weights list names them.")],
    file: Annotated[Path, typer.Argument(help="The file that you have.")],
) -> None:
    """Copy a file that you have into the cache, its sha256 checked where the publisher's is known.

    \b
    Example:
      bench weights add edgeface_xs ~/Downloads/edgeface_xs.onnx
    """
    from unmaskbench.benchmark.plugins import weights

    say(str(weights.add(named(identifier), file)))


@app.command()
def verify() -> None:
    """Check the sha256 of every file that is here; exit code 1 where one is not what it should be.

    \b
    Example:
      bench weights verify
    """
    from unmaskbench.benchmark.plugins.weights.files import find, require

    wrong = 0
    for weight in catalogue().values():
        if find(weight) is None:
            continue
        try:
            path = require(weight)
        except ValueError as error:
            wrong += 1
            say(f"{weight.id:<24} WRONG  {error}")
        else:
            say(f"{weight.id:<24} {'ok' if weight.sha256 else 'here (its publisher states no sha256)'}  {path}")
    if wrong:
        raise typer.Exit(1)
