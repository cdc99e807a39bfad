"""What a browser test does with a page: finds its parts, presses a key, chooses from a list, sees it at a size, light or dark."""

from __future__ import annotations

from typing import Any

VIEWS = (
    "overview", "leaderboard", "compare", "recognition", "agreement", "speed", "slices", "gallery", "cards", "published",
    "reproduce",
)  # fmt: skip


def find(driver: Any, css: str) -> Any:
    return driver.find_element("css selector", css)


def find_all(driver: Any, css: str) -> list[Any]:
    found: list[Any] = driver.find_elements("css selector", css)
    return found


def press(driver: Any, key: str) -> None:
    """Press a key where the focus is."""
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(key).perform()


def choose(driver: Any, label: str, value: str) -> None:
    """Choose from the list of that name, as a reader does."""
    driver.execute_script(
        "const box = [...document.querySelectorAll('select')].find(s => s.getAttribute('aria-label') === arguments[0]);"
        "box.value = arguments[1]; box.dispatchEvent(new Event('change', {bubbles: true}));", label, value,
    )  # fmt: skip


def seen_at(driver: Any, width: int, height: int = 1000, dark: bool = False) -> None:
    """Show what is opened next in a window of this size, light or dark; below 600 px as a phone does."""
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
