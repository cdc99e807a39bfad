"""The judge that ships: a small network of another kind than ``compact``, from other people, that teaches no restorer."""

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

    from unmaskbench.benchmark.biometrics.backbones.light_cnn import LightCNN

FOLDER = Path(__file__).parent
SIZE = (112, 112)


@MATCHERS.register("compact_judge")
class CompactJudge(CosineSimilarity):
    """256-d embeddings of 112 px ArcFace crops, seen in grey, x * 2 - 1, compared by cosine."""

    folder = FOLDER
    card = MatcherCard(
        id="compact_judge",
        title="Compact judge (ours, 1.0 M)",
        dimension=256,
        licence="Apache-2.0; trained on FairFace's validation faces (CC BY 4.0) and rendered heads",
        source="trained with this benchmark (bench train compact_judge); a slim Light CNN-9 (Wu et al. 2018)",
        signature=matcher_signature("compact_judge", SIZE),
        distilled_from=("faceres",),
        notes="LFW View 2, folds 9-10: 87.8 %; too weak to judge alone. Its people are none of those of `compact`; no recipe may "
        "take it, or what it was distilled from, as a teacher.",
    )

    def __init__(self, checkpoint: Path | str | None = None) -> None:
        """``checkpoint`` is a user's own file of the same network."""
        self._checkpoint = Path(checkpoint) if checkpoint is not None else None
        self._network: nn.Module | None = None
        self._device = "cpu"

    @staticmethod
    def build_network(size: str = "compact", **settings: Any) -> LightCNN:
        """The network, untrained. It has one size."""
        if size != "compact":
            raise ValueError(f"matcher 'compact_judge' has the size 'compact' only, not '{size}'")
        from unmaskbench.benchmark.biometrics.backbones.light_cnn import LightCNN

        return LightCNN(**settings)

    @classmethod
    def load_network(cls, checkpoint: Path | None = None) -> LightCNN:
        """The trained network in evaluation mode, on the CPU. Raises FileNotFoundError with the remedy."""
        path = checkpoint or locate("compact_judge", "compact", FOLDER)
        if path is None:
            raise FileNotFoundError(f"weights of matcher 'compact_judge' are not here; {cls.missing()[0].remedy}")
        network = cls.build_network()
        load_strict(network, read_state_dict(path), path)
        return network.eval()

    @staticmethod
    def missing(checkpoint: Path | str | None = None) -> list[Missing]:
        """The weights, where they neither ship nor were trained here; a ``checkpoint`` of one's own lacks nothing."""
        if checkpoint is not None or locate("compact_judge", "compact", FOLDER) is not None:
            return []
        return [
            Missing("weights", "compact_judge", "bench train compact_judge --data face_shards=DIR,synthetic,lfw=DIR")
        ]

    @staticmethod
    def weight_paths() -> list[Path]:
        """The weight file that would be used, where there is one: what a run's results depend on beside the source."""
        path = locate("compact_judge", "compact", FOLDER)
        return [path] if path is not None else []

    def load(self, device: str) -> None:
        """Bring the network into memory. Raises FileNotFoundError with a remedy, WeightsError for another network's
        file."""
        self._network = self.load_network(self._checkpoint).to(device)
        self._device = device

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embeddings (N, 256) of images (N, 3, H, W) in [0, 1] with landmarks (N, 5, 2); not normalised."""
        if self._network is None:
            raise RuntimeError("matcher 'compact_judge' is not loaded; call load(device) first")
        crops = align(images, landmarks, ARCFACE_112X112, SIZE).to(self._device)
        with torch.inference_mode():
            vectors: Tensor = self._network(crops * 2 - 1)
        return vectors.float().cpu()
