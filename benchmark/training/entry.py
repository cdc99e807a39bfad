"""``train``: one call from a recipe's name to a weight file that the method loads."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import yaml

from unmaskbench.benchmark.learned import locate
from unmaskbench.benchmark.registry import METHODS
from unmaskbench.benchmark.training.data import AlignedFaces, FixedBatches, StepBatches, dataset_for, loader
from unmaskbench.benchmark.training.distributed import open_group
from unmaskbench.benchmark.training.hooks import CURVE
from unmaskbench.benchmark.training.loop import latest_checkpoint, run
from unmaskbench.benchmark.training.recipe import Recipe, RecipeError, load_recipe
from unmaskbench.benchmark.training.selection import People, select, write_ledger
from unmaskbench.benchmark.training.ship import finish, hardware, install
from unmaskbench.benchmark.training.tasks import build_step
from unmaskbench.benchmark.weights import search_path
from unmaskbench.benchmark.weights_io import load_strict, read_state_dict

RECIPE_FILE, FACTS_FILE = "recipe.yaml", "facts.json"


def train(
    method: str,
    recipe: str | Path = "compact",
    data: str | Sequence[str] = ("lfw",),
    root: Path | str | None = None,
    steps: int | None = None,
    resume: bool = False,
    device: str = "cpu",
    precision: Literal["fp32", "bf16"] | None = None,
    out: Path | str | None = None,
) -> Path:
    """Train ``method`` by ``recipe`` and return the path of the weights (float16 safetensors, its card beside it).

    Args:
        method: a learned method, ``segmenter``, or the matcher ``compact``.
        recipe: a name in the method's recipe file or a YAML file.
        data: registered datasets, one or several (``"lfw,synthetic"``); ``name=DIR`` gives one a root of its own.
        root: the folder of the datasets that need one.
        steps: overrides the recipe's number of steps (the schedule is stretched to it).
        resume: continue the newest checkpoint in ``out``; without one the run starts at step 0.
        device: "cpu", "cuda" or "cuda:N"; under torchrun every process takes its own.
        precision: overrides the recipe's.
        out: the run's folder, ``runs/train/<method>-<recipe>`` by default.

    The weights are also put into the user's cache where the method has none yet, so that it can be used at once. Raises
    RecipeError, the registry's errors, FileNotFoundError with a remedy for missing weights or data, and ValueError
    where a run of another recipe lies in ``out`` or the people of the evaluation would be trained on.
    """
    settings = load_recipe(method, recipe)
    changes: dict[str, Any] = {}
    if steps is not None:
        changes["steps"] = steps
    if precision is not None:
        changes["precision"] = precision
    if changes:
        settings = settings.replaced(**changes)
    folder = Path(out) if out is not None else Path("runs") / "train" / f"{settings.method}-{settings.name}"
    target = _device(device)
    rank, world = open_group(target)
    _prepare(folder, settings, resume, rank)
    names = [name.strip() for name in data.split(",")] if isinstance(data, str) else list(data)
    faces, validation_faces, people = select(names, root, settings.data)
    torch.manual_seed(settings.seed)
    training = dataset_for(settings, faces, training=True)
    step = build_step(settings, target, training.classes if isinstance(training, AlignedFaces) else 0)
    if isinstance(baseline := settings.options.get("baseline"), str):
        # f0 of an earlier run, where this run starts from a later one.
        _load_weights(step.generator, baseline, settings, folder)
        step.keep_baseline()
    if settings.network.start_from is not None:
        _load_weights(step.generator, settings.network.start_from, settings, folder)
    step.to(target)
    step.prepare()
    _channels_last(step)
    validation = dataset_for(settings, validation_faces, training=False)
    batches = StepBatches(len(training), settings.batch, settings.seed, rank, world)
    workers = settings.data.workers
    facts = _facts(names, faces, people, target, world)
    if rank == 0:
        write_ledger(people, folder)
        (folder / FACTS_FILE).write_text(json.dumps(facts), encoding="utf-8")
    began = time.perf_counter()
    before = _seconds_before(folder) if resume else 0.0
    run(
        settings, step, loader(training, batches, workers),
        loader(validation, FixedBatches(len(validation), settings.validation.batch), 0),
        folder, resume, rank, world,
    )  # fmt: skip
    if rank:
        return folder
    facts["wall_seconds"] = round(before + time.perf_counter() - began, 1)
    (folder / FACTS_FILE).write_text(json.dumps(facts), encoding="utf-8")
    return publish(folder)


def publish(folder: Path | str, into: Path | str | None = None) -> Path:
    """Make the weight file and card of a run's best weights, at any time of the run; returns the weights' path.

    With ``into`` both are copied there too (the place of shipped weights); without it into the user's cache, if the
    plug-in has no weights of that size yet.
    """
    folder = Path(folder)
    content = yaml.safe_load((folder / RECIPE_FILE).read_text(encoding="utf-8"))
    recipe = Recipe.model_validate(content)
    facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    facts.setdefault("wall_seconds", round(_seconds_before(folder), 1))
    path = finish(folder, recipe, facts)
    if into is not None:
        return install(path, Path(into))
    if locate(recipe.method, recipe.name, shipped_folder(recipe).parent) is None:
        install(path)
    return path


def ship(folder: Path | str) -> Path:
    """``publish`` a run into the place where its plug-in's shipped weights lie, with the ledger of its people."""
    folder = Path(folder)
    recipe = Recipe.model_validate(yaml.safe_load((folder / RECIPE_FILE).read_text(encoding="utf-8")))
    for ledger in folder.glob("*.json"):
        if "ledger" in (content := json.loads(ledger.read_text(encoding="utf-8"))):
            target = Path(__file__).with_name("people")
            target.mkdir(exist_ok=True)
            held = target / ledger.name
            if held.is_file():
                # Runs on the same people validate on fewer or more of the others: the ledger of most stays.
                before = json.loads(held.read_text(encoding="utf-8"))["ledger"]
                if set(before["validation"]) >= set(content["ledger"]["validation"]):
                    continue
            held.write_text(json.dumps(content, indent=0) + "\n", encoding="utf-8")
    return publish(folder, shipped_folder(recipe))


