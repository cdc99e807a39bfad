"""How a method's speed is measured: which batches are tried, and what a clock that lies would show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import unmaskbench.methods
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.suite_file import load_suite
from unmaskbench.benchmark.plugins.hooks import training_card_of
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.run import speed
from unmaskbench.benchmark.run.restore import Restored, Restorer

Inputs = tuple[Tensor, Tensor]
METHODS_FOLDER = Path(unmaskbench.methods.__file__).parent


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
        ({1: 0.010, 4: 0.005, 16: 0.002}, 16, {1, 4, 16}),
        ({1: 0.010, 4: 0.005, 16: 0.006}, 4, {1, 4, 16}),
        ({1: 0.010, 4: 0.012}, 1, {1, 4}),
        ({1: 0.030, 4: 0.020}, 4, {1, 4}),  # two calls of sixteen would take 0.64 s
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


@pytest.mark.parametrize(("seconds", "calls"), [(0.001, 7), (0.1, 3), (0.2, 2), (60.0, 2)])
def test_a_dear_method_is_timed_less_often(
    telea: Restorer, monkeypatch: pytest.MonkeyPatch, seconds: float, calls: int
) -> None:
    """One call comes before, which makes what later ones find; at 100 ms the third passes half of the 0.5 s."""
    called = _clock(monkeypatch, {1: seconds, 4: seconds, 16: seconds})
    speed.time_method(telea, 32)
    assert called.count(1) == 1 + calls
    assert sum(seconds * batch for batch in called[1 + calls :]) <= speed.BUDGET_SECONDS


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
    monkeypatch.setattr(speed, "BUDGET_SECONDS", 5.0)
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


def further_methods() -> list[str]:
    """Methods with weights that ship and that the suite quick does not name: what its bound on their cost is about."""
    own = {entry.id for entry in load_suite("quick").methods}
    shipped = {path.name.partition("_compact.")[0] for path in METHODS_FOLDER.glob("*/weights/*_compact.safetensors")}
    return sorted(shipped & set(METHODS.names()) - own)


@pytest.mark.parametrize("name", further_methods())
def test_a_shipped_card_says_what_the_network_costs(name: str) -> None:
    """``bench run --methods all`` believes it."""
    found = speed.macs(Restorer(MethodEntry(id=name), "cpu", "fp32"), speed._inputs(1, 128))
    assert training_card_of(METHODS.get(name))["macs"] == found, f"macs: {found} in the card of {name}'s weights"


def test_a_row_of_predicted_masks_is_timed_where_no_other_row_is_as_fast() -> None:
    oracle = MethodEntry(id="telea", mask_source="oracle")
    predicted = MethodEntry(id="telea", label="telea@predicted", mask_source="predicted:segmenter")
    assert speed._timed_already(predicted, [oracle, predicted])
    assert not speed._timed_already(predicted, [predicted])
    assert not speed._timed_already(oracle, [oracle, predicted])
