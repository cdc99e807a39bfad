"""ArcFace: the embedder of an insightface pack, or any ONNX embedder of 112 px ArcFace crops by path."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from unmaskbench.plugin import (
    ALIGNMENT_SIGNATURE,
    ARCFACE_112X112,
    MATCHERS,
    CosineSimilarity,
    MatcherCard,
    Missing,
    OnnxEmbedder,
    WeightFile,
    align,
    missing_extra,
    weights,
)

W600K_R50 = WeightFile(
    id="arcface_w600k_r50",
    filename="w600k_r50.onnx",
    licence="insightface model zoo: non-commercial research only",
    source="insightface's buffalo_l pack (github.com/deepinsight/insightface/releases/download/v0.7/buffalo_l.zip, or "
    "~/.insightface/models/buffalo_l after insightface has fetched it)",
    enables="matcher arcface",
    sha256="4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
)


@MATCHERS.register("arcface")
class ArcFace(CosineSimilarity):
    """512-d embeddings of 112 px crops, RGB, (x - 127.5) / 127.5, compared by cosine.

    ``model`` is the path of another 112 px ONNX embedder; its input convention is read from its graph the way
    insightface does (a graph that begins with a subtraction and a multiplication scales its input itself).
    """

    card = MatcherCard(
        id="arcface",
        title="ArcFace (ResNet-50, WebFace600K)",
        dimension=512,
        licence="non-commercial research only",
        source="Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition, CVPR 2019",
        signature=f"arcface_w600k_r50|112x112|{ALIGNMENT_SIGNATURE}|cosine",
    )
    weights = (W600K_R50,)

    def __init__(self, model: str = "") -> None:
        self._path = Path(model) if model else None
        self._network: OnnxEmbedder | None = None

    @staticmethod
    def missing(model: str = "") -> list[Missing]:
        """What is absent: the pack's file (unless another ``model`` is named), or the packages that open it."""
        absent = missing_extra("onnxruntime", "onnx") + missing_extra("insightface", "insightface")
        return absent if model else absent + weights.missing(ArcFace.weights)

    def load(self, device: str) -> None:
        """Open the network. Raises FileNotFoundError with a remedy, ValueError where the file is no such embedder."""
        path = self._path or weights.require(W600K_R50)
        mean, divisor = input_convention(path)
        network = OnnxEmbedder(path, device=device, mean=mean, divisor=divisor)
        if network.size not in (None, (112, 112)):
            raise ValueError(f"{path} takes crops of {network.size} px; matcher 'arcface' gives 112 x 112")
        self._network = network

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embeddings (N, D) of images (N, 3, H, W) in [0, 1] with landmarks (N, 5, 2); not normalised."""
        if self._network is None:
            raise RuntimeError("matcher 'arcface' is not loaded; call load(device) first")
        return self._network(align(images, landmarks, ARCFACE_112X112, (112, 112)))


def input_convention(path: Path) -> tuple[float, float]:
    """(mean, divisor) that an ONNX embedder expects of 8-bit RGB, as insightface's model zoo finds them.

    Raises FileNotFoundError, or ValueError where insightface does not take the file for a recognition model.
    """
    from insightface.model_zoo import get_model

    if not path.is_file():
        raise FileNotFoundError(f"no ONNX file at {path}; name another with the matcher's parameter 'model'")
    model = get_model(str(path), providers=["CPUExecutionProvider"])
    if getattr(model, "taskname", None) != "recognition":
        raise ValueError(f"{path} is not a face embedder for insightface (it opens it as {type(model).__name__})")
    return float(model.input_mean), float(model.input_std)
