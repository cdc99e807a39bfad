"""The page's scripts parse, each alone and all as the one script that the page runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from unmaskbench.benchmark.board.figure_text import figure, quantity_words
from unmaskbench.reports.site import SCRIPTS, TEMPLATES


def syntax_error(text: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """What node, or Chromium where node is absent, has against a script; "" where it parses."""
    node = shutil.which("node")
    if node is not None:
        file = folder / "script.js"
        file.write_text(text, encoding="utf-8")
        done = subprocess.run([node, "--check", str(file)], capture_output=True, text=True, check=False)
        return done.stderr if done.returncode else ""
    # a function's body is parsed, and never run
    driver = request.getfixturevalue("driver")
    parsed = "try { new Function(arguments[0]); return ''; } catch (error) { return String(error); }"
    return str(driver.execute_script(parsed, text))


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_parses(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    assert syntax_error((TEMPLATES / name).read_text(encoding="utf-8"), request, tmp_path) == ""


def test_together_they_parse_and_declare_no_name_twice(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    text = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    assert syntax_error(text, request, tmp_path) == ""
    functions = [line.split("(")[0] for line in text.splitlines() if line.startswith("function ")]
    assert sorted(functions) == sorted(set(functions))


def test_every_script_of_the_folder_is_on_the_page() -> None:
    assert sorted(SCRIPTS) == sorted(path.name for path in TEMPLATES.glob("*.js"))
    assert SCRIPTS[0] == "data.js", "it opens with the strict mode"
    assert SCRIPTS[-1] == "main.js", "it starts what the others declare"


FIGURES = (
    0, 1, -1, 3, 1e6, 12345678, 0.5, -0.5, 0.45384, 0.01, 0.0099, 0.00123, -0.00123, 1e-5, 1.234e-7, -1.234e-7, 0.125, -0.125,
    9.9999, 10.005, 99.95, 100.05, 123.456, -1234.5678, 0.99999, "inf", None,
)  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize(
    "metric", ["fnmr_equal@0.001", "tmr", "fmr_added", "auc", "dprime", "psnr", "lpips", "ssim", "niqe"]
)
def test_the_script_and_the_terminal_write_a_figure_alike(metric: str, open_page: Any) -> None:
    driver = open_page()
    for sign in (False, True):
        written = driver.execute_script(
            "return arguments[0].map((x) => figure(arguments[1], x, arguments[2]))", FIGURES, metric, sign
        )
        assert written == [figure(metric, value, sign) for value in FIGURES]
    named = "return [0.001, 0.00001, 0.05].map((t) => atTarget(arguments[0], t))"
    kind = metric.partition("@")[0]
    if kind in ("fnmr_equal", "tmr"):
        assert driver.execute_script(named, kind) == [quantity_words(kind, t) for t in (0.001, 0.00001, 0.05)]


@pytest.mark.parametrize("broken", ["function f( {", "const a = 1;\nconst a = 2;", 'select("A", "all"'])
def test_a_broken_script_is_found(broken: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    assert "SyntaxError" in syntax_error(broken, request, tmp_path)
