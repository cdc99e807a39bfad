"""Run a method on a batch, whatever it does: sizes, precision, masks, chains and failures are the harness's business.

A method that raises, or gives NaN, another shape or another range, fails the samples that it did so on and no other.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unmaskbench.benchmark.plan.chain import parts_of
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.geometry import blank, composite, from_native, to_8bit, to_native
from unmaskbench.benchmark.plugins.hooks import network_of
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.plugins.types import Method, MethodCard, Segmenter
from unmaskbench.benchmark.run.metric_calls import describe
from unmaskbench.benchmark.run.process_state import undisturbed

# Bicubic resizing and unbounded last layers overshoot a little; a range beyond this is a wrong convention.
OVERSHOOT = 0.25


@dataclass
class Restored:
    """A restored batch: 8-bit quantised ``raw`` and ``composite`` (N, 3, H, W), an error message per sample ("" where
    it went well; its images are then the occluded ones and must not be scored), and seconds per image."""

    raw: Tensor
    composite: Tensor
    errors: list[str]
    seconds: float

    def output(self, name: str) -> Tensor:
        """The images of an output, "raw" or "composite"."""
        return self.raw if name == "raw" else self.composite


class Restorer:
    """One row's method, or chain of methods, loaded on a device."""

    def __init__(self, entry: MethodEntry, device: str, precision: str) -> None:
        """Builds and loads. Raises what the registry and ``load`` raise."""
        self.entry, self.device, self.precision = entry, device, precision
        with undisturbed(0, device):
            self.methods: list[Method] = [METHODS.build(part.id, **part.parameters) for part in parts_of(entry)]
            for method in self.methods:
                method.load(device)

    @property
    def card(self) -> MethodCard:
        """The card of the first method, which decides what the chain is fed."""
        return self.methods[0].card

    @property
    def needs_mask(self) -> bool:
        """Whether any part of the chain takes a mask."""
        return any(method.card.needs_mask for method in self.methods)

    def networks(self) -> list[torch.nn.Module]:
        """The networks behind the methods, where they expose one."""
        return [network for method in self.methods if (network := network_of(method)) is not None]

    def restore(self, occluded: Tensor, mask: Tensor, ids: Sequence[str]) -> Restored:
        """Restore a batch: (N, 3, H, W) and (N, 1, H, W) on the CPU, 8-bit quantised. Falls back to one sample at a time
        when a batch fails, so that one bad image costs only itself."""
        started = time.perf_counter()
        try:
            raw = self._forward(occluded, mask, ids)
            errors = [""] * len(ids)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # code from a paper may well call exit(), and a panic of Rust's is no Exception
            if len(ids) == 1:
                raw, errors = occluded, [describe(error)]
            else:
                return self._one_by_one(occluded, mask, ids)
        seconds = (time.perf_counter() - started) / max(len(ids), 1)
        for position in range(len(ids)):
            errors[position] = errors[position] or _defect(raw[position])
        bad = torch.tensor([bool(message) for message in errors])
        if bad.any():
            raw = torch.where(bad[:, None, None, None], occluded, raw)
        raw = to_8bit(raw)
        return Restored(raw, composite(raw, occluded, mask), errors, seconds)

    def _one_by_one(self, occluded: Tensor, mask: Tensor, ids: Sequence[str]) -> Restored:
        singles = [self.restore(occluded[i : i + 1], mask[i : i + 1], ids[i : i + 1]) for i in range(len(ids))]
        return Restored(
            torch.cat([single.raw for single in singles]),
            torch.cat([single.composite for single in singles]),
            [single.errors[0] for single in singles],
            sum(single.seconds for single in singles) / len(singles),
        )

    def _forward(self, occluded: Tensor, mask: Tensor, ids: Sequence[str]) -> Tensor:
        image = occluded
        for position, method in enumerate(self.methods):
            if position:
                # The next part might turn NaN, or another range, into plausible pixels.
                defects = list(filter(None, map(_defect, image)))
                if defects:
                    raise ValueError(f"{self.methods[position - 1].card.id} {defects[0]}")
                image = composite(to_8bit(image), occluded, mask)
            # A later part of a chain is given what the earlier one painted into the hole, and nothing is hidden from it.
            hide = method.card.needs_mask and not position
            image = self._one_method(method, image, mask, ids, hide)
        return image

    def _one_method(self, method: Method, occluded: Tensor, mask: Tensor, ids: Sequence[str], hide: bool) -> Tensor:
        card = method.card
        height, width = occluded.shape[-2:]
        # A method must not be able to change what others are scored on: it gets its own copies.
        image = blank(occluded, mask) if hide else occluded.clone()
        image, hole = to_native(image, mask.clone(), card.native_size, card.size_multiple)
        if hide and hole is not None:
            # Resizing spreads the fill over the hole's edge.
            image = blank(image, hole)
        hole = hole if card.needs_mask else None
        image = image.to(self.device)
        hole = hole.to(self.device) if hole is not None else None
        extra: dict[str, list[str]] = {"ids": list(ids)} if card.needs_ids else {}
        with torch.inference_mode(), undisturbed(_seed(card.id, ids), self.device), self._autocast():
            restored = method.restore(image, hole, **extra)
        if not isinstance(restored, Tensor):
            raise TypeError(f"{card.id} returned {type(restored).__name__}, not a tensor")
        if restored.shape != image.shape:
            raise ValueError(f"{card.id} returned shape {tuple(restored.shape)} for {tuple(image.shape)}")
        if not restored.is_floating_point():
            raise TypeError(f"{card.id} returned {restored.dtype}, not floating point in [0, 1]")
        return from_native(restored.detach().to("cpu", torch.float32), height, width, card.native_size)

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        if self.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16)


def segmented(segmenter: Segmenter, occluded: Tensor, device: str) -> Tensor:
    """A segmenter's probabilities (N, 1, H, W) for occluded faces (N, 3, H, W), found at the size that its card names."""
    size, multiple = segmenter.card.native_size, segmenter.card.size_multiple
    height, width = occluded.shape[-2:]
    images, _ = to_native(occluded, None, size, multiple)
    return from_native(segmenter.segment(images.to(device)).cpu(), height, width, size)


def _seed(method: str, ids: Sequence[str]) -> int:
    """The seed of a method that draws by chance: from what it restores, so that a resumed run draws the same."""
    return int.from_bytes(hashlib.sha256("\0".join([method, *ids]).encode()).digest()[:4], "big")


def _defect(image: Tensor) -> str:
    if not torch.isfinite(image).all():
        return "returned NaN or infinity"
    low, high = image.amin().item(), image.amax().item()
    if low < -OVERSHOOT or high > 1 + OVERSHOOT:
        return f"returned values in [{low:.3g}, {high:.3g}]; expected [0, 1]"
    return ""
