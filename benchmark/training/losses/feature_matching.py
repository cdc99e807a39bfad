"""Feature matching (Wang et al. 2018, pix2pixHD, eq. 4): sum over layers of the mean |D_k(t) - D_k(u)|.

The layers are the activations of a discriminator, the truth's without gradient. The sum is divided by the number of
layers, so that a weight means the same for discriminators of any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class Activations:
    """Collects what a discriminator's activation layers give while it is open: ``with Activations(d) as seen: d(x)``."""

    KINDS = (nn.LeakyReLU, nn.ReLU)

    def __init__(self, discriminator: nn.Module) -> None:
        self._discriminator = discriminator
        self._handles: list[RemovableHandle] = []
        self.layers: list[Tensor] = []

    def __enter__(self) -> Activations:
        for module in self._discriminator.modules():
            # Layers of our own are recognised by their name: StyleGAN2's activation carries the layer's bias.
            if isinstance(module, self.KINDS) or type(module).__name__ == "BiasedLeakyReLU":
                self._handles.append(module.register_forward_hook(self._keep()))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _keep(self) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            self.layers.append(output)

        return hook


def feature_matching(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """The loss from two equally long lists of activations; ValueError where they are empty or differ in length."""
    if not real or len(real) != len(fake):
        raise ValueError(f"feature matching needs equal lists of activations, got {len(real)} and {len(fake)}")
    terms = [(r.detach().float() - f.float()).abs().mean() for r, f in zip(real, fake, strict=True)]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total / len(terms)
