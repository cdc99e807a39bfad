"""What can be known of the models before anything is computed: each is tried on a face or two of the run.

A file of another shape, type or layout would otherwise fail every sample, one after the other, in a run that ends well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.method_rows import method_cards
from unmaskbench.benchmark.plan.suite import Suite, SuiteError
from unmaskbench.benchmark.plan.units import Measurement, Plan, Restoration, Unit
from unmaskbench.benchmark.plugins.file_plugin import is_reference
from unmaskbench.benchmark.plugins.hooks import lookup_of
from unmaskbench.benchmark.plugins.registry import MATCHERS
from unmaskbench.benchmark.plugins.types import Matcher
from unmaskbench.benchmark.run.metric_calls import describe
from unmaskbench.benchmark.run.picture_names import compared_pictures, truth_picture
from unmaskbench.benchmark.run.restore import Restorer
from unmaskbench.benchmark.run.shard_source import ShardSource
from unmaskbench.benchmark.run.shards import OccludedShard, Stopwatch

ENOUGH = 2
"""Faces that a model is tried on."""
NO_PROGRAM = ("onnx", "scores", "embeddings")
"""Methods and matchers by file that run no code of the user's."""
MOST_SOUGHT = 16
"""Faces that are opened for it, should the first ones have no landmarks or not be readable."""


@dataclass(frozen=True, eq=False)
class Face:
    """A shard of one face, and the dataset and occlusion that it is of."""

    shard: OccludedShard
    dataset: str
    occlusion: str

    @property
    def has_landmarks(self) -> bool:
        """Whether all five are known."""
        return bool(torch.isfinite(self.shard.truth.landmarks).all())


def try_models(planned: Plan, todo: Iterable[Iterable[Unit]], device: str, isolated: bool = False) -> None:
    """Try every matcher, and every method that is a file of the user's, that units to be computed ask for. With ``isolated``
    only what cannot take this process with it: code of the user's then stays in a process of its own.

    Raises SuiteError with what came and what is needed where one cannot be built or loaded, breaks on each face, or gives
    something of another shape; and where a table names pictures that the run has not.
    """
    units = [unit for group in todo for unit in group]
    matchers = {
        unit.entry.label: unit.entry for unit in units if isinstance(unit, Measurement) and unit.kind == "matcher"
    }
    restored = [unit.method for unit in units if isinstance(unit, Restoration) and unit.method is not None]
    methods = {entry.label: entry for entry in restored if _is_users_file(entry)}
    if isolated:
        matchers = {label: entry for label, entry in matchers.items() if entry.id in NO_PROGRAM}
        methods = {label: method for label, method in methods.items() if method.id in NO_PROGRAM}
    if not matchers and not methods:
        return
    faces = list(_faces(planned))
    for entry in matchers.values():
        try:
            matcher: Matcher = MATCHERS.build(entry.id, **entry.parameters)
            table = lookup_of(matcher)
            if table is not None:
                table.check_names(set(compared_pictures(planned)))
                continue
            matcher.load(device)
        except SuiteError:
            raise
        except Exception as error:
            raise SuiteError(f"matcher '{entry.label}': {_said(error)}") from error
        _try_matcher(entry.label, matcher, faces)
    for method in methods.values():
        _try_method(method, planned.suite, device, faces)


def _is_users_file(entry: MethodEntry) -> bool:
    return any(is_reference(part) for part in entry.id.split("+")) or any(
        card.provenance == "user-model" for card in method_cards(entry)
    )


def _faces(planned: Plan) -> Iterator[Face]:
    """The first faces that can be occluded and have landmarks, each a shard of its own; other faces where none has."""
    source, others, found, sought = ShardSource(planned.suite), [], 0, 0
    for unit in planned.truths():
        for index in unit.samples:
            if found == ENOUGH or sought == MOST_SOUGHT:
                break
            sought += 1
            shard = source.shard(replace(unit, samples=(index,)), Stopwatch())
            face = Face(shard, unit.dataset.label, unit.occlusion.label)
            if shard.ids and face.has_landmarks:
                found += 1
                yield face
            elif shard.ids:
                others.append(face)
    yield from others[: ENOUGH - found]


def _try_matcher(label: str, matcher: Matcher, faces: list[Face]) -> None:
    """Embeddings of the faces, one by one: a matcher may break on one of them and must not on each."""
    usable = [face for face in faces if not matcher.card.needs_landmarks or face.has_landmarks]
    errors, vectors = [], []
    for face in usable:
        truth = face.shard.truth
        name = truth_picture(face.dataset, face.occlusion, face.shard.ids[0])
        extra = {"names": [name]} if matcher.card.needs_names else {}
        try:
            with torch.inference_mode():
                vectors.append(matcher.embed(truth.truth.clone(), truth.landmarks.clone(), **extra))
        except Exception as error:
            errors.append(_said(error))
    if usable and not vectors:
        raise SuiteError(f"matcher '{label}' breaks on each face that it was tried on: {errors[0]}")
    expected = (1, matcher.card.dimension)
    for found in vectors:
        if not isinstance(cast("object", found), Tensor) or tuple(found.shape) != expected:
            came = f"shape {tuple(found.shape)}" if isinstance(cast("object", found), Tensor) else type(found).__name__
            raise SuiteError(f"matcher '{label}': embed() gives {came} for one face; its card promises {expected}")
    if vectors and not any(bool(torch.isfinite(found).all()) for found in vectors):
        raise SuiteError(f"matcher '{label}': embed() gives NaN or infinity for each face that it was tried on")
    if vectors and not any(bool(found.any()) for found in vectors):
        raise SuiteError(
            f"matcher '{label}': embed() gives zeros alone for each face that it was tried on, which tell nobody from another"
        )


def _try_method(entry: MethodEntry, suite: Suite, device: str, faces: list[Face]) -> None:
    try:
        restorer = Restorer(entry, device, suite.precision)
    except Exception as error:
        raise SuiteError(f"method '{entry.label}' cannot be loaded: {_said(error)}") from error
    errors = []
    for face in faces:
        ids = [f"{face.dataset}/{face.occlusion}/{face.shard.ids[0]}"]
        errors += restorer.restore(face.shard.occluded, face.shard.masks, ids).errors
    if errors and all(errors):
        raise SuiteError(
            f"method '{entry.label}' fails on each face that it was tried on: {errors[0]}; needed are images "
            f"(N, 3, {suite.size}, {suite.size}) of floating-point numbers in [0, 1], of the size that it was given"
        )


def _said(error: Exception) -> str:
    """Our own sentences as they are, others with their kind."""
    return str(error) if isinstance(error, ValueError | FileNotFoundError) and str(error) else describe(error)
