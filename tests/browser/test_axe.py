"""axe-core finds nothing on any view: light and dark, at a desk and on a phone.

axe-core is no dependency: ``npm pack axe-core``, unpack it, and name its ``axe.min.js`` in ``UNMASKBENCH_AXE``. What the
project holds its page to without it is in ``test_access.py``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

AXE = os.environ.get("UNMASKBENCH_AXE", "")
SIZES = {"desktop": (1400, 900), "phone": (360, 740)}
# What axe cannot decide is told too where it is about contrast: it then names the colours that it saw.
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations', 'incomplete']}).then((found) => done({
  violations: found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`)),
  undecided: found.incomplete.filter((v) => v.id === 'color-contrast').flatMap((v) => v.nodes
    .filter((n) => n.any.some((c) => c.data?.contrastRatio && c.data.contrastRatio < 4.5))
    .map((n) => `${n.target.join(' ')}: ${n.any[0].message}`)),
  passes: found.passes.length,
}), (error) => done({violations: [String(error)], undecided: [], passes: 0}));
"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    if not AXE:
        pytest.skip("needs axe-core: npm pack axe-core, unpack it, and name its axe.min.js in UNMASKBENCH_AXE")
    return Path(AXE).read_text(encoding="utf-8")


def found_by_axe(driver: Any, axe: str) -> dict[str, Any]:
    """What axe says of the page as it stands, with every fold open."""
    driver.execute_script("for (const d of document.querySelectorAll('details:not(.picker)')) d.open = true")
    driver.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    driver.set_script_timeout(120)
    found: dict[str, Any] = driver.execute_async_script(RUN)
    assert found["passes"] > 10
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_view_has_a_violation(open_page: Callable[..., Any], axe: str, dark: bool, size: str) -> None:
    width, height = SIZES[size]
    driver = open_page("", width, dark, height)
    views = driver.execute_script("return [...document.querySelectorAll('[role=tab]')].map((tab) => tab.dataset.view)")
    assert len(views) > 8
    told = []
    for place in [*(f"view={view}" for view in views), "card=method%3Alama", "card=metric%3Alpips"]:
        driver = open_page(place, width, dark, height)
        found = found_by_axe(driver, axe)
        told += [f"{place}: {line}" for line in found["violations"] + found["undecided"]]
    assert told == []
