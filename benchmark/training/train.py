"""``train``: one call from a recipe's name to a weight file that the method loads."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
import yaml

from unmaskbench.benchmark.host.terminal import say
from unmaskbench.benchmark.plugins.hooks import published_start
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.learned_method import locate
from unmaskbench.benchmark.plugins.registry import METHODS, SEGMENTERS
from unmaskbench.benchmark.plugins.weights.loading import load_strict, read_state_dict
from unmaskbench.benchmark.store.write import write_file
from unmaskbench.benchmark.training import losses
from unmaskbench.benchmark.training.data import AlignedFaces, Faces, FixedBatches, StepBatches, dataset_for, loader
from unmaskbench.benchmark.training.distributed import open_group, wait_for_all
from unmaskbench.benchmark.training.hooks import CURVE
from unmaskbench.benchmark.training.loop import latest_checkpoint, run
from unmaskbench.benchmark.training.plugin_folder import shipped_folder
from unmaskbench.benchmark.training.prerequisites import run_folder, runs_to_come, weights_of
from unmaskbench.benchmark.training.recipe import Recipe
from unmaskbench.benchmark.training.recipes import load_recipe, recipe_names
from unmaskbench.benchmark.training.release import finish, hardware, install
from unmaskbench.benchmark.training.splits import Split, select, write_ledger
from unmaskbench.benchmark.training.steps import build_step
from unmaskbench.benchmark.training.still_targets import still_targets
from unmaskbench.benchmark.training.teachers import STILL_TEACHERS
from unmaskbench.benchmark.training.validation import Validation

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
        method: a learned method, ``segmenter``, or a matcher that is trained here (``compact``, ``compact_judge``).
        recipe: a name in the method's recipe file or a YAML file.
        data: registered datasets, one or several (``"lfw,synthetic"``); ``name=DIR`` gives one a root of its own.
        root: the folder of the datasets that need one.
        steps: overrides the recipe's number of steps (the schedule is stretched to it). Fewer make a trial, whose weights
            stay in its folder.
        resume: continue the newest checkpoint in ``out``; without one the run starts at step 0.
        device: "cpu", "cuda" or "cuda:N"; under torchrun every process takes its own.
        precision: overrides the recipe's.
        out: the run's folder, ``runs/train/<method>-<recipe>`` by default.

    A recipe may go on from an earlier one of the same method. Where the weights of that are not here it is trained first,
    with the same data, in the folder ``<method>-<recipe>`` beside ``out``, and so are those before it; not for a trial.

    The weights are also put into the user's cache where the method has none yet, so that it can be used at once. Raises
    RecipeError, the registry's errors, FileNotFoundError with a remedy for missing weights or data, and ValueError
    where a run of another recipe lies in ``out`` or the people of the evaluation would be trained on.
    """
    settings = _changed(load_recipe(method, recipe), steps, precision)
    folder = Path(out) if out is not None else Path("runs") / "train" / f"{settings.method}-{settings.name}"
    target = _device(device)
    group = open_group(target)
    names = [name.strip() for name in data.split(",")] if isinstance(data, str) else list(data)
    before = [] if steps is not None else runs_to_come(settings, folder)
    if before:
        for item in (*before, settings):
            _look_through(item)
    for number, earlier in enumerate(before, 1):
        if group[0] == 0:
            run_names = ", ".join(item.name for item in before)
            say(
                f"'{settings.name}' goes on from earlier runs ({run_names}); {number} of {len(before)}: '{earlier.name}'"
            )
        _train(
            _changed(earlier, None, precision), names, root, resume, target, group,
            run_folder(earlier.method, earlier.name, folder),
        )  # fmt: skip
    return _train(settings, names, root, resume, target, group, folder)


def _changed(recipe: Recipe, steps: int | None, precision: str | None) -> Recipe:
    changes: dict[str, object] = {}
    if steps is not None:
        changes["steps"] = steps
    if precision is not None:
        changes["precision"] = precision
    return recipe.replaced(**changes) if changes else recipe


def _look_through(recipe: Recipe) -> None:
    """Load what a run looks through once, so that weights that are missing are named before hours of other runs."""
    for term in recipe.losses:
        losses.build(term.id, term.parameters)
    Validation(recipe, torch.device("cpu"))


