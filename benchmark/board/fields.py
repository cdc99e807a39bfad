"""The fields of a board's rows: their JSON types, and how a field carries its description into the schema."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Number = float | str | None
T = TypeVar("T")

DATASET, OCCLUSION, METHOD = "Dataset row id.", "Occlusion row id.", "Method row id."
OUTPUT = "raw: as the method gave it; composite: known pixels pasted back."
SETTING = "Roles of probe and gallery: T truth, M occluded, U restored."
NUMBER = "A number, null where there is none, or the string 'inf'."
SLICE = "'all', 'coverage=30-40' or 'attribute=value'."
RANK = "1 is best; methods of equal order share it; null where unranked."
GROUP = "Rank group: methods that cannot be told apart share it."
STATE = "ok, failed or unavailable."
WHY = "Why the state is not ok; empty otherwise."
LOW, HIGH = "Lower end of the 95 % interval.", "Upper end of the 95 % interval."


def told(description: str) -> Mapping[str, str]:
    """A field's metadata: what the schema says of it."""
    return {"description": description}


def plain(row: DataclassInstance) -> dict[str, Json]:
    """A row's fields as JSON holds them, without copying what they hold."""
    return {part.name: getattr(row, part.name) for part in dataclasses.fields(row)}


def read_row(kind: type[T], row: Mapping[str, Json]) -> T:
    """A row of a checked board as its dataclass; fields of other versions are left out."""
    names = {part.name for part in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in row.items() if name in names})


def finite(value: float, digits: int = 10) -> float | None:
    """A float that JSON can hold, at ``digits`` significant digits; None for NaN and infinities."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def threshold_number(value: float) -> Number:
    """A threshold at the seven digits that float32 holds; ``"inf"`` where nothing is accepted."""
    return finite(value, 7) if math.isfinite(value) else ("inf" if value > 0 else "-inf")
