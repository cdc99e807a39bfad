"""The page of a history: what moved comes first, a line per method, verdicts to be read without a mouse, no error."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.page_parts import seen_at
from tests.browser.test_access import REACHABLE, SOUND, STRUCTURE, nameless, reached
from unmaskbench.benchmark.gate.timeline import History, Line, Point, Stage
from unmaskbench.benchmark.gate.verdict import State
from unmaskbench.reports.history_page import render_history

pytestmark = pytest.mark.browser

# Of each method its value in two runs, the gate's verdict of the second, and what it says of it.
VALUES: dict[str, tuple[float, float, State, str]] = {
    "untouched": (0.222, 0.222, "same", ""),
    "telea": (0.477, 0.477, "same", ""),
    "lama": (0.53, 0.53, "same", ""),
    "onnx-mine": (0.512, 0.471, "worse", "fell by 0.041 (0.030 to 0.052), more than 0.005"),
    "fd_stackgan": (0.521, 0.534, "better", "rose by 0.013 (0.008 to 0.020)"),
    "h2a_ms2a_gan": (0.55, 0.551, "unclear", ""),
}
STAGES = (
    Stage("monday", "2026-11-23T08:00:00+00:00", "0.1.0", "3f2a9c1d0", "cpu"),
    Stage("tuesday", "2026-11-24T08:00:00+00:00", "0.1.0", "b77e01aa4", "cpu"),
)
BOXES = """
return [...document.querySelector('svg').querySelectorAll('text.name')].map((n) => {
  const box = n.getBoundingClientRect(); return [n.textContent, box.left, box.right, box.top, box.bottom]; });
"""
OUTLINE = "const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]"


def line(method: str, metric: str, direction: str, sign: float) -> Line:
    before, after, state, message = VALUES[method]
    region = "hole" if metric == "ssim" else "compact UT"
    points = [
        Point(stage, value, round(value - 0.02, 3), round(value + 0.02, 3), *more)
        for stage, value, more in (
            (0, 1 - before if sign < 0 else before, ()),
            (1, 1 - after if sign < 0 else after, (state, message)),
        )
    ]
    return Line("synthetic", "medical_mask", metric, region, direction, method, "composite", tuple(points))


def two_runs() -> History:
    """A history in which one method fell, one rose, and a run was left out."""
    lines = [line(method, "ssim", "higher", 1) for method in VALUES]
    lines += [line(method, "fnmr_equal@0.01", "lower", -1) for method in VALUES]
    return History("ab" * 32, STAGES, tuple(lines), ("runs/old is left out: it scored other pixels",), {"ssim": "SSIM"})


@pytest.fixture(scope="module")
def history() -> History:
    return two_runs()


@pytest.fixture
def open_history(driver: Any, history: History, tmp_path: Path) -> Callable[..., Any]:
    address = render_history(history, tmp_path).as_uri()

    def opened(width: int = 1280, dark: bool = False) -> Any:
        seen_at(driver, width, dark=dark)
        driver.get("about:blank")
        for log in ("browser", "performance"):
            driver.get_log(log)
        driver.get(address)
        return driver

    return opened


def texts(driver: Any, selector: str) -> list[str]:
    return [" ".join(str(node.text).split()) for node in driver.find_elements("css selector", selector)]


def test_what_moved_is_the_first_thing_told_with_the_commit(open_history: Callable[..., Any]) -> None:
    driver = open_history()
    assert texts(driver, "h1") == ["What moved over 2 runs"]
    moves = texts(driver, ".moves li")
    assert moves[0] == (
        "onnx-mine, SSIM (hole): ▼ worse, 0.512 to 0.471, between run 1 and 2, commit b77e01aa4 (synthetic, medical_mask; "
        "fell by 0.041 (0.030 to 0.052), more than 0.005)"
    )
    assert [move.split(",")[0] for move in moves] == ["onnx-mine", "onnx-mine", "fd_stackgan", "fd_stackgan"]
    assert moves[1].startswith(
        "onnx-mine, FNMR at equal FMR 1 % (judge: compact): ▼ worse, 48.80 % to 52.90 %, between"
    )
    assert driver.find_element("css selector", ".moves").rect["y"] < 200
    assert {stage.commit for stage in STAGES} <= set(texts(driver, "td"))


def test_each_method_has_a_line_its_name_and_the_gates_verdict(open_history: Callable[..., Any]) -> None:
    driver = open_history()
    assert len(driver.find_elements("css selector", "svg")) == 2
    for plot in driver.find_elements("css selector", "svg"):
        assert len(plot.find_elements("css selector", "polyline")) == len(VALUES)
        assert {node.text for node in plot.find_elements("css selector", "text.name")} == set(VALUES)
        marks = [node.get_attribute("class") for node in plot.find_elements("css selector", "text.verdict")]
        assert sorted(marks) == ["verdict better", "verdict worse"]
    for table in driver.find_elements("css selector", "table")[1:]:
        rows = [row.text for row in table.find_elements("css selector", "tbody tr")]
        assert rows[0].startswith("h2a_ms2a_gan"), "the best of the last run first"
        assert rows[-1].startswith("untouched")
        words = {"same": "same", "worse": "▼ worse", "better": "▲ better", "unclear": "cannot be told"}
        for row in rows:
            assert words[VALUES[row.split()[0]][2]] in row
    shares = [
        node.text for node in driver.find_elements("css selector", "svg")[1].find_elements("css selector", "text")
    ]
    assert any(re.fullmatch(r"\d+ %", tick.replace("\u00a0", " ")) for tick in shares), "percent, as on the board"
    cells = [
        cell.text for cell in driver.find_elements("css selector", "table")[-1].find_elements("css selector", "td")
    ]
    assert cells[0].replace("\u00a0", " ").startswith("45.00 %\n43.00 to 47.00")
    boxes = sorted(driver.execute_script(BOXES), key=lambda box: box[3])
    assert all(above[4] <= below[3] + 4 for above, below in itertools.pairwise(boxes)), "names lie apart"


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (360, False)])
def test_no_error_no_request_and_no_sideways_scrolling_of_the_page(
    open_history: Callable[..., Any], width: int, dark: bool
) -> None:
    driver = open_history(width, dark)
    assert [entry["message"] for entry in driver.get_log("browser")] == []
    asked = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    addresses = [m["params"]["request"]["url"] for m in asked if m["method"] == "Network.requestWillBeSent"]
    assert addresses
    assert all(address.startswith(("file://", "data:")) for address in addresses)
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    paper = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(20, 23, 27)") == dark


def test_the_keyboard_reaches_every_plot_and_table_and_each_has_a_name(open_history: Callable[..., Any]) -> None:
    driver = open_history(360)
    found = driver.execute_script(REACHABLE, "")
    assert len(found) == 5, "the runs, and a plot and a table of each figure, may be wider than a phone"
    assert reached(driver, len(found)) == set(range(len(found)))
    style, outline_px = driver.execute_script(OUTLINE)
    assert style != "none"
    assert outline_px >= 1
    assert nameless(driver) == []
    assert driver.execute_script(STRUCTURE) == SOUND
