"""The runs that a recipe goes on from: which they are, where their weights lie, and which of them have yet to be trained."""

from __future__ import annotations

from pathlib import Path

from unmaskbench.benchmark.plugins.weights.files import search_path
from unmaskbench.benchmark.training.plugin_folder import shipped_folder
from unmaskbench.benchmark.training.recipe import Recipe
from unmaskbench.benchmark.training.recipes import RecipeError, load_recipe, recipe_names


def starting_files(recipe: Recipe) -> list[str]:
    """The weight files that a run by ``recipe`` reads before its first step, by name or path."""
    baseline = recipe.options.get("baseline")
    return [*([baseline] if isinstance(baseline, str) else []), *recipe.network.starts]


def weights_of(name: str, recipe: Recipe, folder: Path) -> Path:
    """The weight file ``name`` that a run of ``recipe`` in ``folder`` starts from.

    It is a path, or a name in the folder of the run that trains it, beside ``folder``, among the shipped weights, or in
    the weights search path. Raises RecipeError, with the command that trains it, where it is in none.
    """
    places = _places(name, recipe, folder)
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise RecipeError(
            f"recipe '{recipe.name}' starts from {name}, which is not there; train that first: bench train {recipe.method} "
            f"--recipe {_run(name, recipe)} (looked in {', '.join(str(place) for place in places)})"
        )
    return path


def run_folder(method: str, recipe: str, beside: Path) -> Path:
    """Where the run of ``recipe`` lies that belongs to the run in ``beside``."""
    return beside.parent / f"{method}-{recipe}"


def runs_to_come(recipe: Recipe, folder: Path) -> list[Recipe]:
    """The earlier runs whose weights ``recipe`` needs and which are not there, in the order to train them in.

    A missing file that no recipe of the method trains is none of them: ``weights_of`` will say so. Raises RecipeError
    where recipes start from each other in a circle.
    """
    return _to_come(recipe, folder, (recipe.name,))


def _to_come(recipe: Recipe, folder: Path, chain: tuple[str, ...]) -> list[Recipe]:
    before: dict[str, Recipe] = {}
    for name in starting_files(recipe):
        run = _run(name, recipe)
        trains_it = Path(name).name == name and run in recipe_names(recipe.method)
        if not trains_it or any(place.is_file() for place in _places(name, recipe, folder)):
            continue
        if run in chain:
            raise RecipeError(
                f"recipes of {recipe.method} start from each other in a circle: {' -> '.join((*chain, run))}"
            )
        earlier = load_recipe(recipe.method, run)
        before |= {item.name: item for item in (*_to_come(earlier, folder, (*chain, run)), earlier)}
    return list(before.values())


def _places(name: str, recipe: Recipe, folder: Path) -> tuple[Path, ...]:
    return (
        Path(name), run_folder(recipe.method, _run(name, recipe), folder) / name, folder.parent / name,
        shipped_folder(recipe.method) / name, *(place / name for place in search_path()),
    )  # fmt: skip


def _run(name: str, recipe: Recipe) -> str:
    return Path(name).stem.removeprefix(f"{recipe.method}_")
