"""What metrics of two images have in common, so that a metric's file is its formula and its card."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from unmaskbench.plugin import METRICS, MetricCard, check_pair, check_region, check_whole

if TYPE_CHECKING:
    from torch import Tensor


class Formula(Protocol):
    """Values (N,) in float64 of restored and truth (N, 3, H, W); ``region`` is (N, 1, H, W) of zeros and ones, or None."""

    def __call__(self, restored: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor: ...


class FullReference:
    """A registered metric of two images; the reference is the truth itself."""

    card: ClassVar[MetricCard]
    formula: ClassVar[Formula]

    def reference(self, truth: Tensor) -> Tensor:
        """The truth (N, 3, H, W)."""
        return truth

    def score(self, restored: Tensor, reference: Tensor, region: Tensor | None) -> Tensor:
        """Values (N,) in float64."""
        return type(self).formula(restored, reference, region)


def full_reference(card: MetricCard) -> Callable[[Formula], Formula]:
    """A decorator that checks what a formula is given and registers it as the metric of ``card``.

    The decorated function raises ValueError unless both images are float32 (N, 3, H, W) in [0, 1] of the card's minimum
    size and the region, where the card has any, is (N, 1, H, W) of zeros and ones.
    """

    def decorate(formula: Formula) -> Formula:
        @wraps(formula)
        def checked(restored: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
            check_pair(restored, truth, card.minimum_size, card.id)
            if card.regions == ("whole",):
                check_whole(region, card.id, "its card says so")
            check_region(region, restored, card.id)
            return formula(restored, truth, region)

        place: Any = formula
        # A class that can be found by name, so that it travels to another process as any other does.
        content = {
            "card": card,
            "formula": staticmethod(checked),
            "__doc__": place.__doc__,
            "__module__": place.__module__,
            "__qualname__": f"{place.__qualname__}.metric",
        }
        vars(checked)["metric"] = METRICS.register(card.id)(type(card.id, (FullReference,), content))
        return checked

    return decorate
