"""Where a plug-in that can be trained lives: the folder of its class holds its recipes and, in ``weights``, what they trained."""

from __future__ import annotations

from pathlib import Path

from unmaskbench.benchmark.plugins.hooks import folder_of
from unmaskbench.benchmark.plugins.registry import MATCHERS, METHODS, SEGMENTERS


def home(name: str) -> Path | None:
    """The folder of the method, segmenter or matcher ``name``; None where there is nothing to train in it (``telea``).

    Raises UnknownPluginError, with the names alike, for a name that is none of theirs.
    """
    room = next((room for room in (METHODS, SEGMENTERS, MATCHERS) if name in room.names()), METHODS)
    return folder_of(room.get(name))


def recipe_file(name: str) -> Path | None:
    """The file of the recipes of ``name``, there or not: ``recipe.yaml`` in a folder of its own name, else
    ``<name>_recipe.yaml``; None where there is nothing to train."""
    folder = home(name)
    if folder is None:
        return None
    return folder / ("recipe.yaml" if folder.name == name else f"{name}_recipe.yaml")


def shipped_folder(name: str) -> Path:
    """Where weights of ``name`` ship. Raises ValueError where there is nothing to train."""
    folder = home(name)
    if folder is None:
        raise ValueError(f"'{name}' has no weights: there is nothing to train in it")
    return folder / "weights"
