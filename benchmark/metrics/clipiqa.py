"""CLIP for assessing the look of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.benchmark.metrics._pyiqa import NOTES, Build, Judge
from unmaskbench.plugin import METRICS, MetricCard, WeightFile

if TYPE_CHECKING:
    from torch import nn

_SHA256 = "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762"


@METRICS.register("clipiqa")
class ClipIqa(Judge):
    """CLIP-IQA on CLIP's ResNet-50, by pyiqa."""

    card = MetricCard(
        id="clipiqa",
        title="CLIP-IQA",
        kind="no_reference",
        direction="higher",
        range=(0.0, 1.0),
        signature="clipiqa|RN50|pyiqa 0.1|8bit",
        minimum_size=32,
        source="Wang et al. 2023, arXiv 2207.12396; network of pyiqa",
        notes="CLIP's file is a TorchScript program, held to its publisher's sha256. " + NOTES,
    )
    weights = (
        WeightFile(
            id="clip_rn50",
            filename="RN50.pt",
            licence="MIT (OpenAI)",
            source="OpenAI's CLIP (github.com/openai/CLIP)",
            enables="clipiqa",
            url=f"https://openaipublic.azureedge.net/clip/models/{_SHA256}/RN50.pt",
            sha256=_SHA256,
        ),
    )

    @classmethod
    def build(cls, create: Build, path: Path) -> nn.Module:
        """CLIP-IQA on the file."""
        return create("clipiqa", backbone=str(path))
