"""How well a board's protocol matches that of a published table: computed from what both say of themselves.

The grade is the worst of its findings. ``other`` means that the two figures answer different questions: another data set,
occlusion, size, matcher or split, far fewer samples, or compact weights. ``close`` means that only the paper's silence or its
own drawings stand between. ``same`` needs that nothing differs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from unmaskbench.reports.board import Board, Row

GRADES = ("same", "close", "other")
FEW_SAMPLES = 1000
"""A run of fewer samples is no match for a table whose number of samples is not printed."""


def grade(findings: Sequence[tuple[str, str]]) -> str:
    """The worst grade among ``(grade, sentence)``; ``same`` where there is none."""
    return max((found for found, _ in findings), key=GRADES.index, default="same")


def protocol_findings(
    protocol: Row, board: Board, context: tuple[str, str], foreign: Sequence[str]
) -> list[tuple[str, str]]:
    """What differs between a table's ``protocol`` and the board in a ``context`` (dataset, occlusion), as ``(grade,
    sentence)``; ``foreign`` names what the caller could not match at all."""
    found = [("other", words) for words in foreign]
    size = board.data["run"]["suite"].get("size")
    printed = re.match(r"\d+", str(protocol.get("resolution") or ""))
    if printed is not None and size != int(printed[0]):
        here = "the run records no size" if size is None else f"size is {size} px"
        found.append(("other", f"{here}, not {printed[0]} px"))
    row = next((row for row in board.data["datasets"] if row["dataset"] == context[0]), None)
    if row is not None:
        found += _samples(protocol.get("samples"), row)
        if row["split"] not in ("test", "view2"):
            found.append(("other", f"split is {row['split']}"))
        else:
            found.append(("close", f"split is {row['split']}; the paper does not publish its list"))
    if protocol.get("masks"):
        found.append(("close", "occlusions are drawn anew"))
    return found


def _samples(published: int | None, row: Row) -> list[tuple[str, str]]:
    """What a data set's number of samples differs in; half of the paper's are close."""
    here = row["samples"]
    if published is None:
        return [("other", f"{here} samples; the paper does not print its number")] if here < FEW_SAMPLES else []
    if here * 2 < published:
        return [("other", f"{here} samples, not {published}")]
    return [("close", f"{here} samples, not {published}")] if here != published else []


def weights_findings(method: Row | None) -> list[tuple[str, str]]:
    """What a method's weights differ in; [] for published weights and for figures that need no network."""
    if method is None or method["provenance"] in ("official-weights", "classical"):
        return []
    recipe = (method.get("training_card") or {}).get("recipe")
    if recipe == "paper":
        return [("close", "the network is reimplemented and trained by its paper recipe")]
    if recipe:
        return [("other", f"weights are of the recipe {recipe}, not of the paper's size and data")]
    return [("close", "nothing is known of the weights' training")]
