"""The notebook of the documentation runs without an error, and what it stores is what comes out."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import PLOT, code_cells, executed, outdated, read

DOCS = Path(__file__).resolve().parents[1] / "docs"
NOTEBOOKS = sorted(DOCS.rglob("*.ipynb"))
SIZE_LIMIT_BYTES = 150_000


def cell(source: str, **outputs: Any) -> dict[str, Any]:
    return {"cells": [{"cell_type": "code", "source": [source], **outputs}]}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_stores_what_comes_out(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = read(path)
    monkeypatch.chdir(tmp_path)
    fresh = executed(notebook)
    for stored, outputs in zip(code_cells(notebook), fresh, strict=True):
        apart = outdated(stored["outputs"], outputs)
        assert not apart, f"docs/{path.name}: {apart}; python tests/notebooks.py docs/{path.name} stores it"
    shown = [one["data"] for outputs in fresh for one in outputs if "data" in one]
    assert any("text/html" in data for data in shown)
    assert any(PLOT in data for data in shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_one_that_jupyter_opens_and_a_page_links_to_it(path: Path) -> None:
    notebook = read(path)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [part["id"] for part in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", part) for part in ids)
    assert all(isinstance(part["source"], list) for part in notebook["cells"])
    assert [part["execution_count"] for part in code_cells(notebook)] == [*range(1, len(code_cells(notebook)) + 1)]
    assert path.stat().st_size <= SIZE_LIMIT_BYTES
    assert not re.search(r"(?<![\w.:/])/(?:home|tmp|root|Users)/", json.dumps(notebook)), "it names a machine's folder"
    assert any(f"]({path.name})" in page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    for text in ("".join(part["source"]) for part in notebook["cells"] if part["cell_type"] == "markdown"):
        for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
            assert (path.parent / link).is_file(), link


def test_what_is_outdated_is_told() -> None:
    (stored,) = executed(cell("import polars as pl\npl.DataFrame({'method': ['telea'], 'psnr': [16.42]})"))
    assert not outdated(stored, stored)
    (rounded,) = executed(cell("import polars as pl\npl.DataFrame({'method': ['telea'], 'psnr': [16.43]})"))
    assert not outdated(stored, rounded), "another processor rounds the last decimal otherwise"
    (group,) = executed(cell("import polars as pl\npl.DataFrame({'method': ['telea'], 'psnr': [16]})"))
    assert outdated(stored, group)
    (other,) = executed(cell("import polars as pl\npl.DataFrame({'method': ['telea'], 'psnr': [16.52]})"))
    assert outdated(stored, other).startswith("it stores 16.42, and 16.52 comes out")
    (renamed,) = executed(cell("import polars as pl\npl.DataFrame({'method': ['lama'], 'psnr': [16.42]})"))
    assert "lama" in outdated(stored, renamed)
    edited = copy.deepcopy(stored)
    edited[0]["data"]["text/html"] = [
        line.replace("16.42", "17.42").replace("telea", "lama") for line in edited[0]["data"]["text/html"]
    ]
    assert outdated(edited, stored), "what a notebook shows is its HTML"
    (silent,) = executed(cell("value = 1"))
    assert (silent, outdated(stored, silent) != "") == ([], True)


def test_an_error_of_a_cell_ends_the_run() -> None:
    with pytest.raises(ZeroDivisionError):
        executed(cell("print('before')\n1 / 0"))
    (outputs,) = executed(cell("print('one')\n'two'"))
    assert [one["output_type"] for one in outputs] == ["stream", "execute_result"]
    assert outputs[0]["text"] == ["one\n"]
    assert outputs[1]["data"] == {"text/plain": ["'two'"]}