def _train(
    settings: Recipe,
    names: Sequence[str],
    root: Path | str | None,
    resume: bool,
    target: torch.device,
    group: tuple[int, int],
    folder: Path,
) -> Path:
    """One run, in ``folder``; the path of its weights in the first process, the folder in the others."""
    rank, world = group
    _prepare(folder, settings, resume, rank)
    faces, validation_faces, people = select(names, root, settings.data)
    torch.manual_seed(settings.seed)
    training = dataset_for(settings, faces, training=True)
    step = build_step(settings, target, training.classes if isinstance(training, AlignedFaces) else 0)
    if isinstance(training, AlignedFaces) and settings.options.get("teacher") in STILL_TEACHERS:
        training.targets = still_targets(faces, step.generator.dimension)
    if isinstance(baseline := settings.options.get("baseline"), str):
        # f0 of an earlier run, where this run starts from a later one.
        _load_weights(step.generator, [baseline], settings, folder)
        step.keep_baseline()
    if settings.network.starts:
        _load_weights(step.generator, settings.network.starts, settings, folder)
    step.to(target)
    step.prepare()
    _channels_last(step)
    validation = dataset_for(settings, validation_faces, training=False)
    batches = StepBatches(len(training), settings.batch, settings.seed, rank, world)
    workers = settings.data.workers
    facts = _facts(names, faces, people, target, world)
    if rank == 0:
        write_ledger(people, folder)
        write_file(folder / FACTS_FILE, json.dumps(facts))
    began = time.perf_counter()
    before = _seconds_before(folder) if resume else 0.0
    run(
        settings, step, loader(training, batches, workers),
        loader(validation, FixedBatches(len(validation), settings.validation.batch), 0),
        folder, resume, group,
    )  # fmt: skip
    if rank == 0:
        facts["wall_seconds"] = round(before + time.perf_counter() - began, 1)
        write_file(folder / FACTS_FILE, json.dumps(facts))
        folder = publish(folder)
    wait_for_all()  # the next run starts from these weights
    return folder


def publish(folder: Path | str, into: Path | str | None = None) -> Path:
    """Make the weight file and card of a run's best weights, at any time of the run; returns the weights' path.

    With ``into`` both are copied there too (the place of shipped weights); without it into the user's cache, if the
    plug-in has no weights of that recipe yet and the run has all of the recipe's steps.
    """
    folder = Path(folder)
    content = yaml.safe_load((folder / RECIPE_FILE).read_text(encoding="utf-8"))
    recipe = Recipe.model_validate(content)
    facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    facts.setdefault("wall_seconds", round(_seconds_before(folder), 1))
    path = finish(folder, recipe, facts)
    if into is not None:
        return install(path, Path(into))
    if not _is_trial(recipe) and locate(recipe.method, recipe.name, shipped_folder(recipe.method).parent) is None:
        install(path)
    return path


def _is_trial(recipe: Recipe) -> bool:
    """Whether a run has fewer steps than the recipe of its name: no method should be judged by it unasked."""
    return recipe.name in recipe_names(recipe.method) and recipe.steps < load_recipe(recipe.method, recipe.name).steps


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
            write_file(held, json.dumps(content, indent=0) + "\n")
    return publish(folder, shipped_folder(recipe.method))


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
        write_file(path, yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False))


def _load_weights(network: torch.nn.Module, names: Sequence[str], recipe: Recipe, folder: Path) -> None:
    """Give ``network`` the weights of an earlier run, or the mean of several. Raises RecipeError where they are not there."""
    # Matchers alone have no published files and no other forms: compact starts from its own.
    room = next((room for room in (METHODS, SEGMENTERS) if recipe.method in room.names()), None)
    plugin = room.get(recipe.method) if room is not None else None
    states = []
    for name in names:
        path = weights_of(name, recipe, folder)
        published = published_start(plugin, path, network)
        load_strict(network, published or read_state_dict(path), path)
        states.append({key: value.clone() for key, value in network.state_dict().items()})
    network.load_state_dict({key: _mean([state[key] for state in states]) for key in states[0]})


def _mean(values: Sequence[torch.Tensor]) -> torch.Tensor:
    """The mean of weights; of counters the first."""
    return torch.stack(list(values)).mean(0) if values[0].is_floating_point() else values[0]


def _channels_last(module: torch.nn.Module) -> None:
    """Lay four-dimensional weights out channels last; StyleGAN2's have five dimensions, which torch would refuse."""
    for parameter in module.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _facts(names: Sequence[str], faces: Faces, people: Split, device: torch.device, world: int) -> JsonObject:
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
