"""Images apart give what they give together, whichever thread has them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional

from unmaskbench.benchmark.metrics._image_by_image import image_by_image
from unmaskbench.benchmark.metrics.ms_ssim import _halve
from unmaskbench.benchmark.plugins.registry import METRICS


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_every_image_has_its_turn_and_its_place(threads: int) -> None:
    images = torch.arange(5.0).view(5, 1, 1, 1).requires_grad_()
    parts = image_by_image(lambda part: images[part] * 2, images)
    assert torch.equal(torch.cat(parts).flatten(), 2 * torch.arange(5.0))
    assert not any(part.requires_grad for part in parts)
    assert torch.get_num_threads() == threads
    assert image_by_image(lambda part: part, images[:0]) == []


def test_an_error_is_raised_here_and_the_threads_are_as_before(threads: int) -> None:
    def broken(part: slice) -> None:
        raise ValueError(f"image {part.start}")

    with pytest.raises(ValueError, match="image 0"):
        image_by_image(broken, torch.zeros(4, 1))
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("name", ["ssim", "ms_ssim", "fsim"])
def test_scores_do_not_know_how_many_threads_there_are(name: str) -> None:
    generator = torch.Generator().manual_seed(3)
    truth, restored = ((torch.rand(5, 3, 176, 180, generator=generator) * 255).round() / 255 for _ in range(2))
    before, found = torch.get_num_threads(), []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        metric = METRICS.build(name)
        found.append(metric.score(restored, metric.reference(truth), None))
    torch.set_num_threads(before)
    assert torch.allclose(found[0], found[1], rtol=0, atol=1e-6)
    assert torch.equal(found[1], found[2])


@pytest.mark.parametrize("sides", [(8, 8), (9, 8), (8, 9), (9, 9), (11, 30)])
def test_halving_is_the_pooling_layer_that_piq_uses(sides: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *sides, generator=torch.Generator().manual_seed(sum(sides)))
    padded = functional.pad(images, (1, 0, 1, 0), mode="replicate") if any(side % 2 for side in sides) else images
    assert torch.allclose(_halve(images), functional.avg_pool2d(padded, 2), atol=1e-7)
