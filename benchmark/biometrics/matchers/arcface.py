"""ArcFace: the embedder of an insightface pack, or any ONNX embedder of 112 px ArcFace crops by path."""

from __future__ import annotations

from pathlib import Path

from unmaskbench.plugin import (
    MATCHERS,
    MatcherCard,
    Missing,
    OnnxEmbedder,
    OnnxMatcher,
    WeightFile,
    matcher_signature,
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
class ArcFace(OnnxMatcher):
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
        signature=matcher_signature("arcface_w600k_r50", OnnxMatcher.size),
    )
    weights = (W600K_R50,)

    def __init__(self, model: str = "") -> None:
        super().__init__()
        self._path = Path(model) if model else None

    @classmethod
    def missing(cls, model: str = "") -> list[Missing]:
        """What is absent: the pack's file (unless another ``model`` is named), or the packages that open it."""
        absent = missing_extra("onnxruntime", "onnx") + missing_extra("insightface", "insightface")
        return absent if model else absent + weights.missing(cls.weights)

    def load(self, device: str) -> None:
        """Open the network. Raises FileNotFoundError with a remedy, ValueError where the file is no such embedder."""
        self._network = self.open(self._path or weights.require(W600K_R50), device)

    def open(self, path: Path, device: str) -> OnnxEmbedder:
        """The file, opened by onnxruntime with the input convention that insightface finds in it."""
        mean, divisor = input_convention(path)
        network = OnnxEmbedder(path, device=device, mean=mean, divisor=divisor)
        if network.size not in (None, self.size):
            raise ValueError(f"{path} takes crops of {network.size} px; matcher 'arcface' gives 112 x 112")
        return network


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
