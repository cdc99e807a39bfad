"""QMagFace: MagFace embeddings compared with regard to their quality (Terhoerst et al. 2023).

With s the cosine and q the smaller of the two magnitudes, the score is s + min(beta s - alpha, 0) q: a cosine below
alpha / beta is lowered, the more so the better both faces are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.biometrics.matchers._magface import MagFaceEmbedder, magface_signature
from unmaskbench.plugin import MATCHERS, MatcherCard, cosine_matrix, cosine_rows, torch

if TYPE_CHECKING:
    from torch import Tensor

ALPHA = 0.077428
BETA = 0.125926


def quality_aware_score(cosine: Tensor, quality: Tensor) -> Tensor:
    """Scores of cosines in [-1, 1] under qualities (the smaller magnitude of each two), element by element."""
    return cosine + (BETA * cosine - ALPHA).clamp(max=0.0) * quality


@MATCHERS.register("qmagface")
class QMagFace(MagFaceEmbedder):
    """MagFace embeddings under the quality-aware score."""

    card = MatcherCard(
        id="qmagface",
        title="QMagFace (iResNet100, MS1MV2)",
        dimension=512,
        licence="Apache-2.0",
        source="Terhoerst et al., QMagFace: Simple and Accurate Quality-Aware Face Recognition, WACV 2023",
        signature=magface_signature(f"qmagface:alpha:{ALPHA}:beta:{BETA}"),
        notes="Scores are not bounded by 1 in magnitude: an unlike pair of clear faces falls far below -1.",
    )

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """Scores (N, M) of every row of a (N, D) against every row of b (M, D); rows keep their magnitudes."""
        quality = torch.minimum(a.norm(dim=1)[:, None], b.norm(dim=1)[None, :])
        return quality_aware_score(cosine_matrix(a, b), quality)

    def paired_similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """Scores (N,) of each row of a (N, D) with the same row of b (N, D); rows keep their magnitudes."""
        return quality_aware_score(cosine_rows(a, b), torch.minimum(a.norm(dim=1), b.norm(dim=1)))
