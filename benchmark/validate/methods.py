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
    cls, found = resolve("method", plugin)
    if not check_card(found, "method", cls):
        return found
    if cls.card.provenance in USERS_OWN and not parameters:  # type: ignore[attr-defined]
        found.notes.append("it restores with a file of the user's: only its card was checked")
        return found
    method = build(found, cls, parameters)
    if method is not None:
        _try(found, method, lambda image, mask, ids: _restore(method, image, mask, ids), channels=3)
    return found


def segmenter_findings(plugin: str | type, **parameters: object) -> Findings:
    """What is wrong with a segmenter; ``parameters`` are those of its constructor."""
    cls, found = resolve("segmenter", plugin)
    if not check_card(found, "segmenter", cls):
        return found
    segmenter = build(found, cls, parameters)
    if segmenter is not None:
        _try(found, segmenter, lambda image, mask, ids: segmenter.segment(image), channels=1)
    return found


def _restore(method: Any, image: Tensor, mask: Tensor, ids: list[str]) -> Any:
    extra = {"ids": ids} if method.card.needs_ids else {}
    return method.restore(image, mask if method.card.needs_mask else None, **extra)


def _try(found: Findings, plugin: Any, call: Callable[[Tensor, Tensor, list[str]], Any], channels: int) -> None:
    """Load the plug-in, and hold what ``call`` gives to the contract."""
    with undisturbed(0, "cpu"):
        loaded = found.succeeds("load('cpu')", lambda: plugin.load("cpu"))
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
    with found.during(doing):
        first = answer(slice(0, 2))
        found.expect(torch.equal(given, image), f"{doing} changes the image that it is given")
        found.expect(torch.equal(holes, mask), f"{doing} changes the mask that it is given")
        given, holes = image.clone(), mask.clone()
        if not _fits(found, first, (2, channels, *image.shape[-2:]), doing):
            return
        found.expect(
            torch.equal(answer(slice(0, 2)), first),
            f"{doing} gives something else the second time, with the same seeds",
        )
        alone = answer(slice(1, 2))
        if found.expect(alone.shape == first[1:].shape, f"{doing} gives {tuple(alone.shape)} for one image"):
            apart = float((alone.float() - first[1:].float()).abs().max())
            found.expect(
                apart <= NEIGHBOUR_TOLERANCE,
                f"{doing} of an image depends on its neighbours in the batch (by {apart:.3g})",
            )


def _fits(found: Findings, value: Any, shape: tuple[int, ...], doing: str) -> bool:
    if not found.expect(isinstance(value, Tensor), f"{doing} gives a {type(value).__name__}, not a tensor"):
        return False
    fits = found.expect(tuple(value.shape) == shape, f"{doing} gives shape {tuple(value.shape)} for {shape}")
    fits &= found.expect(value.is_floating_point(), f"{doing} gives {value.dtype}, not floating point in [0, 1]")
    if fits:
        low, high = float(value.amin()), float(value.amax())
        finite = found.expect(bool(torch.isfinite(value).all()), f"{doing} gives NaN or infinity")
        slack = OVERSHOOT if shape[1] == 3 else 0.0
        inside = low >= -slack and high <= 1 + slack
        fits = finite and found.expect(inside, f"{doing} gives values in [{low:.3g}, {high:.3g}]; expected [0, 1]")
    return fits
