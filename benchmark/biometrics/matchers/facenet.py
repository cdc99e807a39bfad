"""FaceNet: Inception-ResNet-v1 trained on VGGFace2 (Schroff et al. 2015; Sandberg's weights)."""

from __future__ import annotations

from torch import Tensor

from unmaskbench.plugin import (
    ALIGNMENT_SIGNATURE,
    FACENET_160X160,
    FACENET_STRETCH,
    MATCHERS,
    CosineSimilarity,
    MatcherCard,
    Missing,
    TorchEmbedder,
    WeightFile,
    align,
    weights,
)

FACENET_VGGFACE2 = WeightFile(
    id="facenet_vggface2",
    filename="20180402-114759-vggface2.pt",
    licence="MIT (code); weights trained on VGGFace2",
    source="github.com/timesler/facenet-pytorch, release v2.2.9",
    enables="matcher facenet",
    url="https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt",
    sha256="281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
)


@MATCHERS.register("facenet")
class FaceNet(CosineSimilarity):
    """512-d unit embeddings of 160 px crops, RGB, (x - 127.5) / 128, compared by cosine."""

    card = MatcherCard(
        id="facenet",
        title="FaceNet (Inception-ResNet-v1, VGGFace2)",
        dimension=512,
        licence="MIT",
        source="Schroff et al., FaceNet: A Unified Embedding for Face Recognition and Clustering, CVPR 2015",
        signature=f"facenet_vggface2|160x160|{ALIGNMENT_SIGNATURE}|cosine",
        notes="The crop follows the mean landmarks of MTCNN boxes, not a box found anew on each image.",
    )
    weights = (FACENET_VGGFACE2,)

    def __init__(self) -> None:
        self._network: TorchEmbedder | None = None

    @staticmethod
    def missing() -> list[Missing]:
        """The weight file, where absent."""
        return weights.missing(FaceNet.weights)

    def load(self, device: str) -> None:
        """Read the network. Raises FileNotFoundError with a remedy, ValueError where the file is another."""
        from unmaskbench.benchmark.biometrics.backbones.inception_resnet_v1 import load_inception_resnet_v1

        network = load_inception_resnet_v1(weights.require(FACENET_VGGFACE2))
        self._network = TorchEmbedder(network, device=device, mean=127.5, divisor=128.0)

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Unit embeddings (N, 512) of images (N, 3, H, W) in [0, 1] with landmarks (N, 5, 2)."""
        if self._network is None:
            raise RuntimeError("matcher 'facenet' is not loaded; call load(device) first")
        return self._network(align(images, landmarks, FACENET_160X160, (160, 160), stretch=FACENET_STRETCH))
