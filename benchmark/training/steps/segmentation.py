"""The segmenter's step: occluded face to mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unmaskbench.benchmark.plugins.registry import SEGMENTERS
from unmaskbench.benchmark.training.losses.segmentation import cross_entropy, dice
from unmaskbench.benchmark.training.recipe import Recipe
from unmaskbench.benchmark.training.steps.base import Logs, Step

if TYPE_CHECKING:
    from mmengine.optim import OptimWrapperDict


class SegmentationStep(Step):
    """Cross-entropy plus ``options.dice`` (default 1) times soft Dice."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        super().__init__(recipe, device)
        plugin = SEGMENTERS.get(recipe.method)
        self.generator = plugin.build_network(recipe.network.size, **recipe.network.settings)
        self._dice_weight = float(recipe.options.get("dice", 1.0))

    def train_step(self, data: dict[str, Tensor], optim_wrapper: OptimWrapperDict) -> Logs:
        """One update; returns the losses."""
        mask = data["mask"].to(self.device_).float()
        with self.autocast():
            logits = self.generator.logits(self.images(data["occluded"]))
        logs = {"cross_entropy": cross_entropy(logits, mask), "dice": dice(logits, mask)}
        total = logs["cross_entropy"] + self._dice_weight * logs["dice"]
        optim_wrapper["generator"].update_params(total)
        return self.finished({key: value.detach() for key, value in logs.items()}, total)

    @torch.no_grad()
    def val_step(self, data: dict[str, Tensor]) -> list[dict[str, Tensor]]:
        """The batch's masks: ``restored`` is the predicted probability, ``mask`` the truth."""
        with self.autocast():
            probability = self.generator(self.images(data["occluded"])).float()
        return [{"restored": probability, "mask": data["mask"].to(self.device_).float()}]
