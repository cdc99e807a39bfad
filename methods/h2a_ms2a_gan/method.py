"""``h2a_ms2a_gan``: the proposed method of Tsai, Wu and Chen (2026)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, read_method_card

if TYPE_CHECKING:
    from torch import nn


@METHODS.register("h2a_ms2a_gan")
class H2AMS2AGAN(LearnedMethod):
    """Needs a mask; the ``segmenter`` of the same paper predicts one. ``recipe: without_h2a`` or ``without_ms2a`` takes the
    weights of an ablation."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")
    paper_size = 224

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained generator at ``size``; ``h2a=False`` and ``ms2a=False`` are the ablations."""
        from unmaskbench.methods.h2a_ms2a_gan.network import COMPACT, H2AMS2AGenerator

        return H2AMS2AGenerator(**{**(COMPACT if size == "compact" else {}), **settings})

    @classmethod
    def build_discriminator(cls, name: str, **parameters: Any) -> nn.Module:
        """The paper's ``global`` or ``local`` discriminator."""
        from unmaskbench.methods.h2a_ms2a_gan.discriminators import GlobalDiscriminator, LocalDiscriminator

        kinds: dict[str, type[nn.Module]] = {"global": GlobalDiscriminator, "local": LocalDiscriminator}
        if name not in kinds:
            raise ValueError(f"h2a_ms2a_gan has the discriminators {', '.join(kinds)}, not '{name}'")
        return kinds[name](**parameters)
