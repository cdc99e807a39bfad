"""axe-core finds nothing on the pages of a run, a history and submissions: light and dark, at a desk and on a phone.

axe-core is no dependency: ``npm pack axe-core && tar xzf axe-core-*.tgz`` anywhere, and name its ``package/axe.min.js`` in
``UNMASKBENCH_AXE``; tox hands that on. What the project holds its pages to without it is in ``test_access.py``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.browser.page_parts import VIEWS, seen_at
from tests.browser.test_history import two_runs
from tests.submissions.makers import finished

pytestmark = pytest.mark.browser

AXE = os.environ.get("UNMASKBENCH_AXE", "")
SIZES = {"desktop": (1400, 900), "phone": (360, 740)}
CARDS = ("card=method%3Alama", "card=metric%3Alpips")
JOINT = ("", "view=leaderboard", "view=compare", "view=cards", "view=reproduce")
# axe looks at nothing below the fold of a fixed box: every fold is opened, and a card is laid out at its full height.
UNFOLD = """
for (const fold of document.querySelectorAll('details:not(.picker)')) fold.open = true;
const card = document.getElementById('card');
if (card?.open) Object.assign(card.style, {position: 'absolute', margin: '0 auto', maxHeight: 'none'});
"""
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
        pytest.skip("needs axe-core: npm pack axe-core && tar xzf axe-core-*.tgz; UNMASKBENCH_AXE=package/axe.min.js")
    return Path(AXE).read_text(encoding="utf-8")


def found_by_axe(driver: Any, axe: str) -> dict[str, Any]:
    """What axe says of the page as it stands, with every fold open."""
    driver.execute_script(UNFOLD)
    driver.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    driver.set_script_timeout(120)
    found: dict[str, Any] = driver.execute_async_script(RUN)
    assert found["passes"] > 10
    return found


@pytest.fixture(scope="module")
def pages(address: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """file:// addresses of the three kinds of page."""
    from unmaskbench.benchmark.host.text import json_text
    from unmaskbench.benchmark.submissions.joint import gather, joint_board
    from unmaskbench.benchmark.submissions.pack import submit
    from unmaskbench.reports.history_page import render_history
    from unmaskbench.reports.site import render

    root = tmp_path_factory.mktemp("pages")
    with tiny.registered():
        for name, method in (("anna", "tiny_fill"), ("bert", "telea")):
            submit(finished(root / name, method), root / "results")
        (root / "results" / "broken").mkdir()
        (root / "results" / "broken" / "submission.json").write_text("{}", encoding="utf-8")
        found = gather(root / "results")
        assert (len(found.accepted), len(found.refused)) == (2, 1)
        (root / "joint").mkdir()
        (root / "joint" / "board.json").write_text(json_text(joint_board(found, "results")), encoding="utf-8")
    return {
        "run": address,
        "history": render_history(two_runs(), root).as_uri(),
        "leaderboard": render([root / "joint"], root / "joint", figures_limit=4).as_uri(),
    }


@pytest.mark.parametrize("kind", ["run", "history", "leaderboard"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_has_a_violation(
    driver: Any, visit: Callable[[str], None], axe: str, pages: dict[str, str], kind: str, size: str, dark: bool
) -> None:
    width, height = SIZES[size]
    seen_at(driver, width, height, dark)
    places = {"run": [*(f"view={view}" for view in VIEWS), *CARDS], "history": [""], "leaderboard": JOINT}[kind]
    told = []
    for place in places:
        if kind == "history":
            driver.get(pages[kind])
        else:
            visit(f"{pages[kind]}#{place}")
        found = found_by_axe(driver, axe)
        told += [f"{place}: {line}" for line in found["violations"] + found["undecided"]]
    assert told == []
