"""The files that stand in the documentation: every fenced block with a title, written out as it stands.

One way for all that hold them to something: the tests that run them, the package that is built of them, mypy and ruff.
"""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PAGES = sorted((CHECKOUT / "docs" / "extend").glob("*.md"))
FENCE = re.compile(r'^```(\w+)?(?: title="([^"]+)")?\n(.*?)^```', re.M | re.S)
PACKAGE = "doc_examples"


def blocks(page: Path, language: str) -> list[tuple[str, str]]:
    """Title ("" where there is none) and content of every fenced block of a language, in order."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [(title, body) for kind, title, body in found if kind == language]


def examples() -> dict[str, str]:
    """Every Python file of the extension pages, by its title: the place that it has in the checkout."""
    return {title: code for page in PAGES for title, code in blocks(page, "python") if title}


def plugins() -> dict[str, str]:
    """Those of them that are plug-ins."""
    return {title: code for title, code in examples().items() if not title.startswith("tests/")}


def write_package(folder: Path, only_plugins: bool = False) -> Path:
    """Write the examples as one package below ``folder``, each a module of its own, and return its folder."""
    package = folder / PACKAGE
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text('"""The examples of the documentation."""\n', encoding="utf-8")
    for title, code in (plugins() if only_plugins else examples()).items():
        (package / Path(title).name).write_text(code, encoding="utf-8")
    return package
