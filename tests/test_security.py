"""SECURITY.md promises nothing without a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
NAMED = re.compile(r"`(?:(tests/[\w/]+\.py))?(?:::(test_\w+))?`")


def test_every_promise_names_tests_that_exist() -> None:
    text = (CHECKOUT / "SECURITY.md").read_text(encoding="utf-8")
    promises = text.partition("## Promises")[2].partition("\n## ")[0]
    rows = [line for line in promises.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 10
    for row in rows:
        file = ""
        found = [match for match in NAMED.finditer(row.rpartition(" | ")[2]) if match[1] or match[2]]
        assert found, f"no test is named for: {row}"
        for match in found:
            file = match[1] or file
            source = (CHECKOUT / file).read_text(encoding="utf-8")
            assert not match[2] or f"def {match[2]}(" in source, f"{file} has no {match[2]}"
