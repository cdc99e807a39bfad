"""The first screen answers: one sentence, the faces behind it, the first rows of the table, without scrolling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser

Open = Callable[..., Any]
# Of every face: its alternative text, whether it has pixels, and where its lower edge lies in the window.
FACES = """
return [...document.querySelectorAll('[data-run]:not([hidden]) [data-faces] img')].map(
  (i) => [i.alt, i.naturalWidth > 0, i.getBoundingClientRect().bottom]);
"""
TITLES = "return [...document.querySelectorAll('#short tbody th .method')].map(n => n.textContent)"


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (360, 740)], ids=["desktop", "phone"])
def test_faces_stand_under_the_answer_without_scrolling(open_page: Open, width: int, height: int) -> None:
    driver = open_page(width=width, height=height)
    headline = driver.find_element("css selector", "[data-headline]").rect
    faces = driver.execute_script(FACES)
    assert [words for words, _, _ in faces] == 2 * ["Occluded", "Restored by pSp-unmask", "Truth"]
    assert all(drawn for _, drawn, _ in faces)
    assert all(headline["y"] + headline["height"] < bottom <= height for _, _, bottom in faces)
    assert driver.execute_script("return scrollY") == 0
    typical, worst = [n.text for n in driver.find_elements("css selector", "[data-faces] .note")]
    assert typical.startswith("A typical face, similarity ")
    assert worst.startswith("Its worst case here, similarity ")
    assert float(worst.split("similarity ")[1][:5]) < float(typical.split("similarity ")[1][:5])


def test_a_figure_that_hardly_a_face_has_hides_no_other_face(open_page: Open) -> None:
    """Who is on one photograph alone stands in no trial and has no similarity to a judge."""
    ranked = """
      const own = board().gallery.filter((g) => `${g.dataset}/${g.occlusion}` === context().split("/").slice(0, 2).join("/"));
      for (const g of own.slice(1)) for (const shown of Object.values(g.methods))
        for (const name of Object.keys(shown.scores)) if (name.startsWith("similarity/")) delete shown.scores[name];
      const found = rankedFaces("psp_unmask");
      return [own.length, found.samples.length, found.score];
    """
    faces, shown, score = open_page().execute_script(ranked)
    assert shown == faces > 2
    assert not score.startswith("similarity/")


def test_the_tables_first_five_are_on_a_desktops_first_screen(open_page: Open) -> None:
    driver = open_page(width=1400, height=900)
    rows = driver.find_elements("css selector", "#short tbody tr[data-method]")
    named = [r.get_attribute("data-method") for r in rows]
    assert named == ["psp_unmask", "modified_vnet", "lama", "ra_unet", "fd_stackgan", "untouched"]
    assert rows[4].rect["y"] + rows[4].rect["height"] <= 900


def test_all_methods_are_one_button_away_and_in_the_address(open_page: Open) -> None:
    driver = open_page()
    assert len(driver.execute_script(TITLES)) == 6
    more = driver.find_element("css selector", "#more")
    assert (more.text, more.get_attribute("aria-expanded")) == ("Show all 7 methods", "false")
    more.click()
    assert len(driver.execute_script(TITLES)) == 8
    assert driver.execute_script("return document.activeElement.id") == "more"
    assert "all=1" in driver.execute_script("return location.hash")
    driver = open_page("all=1")
    assert len(driver.execute_script(TITLES)) == 8
    driver.find_element("css selector", "#more").click()
    assert len(driver.execute_script(TITLES)) == 6


def test_a_phone_folds_the_choices_into_a_line_that_says_them(open_page: Open) -> None:
    driver = open_page(width=360, height=740)
    chosen = driver.find_element("css selector", "#chosen")
    assert chosen.text == "lfw, medical_mask, composite; judge edgeface"
    assert not driver.find_element("css selector", "#filters select").is_displayed()
    chosen.click()
    assert driver.find_element("css selector", "#filters select").is_displayed()
    driver = open_page(width=1400, height=900)
    assert driver.find_element("css selector", "#filters select").is_displayed()
    assert not driver.find_element("css selector", "#chosen").is_displayed()


def test_what_to_know_before_quoting_is_a_link_from_the_answer(open_page: Open) -> None:
    driver = open_page(width=360, height=740)
    before = driver.execute_script("return location.hash")
    driver.find_element("css selector", "[data-warnings]").click()
    warnings = driver.find_element("css selector", ".warnings")
    assert warnings.get_attribute("open") is not None
    assert driver.execute_script("return document.activeElement.closest('.warnings') !== null")
    assert driver.execute_script("return location.hash") == before
