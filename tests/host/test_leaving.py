"""One run whose faces bear hostile names and whose method fails with a hostile text, through every way out of the package."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image
from torch import Tensor

from tests import tiny
from unmaskbench.benchmark.cli.main import main
from unmaskbench.benchmark.host.text import hidden_in
from unmaskbench.benchmark.plugins.registry import DATASETS, METHODS
from unmaskbench.benchmark.plugins.types import Attribute, DatasetCard, Face, MethodCard, SampleRef
from unmaskbench.benchmark.run.entry import run
from unmaskbench.reports.tables import export_tables

EVIL = "=cmd|x!A0\u202egnp\u200b\x1b[31m\nFORGED\r::error::<b>*_`\u2028##[group]$&"
NAMED = "e\u202e\x1b[31m\n::error::FORGED\u200b.png"


class HostileFaces(tiny.TinyFaces):
    """Tiny faces with a name, a person and an attribute that hide something."""

    card = DatasetCard("hostile_faces", "Hostile faces", "Apache-2.0", "drawn in the test", attributes=("smile",))

    def __init__(self, split: str = "test") -> None:
        super().__init__(split)
        first = [SampleRef(f"{EVIL}/{n}", EVIL) for n in range(2)]
        self.samples = [*first, *list(self.samples)[2:]]

    def __getitem__(self, index: int) -> Face:
        face = super().__getitem__(index)
        smile: Attribute = EVIL if index < 3 else "no"
        return Face(face.id, face.image, face.identity, face.landmarks, {"smile": smile})


class HostileFill(tiny.TinyFill):
    """Fails on one face with a text that hides something."""

    card = MethodCard("hostile_fill", "Hostile fill", needs_mask=True, provenance="classical", needs_ids=True)
    fails = False

    def restore(self, occluded: Tensor, mask: Tensor | None, ids: list[str]) -> Tensor:
        if self.fails and any(EVIL in name for name in ids):
            raise RuntimeError(EVIL)
        return super().restore(occluded, mask, ids)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A run, and one in which the method fails."""
    with tiny.registered():
        DATASETS.register("hostile_faces")(HostileFaces)
        METHODS.register("hostile_fill")(HostileFill)
        folder = tmp_path_factory.mktemp("runs")
        suite = tiny.suite(datasets=["hostile_faces"], methods=["untouched", "hostile_fill"], slice_by=["smile"])
        good = run(suite, folder / "good", speed=False)
        HostileFill.fails = True
        bad = run(suite, folder / "bad", speed=False)
        _rename_in_the_board(bad)
        yield good, bad
        HostileFill.fails = False
        del DATASETS.classes["hostile_faces"]
        del METHODS.classes["hostile_fill"]


def _rename_in_the_board(folder: Path) -> None:
    """Titles, which no card may have, as a board that was sent can have them."""
    stranger = folder.parent / "sent"
    stranger.mkdir()
    board = json.loads((folder / "board.json").read_text(encoding="utf-8"))
    for method in board["methods"]:
        method["title"] = method["message"] = EVIL
    for table in ("rows", "verification"):
        for row in board[table]:
            row["metric"] = EVIL if row["metric"] == "l1" else row["metric"]
    (stranger / "board.json").write_text(json.dumps(board), encoding="utf-8")


def bench(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What ``bench`` says, with its code at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["bench", *arguments])
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
    said = "".join(capfd.readouterr())
    assert "unexpected" not in said, said
    return f"{said}exit code {code}\n"


def check_visible(text: str, log: bool = True) -> None:
    """No hidden character, no line of the name's own, and in a log no order to the system that keeps it."""
    assert not hidden_in(text, lines=True), hidden_in(text, lines=True)
    assert not re.search(r"^\s*(FORGED|::error::)", text, re.MULTILINE), text
    assert not (log and "##[" in text), text


