"""What may be the id of a sample."""

from __future__ import annotations

from collections.abc import Sequence

from unmaskbench.benchmark.plan.entries import DatasetEntry
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.plugins.types import SampleRef


def check_ids(entry: DatasetEntry, refs: Sequence[SampleRef]) -> None:
    """Raise SuiteError where two samples share an id, or an id could lead out of a folder of images named by it."""
    seen: set[str] = set()
    for ref in refs:
        if ref.id in seen:
            raise SuiteError(f"dataset '{entry.label}': two samples have the id '{ref.id}'")
        if not ref.id or ref.id.startswith("/") or "\0" in ref.id or ".." in ref.id.split("/"):
            raise SuiteError(
                f"dataset '{entry.label}': '{ref.id}' cannot be a sample's id (empty, or a path that climbs)"
            )
        if not ref.id.isprintable() and ref.id != ref.id.encode("utf-8", "replace").decode("utf-8"):
            shown = ref.id.encode("utf-8", "backslashreplace").decode("utf-8")
            raise SuiteError(f"dataset '{entry.label}': the name '{shown}' is no UTF-8; rename its file")
        seen.add(ref.id)
