"""The contract of matchers: embeddings of the card's length, an image apart from its neighbours, a face most like itself."""

from __future__ import annotations

import torch
from torch import Tensor

from unmaskbench.benchmark.plugins.hooks import paired_similarity_of, takes
from unmaskbench.benchmark.plugins.types import Matcher
from unmaskbench.benchmark.run.process_state import undisturbed
from unmaskbench.benchmark.validate import faces
from unmaskbench.benchmark.validate.cards import build, check_card, resolve
from unmaskbench.benchmark.validate.findings import Findings

NEIGHBOUR_TOLERANCE = 1e-3
SIMILARITY_TOLERANCE = 1e-4


def matcher_findings(plugin: str | type, **parameters: object) -> Findings:
    """What is wrong with a matcher; ``parameters`` are those of its constructor."""
    cls, findings = resolve("matcher", plugin)
    if not check_card(findings, "matcher", cls):
        return findings
    if takes(cls, "source") and "source" not in parameters:
        findings.notes.append("it compares with a file of the user's: only its card was checked")
        return findings
    matcher = build(findings, cls, parameters)
    if matcher is None:
        return findings
    if findings.succeeds("load('cpu')", lambda: matcher.load("cpu")):
        with findings.during("embed() or similarity()"), torch.inference_mode(), undisturbed(0, "cpu"):
            _try(findings, matcher)
    return findings


def _try(findings: Findings, matcher: Matcher) -> None:
    images, points = faces.images(), faces.landmarks()
    given = images.clone(), points.clone()
    vectors = matcher.embed(*given)
    kept = torch.equal(given[0], images) and torch.equal(given[1], points)
    findings.expect(kept, "embed() changes the images or landmarks that it is given")
    if not findings.expect(
        isinstance(vectors, Tensor), f"embed() gives a {type(vectors).__name__}, not a tensor (N, D)"
    ):
        return
    expected = (len(images), matcher.card.dimension)
    fits = findings.expect(
        tuple(vectors.shape) == expected, f"embed() gives shape {tuple(vectors.shape)}; its card promises {expected}"
    )
    findings.expect(vectors.dtype == torch.float32, f"embed() gives {vectors.dtype}, expected torch.float32")
    if not fits or not findings.expect(bool(torch.isfinite(vectors).all()), "embed() gives NaN or infinity"):
        return
    findings.expect(torch.equal(matcher.embed(images, points), vectors), "embed() gives something else the second time")
    alone = matcher.embed(images[2:3], points[2:3])[0]
    close = torch.allclose(alone, vectors[2], atol=NEIGHBOUR_TOLERANCE)
    findings.expect(close, "an embedding depends on the other images of its batch")
    scores = matcher.similarity(vectors, vectors[:3])
    if not findings.expect(
        tuple(scores.shape) == (4, 3),
        f"similarity() gives shape {tuple(scores.shape)} for 4 and 3 rows; expected (4, 3)",
    ):
        return
    scores = matcher.similarity(vectors, vectors)
    findings.expect(
        torch.allclose(scores, scores.T, atol=SIMILARITY_TOLERANCE), "similarity() of a to b is not that of b to a"
    )
    itself = (scores.diagonal() >= scores.max(1).values - SIMILARITY_TOLERANCE).all()
    findings.expect(bool(itself), "a face is more like another than like itself: higher must be more alike")
    paired = paired_similarity_of(matcher)
    if paired is not None:
        same = torch.allclose(paired(vectors, vectors.flip(0)), scores.flip(1).diagonal(), atol=SIMILARITY_TOLERANCE)
        findings.expect(same, "paired_similarity() is not what similarity() says of the same rows")
