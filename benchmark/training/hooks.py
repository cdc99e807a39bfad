"""Hooks of a training run: the moving average that ships, the curve, the best weights."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from mmengine.hooks import Hook
from mmengine.model import ExponentialMovingAverage
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from unmaskbench.benchmark.store.write import write_file
from unmaskbench.benchmark.training.painted_texture import within_limits
from unmaskbench.benchmark.training.recipe import Recipe

if TYPE_CHECKING:
    from mmengine.runner import Runner

    from unmaskbench.benchmark.training.steps.base import Step

CURVE, BEST, BEST_SCORE = "curve.jsonl", "best.safetensors", "best.json"


class WarmAverage(ExponentialMovingAverage):  # type: ignore[misc]
    """Exponential average whose memory grows with the steps, a = min(decay, (1 + n) / (10 + n)): an early validation
    sees trained weights and not the initial ones."""

    def avg_func(self, averaged_param: Tensor, source_param: Tensor, steps: int) -> None:
        """Move the average one step, in place."""
        count = int(steps)
        averaged_param.lerp_(source_param, max(self.momentum, 1.0 - (1.0 + count) / (10.0 + count)))


class MovingAverage(Hook):  # type: ignore[misc]
    """Averages the generator alone; validation and everything that ships see the average."""

    priority = "NORMAL"

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.average: ExponentialMovingAverage | None = None

    def before_run(self, runner: Runner) -> None:
        """Start from the generator as it is."""
        # mmengine's bounds are open; a decay of 0 follows the weights to within 1e-7 of each step.
        momentum = min(max(1.0 - self.decay, 1e-7), 1.0 - 1e-7)
        self.average = WarmAverage(runner.model.generator, momentum=momentum, update_buffers=True)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, outputs: dict[str, Tensor] | None = None
    ) -> None:
        """Take in the step's weights."""
        del batch_idx, data_batch, outputs
        self._averaged().update_parameters(runner.model.generator)

    def before_val(self, runner: Runner) -> None:
        """Put the average in the generator's place."""
        self._swap(runner.model)

    def after_val(self, runner: Runner) -> None:
        """Put the trained weights back."""
        self._swap(runner.model)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, object]) -> None:
        """Store the average beside the weights, and leave mmengine's log history out.

        The history holds bound methods, which only an unpickler that may run code can bring back. Our curve is a file of
        its own, so a checkpoint is plain data and opens with torch's ``weights_only`` check on.
        """
        del runner
        checkpoint["message_hub"] = {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}}
        checkpoint["average"] = {key: value.cpu() for key, value in self._averaged().state_dict().items()}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, object]) -> None:
        """Take the average up where it was."""
        del runner
        if "average" in checkpoint:
            self._averaged().load_state_dict(checkpoint["average"])

    def weights(self) -> dict[str, Tensor]:
        """The averaged state dict, contiguous, on the CPU."""
        module: nn.Module = self._averaged().module
        return {key: value.detach().cpu().contiguous().clone() for key, value in module.state_dict().items()}

    def _averaged(self) -> ExponentialMovingAverage:
        if self.average is None:
            raise RuntimeError("the moving average is used before the run began")
        return self.average

    def _swap(self, model: Step) -> None:
        averaged = self._averaged().module
        own, other = model.generator.state_dict(), averaged.state_dict()
        for key, value in own.items():
            held = value.clone()
            value.copy_(other[key])
            other[key].copy_(held)


class Curve(Hook):  # type: ignore[misc]
    """Writes the losses and the validation figures of a run as JSON lines, and keeps the best validated average.

    A resumed run first drops the lines of steps that it is about to repeat.
    """

    # After the average: after_val_epoch comes while the average stands in the generator.
    priority = "LOW"

    def __init__(self, recipe: Recipe, folder: Path, average: MovingAverage) -> None:
        self.recipe, self.folder, self.average = recipe, folder, average
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._since = time.perf_counter()
        self._images = 0

    def before_train(self, runner: Runner) -> None:
        """Cut the curve to the step that the run starts from."""
        path = self.folder / CURVE
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
        rows = [row for row in rows if row["step"] <= runner.iter]
        write_file(path, "".join(json.dumps(row) + "\n" for row in rows))
        if runner.iter == 0:
            for name in (BEST, BEST_SCORE):
                (self.folder / name).unlink(missing_ok=True)
        self._since = time.perf_counter()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, outputs: dict[str, Tensor] | None = None
    ) -> None:
        """Add up the step's losses; write their means every ``log_every`` steps."""
        del batch_idx, data_batch
        for key, value in (outputs or {}).items():
            self._sums[key] = self._sums.get(key, 0.0) + float(value)
            self._counts[key] = self._counts.get(key, 0) + 1
        self._images += self.recipe.batch
        step = runner.iter + 1
        if step % self.recipe.log_every == 0 or step == runner.max_iters:
            now = time.perf_counter()
            means = {key: value / self._counts[key] for key, value in self._sums.items()}
            self._write({"step": step, "images_per_second": self._images / max(now - self._since, 1e-9), **means})
            self._sums, self._counts, self._images, self._since = {}, {}, 0, now

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write the figures; keep the weights where they are the best so far. Any without a pattern come before all with one."""
        figures = dict(metrics or {})
        self._write({"step": runner.iter, "validation": figures})
        self._since = time.perf_counter()
        self._images = 0
        name = self.recipe.validation.best
        if name not in figures:
            raise ValueError(f"validation.best is '{name}', but the figures are {', '.join(figures)}")
        value = figures[name]
        sign = 1.0 if self.recipe.validation.best_direction == "higher" else -1.0
        path = self.folder / BEST_SCORE
        best = json.loads(path.read_text()) if path.is_file() else None
        rank = (within_limits(figures), sign * value)
        if math.isfinite(value) and (best is None or rank > (within_limits(best["validation"]), sign * best["value"])):
            # The generator holds the average here: mmengine calls after_val_epoch before after_val.
            state = runner.model.generator.state_dict()
            atomic_save(state, self.folder / BEST, {"step": str(runner.iter)})
            write_file(path, json.dumps({"step": runner.iter, "metric": name, "value": value, "validation": figures}))

    def _write(self, row: dict[str, object]) -> None:
        with (self.folder / CURVE).open("a") as stream:
            stream.write(json.dumps(row) + "\n")


def atomic_save(state: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write a state dict as safetensors under a temporary name, then rename."""
    temporary = path.with_suffix(".writing")
    tensors = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    save_file(tensors, str(temporary), metadata)
    os.replace(temporary, path)


def read_best(folder: Path) -> dict[str, Tensor]:
    """The best validated average of a run. Raises FileNotFoundError where the run never validated."""
    path = folder / BEST
    if not path.is_file():
        raise FileNotFoundError(f"no {BEST} in {folder}: the run has not come to its first validation")
    return dict(load_file(str(path)))


def as_half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floating-point tensors as float16, refused where a value does not fit; others as they are."""
    half: dict[str, Tensor] = {}
    for key, value in state.items():
        if key.endswith("num_batches_tracked"):
            continue
        half[key] = value.to(torch.float16) if value.is_floating_point() else value
        if value.is_floating_point() and bool(torch.isinf(half[key]).any()):
            raise ValueError(f"'{key}' holds values beyond float16's range; it cannot be shipped in 16 bits")
    return half
