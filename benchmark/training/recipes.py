"""The recipes that ship and a user's own: found by name, read, laid over what they extend.

Where recipes live: ``methods/<id>/recipe.yaml`` (``<id>_recipe.yaml`` beside the plug-in where several share a folder)
holds one mapping per recipe: ``compact``, ``paper``, and named ablations. A recipe may say ``extends: compact``, or
``extends: ra_unet/compact`` for one of another plug-in, and give only what differs; mappings are merged key by key,
lists are replaced. A user's own file holds one recipe at its top level.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from unmaskbench.benchmark.plugins.json_types import JsonMapping, JsonObject
from unmaskbench.benchmark.plugins.yaml_file import read_mapping
from unmaskbench.benchmark.training.plugin_folder import recipe_file
from unmaskbench.benchmark.training.recipe import Recipe

LARGEST_RECIPE_BYTES = 1 << 20


class RecipeError(ValueError):
    """A recipe that cannot be read; the message names the file, the key and what was expected."""


def load_recipe(method: str, recipe: str | Path) -> Recipe:
    """The recipe called ``recipe`` of ``method``, or the one in the YAML file ``recipe``.

    Raises RecipeError, with the names that exist, where there is none, and with the key where a value does not fit.
    """
    path = Path(recipe)
    if path.suffix in (".yaml", ".yml"):
        content = _read(path)
        content.setdefault("name", path.stem)
        if "extends" in content:
            try:
                base = _base(method, str(content.pop("extends")), ())
            except RecipeError as error:
                raise RecipeError(f"{path}: extends: {error}") from error
            content = merged(base, content)
    else:
        content = _section(method, str(recipe), ())
        path = recipe_file(method) or path
    content.setdefault("method", method)
    return parse(content, str(path))


def recipe_names(method: str) -> list[str]:
    """The recipes that ship with ``method``, in the order of its file; empty where it has none."""
    path = recipe_file(method)
    return list(_read(path)) if path is not None and path.is_file() else []


def parse(content: JsonMapping, source: str) -> Recipe:
    """A recipe from a mapping; RecipeError names the first keys of ``source`` that do not fit."""
    try:
        return Recipe.model_validate(dict(content))
    except ValidationError as error:
        details = [
            f"key '{'.'.join(str(part) for part in detail['loc']) or '(top)'}': {detail['msg']}"
            for detail in error.errors()[:5]
        ]
        raise RecipeError(f"{source}: " + "; ".join(details)) from error


def merged(base: JsonMapping, changes: JsonMapping) -> JsonObject:
    """``base`` with ``changes`` laid over it: mappings key by key, everything else replaced."""
    result = dict(base)
    for key, value in changes.items():
        inner = result.get(key)
        result[key] = merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return result


def _section(method: str, name: str, chain: tuple[str, ...]) -> JsonObject:
    path = recipe_file(method)
    if path is None:
        raise RecipeError(f"there is nothing to train in '{method}'")
    if not path.is_file():
        raise RecipeError(f"'{method}' ships no recipe ({path} is not there); pass a YAML file of your own")
    sections = _read(path)
    if name not in sections:
        raise RecipeError(f"'{method}' has no recipe '{name}'; {path} has {', '.join(sections)}")
    step = f"{method}/{name}"
    if step in chain:
        raise RecipeError(f"{path}: recipes extend each other in a circle: {' -> '.join((*chain, step))}")
    content = dict(sections[name])
    if "extends" in content:
        content = merged(_base(method, str(content.pop("extends")), (*chain, step)), content)
    return {**content, "name": name, "method": method}


def _base(method: str, extends: str, chain: tuple[str, ...]) -> JsonObject:
    """What ``extends`` names: a recipe of ``method``, or ``other/recipe``. Its own method and name stay behind."""
    other, _, name = extends.rpartition("/")
    content = _section(other or method, name, chain)
    return {key: value for key, value in content.items() if key not in ("method", "name")}


def _read(path: Path) -> JsonObject:
    try:
        return read_mapping(path, "recipe", LARGEST_RECIPE_BYTES)
    except ValueError as error:
        raise RecipeError(str(error)) from error
