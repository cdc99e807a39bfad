"""The page "Worn masks", followed literally: two people, as a newcomer has them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from unmaskbench.benchmark.cli.main import app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "worn-masks.md"
PEOPLE = {"anna": "YurikoKoike", "ben": "DougDucey"}
KINDS = {"bare": "AFDB_face_dataset", "mask": "AFDB_masked_face_dataset"}


def photographs(home: Path, tree: str) -> None:
    """The files of the page's tree, from real photographs of two people."""
    for name in re.findall(r"^  (\S+\.jpg)$", tree, re.M):
        person, kind, number = re.split(r"[/.-]", name)[:3]
        held = sorted((home / "data/worn_masks/people" / KINDS[kind] / PEOPLE[person]).glob("*.jpg"))
        place = Path("photographs") / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(held[int(number) - 1], place)


def files(text: str) -> None:
    """Every text that the page says to write, by its title."""
    for title, content in re.findall(r"^```(?:text|yaml) title=\"([^\"]+)\"\n(.+?)^```", text, re.M | re.S):
        Path(title).write_text(content, encoding="utf-8")


def test_the_page_works_as_written(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (home / "data/worn_masks/people").is_dir():
        pytest.skip("the photographs of worn masks are not in UNMASKBENCH_HOME/data/worn_masks")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    text = PAGE.read_text(encoding="utf-8")
    (tree,) = re.findall(r"^```text\n(.+?)^```", text, re.M | re.S)
    photographs(home, tree)
    files(text)
    listed = Path("photographs/pairs.csv")
    pairs = listed.read_text(encoding="utf-8")
    listed.unlink()  # that step comes later
    find, run, look = re.findall(r"^    bench (.+)$", text, re.M)
    done = CliRunner().invoke(app, shlex.split(find))
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(app, [*shlex.split(run), "--no-speed"])
    assert done.exit_code == 0, f"{done.output} {done.exception}"
    folder = tmp_path / "runs/worn"
    opened: list[str] = []
    monkeypatch.setattr(typer, "launch", opened.append)
    assert CliRunner().invoke(app, shlex.split(look)).exit_code == 0
    assert opened == [(folder / "index.html").as_uri()]
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "Does restoring help compact?" in page
    board = json.loads((folder / "board.json").read_text(encoding="utf-8"))
    (worn,) = board["worn"]
    assert (worn["probes"], worn["gallery"], worn["people"], worn["found"]) == (2, 4, 2, 2)
    counts = {(r["setting"], r["genuine"], r["impostor"]) for r in board["verification"] if r["metric"] == "auc"}
    assert counts == {("TT", 2, 4), ("MT", 4, 4), ("UT", 4, 4)}
    refused = {r["refused"] for r in board["verification"] if r["metric"] == "tmr" and r["setting"] == "UT"}
    assert any("of 2 people: about 32 with as many photographs each are needed" in reason for reason in refused)
    # Pairs of one's own take the place of all pairs.
    listed.write_text(pairs, encoding="utf-8")
    again = [*shlex.split(run.replace("runs/worn", "runs/listed").replace(",h2a_ms2a_gan", "")), "--no-speed"]
    done = CliRunner().invoke(app, again)
    assert done.exit_code == 0, f"{done.output} {done.exception}"
    board = json.loads((tmp_path / "runs/listed/board.json").read_text(encoding="utf-8"))
    counts = {(r["setting"], r["genuine"], r["impostor"]) for r in board["verification"] if r["metric"] == "auc"}
    assert counts == {("TT", 0, 1), ("MT", 1, 1), ("UT", 1, 1)}


def test_its_suites_and_the_two_folders_of_rmfrd(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks of one's own, pictures without a truth, and RMFRD's layout, as they stand on the page."""
    people = home / "data/worn_masks/people"
    if not people.is_dir():
        pytest.skip("the photographs of worn masks are not in UNMASKBENCH_HOME/data/worn_masks")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    text = PAGE.read_text(encoding="utf-8")
    photographs(home, re.findall(r"^```text\n(.+?)^```", text, re.M | re.S)[0])
    files(text)
    Path("photographs/pairs.csv").unlink()
    for probe in sorted(Path("photographs").glob("*/mask-*.jpg")):
        outline = np.zeros(Image.open(probe).size[::-1], np.uint8)
        outline[90:140, 50:110] = 255
        place = Path("outlines") / probe.parent.name / f"{probe.stem}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(outline).save(place)
    for name in ("worn-own-masks", "worn-pictures"):
        done = CliRunner().invoke(app, ["run", "--suite", f"{name}.yaml", "--no-speed"])
        assert done.exit_code == 0, f"{name}: {done.output} {done.exception}"
    board = json.loads(Path("runs/worn-own-masks/board.json").read_text(encoding="utf-8"))
    assert (board["worn"][0]["masks"], board["worn"][0]["found"]) == ("given", 2)
    board = json.loads(Path("runs/worn-pictures/board.json").read_text(encoding="utf-8"))
    assert {row["metric"] for row in board["rows"]} == {"niqe"}
    (line,) = re.findall(r"`bench (run --suite worn --dataset rmfrd [^`]+)`", text)
    for kind in KINDS.values():
        for person in PEOPLE.values():
            shutil.copytree(people / kind / person, Path("rmfrd") / kind / person)
    done = CliRunner().invoke(
        app, [*shlex.split(line.replace("DIR", "rmfrd")), "--methods", "untouched,telea", "--no-speed"]
    )
    assert done.exit_code == 0, f"{done.output} {done.exception}"
    (worn,) = json.loads(Path("runs/worn/board.json").read_text(encoding="utf-8"))["worn"]
    assert worn["people"] == 2


def test_what_the_page_says_of_bad_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    from tests.datasets import trees

    tree = trees.folder(tmp_path)
    words = ["run", "--suite", "worn", "--root", str(tree), "--methods", "untouched", "--no-speed", "--out", "out"]
    for name, content, said in (
        ("labels.csv", "id,role\na/1,truth\na/2,truth\nb/2,truth\n", "no photograph has the role probe"),
        ("pairs.csv", "a,b,genuine\na/1,a/1,true\n", "pairs.csv, line 2: 'a/1' is paired with itself"),
        (
            "pairs.csv",
            "a,b,genuine\na/1,a/2,true\na/2,a/1,true\n",
            "line 3: 'a/2' and 'a/1' stand on line 2 already, the",
        ),
    ):
        (tree / name).write_text(content)
        done = CliRunner().invoke(app, words)
        assert done.exit_code != 0
        assert said in f"{done.output} {done.exception}"
        assert not Path("out/parts").exists()
