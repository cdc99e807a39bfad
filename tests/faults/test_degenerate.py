"""Runs with next to nothing in them, given to every command that reads a run: a page or one true sentence, never a crash."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from unmaskbench.benchmark.cli.main import main
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import RunFolder

ALL = [f"p{who}/{n}" for who in range(3) for n in range(2)]


def _faces(**parameters: Any) -> dict[str, Any]:
    return {"datasets": [{"id": "tiny_faces", "parameters": parameters}]}


def _blocks(*parameters: dict[str, Any]) -> dict[str, Any]:
    entries = [{"id": "tiny_block", "label": f"block{n}", "parameters": each} for n, each in enumerate(parameters)]
    return {"occlusions": entries}


FACES: dict[str, dict[str, Any]] = {
    "no face can be read": _faces(unreadable=ALL),
    "one face can be read": _faces(unreadable=ALL[1:]),
    "one shard is empty": _faces(unreadable=ALL[:4]),
    "one face": _faces(identities=1, each=1),
    "one person": _faces(identities=1, each=4),
    "no person twice": _faces(identities=4, each=1),
    "no face has landmarks": _faces(bare=ALL),
    "one face has landmarks": _faces(bare=ALL[1:]),
    "one condition is short of a face": _blocks({}, {"on": "p0/0", "mode": "refuse"}),
    "nothing is covered": _blocks({"share": 0.0}),
    "everything is covered": _blocks({"share": 1.0}),
}
REST: dict[str, dict[str, Any]] = {
    "all is asked": {},
    "no metric": {"metrics": []},
    "no matcher": {"matchers": []},
    "nothing is measured": {"metrics": [], "matchers": []},
    "no threshold can be set": {"fmr_targets": [1e-6]},
    "every method fails": {"methods": ["untouched", tiny.odd("raise"), tiny.odd("nan"), tiny.odd("load")]},
    "the matcher fails": {"matchers": [{"id": "tiny_colours", "parameters": {"mode": "break"}}]},
    "one method alone": {"methods": ["untouched"]},
    "the metric measures no method here": {"metrics": ["mask_iou"]},
}
# Every kind of faces with all that is asked, every kind of rest with all faces, and those that meet in a corner.
CORNERS = ["no face can be read", "one face", "nothing is covered"], ["nothing is measured", "every method fails"]
FAMILY = [
    *((faces, "all is asked") for faces in FACES),
    *(("all faces", rest) for rest in REST if rest != "all is asked"),
    *itertools.product(*CORNERS),
]
READERS = (
    ("score", "{run}"),
    ("report", "{run}", "--tables", "{out}/tables"),
    ("check", "{run}", "--baseline", "{out}/b.json", "--update"),
    ("check", "{run}", "--baseline", "{out}/b.json", "--junit", "{out}/j.xml", "--summary", "{out}/s.md", "--worst", "{out}/w"),
    ("compare", "{run}", "{run}"),
    ("verify", "{run}"),
    ("validate", "{run}"),
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def _answer(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and what was said, as ``bench`` gives them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["bench", *arguments])
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code
    said = "".join(capfd.readouterr())
    return code if isinstance(code, int) else int(code is not None), said


@pytest.mark.parametrize(("faces", "rest"), FAMILY)
def test_every_reader_has_an_answer(tmp_path: Path, capfd: pytest.CaptureFixture[str], faces: str, rest: str) -> None:
    suite = tiny.suite(**FACES.get(faces, {}) | REST[rest])
    folder = run(suite, tmp_path / "run", speed=False, save_images=True)
    for reader in READERS:
        arguments = [text.format(run=folder, out=tmp_path) for text in reader]
        code, said = _answer(capfd, *arguments)
        assert "unexpected" not in said, (arguments, said)
        assert "Traceback" not in said, (arguments, said)
        if code:
            assert said.strip(), arguments
        if reader[0] in ("score", "report", "verify", "validate"):
            assert code == 0, (arguments, said)
    assert (folder / "index.html").is_file()
    counts = {status["status"] for status in RunFolder(folder).read_board()["statuses"]}
    if faces == "no face can be read":
        assert "ok" not in counts
    if rest == "every method fails" and faces == "one face":
        assert {"ok", "failed_restore"} <= counts


@pytest.mark.parametrize("gone", ["board.json", "run.json", "manifest.parquet", "finished.json"])
def test_a_run_that_lacks_a_file_is_told_by_its_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], gone: str
) -> None:
    folder = run(tiny.suite(gallery=0), tmp_path / "run", speed=False)
    for reader in READERS:
        if reader[0] == "score" and gone != "run.json":
            continue  # which writes the board anew
        (folder / gone).unlink(missing_ok=True)
        _, said = _answer(capfd, *(text.format(run=folder, out=tmp_path) for text in reader))
        assert "unexpected" not in said, (reader, said)
        assert "Traceback" not in said, (reader, said)


def test_a_board_of_another_run_is_refused_by_all_that_read_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = run(tiny.suite(gallery=0), tmp_path / "run", speed=False)
    other = run(tiny.suite(gallery=0, methods=["untouched"]), tmp_path / "other", speed=False)
    shutil.copyfile(other / "run.json", folder / "run.json")
    for reader in (READERS[1], READERS[2], READERS[4]):
        code, said = _answer(capfd, *(text.format(run=folder, out=tmp_path) for text in reader))
        assert code != 0, (reader, said)
        assert "was made of another run.json" in said.replace("\n", " "), (reader, said)


def test_a_run_of_a_newer_schema_is_refused_by_name(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = run(tiny.suite(gallery=0), tmp_path / "run", speed=False)
    for name in ("run.json", "claim.json"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("unmaskbench.run/2", "unmaskbench.run/9"))
    for reader in (("score", "{run}"), READERS[3], READERS[4], READERS[5], READERS[6]):
        code, said = _answer(capfd, *(text.format(run=folder, out=tmp_path) for text in reader))
        assert code != 0, (reader, said)
        if reader[1] == "{run}" and reader[0] != "check":
            assert "unmaskbench.run/9" in said, (reader, said)
    with pytest.raises(Exception, match=r"unmaskbench\.run/9"):
        run(tiny.suite(gallery=0), folder, speed=False)


def test_faces_without_landmarks_are_told_before_a_method_runs(tmp_path: Path) -> None:
    tiny.CALLS.clear()
    suite = tiny.suite(**_faces(bare=ALL), occlusions=["block"])
    with pytest.raises(SuiteError, match="none of its 6 faces has landmarks, which block needs"):
        run(suite, tmp_path / "run", speed=False)
    assert tiny.CALLS == []
