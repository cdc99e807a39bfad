"""Before anything is computed: whether faces that should be bare are covered already, as a segmenter sees them, and whether
they are large enough to be told.

A mask drawn over a mask would call cloth the truth, and a gallery photograph with a mask is none to set a threshold by.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch

from unmaskbench.benchmark.host.threads import one_thread
from unmaskbench.benchmark.plan.entries import DatasetEntry
from unmaskbench.benchmark.plan.geometry import fit
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.roles import is_worn
from unmaskbench.benchmark.plan.units import Plan
from unmaskbench.benchmark.plugins.data_hooks import draws
from unmaskbench.benchmark.plugins.registry import OCCLUSIONS, SEGMENTERS
from unmaskbench.benchmark.plugins.types import Face, FiledDataset, Segmenter
from unmaskbench.benchmark.run.default_crop import SMALL_EYES, eyes_apart
from unmaskbench.benchmark.run.metric_calls import describe
from unmaskbench.benchmark.run.process_state import undisturbed
from unmaskbench.benchmark.run.restore import segmented

LOOKED_AT = 100
"""At most so many faces of a dataset are looked at, evenly spread."""
COVERED_SHARE = 0.1
"""A face counts as covered from this share of its pixels on: a worn mask has twice that, beards and hands have less."""
FEW = 0.05
"""Up to this share of the faces a segmenter may be wrong about; nothing is said of so few."""


def warn_of_covered(planned: Plan, listener: Listener) -> None:
    """Tell a person, once a dataset, how many faces that an occlusion is drawn on, or that stand for bare ones, seem to be
    covered. Photographs alone are looked at, and nothing is said where the segmenter's weights are not here. A segmenter that
    breaks costs this sentence and no figure."""
    try:
        _look(planned, listener)
    except Exception as error:
        listener.note(f"whether faces are covered already was not looked at: {describe(error)}")


def _look(planned: Plan, listener: Listener) -> None:
    suite = planned.suite
    worn = is_worn(suite)
    drawn = any(draws(OCCLUSIONS.build(entry.id, **entry.parameters)) for entry in suite.occlusions)
    if not (worn or drawn) or SEGMENTERS.missing(suite.segmenter):
        return
    roles = ("gallery", "calibration") if worn else ("truth", "gallery", "calibration")
    segmenter: Segmenter | None = None
    for entry in suite.datasets:
        if not isinstance(planned.datasets[entry.label], FiledDataset):
            continue
        used = dict.fromkeys(i for unit in planned.truths() if unit.dataset.label == entry.label for i in unit.samples)
        asked = [index for index in used if planned.samples[entry.label][index].role in roles]
        step = max(1, -(-len(asked) // LOOKED_AT))
        if segmenter is None:
            segmenter = SEGMENTERS.build(suite.segmenter)
            with undisturbed(0, "cpu"):
                segmenter.load("cpu")
        faces = _shown(planned, entry, asked[::step])
        apart = eyes_apart(faces)
        if apart is not None and apart < SMALL_EYES:  # so far away that a segmenter sees anything
            listener.note(
                f"warning: {entry.label}: faces are small in their pictures, the eyes stand {100 * apart:.0f} % of the side "
                "apart; --crop face takes the square around each face"
            )
            continue
        covered = _covered(faces, segmenter, suite.batch_size)
        if len(covered) > FEW * len(faces):
            listener.note(_sentence(entry, len(faces), covered, worn))


@one_thread()
def _shown(planned: Plan, entry: DatasetEntry, indices: Sequence[int]) -> list[Face]:
    """The faces as methods are shown them, without those that cannot be read."""
    suite, dataset = planned.suite, planned.datasets[entry.label]
    faces = []
    for index in indices:
        with contextlib.suppress(Exception):  # a face that cannot be read becomes a row that says so
            faces.append(fit(dataset[index], entry.crop or suite.crop, suite.size))
    return faces


def _covered(faces: Sequence[Face], segmenter: Segmenter, batch_size: int) -> list[str]:
    """The ids of the faces that are covered."""
    covered = []
    for start in range(0, len(faces), batch_size):
        part = faces[start : start + batch_size]
        with torch.inference_mode(), undisturbed(0, "cpu"):
            found = segmented(segmenter, torch.stack([face.image for face in part]), "cpu") > 0.5
        shares = found.float().flatten(1).mean(1).tolist()
        covered += [face.id for face, share in zip(part, shares, strict=True) if share >= COVERED_SHARE]
    return covered


def _sentence(entry: DatasetEntry, looked: int, covered: Sequence[str], worn: bool) -> str:
    seem = (
        f"{len(covered)} of {looked} {'bare photographs' if worn else 'faces'} that were looked at seem to be covered"
    )
    remedy = (
        "a photograph of the gallery shows no mask; give it the role probe or take it out"
        if worn
        else "behind a mask that is drawn over another there is no truth; where people wear masks, give these photographs the "
        "role probe and use the occlusion worn"
    )
    return f"warning: {entry.label}: {seem} already, the first '{covered[0]}': {remedy}"
