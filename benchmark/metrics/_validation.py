"""The door of the metrics: what comes in is checked once, with what was expected and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.plugin import torch

if TYPE_CHECKING:
    from torch import Tensor


def check_images(images: Tensor, minimum: int, metric: str, role: str = "images") -> None:
    """Raise ValueError unless ``images`` is float32 (N, 3, H, W) in [0, 1], N >= 1, no side below ``minimum`` px."""
    if images.ndim != 4 or images.shape[1] != 3 or images.shape[0] == 0:
        raise ValueError(f"{metric}: expected {role} of shape (N, 3, H, W) with N >= 1, got {tuple(images.shape)}")
    _check_values(images, metric, role)
    if min(images.shape[-2:]) < minimum:
        height, width = images.shape[-2:]
        raise ValueError(f"{metric}: needs at least {minimum} px on each side, got {width} x {height} px")


def check_like(restored: Tensor, truth: Tensor, metric: str) -> None:
    """Raise ValueError unless both tensors have one shape and one device."""
    if restored.shape != truth.shape:
        raise ValueError(f"{metric}: restored {tuple(restored.shape)} and truth {tuple(truth.shape)} differ in shape")
    if restored.device != truth.device:
        raise ValueError(f"{metric}: restored is on {restored.device}, truth on {truth.device}")


def check_pair(restored: Tensor, truth: Tensor, minimum: int, metric: str) -> None:
    """Raise ValueError unless both are images of one shape and device."""
    check_images(restored, minimum, metric, "restored")
    check_images(truth, minimum, metric, "truth")
    check_like(restored, truth, metric)


def check_region(region: Tensor | None, images: Tensor, metric: str) -> None:
    """Raise ValueError unless ``region`` is None or (N, 1, H, W) of zeros and ones that fits ``images``."""
    if region is None:
        return
    expected = (images.shape[0], 1, *images.shape[-2:])
    if tuple(region.shape) != expected:
        raise ValueError(f"{metric}: expected a region of shape {expected}, got {tuple(region.shape)}")
    if not bool(((region == 0) | (region == 1)).all()):
        raise ValueError(f"{metric}: expected a region of zeros and ones, got other values")


def check_whole(region: Tensor | None, metric: str, why: str) -> None:
    """Raise ValueError where a region is asked of a metric that has a meaning on whole images only."""
    if region is not None:
        raise ValueError(f"{metric}: has a meaning on whole images only ({why}); expected region None")


def check_masks(masks: Tensor, metric: str, role: str) -> None:
    """Raise ValueError unless ``masks`` is float32 (N, 1, H, W) in [0, 1]."""
    if masks.ndim != 4 or masks.shape[1] != 1 or masks.shape[0] == 0:
        raise ValueError(f"{metric}: expected {role} of shape (N, 1, H, W) with N >= 1, got {tuple(masks.shape)}")
    _check_values(masks, metric, role)


def _check_values(values: Tensor, metric: str, role: str) -> None:
    if values.dtype != torch.float32:
        raise ValueError(f"{metric}: expected {role} in float32, got {str(values.dtype).removeprefix('torch.')}")
    if values.numel() == 0:
        raise ValueError(f"{metric}: expected {role} with pixels, got {tuple(values.shape)}")
    low, high = (float(bound) for bound in torch.aminmax(values))
    if not (low >= 0.0 and high <= 1.0):  # written so that NaN, which compares false, is refused too
        raise ValueError(f"{metric}: expected {role} in [0, 1], got [{low:g}, {high:g}]")
