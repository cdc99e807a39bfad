"""A matcher that is a black box: its table gives the figures of the embeddings that it came from; what is refused."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from tests import tiny
from unmaskbench.benchmark.biometrics.embedding_table import read_embeddings
from unmaskbench.benchmark.biometrics.similarity_table import read_similarities
from unmaskbench.benchmark.board.build import rebuild_board
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.run.comparisons import as_csv, comparisons
from unmaskbench.benchmark.run.entry import measure, run
from unmaskbench.benchmark.run.picture_names import restored_picture, truth_picture
from unmaskbench.benchmark.store.folder import RunFolder, StoreError


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


# One face cannot be restored by the odd method, so that a picture is missing.
METHODS = ["untouched", "tiny_fill", {"id": "tiny_odd", "parameters": {"mode": "nan", "on": "p0/0"}}]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    suite = tiny.suite(methods=METHODS, matcher_outputs=["raw", "composite"])
    return run(suite, tmp_path_factory.mktemp("vendor") / "run", speed=False, save_images=True)


@pytest.fixture
def finished(kept: Path, tmp_path: Path) -> Path:
    """A copy of the run: what is measured on it is no other test's."""
    return Path(shutil.copytree(kept, tmp_path / "run"))


def _vectors(folder: Path) -> dict[str, list[float]]:
    """The embeddings of the run's own matcher, by their pictures."""
    held = RunFolder(folder)
    keys = [unit["key"] for unit in held.read_run()["units"]]
    found = {}
    for row in held.embeddings(keys).filter(pl.col("matcher") == "tiny_colours").collect().iter_rows(named=True):
        where = row["dataset"], row["occlusion"], row["sample"]
        truth = row["output"] == "truth"
        name = truth_picture(*where) if truth else restored_picture(*where, row["method"], row["output"])
        if row["vector"] is not None:
            found[name] = row["vector"]
    return found


def _filled(folder: Path, vectors: Mapping[str, list[float]]) -> str:
    """The table of comparisons with the similarity of every two pictures that have an embedding."""
    rows = list(csv.DictReader(io.StringIO(as_csv(comparisons(RunFolder(folder))))))
    for row in rows:
        if row["a"] in vectors and row["b"] in vectors:
            a, b = (torch.tensor(vectors[row[key]])[None] for key in "ab")
            row["similarity"] = repr((a @ b.T).item())
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _figures(folder: Path, matcher: str) -> list[dict[str, Any]]:
    """The board's verification rows of a matcher, numbers rounded where a matrix product and a single one may differ."""
    board = RunFolder(folder).read_board()
    rows = [
        {k: v for k, v in row.items() if k != "matcher"} for row in board["verification"] if row["matcher"] == matcher
    ]
    for row in rows:
        for key, value in row.items():
            row[key] = float(f"{value:.4g}") if isinstance(value, float) else value
    return rows


def test_a_vendors_tables_give_the_figures_of_the_embeddings_they_came_from(finished: Path, tmp_path: Path) -> None:
    vectors = _vectors(finished)
    (tmp_path / "table.csv").write_text(_filled(finished, vectors), encoding="utf-8")
    pl.DataFrame({"picture": list(vectors), "vector": list(vectors.values())}).write_parquet(tmp_path / "table.parquet")
    names = [f"scores:{tmp_path}/table.csv=box", f"embeddings:{tmp_path}/table.parquet=net"]
    measure(finished, matchers=names)
    own = _figures(finished, "tiny_colours")
    assert any(row["failed"] for row in own), "a comparison fails, or the test says nothing of it"
    assert any(row["value"] not in (None, 0.0, 1.0) for row in own)
    compared = [row for row in own if row["metric"] != "identity_cosine"]  # which needs embeddings
    assert len(compared) < len(own)
    assert _figures(finished, "box") == compared
    assert _figures(finished, "net") == own
    # The board needs the vendor's files no more.
    for file in tmp_path.glob("table.*"):
        file.unlink()
    rebuild_board(finished)
    assert _figures(finished, "box") == compared


def test_what_a_vendor_could_not_enrol_counts_as_failed(finished: Path, tmp_path: Path) -> None:
    vectors = _vectors(finished)
    lost = next(name for name in vectors if name.endswith("truth.png"))
    enrolled = {name: vector for name, vector in vectors.items() if name != lost}
    table = _filled(finished, enrolled)
    (tmp_path / "holes.csv").write_text(table, encoding="utf-8")
    kept = [line for line in table.splitlines() if not line.endswith(",")]
    (tmp_path / "short.csv").write_text("\n".join(kept), encoding="utf-8")
    np.savez(tmp_path / "short.npz", picture=np.array(list(enrolled)), vector=np.array(list(enrolled.values())))
    names = [
        f"scores:{tmp_path}/holes.csv=holes",
        f"scores:{tmp_path}/short.csv=short",
        f"embeddings:{tmp_path}/short.npz=net",
    ]
    measure(finished, matchers=names)
    holes = _figures(finished, "holes")
    own = {
        (row["method"], row["output"], row["setting"], row["metric"]): row for row in _figures(finished, "tiny_colours")
    }
    failed = {row["setting"]: row["failed"] for row in holes if row["metric"] == "auc" and row["policy"] == "penalised"}
    assert failed["TT"] > 0
    assert failed["MM"] == own["untouched", "raw", "MM", "auc"]["failed"]
    assert _figures(finished, "short") == holes
    net = _figures(finished, "net")
    assert [row for row in net if row["metric"] != "identity_cosine"] == holes


