"""Plots under a pointer: names, and what is pointed at stands out in every plot of the view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser

Open = Callable[..., Any]
HOVER = """
const mark = document.querySelector(arguments[0]);
mark.dispatchEvent(new PointerEvent(arguments[1], {bubbles: true}));
return [...document.querySelectorAll('[data-plots="recognition"] svg [data-m].on')].map(m => m.dataset.m);
"""


def test_the_equal_fmr_figure_comes_first_then_the_det(open_page: Open) -> None:
    driver = open_page("view=recognition")
    titles = driver.execute_script(
        "return [...document.querySelectorAll('[data-plots=\"recognition\"] svg')].map(s => s.getAttribute('aria-label'))"
    )
    assert titles[0].startswith("the error at equal FMR of every method")
    assert titles[1].startswith("DET")


def test_the_legend_names_methods_as_the_tables_and_greys_all_but_five(open_page: Open) -> None:
    driver = open_page("view=recognition")
    legend = driver.find_elements("css selector", "#view-recognition [data-legend] button")
    assert [b.text for b in legend][-1] == "Navier-Stokes inpainting"
    quiet = [b.get_attribute("data-method") for b in legend if b.get_attribute("class") == "quiet"]
    assert quiet == ["telea", "navier_stokes"]


def test_every_mark_has_its_methods_name_and_stands_out_when_pointed_at(open_page: Open) -> None:
    driver = open_page("view=recognition")
    named = driver.execute_script(
        "return [...document.querySelectorAll('[data-plots=\"recognition\"] svg [data-m]')]"
        ".filter(m => Number(m.dataset.m) < methodOrder().length)"
        ".map(m => [m.dataset.m, m.querySelector(':scope > title')?.textContent])"
    )
    assert named
    titles = driver.execute_script("return methodOrder().map(id => methodCard(id).title)")
    assert all(title == titles[int(m)] for m, title in named)
    telea = str(driver.execute_script("return methodOrder().indexOf('telea')"))
    pointed = driver.execute_script(HOVER, f'[data-m="{telea}"] .hit', "pointerover")
    assert set(pointed) == {telea}
    assert len(pointed) > 2
    # a grey mark has its colour while it is pointed at
    look = f'return getComputedStyle(document.querySelector(\'[data-plots="recognition"] [data-m="{telea}"]\')).filter'
    assert driver.execute_script(look) == "none"
    assert driver.execute_script(HOVER, "#view-recognition h2", "pointerover") == []
    assert driver.execute_script(look) == "grayscale(1)"
