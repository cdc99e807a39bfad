"""What a method may return and what is refused, in which words; its seconds, its seed and its chain's faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plugins.types import MethodCard
from unmaskbench.benchmark.run import restore as restore_module
from unmaskbench.benchmark.run.restore import Restorer, segmented

GREY = torch.full((3, 3, 16, 16), 0.5)
MASK = torch.zeros(3, 1, 16, 16)
IDS = ["d/o/a", "d/o/b", "d/o/c"]


class Gives:
    """A method that gives what a function makes of its images, and notes the seed that it runs under."""

    def __init__(self, answer: Callable[[Tensor], object], name: str = "gives", needs_mask: bool = False) -> None:
        self.card = MethodCard(name, "Gives", needs_mask=needs_mask, provenance="classical")
        self.answer, self.seeds, self.calls = answer, list[int](), 0

    def load(self, device: str) -> None:
        pass

    def restore(self, occluded: Tensor, mask: Tensor | None) -> object:
        self.calls += 1
        self.seeds.append(torch.initial_seed())
        return self.answer(occluded)


def of(*methods: Gives) -> Restorer:
    restorer = Restorer(MethodEntry(id="telea"), "cpu", "fp32")
    restorer.methods = list(methods)  # type: ignore[arg-type]
    return restorer


def error_of(*answers: Callable[[Tensor], object]) -> str:
    (found,) = of(*map(Gives, answers)).restore(GREY[:1], MASK[:1], IDS[:1]).errors
    return found


def with_pixel(value: float) -> Callable[[Tensor], Tensor]:
    def answer(images: Tensor) -> Tensor:
        changed = images.clone()
        changed[0, 1, 2, 3] = value
        return changed

    return answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda images: "done", "TypeError: gives returned str, not a tensor"),
        (lambda images: None, "TypeError: gives returned NoneType, not a tensor"),
        (lambda images: images[..., 1:], "ValueError: gives returned shape (1, 3, 16, 15) for (1, 3, 16, 16)"),
        (lambda images: images[0], "ValueError: gives returned shape (3, 16, 16) for (1, 3, 16, 16)"),
        (lambda images: images.long(), "TypeError: gives returned torch.int64, not floating point in [0, 1]"),
        (with_pixel(float("nan")), "returned NaN or infinity"),
        (with_pixel(float("inf")), "returned NaN or infinity"),
        (with_pixel(-0.26), "returned values in [-0.26, 0.5]; expected [0, 1]"),
        (with_pixel(1.26), "returned values in [0.5, 1.26]; expected [0, 1]"),
        (with_pixel(-0.25), ""),
        (with_pixel(1.25), ""),
        (lambda images: images.double(), ""),
    ],
)
def test_outputs_and_what_is_said_of_them(answer: Callable[[Tensor], object], said: str) -> None:
    assert error_of(answer) == said


def test_one_bad_sample_costs_only_itself() -> None:
    def answer(images: Tensor) -> Tensor:
        changed = images * 0.5
        changed[1, 0, 0, 0] = float("nan")
        return changed

    restored = of(Gives(answer)).restore(GREY, torch.ones_like(MASK), IDS)
    assert restored.errors == ["", "returned NaN or infinity", ""]
    quarter, half = 64 / 255, 128 / 255
    for images in (restored.raw, restored.composite):
        for image, value in zip(images, (quarter, half, quarter), strict=True):
            assert torch.equal(image, torch.full_like(image, value))
    assert restored.output("raw") is restored.raw
    assert restored.output("composite") is restored.composite


@pytest.mark.parametrize(
    ("value", "said"),
    [(float("nan"), "returned NaN or infinity"), (7.0, "returned values in [0.5, 7]; expected [0, 1]")],
)
def test_a_chain_names_the_part_that_went_wrong_and_stops_there(value: float, said: str) -> None:
    parts = [
        Gives(lambda images: images, "one"),
        Gives(with_pixel(value), "two"),
        Gives(lambda images: images, "three"),
    ]
    restored = of(*parts).restore(GREY[:1], MASK[:1], IDS[:1])
    assert restored.errors == [f"ValueError: two {said}"]
    assert [part.calls for part in parts] == [1, 1, 0]


def test_an_interruption_is_no_fault_of_a_method() -> None:
    def interrupted(images: Tensor) -> Tensor:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        error_of(interrupted)

    def left(images: Tensor) -> Tensor:
        raise SystemExit(3)

    assert error_of(left) == "SystemExit: 3"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def tells(*readings: float) -> None:
        following: Iterator[float] = iter(readings)
        monkeypatch.setattr(restore_module, "time", SimpleNamespace(perf_counter=lambda: next(following)))

    return tells


def test_seconds_are_those_of_one_image(clock: Callable[..., None]) -> None:
    clock(10.0, 16.0)
    assert of(Gives(lambda images: images)).restore(GREY, MASK, IDS).seconds == 2.0
    clock(10.0, 16.0)
    assert of(Gives(lambda images: images)).restore(GREY[:1], MASK[:1], IDS[:1]).seconds == 6.0
    clock(10.0, 16.0)
    assert of(Gives(lambda images: images)).restore(GREY[:0], MASK[:0], []).seconds == 6.0

    def alone(images: Tensor) -> Tensor:
        if len(images) > 1:
            raise RuntimeError("one at a time")
        return images

    clock(0.0, 10.0, 11.0, 20.0, 22.0, 30.0, 33.0)
    restored = of(Gives(alone)).restore(GREY, MASK, IDS)
    assert (restored.seconds, restored.errors) == (2.0, ["", "", ""])


def test_the_seed_is_the_methods_and_its_samples_on_every_machine() -> None:
    first, again, other = (Gives(lambda images: images, name) for name in ("one", "one", "two"))
    for method in (first, again, other):
        of(method).restore(GREY, MASK, IDS)
    of(first).restore(GREY[:2], MASK[:2], IDS[:2])
    assert again.seeds == first.seeds[:1]
    assert len({*first.seeds, *other.seeds}) == 3
    assert first.seeds == GOLDEN_SEEDS


# printf 'one\0d/o/a\0d/o/b\0d/o/c' | sha256sum | head -c 8, and without the last sample.
GOLDEN_SEEDS = [0x2E57C366, 0x573C73F2]


def test_a_chain_is_fed_as_its_first_part_says_and_shows_every_network() -> None:
    first, second = Gives(lambda images: images, "one"), Gives(lambda images: images, "two", needs_mask=True)
    chain = of(first, second)
    assert chain.card is first.card
    assert of(second, first).card is second.card
    assert chain.needs_mask
    assert of(first, second, first).needs_mask
    assert not of(first).needs_mask
    assert chain.networks() == []
    network = nn.Conv2d(3, 3, 1)
    second.network = network  # type: ignore[attr-defined]
    assert chain.networks() == [network]


def test_a_segmenter_sees_its_own_size_and_answers_at_the_pictures() -> None:
    seen: list[tuple[int, ...]] = []

    def segment(images: Tensor) -> Tensor:
        seen.append(tuple(images.shape))
        return images[:, :1]

    card = MethodCard("own", "Own", needs_mask=False, provenance="classical", native_size=48, size_multiple=32)
    found = segmented(SimpleNamespace(card=card, segment=segment), GREY[:2], "cpu")  # type: ignore[arg-type]
    assert seen == [(2, 3, 64, 64)]
    assert found.shape == (2, 1, 16, 16)
    assert torch.allclose(found, torch.tensor(0.5))
