"""The entries of a board: the run, and the methods, datasets, occlusions, metrics and matchers that it speaks of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from unmaskbench.benchmark.board.fields import DATASET, METHOD, OCCLUSION, STATE, WHY, Json, Number, told


@dataclass(frozen=True)
class RunRecord:
    """How the values were made."""

    name: str = field(metadata=told("The run folder's name."))
    created: str = field(metadata=told("UTC, ISO 8601."))
    command: str = field(metadata=told("The exact command."))
    suite: dict[str, Json] = field(metadata=told("The whole suite."))
    suite_hash: str = field(metadata=told("sha256 of the suite."))
    versions: dict[str, Json] = field(metadata=told("Package to version."))
    git: str = field(metadata=told("Commit, or empty."))
    hardware: dict[str, Json] = field(metadata=told("cpu, cores, memory_gb, gpu."))
    device: str = field(metadata=told("cpu, cuda ..."))
    precision: str = field(metadata=told("fp32, bf16 ..."))
    seed: int | None = field(metadata=told("Seed of the run."))
    weights: dict[str, Json] = field(metadata=told("Weight id to sha256."))
    mask_source: str = field(metadata=told("oracle or predicted: what methods that need a mask were given."))
    skipped: list[str] = field(
        default_factory=list, metadata=told("What the suite asks for and was left out, each with its remedy.")
    )
    refused: list[str] = field(
        default_factory=list, metadata=told("Submissions that a leaderboard refused, each with the reason.")
    )
    record_sha256: str = field(default="", metadata=told("sha256 of the run.json that the board was made of."))


@dataclass(frozen=True)
class MethodRow:
    """A row of the leaderboard."""

    method: str = field(metadata=told(METHOD))
    title: str = field(metadata=told("Name for people; no two methods of a board share it."))
    provenance: str = field(
        metadata=told("official-weights, reimplemented, classical, predictions-only or user-model.")
    )
    needs_mask: bool = field(metadata=told("Whether the method is given a mask."))
    mask_source: str = field(metadata=told("oracle, predicted, none, or unknown for images made elsewhere."))
    paper: str
    bibtex: str
    year: int | None = field(metadata=told("Year of the paper."))
    code_licence: str
    weights_licence: str
    assumptions: list[str] = field(metadata=told("What the paper leaves open and how it was closed."))
    trained_with: list[str] = field(metadata=told("Matchers that took part in training."))
    training_card: dict[str, Json] | None = field(metadata=told("Data, seed, steps, losses ... of the training."))
    parameters: float | None = field(metadata=told("Number of parameters."))
    macs: float | None = field(metadata=told("Multiply-accumulates per image."))
    latency_ms: float | None = field(metadata=told("Median at batch 1."))
    latency_spread_ms: float | list[Number] | None = field(
        metadata=told("Spread of the latency: the interquartile range in ms.")
    )
    throughput: float | None = field(metadata=told("Images per second at the best batch."))
    best_batch: int | None = field(metadata=told("Batch size of the throughput."))
    peak_memory_mb: float | None = field(
        metadata=told("Most memory allocated on the GPU at once, in MB; null on a CPU.")
    )
    state: str = field(metadata=told(STATE))
    message: str = field(metadata=told(WHY))


@dataclass(frozen=True)
class DatasetRow:
    """A dataset and how much of it was used."""

    dataset: str = field(metadata=told(DATASET))
    title: str
    licence: str
    source: str
    bibtex: str
    samples: int
    identities: int | None = field(metadata=told("Number of people, where known."))
    split: str
    attributes: list[str]


@dataclass(frozen=True)
class OcclusionRow:
    """An occlusion and how much of the faces it covered."""

    occlusion: str = field(metadata=told(OCCLUSION))
    title: str
    source: str
    parameters: dict[str, Json]
    coverage_mean: float | None = field(metadata=told("Mean share of the face covered, 0 to 1."))
    coverage_low: float | None = field(metadata=told("2.5th percentile of coverage."))
    coverage_high: float | None = field(metadata=told("97.5th percentile of coverage."))


@dataclass(frozen=True)
class MetricRow:
    """An image metric's card."""

    metric: str
    title: str
    kind: str = field(metadata=told("full_reference, no_reference, set or segmentation."))
    direction: Literal["higher", "lower"] = field(metadata=told("Which way is better."))
    range: list[Number]
    unit: str
    signature: str = field(metadata=told("Every choice that can change the value."))
    regions: list[str]
    source: str
    state: str = field(metadata=told(STATE))
    message: str = field(metadata=told(WHY))


@dataclass(frozen=True)
class MatcherRow:
    """A matcher's card."""

    matcher: str = field(metadata=told("Matcher id."))
    title: str
    dimension: int
    licence: str
    source: str
    signature: str
    distilled_from: list[str]
    state: str = field(metadata=told(STATE))
    message: str = field(metadata=told(WHY))
