"""Validation with the benchmark's own metrics and matchers, in the form that mmengine's loop wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from unmaskbench.benchmark.plugins.json_types import JsonMapping, JsonObject
from unmaskbench.benchmark.plugins.registry import MATCHERS, METRICS
from unmaskbench.benchmark.plugins.types import Matcher
from unmaskbench.benchmark.training.painted_texture import FIGURES, octaves, painted_energies
from unmaskbench.benchmark.training.recipe import Recipe
from unmaskbench.benchmark.training.teachers import JUDGES

Values = dict[str, float]
SIDES = ("restored", "truth")


class Validation(BaseMetric):  # type: ignore[misc]
    """Means over the validation set: ``metric/region`` on composites, with the texture of all that was painted
    (``painted_texture.py``), and ``similarity/<matcher>`` to the truth; set metrics of generated faces; ``iou`` and ``f1`` of
    masks; ``cosine``, ``auc`` and ``tmr`` (at FMR 1e-3, all pairs) of embeddings."""

    default_prefix = None

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        super().__init__()
        self.recipe, self.device = recipe, device
        self._metrics: JsonObject = {}
        self._matchers: dict[str, Matcher] = {}
        for name in recipe.validation.metrics:
            kind, _, rest = name.partition("/")
            if kind == "similarity":
                if rest in JUDGES:
                    raise ValueError(f"'{rest}' judges the boards independently; weights are not chosen by it")
                self._matchers[rest] = MATCHERS.build(rest)
                self._matchers[rest].load(str(device))
            elif recipe.task == "generation":
                self._metrics[name] = METRICS.build(name)
            elif recipe.task == "restoration":
                if rest not in ("whole", "hole", "known"):
                    raise ValueError(
                        f"validation metric '{name}': write metric/region with region whole, hole or known"
                    )
                self._metrics.setdefault(kind, METRICS.build(kind))

    def process(self, data_batch: object, data_samples: Sequence[dict[str, Tensor]]) -> None:
        """Add the values of one batch, a dict per sample."""
        del data_batch
        for batch in data_samples:
            if self.recipe.task == "segmentation":
                self.results.extend(_mask_scores(batch))
            elif self.recipe.task == "embedding":
                kept = [key for key in ("restored", "teacher", "label") if key in batch]
                arrays = {key: batch[key].cpu().numpy() for key in kept}
                self.results.extend(
                    {key: value[i] for key, value in arrays.items()} for i in range(len(arrays["label"]))
                )
            elif self.recipe.task == "restoration":
                self.results.extend(self._image_scores(batch))
            else:
                made, real = batch["restored"].contiguous().cpu(), batch["truth"].contiguous().cpu()
                for name, metric in self._metrics.items():
                    # Statistics of a batch take the place of its samples; the sets are merged at the end.
                    self.results.append({"metric": name, "made": metric.update(made), "real": metric.update(real)})

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Each metric's mean over the samples on which it is defined."""
        if self.recipe.task == "embedding":
            return _verification(results)
        if self.recipe.task == "generation":
            return {
                name: float(
                    metric.compute(
                        *(
                            metric.merge([row[side] for row in results if row["metric"] == name])
                            for side in ("made", "real")
                        )
                    )
                )
                for name, metric in self._metrics.items()
            }
        keys = results[0].keys()
        means = {}
        for key in keys:
            values = np.array([row[key] for row in results], dtype=np.float64)
            finite = values[np.isfinite(values)]
            means[key] = float(finite.mean()) if len(finite) else float("nan")
        if self.recipe.task == "restoration":
            restored, true = ([means.pop(f"{name} of {side}") for name in FIGURES] for side in SIDES)
            means.update(octaves(restored, true))
        return means

    def _image_scores(self, batch: Mapping[str, Tensor]) -> list[Values]:
        columns: dict[str, Tensor] = {}
        truth, restored, mask = (batch[key].contiguous().cpu() for key in ("truth", "restored", "mask"))
        for side, images in zip(SIDES, (restored, truth), strict=True):
            energies = painted_energies(images, mask)
            columns.update({f"{name} of {side}": energies[:, i] for i, name in enumerate(FIGURES)})
        references = {name: metric.reference(truth) for name, metric in self._metrics.items()}
        for name in self.recipe.validation.metrics:
            kind, _, rest = name.partition("/")
            if kind == "similarity":
                matcher, points = self._matchers[rest], batch["landmarks"].cpu()
                u = torch.nn.functional.normalize(matcher.embed(restored, points).float(), dim=1)
                t = torch.nn.functional.normalize(matcher.embed(truth, points).float(), dim=1)
                columns[name] = (u * t).sum(dim=1)
                continue
            region = {"whole": None, "hole": mask, "known": 1 - mask}[rest]
            columns[name] = self._metrics[kind].score(restored, references[kind], region)
        rows = zip(*(column.double().tolist() for column in columns.values()), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]


def _mask_scores(batch: Mapping[str, Tensor]) -> list[Values]:
    predicted, truth = (batch[key].flatten(1) > 0.5 for key in ("restored", "mask"))
    shared = (predicted & truth).sum(dim=1).double()
    union = (predicted | truth).sum(dim=1).double()
    # Nothing there and nothing found is a perfect answer.
    iou = torch.where(union > 0, shared / union.clamp(min=1), torch.ones_like(shared))
    return [{"iou": float(i), "f1": float(2 * i / (1 + i))} for i in iou]


def _verification(results: Sequence[JsonMapping]) -> dict[str, float]:
    """Cosine to the teacher, where it was asked, and AUC and TMR at FMR 1e-3 over all pairs of the validation set."""
    vectors = np.stack([row["restored"] for row in results]).astype(np.float64)
    labels = np.array([int(row["label"]) for row in results])
    upper = np.triu_indices(len(labels), 1)
    scores = (vectors @ vectors.T)[upper]
    genuine = (labels[:, None] == labels[None, :])[upper]
    figures = {}
    if "teacher" in results[0]:
        teacher = np.stack([row["teacher"] for row in results]).astype(np.float64)
        figures["cosine"] = float((vectors * teacher).sum(axis=1).mean())
    if genuine.any() and not genuine.all():
        impostors, pairs = np.sort(scores[~genuine]), scores[genuine]
        # The probability that a genuine pair scores higher than an impostor pair (Mann-Whitney).
        below = np.searchsorted(impostors, pairs, side="left") + np.searchsorted(impostors, pairs, side="right")
        figures["auc"] = float(below.mean() / (2 * len(impostors)))
        figures["tmr"] = float((pairs > impostors[int(np.ceil(len(impostors) * 0.999)) - 1]).mean())
    return figures
