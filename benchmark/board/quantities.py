"""What a board can say of a method besides image metrics: name, direction and unit of each, in one table.

The board ranks by it, the gate guards by it, the reports and the page's script word by it. Image metrics carry the same
facts in their cards.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class Quantity:
    """``unit``: a share in [0, 1], a change of a share (shown in percentage points), or a plain number.

    ``direction`` is None where neither way is better. ``ranked``: methods get ranks by it. ``guarded``: the gate keeps it;
    the others follow from those that it keeps.
    """

    id: str
    title: str
    direction: Literal["higher", "lower"] | None
    unit: Literal["share", "change", "number"]
    ranked: bool = False
    guarded: bool = False


QUANTITIES: dict[str, Quantity] = {
    quantity.id: quantity
    for quantity in (
        Quantity("auc", "AUC", "higher", "share", ranked=True, guarded=True),
        Quantity("eer", "EER", "lower", "share", ranked=True, guarded=True),
        Quantity("tmr", "TMR", "higher", "share", ranked=True, guarded=True),
        Quantity("fnmr_equal", "FNMR at equal FMR", "lower", "share", ranked=True, guarded=True),
        Quantity("fnmr", "FNMR", "lower", "share", ranked=True, guarded=True),
        Quantity("fmr", "FMR", "lower", "share", guarded=True),
        Quantity("accuracy", "Accuracy", "higher", "share", ranked=True),
        Quantity("fpr", "FPR", "lower", "share"),
        Quantity("tpr", "TPR", "higher", "share"),
        Quantity("dprime", "d′", "higher", "number"),
        Quantity("identity_cosine", "Cosine to its truth", "higher", "number"),
        Quantity("coverage", "Completed", "higher", "share", guarded=True),
        Quantity("fnmr_recovered", "FNMR recovered", "higher", "change"),
        Quantity("fmr_added", "FMR added", "lower", "change"),
        Quantity("recovered_equal", "Recovered at equal FMR", "higher", "share"),
        Quantity("recovered_kept", "Recovered at kept threshold", "higher", "share"),
        Quantity("latency_ms", "ms an image", "lower", "number"),
        Quantity("parameters", "Parameters", "lower", "number"),
        Quantity("macs", "MACs", "lower", "number"),
        Quantity("throughput", "Images/s", "higher", "number"),
        Quantity("peak_memory_mb", "Peak MB", "lower", "number"),
        Quantity("failed", "Failed", "lower", "number"),
        Quantity("year", "Year", "higher", "number"),
        Quantity("mask", "Mask", None, "number"),
        Quantity("provenance", "Provenance", None, "number"),
    )
}

# What a condition is summed up by: the first of these that it has.
PREFERRED_IMAGE = (("lpips", "hole"), ("lpips", "whole"), ("ssim", "hole"), ("psnr", "hole"), ("psnr", "whole"))
PREFERRED_TARGETS = (1e-3, 1e-2, 1e-4)


def kind_of(name: str) -> str:
    """The id of a quantity by its name: 'fnmr@0.001' is an 'fnmr'."""
    return name.partition("@")[0]


def higher_is_better(name: str) -> bool:
    """Whether more of a quantity is better. Raises KeyError for a name that is not in the table."""
    return QUANTITIES[kind_of(name)].direction == "higher"


def named(metric: str, target: float | None) -> str:
    """A quantity with its FMR target: 'fnmr@0.001'."""
    return metric if target is None else f"{metric}@{target:g}"


def for_page() -> dict[str, dict[str, str | bool | None]]:
    """The table as the page's script reads it."""
    return {name: asdict(quantity) for name, quantity in QUANTITIES.items()}