def test_names_that_the_run_has_not_are_refused_with_file_and_line(finished: Path, tmp_path: Path) -> None:
    one, two = comparisons(RunFolder(finished))[:2]
    (tmp_path / "other.csv").write_text(
        f"a,b,similarity\n{one.a},{one.b},0.5\n{two.a},photo.png,0.1\n", encoding="utf-8"
    )
    with pytest.raises(SuiteError, match=r"other\.csv, line 3: 'photo\.png' is no picture"):
        measure(finished, matchers=[f"scores:{tmp_path}/other.csv=other"])
    (tmp_path / "other.csv").write_text("picture,x,y\nphoto.png,1,2\n", encoding="utf-8")
    with pytest.raises(SuiteError, match=r"other\.csv, line 2: 'photo\.png' is no picture"):
        measure(finished, matchers=[f"embeddings:{tmp_path}/other.csv=other"])


def test_comparisons_want_pictures(tmp_path: Path) -> None:
    folder = run(tiny.suite(gallery=0), tmp_path / "run", speed=False)
    with pytest.raises(StoreError, match="give bench run again with --save-images"):
        comparisons(RunFolder(folder))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"line 1: column 'a' is missing"),
        ("a,b\nx,y\n", r"line 1: column 'similarity' is missing; the columns are a, b"),
        ("a,b,a,similarity\n", r"line 1: column 'a' stands twice"),
        ("a,b,similarity\nx,y,0.1\nx,y,0.1\n", r"line 3: 'x' and 'y' were compared in line 2 already"),
        ("a,b,similarity\nx,y,0.1\n\ny,x,0.2\n", r"line 4: 'y' and 'x' were compared in line 2 already"),
        ("a,b,similarity\nx,x,1\n", r"line 2: compares 'x' with itself"),
        ("a,b,similarity\nx,,1\n", r"line 2: names no two pictures"),
        ("a,b,similarity\nx,y,high\n", r"line 2: similarity 'high' is no number"),
        ("a,b,similarity\nx,y,nan\n", r"line 2: similarity 'nan' is not finite"),
        ("a,b,similarity\nx,y,1e60\n", r"line 2: similarity '1e60' is not finite"),
        ("a,b,similarity\nx,y\n", r"line 2: has 2 columns"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_file_and_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"table\.csv, {said}"):
        read_similarities(path)


def _parquet(**columns: object) -> Callable[[Path], object]:
    return lambda path: pl.DataFrame(columns).write_parquet(path)


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("t.csv", lambda path: path.write_text("name,x\na,1\n"), r"line 1: column 'picture' is missing"),
        ("t.csv", lambda path: path.write_text("picture,x\na,1\na,2\n"), r"line 3: 'a' stands in line 2 already"),
        ("t.csv", lambda path: path.write_text("picture,x\na,one\n"), r"line 2: could not convert"),
        ("t.csv", lambda path: path.write_text("picture,x\na,inf\n"), r"line 2: a number is not finite"),
        ("t.csv", lambda path: path.write_text("picture,x\na\n"), r"line 2: has 1 columns"),
        ("t.csv", lambda path: path.write_text("picture,x\n"), "holds no embedding"),
        ("t.parquet", _parquet(picture=["a", "b"], vector=[[1.0], [1.0, 2.0]]), "row 2: 2 numbers"),
        ("t.parquet", _parquet(picture=["a", "a"], vector=[[1.0], [2.0]]), "row 2: 'a' stands in row 1 already"),
        ("t.parquet", _parquet(picture=["a"], vector=[[1.0, None]]), "row 1: has no picture, or a vector with gaps"),
        ("t.parquet", _parquet(name=["a"]), "is no table of embeddings"),
        ("t.parquet", lambda path: path.write_bytes(b"PAR1 torn"), "is no table of embeddings"),
        ("t.npz", lambda path: np.savez(path, picture=np.array(["a"]), vector=np.zeros(3)), r"vector \(N, D\)"),
        ("t.npz", lambda path: path.write_bytes(b"torn"), "is no archive"),
        ("t.txt", lambda path: path.write_text("x"), "give one of .parquet, .npz, .csv"),
    ],
)
def test_embeddings_that_are_wrong_are_refused(
    name: str, write: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    write(tmp_path / name)
    with pytest.raises(ValueError, match=said):
        read_embeddings(tmp_path / name)
