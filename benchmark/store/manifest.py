"""The hash of a set of samples: two runs whose manifests differ are never ranked together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from unmaskbench.benchmark.plugins.json_types import JsonMapping

FIELDS = ("dataset", "occlusion", "sample", "truth_sha256", "occluded_sha256", "mask_sha256")


def hash_of(rows: Iterable[JsonMapping]) -> str:
    """sha256 over the pixels' hashes of every sample, whatever the order of the rows."""
    lines = sorted("\t".join(str(row[field]) for field in FIELDS) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
