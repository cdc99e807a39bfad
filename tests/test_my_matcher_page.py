"""The page "My matcher", followed literally: a model file, then a product that gives similarities alone."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import onnx
import polars as pl
import pytest
from onnx import TensorProto, helper
from PIL import Image
from typer.testing import CliRunner

from tests.doc_examples import blocks
from unmaskbench.benchmark.biometrics.input_convention import KEYS, PRESETS, TEMPLATES
from unmaskbench.benchmark.cli.main import app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "my-matcher.md"
SMALL = ["--limit", "6", "--occlusions", "block", "--metrics", "psnr", "--no-speed"]


def _bench(command: str, *further: str) -> str:
    done = CliRunner().invoke(app, [*shlex.split(command), *further])
    assert done.exit_code == 0, f"{command}: {done.output} {done.exception}"
    return done.output


def _compare(folder: Path, a: str, b: str) -> float:
    """A product of sorts: how alike two pictures are."""
    first, second = (np.asarray(Image.open(folder / name), dtype=float).ravel() for name in (a, b))
    return -float(np.abs(first - second).mean())


def _template(picture: Path) -> list[float]:
    """A template of sorts: the colours of a picture on a grid of 4 x 4, about their mean."""
    colours = np.asarray(Image.open(picture).convert("RGB").resize((4, 4)), dtype=float).ravel()
    return [float(value) for value in colours - colours.mean()]


def _matcher(path: str) -> None:
    """An embedder of sorts: the colours of a crop of 112 px on a grid of 4 x 4."""
    nodes = [
        helper.make_node("AveragePool", ["faces"], ["grid"], kernel_shape=[28, 28], strides=[28, 28]),
        helper.make_node("Flatten", ["grid"], ["embedding"]),
    ]
    faces = helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 3, 112, 112])
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 48])
    graph = helper.make_graph(nodes, "colours", [faces], [embedding])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def test_the_page_works_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _matcher("mine.onnx")
    for title, body in blocks(PAGE, "yaml"):
        Path(title).write_text(body, encoding="utf-8")
    by_file, black_box, pairs, score, report, templates = re.findall(
        r"^    bench (.+)$", PAGE.read_text(encoding="utf-8"), re.M
    )
    _bench(by_file, *SMALL)
    assert (tmp_path / "runs/mine/index.html").is_file()
    _bench(black_box, *SMALL)
    _bench(pairs)
    table = tmp_path / "runs/vendor/pairs.csv"
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert list(rows[0]) == blocks(PAGE, "text")[0][1].splitlines()[0].split(",")
    assert {row["setting"] for row in rows} == {"TT", "MT", "MM", "UT", "UU"}
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "similarity": _compare(table.parent, row["a"], row["b"])})
    _bench(score)
    assert '"vendor"' not in (table.parent / "index.html").read_text(encoding="utf-8")
    _bench(report)
    assert '"vendor"' in (table.parent / "index.html").read_text(encoding="utf-8"), "the page knows the product"
    board = json.loads((table.parent / "board.json").read_text(encoding="utf-8"))
    found = {
        (row["setting"], row["metric"]): row["value"] for row in board["verification"] if row["matcher"] == "vendor"
    }
    assert found["UT", "coverage"] == 1.0
    assert found["TT", "auc"] is not None
    pictures = sorted({row[side] for row in rows for side in ("a", "b")})
    vectors = [_template(table.parent / picture) for picture in pictures]
    pl.DataFrame({"picture": pictures, "vector": vectors}).write_parquet("mine.parquet")
    _bench(templates)
    board = json.loads((table.parent / "board.json").read_text(encoding="utf-8"))
    coverage = {
        row["matcher"]: row["value"]
        for row in board["verification"]
        if (row["setting"], row["metric"]) == ("UT", "coverage")
    }
    assert coverage == {"vendor": 1.0, "templates": 1.0}


def test_the_presets_without_a_yaml_and_all_ways_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page's prose says: a preset behind the file's name, and names for two files."""
    monkeypatch.chdir(tmp_path)
    told = re.findall(r"`(onnx:[^`]+)`", PAGE.read_text(encoding="utf-8"))
    assert {"onnx:mine.onnx@arcface", "onnx:old.onnx=old,onnx:new.onnx=new"} <= set(told)
    for name in ("mine", "old", "new"):
        _matcher(f"{name}.onnx")
    ((_, convention),) = blocks(PAGE, "yaml")
    for name in ("old", "new"):
        Path(f"{name}.yaml").write_text(convention, encoding="utf-8")
    _bench(
        "run --methods untouched --matchers onnx:mine.onnx@arcface,onnx:old.onnx=old,onnx:new.onnx=new --out out",
        *SMALL,
    )
    board = json.loads((tmp_path / "out/board.json").read_text(encoding="utf-8"))
    assert {row["matcher"] for row in board["verification"]} == {"onnx-mine", "old", "new"}


def test_the_tables_are_the_codes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    presets, keys = (re.findall(r"^\| (`\w+`(?: `\w+`)*) \|", part, re.M) for part in text.split("| key | value |")[:2])
    assert [name.strip("`") for name in presets] == list(PRESETS)
    told = {key for cell in keys for key in re.findall(r"`(\w+)`", cell)}
    assert told == set(KEYS)
    for name in TEMPLATES:
        assert f"`{name}`" in text
