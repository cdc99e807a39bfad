"""The generators of Pleško et al. (2025) as methods: the base net and its changes (Table 1), the U-Nets that they changed (Table
2), and the three that they propose."""

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


class _PleskoTable(_Plesko):
    """A row of Tables 1 and 2, whose network has a file and a compact setting of its own."""

    @classmethod
    def network_class(cls) -> tuple[Any, dict[str, Any]]:
        """The network's class and its compact settings."""
        raise NotImplementedError

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained generator of this row at ``size``."""
        network, compact = cls.network_class()
        built: nn.Module = network(**{**(compact if size == "compact" else {}), **settings})
        return built


@METHODS.register("base_net")
class BaseNetMethod(_PleskoTable):
    """Blind; the base autoencoder. ``recipe: no_dense | strided | skips`` is one of its three changes."""

    setting = "base_net"
    card = read_method_card(FOLDER / "base_net_card.yaml")

    @classmethod
    def network_class(cls) -> tuple[Any, dict[str, Any]]:
        """The base autoencoder's."""
        from unmaskbench.methods.modified_vnet.base_net import COMPACT, BaseNet

        return BaseNet, COMPACT


@METHODS.register("unetpp")
class UNetPPMethod(_PleskoTable):
    """Blind; U-Net++ with the changes."""

    setting = "unetpp"
    card = read_method_card(FOLDER / "unetpp_card.yaml")

    @classmethod
    def network_class(cls) -> tuple[Any, dict[str, Any]]:
        """U-Net++'s."""
        from unmaskbench.methods.modified_vnet.nested import COMPACT, UNetPP

        return UNetPP, COMPACT


@METHODS.register("unet3plus")
class UNet3PlusMethod(_PleskoTable):
    """Blind; UNet 3+ with the changes."""

    setting = "unet3plus"
    card = read_method_card(FOLDER / "unet3plus_card.yaml")

    @classmethod
    def network_class(cls) -> tuple[Any, dict[str, Any]]:
        """UNet 3+'s."""
        from unmaskbench.methods.modified_vnet.full_scale import COMPACT, UNet3Plus

        return UNet3Plus, COMPACT


@METHODS.register("swin_unet")
class SwinUNetMethod(_PleskoTable):
    """Blind; Swin-UNet, which the changes leave as it is."""

    setting = "swin_unet"
    card = read_method_card(FOLDER / "swin_unet_card.yaml")

    @classmethod
    def network_class(cls) -> tuple[Any, dict[str, Any]]:
        """Swin-UNet's."""
        from unmaskbench.methods.modified_vnet.swin_unet import COMPACT, SwinUNet

        return SwinUNet, COMPACT
