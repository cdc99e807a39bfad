"""A training run on mmengine's Runner: its loop, optimisers, schedules, hooks and resumption."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import time
from pathlib import Path

import torch
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import BaseLoop, Runner
from torch import Tensor

from unmaskbench.benchmark.training.data import Loader
from unmaskbench.benchmark.training.distributed import AveragingOptimWrapper, share_weights
from unmaskbench.benchmark.training.hooks import Curve, MovingAverage
from unmaskbench.benchmark.training.recipe import Recipe
from unmaskbench.benchmark.training.steps.base import Step
from unmaskbench.benchmark.training.validation import Validation


class StepLoop(BaseLoop):  # type: ignore[misc]
    """``max_iters`` steps with validation between them; what a step sees and draws depends on its number alone.

    mmengine's own loop opens its loader before it knows the step that a resumed run starts from, and then reads every
    batch up to it. Here the sampler is told where to start, and torch is seeded anew for each step.
    """

    def __init__(
        self, runner: Runner, dataloader: Loader, max_iters: int, val_interval: int, seed: int, rank: int
    ) -> None:
        super().__init__(runner, dataloader)
        self.max_iters, self.val_interval, self.val_begin = max_iters, val_interval, 1
        self.seed, self.rank = seed, rank
        self.max_epochs = 1
        self._iter = self._epoch = 0
        self.stop_training = False

    @property
    def iter(self) -> int:
        """Steps done."""
        return self._iter

    @property
    def epoch(self) -> int:
        """Always 0: the run is counted in steps."""
        return self._epoch

    def run(self) -> Step:
        """Train to ``max_iters``; returns the step module."""
        self.runner.call_hook("before_train")
        self.runner.call_hook("before_train_epoch")
        self.dataloader.batch_sampler.start = self._iter
        batches = iter(self.dataloader)
        model: Step = self.runner.model
        while self._iter < self.max_iters and not self.stop_training:
            model.train()
            model.step_index = self._iter
            torch.manual_seed(step_seed(self.seed, self._iter, self.rank))
            self.run_iter(next(batches))
            due = self._iter % self.val_interval == 0 or self._iter == self.max_iters
            if self.runner.val_loop is not None and due:
                self.runner.val_loop.run()
        self.runner.call_hook("after_train_epoch")
        self.runner.call_hook("after_train")
        return model

    def run_iter(self, data_batch: dict[str, Tensor]) -> None:
        """One step with its hooks."""
        self.runner.call_hook("before_train_iter", batch_idx=self._iter, data_batch=data_batch)
        outputs = self.runner.model.train_step(data_batch, optim_wrapper=self.runner.optim_wrapper)
        self.runner.call_hook("after_train_iter", batch_idx=self._iter, data_batch=data_batch, outputs=outputs)
        self._iter += 1


class StepRunner(Runner):  # type: ignore[misc]
    """mmengine's Runner, which leaves the model on the device that it is on and the process group to us."""

    def wrap_model(self, model_wrapper_cfg: object, model: Step) -> Step:
        """The model itself: gradients are shared by the optimiser wrapper."""
        del model_wrapper_cfg
        share_weights(model)
        return model


def step_seed(seed: int, step: int, rank: int) -> int:
    """A 63-bit seed for torch's generator at one step of one process."""
    digest = hashlib.sha256(f"{seed}/{step}/{rank}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def optimisers(step: Step, recipe: Recipe) -> OptimWrapperDict:
    """Adam (AdamW with decay) for the generator and one for all discriminators, at rates of their own."""
    how = recipe.optimiser
    clip = {"max_norm": how.clip_norm} if how.clip_norm else None
    kind = torch.optim.AdamW if how.weight_decay else torch.optim.Adam
    generator = kind(step.generator_parameters(), lr=how.rate, betas=how.betas, weight_decay=how.weight_decay)
    wrappers = {"generator": AveragingOptimWrapper(generator, clip_grad=clip)}
    judges = list(step.discriminators.parameters())
    if judges:
        adam = torch.optim.Adam(judges, lr=how.discriminator_rate, betas=how.discriminator_betas)
        wrappers["discriminators"] = AveragingOptimWrapper(adam, clip_grad=clip)
    return OptimWrapperDict(**wrappers)


def schedules(recipe: Recipe, names: list[str]) -> dict[str, list[dict[str, object]]] | None:
    """mmengine's parameter schedulers for each optimiser; None where the rate is constant from the first step."""
    how = recipe.optimiser
    parts: list[dict[str, object]] = []
    warmup = min(how.warmup_steps, recipe.steps - 1)
    if warmup:
        parts.append({"type": "LinearLR", "start_factor": 0.01, "by_epoch": False, "begin": 0, "end": warmup})
    if how.schedule == "cosine":
        parts.append(
            {
                "type": "CosineAnnealingLR", "T_max": recipe.steps - warmup, "eta_min_ratio": 0.01, "by_epoch": False,
                "begin": warmup, "end": recipe.steps,
            }
        )  # fmt: skip
    return {name: [dict(part) for part in parts] for name in names} if parts else None


def run(
    recipe: Recipe,
    step: Step,
    training: Loader,
    validation: Loader,
    folder: Path,
    resume: bool,
    group: tuple[int, int],
) -> MovingAverage:
    """Train ``step`` in ``folder`` and return the moving average of its generator; ``group`` is (rank, processes).

    With ``resume`` the newest checkpoint of the folder is continued, to the same curve as an uninterrupted run. Raises
    ValueError where that checkpoint belongs to another recipe.
    """
    rank, world = group
    average = MovingAverage(recipe.ema)
    hooks: list[Hook] = [average]
    if rank == 0:
        hooks.append(Curve(recipe, folder, average))
    wrappers = optimisers(step, recipe)
    backends: list[dict[str, object]] = [{"type": "LocalVisBackend"}]
    if importlib.util.find_spec("tensorboard") is not None:
        backends.append({"type": "TensorboardVisBackend"})
    latest = latest_checkpoint(folder) if resume else None
    runner = StepRunner(
        model=step,
        work_dir=str(folder),
        train_dataloader=training,
        train_cfg={
            "type": StepLoop, "max_iters": recipe.steps, "val_interval": recipe.validation.every, "seed": recipe.seed,
            "rank": rank,
        },
        optim_wrapper=wrappers,
        param_scheduler=schedules(recipe, list(wrappers.keys())),
        val_dataloader=validation,
        val_cfg={"type": "ValLoop"},
        val_evaluator=Evaluator(Validation(recipe, step.device_)),
        default_hooks={
            "sampler_seed": None,
            "logger": {"type": "LoggerHook", "interval": recipe.log_every, "log_metric_by_epoch": False},
            "checkpoint": {
                "type": "CheckpointHook", "interval": recipe.checkpoint_every, "by_epoch": False, "max_keep_ckpts": 2,
            },
        },
        custom_hooks=hooks,
        load_from=str(latest) if latest else None,
        resume=latest is not None,
        launcher="pytorch" if world > 1 else "none",
        randomness={"seed": recipe.seed},
        log_processor={"by_epoch": False, "window_size": recipe.log_every},
        log_level=logging.INFO,
        visualizer={"type": "Visualizer", "vis_backends": backends},
        experiment_name=f"{folder.name}_{time.time_ns()}",
        cfg={"recipe_hash": recipe.hash},
    )  # fmt: skip
    runner.train()
    return average


def latest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint that the folder's ``last_checkpoint`` names, by its name in the folder (which may have moved)."""
    pointer = folder / "last_checkpoint"
    if not pointer.is_file():
        return None
    path = folder / Path(pointer.read_text().strip()).name
    return path if path.is_file() else None
