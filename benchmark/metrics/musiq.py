"""Multi-scale image quality transformer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from unmaskbench.benchmark.metrics._pyiqa import HUB, LICENCE, NOTES, Build, Judge, fill
from unmaskbench.plugin import METRICS, MetricCard, WeightFile

if TYPE_CHECKING:
    from torch import nn


@METRICS.register("musiq")
class Musiq(Judge):
    """MUSIQ trained on KonIQ-10k, by pyiqa."""

    card = MetricCard(
        id="musiq",
        title="MUSIQ (KonIQ-10k)",
        kind="no_reference",
        direction="higher",
        range=(-float("inf"), float("inf")),
        signature="musiq|koniq10k|pyiqa 0.1|8bit",
        minimum_size=32,
        source="Ke et al. 2021, arXiv 2108.05997; network of pyiqa",
        notes="About 0 to 100. " + NOTES,
    )
    weights = (
        WeightFile(
            id="musiq_koniq",
            filename="musiq_koniq_ckpt-e95806b9.pth",
            licence=LICENCE,
            source="pyiqa's weights (huggingface.co/chaofengc/IQA-PyTorch-Weights)",
            enables="musiq",
            url=f"{HUB}/musiq_koniq_ckpt-e95806b9.pth",
        ),
    )

    @classmethod
    def build(cls, create: Build, path: Path) -> nn.Module:
        """MUSIQ without pyiqa's download, filled from the file."""
        metric = create("musiq", pretrained=False)
        fill(cast("nn.Module", metric.net), path)
        return metric
