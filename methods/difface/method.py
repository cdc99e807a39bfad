"""``difface`` and ``difface_inpaint``: the diffused estimate of Yue and Loy (2022), enhancing and inpainting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unmaskbench.plugin import METHODS, PublishedMethod, WeightFile, load_strict, read_method_card, read_published

if TYPE_CHECKING:
    from torch import Tensor, nn

FOLDER = Path(__file__).parent
RELEASE = "https://github.com/zsyOAOA/DifFace/releases/download/V1.0/"
SEED = 12345


def published(identifier: str, filename: str, method: str) -> WeightFile:
    """A file of the authors' release, whose sha256 they do not state."""
    return WeightFile(
        id=identifier,
        filename=filename,
        licence="S-Lab License 1.0: non-commercial",
        source="github.com/zsyOAOA/DifFace, release V1.0",
        enables=f"method {method}",
        url=RELEASE + filename,
    )


class _DifFace(PublishedMethod):
    """What the two share: an estimator, a denoising U-Net, and the way between them.

    ``start`` is the step of 250 to which the estimate is diffused, ``eta`` the share of fresh noise, ``seed`` that of the noise.
    """

    unet: ClassVar[dict[str, Any]] = {}
    start: ClassVar[int]
    eta: ClassVar[float]

    def __init__(
        self,
        checkpoint: Path | str | None = None,
        settings: dict[str, Any] | None = None,
        start: int | None = None,
        eta: float | None = None,
        seed: int = SEED,
    ) -> None:
        super().__init__(checkpoint, settings)
        self.steps = self.start if start is None else start
        self.fresh = self.eta if eta is None else eta
        self.seed = seed
        if not 1 <= self.steps < 250 or not 0 <= self.fresh <= 1:
            raise ValueError(f"start must lie in 1 to 249 and eta in [0, 1], got {self.steps} and {self.fresh}")

    def estimator(self) -> nn.Module:
        """The untrained network of the first estimate."""
        raise NotImplementedError

    def _network(self) -> nn.Module:
        from torch.nn import ModuleDict

        from unmaskbench.methods.difface.network import DenoisingUNet

        parts = {
            "unet": DenoisingUNet(**{**self.unet, **self.settings.get("unet", {})}),
            "estimator": self.estimator(),
        }
        for number, part in enumerate(parts.values()):
            path = self.file(number)
            load_strict(part, read_published(path), path)
        return ModuleDict(parts)

    def denoised(self, estimate: Tensor, occluded: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Faces in [0, 1] from estimates in [0, 1]; towards ``occluded`` where ``known`` is 1."""
        from unmaskbench.methods.difface.diffusion import denoise_from, towards

        network: Any = self.network
        guide = None if occluded is None or known is None else towards(occluded * 2 - 1, known, gamma=0.5)
        face = denoise_from(network["unet"], estimate.clamp(0, 1) * 2 - 1, self.steps, self.fresh, self.seed, guide)
        return ((face + 1) / 2).clamp(0, 1).float()


@METHODS.register("difface")
class DifFaceMethod(_DifFace):
    """Blind. ``checkpoint`` takes the folder of the two published files."""

    card = read_method_card(FOLDER / "card.yaml")
    start, eta = 100, 0.5
    weights = (
        published("difface_unet", "iddpm_ffhq512_ema500000.pth", "difface"),
        published("difface_swinir", "swinir_restoration512_L1.pth", "difface"),
    )

    def estimator(self) -> nn.Module:
        """SwinIR."""
        from unmaskbench.methods.difface.swinir import SwinIR

        return SwinIR(**self.settings.get("swinir", {}))

    def answer(self, network: Any, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1]."""
        return self.denoised(network["estimator"](occluded))


@METHODS.register("difface_inpaint")
class DifFaceInpaint(_DifFace):
    """Needs a mask. ``checkpoint`` takes the folder of the two published files."""

    card = read_method_card(FOLDER / "inpaint_card.yaml")
    parts = ("lama",)
    unet: ClassVar[dict[str, Any]] = {
        "size": 256,
        "base": 128,
        "multipliers": (1, 1, 2, 2, 4, 4),
        "blocks": (2,) * 6,
        "attention_px": (16, 8),
    }
    start, eta = 120, 1.0
    weights = (
        published("difface_inpaint_unet", "iddpm_ffhq256_ema750000.pth", "difface_inpaint"),
        published("difface_inpaint_lama", "lama_inpainting256.pth", "difface_inpaint"),
    )

    def estimator(self) -> nn.Module:
        """LaMa's generator of 18 blocks, which the authors trained anew."""
        network: nn.Module = METHODS.get("lama").build_network("paper", **self.settings.get("lama", {}))
        return network

    def answer(self, network: Any, occluded: Tensor, mask: Any) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1], from what lies outside the mask, which the hole's black stands for."""
        known = 1 - mask
        image = occluded * known
        return self.denoised(network["estimator"](image, mask), image, known)
