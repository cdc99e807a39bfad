"""A run becomes a submission: small, hashed, the same bytes each time, and nothing of the machine in it."""

from __future__ import annotations

import json
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests import tiny
from tests.submissions.makers import finished
from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.benchmark.store.folder import RunFolder, StoreError
from unmaskbench.benchmark.submissions.checks import checked
from unmaskbench.benchmark.submissions.index import INDEX, SubmissionError
from unmaskbench.benchmark.submissions.pack import submit
from unmaskbench.benchmark.submissions.places import Places


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(tmp_path_factory.mktemp("anna") / "mine", "tiny_fill", tiny.odd("raise", "p1/0"))


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "mine"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_board_of_a_submission_is_that_of_its_run(run: Path, tmp_path: Path) -> None:
    done = submit(run, tmp_path / "results", notes="two methods")
    found = checked(done.folder)
    own = RunFolder(run).read_board()
    assert (found.index.name, found.index.notes) == ("mine", "two methods")
    for table in ("rows", "verification", "differences", "curves", "correlations"):
        assert found.board[table] == own[table], table
    assert len(own["rows"]) * len(own["verification"]) > 0


def test_the_same_run_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    first = submit(run, tmp_path / "a")
    before = contents(first.folder)
    assert submit(run, tmp_path / "b", name="mine").index.hash() == first.index.hash()
    assert contents(tmp_path / "b/mine") == before
    again = submit(run, tmp_path / "a")
    assert again.was_there
    assert contents(first.folder) == before


def test_no_pixel_no_path_and_no_host_is_in_it(run: Path, tmp_path: Path) -> None:
    record = run / "run.json"
    content = json.loads(record.read_text())
    content["command"] = (
        f"bench run --suite {tmp_path}/own.yaml --address {platform.node()}:6379 --out s3://bucket/anna"
    )
    content["suite"]["datasets"][0]["root"] = "/home/anna maria/faces"
    content["weights"] = {"/home/anna/weights/net.onnx": "00"}
    record.write_text(json.dumps(content))
    mark = json.loads((run / "finished.json").read_text())
    (run / "finished.json").write_text(json.dumps(mark | {"run_sha256": sha256(record)}))
    done = submit(run, tmp_path / "results")
    assert not [name for name in contents(done.folder) if name.endswith((".png", ".npz", ".jpg"))]
    for name, data in contents(done.folder).items():
        for word in (str(tmp_path), "/home/", "anna maria", "bucket", f"{platform.node()}:"):
            assert word.encode() not in data, f"{name} holds {word}"
    told = json.loads((done.folder / "run.json").read_text())
    assert told["command"] == "bench run --suite own.yaml --address host:6379 --out anna"
    assert told["suite"]["datasets"][0]["root"] == "faces"
    assert told["weights"] == {"net.onnx": "00"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot read /data/lfw/a.png: gone", "cannot read a.png: gone"),
        ("/data", "data"),
        (r"C:\Users\anna\net.onnx", "net.onnx"),
        ("predictions:/srv/anna/out=mine", "predictions:out=mine"),
        ("file:///srv/anna/x.png is broken", "x.png is broken"),
        ("~/faces/a.png", "a.png"),
        ("https://arxiv.org/abs/1234.5678", "https://arxiv.org/abs/1234.5678"),
        ("doi 10.1109/5.771073, and/or 1/255", "doi 10.1109/5.771073, and/or 1/255"),
    ],
)
def test_paths_leave_their_last_name_and_addresses_of_papers_stay(text: str, expected: str) -> None:
    assert Places().without(text) == expected


def test_messages_of_failures_name_no_folder(run: Path, tmp_path: Path) -> None:
    done = submit(run, tmp_path / "results")
    rows = pl.concat(pl.read_parquet(path) for path in sorted((done.folder / "parts").iterdir()))
    assert "no face for you" in " ".join(rows["message"].drop_nulls().unique())
    assert rows["seconds"].is_null().all()


def test_what_is_not_finished_or_not_as_written_is_refused(run: Path, tmp_path: Path) -> None:
    part = sorted((run / "parts").iterdir())[0]
    whole = part.read_bytes()
    part.write_bytes(whole + b" ")
    with pytest.raises(
        StoreError, match=r"is not handed in: parts/.* is not what the run wrote .*give its bench run again"
    ):
        submit(run, tmp_path / "results")
    part.write_bytes(whole)
    (run / "finished.json").unlink()
    with pytest.raises(StoreError, match=r"finished\.json: it is not a finished run"):
        submit(run, tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_name_is_given_once(run: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    done = submit(run, results)
    with pytest.raises(SubmissionError, match="holds another submission of this name: give another with --name"):
        submit(run, results, notes="other notes")
    (done.folder / "board.json").write_text("{}")
    with pytest.raises(SubmissionError, match="holds a damaged submission"):
        submit(run, results)
    (results / "other").mkdir()
    (results / "other" / "mine.txt").write_text("mine")
    with pytest.raises(SubmissionError, match=r"holds something else \(mine\.txt\)"):
        submit(run, results, "other")
    for name in ("../up", "a/b", ".git", "a" * 41, "bad\u202ename"):
        with pytest.raises(SubmissionError, match="a submission's name may hold letters"):
            submit(run, results, name)
    with pytest.raises(SubmissionError, match=r"the notes hold \\u202e"):
        submit(run, results, "notes", "a\u202eb")


def test_an_interrupted_submission_goes_on(run: Path, tmp_path: Path) -> None:
    done = submit(run, tmp_path / "results")
    whole = contents(done.folder)
    (done.folder / INDEX).unlink()
    sorted((done.folder / "parts").iterdir())[0].unlink()
    assert not submit(run, tmp_path / "results").was_there
    assert contents(done.folder) == whole


def test_pictures_are_attached_when_asked_for(run: Path, tmp_path: Path) -> None:
    done = submit(run, tmp_path / "results", predictions=True)
    pictures = sorted(name for name in done.index.files if name.startswith("predictions/"))
    assert len(pictures) == 6 + 5  # one restoration failed, and untouched is drawn by anyone
    assert pictures[-1].startswith("predictions/tiny_fill/tiny_faces/tiny_block/p")


def test_the_command_says_where_and_how_large(run: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    done = CliRunner().invoke(app, ["submit", str(run), "--to", str(tmp_path / "results")])
    assert done.exit_code == 0, done.output
    sizes = [float(size.replace(",", "")) for size in re.findall(r"([\d,.]+) kB", done.output)]
    assert sum(sizes[:-1]) == pytest.approx(sizes[-1], abs=0.5)
    assert sizes[-1] * 1000 == pytest.approx(sum(map(len, contents(tmp_path / "results/mine").values())), rel=0.2)
    assert (
        "was there already" in CliRunner().invoke(app, ["submit", str(run), "--to", str(tmp_path / "results")]).output
    )
