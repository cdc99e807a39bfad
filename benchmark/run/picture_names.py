"""Where a run folder has its pictures, and what they are called in tables that come from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from unmaskbench.benchmark.plan.named_source import default_label
from unmaskbench.benchmark.plan.suite import Suite, digest
from unmaskbench.benchmark.plan.units import Plan


def image_path(dataset: str, occlusion: str, sample: str) -> str:
    """The folder of a sample's images, with nothing in a sample's name that could lead elsewhere."""
    parts = [default_label(part) for part in PurePosixPath(sample).parts if part not in ("..", "/", ".")]
    if "/".join(parts) != sample:  # two names that differ only in what was taken out must not share a folder
        parts[-1:] = [f"{parts[-1] if parts else ''}-{digest(sample)[:8]}"]
    return "/".join(["images", dataset, occlusion, *parts])


def truth_picture(dataset: str, occlusion: str, sample: str) -> str:
    """The truth of a sample, below the run folder."""
    return f"{image_path(dataset, occlusion, sample)}/truth.png"


def occluded_picture(dataset: str, occlusion: str, sample: str) -> str:
    """The occluded face of a sample, below the run folder."""
    return f"{image_path(dataset, occlusion, sample)}/occluded.png"


def restored_picture(dataset: str, occlusion: str, sample: str, method: str, output: str) -> str:
    """A method's restoration of a sample, below the run folder; untouched's is the occluded face."""
    if method == "untouched":
        return occluded_picture(dataset, occlusion, sample)
    return f"{image_path(dataset, occlusion, sample)}/{method}.{output}.png"


def compared_pictures(planned: Plan) -> Iterator[str]:
    """Every picture that a matcher of a plan could be asked for."""
    suite: Suite = planned.suite
    for unit in planned.restorations():
        refs, where = planned.samples[unit.dataset.label], (unit.dataset.label, unit.occlusion.label)
        for index in unit.samples:
            yield truth_picture(*where, refs[index].id)
            for output in suite.matcher_outputs:
                yield restored_picture(*where, refs[index].id, unit.method_label, output)
