"""A headless Chromium and a rendered page for the browser tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.page_parts import seen_at

GOLDEN = Path(__file__).parents[1] / "golden" / "board_small"


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    """Chromium under Selenium, with its console and its network requests kept."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install 'unmaskbench[test]'")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    service = shutil.which("chromedriver")
    if browser is None or service is None:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for switch in ("headless=new", "no-sandbox", "disable-gpu", "disable-background-networking", "no-first-run",
                   "disable-dev-shm-usage", "disable-component-update", "window-size=1280,1000"):  # fmt: skip
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(service))
    yield found
    found.quit()


@pytest.fixture
def visit(driver: Any) -> Callable[[str], None]:
    """Opens an address afresh and waits until the page's script has drawn it: on a busy machine the driver may answer before."""
    from selenium.webdriver.support.ui import WebDriverWait

    drawn = "return document.readyState === 'complete' && document.querySelector('#filters')?.childElementCount > 0"

    def visited(address: str) -> None:
        driver.get("about:blank")
        driver.get(address)
        WebDriverWait(driver, 30).until(lambda _: driver.execute_script(drawn))

    return visited


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """file:// address of the golden board's page."""
    from unmaskbench.reports.site import render

    return render([GOLDEN], tmp_path_factory.mktemp("page"), figures_limit=14).as_uri()


@pytest.fixture
def open_page(driver: Any, address: str, visit: Callable[[str], None]) -> Callable[..., Any]:
    """Opens the page at an address fragment, at a size, light or dark."""

    def opened(fragment: str = "", width: int = 1280, dark: bool = False, height: int = 1000) -> Any:
        seen_at(driver, width, height, dark)
        visit(f"{address}#{fragment}")
        return driver

    return opened
