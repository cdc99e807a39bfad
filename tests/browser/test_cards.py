"""Names are links to cards; a card lies over the view and leaves it as it was; filters and unfolded rows live in the address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.page_parts import choose, find, find_all, press

pytestmark = pytest.mark.browser

Open = Callable[..., Any]


def opened(driver: Any) -> str:
    """The open card's title, "" where none is open; waits until the history has settled."""
    from selenium.webdriver.support.ui import WebDriverWait

    settled = (
        "const asked = new URLSearchParams(location.hash.slice(1)).get('card') ?? '';"
        "return asked === state.card && (asked !== '') === document.getElementById('card').open"
    )
    WebDriverWait(driver, 10).until(lambda _: driver.execute_script(settled))
    title = find(driver, "#card-title")
    return str(title.text) if title.is_displayed() else ""


def methods(driver: Any) -> set[str]:
    shown = "return [...document.querySelectorAll('#board tbody tr[data-method]')].map(r => r.dataset.method)"
    return set(driver.execute_script(shown))


def test_a_name_opens_its_card_and_escape_returns_to_the_name(open_page: Open) -> None:
    from selenium.webdriver.common.keys import Keys

    driver = open_page("view=leaderboard")
    name = find(driver, '#board [data-card="method:lama"]')
    name.send_keys(Keys.ENTER)
    assert opened(driver) == "LaMa"
    assert "card=method%3Alama" in driver.execute_script("return location.hash")
    card = find(driver, "#card")
    assert "LaMa: a paper" in card.text
    assert {"Code licence", "Weights licence", "Parameters"} <= {d.text for d in find_all(driver, "#card dt")}
    rows = [h.text for h in find_all(driver, '#card table[data-export="conditions-lama"] tbody th')]
    assert rows == [f"lfw, {o}, {out}" for o in ("medical_mask", "random_lines") for out in ("composite", "raw")]
    assert driver.execute_script(
        "return [...document.querySelectorAll('#card .triptych img')].every(i => i.src.startsWith('data:image'))"
    )
    # the keyboard stays inside the card
    for _ in range(40):
        press(driver, Keys.TAB)
        where = driver.execute_script(
            "return document.activeElement === document.body || !!document.activeElement.closest('#card')"
        )
        assert where
    press(driver, Keys.ESCAPE)
    assert opened(driver) == ""
    assert driver.execute_script("return document.activeElement.dataset.card") == "method:lama"
    assert driver.execute_script("return location.hash") == "#view=leaderboard"


def test_back_closes_a_card_and_forward_opens_it_again(open_page: Open) -> None:
    driver = open_page("view=leaderboard&sort=-i%3Apsnr%3Ahole")
    find(driver, '#board [data-card="method:psp_unmask"]').click()
    assert opened(driver) == "pSp-unmask"
    find(driver, '#card [data-card="matcher:compact"]').click()
    assert opened(driver) == "Compact embedder"
    driver.back()
    assert opened(driver) == "pSp-unmask"
    driver.back()
    assert opened(driver) == ""
    assert find(driver, "#view-leaderboard").is_displayed()
    driver.forward()
    assert opened(driver) == "pSp-unmask"
    # from two cards deep, closing returns to the view at once
    find(driver, '#card [data-card="matcher:compact"]').click()
    assert opened(driver) == "Compact embedder"
    find(driver, "#card-close").click()
    assert opened(driver) == ""
    assert "sort=-i" in driver.execute_script("return location.hash")


def test_back_returns_to_the_view_before(open_page: Open) -> None:
    driver = open_page()
    find(driver, "#tab-gallery").click()
    assert find(driver, "#view-gallery").is_displayed()
    driver.back()
    assert opened(driver) == ""
    assert find(driver, "#view-overview").is_displayed()


@pytest.mark.parametrize(
    ("key", "title", "within"),
    [
        ("method:lama", "LaMa", "Its pictures"),
        ("matcher:edgeface", "EdgeFace-S", "What it says of every method"),
        ("metric:lpips", "LPIPS", "Its values"),
        ("metric:fnmr", "FNMR", "share of genuine pairs"),
        ("dataset:lfw", "Drawn faces standing in for LFW", "pSp-unmask leads, but lets more strangers in"),
        ("occlusion:medical_mask", "Medical mask", "Face covered"),
        ("method:nobody", "nobody", "Not on this page"),
        ("<img src=x>:<script>", "<script>", "Not on this page"),
    ],
)
def test_an_address_opens_any_card(open_page: Open, key: str, title: str, within: str) -> None:
    from urllib.parse import quote

    driver = open_page(f"card={quote(key)}")
    assert opened(driver) == title
    assert within in find(driver, "#card").text
    find(driver, "#card-close").click()
    assert opened(driver) == ""


