"""Every control has a name for those who do not see it, and the keyboard reaches all that the mouse does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.page_parts import VIEWS

pytestmark = pytest.mark.browser

Open = Callable[..., Any]
# Roles as Chromium computes them, of what acts or is looked at: each needs a name that is spoken.
NAMED = {
    "button", "link", "checkbox", "combobox", "searchbox", "slider", "tab", "tablist", "tabpanel", "region", "dialog", "form",
    "image", "img", "group", "DisclosureTriangle",
}  # fmt: skip
REACHABLE = """
const found = [...document.querySelectorAll('a[href], button, select, input, summary, [tabindex]')]
  .filter((n) => n.checkVisibility() && !n.disabled && n.tabIndex >= 0 && (arguments[0] === '' || n.closest(arguments[0])));
found.forEach((n, i) => { n.dataset.reach = i; });
return found.map((n) => n.outerHTML.slice(0, 120));
"""
STRUCTURE = """
const twice = (names) => names.filter((name, i) => names.indexOf(name) !== i);
// a sign or a single letter is an icon, whatever its name says
const said = (text) => {
  const words = text.toLowerCase().replace(/[^\\p{L}\\p{N}.]+/gu, ' ').trim();
  return words.length > 1 ? words : '';
};
const ids = [...document.querySelectorAll('[id]')].map((n) => n.id);
const heads = [...document.querySelectorAll('h1, h2, h3, h4')].filter((n) => n.checkVisibility());
const levels = heads.map((n) => Number(n.tagName[1]));
return {
  twice: twice(ids),
  skipped: levels.filter((level, i) => i && level > levels[i - 1] + 1).length,
  first: levels[0],
  mains: document.querySelectorAll('main').length,
  language: document.documentElement.lang,
  alike: twice([...document.querySelectorAll('[role=region], form, nav')].filter((n) => n.checkVisibility())
    .map((n) => n.getAttribute('aria-label'))),
  unspoken: [...document.querySelectorAll(':is(button, a, summary)[aria-label]')].filter((n) => n.checkVisibility())
    .filter((n) => !said(n.getAttribute('aria-label')).includes(said(n.innerText))).map((n) => n.outerHTML.slice(0, 120)),
  nested: document.querySelectorAll('a a, a button, button a, button button, label button').length,
};
"""

# What STRUCTURE finds on a sound page: no id twice, no two regions of one name, no control whose name lacks its own text.
SOUND = {
    "twice": [], "skipped": 0, "first": 1, "mains": 1, "language": "en", "nested": 0, "alike": [], "unspoken": [],
}  # fmt: skip


def nameless(driver: Any) -> list[str]:
    """Roles of the accessibility tree's controls, pictures and landmarks that have no name, with where they stand."""
    driver.execute_cdp_cmd("Accessibility.enable", {})
    nodes = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = Counter(n["role"]["value"] for n in nodes if not n.get("ignored"))
    assert sum(roles[role] for role in NAMED) > 0
    without = []
    for node in nodes:
        role = node.get("role", {}).get("value")
        if node.get("ignored") or role not in NAMED or node.get("name", {}).get("value", "").strip():
            continue
        place = driver.execute_cdp_cmd("DOM.describeNode", {"backendNodeId": node["backendDOMNodeId"]})["node"]
        # a fold is a group that its summary names; a picture without words is part of a button that has them
        if not (role == "group" and place["nodeName"] == "DETAILS"):
            without.append(f"{role}: {place['nodeName']} {place.get('attributes')}")
    return without


def reached(driver: Any, count: int) -> set[int]:
    """Which of the marked elements got the focus while Tab was pressed often enough to go round once."""
    seen: set[int] = set()
    for _ in range(count + 8):
        for kind in ("rawKeyDown", "keyUp"):
            driver.execute_cdp_cmd(
                "Input.dispatchKeyEvent",
                {"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9, "nativeVirtualKeyCode": 9},
            )
        place = driver.execute_script("return document.activeElement?.dataset?.reach ?? null")
        if place is not None:
            seen.add(int(place))
        if len(seen) == count:
            break
    return seen


@pytest.mark.parametrize("view", VIEWS)
def test_every_control_picture_and_landmark_has_a_name(open_page: Open, view: str) -> None:
    driver = open_page(f"view={view}")
    driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    assert nameless(driver) == []
    found = driver.execute_script(STRUCTURE)
    assert found == SOUND


def test_a_card_has_names_too(open_page: Open) -> None:
    for key in ("method%3Alama", "metric%3Alpips", "dataset%3Alfw"):
        driver = open_page(f"card={key}")
        assert driver.execute_script("return document.getElementById('card').open")
        assert nameless(driver) == []
        assert driver.execute_script(STRUCTURE)["alike"] == []


@pytest.mark.parametrize("view", ["overview", "compare", "gallery", "cards"])
def test_the_keyboard_reaches_every_link_and_control(open_page: Open, view: str) -> None:
    driver = open_page(f"view={view}")
    driver.execute_script("document.querySelectorAll('.picker').forEach((d) => { d.open = true; })")
    found = driver.execute_script(REACHABLE, "")
    assert len(found) > 20
    seen = reached(driver, len(found))
    assert [found[i] for i in range(len(found)) if i not in seen] == []


@pytest.mark.parametrize("view", ["overview", "recognition"])
def test_what_scrolls_on_a_phone_is_a_stop_of_the_keyboard(open_page: Open, view: str) -> None:
    driver = open_page(f"view={view}", 360)
    wide = """return [...document.querySelectorAll('main *')]
      .filter((n) => n.checkVisibility() && n.scrollWidth > n.clientWidth + 2
      && ['auto', 'scroll'].includes(getComputedStyle(n).overflowX) && n.tabIndex < 0
      && !n.querySelector('a[href], button, select, input, summary, [tabindex="0"]')).map((n) => n.outerHTML.slice(0, 90))"""
    assert driver.execute_script(wide) == []
    assert driver.execute_script("return document.querySelectorAll('.plots .card[tabindex]').length") > 0


def test_the_keyboard_reaches_all_of_a_card(open_page: Open) -> None:
    driver = open_page("card=method%3Alama")
    found = driver.execute_script(REACHABLE, "#card")
    seen = reached(driver, len(found))
    assert [found[i] for i in range(len(found)) if i not in seen] == []


def test_what_has_the_focus_is_seen(open_page: Open) -> None:
    driver = open_page("view=leaderboard")
    driver.execute_script(REACHABLE, "")
    outline = "const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]"
    for _ in range(12):
        reached(driver, 1)
        assert driver.execute_script(outline)[0] != "none"
        assert driver.execute_script(outline)[1] >= 1
