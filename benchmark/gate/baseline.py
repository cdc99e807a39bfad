"""A baseline: what a run scored, sample by sample, with how much worse a later run may be. One reviewable JSON file.

It holds what a paired comparison needs and no more: the samples with their people, a short digest of every input's
pixels, the signatures of what was measured, each guarded row's values in the order of the samples, and the
tolerances, which are data for people to edit. A row of values is one line of the file, so that a version-control diff
shows which values an update moved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from unmaskbench.benchmark.gate.tolerance import DEFAULT_TOLERANCES, Finite, Name, Strict, Tolerance

SCHEMA: Final = "unmaskbench.baseline/1"
Cell = Finite | Literal["inf", "failed"] | None
"""A sample's value; "inf" at a ceiling, "failed" where the method or the metric failed, None where the metric has no
meaning (an empty region, a sample that could not be prepared)."""


class BaselineError(ValueError):
    """A baseline that cannot be read or does not fit; the message names the file and the next step."""


class Guard(Strict):
    """Which rows a baseline keeps, by patterns; ``--update`` takes up what fits and leaves out the rest."""

    methods: tuple[str, ...] = ("*",)
    outputs: tuple[str, ...] = ("*",)
    metrics: tuple[str, ...] = ("*",)
    regions: tuple[str, ...] = ("*",)

    def keeps(self, name: Name) -> bool:
        """Whether a row is guarded. Rows that belong to no method (the unoccluded faces') always pass that pattern."""
        return (
            (not name.method or _any(self.methods, name.method))
            and (not name.output or _any(self.outputs, name.output))
            and _any(self.metrics, name.metric)
            and _any(self.regions, name.region)
        )


def _any(patterns: Sequence[str], word: str) -> bool:
    return any(fnmatchcase(word, pattern) for pattern in patterns)


class Samples(Strict):
    """The samples of a dataset in the order of all its values, and who is on them (None: unknown)."""

    ids: tuple[str, ...]
    identities: tuple[str | None, ...]

    @model_validator(mode="after")
    def _aligned(self) -> Samples:
        if len(self.ids) != len(self.identities) or len(set(self.ids)) != len(self.ids):
            raise ValueError("ids must be distinct, with one identity each")
        return self

    @property
    def people(self) -> list[str]:
        """One name a sample: its identity, or its own where that is unknown."""
        return [who or f"image {sample}" for sample, who in zip(self.ids, self.identities, strict=True)]


class Measure(Strict):
    """What a metric's or matcher's values are: ``signature`` names every choice that can change them."""

    signature: str
    direction: Literal["higher", "lower"]


class SampleRow(Strict):
    """Values per sample. ``outputs`` has two names where raw and composite have the same values throughout."""

    dataset: str
    occlusion: str
    method: str
    outputs: tuple[str, ...] = Field(min_length=1)
    metric: str
    region: str
    values: tuple[Cell, ...]

    def names(self) -> Iterator[Name]:
        """The rows that this entry stands for."""
        for output in self.outputs:
            yield Name(self.dataset, self.occlusion, self.method, output, self.metric, self.region)


class SetValue(Strict):
    """A value of a whole set, with its interval where one is known; ``trials`` counts what it was computed from."""

    dataset: str
    occlusion: str
    method: str
    output: str
    metric: str
    region: str
    value: Finite
    low: Finite | None = None
    high: Finite | None = None
    trials: tuple[int, ...] = ()

    @property
    def name(self) -> Name:
        """The row's name."""
        return Name(self.dataset, self.occlusion, self.method, self.output, self.metric, self.region)


class Bootstrap(Strict):
    """The resamples of the comparison."""

    resamples: Annotated[int, Field(ge=100, le=100_000)] = 2000
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    seed: Annotated[int, Field(ge=0)] = 0


class Baseline(Strict):
    """A run as the gate keeps it.

    ``inputs`` has for each ``dataset/occlusion`` one text a sample: the first 8 hex digits of the sha256 of the truth's,
    the occluded image's and the mask's pixels, joined by dots; None where the sample could not be prepared.
    ``geometry`` names crop, size, landmarks, precision and resizing; ``mask_sources`` where each method's mask is from.
    """

    schema_: Literal["unmaskbench.baseline/1"] = Field(default=SCHEMA, alias="schema")
    name: str
    created: str
    git: str
    manifest: str
    geometry: str
    bootstrap: Bootstrap = Bootstrap()
    guard: Guard = Guard()
    tolerance: tuple[Tolerance, ...] = DEFAULT_TOLERANCES
    measures: dict[str, Measure]
    mask_sources: dict[str, str]
    samples: dict[str, Samples]
    inputs: dict[str, tuple[str | None, ...]]
    rows: tuple[SampleRow, ...]
    figures: tuple[SetValue, ...] = ()

    @model_validator(mode="after")
    def _aligned(self) -> Baseline:
        for row in self.rows:
            count = len(self.samples[row.dataset].ids) if row.dataset in self.samples else -1
            if len(row.values) != count:
                raise ValueError(f"{next(row.names())} has {len(row.values)} values for {max(count, 0)} samples")
        for key, digests in self.inputs.items():
            dataset = key.partition("/")[0]
            if dataset not in self.samples or len(digests) != len(self.samples[dataset].ids):
                raise ValueError(f"inputs of {key}: {len(digests)} digests do not fit the samples of '{dataset}'")
        unknown = {f"{row.dataset}/{row.occlusion}" for row in self.rows} - set(self.inputs)
        if unknown:
            raise ValueError(f"no inputs are given for {min(unknown)}")
        return self

    def tolerance_of(self, name: Name) -> Tolerance:
        """The first tolerance that fits the row. Raises BaselineError where none does."""
        for tolerance in self.tolerance:
            if tolerance.fits(name):
                return tolerance
        raise BaselineError(f'no tolerance fits {name}; add {{"metric": "{name.metric}", "worse_by": ...}} to the list')

    def columns(self) -> dict[Name, SampleRow]:
        """Every row of per-sample values by its name."""
        return {name: row for row in self.rows for name in row.names()}

    def text(self) -> str:
        """The file's content: one line for each entry of a list or mapping."""
        content = self.model_dump(mode="json", by_alias=True)
        parts = []
        for key, value in content.items():
            if isinstance(value, list) and value:
                lines = [_compact(_without_none(item) if key == "tolerance" else item) for item in value]
                shown = "[\n  " + ",\n  ".join(lines) + "\n ]"
            elif isinstance(value, dict) and key not in ("bootstrap", "guard") and value:
                shown = "{\n  " + ",\n  ".join(f"{json.dumps(k)}: {_compact(v)}" for k, v in value.items()) + "\n }"
            else:
                shown = _compact(value)
            parts.append(f' "{key}": {shown}')
        return "{\n" + ",\n".join(parts) + "\n}\n"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _without_none(entry: dict[str, object]) -> dict[str, object]:
    """A tolerance as a person would write it: no pattern that fits all, no limit that is not given."""
    return {key: value for key, value in entry.items() if value not in (None, "*")}


def read_baseline(path: Path) -> Baseline:
    """A baseline from its file. Raises BaselineError where it is absent, broken or of another schema."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BaselineError(
            f"no baseline at {path}; bench check RUN --baseline {path} --update makes one from a run"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise BaselineError(f"{path} cannot be read as a baseline: {error}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        stated = content.get("schema") if isinstance(content, dict) else type(content).__name__
        raise BaselineError(f"{path} is no baseline of schema {SCHEMA} (it holds {stated!r})")
    try:
        return Baseline.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BaselineError(f"{path}: {where + ': ' if where else ''}{first['msg']}") from error


def decode(cells: Sequence[Cell]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values (S,) with NaN where there is none and infinity at a ceiling, and which of them failed."""
    values = np.array([np.inf if c == "inf" else np.nan if c is None or c == "failed" else c for c in cells], float)
    return values, np.array([c == "failed" for c in cells], bool)


def encode(values: NDArray[np.float64], failed: NDArray[np.bool_]) -> tuple[Cell, ...]:
    """The inverse of ``decode``, rounded to six significant digits."""
    return tuple(
        "failed" if bad else None if np.isnan(value) else "inf" if np.isinf(value) else rounded(value)
        for value, bad in zip(values.tolist(), failed.tolist(), strict=True)
    )


def rounded(value: float) -> float:
    """Six significant digits: what a baseline keeps and what is compared, so that a repeated run differs by 0."""
    return float(f"{value:.6g}")
