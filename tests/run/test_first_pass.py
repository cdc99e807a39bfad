"""A model that cannot work ends the command before anything is computed, whatever kind of thing it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests import tiny
from unmaskbench.benchmark.cli.main import main
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.plan.units import plan
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.first_pass import try_models
from unmaskbench.benchmark.store.folder import RunFolder

JUDGE = """
import torch
from unmaskbench.plugin import CosineSimilarity, MatcherCard

class Judge(CosineSimilarity):
    card = MatcherCard("judge", "Judge", 7, "ours", "the test", "judge|1")
    def load(self, device): pass
    def embed(self, images, landmarks):
        return torch.zeros(len(images), 8)
"""


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


class _Blur(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, 1:]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"matchers": [{"id": "tiny_colours", "parameters": {"mode": "always"}}]},
            "breaks on each face.*the matcher broke",
        ),
        (
            {"matchers": [{"id": "tiny_colours", "parameters": {"mode": "wide"}}]},
            r"shape \(1, 49\).*promises \(1, 48\)",
        ),
        (
            {"matchers": [{"id": "tiny_colours", "parameters": {"mode": "zero"}}]},
            "zeros alone for each face that it was tried on",
        ),
        ({"matchers": ["judge.py:Judge"]}, r"shape \(1, 8\) for one face; its card promises \(1, 7\)"),
        ({"matchers": ["onnx:absent.onnx@arcface"]}, "no model file at absent.onnx"),
        ({"matchers": ["scores:absent.csv"]}, "no table of similarities at absent.csv"),
        (
            {"methods": ["untouched", "torchscript:cut.pt"]},
            r"fails on each face.*\(1, 3, 31, 32\) for \(1, 3, 32, 32\)",
        ),
        ({"methods": ["untouched", "torchscript:torn.pt"]}, "cannot be loaded.*no TorchScript file"),
    ],
)
def test_a_broken_model_is_told_before_the_run(
    changes: dict[str, object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("judge.py").write_text(JUDGE, encoding="utf-8")
    torch.jit.script(_Blur()).save("cut.pt")
    Path("cut.yaml").write_text("title: Cut\n", encoding="utf-8")
    Path("torn.pt").write_bytes(b"torn")
    Path("torn.yaml").write_text("title: Torn\n", encoding="utf-8")
    with pytest.raises(SuiteError, match=said):
        run(tiny.suite(**changes), tmp_path / "run", speed=False)
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_face_on_which_a_matcher_breaks_does_not_end_the_run(tmp_path: Path) -> None:
    matchers = [{"id": "tiny_colours", "parameters": {"mode": "break"}}]
    folder = run(tiny.suite(matchers=matchers), tmp_path / "run", speed=False)
    assert (folder / "board.json").is_file()
    RunFolder(folder).read_board()


def test_isolated_code_stays_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    called = JUDGE.replace("return torch", "open('called', 'w').close(); return torch")
    Path("judge.py").write_text(called, encoding="utf-8")
    planned = plan(tiny.suite(matchers=["judge.py:Judge"]))
    try_models(planned, planned.groups(), "cpu", isolated=True)
    assert not Path("called").exists()
    with pytest.raises(SuiteError, match="its card promises"):
        try_models(planned, planned.groups(), "cpu")
    assert Path("called").exists()
    # What runs no code of the user's is tried all the same.
    Path("mine.onnx").write_bytes(b"no model")
    planned = plan(tiny.suite(matchers=["onnx:mine.onnx@sface"]))
    with pytest.raises(SuiteError, match="cannot be opened as an ONNX model"):
        try_models(planned, planned.groups(), "cpu", isolated=True)


def test_the_command_ends_with_two_and_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.onnx").write_bytes(b"no model")
    arguments = [
        "run",
        "--dataset",
        "synthetic",
        "--limit",
        "2",
        "--methods",
        "untouched",
        "--matchers",
        "onnx:mine.onnx@sface",
    ]
    monkeypatch.setattr("sys.argv", ["bench", *arguments, "--occlusions", "block", "--out", "run", "--no-speed"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    said = capfd.readouterr().err
    assert "mine.onnx cannot be opened as an ONNX model" in said
    assert "unexpected" not in said
