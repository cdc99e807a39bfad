"""Methods and segmenters, loaded once a worker, on the shards of a run."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unmaskbench.benchmark.host.threads import one_thread
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.keys import segmenter_of
from unmaskbench.benchmark.plan.listener import Progress
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.holes import each_hole, without_specks
from unmaskbench.benchmark.plugins.registry import SEGMENTERS
from unmaskbench.benchmark.plugins.types import Segmenter
from unmaskbench.benchmark.run.image_scores import chunks_of
from unmaskbench.benchmark.run.metric_calls import describe
from unmaskbench.benchmark.run.restore import Restored, Restorer, segmented
from unmaskbench.benchmark.run.shards import OccludedShard, ReferenceCache, pixel_hash


def holes_in(masks: Tensor) -> Tensor:
    """Which of masks (N, 1, H, W) have a hole, (N,)."""
    return masks.flatten(1).amax(1) > 0.5


class MethodRunner:
    """Restores shards. A method that cannot be loaded, and a segmenter that breaks, fail the rows that need them."""

    def __init__(self, suite: Suite, device: str, cache: ReferenceCache, progress: Progress) -> None:
        self.suite, self.device, self.cache, self.progress = suite, device, cache, progress
        self._restorers: dict[str, Restorer | str] = {}
        self._segmenters: dict[str, Segmenter] = {}

    def block_method(self, label: str, message: str) -> None:
        """Take a method for one that cannot be loaded, for the reason given."""
        self._restorers[label] = message

    def unblock_method(self, label: str) -> None:
        """Undo ``block_method``."""
        self._restorers.pop(label, None)

    def restore(self, entry: MethodEntry, shard: OccludedShard, prefix: str) -> tuple[Restored, Tensor]:
        """The shard restored in batches, and the masks that the method was given (oracle or predicted).

        ``prefix`` is ``dataset/occlusion``: with it a folder of predictions finds its images."""
        restorer = self._restorer(entry)
        try:
            masks = self._masks(entry, shard)
        except Exception as error:  # a segmenter that breaks fails the rows that need its masks, and no other's
            masks = shard.masks
            restorer = f"no predicted mask: {type(error).__name__}: {error}"
        if isinstance(restorer, str):
            self.progress("restore", len(shard.ids))
            return Restored(shard.occluded, shard.occluded, [restorer] * len(shard.ids), math.nan), masks
        if shard.worn:
            return self._where_found(restorer, shard, masks, prefix), masks
        names = [f"{prefix}/{identifier}" for identifier in shard.ids]
        return self._in_batches(restorer, shard.occluded, masks, names), masks

    def _where_found(self, restorer: Restorer, shard: OccludedShard, masks: Tensor, prefix: str) -> Restored:
        """The photographs on which a mask was found, restored; the others as they are."""
        found = holes_in(masks).nonzero().flatten().tolist()
        images, pasted, errors = shard.occluded.clone(), shard.occluded.clone(), [""] * len(shard.ids)
        self.progress("restore", len(shard.ids) - len(found))
        if not found:
            return Restored(images, pasted, errors, math.nan)
        names = [f"{prefix}/{shard.ids[place]}" for place in found]
        restored = self._in_batches(restorer, shard.occluded[found], masks[found], names)
        images[found], pasted[found] = restored.raw, restored.composite
        for place, error in zip(found, restored.errors, strict=True):
            errors[place] = error
        return Restored(images, pasted, errors, restored.seconds)

    def _in_batches(self, restorer: Restorer, occluded: Tensor, masks: Tensor, names: list[str]) -> Restored:
        parts: list[Restored] = []
        for chunk in chunks_of(len(names), self.suite.batch_size):
            parts.append(restorer.restore(occluded[chunk], masks[chunk], names[chunk]))
            self.progress("restore", len(parts[-1].errors))
        seconds = sum(part.seconds * len(part.errors) for part in parts) / len(names)
        return Restored(
            torch.cat([part.raw for part in parts]),
            torch.cat([part.composite for part in parts]),
            [error for part in parts for error in part.errors],
            seconds,
        )

    def _restorer(self, entry: MethodEntry) -> Restorer | str:
        """The loaded method, or the message that says why it cannot be loaded."""
        if entry.label not in self._restorers:
            try:
                self._restorers[entry.label] = Restorer(entry, self.device, self.suite.precision)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a method that cannot load fails its own rows, and no other's
                kind, _, text = describe(error).partition(": ")
                self._restorers[entry.label] = f"cannot load: {text or kind}"
        return self._restorers[entry.label]

    def _masks(self, entry: MethodEntry, shard: OccludedShard) -> Tensor:
        """True masks, or the segmenter's at one half where the method's mask source is ``predicted``."""
        if not entry.mask_source.startswith("predicted"):
            return shard.masks
        name = segmenter_of(entry, self.suite)
        if name not in self._segmenters:
            segmenter: Segmenter = SEGMENTERS.build(name)
            segmenter.load(self.device)
            self._segmenters[name] = segmenter
        key = ("predicted", name, tuple(pixel_hash(image) for image in shard.occluded))
        masks: Tensor = self.cache.get(key, lambda: self._predicted(name, shard))
        if shard.widen is None:
            return masks
        # A few stray pixels are no mask: such a photograph counts as one on which none was found.
        with one_thread():
            return shard.widen(each_hole(without_specks, masks))

    def _predicted(self, name: str, shard: OccludedShard) -> Tensor:
        segmenter = self._segmenters[name]
        with torch.inference_mode():
            parts = [
                segmented(segmenter, shard.occluded[chunk], self.device)
                for chunk in chunks_of(len(shard.ids), self.suite.batch_size)
            ]
        masks = torch.cat(parts)
        if masks.shape != shard.masks.shape:
            raise ValueError(f"{name} gave masks of shape {tuple(masks.shape)}; expected {tuple(shard.masks.shape)}")
        return (masks > 0.5).to(torch.float32)
