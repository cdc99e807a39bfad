"""MagFace: embeddings whose length grows with the quality of the face (Meng et al. 2021)."""

from __future__ import annotations

from unmaskbench.benchmark.biometrics.matchers._magface import MagFaceEmbedder, magface_signature
from unmaskbench.plugin import MATCHERS, MatcherCard


@MATCHERS.register("magface")
class MagFace(MagFaceEmbedder):
    """MagFace embeddings compared by cosine."""

    card = MatcherCard(
        id="magface",
        title="MagFace (iResNet100, MS1MV2)",
        dimension=512,
        licence="Apache-2.0",
        source="Meng et al., MagFace: A Universal Representation for Face Recognition and Quality, CVPR 2021",
        signature=magface_signature("cosine"),
    )
