"""A method on a batch: sizes, precision, chains and failures are the harness's business."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import tiny
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.geometry import HOLE_FILL
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.plugins.types import MethodCard
from unmaskbench.benchmark.run.restore import Restorer

DTYPES: list[torch.dtype] = []
SEEN: list[tuple[tuple[int, ...], bool]] = []


class Shaped:
    """Records the shape that it is given; subclasses say which one they want."""

    card = MethodCard("tiny_shaped", "Shaped", needs_mask=False, provenance="classical")

    def load(self, device: str) -> None:
        pass

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        SEEN.append((tuple(occluded.shape), mask is not None))
        return occluded


class Native(Shaped):
    card = MethodCard(
        "tiny_native", "Native", needs_mask=True, provenance="classical", native_size=48, size_multiple=32
    )


class Multiple(Shaped):
    card = MethodCard("tiny_multiple", "Multiple", needs_mask=True, provenance="classical", size_multiple=8)


class Told(Shaped):
    card = MethodCard("tiny_told", "Told", needs_mask=True, provenance="classical")


class Half(Shaped):
    card = dataclasses.replace(Shaped.card, id="tiny_half")

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        found = torch.nn.functional.conv2d(occluded, torch.eye(3)[:, :, None, None])
        DTYPES.append(found.dtype)
        return found


class Over(Shaped):
    card = dataclasses.replace(Shaped.card, id="tiny_over")

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        return occluded * 1.2 - 0.1


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    own = {
        "tiny_shaped": Shaped,
        "tiny_native": Native,
        "tiny_multiple": Multiple,
        "tiny_told": Told,
        "tiny_half": Half,
        "tiny_over": Over,
    }
    with tiny.registered():
        for name, cls in own.items():
            METHODS.register(name)(cls)
        yield
        for name in own:
            del METHODS.classes[name]


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, list[str]]:
    SEEN.clear()
    images = torch.randint(0, 256, (3, 3, 30, 30), generator=torch.Generator().manual_seed(0)).float() / 255
    mask = torch.zeros(3, 1, 30, 30)
    mask[..., 10:20, 10:20] = 1
    return images, mask, ["d/o/a", "d/o/b", "d/o/c"]


def restorer(name: str, precision: str = "fp32", **parameters: Any) -> Restorer:
    return Restorer(MethodEntry(id=name, parameters=parameters), "cpu", precision)


def test_a_blind_method_gets_no_mask_and_its_own_size(batch: Any) -> None:
    restored = restorer("tiny_shaped").restore(*batch)
    assert SEEN == [((3, 3, 30, 30), False)]
    assert torch.equal(restored.raw, batch[0])
    assert restored.errors == ["", "", ""]
    assert restored.seconds > 0


@pytest.mark.parametrize(("name", "given"), [("tiny_native", 64), ("tiny_multiple", 32)])
def test_a_method_gets_the_size_of_its_card(batch: Any, name: str, given: int) -> None:
    restored = restorer(name).restore(*batch)
    assert [((3, 3, given, given), True)] == SEEN
    assert restored.raw.shape == batch[0].shape
    known = batch[1].expand(-1, 3, -1, -1) == 0
    assert torch.equal(restored.composite[known], batch[0][known])


@pytest.mark.parametrize("name", ["tiny_told", "tiny_native", "tiny_multiple", "tiny_told+tiny_over"])
def test_a_method_that_is_told_the_hole_does_not_see_the_cloth(batch: Any, name: str) -> None:
    images, mask, ids = batch
    black = images * (1 - mask)
    assert torch.equal(restorer(name).restore(images, mask, ids).raw, restorer(name).restore(black, mask, ids).raw)
    # A blind method has nothing but the cloth to know the hole by.
    blind = restorer("tiny_shaped")
    assert not torch.equal(blind.restore(images, mask, ids).raw, blind.restore(black, mask, ids).raw)


def test_the_hole_is_blank_and_nothing_else_is(batch: Any) -> None:
    images, mask, ids = batch
    hole = mask.expand(-1, 3, -1, -1) > 0
    raw = restorer("tiny_told").restore(images, mask, ids).raw
    assert torch.allclose(raw[hole], torch.tensor(HOLE_FILL), atol=0.5 / 255)
    assert torch.equal(raw[~hole], images[~hole])


def test_a_later_part_of_a_chain_sees_what_the_earlier_one_painted(batch: Any) -> None:
    images, mask, ids = batch
    assert torch.equal(restorer("tiny_shaped+tiny_told").restore(images, mask, ids).raw, images)


def test_every_output_is_8_bit(batch: Any) -> None:
    restored = restorer("tiny_over").restore(*batch)
    assert restored.errors == ["", "", ""]  # a little overshoot is clamped, not refused
    for images in (restored.raw, restored.composite):
        assert torch.equal((images * 255).round() / 255, images)
        assert 0 <= images.min() <= images.max() <= 1


def test_bf16_runs_the_forward_pass_in_bf16_and_comes_back_in_float32(batch: Any) -> None:
    DTYPES.clear()
    for precision in ("fp32", "bf16"):
        restored = restorer("tiny_half", precision).restore(*batch).raw
        assert restored.dtype == torch.float32
        assert (restored - batch[0]).abs().max() < 0.01
    assert [torch.float32, torch.bfloat16] == DTYPES


def test_a_chain_feeds_the_composite_of_one_to_the_next(batch: Any) -> None:
    chain, alone = restorer("tiny_over+tiny_over"), restorer("tiny_over")
    images, mask, ids = batch
    between = alone.restore(images, mask, ids).composite
    raw = chain.restore(images, mask, ids).raw
    assert torch.equal(raw, alone.restore(between, mask, ids).raw)
    hole = mask.expand(-1, 3, -1, -1) > 0
    twice = ((images * 1.2 - 0.1) * 1.2 - 0.1).clamp(0, 1)
    assert (raw - twice)[hole].abs().max() < 0.006
    assert (raw - (images * 1.2 - 0.1).clamp(0, 1))[~hole].abs().max() < 0.003
    assert not torch.equal(raw, alone.restore(*batch).raw)
    assert restorer("tiny_shaped+telea").needs_mask


def test_shipped_methods_chain_as_a_run_on_saved_composites_would(batch: Any) -> None:
    images, mask = (torch.nn.functional.interpolate(each, (128, 128)) for each in batch[:2])
    ids = batch[2]
    between = restorer("telea").restore(images, mask, ids).composite
    expected = restorer("modified_unet").restore(between, mask, ids)
    found = restorer("telea+modified_unet").restore(images, mask, ids)
    assert torch.equal(found.raw, expected.raw)
    assert found.errors == ["", "", ""]
    hole = mask.expand(-1, 3, -1, -1) > 0
    assert torch.equal(found.composite[~hole], images[~hole])


def test_parameters_of_a_chain_go_to_their_part(batch: Any) -> None:
    given = restorer("telea+tiny_shaped+telea", telea={"radius_px": 9})
    assert [getattr(method, "radius_px", None) for method in given.methods] == [9, None, 9]
    assert restorer("telea+tiny_shaped").methods[0].radius_px != 9
    for wrong, message in (
        ({"radius_px": 3}, "'radius_px' is none of them"),
        ({"telea": 3}, "'telea' is no mapping"),
    ):
        with pytest.raises(SuiteError, match=f"a chain's parameters are given by part.*{message}"):
            restorer("telea+tiny_shaped", **wrong)
    with pytest.raises(SuiteError, match=r"has an empty part; a chain is written a\+b"):
        restorer("telea+")


@pytest.mark.parametrize("state", ["torch", "numpy", "python"])
def test_random_states_are_left_as_they_were(batch: Any, state: str) -> None:
    def numpy_draw() -> float:
        return float(np.random.rand())  # noqa: NPY002

    draws: dict[str, Callable[[], float]] = {
        "torch": lambda: float(torch.rand(1)), "numpy": numpy_draw, "python": random.random,
    }  # fmt: skip
    seeds: dict[str, Callable[[int], Any]] = {
        "torch": torch.manual_seed, "numpy": np.random.seed, "python": random.seed,
    }  # fmt: skip
    seeds[state](7)
    expected = draws[state]()
    seeds[state](7)
    restorer("tiny_odd", mode="random").restore(*batch)
    assert draws[state]() == expected


def test_what_a_method_draws_follows_from_what_it_restores(batch: Any) -> None:
    images, mask, ids = batch
    first = restorer("tiny_odd", mode="random").restore(images, mask, ids).raw
    assert torch.equal(restorer("tiny_odd", mode="random").restore(images, mask, ids).raw, first)
    assert not torch.equal(restorer("tiny_odd", mode="random").restore(images, mask, ids[::-1]).raw, first)


def test_inputs_are_not_touched(batch: Any) -> None:
    images, mask, ids = batch
    before = images.clone(), mask.clone()
    for mode in ("inplace", "mask"):
        restorer("tiny_odd", mode=mode).restore(images, mask, ids)
    assert torch.equal(images, before[0])
    assert torch.equal(mask, before[1])


def test_a_batch_that_raises_is_tried_one_by_one(batch: Any) -> None:
    restored = restorer("tiny_odd", mode="raise", on="b").restore(*batch)
    assert [bool(error) for error in restored.errors] == [False, True, False]
    assert restored.errors[1] == "RuntimeError: no face for you"
    assert torch.equal(restored.raw[1], batch[0][1])  # the failed one is the occluded image, which is never scored
    known = batch[1].expand(-1, 3, -1, -1) == 0
    assert torch.equal(restored.raw[known], batch[0][known])
