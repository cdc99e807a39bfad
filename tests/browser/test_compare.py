"""A against B: what stands there are the board's own paired differences, turned the right way, and faces sorted by difference."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.page_parts import find, find_all

pytestmark = pytest.mark.browser

Open = Callable[..., Any]
GOLDEN = Path(__file__).parents[1] / "golden" / "board_small" / "board.json"
ROWS = """
return [...document.querySelectorAll('#compare table tbody tr.paired')].map(r => [...r.cells].map(c => c.innerText));
"""


def stored(a: str, b: str, metric: str, region: str) -> tuple[float, float, float]:
    """The board's difference a minus b and its interval, in the first context."""
    for r in json.loads(GOLDEN.read_text(encoding="utf-8"))["differences"]:
        if (r["dataset"], r["occlusion"], r["output"]) != ("lfw", "medical_mask", "composite"):
            continue
        if (r["metric"], r["region"]) == (metric, region):
            if (r["method_a"], r["method_b"]) == (a, b):
                return r["difference"], r["low"], r["high"]
            if (r["method_a"], r["method_b"]) == (b, a):
                return -r["difference"], -r["high"], -r["low"]
    raise AssertionError(f"no difference of {a} and {b} in {metric} {region}")


def numbers(cell: str) -> tuple[float, float, float]:
    difference, _, interval = cell.replace("\u2212", "-").replace("+", "").partition("\n")
    low, high = interval.split(" to ")
    return float(difference), float(low), float(high)


@pytest.mark.parametrize(("a", "b"), [("psp_unmask", "lama"), ("lama", "psp_unmask")])
def test_differences_are_the_boards_own_turned_to_a_minus_b(open_page: Open, a: str, b: str) -> None:
    driver = open_page(f"view=compare&a={a}&b={b}")
    rows = {row[0].replace("\n", " "): row for row in driver.execute_script(ROWS)}
    for name, metric, region, scale in (
        ("LPIPS hole", "lpips", "hole", 1),
        ("PSNR, dB whole", "psnr", "whole", 1),
        ("FNMR, % UT, FMR 0.1 %, kept, edgeface", "fnmr@0.001", "edgeface", 100),
    ):
        row = rows[name.replace("0.1 %", "0.1\u00a0%")]
        expected = [scale * value for value in stored(a, b, metric, region)]
        assert numbers(row[1]) == pytest.approx(expected, abs=0.006)
    titles = {"psp_unmask": "pSp-unmask", "lama": "LaMa"}
    # lower is better in LPIPS, and LaMa's is lower: whichever of the two is called A
    assert rows["LPIPS hole"][2].endswith("LaMa is better")
    assert rows["LPIPS hole"][2][0] == ("●" if a == "lama" else "○")
    assert find(driver, "#compare-answer").text.count(titles[a]) == 1


def test_the_sentence_counts_the_rows_and_a_judge_of_the_training_decides_nothing(open_page: Open) -> None:
    driver = open_page("view=compare&a=psp_unmask&b=modified_vnet")
    found = [row[2] for row in driver.execute_script(ROWS)]
    assert len(found) == 10
    dependent = [row for row in driver.execute_script(ROWS) if "compact" in row[0]]
    assert [row[2] for row in dependent] == 2 * ["† no independent judge"]
    counts = [sum(words.startswith(mark) for words in found) for mark in "●○·†"]
    assert find(driver, "#compare-answer").text == (
        f"Of 10 paired differences here, pSp-unmask is better in {counts[0]}, Modified V-Net in {counts[1]}; "
        f"{counts[2]} are not told apart, and 2 have no independent judge."
    )
    # what has no paired test says so, and gets no interval made up of two
    alone = driver.execute_script(
        "return [...document.querySelectorAll('#compare tr.unpaired')].map(r => [...r.cells].map(c => c.innerText))"
    )
    assert alone
    assert all([row[1], row[2], row[5]] == ["–", "no paired test is stored", "–"] for row in alone)


