"""The compact matcher's step: aligned crop to identity vector, taught by a published matcher."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unmaskbench.benchmark.plugins.registry import MATCHERS
from unmaskbench.benchmark.training.losses.embedding import ArcFace, cosine_distance, relation_distance
from unmaskbench.benchmark.training.recipe import Recipe
from unmaskbench.benchmark.training.steps.base import Logs, Step
from unmaskbench.benchmark.training.teachers import STILL_TEACHERS, OnnxTargets

if TYPE_CHECKING:
    from mmengine.optim import OptimWrapperDict


class EmbeddingStep(Step):
    """Distillation of a teacher's vectors on the very crops that the student sees, and ArcFace's margin on identities.

    Part of each batch (``options.blend``) is replaced by blends of two faces, which neither shows a person nor has a
    label: the teacher's answer is defined there too, and few photographs become many (Beyer et al. 2022). A teacher that was
    asked about whole faces beforehand (``STILL_TEACHERS``) answers for a blend by the same blend of its vectors.
    """

    def __init__(self, recipe: Recipe, device: torch.device, classes: int) -> None:
        super().__init__(recipe, device)
        self.generator = MATCHERS.get(recipe.method).build_network(recipe.network.size, **recipe.network.settings)
        options = recipe.options
        name = str(options.get("teacher", "edgeface"))
        self._teacher = None if name in STILL_TEACHERS else OnnxTargets(name)
        self._blend = float(options.get("blend", 0.5))
        self._relation = float(options.get("relation", 0.0))
        self._margin_weight = float(options.get("arcface", 0.0))
        if self._margin_weight:
            self.head = ArcFace(self.generator.dimension, classes, margin=float(options.get("margin", 0.3)))

    def generator_parameters(self) -> list[torch.nn.Parameter]:
        """The student and, where it has one, the class centres."""
        return [p for p in self.parameters() if p.requires_grad]

    def train_step(self, data: dict[str, Tensor], optim_wrapper: OptimWrapperDict) -> Logs:
        """One update; returns the losses."""
        crops = self.images(data["crop"])
        blended = int(len(crops) * self._blend)
        if blended:
            share = torch.rand(blended, 1, 1, 1, device=crops.device)
            partner = torch.randperm(len(crops), device=crops.device)[:blended]
            crops = torch.cat((crops[:blended].lerp(crops[partner], share * 0.5), crops[blended:]))
            crops = crops.contiguous(memory_format=torch.channels_last)
        if self._teacher is not None:
            targets = self._teacher(crops)
        else:
            targets = data["target"].to(crops.device)
            if blended:
                mixed = targets[:blended].lerp(targets[partner], share.flatten(1) * 0.5)
                targets = torch.cat((torch.nn.functional.normalize(mixed, dim=1), targets[blended:]))
        with self.autocast():
            vectors = self.generator(crops * 2 - 1)
        logs = {"distance": cosine_distance(vectors, targets)}
        total = logs["distance"]
        if self._relation:
            logs["relation"] = relation_distance(vectors, targets)
            total = total + self._relation * logs["relation"]
        if self._margin_weight:
            labels = data["label"].to(crops.device)[blended:]
            logs["arcface"] = self.head(vectors[blended:], labels)
            total = total + self._margin_weight * logs["arcface"]
        optim_wrapper["generator"].update_params(total)
        return self.finished({key: value.detach() for key, value in logs.items()}, total)

    @torch.no_grad()
    def val_step(self, data: dict[str, Tensor]) -> list[dict[str, Tensor]]:
        """The batch's vectors, the teacher's where it answers for crops, and the labels."""
        crops = self.images(data["crop"])
        with self.autocast():
            vectors = self.generator(crops * 2 - 1).float()
        unit = torch.nn.functional.normalize(vectors, dim=1)
        answer = {} if self._teacher is None else {"teacher": self._teacher(crops)}
        return [{"restored": unit, **answer, "label": data["label"].to(crops.device)}]
