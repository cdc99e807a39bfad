"""SECURITY.md and docs/robustness.md promise nothing without a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
NAMED = re.compile(r"`(?:((?:tests/[\w/]+|test_\w+)\.py))?(?:::(test_\w+))?`")
PAGES = {
    "SECURITY.md": ("## Promises", 20),
    "docs/robustness.md": ("## The run is ended", 10),
    "docs/robustness.md, figures": ("## Nobody gains by failing", 15),
}


@pytest.mark.parametrize("page", PAGES)
def test_every_promise_names_tests_that_exist(page: str) -> None:
    heading, least = PAGES[page]
    text = (CHECKOUT / page.partition(",")[0]).read_text(encoding="utf-8")
    promises = text.partition(heading)[2].partition("\n## ")[0]
    rows = [line for line in promises.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= least
    for row in rows:
        file = ""
        found = [match for match in NAMED.finditer(row.rpartition(" | ")[2]) if match[1] or match[2]]
        assert found, f"no test is named for: {row}"
        for match in found:
            file = match[1] or file
            # a table of faults names its tests within their folder
            place = CHECKOUT / file if file.startswith("tests/") else CHECKOUT / "tests" / "faults" / file
            source = place.read_text(encoding="utf-8")
            assert not match[2] or f"def {match[2]}(" in source, f"{file} has no {match[2]}"
