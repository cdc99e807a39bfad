"""Top-down image quality assessment without a reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from unmaskbench.benchmark.metrics._pyiqa import HUB, LICENCE, NOTES, Build, Judge, fill
from unmaskbench.plugin import METRICS, MetricCard, WeightFile

if TYPE_CHECKING:
    from torch import nn


@METRICS.register("topiq_nr")
class TopiqNr(Judge):
    """TOPIQ without a reference, on ResNet-50, trained on KonIQ-10k, by pyiqa."""

    card = MetricCard(
        id="topiq_nr",
        title="TOPIQ (no reference, KonIQ-10k)",
        kind="no_reference",
        direction="higher",
        range=(-float("inf"), float("inf")),
        signature="topiq_nr|resnet50|koniq10k|pyiqa 0.1|8bit",
        minimum_size=32,
        source="Chen et al. 2024, arXiv 2308.03060; network of pyiqa",
        notes="About 0 to 1. " + NOTES,
    )
    weights = (
        WeightFile(
            id="topiq_nr_koniq",
            filename="cfanet_nr_koniq_res50-9a73138b.pth",
            licence=LICENCE,
            source="pyiqa's weights (huggingface.co/chaofengc/IQA-PyTorch-Weights)",
            enables="topiq_nr",
            url=f"{HUB}/cfanet_nr_koniq_res50-9a73138b.pth",
        ),
    )

    @classmethod
    def build(cls, create: Build, path: Path) -> nn.Module:
        """TOPIQ without pyiqa's downloads of the whole and of its backbone, filled from the file."""
        metric = create("topiq_nr", pretrained=False, backbone_pretrain=False)
        fill(cast("nn.Module", metric.net), path, "params")
        return metric
