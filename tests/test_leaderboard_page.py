"""The page "Run a public leaderboard", followed literally, and the workflow that it names."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tests.doc_examples import blocks
from unmaskbench.benchmark.cli.main import app

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "leaderboard.md"
WORKFLOW = DOCS / "ci" / "leaderboard-github-actions.yml"


def test_the_page_works_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    ((title, suite),) = blocks(PAGE, "yaml")
    Path(title).write_text(suite, encoding="utf-8")
    commands = re.findall(r"^    bench (.+)$", text, re.M)
    assert [line.split()[0] for line in commands] == ["run", "submit", "run", "submit", "leaderboard", "leaderboard"]
    for line in commands:
        done = CliRunner().invoke(app, shlex.split(line))
        assert done.exit_code == 0, f"bench {line}: {done.output} {done.exception}"
    assert "anna: 5 pictures scored again" in done.output
    assert "2 accepted, 0 refused" in done.output
    house = tmp_path / "results/house"
    listed = set(re.findall(r"^\| `([\w./]+)` \|", text, re.M))
    assert {path.name + "/" * path.is_dir() for path in house.iterdir()} == listed
    size = sum(path.stat().st_size for path in house.rglob("*") if path.is_file())
    (told,) = re.findall(r"takes ([\d.]+) MB", re.sub(r"\s+", " ", text))
    assert size / 1e6 == pytest.approx(float(told), rel=0.3)
    board = json.loads((tmp_path / "public/board.json").read_text())
    assert {row["method"] for row in board["methods"]} == {"untouched", "navier_stokes", "telea"}
    ranks = {
        r["method"]: r["rank"]
        for r in board["rows"]
        if (r["metric"], r["region"], r["output"]) == ("psnr", "hole", "raw")
    }
    assert sorted(rank for rank in ranks.values() if rank) == [1, 2, 3]
    assert (tmp_path / "public/index.html").is_file()


# ------------------------------------------------------------------------------------------------------ the workflow


def steps() -> list[dict[str, str]]:
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request" in workflow[True]  # YAML 1.1 reads the key "on" so
    assert "pull_request_target" not in workflow[True]
    found: list[dict[str, str]] = workflow["jobs"]["leaderboard"]["steps"]
    return found


def test_the_workflow_has_no_secret_and_its_commands_are_the_pages() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    assert "secrets." not in text
    assert not re.search(r"run: .*\$\{\{", text), "what a pull request can set must not become a command"
    (command,) = [step["run"] for step in steps() if step.get("run", "").startswith("bench ")]
    assert f"    {command}\n" in PAGE.read_text(encoding="utf-8")


def git(place: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(["git", *who, *words], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "results/house").mkdir(parents=True)
    (tmp_path / "results/house/run.json").write_text("{}")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "house")
    return tmp_path


@pytest.mark.skipif(shutil.which("git") is None or os.name == "nt", reason="needs git and bash")
@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"results/anna/run.json": "{}", "results/anna/parts/a b.parquet": ""}, 0),
        ({"results/änna/run.json": "{}"}, 0),
        ({"results/anna/run.json": "{}", "results/bert/run.json": "{}"}, 1),
        ({"results/house/run.json": "{}changed"}, 1),
        ({"results/house/more.json": "{}"}, 1),
        ({"results/anna/run.json": "{}", "README.md": ""}, 1),
        ({"results/loose.json": "{}"}, 1),
        ({"results/anna/run.json": "{}", "results/house/run.json": None}, 1),
    ],
)
def test_a_pull_request_adds_one_folder_and_nothing_else(
    repository: Path, files: dict[str, str | None], code: int
) -> None:
    base = git(repository, "rev-parse", "HEAD")
    for name, content in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True) if content is None else path.write_text(content)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "mine")
    (script,) = [step["run"] for step in steps() if step.get("name") == "One new folder"]
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=repository, env={**os.environ, "BASE": base}, capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout + done.stderr
