"""Photographs for which nobody asked for a crop: whole where faces fill them, the square around each face where they are small.

A suite's file is taken as it stands. On the command line a folder of photographs is most often an album, whose centre square
holds more wall than face: the occlusion, the methods and their scores would then be about the wall.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from statistics import median

from unmaskbench.benchmark.host.threads import one_thread
from unmaskbench.benchmark.plan.entries import Crop, DatasetEntry, FaceSquare
from unmaskbench.benchmark.plan.geometry import fit
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.units import build_dataset
from unmaskbench.benchmark.plugins.data_hooks import face_finder_of
from unmaskbench.benchmark.plugins.types import Dataset, Face

SMALL_EYES = 0.15
"""Eyes that stand nearer together than this share of the picture's side mean a face of half its width or less: most of what a
method is shown, and is scored on, is then no face."""
LOOKED_AT = 40
"""At most so many photographs, evenly spread, decide; what is found in them is remembered."""


def with_face_crop(suite: Suite, listener: Listener) -> Suite:
    """The suite, with ``crop: face`` for each dataset that finds faces in photographs, has no crop of its own or of the suite,
    and whose faces are small. A person is told. Raises the registry's errors where a dataset cannot be opened."""
    if suite.crop != Crop():
        return suite
    entries = []
    for entry in suite.datasets:
        apart = None if entry.crop is not None else _apart_in(entry, suite)
        if apart is not None and apart < SMALL_EYES:
            listener.note(
                f"{entry.label}: faces are small in their pictures (the eyes stand {100 * apart:.0f} % of the side apart), so "
                "the square around each face is taken, as --crop face does; --crop none keeps the whole picture"
            )
            entry = entry.model_copy(update={"crop": Crop(face=FaceSquare())})
        entries.append(entry)
    return suite if entries == suite.datasets else suite.replaced(datasets=[entry.model_dump() for entry in entries])


def eyes_apart(faces: Sequence[Face]) -> float | None:
    """The median distance of the eyes as a share of the picture's side; None where no face has landmarks."""
    apart = [
        float((face.landmarks[0] - face.landmarks[1]).norm()) / face.image.shape[-1]
        for face in faces
        if face.landmarks is not None
    ]
    return median(apart) if apart else None


@one_thread()
def _apart_in(entry: DatasetEntry, suite: Suite) -> float | None:
    """How far eyes stand apart in a dataset's whole pictures; None where it is no folder of photographs."""
    dataset: Dataset = build_dataset(entry, suite.size)
    if face_finder_of(dataset) is None:
        return None
    step = max(1, -(-len(dataset) // LOOKED_AT))
    faces = []
    for index in range(0, len(dataset), step):
        with contextlib.suppress(Exception):  # a photograph without a face, or torn, becomes a row that says so
            faces.append(fit(dataset[index], Crop(), suite.size))
    return eyes_apart(faces)
