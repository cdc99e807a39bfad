"""``codeformer`` and ``codeformer_inpaint``: the codebook transformer of Zhou et al. (2022), enhancing and inpainting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unmaskbench.plugin import METHODS, PublishedMethod, WeightFile, load_strict, read_method_card, read_published

if TYPE_CHECKING:
    from torch import Tensor, nn

FOLDER = Path(__file__).parent
RELEASE = "https://github.com/sczhou/CodeFormer/releases/download/v0.1.0/"


def published(identifier: str, filename: str, sha256: str) -> WeightFile:
    """A file of the authors' release."""
    return WeightFile(
        id=identifier,
        filename=filename,
        licence="S-Lab License 1.0: non-commercial",
        source="github.com/sczhou/CodeFormer, release v0.1.0",
        enables=f"method {identifier}",
        url=RELEASE + filename,
        sha256=sha256,
    )


class _CodeFormer(PublishedMethod):
    """What the two share: one network at two settings."""

    setting: ClassVar[dict[str, Any]]

    def _network(self) -> nn.Module:
        from unmaskbench.methods.codeformer.network import CodeFormer

        network, path = CodeFormer(**{**self.setting, **self.settings}), self.file()
        load_strict(network, read_published(path, "params_ema"), path)
        return network


@METHODS.register("codeformer")
class CodeFormerMethod(_CodeFormer):
    """Blind. ``fidelity`` is the paper's w: 0 for the codes' face, 1 for the input's."""

    card = read_method_card(FOLDER / "card.yaml")
    setting: ClassVar[dict[str, Any]] = {}
    weights = (
        published("codeformer", "codeformer.pth", "1009e537e0c2a07d4cabce6355f53cb66767cd4b4297ec7a4a64ca4b8a5684b7"),
    )

    def __init__(
        self,
        checkpoint: Path | str | None = None,
        settings: dict[str, Any] | None = None,
        fidelity: float = 0.5,
    ) -> None:
        if not 0 <= fidelity <= 1:
            raise ValueError(f"fidelity must lie in [0, 1], got {fidelity}")
        super().__init__(checkpoint, settings)
        self.fidelity = fidelity

    def answer(self, network: Any, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, 512, 512) in [0, 1]."""
        restored: Tensor = network(occluded, self.fidelity)
        return restored


@METHODS.register("codeformer_inpaint")
class CodeFormerInpaint(_CodeFormer):
    """Needs a mask; the authors' inpainting weights."""

    card = read_method_card(FOLDER / "inpaint_card.yaml")
    setting: ClassVar[dict[str, Any]] = {"codes": 512, "fuse_px": (32, 64, 128)}
    weights = (
        published(
            "codeformer_inpaint",
            "codeformer_inpainting.pth",
            "b0d1b868c3dacf75d637bbcc0d4b3dd4ce2a064a338dfb4d35c740d3b4ae8797",
        ),
    )

    def answer(self, network: Any, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, 512, 512) in [0, 1], from what lies outside the mask."""
        restored: Tensor = network.inpaint(occluded, mask)
        return restored
