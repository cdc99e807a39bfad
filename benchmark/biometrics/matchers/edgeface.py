"""EdgeFace-XS: a small hybrid network that copes with much occlusion (George et al. 2024)."""

from __future__ import annotations

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

EDGEFACE_XS = WeightFile(
    id="edgeface_xs",
    filename="edgeface_xs.onnx",
    licence="BSD-3-Clause",
    source="Idiap (github.com/otroshi/edgeface, edgeface_xs_gamma_06), "
    "exported to ONNX as (N, 3, 112, 112) -> (N, 512)",
    enables="matcher edgeface",
    sha256="46a67289ac451e3c5a71cee1b9f0bfc6590f2ee0258051ef9fc98e29e6483dcd",
)


@MATCHERS.register("edgeface")
class EdgeFace(CosineSimilarity):
    """512-d embeddings of 112 px ArcFace crops, RGB, (x - 127.5) / 127.5, compared by cosine."""

    card = MatcherCard(
        id="edgeface",
        title="EdgeFace-XS",
        dimension=512,
        licence="BSD-3-Clause",
        source="George et al., EdgeFace: Efficient Face Recognition Model for Edge Devices, TBIOM 2024",
        signature=f"edgeface_xs_gamma_06|112x112|{ALIGNMENT_SIGNATURE}|cosine",
        notes="LFW View 2: 99.6 % accuracy over 10 folds. It copes with masks better than most: a strict judge.",
    )
    weights = (EDGEFACE_XS,)

    def __init__(self) -> None:
        self._network: OnnxEmbedder | None = None

    @staticmethod
    def missing() -> list[Missing]:
        """The weight file or onnxruntime, where absent."""
        return missing_extra("onnxruntime", "onnx") + weights.missing(EdgeFace.weights)

    def load(self, device: str) -> None:
        """Open the network. Raises FileNotFoundError with a remedy, ValueError where the file is another."""
        self._network = OnnxEmbedder(weights.require(EDGEFACE_XS), device=device)

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embeddings (N, 512) of images (N, 3, H, W) in [0, 1] with landmarks (N, 5, 2); not normalised."""
        if self._network is None:
            raise RuntimeError("matcher 'edgeface' is not loaded; call load(device) first")
        return self._network(align(images, landmarks, ARCFACE_112X112, (112, 112)))
