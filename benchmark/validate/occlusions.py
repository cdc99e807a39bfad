"""The contract of occlusions: the mask is exactly what was changed, and the generator the only source of chance."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from unmaskbench.benchmark.plugins.types import Face, Occluded, Occlusion
from unmaskbench.benchmark.run.process_state import undisturbed
from unmaskbench.benchmark.validate import faces
from unmaskbench.benchmark.validate.cards import build, check_card, resolve
from unmaskbench.benchmark.validate.findings import Findings


def occlusion_findings(plugin: str | type, **parameters: object) -> Findings:
    """What is wrong with an occlusion; ``parameters`` are those of its constructor."""
    cls, findings = resolve("occlusion", plugin)
    if not check_card(findings, "occlusion", cls):
        return findings
    frozen = dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    findings.expect(frozen, "it is no frozen dataclass: its fields are its parameters, and they must not change")
    occlusion = build(findings, cls, parameters)
    if occlusion is None:
        return findings
    for number, face in enumerate(faces.heads()):
        with findings.during("apply()"):
            _try(findings, occlusion, face, number)
    _try_bare(findings, occlusion)
    return findings


def _try(findings: Findings, occlusion: Occlusion, face: Face, number: int) -> None:
    before = face.image.clone()
    results = []
    for seed in (number, number + 1):
        with undisturbed(seed, "cpu"):  # the global state must not matter
            results.append(occlusion.apply(face, np.random.default_rng(5)))
    first, again = results
    findings.expect(torch.equal(face.image, before), "apply() changes the face that it is given")
    if not findings.expect(isinstance(first, Occluded), f"apply() gives a {type(first).__name__}, not an Occluded"):
        return
    side = tuple(before.shape[-2:])
    fits = findings.expect(
        first.image.shape == before.shape,
        f"apply() gives an image {tuple(first.image.shape)} for {tuple(before.shape)}",
    )
    fits &= findings.expect(
        first.mask.shape == (1, *side), f"apply() gives a mask {tuple(first.mask.shape)}; expected {(1, *side)}"
    )
    if not fits:
        return
    same = torch.equal(first.image, again.image) and torch.equal(first.mask, again.mask)
    findings.expect(same, "apply() gives something else for the same generator: it draws from another source of chance")
    findings.expect(set(first.mask.flatten().tolist()) <= {0.0, 1.0}, "the mask holds other values than 0 and 1")
    findings.expect(0 <= float(first.image.min()) <= float(first.image.max()) <= 1, "the image leaves [0, 1]")
    findings.expect(float(first.mask.sum()) > 0, "the mask is empty: nothing was hidden")
    known = first.mask.expand(3, -1, -1) == 0
    findings.expect(torch.equal(first.image[known], before[known]), "pixels outside the mask were changed")
    share = first.coverage
    findings.expect(share is None or 0 < share <= 1, f"coverage is {share}; expected a share in (0, 1], or None")


def _try_bare(findings: Findings, occlusion: Occlusion) -> None:
    """A face without landmarks is refused where the card says that it needs them, and taken where it does not."""
    face = faces.heads()[0]
    bare = Face("bare", face.image, given_mask=face.given_mask)
    try:
        occlusion.apply(bare, np.random.default_rng(0))
    except ValueError as error:
        needs = occlusion.card.needs_landmarks
        findings.expect(needs, f"its card says that it needs no landmarks, and a face without is refused: {error}")
        named = "landmark" in str(error)
        findings.expect(not needs or named, f"the error for a face without landmarks does not name them: {error}")
    except Exception as error:
        findings.expect(
            False, f"a face without landmarks raises {type(error).__name__}: expected a ValueError that names them"
        )
    else:
        findings.expect(
            not occlusion.card.needs_landmarks, "its card says that it needs landmarks, and a face without is taken"
        )
