"""A suite: everything that can change a number, validated, frozen.

A wrong key or value is a SuiteError that names the file, the key and the legal values. ``suite_file.py`` reads suites.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from unmaskbench.benchmark.host.text import hidden_in, shown
from unmaskbench.benchmark.plan.entries import Crop, DatasetEntry, Entry, Frozen, MatcherEntry, MethodEntry, MetricEntry
from unmaskbench.benchmark.plan.named_source import (
    LABEL,
    default_label,
)
from unmaskbench.benchmark.plan.suite_problems import explained
from unmaskbench.benchmark.plugins.json_types import JsonMapping
from unmaskbench.benchmark.plugins.types import Output, Region


class SuiteError(ValueError):
    """A suite that cannot be used; the message names file, key and legal values."""


class Pairs(Frozen):
    """Verification trials: the dataset's ``official`` list, or all genuine pairs up to ``genuine_per_identity`` a person
    with ``impostors`` sampled by seed (or ``all`` of them)."""

    official: bool = False
    genuine_per_identity: Annotated[int, Field(ge=1)] = 50
    impostors: Annotated[int, Field(ge=1)] | Literal["all"] = 1_000_000


class Statistics(Frozen):
    """Bootstrap over identities; ``allowed_failures`` is the share of samples that a method may lack and still be ranked
    by image metrics, with the worst value in place of them."""

    resamples: Annotated[int, Field(ge=100, le=100_000)] = 2000
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    allowed_failures: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0


class Suite(Frozen):
    """Everything that can change a number of a run."""

    name: str
    title: str = ""
    notes: str = ""
    datasets: list[DatasetEntry] = Field(min_length=1)
    crop: Crop = Crop()
    size: Annotated[int, Field(ge=16, le=1024)] = 128
    occlusions: list[Entry] = Field(min_length=1)
    methods: list[MethodEntry] = Field(min_length=1)
    further_macs: Annotated[float, Field(ge=0)] | None = None
    mask_source: Literal["oracle", "predicted", "both"] = "oracle"
    segmenter: str = "segmenter"
    outputs: list[Output] = Field(default=["raw", "composite"], min_length=1)
    metrics: list[MetricEntry] = Field(default_factory=list)
    regions: list[Region] = Field(default=["whole", "hole"], min_length=1)
    matchers: list[MatcherEntry] = Field(default_factory=list)
    matcher_outputs: list[Output] = Field(default=["composite"], min_length=1)
    landmarks: Literal["truth", "detected", "detected:insightface"] = "truth"
    pairs: Pairs = Pairs()
    fmr_targets: list[Annotated[float, Field(gt=0, lt=1)]] = Field(default=[1e-2, 1e-3, 1e-4])
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: int = 0
    statistics: Statistics = Statistics()
    slice_by: list[str] = Field(default_factory=list)
    shard_size: Annotated[int, Field(ge=1, le=4096)] = 64
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 16
    gallery: Annotated[int, Field(ge=0, le=200)] = 12

    @field_validator("title", "notes", "segmenter", "slice_by")
    @classmethod
    def _visible(cls, value: str | list[str], info: ValidationInfo) -> str | list[str]:
        for text in [value] if isinstance(value, str) else value:
            if hidden := hidden_in(text, lines=info.field_name == "notes"):
                raise ValueError(f"{shown(text)} holds {hidden}, which cannot be seen; take it out")
        return value

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not LABEL.fullmatch(value) or not value.strip("."):
            raise ValueError("a suite's name may hold letters, digits and _ . + @ - only (at most 80)")
        return value

    @model_validator(mode="after")
    def _distinct(self) -> Suite:
        for key in ("datasets", "occlusions", "methods", "metrics", "matchers"):
            labels = [entry.label for entry in getattr(self, key)]
            twice = sorted({label for label in labels if labels.count(label) > 1})
            if twice:
                remedy = "take one out" if key == "metrics" else "give one of them another label"
                remedy += ": ID:FILE=LABEL" if key == "methods" else ""
                raise ValueError(f"{key}: '{twice[0]}' stands twice; {remedy}")
        for entry in self.metrics:
            if entry.label != default_label(entry.id):
                raise ValueError(f"metrics: '{entry.id}' cannot be called '{entry.label}'; a metric's rows bear its id")
        for key in ("outputs", "matcher_outputs", "regions", "fmr_targets", "slice_by"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key}: a value stands twice in {values}")
        return self

    def replaced(self, **changes: Any) -> Suite:
        """A suite with some fields changed, validated anew. Raises SuiteError."""
        return parse({**self.model_dump(), **changes}, f"suite '{self.name}'")

    @property
    def detector(self) -> str:
        """The detector that finds landmarks anew on every image; "" where the truth's are taken."""
        return "" if self.landmarks == "truth" else self.landmarks.partition(":")[2] or "yunet"

    def hash(self) -> str:
        """sha256 of the suite's content."""
        return digest(self.model_dump(mode="json"))

    def samples_hash(self) -> str:
        """sha256 of what decides the samples: datasets, geometry, occlusions. Runs of one folder share it."""
        return samples_digest(self.model_dump(mode="json"))


def samples_digest(suite: JsonMapping) -> str:
    """sha256 of what decides the samples of a suite that is given, or was written, as JSON."""
    return digest({key: suite[key] for key in ("datasets", "crop", "size", "occlusions", "seed", "shard_size")})


def digest(content: object) -> str:
    """sha256 of a JSON-able value in canonical form."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def problems(content: object) -> list[str]:
    """Everything that is wrong with a suite's mapping by itself, a sentence each; [] for a valid one."""
    try:
        Suite.model_validate(content)
    except ValidationError as error:
        return [explained(detail, Suite) for detail in error.errors()]
    return []


def parse(content: object, source: str) -> Suite:
    """A suite from a mapping; ``source`` is named in errors. Raises SuiteError."""
    if not isinstance(content, Mapping):
        raise SuiteError(f"{source}: a suite is a mapping of keys, not {type(content).__name__}")
    try:
        return Suite.model_validate(dict(content))
    except ValidationError as error:
        raise SuiteError(
            f"{source}: " + "; ".join(explained(detail, Suite) for detail in error.errors()[:5])
        ) from error


def method_named(text: str) -> MethodEntry:
    """A method as the command line names it, on which no suite stands. Raises SuiteError."""
    try:
        return MethodEntry.model_validate(text)
    except ValidationError as error:
        problems = "; ".join(explained(detail, MethodEntry) for detail in error.errors())
        raise SuiteError(f"method '{text}': {problems}") from error
