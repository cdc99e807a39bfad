"""FaceNet: Inception-ResNet-v1 trained on VGGFace2 (Schroff et al. 2015; Sandberg's weights)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import (
    FACENET_160X160,
    FACENET_STRETCH,
    MATCHERS,
    MatcherCard,
    TorchMatcher,
    WeightFile,
    matcher_signature,
)

if TYPE_CHECKING:
    from torch import nn

SIZE = (160, 160)


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
class FaceNet(TorchMatcher):
    """512-d unit embeddings of 160 px crops, RGB, (x - 127.5) / 128, compared by cosine."""

    card = MatcherCard(
        id="facenet",
        title="FaceNet (Inception-ResNet-v1, VGGFace2)",
        dimension=512,
        licence="MIT",
        source="Schroff et al., FaceNet: A Unified Embedding for Face Recognition and Clustering, CVPR 2015",
        signature=matcher_signature("facenet_vggface2", SIZE),
        notes="The crop follows the mean landmarks of MTCNN boxes, not a box found anew on each image.",
    )
    weights = (FACENET_VGGFACE2,)
    template = FACENET_160X160
    size = SIZE
    stretch = FACENET_STRETCH
    divisor = 128.0

    @classmethod
    def read_network(cls, path: Path) -> nn.Module:
        """Inception-ResNet-v1 with the weights in ``path``. Raises ValueError where the file is another."""
        from unmaskbench.benchmark.biometrics.backbones.inception_resnet_v1 import load_inception_resnet_v1

        return load_inception_resnet_v1(path)