def shipped_folder(recipe: Recipe) -> Path:
    """Where the weights of a recipe's plug-in ship."""
    package = Path(__file__).resolve().parents[2]
    if recipe.task == "embedding":
        return package / "benchmark" / "biometrics" / "matchers" / "weights"
    if recipe.task == "segmentation":
        return package / "methods" / "h2a_ms2a_gan" / "weights"
    # modified_unet and mbnet are settings of modified_vnet's file and live with it.
    shared = {"modified_unet": "modified_vnet", "mbnet": "modified_vnet"}
    return package / "methods" / shared.get(recipe.method, recipe.method) / "weights"


def _device(device: str) -> torch.device:
    target = torch.device(device)
    if target.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(f"device '{device}' was asked for, but torch sees no accelerator; use --device cpu")
    return target


def _prepare(folder: Path, recipe: Recipe, resume: bool, rank: int) -> None:
    """Refuse to mix runs, then write the resolved recipe into the folder."""
    path = folder / RECIPE_FILE
    if path.is_file() and latest_checkpoint(folder) is not None:
        there = Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        if not resume:
            raise ValueError(f"{folder} already holds a run; continue it with --resume or choose another --out")
        if there.hash != recipe.hash:
            raise ValueError(
                f"{folder} holds a run of another recipe ({there.name}, {there.hash[:12]}, now {recipe.hash[:12]}); "
                "choose another --out"
            )
    if rank == 0:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False), encoding="utf-8")


def _load_weights(network: torch.nn.Module, name: str, recipe: Recipe, folder: Path) -> None:
    """Give ``network`` the weights of an earlier run. Raises RecipeError where they are not there."""
    run_of_it = Path(name).stem.removeprefix(f"{recipe.method}_")
    places = (
        Path(name), folder.parent / f"{recipe.method}-{run_of_it}" / name, folder.parent / name,
        shipped_folder(recipe) / name, *(place / name for place in search_path()),
    )  # fmt: skip
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise RecipeError(
            f"recipe '{recipe.name}' starts from {name}, which is not there; train that first: "
            f"bench train {recipe.method} --recipe {run_of_it} (looked in {', '.join(str(place) for place in places)})"
        )
    # Methods alone have published files; a segmenter and the matcher compact start from their own.
    plugin = METHODS.get(recipe.method) if recipe.method in METHODS.names() else None
    published_start = getattr(plugin, "published_start", None)
    published = published_start(path, network) if published_start is not None else None
    load_strict(network, published or read_state_dict(path), path)


def _channels_last(module: torch.nn.Module) -> None:
    """Lay four-dimensional weights out channels last; StyleGAN2's have five dimensions, which torch would refuse."""
    for parameter in module.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _facts(names: Sequence[str], faces: Any, people: People, device: torch.device, world: int) -> dict[str, Any]:
    return {
        "data": {
            "datasets": [name.partition("=")[0] for name in names],
            "training_images": len(faces),
            "people": people.record(),
        },
        "hardware": {**hardware(device), "processes": world},
        "torch": torch.__version__,
    }


def _seconds_before(folder: Path) -> float:
    """Time that the curve accounts for: steps between log lines at the speed that each line states."""
    path = folder / CURVE
    if not path.is_file():
        return 0.0
    batch = Recipe.model_validate(yaml.safe_load((folder / RECIPE_FILE).read_text(encoding="utf-8"))).batch
    seconds, before = 0.0, 0
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "images_per_second" in row:
            seconds += (row["step"] - before) * batch / max(row["images_per_second"], 1e-6)
            before = row["step"]
    return seconds
