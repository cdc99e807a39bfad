"""dlib's face-recognition network, as in the Python package face_recognition."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import DLIB_150X150, MATCHERS, MatcherCard, TorchMatcher, WeightFile, matcher_signature

if TYPE_CHECKING:
    from unmaskbench.benchmark.biometrics.backbones.dlib_resnet import DlibResNet

SIZE = (150, 150)

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
class Dlib(TorchMatcher):
    """128-d embeddings of 150 px crops, RGB, compared by cosine."""

    card = MatcherCard(
        id="dlib",
        title="dlib ResNet",
        dimension=128,
        licence="CC0-1.0",
        source="King, High Quality Face Recognition with Deep Metric Learning, blog.dlib.net, 2017",
        signature=matcher_signature("dlib_resnet_v1", SIZE),
        notes="LFW View 2: 99.0 % accuracy over 10 folds; its author states 99.38 %, with crops laid by sixty-eight landmarks "
        "where these are laid by five, and compared by Euclidean distance. It knows no masks.",
    )
    weights = (DLIB_RESNET,)
    template = DLIB_150X150
    size = SIZE
    # The network takes RGB in [0, 1] and subtracts its own mean.
    mean, divisor = 0.0, 255.0

    @classmethod
    def read_network(cls, path: Path) -> DlibResNet:
        """dlib's network with the weights in ``path``, in evaluation mode. Raises ValueError where the file is another."""
        from unmaskbench.benchmark.biometrics.backbones.dlib_resnet import load_dlib_resnet

        return load_dlib_resnet(path)
