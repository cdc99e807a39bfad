"""A small memory of what was computed from the last few tensors, so that metrics that need the same thing share it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from unmaskbench.plugin import torch

if TYPE_CHECKING:
    from torch import Tensor

V = TypeVar("V")


class ContentCache(Generic[V]):
    """``compute(images)``, remembered for the last ``depth`` tensors.

    Tensors are told apart by content, against a copy of our own: an image that was changed in place is never mistaken
    for the one before, and a comparison costs one pass over the pixels. Whoever owns the cache owns its memory
    (``depth`` batches and their values); it is not shared between threads.
    """

    def __init__(self, compute: Callable[[Tensor], V], depth: int = 2) -> None:
        self._compute = compute
        self._kept: deque[tuple[Tensor, V]] = deque(maxlen=depth)

    def __call__(self, images: Tensor) -> V:
        """The value for ``images``, computed at most once while it is among the last ``depth``. Not to be changed in
        place by the caller."""
        for kept, value in self._kept:
            if kept.shape == images.shape and kept.device == images.device and torch.equal(kept, images):
                return value
        value = self._compute(images)
        self._kept.append((images.clone(), value))
        return value
