"""EdgeFace-XS: a small hybrid network that copes with much occlusion (George et al. 2024)."""

from __future__ import annotations

from unmaskbench.plugin import MATCHERS, MatcherCard, OnnxMatcher, WeightFile, matcher_signature

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
class EdgeFace(OnnxMatcher):
    """512-d embeddings of 112 px ArcFace crops, RGB, (x - 127.5) / 127.5, compared by cosine."""

    card = MatcherCard(
        id="edgeface",
        title="EdgeFace-XS",
        dimension=512,
        licence="BSD-3-Clause",
        source="George et al., EdgeFace: Efficient Face Recognition Model for Edge Devices, TBIOM 2024",
        signature=matcher_signature("edgeface_xs_gamma_06", OnnxMatcher.size),
        notes="LFW View 2: 99.6 % accuracy over 10 folds. It copes with masks better than most: a strict judge.",
    )
    weights = (EDGEFACE_XS,)
