"""``gfpgan``: the generative facial prior of Wang et al. (2021), an enhancer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import METHODS, PublishedMethod, WeightFile, load_strict, read_method_card, read_published

if TYPE_CHECKING:
    from torch import nn


@METHODS.register("gfpgan")
class GFPGANMethod(PublishedMethod):
    """Blind. ``checkpoint`` takes another version of the clean architecture, such as ``GFPGANv1.4.pth``."""

    card = read_method_card(Path(__file__).parent / "card.yaml")
    weights = (
        WeightFile(
            id="gfpgan",
            filename="GFPGANv1.3.pth",
            licence="Apache-2.0",
            source="github.com/TencentARC/GFPGAN, release v1.3.0",
            enables="method gfpgan, and chains a+gfpgan",
            url="https://github.com/TencentARC/GFPGAN/releases/download/v1.3.0/GFPGANv1.3.pth",
            sha256="c953a88f2727c85c3d9ae72e2bd4846bbaf59fe6972ad94130e23e7017524a70",
        ),
    )

    def _network(self) -> nn.Module:
        from unmaskbench.methods.gfpgan.network import GFPGAN

        network, path = GFPGAN(**self.settings), self.file()
        load_strict(network, read_published(path, ("params_ema", "params")), path)
        return network
