"""torch, its ``nn`` and ``nn.functional``, imported when something of them is first used: see ``lazy_modules``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.plugins.lazy_modules import LazyModule

__all__ = ["functional", "nn", "torch"]

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.nn import functional
else:
    functional, nn, torch = map(LazyModule, ("torch.nn.functional", "torch.nn", "torch"))
