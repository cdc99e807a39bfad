"""A against B of two runs on one page: paired differences of both runs' rows, or the sentence that says why there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from unmaskbench.benchmark.board.between_runs import differences_between
from unmaskbench.benchmark.run.entry import run
from unmaskbench.reports.site import render

pytestmark = pytest.mark.browser

FACES = {"id": "tiny_faces", "parameters": {"identities": 8, "each": 3}}
ASKED = {
    "datasets": [FACES],
    "metrics": ["psnr", "l1"],
    "pairs": {"impostors": "all"},
    "fmr_targets": [0.1],
    "gallery": 3,
}
ROWS = "return [...document.querySelectorAll('#compare tr.paired')].map(r => [...r.cells].map(c => c.innerText))"
Visit = Callable[[str], None]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Runs before and after a method was changed, and one of other pairs."""
    root = tmp_path_factory.mktemp("two")
    changed = {"id": "tiny_odd", "label": "tiny_fill", "parameters": {"mode": "double"}}
    with tiny.registered():
        made = {
            name: run(
                tiny.suite(methods=["untouched", method], **ASKED | {"name": name} | more), root / name, speed=False
            )
            for name, method, more in (
                ("before", "tiny_fill", {}), ("after", changed, {}), ("other", "tiny_fill", {"pairs": {"impostors": 40}}),
            )
        }  # fmt: skip
        yield made


def page(folders: dict[str, Path], out: Path, *names: str) -> str:
    return render([folders[name] for name in names], out, figures_limit=1).as_uri()


def number(text: str) -> float:
    return float(text.replace("\u2212", "-").replace("+", ""))


def test_one_method_of_two_runs_side_by_side(
    driver: Any, visit: Visit, folders: dict[str, Path], tmp_path: Path
) -> None:
    visit(f"{page(folders, tmp_path, 'before', 'after')}#view=compare&run=1&a=tiny_fill")
    # boards stand in the order of their names: the second is "before"
    driver.find_element("css selector", "#elsewhere a").click()
    assert {"rb=0", "b=tiny_fill"} <= set(driver.execute_script("return location.hash").strip("#").split("&"))
    groups = driver.execute_script("return [...document.querySelectorAll('#compare-tools optgroup')].map(g => g.label)")
    assert groups == ["after", "before"]
    output = driver.execute_script("return context().split('/')[2]")
    occlusion = driver.execute_script("return context().split('/')[1]")
    expected = {
        (d.metric, d.region): d
        for d in differences_between([folders["before"]], [folders["after"]])
        if (d.method_a, d.method_b, d.output, d.occlusion) == ("tiny_fill", "tiny_fill", output, occlusion)
    }
    rows = {row[0].replace("\n", " ").partition("\u00a0")[0]: row for row in driver.execute_script(ROWS)}
    assert len(rows) == len(expected) > 3
    row, stored = rows["Peak signal-to-noise ratio, dB hole"], expected["psnr", "hole"]
    shown, _, interval = row[1].partition("\n")
    assert number(shown) == pytest.approx(stored.difference, abs=0.006)
    assert [number(end) for end in interval.split(" to ")] == pytest.approx([stored.low, stored.high], abs=0.006)
    values = [number(row[at].partition("\n")[0]) for at in (3, 4)]
    assert values[0] - values[1] == pytest.approx(stored.difference, abs=0.011)
    answer = driver.find_element("css selector", "#compare-answer").text
    assert answer.startswith(f"Of {len(rows)} paired differences here, ")
    assert "(before) is better in" in answer
    assert "one population" in answer
    pictures = driver.execute_script("return [...document.querySelectorAll('#compare .compare img')].map(i => i.src)")
    assert len(set(pictures)) == 2
    driver.find_element("css selector", "#compare-tools button").click()  # swap: the other run is A's now
    turned = {row[0].replace("\n", " ").partition("\u00a0")[0]: row for row in driver.execute_script(ROWS)}
    assert number(turned["Peak signal-to-noise ratio, dB hole"][1].partition("\n")[0]) == pytest.approx(
        -stored.difference, abs=0.006
    )
    assert turned["Peak signal-to-noise ratio, dB hole"][3] == row[4]


def test_runs_of_other_pairs_have_values_and_a_sentence(
    driver: Any, visit: Visit, folders: dict[str, Path], tmp_path: Path
) -> None:
    visit(f"{page(folders, tmp_path, 'before', 'other')}#view=compare&a=tiny_fill&b=tiny_fill&rb=1")
    answer = driver.find_element("css selector", "#compare-answer").text
    assert answer.startswith("There is no paired difference between before and other: their suites differ in pairs.")
    assert driver.execute_script(ROWS) == []
    alone = driver.execute_script(ROWS.replace("paired", "unpaired"))
    assert len(alone) > 3
    assert all(row[3] != "–" and row[4] != "–" for row in alone)
