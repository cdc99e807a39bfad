"""What the roles of photographs mean for a suite, said before anything is computed.

``probe`` wears a mask and is judged, ``gallery`` and ``calibration`` are bare, ``truth`` is a bare face that an occlusion is
drawn on. An occlusion whose card says ``worn`` draws nothing and takes the probes; every other is drawn on bare faces alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from unmaskbench.benchmark.plan.entries import DatasetEntry, Entry
from unmaskbench.benchmark.plan.suite import Suite, SuiteError
from unmaskbench.benchmark.plugins.data_hooks import draws, owns_pairs
from unmaskbench.benchmark.plugins.registry import DATASETS, OCCLUSIONS
from unmaskbench.benchmark.plugins.types import Role, SampleRef


def is_worn(suite: Suite) -> bool:
    """Whether a suite judges masks that people wear. Raises SuiteError where it draws others too: what a method is told of a
    hole, and what it is compared with, differ between the two."""
    worn = [entry.label for entry in suite.occlusions if OCCLUSIONS.card(entry.id).worn]
    if worn and len(worn) < len(suite.occlusions):
        drawn = [entry.label for entry in suite.occlusions if entry.label not in worn]
        raise SuiteError(
            f"occlusions: {', '.join(worn)} and {', '.join(drawn)} do not stand in one suite: behind a worn mask there is no "
            "truth; give two suites"
        )
    return bool(worn)


def masks_given(suite: Suite) -> bool:
    """Whether every dataset of a suite brings masks of its own."""
    return all("masks" in entry.parameters for entry in suite.datasets)


def role_remarks(entry: DatasetEntry, refs: Sequence[SampleRef], suite: Suite) -> list[str]:
    """What is to be said of the roles of a dataset's samples, a sentence each. Raises SuiteError where an occlusion would
    leave nobody to judge."""
    roles: dict[Role, list[SampleRef]] = defaultdict(list)
    for ref in refs:
        roles[ref.role].append(ref)
    if is_worn(suite):
        return _worn_remarks(entry, roles, suite)
    return [
        *_drawn_remarks(entry, len(roles["probe"]), len(refs), suite.occlusions),
        *(_lone_remarks(entry, refs) if suite.matchers and owns_pairs(DATASETS.get(entry.id)) else []),
    ]


def _lone_remarks(entry: DatasetEntry, refs: Sequence[SampleRef]) -> list[str]:
    """A sentence on people with one photograph, for whose photographs a person can add others."""
    people = Counter(ref.identity for ref in refs if ref.identity is not None)
    lone = sorted(name for name, count in people.items() if count == 1)
    if not lone:
        return []
    return [
        f"{entry.label}: {len(lone)} of {len(people)} people {'has' if len(lone) == 1 else 'have'} one photograph, the first "
        f"'{lone[0]}': {'it stands' if len(lone) == 1 else 'they stand'} in impostor pairs alone"
    ]


def _drawn_remarks(entry: DatasetEntry, probes: int, of: int, occlusions: Sequence[Entry]) -> list[str]:
    over = [
        occlusion.label
        for occlusion in occlusions
        if probes and draws(OCCLUSIONS.build(occlusion.id, **occlusion.parameters))
    ]
    if not over:
        return []
    if probes == of and len(over) == len(occlusions):
        raise SuiteError(
            f"dataset '{entry.label}': all of its {of} photographs show masks that people wear, and {', '.join(over)} "
            f"{'is' if len(over) == 1 else 'are'} not drawn over them; use the occlusion worn"
        )
    return [
        f"{entry.label}: {probes} of {of} photographs show masks that people wear; {', '.join(over)} "
        f"{'is' if len(over) == 1 else 'are'} not drawn over them (the occlusion worn judges them)"
    ]


def _worn_remarks(entry: DatasetEntry, roles: dict[Role, list[SampleRef]], suite: Suite) -> list[str]:
    names = ", ".join(occlusion.label for occlusion in suite.occlusions)
    if not roles["probe"]:
        raise SuiteError(
            f"dataset '{entry.label}': no photograph has the role probe, and {names} judges those alone: say in labels.csv "
            "(id,role) which photographs show a worn mask (probe) and which are bare (gallery)"
        )
    found = []
    if roles["truth"]:
        found.append(
            f"{entry.label}: {len(roles['truth'])} photographs have the role truth and stand aside under {names}, the first "
            f"'{roles['truth'][0].id}': give them probe, gallery or calibration"
        )
    if suite.matchers:
        found += _people_remarks(entry, roles)
    return found


def _people_remarks(entry: DatasetEntry, roles: dict[Role, list[SampleRef]]) -> list[str]:
    if not roles["gallery"]:
        return [
            f"{entry.label}: no photograph has the role gallery: there is nothing that a matcher could compare with"
        ]
    found = []
    people = {role: {ref.identity for ref in refs} - {None} for role, refs in roles.items()}
    nobody = [ref.id for ref in roles["probe"] if ref.identity is None]
    if nobody:
        found.append(
            f"{entry.label}: {len(nobody)} worn photographs are nobody's and are not compared: '{nobody[0]}' ..."
        )
    alone = sorted(str(name) for name in people["probe"] - people["gallery"])
    if alone:
        held = Counter(str(ref.identity) for refs in roles.values() for ref in refs)
        once = sum(held[name] == 1 for name in alone)
        one = f" ({once} of them {'has' if once == 1 else 'have'} one photograph)" if once else ""
        found.append(
            f"{entry.label}: {len(alone)} people have a worn photograph and no bare one in the gallery{one}, the first "
            f"'{alone[0]}': they stand in impostor pairs alone"
        )
    shared = sorted(str(name) for name in people.get("calibration", set()) & people["probe"])
    if shared:
        found.append(
            f"warning: {entry.label}: calibration shares {len(shared)} people with the probes, the first '{shared[0]}': "
            "thresholds are then set on people who are judged by them; use others"
        )
    return found