def test_a_phone_shows_by_how_much_and_which_is_better_without_a_sideways_scroll(open_page: Open) -> None:
    driver = open_page("view=compare&a=psp_unmask&b=lama", width=360, height=740)
    inside = driver.execute_script("""
        const room = document.querySelector('#compare .scroll').getBoundingClientRect();
        const seen = (n) => n.getBoundingClientRect().right <= Math.min(room.right, innerWidth) + 1;
        return [...document.querySelectorAll('#compare thead th')].filter(seen).map((n) => n.innerText);
    """)
    assert inside[:3] == ["Value", "A − B", "Which is better?"]
    assert driver.execute_script("return document.querySelector('#compare .scroll').scrollLeft") == 0


def test_faces_are_sorted_by_difference_and_under_one_divider(open_page: Open) -> None:
    from selenium.webdriver.common.keys import Keys

    driver = open_page("view=compare&a=lama&b=telea&gk=psnr%2Fhole%2Fcomposite")
    board = json.loads(GOLDEN.read_text(encoding="utf-8"))
    gains = {}
    for g in board["gallery"]:
        values = [g["methods"][m]["scores"].get("psnr/hole/composite") for m in ("lama", "telea")]
        if g["occlusion"] == "medical_mask":
            gains[g["sample"]] = values[0] - values[1]
    labels = [f.get_attribute("aria-label") for f in find_all(driver, "#compare .duels button")]
    assert [words.split(":")[0] for words in labels] == sorted(gains, key=lambda s: -gains[s])
    for words in labels:
        sample, _, told = words.partition(": ")
        side, amount = told.split(" by ")
        assert side == ("A" if gains[sample] > 0 else "B")
        assert float(amount) == pytest.approx(abs(gains[sample]), abs=0.006)
    clip = "return getComputedStyle(document.querySelector('#compare .compare .before')).clipPath"
    before = driver.execute_script(clip)
    find(driver, "#versus").send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert driver.execute_script(clip) != before
    find_all(driver, "#compare .duels button")[-1].click()
    assert find(driver, "#versus-place").text.startswith(labels[-1])
    assert driver.execute_script("return document.activeElement.dataset.face") == str(len(labels) - 1)
    alternatives = [i.get_attribute("alt") for i in find_all(driver, "#compare .compare img")]
    assert alternatives == ["B: Telea fast marching", "A: LaMa"]
    assert find(driver, "#won").text.startswith("psnr, hole: A is better on 16 and B on 0 of the 16 faces")


def test_counts_turn_with_the_methods(open_page: Open) -> None:
    driver = open_page("view=compare&a=telea&b=lama&gk=psnr%2Fhole%2Fcomposite")
    assert find(driver, "#won").text.startswith("psnr, hole: A is better on 0 and B on 16 of the 16 faces")


def test_a_comparison_is_shared_by_its_address(open_page: Open) -> None:
    driver = open_page("view=compare")
    first = [f.get_attribute("value") for f in find_all(driver, "#compare-tools select")]
    assert first == ["psp_unmask", "modified_vnet"]
    find(driver, "#compare-tools button").click()  # swap
    href = find(driver, "#share").get_attribute("href").partition("#")[2]
    assert {"a=modified_vnet", "b=psp_unmask"} <= set(href.split("&"))
    driver = open_page(href)
    assert [f.get_attribute("value") for f in find_all(driver, "#compare-tools select")] == first[::-1]


@pytest.mark.parametrize(
    ("fragment", "told"),
    [
        ("a=nobody&b=lama", "“nobody”: not on this page."),
        ("a=%3Cscript%3E&b=gone", "“<script>” and “gone”: not on this page."),
        ("a=lama&b=lama", "Choose two different methods."),
    ],
)
def test_an_absent_pair_says_so(open_page: Open, fragment: str, told: str) -> None:
    driver = open_page(f"view=compare&{fragment}")
    assert find(driver, "#absent").text.startswith(told)
    assert not find_all(driver, "#compare table")


def test_ways_lead_to_it(open_page: Open) -> None:
    driver = open_page()
    find(driver, "#against").click()
    assert find(driver, "#view-compare").is_displayed()
    driver = open_page("view=leaderboard")
    find(driver, '[data-pair="lama|telea"]').click()
    assert [f.get_attribute("value") for f in find_all(driver, "#compare-tools select")] == ["lama", "telea"]
    driver = open_page("card=method%3Alama")
    find_all(driver, "#card-body > p button")[-1].click()
    assert find_all(driver, "#compare-tools select")[0].get_attribute("value") == "lama"
    assert not find(driver, "#card").is_displayed()
