"""Before anything is computed: the face of every photograph that comes without landmarks, found once and counted."""

from __future__ import annotations

from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.units import Plan
from unmaskbench.benchmark.plugins.data_hooks import face_finder_of

NAMED = 5


def find_faces(planned: Plan, listener: Listener) -> None:
    """Find faces where datasets need them, and tell a person how many were found and where none was.

    What is found is remembered by the dataset; a photograph without a face becomes a skipped sample with that reason.
    """
    for entry in planned.suite.datasets:
        finder = face_finder_of(planned.datasets[entry.label])
        if finder is None:
            continue
        samples = {index for unit in planned.units if unit.dataset.label == entry.label for index in unit.samples}
        asked = finder.undetected(sorted(samples))
        if not asked:
            continue
        listener.begin({"detect": len(asked)})
        reasons: dict[str, str] = {}
        for index in asked:
            if reason := finder.find_face(index):
                reasons[planned.samples[entry.label][index].id] = reason
            listener.advance("detect", 1)
        listener.note(f"{entry.label}: a face was found in {len(asked) - len(reasons)} of {len(asked)} photographs")
        for name, reason in list(reasons.items())[:NAMED]:
            listener.note(f"  {name} is left out: {reason}")
        if len(reasons) > NAMED:
            listener.note(f"  and {len(reasons) - NAMED} more, which the board names")