def test_every_kind_of_name_is_a_link(open_page: Open) -> None:
    expected = {
        "overview": {"method", "metric", "dataset", "occlusion", "matcher"},
        "leaderboard": {"method", "metric", "dataset", "occlusion", "matcher"},
        "recognition": {"method", "metric", "dataset", "occlusion", "matcher"},
        "agreement": {"metric"},
        "speed": {"method", "metric"},
        "slices": {"method", "metric"},
        "gallery": {"method", "metric", "dataset", "occlusion", "matcher"},
    }
    links = "return [...document.querySelectorAll(arguments[0])].map(a => [a.dataset.card, a.getAttribute('href')])"
    for view, kinds in expected.items():
        driver = open_page(f"view={view}")
        found = driver.execute_script(links, f"#view-{view} a[data-card]")
        assert {key.split(":")[0] for key, _ in found} >= kinds, view
        assert all("card=" in href for _, href in found), view
        cards = driver.execute_script(
            "return [...document.querySelectorAll('#view-cards [data-key]')].map(c => c.dataset.key)"
        )
        assert {key for key, _ in found} <= set(cards), view


def test_rows_unfold_to_the_other_conditions(open_page: Open) -> None:
    driver = open_page("view=leaderboard")
    find(driver, '#board [data-unfold="lama"]').click()
    row = find(driver, "#board tr.unfolded")
    assert row.text.startswith("lfw, random_lines, composite")
    assert driver.execute_script("return document.activeElement.dataset.unfold") == "lama"
    shown = [c.text for c in row.find_elements("css selector", "td")]
    driver = open_page("view=leaderboard&oc=random_lines")
    own = find(driver, '#board tr[data-method="lama"]').find_elements("css selector", "td")
    assert [c.text for c in own] == shown
    driver = open_page("view=leaderboard&open=lama~nobody")
    assert len(find_all(driver, "#board tr.unfolded")) == 1
    find(driver, '#board [data-unfold="lama"]').click()
    assert not find_all(driver, "#board tr.unfolded")


def test_methods_are_filtered_by_name_mask_licence_size_and_year(open_page: Open) -> None:
    from selenium.webdriver.common.keys import Keys

    driver = open_page("view=leaderboard")
    find(driver, "#methods summary").click()
    box = find(driver, '#methods input[type="search"]')
    box.send_keys("un", Keys.SPACE, "ra")
    assert methods(driver) == {"ra_unet"}
    assert driver.execute_script("return document.activeElement.value") == "un ra"
    assert find(driver, "#methods summary").text == "Methods: 1 of 7"
    find(driver, "#methods .which > button").click()
    assert len(methods(driver)) == 8
    cards = driver.execute_script("return board().methods")
    networks = {c["method"]: c for c in cards if c["method"] != "untouched"}
    choose(driver, "Parameters", "5e6")
    small = {m for m, c in networks.items() if c["provenance"] == "classical" or c["parameters"] <= 5e6}
    assert methods(driver) == small | {"untouched"}
    assert len(small) < 7
    choose(driver, "Mask", "blind")
    assert methods(driver) == {m for m in small if not networks[m]["needs_mask"]} | {"untouched"}
    assert {"size=5e6", "mask=blind"} <= set(driver.execute_script("return location.hash.slice(1)").split("&"))
    driver = open_page("view=leaderboard&year=2022")
    assert methods(driver) == {m for m, c in networks.items() if (c["year"] or 0) >= 2022} | {"untouched"}
    driver = open_page("view=leaderboard")
    choose(driver, "Licence", "weights: CC BY 4.0")
    licensed = {m for m, c in networks.items() if c["weights_licence"] == "CC BY 4.0"}
    assert methods(driver) == licensed | {"untouched"}
    assert licensed < set(networks)


def test_a_phone_shows_a_card_without_sideways_scroll(open_page: Open) -> None:
    for key in ("method%3Alama", "metric%3Afnmr_equal", "matcher%3Aedgeface"):
        driver = open_page(f"card={key}", width=360, height=740)
        assert driver.execute_script("return document.documentElement.scrollWidth") == 360
        assert driver.execute_script("const d = document.getElementById('card'); return d.scrollWidth <= d.clientWidth")
