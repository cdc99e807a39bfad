"""The matcher that ships: a small network trained with the benchmark, so that biometrics work on a fresh machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import (
    ARCFACE_112X112,
    MATCHERS,
    CosineSimilarity,
    MatcherCard,
    Missing,
    align,
    load_strict,
    locate,
    matcher_signature,
    read_state_dict,
    torch,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from unmaskbench.benchmark.biometrics.backbones.compact_embedder import CompactEmbedder

FOLDER = Path(__file__).parent
SIZE = (112, 112)


@MATCHERS.register("compact")
class Compact(CosineSimilarity):
    """512-d embeddings of 112 px ArcFace crops, RGB, x * 2 - 1, compared by cosine."""

    folder = FOLDER
    card = MatcherCard(
        id="compact",
        title="Compact (ours, 1.7 M)",
        dimension=512,
        licence="Apache-2.0; trained on LFW (research use)",
        source="trained with this benchmark (bench train compact); a small IResNet (Duta et al. 2021)",
        signature=matcher_signature("compact", SIZE),
        distilled_from=("edgeface",),
        notes="Distilled from EdgeFace-XS on LFW's training people and rendered heads, with ArcFace's margin: edgeface is no "
        "independent judge of it, nor it of what was trained with edgeface.",
    )

    def __init__(self, checkpoint: Path | str | None = None) -> None:
        """``checkpoint`` is a user's own file of the same network."""
        self._checkpoint = Path(checkpoint) if checkpoint is not None else None
        self._network: nn.Module | None = None
        self._device = "cpu"

    @staticmethod
    def build_network(size: str = "compact", **settings: Any) -> CompactEmbedder:
        """The network, untrained. It has one size."""
        if size != "compact":
            raise ValueError(f"matcher 'compact' has the size 'compact' only, not '{size}'")
        from unmaskbench.benchmark.biometrics.backbones.compact_embedder import CompactEmbedder

        return CompactEmbedder(**settings)

    @classmethod
    def load_network(cls, checkpoint: Path | None = None) -> CompactEmbedder:
        """The trained network in evaluation mode, on the CPU. Raises FileNotFoundError with the remedy."""
        path = checkpoint or locate("compact", "compact", FOLDER)
        if path is None:
            raise FileNotFoundError(f"weights of matcher 'compact' are not here; {cls.missing()[0].remedy}")
        network = cls.build_network()
        load_strict(network, read_state_dict(path), path)
        return network.eval()

    @staticmethod
    def missing(checkpoint: Path | str | None = None) -> list[Missing]:
        """The weights, where they neither ship nor were trained here; a ``checkpoint`` of one's own lacks nothing."""
        if checkpoint is not None or locate("compact", "compact", FOLDER) is not None:
            return []
        return [Missing("weights", "compact", "bench train compact --recipe compact --data lfw --root DIR")]

    @staticmethod
    def weight_paths() -> list[Path]:
        """The weight file that would be used, where there is one: what a run's results depend on beside the source."""
        path = locate("compact", "compact", FOLDER)
        return [path] if path is not None else []

    def load(self, device: str) -> None:
        """Bring the network into memory. Raises FileNotFoundError with a remedy, WeightsError for another network's
        file."""
        from unmaskbench.benchmark.biometrics.folding import folded

        self._network = folded(self.load_network(self._checkpoint), device)
        self._device = device

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embeddings (N, 512) of images (N, 3, H, W) in [0, 1] with landmarks (N, 5, 2); not normalised."""
        if self._network is None:
            raise RuntimeError("matcher 'compact' is not loaded; call load(device) first")
        crops = align(images, landmarks, ARCFACE_112X112, SIZE).to(self._device)
        with torch.inference_mode():
            vectors: Tensor = self._network(crops * 2 - 1)
        return vectors.float().cpu()
