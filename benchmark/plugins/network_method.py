"""What every method has in common that is one network: it is loaded once, and asked with a mask or without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.plugins.cards import MethodCard

if TYPE_CHECKING:
    from torch import Tensor, nn


class NetworkMethod:
    """Base of ``LearnedMethod``, whose weights are trained here, and of ``PublishedMethod``, whose are their authors'.

    A subclass gives ``card`` and ``_network``, and ``answer`` where its network wants other inputs than the picture and,
    where the card needs one, the mask.
    """

    card: MethodCard
    network: nn.Module | None = None

    def load(self, device: str) -> None:
        """Bring the weights into memory on ``device``. FileNotFoundError with a remedy, WeightsError for a misfit."""
        self.network = self._network().eval().requires_grad_(False).to(device)

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1] for occluded likewise; ``mask`` (N, 1, H, W) where the card needs one.

        Raises RuntimeError before ``load``, ValueError where a mask is needed and none is given.
        """
        if self.network is None:
            raise RuntimeError(f"method '{self.card.id}' is not loaded; call load(device) first")
        if not self.card.needs_mask:
            mask = None
        elif mask is None:
            raise ValueError(f"method '{self.card.id}' needs a mask; give it one by mask_source oracle or predicted")
        return self.answer(self.network, occluded, mask).float()

    def answer(self, network: nn.Module, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """What the loaded network says; ``mask`` is None exactly where the card needs none."""
        restored: Tensor = network(occluded) if mask is None else network(occluded, mask)
        return restored

    def _network(self) -> nn.Module:
        """The network with its weights, on the CPU."""
        raise NotImplementedError
