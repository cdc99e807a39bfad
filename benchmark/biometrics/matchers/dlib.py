"""dlib's face-recognition network, as in the Python package face_recognition."""

from __future__ import annotations

from torch import Tensor

from unmaskbench.benchmark.biometrics.backbones.dlib_resnet import INPUT_PX, DlibResNet, load_dlib_resnet
from unmaskbench.plugin import (
    ALIGNMENT_SIGNATURE,
    DLIB_150X150,
    MATCHERS,
    CosineSimilarity,
    MatcherCard,
    Missing,
    TorchEmbedder,
    WeightFile,
    align,
    weights,
)

DLIB_RESNET = WeightFile(
    id="dlib_resnet",
    filename="dlib_face_recognition_resnet_model_v1.dat",
    licence="CC0-1.0",
    source="Davis King (github.com/davisking/dlib-models), in the PyPI package face_recognition_models",
    enables="matcher dlib",
    package="face_recognition_models/models",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
)


@MATCHERS.register("dlib")
class Dlib(CosineSimilarity):
    """128-d embeddings of 150 px crops, RGB, compared by cosine."""

    card = MatcherCard(
        id="dlib",
        title="dlib ResNet",
        dimension=128,
        licence="CC0-1.0",
        source="King, High Quality Face Recognition with Deep Metric Learning, blog.dlib.net, 2017",
        signature=f"dlib_resnet_v1|150x150|{ALIGNMENT_SIGNATURE}|cosine",
        notes="LFW View 2: 99.0 % accuracy over 10 folds; its author states 99.38 %, with crops laid by sixty-eight landmarks "
        "where these are laid by five, and compared by Euclidean distance. It knows no masks.",
    )
    weights = (DLIB_RESNET,)

    def __init__(self) -> None:
        self._network: TorchEmbedder | None = None

    @staticmethod
    def missing() -> list[Missing]:
        """The weight file, where absent."""
        return weights.missing(Dlib.weights)

    @staticmethod
    def load_network() -> DlibResNet:
        """The trained network in evaluation mode, on the CPU. Raises FileNotFoundError with the remedy."""
        return load_dlib_resnet(weights.require(DLIB_RESNET))

    def load(self, device: str) -> None:
        """Read the network. Raises FileNotFoundError with a remedy, ValueError where the file is another."""
        # The network takes RGB in [0, 1] and subtracts its own mean.
        self._network = TorchEmbedder(self.load_network(), device=device, mean=0.0, divisor=255.0)

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embeddings (N, 128) of images (N, 3, H, W) in [0, 1] with landmarks (N, 5, 2); not normalised."""
        if self._network is None:
            raise RuntimeError("matcher 'dlib' is not loaded; call load(device) first")
        return self._network(align(images, landmarks, DLIB_150X150, (INPUT_PX, INPUT_PX)))
