"""How a method's speed is measured: which batches are tried, and what a clock that lies would show."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.run import speed
from unmaskbench.benchmark.run.restore import Restored, Restorer

Inputs = tuple[Tensor, Tensor]


def _clock(monkeypatch: pytest.MonkeyPatch, per_image: dict[int, float]) -> list[int]:
    """Let a call of batch n take n * per_image[n] seconds; returns the batches that were called, as they come."""
    called: list[int] = []

    def timed(restorer: Restorer, inputs: Inputs, repeats: int) -> list[float]:
        del restorer
        batch = len(inputs[0])
        called.extend([batch] * repeats)
        return [batch * per_image[batch]] * repeats

    monkeypatch.setattr(speed, "_timed", timed)
    return called


@pytest.fixture
def telea() -> Restorer:
    return Restorer(MethodEntry(id="telea"), "cpu", "fp32")


@pytest.mark.parametrize(
    ("per_image", "best", "tried"),
    [
        ({1: 0.10, 4: 0.05, 16: 0.02}, 16, {1, 4, 16}),
        ({1: 0.10, 4: 0.05, 16: 0.06}, 4, {1, 4, 16}),
        ({1: 0.10, 4: 0.12}, 1, {1, 4}),
        ({1: 0.60}, 1, {1}),
    ],
)
def test_larger_batches_are_tried_until_one_is_no_faster(
    telea: Restorer, monkeypatch: pytest.MonkeyPatch, per_image: dict[int, float], best: int, tried: set[int]
) -> None:
    called = _clock(monkeypatch, per_image)
    found = speed.time_method(telea, 32)
    assert set(called) == tried
    assert found["best_batch"] == best
    assert found["throughput"] == pytest.approx(1 / per_image[best], abs=0.01)
    assert found["latency_ms"] == pytest.approx(per_image[1] * 1000)
    assert found["latency_spread_ms"] == 0.0


def test_memory_is_a_method_s_own_or_not_shown(telea: Restorer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process's high-water mark holds whatever ran in it before; an allocator's peak is set back for each method."""
    _clock(monkeypatch, {1: 0.6})
    assert speed.time_method(telea, 32)["peak_memory_mb"] is None
    peaks = {"cuda:0": 900e6}
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: peaks.update({device: 70e6}))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: peaks[device])
    telea.device = "cuda:0"
    assert speed.time_method(telea, 32)["peak_memory_mb"] == 70.0


def test_a_real_clock_sees_a_method_that_sleeps(telea: Restorer, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    def slow(occluded: Tensor, mask: Tensor, names: Any) -> Restored:
        del mask, names
        time.sleep(0.02 + 0.01 * len(occluded))
        return Restored(occluded, occluded, [""] * len(occluded), 0.0)

    monkeypatch.setattr(telea, "restore", slow)
    found = speed.time_method(telea, 16)
    # 30 ms for one image; sixteen take 180, so 11.25 ms each: nothing is faster than the sleep allows.
    assert 30 <= found["latency_ms"] < 60
    assert found["best_batch"] == 16
    assert 40 < found["throughput"] <= 16 / 0.18
    assert (found["parameters"], found["macs"]) == (None, None)


def test_parameters_and_multiply_accumulates_of_a_known_network(
    telea: Restorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = torch.nn.Conv2d(3, 5, 3, padding=1)

    def restore(occluded: Tensor, mask: Tensor, names: Any) -> Restored:
        del mask, names
        image = network(occluded)[:, :3]
        return Restored(image, image, [""] * len(image), 0.0)

    monkeypatch.setattr(telea, "networks", lambda: [network])
    monkeypatch.setattr(telea, "restore", restore)
    found = speed.time_method(telea, 16)
    assert found["parameters"] == 5 * 3 * 9 + 5
    assert found["macs"] == 16 * 16 * 5 * 3 * 9


def test_a_method_that_fails_has_no_speed(telea: Restorer, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(occluded: Tensor, mask: Tensor, names: Any) -> Restored:
        del mask, names
        return Restored(occluded, occluded, ["no luck"] * len(occluded), 0.0)

    monkeypatch.setattr(telea, "restore", failing)
    with pytest.raises(RuntimeError, match="no luck"):
        speed.time_method(telea, 16)


def test_a_row_of_predicted_masks_is_timed_where_no_other_row_is_as_fast() -> None:
    oracle = MethodEntry(id="telea", mask_source="oracle")
    predicted = MethodEntry(id="telea", label="telea@predicted", mask_source="predicted:segmenter")
    assert speed._timed_already(predicted, [oracle, predicted])
    assert not speed._timed_already(predicted, [predicted])
    assert not speed._timed_already(oracle, [oracle, predicted])
