"""Images for the metrics' tests: textured pairs that any machine can make, and real faces where they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional


def eight_bit(images: Tensor) -> Tensor:
    """Images in [0, 1] as they come back from a PNG."""
    return (images.clamp(0, 1) * 255).round() / 255


def textured(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Smooth colour fields with fine texture, (count, 3, height, width), 8-bit."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, max(2, height // 16), max(2, width // 16), generator=generator)
    smooth = functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    return eight_bit(smooth + 0.04 * torch.randn(count, 3, height, width, generator=generator))


def disturbed(images: Tensor, seed: int = 1, strength: float = 0.06) -> Tensor:
    """The images with noise and a blurred stripe, 8-bit."""
    generator = torch.Generator().manual_seed(seed)
    noisy = images + strength * torch.randn(images.shape, generator=generator)
    third = images.shape[2] // 3
    noisy[:, :, third : 2 * third] = functional.avg_pool2d(images, 5, 1, 2)[:, :, third : 2 * third]
    return eight_bit(noisy)


@pytest.fixture(scope="session", name="textured")
def textured_fixture() -> Callable[..., Tensor]:
    """``textured(count, height, width, seed=0)``."""
    return textured


@pytest.fixture(scope="session", name="disturbed")
def disturbed_fixture() -> Callable[..., Tensor]:
    """``disturbed(images, seed=1, strength=0.06)``."""
    return disturbed


@pytest.fixture(scope="session")
def pair() -> tuple[Tensor, Tensor]:
    """Restored and truth, (3, 3, 176, 192)."""
    truth = textured(3, 176, 192)
    return disturbed(truth), truth


@pytest.fixture(scope="session")
def faces(home: Path) -> Tensor:
    """Six real faces, (6, 3, 250, 250)."""
    from PIL import Image

    folder = home / "data" / "lfw" / "images_deepfunneled"
    if not folder.is_dir():
        pytest.skip(f"needs the deep-funneled LFW tree at {folder}")
    names = ("Aaron_Peirsol", "Abdullah_Gul", "Adrien_Brody", "Al_Gore", "Angelina_Jolie", "Ariel_Sharon")
    images = [np.array(Image.open(folder / name / f"{name}_0001.jpg").convert("RGB")) for name in names]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
