"""One step a task. ``build_step`` picks by the recipe's task."""

from __future__ import annotations

import torch

from unmaskbench.benchmark.training.recipe import Recipe
from unmaskbench.benchmark.training.steps.base import Step
from unmaskbench.benchmark.training.steps.embedding import EmbeddingStep
from unmaskbench.benchmark.training.steps.restoration import RestorationStep
from unmaskbench.benchmark.training.steps.segmentation import SegmentationStep


def build_step(recipe: Recipe, device: torch.device, classes: int) -> Step:
    """The step of the recipe's task; ``classes`` is the number of training identities."""
    if recipe.task == "embedding":
        return EmbeddingStep(recipe, device, classes)
    if recipe.task == "segmentation":
        return SegmentationStep(recipe, device)
    if recipe.task == "generation":
        from unmaskbench.benchmark.training.steps.generation import GenerationStep

        return GenerationStep(recipe, device)
    return RestorationStep(recipe, device)
