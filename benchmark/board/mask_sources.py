"""Where a method's masks are from: what divides the blind from those that were told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plugins.cards import MethodCard

ABOUT = "about.yaml"
ABOUT_LIMIT_BYTES = 64 * 1024
MASKS = ("none", "oracle", "predicted")


def mask_source(entry: MethodEntry, cards: Sequence[MethodCard]) -> str:
    """Where a method's mask is from: oracle, predicted, none for one that needs none.

    Of images that were made elsewhere it is what their author declares (``mask:`` in the entry's parameters or in
    ``about.yaml`` beside the images), else unknown: whoever made them may have seen the true mask.
    """
    if any(card.provenance == "predictions-only" for card in cards):
        declared = str(entry.parameters.get("mask") or "") or _declared(Path(str(entry.parameters.get("source", ""))))
        return declared if declared in MASKS else "unknown"
    if not any(card.needs_mask for card in cards):
        return "none"
    return entry.mask_source.partition(":")[0] or "oracle"


def _declared(folder: Path) -> str:
    """The ``mask`` of a folder's about.yaml; "" where there is none or it cannot be read."""
    path = folder / ABOUT
    try:
        if not path.is_file() or path.stat().st_size > ABOUT_LIMIT_BYTES:
            return ""
        about = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    return str(about.get("mask", "")) if isinstance(about, dict) else ""
