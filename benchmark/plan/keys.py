"""The keys of units: hashes of everything that can change what a unit writes, and of nothing else.

A restoration's key says what decides its pixels; metrics and matchers have no part in it. A measurement's key is made of
the restoration's and of what the one metric or matcher is.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from unmaskbench.benchmark.detection.detectors import detector_named
from unmaskbench.benchmark.plan.chain import is_chain, parts_of
from unmaskbench.benchmark.plan.entries import DatasetEntry, Entry, MethodEntry
from unmaskbench.benchmark.plan.fingerprint import fingerprint
from unmaskbench.benchmark.plan.geometry import HOLE_FILL, METHOD_RESIZE, SAMPLE_RESIZE
from unmaskbench.benchmark.plan.named_files import contents
from unmaskbench.benchmark.plan.suite import Suite, digest
from unmaskbench.benchmark.plugins.hooks import libraries_of
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.registry import DATASETS, MATCHERS, METHODS, METRICS, OCCLUSIONS, SEGMENTERS
from unmaskbench.benchmark.store.provenance import version_of

PART_SCHEMA = 2
# What a part of a chain is given of the one before it.
CHAIN_HANDS_ON = "8-bit composite"
# Another version of these may give other pixels or other values from the same suite.
LIBRARIES = ("torch", "numpy", "pillow", "opencv-python", "scipy", "onnxruntime")
KEY_LENGTH = 32


def sample_hash(dataset: DatasetEntry, occlusion: Entry, suite: Suite, device: str) -> str:
    """What decides the occluded faces of a condition besides the faces' files, and how a ``device`` (cpu, cuda:1) rounds."""
    content = suite.model_dump(mode="json")
    # Named where it differs from what stands in the suite: parts of other suites keep their keys.
    seed = [] if (drawn := seed_parameters(occlusion)) == occlusion.parameters else [drawn]
    return digest(
        [
            [PART_SCHEMA, SAMPLE_RESIZE, METHOD_RESIZE, [version_of(name) for name in LIBRARIES]],
            {key: content[key] for key in ("crop", "size", "seed")},
            device.partition(":")[0],
            [dataset.model_dump(mode="json"), fingerprint(DATASETS.get(dataset.id)), contents(dataset)],
            [occlusion.model_dump(mode="json"), fingerprint(OCCLUSIONS.get(occlusion.id)), contents(occlusion), *seed],
        ]
    )


def seed_parameters(entry: Entry) -> JsonObject:
    """The parameters that an occlusion's chance is seeded from: those that say something, whether or not a default was
    written out.

    A value that equals the class's default is left out, so that an occlusion and the same with its defaults draw the same
    masks. A class may name parameters in ``seeded_by`` that stand in the seed whatever their value: its first suites wrote
    them out.
    """
    cls = OCCLUSIONS.get(entry.id)
    defaults = {name: parameter.default for name, parameter in inspect.signature(cls).parameters.items()}
    always = {name: _plain(defaults[name]) for name in getattr(cls, "seeded_by", ())}
    given = {name: value for name, value in entry.parameters.items() if _plain(value) != _plain(defaults.get(name))}
    return always | given


def _plain(value: object) -> object:
    """A value as YAML has it: a list for a tuple."""
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def method_hash(method: MethodEntry | None, suite: Suite) -> str:
    """What a method is: its code, weights and files, its segmenter's where its masks are predicted, its precision and
    batches. None is no method: the truth."""
    if method is None:
        return digest("truth")
    classes = [METHODS.get(part.id) for part in parts_of(method)]
    if method.mask_source.startswith("predicted"):
        classes.append(SEGMENTERS.get(segmenter_of(method, suite)))
    entry = method.model_dump(mode="json")
    # What a method that takes a mask is shown in the hole decides its pixels.
    hole = [HOLE_FILL] if method.mask_source else []
    handed_on = [CHAIN_HANDS_ON] if is_chain(method) else []
    content = [entry, [fingerprint(cls) for cls in classes], contents(method), suite.precision, suite.batch_size, hole]
    return digest([*content, *handed_on, *library_versions(classes)])


def library_versions(classes: Sequence[type]) -> list[list[str]]:
    """``[distribution, version]`` of what methods depend on beyond ``LIBRARIES``; "" for one that is not here."""
    return [[name, version_of(name)] for cls in classes for name in libraries_of(cls)]


def measure_hash(kind: str, entry: Entry, suite: Suite, truth: bool) -> str:
    """What a metric ("metric") or matcher ("matcher") is and what of an image it is asked for; ``truth`` where it measures
    the truths themselves, which have one output and no hole."""
    content = suite.model_dump(mode="json")
    if kind == "metric":
        cls = METRICS.get(entry.id)
        supported = METRICS.card(entry.id).regions
        asked = [] if truth else [content["outputs"], [region for region in content["regions"] if region in supported]]
    else:
        cls = MATCHERS.get(entry.id)
        asked = [_detector(suite), [] if truth else content["matcher_outputs"]]
    return digest([kind, entry.model_dump(mode="json"), fingerprint(cls), contents(entry), asked])


def restoration_key(sample: str, method: str, faces: str) -> str:
    """The key of a restoration: hashes of its condition, its method and its faces."""
    return digest([sample, method, faces])[:KEY_LENGTH]


def measurement_key(restoration: str, measure: str) -> str:
    """The key of a measurement: the restoration's, and the hash of the metric or matcher."""
    return digest([restoration, measure])[:KEY_LENGTH]


def segmenter_of(method: MethodEntry, suite: Suite) -> str:
    """The segmenter behind a method's predicted masks."""
    return method.mask_source.partition(":")[2] or suite.segmenter


def _detector(suite: Suite) -> str:
    """Whose landmarks a matcher is given: the truth's, or a detector's by its signature."""
    return detector_named(suite.detector).signature if suite.detector else suite.landmarks
