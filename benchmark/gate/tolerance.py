"""What the gate calls a row, and how much worse than its baseline a row may be."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Name(NamedTuple):
    """What a guarded row is called. ``region`` is, for values of a matcher, the matcher and its setting."""

    dataset: str
    occlusion: str
    method: str
    output: str
    metric: str
    region: str

    def __str__(self) -> str:
        method = " ".join(part for part in (self.method, self.output) if part)
        return f"{self.dataset}/{self.occlusion} {method} {self.metric}/{self.region}"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Tolerance(Strict):
    """How much worse than the baseline a row's mean may be: in the metric's unit, or in percent of the baseline's value.

    The patterns (``*``, ``?``, ``[...]``) say which rows are meant; the first tolerance of the list that fits counts.
    """

    metric: str = "*"
    region: str = "*"
    method: str = "*"
    output: str = "*"
    dataset: str = "*"
    occlusion: str = "*"
    worse_by: Annotated[Finite, Field(ge=0)] | None = None
    worse_by_percent: Annotated[Finite, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> Tolerance:
        if (self.worse_by is None) == (self.worse_by_percent is None):
            raise ValueError("give either worse_by or worse_by_percent")
        return self

    def fits(self, name: Name) -> bool:
        """Whether the row is one of those meant."""
        return all(fnmatchcase(getattr(name, field), getattr(self, field)) for field in Name._fields)

    def limit(self, value: float) -> float:
        """The largest tolerated worsening of a baseline's ``value``, in the metric's unit."""
        if self.worse_by is not None:
            return self.worse_by
        assert self.worse_by_percent is not None
        return abs(value) * self.worse_by_percent / 100.0


# A bit in the last place of a network's output flips single 8-bit steps: about 0.001 dB. These are an order above
# that, and an order below what a wrong channel order, filter or mask does.
DEFAULT_TOLERANCES = (
    Tolerance(metric="psnr", worse_by=0.02),
    Tolerance(metric="*ssim", worse_by=0.0005),
    Tolerance(metric="fsim", worse_by=0.0005),
    Tolerance(metric="l1", worse_by=0.0001),
    Tolerance(metric="mse", worse_by=0.00005),
    Tolerance(metric="lpips", worse_by=0.0005),
    Tolerance(metric="mask_*", worse_by=0.001),
    Tolerance(metric="similarity", worse_by=0.001),
    Tolerance(metric="auc", worse_by=0.001),
    Tolerance(metric="eer", worse_by=0.002),
    Tolerance(metric="tmr@*", worse_by=0.005),
    Tolerance(metric="fnmr@*", worse_by=0.005),
    Tolerance(metric="fnmr_equal@*", worse_by=0.005),
    Tolerance(metric="fmr@*", worse_by=0.001),
    Tolerance(metric="coverage", worse_by=0.0),
    Tolerance(worse_by_percent=0.5),
)
