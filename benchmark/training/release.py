"""From a run's folder to a shipped checkpoint: float16 safetensors of the best averaged weights, and their model card.

Where shipped files lie: ``methods/<id>/weights/<id>_<recipe>.safetensors`` (the matcher with the matchers). What a user
trains goes to the cache under the same name, where it is found second.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
import yaml
from torch import Tensor

from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.learned_method import file_name
from unmaskbench.benchmark.plugins.macs import macs_of
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.plugins.weights.files import cache_folder
from unmaskbench.benchmark.store.write import write_file
from unmaskbench.benchmark.training.hooks import BEST_SCORE, CURVE, as_half, atomic_save, read_best
from unmaskbench.benchmark.training.recipe import Recipe

LARGEST_SHIPPED_BYTES = 6 * 1024 * 1024
LARGEST_PAIR_BYTES = 12 * 1024 * 1024


def finish(folder: Path, recipe: Recipe, facts: JsonObject) -> Path:
    """Write ``<method>_<recipe>.safetensors`` and its card into the run's folder; returns the weights' path.

    ``facts`` holds what only the run knows: people, data, hardware. It may be called while the run still goes on; the
    card then says at which step the best weights stood and how far the run had come.
    """
    state: dict[str, Tensor] = as_half(read_best(folder))
    best = json.loads((folder / BEST_SCORE).read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in (folder / CURVE).read_text(encoding="utf-8").splitlines()]
    done = max((row["step"] for row in rows), default=0)
    path = folder / file_name(recipe.method, recipe.name)
    metadata = {
        "format": "unmaskbench.weights/1", "method": recipe.method, "recipe": recipe.name, "recipe_sha256": recipe.hash,
        "steps": str(best["step"]), "seed": str(recipe.seed),
        "network": json.dumps({"size": recipe.network.size, "settings": recipe.network.settings}),
    }  # fmt: skip
    atomic_save(state, path, metadata)
    card = {
        "method": recipe.method,
        "recipe": recipe.name,
        "recipe_sha256": recipe.hash,
        "notes": recipe.notes.strip(),
        "assumptions": list(recipe.assumptions),
        "seed": recipe.seed,
        "precision": recipe.precision,
        "steps_planned": recipe.steps,
        "steps_done": done,
        "best_step": best["step"],
        "batch": recipe.batch,
        "parameters": sum(value.numel() for key, value in state.items() if not _is_statistic(key)),
        **_cost(recipe, path),
        "bytes": path.stat().st_size,
        "teachers": list(recipe.teachers),
        "losses": [term.model_dump(mode="json", exclude_defaults=True) for term in recipe.losses]
        or {key: value for key, value in recipe.options.items() if isinstance(value, int | float | str)},
        "adversaries": [item.model_dump(mode="json", exclude_defaults=True) for item in recipe.adversaries],
        "occlusions": [item.model_dump(mode="json", exclude_defaults=True) for item in recipe.data.occlusions],
        **({"coarse": recipe.coarse.model_dump(mode="json")} if recipe.coarse else {}),
        **({"start_from": recipe.network.start_from} if recipe.network.start_from else {}),
        **facts,
        "scores": {"split": "validation", **_rounded(best["validation"])},
        "curve": [{"step": row["step"], **_rounded(row["validation"])} for row in rows if "validation" in row],
    }
    write_file(path.with_suffix(".card.yaml"), yaml.safe_dump(card, sort_keys=False, width=120))
    return path


def install(weights: Path, folder: Path | None = None) -> Path:
    """Copy shipped weights and their card into ``folder``, or the user's cache; returns the copy.

    Raises ValueError where the file is larger than what ships.
    """
    size = weights.stat().st_size
    # psp_unmask is two networks: an encoder and the generator behind it.
    largest = LARGEST_PAIR_BYTES if weights.name.startswith("psp_unmask_") else LARGEST_SHIPPED_BYTES
    if folder is not None and size > largest:
        raise ValueError(f"{weights} has {size / 2**20:.1f} MB; at most {largest >> 20} MB ship")
    target = folder or cache_folder()
    target.mkdir(parents=True, exist_ok=True)
    for source in (weights, weights.with_suffix(".card.yaml")):
        if source.is_file():
            shutil.copyfile(source, target / source.name)
    return target / weights.name


def read_card(weights: Path) -> JsonObject | None:
    """The model card beside a weight file, or None."""
    path = weights.with_suffix(".card.yaml")
    if not path.is_file():
        return None
    card: JsonObject = yaml.safe_load(path.read_text(encoding="utf-8"))
    return card


def _cost(recipe: Recipe, weights: Path) -> JsonObject:
    """The multiply-accumulates of an image of the recipe's size by a method with these weights; {} for what restores none."""
    if recipe.method not in METHODS.names():
        return {}
    side = recipe.data.size_px
    image, mask = torch.zeros(1, 3, side, side), torch.ones(1, 1, side, side)
    try:
        method = METHODS.build(recipe.method, checkpoint=weights)
        method.load("cpu")
        with torch.inference_mode():
            macs = macs_of(lambda: method.restore(image, mask if method.card.needs_mask else None))
    except Exception:  # weights of a part alone restore nothing; a by-product must not cost a training its weights
        return {}
    return {} if macs is None else {"macs": int(macs)}


def _is_statistic(key: str) -> bool:
    return key.rsplit(".", 1)[-1] in ("running_mean", "running_var", "num_batches_tracked", "latent_avg")


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {key: round(float(value), 5) for key, value in values.items()}


def hardware(device: torch.device) -> JsonObject:
    """What the run ran on: cores and threads, or the accelerator's name."""
    import os
    import platform

    facts: JsonObject = {"device": device.type, "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    facts["processor"] = platform.processor() or platform.machine()
    if device.type == "cuda":
        facts["accelerator"] = torch.cuda.get_device_name(device)
    return facts