@pytest.fixture(scope="module")
def exported(runs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every table of the board that was sent."""
    out = tmp_path_factory.mktemp("tables")
    export_tables([runs[1].parent / "sent"], out)
    return out


WORDS = {
    "score": ("score", "{bad}"),
    "compare": ("compare", "{good}", "{bad}", "--all"),
    "check": ("check", "{bad}", "--baseline", "{out}/b.json", "--junit", "{out}/j.xml", "--summary", "{out}/s.md", "--worst",
              "{out}/w"),
    "check --update": ("check", "{bad}", "--baseline", "{out}/b.json", "--update"),
    "verify": ("verify", "{bad}"),
    "validate": ("validate", "{bad}"),
    "validate --json": ("validate", "{bad}", "--json"),
    "validate --dataset": ("validate", "--dataset", "hostile_faces"),
    "report": ("report", "{sent}", "--out", "{out}/page", "--figures", "2"),
    "masks build": ("masks", "build", "{out}/masks", "--suite", "quick", "--dataset", "hostile_faces", "--occlusions",
                    "tiny_block"),
    "an unknown method": ("run", "--methods", NAMED, "--out", "{out}/none"),
    "an unknown command": (NAMED,),
    "a word too many": ("report", "--figures", NAMED, "{out}"),
    "an unknown option": ("report", "--" + NAMED),
    "an unknown suite": ("run", "--suite", NAMED),
    "a folder that is not there": ("report", "{out}/" + NAMED),
    "a list of kinds": ("list", "datasets", "--json"),
}  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_every_command_says_visible_lines(
    runs: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str], word: str
) -> None:
    good, bad = runs
    places = {"good": good, "bad": bad, "sent": bad.parent / "sent", "out": tmp_path}
    if word.startswith("check"):
        bench(capfd, "check", str(good), "--baseline", f"{tmp_path}/b.json", "--update")
    said = bench(capfd, *(part.format(**places) for part in WORDS[word]))
    check_visible(said)
    if word == "report":
        page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
        assert r"\u202egnp" in page.replace("\\\\u202e", r"\u202e")
        assert not set("\u202e\u200b\x1b") & set(page)
    if word == "score":
        assert r"\u202egnp\u200b\x1b[31m FORGED\r" in said
    if word == "check":
        assert "exit code 1" in said
        root = ElementTree.parse(tmp_path / "j.xml")
        assert all(
            not hidden_in(text, lines=True) for node in root.iter() for text in (*node.attrib.values(), node.text or "")
        )
        summary = (tmp_path / "s.md").read_text(encoding="utf-8")
        check_visible(summary, log=False)
        assert r"\\u202egnp" in summary
        assert "<b>" not in summary


@pytest.mark.parametrize("kind", ["csv", "json", "md", "tex"])
def test_every_table_of_a_board_that_was_sent_is_visible(exported: Path, kind: str) -> None:
    tables = sorted(exported.glob(f"*.{kind}"))
    assert len(tables) > 8
    shown = 0
    for table in tables:
        text = table.read_text(encoding="utf-8")
        check_visible(text, log=False)
        shown += "FORGED" in text
        if kind == "csv":
            with table.open(encoding="utf-8", newline="") as stream:
                cells = [cell for row in csv.reader(stream) for cell in row]
            assert not [cell for cell in cells if cell[:1] in tuple("=@\t\r")]
        if kind == "md":
            assert "<b>" not in text
    assert shown >= 3


def test_scores_and_landmarks_of_named_files(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for folder in ("restored", "truth"):
        for name in (NAMED, "=1+1.png"):
            tiny.write_png(tmp_path / folder / name, torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1)))
    tiny.write_png(tmp_path / "restored" / f"no {NAMED}", torch.zeros(3, 32, 32))
    out = tmp_path / "scores.csv"
    said = bench(
        capfd,
        "score",
        str(tmp_path / "restored"),
        "--truth",
        str(tmp_path / "truth"),
        "--metrics",
        "psnr",
        "--out",
        str(out),
    )
    check_visible(said)
    check_visible(out.read_text(encoding="utf-8"), log=False)
    with out.open(encoding="utf-8", newline="") as stream:
        samples = {row["sample"] for row in csv.DictReader(stream)}
    assert "'=1+1.png" in samples
    Image.new("RGB", (64, 64)).save(tmp_path / "photos.png")
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in (NAMED, "=1+1.png"):
        Image.new("RGB", (64, 64)).save(photos / name)
    check_visible(bench(capfd, "landmarks", str(photos), "--sheets", "none"))
