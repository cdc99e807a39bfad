"""The pages of real runs in a real browser: a few of the quick suite's heads, and a few photographs where they are here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.page_parts import VIEWS, seen_at

pytestmark = pytest.mark.browser

Visit = Callable[[str], None]


@pytest.fixture(scope="module", params=["quick", "lfw"])
def page(request: pytest.FixtureRequest, driver: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """file:// address of the page of a small run, and the driver that opens it: a skipped browser costs no run."""
    from unmaskbench.benchmark.plan.suite_file import load_suite
    from unmaskbench.benchmark.plugins.registry import MATCHERS
    from unmaskbench.benchmark.run.entry import run
    from unmaskbench.reports.site import render

    suite = load_suite(request.param)
    entry = suite.datasets[0].model_dump() | {"limit": 24}
    changes: dict[str, Any] = {"metrics": ["psnr", "l1"], "occlusions": ["medical_mask"], "gallery": 4}
    changes["statistics"] = {"resamples": 200}
    if request.param == "lfw":
        home: Path = request.getfixturevalue("home")
        entry["root"] = str(home / "data" / "lfw")
    matchers = [] if MATCHERS.missing("compact") else ["compact"]
    folder = tmp_path_factory.mktemp(request.param) / "run"
    run(suite.replaced(datasets=[entry], matchers=matchers, fmr_targets=[0.1], **changes), folder)
    return render([folder], folder, figures_limit=10).as_uri()


def test_every_view_opens_without_error_request_or_sideways_scroll(driver: Any, visit: Visit, page: str) -> None:
    driver.get_log("browser")
    driver.get_log("performance")
    for width in (1280, 360):
        seen_at(driver, width)
        for view in VIEWS:
            visit(f"{page}#view={view}")
            assert driver.find_element("css selector", f"#view-{view}").is_displayed(), view
            assert driver.execute_script("return document.documentElement.scrollWidth") <= width, (view, width)
    assert [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = {
        m["params"]["request"]["url"].partition(":")[0] for m in messages if m["method"] == "Network.requestWillBeSent"
    }
    assert asked <= {"file", "data", "about", "blob"}


def test_the_answer_names_a_method_or_says_that_none_wins(driver: Any, visit: Visit, page: str) -> None:
    visit(f"{page}#all=1")
    headline = driver.find_element("css selector", "#view-overview h1, #view-overview h2").text
    assert headline
    rows = driver.find_elements("css selector", "#view-overview table tbody tr")
    text = " ".join(row.text for row in rows)
    for title in ("Untouched", "Telea", "Navier-Stokes"):
        assert title in text
