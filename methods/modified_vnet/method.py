"""``modified_vnet``, ``modified_unet`` and ``mbnet``: the three generators of Pleško et al. (2025) as methods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unmaskbench.plugin import METHODS, LearnedMethod, read_method_card

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).parent


class _Plesko(LearnedMethod):
    """What the three share: one network file at three settings, one discriminator."""

    folder = FOLDER
    paper_size = 128
    setting: ClassVar[str]

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained generator of this row at ``size``."""
        from unmaskbench.methods.modified_vnet.network import COMPACT, SETTINGS, ModifiedVNet

        base = COMPACT if size == "compact" else SETTINGS
        return ModifiedVNet(**{**base[cls.setting], **settings})

    @classmethod
    def build_discriminator(cls, name: str, **parameters: Any) -> nn.Module:
        """The paper's ``cnn``."""
        from unmaskbench.methods.modified_vnet.discriminator import Discriminator

        if name != "cnn":
            raise ValueError(f"{cls.setting} has the discriminator 'cnn', not '{name}'")
        return Discriminator(**parameters)


@METHODS.register("modified_vnet")
class ModifiedVNetMethod(_Plesko):
    """Blind; the paper's best generator."""

    setting = "modified_vnet"
    card = read_method_card(FOLDER / "card.yaml")


@METHODS.register("modified_unet")
class ModifiedUNetMethod(_Plesko):
    """Blind; the same changes on a U-Net."""

    setting = "modified_unet"
    card = read_method_card(FOLDER / "modified_unet_card.yaml")


@METHODS.register("mbnet")
class MBNetMethod(_Plesko):
    """Blind; the same changes on the base autoencoder."""

    setting = "mbnet"
    card = read_method_card(FOLDER / "mbnet_card.yaml")
