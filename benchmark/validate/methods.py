"""The contract of methods and segmenters: shape, range, the same twice, an image apart from its neighbours, untouched inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unmaskbench.benchmark.plan.geometry import to_native
from unmaskbench.benchmark.run.process_state import undisturbed
from unmaskbench.benchmark.run.restore import OVERSHOOT
from unmaskbench.benchmark.validate import faces
from unmaskbench.benchmark.validate.cards import build, check_card, resolve
from unmaskbench.benchmark.validate.findings import Findings

USERS_OWN = ("user-model", "predictions-only")
NEIGHBOUR_TOLERANCE = 2 / 255


def method_findings(plugin: str | type, **parameters: object) -> Findings:
    """What is wrong with a method; ``parameters`` are those of its constructor."""
    cls, findings = resolve("method", plugin)
    if not check_card(findings, "method", cls):
        return findings
    if cls.card.provenance in USERS_OWN and not parameters:  # type: ignore[attr-defined]
        findings.notes.append("it restores with a file of the user's: only its card was checked")
        return findings
    method = build(findings, cls, parameters)
    if method is not None:
        _try(findings, method, lambda image, mask, ids: _restore(method, image, mask, ids), channels=3)
    return findings


def segmenter_findings(plugin: str | type, **parameters: object) -> Findings:
    """What is wrong with a segmenter; ``parameters`` are those of its constructor."""
    cls, findings = resolve("segmenter", plugin)
    if not check_card(findings, "segmenter", cls):
        return findings
    segmenter = build(findings, cls, parameters)
    if segmenter is not None:
        _try(findings, segmenter, lambda image, mask, ids: segmenter.segment(image), channels=1)
    return findings


def _restore(method: Any, image: Tensor, mask: Tensor, ids: list[str]) -> Any:
    extra = {"ids": ids} if method.card.needs_ids else {}
    return method.restore(image, mask if method.card.needs_mask else None, **extra)


def _try(findings: Findings, plugin: Any, call: Callable[[Tensor, Tensor, list[str]], Any], channels: int) -> None:
    """Load the plug-in, and hold what ``call`` gives to the contract."""
    with undisturbed(0, "cpu"):
        loaded = findings.succeeds("load('cpu')", lambda: plugin.load("cpu"))
    if not loaded:
        return
    image, mask = to_native(*faces.occluded(), plugin.card.native_size, plugin.card.size_multiple)
    assert mask is not None
    ids = ["heads/hole/a", "heads/hole/b"]

    def answer(part: slice) -> Any:
        with torch.inference_mode(), undisturbed(0, "cpu"):
            return call(given[part], holes[part], ids[part])

    doing = "restore()" if channels == 3 else "segment()"
    given, holes = image.clone(), mask.clone()
    with findings.during(doing):
        first = answer(slice(0, 2))
        findings.expect(torch.equal(given, image), f"{doing} changes the image that it is given")
        findings.expect(torch.equal(holes, mask), f"{doing} changes the mask that it is given")
        given, holes = image.clone(), mask.clone()
        if not _fits(findings, first, (2, channels, *image.shape[-2:]), doing):
            return
        findings.expect(
            torch.equal(answer(slice(0, 2)), first),
            f"{doing} gives something else the second time, with the same seeds",
        )
        alone = answer(slice(1, 2))
        if findings.expect(alone.shape == first[1:].shape, f"{doing} gives {tuple(alone.shape)} for one image"):
            apart = float((alone.float() - first[1:].float()).abs().max())
            findings.expect(
                apart <= NEIGHBOUR_TOLERANCE,
                f"{doing} of an image depends on its neighbours in the batch (by {apart:.3g})",
            )


def _fits(findings: Findings, value: Any, shape: tuple[int, ...], doing: str) -> bool:
    if not findings.expect(isinstance(value, Tensor), f"{doing} gives a {type(value).__name__}, not a tensor"):
        return False
    fits = findings.expect(tuple(value.shape) == shape, f"{doing} gives shape {tuple(value.shape)} for {shape}")
    fits &= findings.expect(value.is_floating_point(), f"{doing} gives {value.dtype}, not floating point in [0, 1]")
    if fits:
        low, high = float(value.amin()), float(value.amax())
        finite = findings.expect(bool(torch.isfinite(value).all()), f"{doing} gives NaN or infinity")
        slack = OVERSHOOT if shape[1] == 3 else 0.0
        inside = low >= -slack and high <= 1 + slack
        fits = finite and findings.expect(inside, f"{doing} gives values in [{low:.3g}, {high:.3g}]; expected [0, 1]")
    return fits
