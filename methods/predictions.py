"""Somebody's finished images: rank a method without its code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import METHODS, MethodCard, read_exactly

if TYPE_CHECKING:
    from torch import Tensor

MASKS = ("none", "oracle", "predicted")


@METHODS.register("predictions")
class Predictions:
    """A folder of PNGs named by sample id.

    Looked for as ``<source>/<dataset>/<occlusion>/<sample>.png`` (the layout that ``bench masks build`` writes), then
    ``<source>/<occlusion>/<sample>.png``, then ``<source>/<sample>.png``. An image that is absent, of another size or
    outside the folder fails its sample.

    ``mask`` (none, oracle or predicted) is what the author declares of how the images were made, in place of the ``mask`` of
    an ``about.yaml`` in the folder; without either the board says "unknown".
    """

    card = MethodCard(
        id="predictions",
        title="Predictions",
        needs_mask=False,
        provenance="predictions-only",
        needs_ids=True,
        notes="Restored images computed elsewhere; the masks that made them are the author's word.",
    )

    def __init__(self, source: str | Path, mask: str = "") -> None:
        if mask not in ("", *MASKS):
            raise ValueError(f"predictions: mask is '{mask}'; expected one of {', '.join(MASKS)}")
        self.folder = Path(source)
        if not self.folder.is_dir():
            raise ValueError(f"predictions: no folder at {self.folder}; give --methods predictions:FOLDER")

    def remarks_on(self, conditions: Sequence[tuple[str, str]]) -> list[str]:
        """A sentence where the same pictures would stand for more than one condition."""
        flat = [
            f"{dataset}/{occlusion}"
            for dataset, occlusion in conditions
            if not (self.folder / dataset / occlusion).is_dir() and not (self.folder / occlusion).is_dir()
        ]
        if len(flat) < 2:
            return []
        return [
            f"predictions {self.folder}: one flat folder would serve {', '.join(flat)} alike; a picture restored from one is "
            f"none of another: put them into {self.folder}/DATASET/OCCLUSION/"
        ]

    def load(self, device: str) -> None:
        """Nothing to load: images are read as they are asked for."""

    def restore(self, occluded: Tensor, mask: Tensor | None, ids: list[str]) -> Tensor:
        """The images of ``ids`` (each ``dataset/occlusion/sample``), (N, 3, H, W) in [0, 1].

        Raises FileNotFoundError or ValueError that names the file.
        """
        import torch

        return torch.stack([self._read(identifier, occluded.shape[-2:]) for identifier in ids]).to(occluded.device)

    def _read(self, identifier: str, size: Sequence[int]) -> Tensor:
        height, width = size
        return read_exactly(self._find(identifier), height, width)

    def _find(self, identifier: str) -> Path:
        dataset, occlusion, sample = identifier.split("/", 2)
        root = self.folder.resolve()
        for relative in (f"{dataset}/{occlusion}/{sample}.png", f"{occlusion}/{sample}.png", f"{sample}.png"):
            path = self.folder / relative
            if path.is_file():
                if not path.resolve().is_relative_to(root):
                    raise ValueError(
                        f"{path} leads out of {self.folder}: links out of a predictions folder are refused"
                    )
                return path
        raise FileNotFoundError(f"{self.folder} holds no {dataset}/{occlusion}/{sample}.png, nor {sample}.png")
