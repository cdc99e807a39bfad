"""The contract of metrics: the card's word on kind, direction, range and regions, and a value that is an image's own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unmaskbench.benchmark.plugins.registry import METRICS
from unmaskbench.benchmark.plugins.types import MetricCard
from unmaskbench.benchmark.validate import faces
from unmaskbench.benchmark.validate.cards import build, check_card, resolve
from unmaskbench.benchmark.validate.findings import Findings


def metric_findings(plugin: str | type, **parameters: object) -> Findings:
    """What is wrong with a metric; ``parameters`` are those of its constructor."""
    cls, findings = resolve("metric", plugin)
    if not check_card(findings, "metric", cls):
        return findings
    card: MetricCard = cls.card  # type: ignore[attr-defined]
    _check_signature(findings, card, cls)
    metric = build(findings, cls, parameters)
    if metric is None:
        return findings
    truth = faces.images()
    findings.expect(
        card.minimum_size <= faces.SIDE_PX,
        f"its card wants images of {card.minimum_size} px: it was tried at {faces.SIDE_PX} px",
    )
    if card.kind == "set":
        with findings.during("update(), merge() or compute()"):
            _try_set(findings, metric, truth, faces.worse(truth))
        return findings
    restored = faces.worse(truth)
    if card.kind == "segmentation":
        truth, restored = ((images[:, :1] > 0.5).float() for images in (truth, restored))
    with findings.during("reference() or score()"):
        _try_values(findings, metric, restored, truth)
    return findings


def _check_signature(findings: Findings, card: MetricCard, cls: type) -> None:
    # A variant (lpips_squeeze) names its kind first and itself after.
    begins = card.signature.partition("|")[0] in (card.id, card.id.partition("_")[0])
    findings.expect(
        begins, f"its signature '{card.signature}' does not begin with its id: write '{card.id}|...', then every choice"
    )
    for name in METRICS.names():
        same = METRICS.get(name) is not cls and METRICS.card(name).signature == card.signature
        findings.expect(not same, f"its signature is that of metric '{name}': their values would share a column")


def _try_values(findings: Findings, metric: Any, restored: Tensor, truth: Tensor) -> None:
    card: MetricCard = metric.card
    count = len(truth)

    def score(images: Tensor, truths: Tensor, region: Tensor | None = None) -> Any:
        return metric.score(images, metric.reference(truths), region)

    given = restored.clone(), truth.clone()
    values = score(*given)
    findings.expect(
        torch.equal(given[0], restored) and torch.equal(given[1], truth), "it changes the images that it is given"
    )
    if not findings.expect(isinstance(values, Tensor), f"score() gives a {type(values).__name__}, not a tensor (N,)"):
        return
    fits = findings.expect(
        values.shape == (count,), f"score() gives shape {tuple(values.shape)} for {count} images; expected ({count},)"
    )
    findings.expect(values.dtype == torch.float64, f"score() gives {values.dtype}, expected torch.float64")
    if not fits:
        return
    beyond = [f"{value:.6g}" for value in values.tolist() if card.refusal(value)]
    findings.expect(not beyond, f"values are outside its card's range {list(card.range)}: {', '.join(beyond)}")
    findings.expect(torch.equal(score(restored, truth), values), "score() gives something else the second time")
    alone = torch.cat([score(restored[n : n + 1], truth[n : n + 1]) for n in range(count)])
    findings.expect(
        torch.allclose(values, alone, rtol=1e-5, atol=1e-7), "a value depends on the other images of its batch"
    )
    findings.expect(
        _cut(metric.reference(truth), count) is not None,
        f"reference() has not {count} as first axis: it is kept sample by sample",
    )
    if card.kind == "no_reference":
        return
    best = score(truth, truth)
    ordered = (best >= values).all() if card.direction == "higher" else (best <= values).all()
    findings.expect(
        bool(ordered), f"a perfect restoration is not best, though its card says that {card.direction} is better"
    )
    _try_regions(findings, metric, restored, truth, values)


def _try_regions(findings: Findings, metric: Any, restored: Tensor, truth: Tensor, values: Tensor) -> None:
    everything = torch.ones(len(truth), 1, *truth.shape[-2:])
    reference = metric.reference(truth)
    if metric.card.regions != ("whole",):
        whole = metric.score(restored, reference, everything)
        same = whole.shape == values.shape and torch.allclose(whole, values, rtol=1e-6)
        findings.expect(same, "a region of the whole image gives another value than none")
        nothing = metric.score(restored, reference, everything * 0)
        findings.expect(
            bool(torch.isnan(nothing).all()),
            "an empty region gives a number: it must give NaN, which is stored as skipped",
        )
        return
    try:
        metric.score(restored, reference, everything)
    except ValueError:
        return
    findings.expect(False, "its card has the region whole alone, and score() takes another: raise a ValueError")


def _cut(reference: Any, count: int) -> Any:
    """The reference where every tensor in it has ``count`` as its first axis, else None."""
    parts = reference if isinstance(reference, tuple | list) else [reference]
    return reference if all(isinstance(part, Tensor) and len(part) == count for part in parts) else None


def _try_set(findings: Findings, metric: Any, truth: Tensor, worse: Tensor) -> None:
    card: MetricCard = metric.card
    given = truth.clone()
    whole = metric.update(given)
    findings.expect(torch.equal(given, truth), "update() changes the images that it is given")
    arrays = isinstance(whole, dict) and all(isinstance(value, np.ndarray) for value in whole.values())
    if not findings.expect(arrays, "update() gives something else than a dict of NumPy arrays"):
        return
    parts = [metric.update(truth[:3]), metric.update(truth[3:])]
    merged, reversed_merge = metric.merge(parts), metric.merge(parts[::-1])
    findings.expect(set(merged) == set(whole), "merge() gives other keys than update()")
    other = metric.update(worse)
    value, again, back, same = (float(metric.compute(other, part)) for part in (whole, merged, reversed_merge, other))
    findings.expect(
        math.isclose(value, again, rel_tol=1e-3, abs_tol=1e-6),
        f"merged statistics give {again:.6g}, those of the whole set {value:.6g}",
    )
    findings.expect(
        math.isclose(again, back, rel_tol=1e-3, abs_tol=1e-6),
        "the order in which statistics are merged changes the value",
    )
    beyond = [f"{number:.6g}" for number in (value, same) if card.refusal(number)]
    findings.expect(not beyond, f"values are outside its card's range {list(card.range)}: {', '.join(beyond)}")
    better = same >= value if card.direction == "higher" else same <= value
    findings.expect(better, f"a set against itself is not best, though its card says that {card.direction} is better")
