"""The floor: the occluded image as it came. Every value is read against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.plugin import METHODS, MethodCard

if TYPE_CHECKING:
    from torch import Tensor


@METHODS.register("untouched")
class Untouched:
    """Returns the occluded image."""

    card = MethodCard(
        id="untouched",
        title="Untouched",
        needs_mask=False,
        provenance="classical",
        notes="No restoration: what a matcher sees of a masked face.",
    )

    def load(self, device: str) -> None:
        """Nothing to load."""

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """``occluded``, (N, 3, H, W)."""
        return occluded
