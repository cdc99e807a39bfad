"""MagFace: embeddings whose length grows with the quality of the face (Meng et al. 2021)."""

from __future__ import annotations

from torch import Tensor

from unmaskbench.plugin import (
    ALIGNMENT_SIGNATURE,
    ARCFACE_112X112,
    MATCHERS,
    CosineSimilarity,
    MatcherCard,
    Missing,
    TorchEmbedder,
    WeightFile,
    align,
    weights,
)

MAGFACE_IRESNET100 = WeightFile(
    id="magface_iresnet100",
    filename="magface_epoch_00025.pth",
    licence="Apache-2.0 (code); weights trained on MS1MV2",
    source="MagFace's model zoo, iResNet100 on MS1MV2 (github.com/IrvingMeng/MagFace; Google Drive id "
    "1Bd87admxOZvbIOAyTkGEntsEz3fyMt7H; its publisher states no checksum)",
    enables="matchers magface and qmagface",
)


class MagFaceEmbedder:
    """512-d embeddings of 112 px crops, BGR, x / 255; the magnitude is kept, for it is MagFace's measure of quality."""

    weights = (MAGFACE_IRESNET100,)

    def __init__(self) -> None:
        self._network: TorchEmbedder | None = None

    @staticmethod
    def missing() -> list[Missing]:
        """The weight file, where absent."""
        return weights.missing(MagFaceEmbedder.weights)

    def load(self, device: str) -> None:
        """Read the network. Raises FileNotFoundError with a remedy, ValueError where the file is another."""
        from unmaskbench.benchmark.biometrics.backbones.iresnet import load_iresnet100

        network = load_iresnet100(weights.require(MAGFACE_IRESNET100))
        self._network = TorchEmbedder(network, device=device, mean=0.0, divisor=255.0, order="bgr")

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embeddings (N, 512) of images (N, 3, H, W) in [0, 1] with landmarks (N, 5, 2); magnitudes kept."""
        if self._network is None:
            raise RuntimeError("the MagFace network is not loaded; call load(device) first")
        return self._network(align(images, landmarks, ARCFACE_112X112, (112, 112)))


@MATCHERS.register("magface")
class MagFace(CosineSimilarity, MagFaceEmbedder):
    """MagFace embeddings compared by cosine."""

    card = MatcherCard(
        id="magface",
        title="MagFace (iResNet100, MS1MV2)",
        dimension=512,
        licence="Apache-2.0",
        source="Meng et al., MagFace: A Universal Representation for Face Recognition and Quality, CVPR 2021",
        signature=f"magface_iresnet100|112x112|bgr/255|{ALIGNMENT_SIGNATURE}|cosine",
    )
