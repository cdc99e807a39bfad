"""Matchers that are a file of the user's: a network behind an input convention, compared by cosine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.benchmark.biometrics.cosine import CosineSimilarity
from unmaskbench.benchmark.biometrics.input_convention import NONE, InputConvention, convention_of
from unmaskbench.benchmark.biometrics.torch_embedder import BATCH
from unmaskbench.benchmark.plugins.cards import MatcherCard
from unmaskbench.benchmark.plugins.lazy_torch import functional, torch

if TYPE_CHECKING:
    from torch import Tensor

_LENGTHS: dict[tuple[str, int, int, InputConvention], int] = {}


class MatcherFile(CosineSimilarity):
    """Base of ``onnx`` and ``torchscript``: a subclass gives its kind's ``card`` and ``open``.

    Args:
        source: the model's file; its convention lies beside it in a YAML of the same name.
        preset: a usual convention by name, which the YAML may lack then.
    """

    card: MatcherCard

    def __init__(self, source: str | Path, preset: str = "") -> None:
        self.path = Path(source)
        self.convention = convention_of(self.path, preset)
        self._network: Callable[[Tensor], Tensor] | None = None
        kind = type(self).card
        self.card = replace(
            kind,
            title=self.convention.title or self.path.stem,
            dimension=self._embedding_length(),
            signature=f"{kind.id}|{self.convention.signature}|cosine",
            needs_landmarks=self.convention.template != NONE,
            notes=f"{kind.id} model file {self.path.name}",
        )

    def open(self, device: str) -> Callable[[Tensor], Tensor]:
        """What turns the network's input into embeddings (N, D) on the CPU. Raises ValueError where the file is no such
        network, with what it is and what is needed."""
        raise NotImplementedError

    def load(self, device: str) -> None:
        """Open the file. Raises ValueError as ``open`` does."""
        self._network = self.open(device)

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embeddings (N, D) float32 of images (N, 3, H, W) in [0, 1] with landmarks (N, 5, 2)."""
        if self._network is None:
            raise RuntimeError(f"matcher file {self.path} is not loaded; call load(device) first")
        vectors = self._network(self.convention.encode(self.convention.crops(images, landmarks)))
        return functional.normalize(vectors, dim=1) if self.convention.normalise else vectors

    def _embedding_length(self) -> int:
        """The length of an embedding, from one pass over grey crops; kept for the same file."""
        state = self.path.stat()
        key = (str(self.path.resolve()), state.st_mtime_ns, state.st_size, self.convention)
        if key not in _LENGTHS:
            _LENGTHS[key] = self._measured_length()
        return _LENGTHS[key]

    def _measured_length(self) -> int:
        height, width = self.convention.size
        given = self.convention.encode(torch.full((2, 3, height, width), 0.5))
        needed = f"{self.path} is given {self.convention.input_shape}"
        network = self.open("cpu")
        try:
            vectors = network(given)
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1][:300]
            raise ValueError(f"{needed} and fails: {reason}; its YAML says size, layout and channels") from error
        if vectors.ndim != 2 or len(vectors) != 2 or not vectors.shape[1]:
            raise ValueError(f"{needed} and gives {tuple(vectors.shape)} for 2 faces; needed is (2, D)")
        if not bool(torch.isfinite(vectors).all()):
            raise ValueError(f"{needed} and gives NaN or infinity for a grey face; needed are finite numbers")
        return int(vectors.shape[1])


class ScriptedEmbedder:
    """A TorchScript program on a device, in batches: its input to embeddings (N, D) float32 on the CPU."""

    def __init__(self, path: Path, device: str) -> None:
        self.path, self.device = path, device
        try:
            self.network = torch.jit.load(str(path), map_location=device).eval()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path} is no TorchScript file that this torch can read: {reason}") from error

    def __call__(self, given: Tensor) -> Tensor:
        """Raises ValueError where the program gives something else than one tensor of floating-point numbers."""
        rows = []
        with torch.inference_mode():
            for start in range(0, len(given), BATCH):
                found = self.network(given[start : start + BATCH].to(self.device))
                if not isinstance(found, torch.Tensor) or not found.is_floating_point():
                    kind = found.dtype if isinstance(found, torch.Tensor) else type(found).__name__
                    raise ValueError(f"{self.path} gives {kind}, not one tensor of floating-point embeddings (N, D)")
                rows.append(found.float().cpu())
            return torch.cat(rows) if rows else torch.zeros((0, 0))
