"""The rows of a board: one frozen dataclass a table, from which ``reports/board.schema.json`` is generated.

A field's type is its JSON type and its description is the schema's. A field with a default may be absent in boards that
earlier versions wrote. ``None`` is JSON's null and stands for "not there"; ``"inf"`` stands for plus infinity.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from unmaskbench.benchmark.board.entries import DatasetRow, MatcherRow, MethodRow, MetricRow, OcclusionRow, RunRecord
from unmaskbench.benchmark.board.fields import (
    DATASET,
    GROUP,
    HIGH,
    LOW,
    METHOD,
    NUMBER,
    OCCLUSION,
    OUTPUT,
    RANK,
    SETTING,
    SLICE,
    Json,
    Number,
    plain,
    told,
)
from unmaskbench.benchmark.plugins.types import Output, Setting

Policy = Literal["penalised", "completed"]


@dataclass(frozen=True)
class ImageRow:
    """An image-quality value."""

    dataset: str = field(metadata=told(DATASET))
    occlusion: str = field(metadata=told(OCCLUSION))
    method: str = field(metadata=told(METHOD))
    output: Output = field(metadata=told(OUTPUT))
    metric: str
    region: str = field(metadata=told("whole, hole, known or border."))
    slice: str = field(metadata=told(SLICE))
    value: Number = field(metadata=told(NUMBER))
    low: Number = field(metadata=told(NUMBER))
    high: Number = field(metadata=told(NUMBER))
    n: int = field(metadata=told("Samples that the method completed; value counts the others as the occluded image."))
    failed: int = field(metadata=told("Samples that failed."))
    ceiling: int = field(metadata=told("Samples identical to the truth, counted at the ceiling of 100."))
    signature: str
    rank: int | None = field(metadata=told(RANK))
    group: int | None = field(metadata=told(GROUP))
    ranked: bool = field(metadata=told("false where the value must not be ranked."))
    note: str
    of: int | None = field(
        default=None, metadata=told("Samples that every method of the board owes; n of them are here.")
    )
    completed: float | None = field(
        default=None, metadata=told("Mean over what an incomplete method completed; null where it is complete.")
    )
    seen_truth: int = field(
        default=0, metadata=told("Samples whose hole is the truth within one grey level, of a method so marked.")
    )
    absent: Literal["", "no_truth"] = field(
        default="", metadata=told("Why there is no figure: no_truth where nobody knows the pixels behind a worn mask.")
    )


@dataclass(frozen=True)
class VerificationRow:
    """A biometric value."""

    dataset: str = field(metadata=told(DATASET))
    occlusion: str = field(metadata=told(OCCLUSION))
    method: str = field(metadata=told("Method row id; '' for TT, 'untouched' for MT and MM."))
    output: Output = field(metadata=told(OUTPUT))
    setting: Setting = field(metadata=told(SETTING))
    matcher: str = field(metadata=told("Matcher id."))
    metric: str = field(metadata=told("An id of benchmark/board/quantities.py: auc, eer, fnmr, fmr ..."))
    target: float | None = field(metadata=told("FMR target of the threshold."))
    threshold: Number = field(metadata=told("The threshold of the value, where it has one; 'inf' accepts nothing."))
    value: Number = field(metadata=told(NUMBER))
    low: Number = field(metadata=told(NUMBER))
    high: Number = field(metadata=told(NUMBER))
    genuine: int = field(metadata=told("Genuine pairs."))
    impostor: int = field(metadata=told("Impostor pairs."))
    failed: int = field(metadata=told("Comparisons that failed."))
    policy: Policy = field(metadata=told("Whether failures count against the method."))
    independent: bool = field(metadata=told("false where the matcher took part in the method's training."))
    refused: str = field(metadata=told("Why the value is not given; empty otherwise."))
    slice: str = field(metadata=told(SLICE))
    rank: int | None = field(metadata=told(RANK))
    group: int | None = field(metadata=told(GROUP))


@dataclass(frozen=True)
class DifferenceRow:
    """A paired difference."""

    dataset: str = field(metadata=told(DATASET))
    occlusion: str = field(metadata=told(OCCLUSION))
    output: Output = field(metadata=told(OUTPUT))
    metric: str
    region: str
    method_a: str = field(metadata=told(METHOD))
    method_b: str = field(metadata=told(METHOD))
    difference: float | None = field(metadata=told("a minus b, paired."))
    low: float | None = field(metadata=told(LOW))
    high: float | None = field(metadata=told(HIGH))
    p: float | None = field(metadata=told("Two-sided p."))
    p_holm: float | None = field(metadata=told("p after Holm's correction."))
    significant: bool
    n: int = field(default=0, metadata=told("Samples, or genuine pairs, behind the difference."))


@dataclass(frozen=True)
class CorrelationRow:
    """Rank correlation of an image metric and a biometric value."""

    over: Literal["methods", "samples"]
    dataset: str = field(metadata=told(DATASET))
    occlusion: str = field(metadata=told(OCCLUSION))
    output: Output = field(metadata=told(OUTPUT))
    image_metric: str
    region: str
    biometric: str
    matcher: str = field(metadata=told("Matcher id."))
    spearman: float | None = field(metadata=told("Spearman's rho."))
    spearman_low: float | None = field(metadata=told(LOW))
    spearman_high: float | None = field(metadata=told(HIGH))
    kendall: float | None = field(metadata=told("Kendall's tau."))
    n: int
    kendall_low: float | None = field(default=None, metadata=told(LOW))
    kendall_high: float | None = field(default=None, metadata=told(HIGH))


@dataclass(frozen=True)
class CurveRow:
    """Error rates by threshold."""

    dataset: str = field(metadata=told(DATASET))
    occlusion: str = field(metadata=told(OCCLUSION))
    method: str
    output: Output = field(metadata=told(OUTPUT))
    setting: Setting = field(metadata=told(SETTING))
    matcher: str = field(metadata=told("Matcher id."))
    fmr: list[float]
    fnmr: list[float]
    thresholds: list[Number]


@dataclass(frozen=True)
class HistogramRow:
    """Score distributions."""

    dataset: str = field(metadata=told(DATASET))
    occlusion: str = field(metadata=told(OCCLUSION))
    method: str
    output: Output = field(metadata=told(OUTPUT))
    setting: Setting = field(metadata=told(SETTING))
    matcher: str = field(metadata=told("Matcher id."))
    edges: list[float] = field(metadata=told("Bin edges, one more than the counts."))
    genuine: list[float]
    impostor: list[float]
    threshold: Number = field(metadata=told("The kept threshold."))
    target: float | None = field(metadata=told("FMR target of the threshold."))


@dataclass(frozen=True)
class ScatterPoint:
    """Values of one sample."""

    dataset: str = field(metadata=told(DATASET))
    occlusion: str = field(metadata=told(OCCLUSION))
    output: Output = field(metadata=told(OUTPUT))
    method: str = field(metadata=told(METHOD))
    sample: str
    values: dict[str, Json] = field(metadata=told("'metric/region' or 'similarity/matcher' to value."))


@dataclass(frozen=True)
class Picture:
    """A sample of the gallery."""

    dataset: str = field(metadata=told(DATASET))
    occlusion: str = field(metadata=told(OCCLUSION))
    sample: str
    identity: str | None = field(metadata=told("The person, where known."))
    coverage: float | None = field(metadata=told("Share of the face covered, 0 to 1."))
    truth: str | None = field(metadata=told("PNG path in the run folder."))
    occluded: str | None = field(metadata=told("PNG path."))
    mask: str | None = field(metadata=told("PNG path."))
    methods: dict[str, Json] = field(metadata=told("Method row id to {raw, composite, status, message, scores}."))


@dataclass(frozen=True)
class WornRow:
    """Photographs of masks that people wear, and what they are compared with."""

    dataset: str = field(metadata=told(DATASET))
    occlusion: str = field(metadata=told(OCCLUSION))
    probes: int = field(metadata=told("Photographs of a worn mask."))
    gallery: int = field(metadata=told("Bare photographs that they are compared with."))
    calibration: int = field(metadata=told("Bare photographs that set thresholds and are judged in no pair."))
    people: int = field(metadata=told("People with a photograph of a worn mask and a bare one of the gallery."))
    masks: str = field(metadata=told("Where the holes are from: given, or predicted:SEGMENTER."))
    found: int = field(metadata=told("Probes on which a mask was found; the others are left as they are."))
    share: float | None = field(metadata=told("found / probes."))
    low: float | None = field(metadata=told(LOW))
    high: float | None = field(metadata=told(HIGH))
    thresholds_from: str = field(
        metadata=told(
            "What the bare pairs that set thresholds are of: calibration, gallery or list; '' without matchers."
        )
    )


@dataclass(frozen=True)
class MissedRow:
    """Faces that a matcher could not be given, because none was found in the picture; their comparisons failed."""

    dataset: str = field(metadata=told(DATASET))
    occlusion: str = field(metadata=told(OCCLUSION))
    method: str = field(metadata=told("Method row id; '' for bare faces, 'untouched' for occluded ones."))
    output: Output = field(metadata=told(OUTPUT))
    matcher: str = field(metadata=told("Matcher id."))
    missed: int = field(metadata=told("Pictures in which no face was found."))
    faces: int = field(metadata=told("Pictures that the matcher was asked of."))
    detector: str = field(
        metadata=told(
            "Detector that looked for faces anew in every picture; '' where the dataset's landmarks are taken."
        )
    )


@dataclass(frozen=True)
class StatusRow:
    """How many samples ended with a status."""

    dataset: str = field(metadata=told(DATASET))
    occlusion: str = field(metadata=told(OCCLUSION))
    method: str = field(metadata=told("Method row id; '' where no method saw the sample."))
    status: str
    count: int
    example: str
    message: str


@dataclass(frozen=True)
class Board:
    """Aggregates of one run with intervals: what reports and the gate read. null stands for 'not there', the string 'inf'
    for plus infinity. Image paths are relative to the run folder."""

    schema: Literal["unmaskbench.board/1"] = field(metadata=told("Name and version of this schema."))
    manifest: str = field(metadata=told("sha256 of the manifest; only equal manifests may be ranked together."))
    run: RunRecord
    methods: list[MethodRow]
    datasets: list[DatasetRow]
    occlusions: list[OcclusionRow]
    metrics: list[MetricRow]
    matchers: list[MatcherRow]
    rows: list[ImageRow]
    verification: list[VerificationRow]
    differences: list[DifferenceRow]
    correlations: list[CorrelationRow]
    curves: list[CurveRow]
    histograms: list[HistogramRow]
    scatter: list[ScatterPoint]
    gallery: list[Picture]
    statuses: list[StatusRow]
    timings: dict[str, Json] = field(
        metadata=told("Seconds by stage: decode, occlude, restore, score, embed, write, total.")
    )
    worn: list[WornRow] = field(default_factory=list)
    missed: list[MissedRow] = field(default_factory=list)

    def as_json(self) -> dict[str, Json]:
        """The tree that ``board.json`` holds."""
        tree: dict[str, Json] = {
            table.name: [plain(row) for row in value] if isinstance(value := getattr(self, table.name), list) else value
            for table in dataclasses.fields(self)
        }
        return tree | {"run": plain(self.run)}
