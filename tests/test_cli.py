"""The command line: fast help, one-line errors, exit codes, and no torch where none is needed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests import tiny
from unmaskbench.benchmark.cli import main as entry
from unmaskbench.benchmark.cli.listing import KINDS
from unmaskbench.benchmark.run.entry import run as run_suite

BENCH = [sys.executable, "-m", "unmaskbench.benchmark.cli.main"]


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def bench(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command, through the entry point."""
    monkeypatch.setattr(sys, "argv", ["bench", *map(str, words)])
    code: Any = 0
    try:
        entry.main()
    except SystemExit as stop:
        code = stop.code or 0
    out, err = capfd.readouterr()
    return int(code), out, err


def commands() -> list[list[str]]:
    """Every command's words."""
    found = []
    for info in entry.app.registered_commands:
        found.append([str(info.name)])
    for group in entry.app.registered_groups:
        assert group.typer_instance is not None
        for info in group.typer_instance.registered_commands:
            name = info.name or getattr(info.callback, "__name__", "")
            found.append([str(group.name), name])
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_examples(words: list[str]) -> None:
    result = CliRunner().invoke(entry.app, [*words, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"bench {' '.join(words)}" in result.output


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    for word in ("--version", "-V"):
        result = CliRunner().invoke(entry.app, [word])
        assert result.exit_code == 0
        assert result.output == f"unmaskbench {version('unmaskbench')}\n"


def test_list_alone_counts_every_kind() -> None:
    result = CliRunner().invoke(entry.app, ["list"])
    assert result.exit_code == 0
    heads = [line.split()[0] for line in result.output.splitlines() if line[0] != " "]
    assert heads == list(KINDS)
    everything = json.loads(CliRunner().invoke(entry.app, ["list", "--json"]).output)
    for kind in KINDS:
        alone = json.loads(CliRunner().invoke(entry.app, ["list", kind, "--json"]).output)
        assert everything[kind] == alone
        assert all(item["id"] in result.output for item in alone)


def test_open_draws_the_page_where_it_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run_suite(tiny.suite(), tmp_path / "run", speed=False)
    opened: list[str] = []
    monkeypatch.setattr(typer, "launch", opened.append)
    assert not (folder / "index.html").exists()
    result = CliRunner().invoke(entry.app, ["open", str(folder)])
    assert result.exit_code == 0, result.output
    assert opened == [(folder / "index.html").resolve().as_uri()]
    drawn = (folder / "index.html").stat().st_mtime_ns
    CliRunner().invoke(entry.app, ["open", str(folder)])
    assert (folder / "index.html").stat().st_mtime_ns == drawn


LIGHT = """
import sys
sys.argv = ['bench', *{words!r}]
from unmaskbench.benchmark.cli import main
try:
    main.main()
except SystemExit as stop:
    assert not stop.code, stop.code
names = ('torch', 'torchvision', 'mmengine', 'cv2', 'onnxruntime', 'scipy', 'numpy', 'PIL.Image', 'polars', 'matplotlib',
         'scipy.stats', 'torch._dynamo')
heavy = [name for name in names if name in sys.modules]
sys.stderr.write('heavy: ' + ' '.join(heavy))
"""


def heavy(*words: str) -> str:
    code = LIGHT.format(words=list(words))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.rpartition("heavy:")[2].strip()


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], ["run", "--help"], ["masks", "build", "--help"], ["report", "--help"]],
    ids=" ".join,
)
def test_help_answers_without_heavy_libraries(words: list[str]) -> None:
    assert heavy(*words) == ""


def test_help_answers_within_half_a_second() -> None:
    seconds = []
    for _ in range(3):
        started = os.times()
        subprocess.run([*BENCH, "--help"], capture_output=True, check=True)
        ended = os.times()
        # processor time: what the command costs, whatever else this machine does
        seconds.append(ended.children_user + ended.children_system - started.children_user - started.children_system)
    assert min(seconds) < 0.5, seconds


@pytest.mark.parametrize("words", [["list"], *(["list", kind, "--json"] for kind in KINDS)], ids=" ".join)
def test_a_listing_answers_without_heavy_libraries(words: list[str]) -> None:
    assert heavy(*words) == ""


def test_a_finished_run_is_answered_without_heavy_libraries(tmp_path: Path) -> None:
    words = ["run", "--methods", "untouched,telea", "--limit", "3", "--no-speed", "--out", str(tmp_path / "run")]
    subprocess.run([*BENCH, *words], capture_output=True, check=True)
    assert heavy(*words) == "polars"  # which reads the parts' footers


SLOWEST = {"torch", "torchvision", "mmengine", "cv2", "onnxruntime", "scipy.stats"}


def test_what_draws_or_checks_a_run_does_so_without_torch(tmp_path: Path) -> None:
    folder, baseline = run_suite(tiny.suite(), tmp_path / "run", speed=False), tmp_path / "baseline.json"
    for words in (
        ["report", str(folder)],
        ["check", str(folder), "--baseline", str(baseline), "--update"],
        ["check", str(folder), "--baseline", str(baseline)],
        ["history", str(folder)],
    ):
        assert set(heavy(*words).split()).isdisjoint(SLOWEST), words
    assert "<html" in (folder / "index.html").read_text()


def test_a_run_imports_neither_torch_s_compiler_nor_scipy_s_distributions(tmp_path: Path) -> None:
    """They take longer than all else that a run imports; the networks are loaded, timed and counted, and the board is drawn."""
    small = ["--methods", "untouched,psp_unmask", "--limit", "2", "--occlusions", "random_lines"]
    found = set(heavy("run", *small, "--out", str(tmp_path / "run")).split())
    assert "torch" in found
    assert found.isdisjoint({"torch._dynamo", "scipy.stats"})
    assert json.loads((tmp_path / "run" / "speed.json").read_text())["psp_unmask"]["macs"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--methods", "tela"], "unknown method 'tela'; did you mean 'telea'? (bench list methods)"),
        (["run", "--suite", "quik"], "unknown suite 'quik'; did you mean 'quick'? (bench list suites"),
        (["run", "--suite", "absent.yaml"], "no suite file at absent.yaml"),
        (["run", "--metrics", "pnsr"], "unknown metric 'pnsr'; did you mean 'psnr'? (bench list metrics)"),
        (["run", "--occlusions", "blok"], "unknown occlusion 'blok'; did you mean 'block'? (bench list occlusions)"),
        (["run", "--dataset", "lwf"], "unknown dataset 'lwf'; did you mean 'lfw'? (bench list datasets)"),
        (["run", "--matchers", "arkface"], "unknown matcher 'arkface'; did you mean 'arcface'? (bench list matchers)"),
        (["run", "--precision", "fp8"], "key 'precision': Input should be 'fp32' or 'bf16' (got 'fp8')"),
        (["run", "--device", "tpu"], "unknown device 'tpu'; one of auto, cpu, cuda, cuda:N"),
        (["run", "--methods", "predictions:absent"], "predictions: no folder at absent"),
        (["run", "--methods", "onnx:absent.onnx"], "no model file at absent.onnx"),
        (["weights", "fetch", "edgefase_xs"], "unknown weights 'edgefase_xs'; did you mean 'edgeface_xs'?"),
        (["score", "absent"], "absent is no run folder"),
        (["masks", "verify", "absent"], "holds no manifest.json"),
        (["report", "absent"], "absent"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_user_s_mistake_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = bench(monkeypatch, capfd, *words)
    assert code == 2
    assert said in err
    assert "unexpected" not in err
    assert "Traceback" not in err + out
    assert len([line for line in err.splitlines() if line.startswith("bench: ")]) == 1
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--workers", "0"],
        ["run", "--limit", "-1"],
        ["run", "--limit", "0"],
        ["masks", "build", "x", "--limit", "0"],
        ["run", "--bogus"],
        ["lst"],
        ["list", "method"],
    ],
)
def test_usage_errors_are_2(words: list[str]) -> None:
    assert CliRunner().invoke(entry.app, words).exit_code == 2


def test_a_limit_of_no_sample_is_refused_with_a_sentence() -> None:
    said = CliRunner().invoke(entry.app, ["run", "--limit", "0"]).output
    assert "0 leaves no sample; give 1 or more, or leave it out for all of them" in said


def test_an_unexpected_error_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from unmaskbench.benchmark.plan import suite_file

    def broken(name: str) -> None:
        raise AttributeError("a bug of ours")

    monkeypatch.setattr(suite_file, "load_suite", broken)
    code, _, err = bench(monkeypatch, capfd, "run")
    assert code == 2
    assert "unexpected; set UNMASKBENCH_DEBUG=1" in err
    assert "AttributeError: a bug of ours" in err
    monkeypatch.setenv("UNMASKBENCH_DEBUG", "1")
    with pytest.raises(AttributeError):
        bench(monkeypatch, capfd, "run")


def test_ctrl_c_says_that_the_run_goes_on(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def stopped(**_: Any) -> None:
        raise KeyboardInterrupt

    quick = typer.Typer()
    quick.command("run")(lambda: stopped())
    quick.command("other")(lambda: None)
    monkeypatch.setattr(entry, "app", quick)
    code, _, err = bench(monkeypatch, capfd, "run")
    assert code == 130
    assert "What was computed is kept; the same command goes on from there." in err


def test_a_real_interrupt_keeps_what_was_computed(tmp_path: Path) -> None:
    words = ["run", "--suite", "quick", "--limit", "96", "--methods", "telea", "--metrics", "fsim", "--no-speed"]
    process = subprocess.Popen(
        [*BENCH, *words, "--out", str(tmp_path / "run")], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if list((tmp_path / "run" / "parts").glob("[!.]*.parquet")):
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "What was computed is kept" in err
    assert list((tmp_path / "run" / "parts").glob("[!.]*.parquet"))


@pytest.mark.parametrize("kind", ["methods", "datasets", "occlusions", "metrics", "matchers", "segmenters", "suites"])
def test_lists_as_text_and_json(kind: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = bench(monkeypatch, capfd, "list", kind, "--json")
    assert code == 0
    entries = json.loads(out)
    assert entries
    for found in entries:
        assert {"id", "title", "state", "remedies", "card"} <= set(found)
        assert found["state"] in ("ready", "needs weights", "needs extra", "needs data", "broken")
        assert bool(found["remedies"]) == (found["state"] != "ready")
    _, text, _ = bench(monkeypatch, capfd, "list", kind)
    assert all(found["id"] in text for found in entries)


def test_a_list_says_what_the_user_must_bring(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = bench(monkeypatch, capfd, "list", "datasets", "--json")
    datasets = {found["id"]: found for found in json.loads(out)}
    assert datasets["synthetic"]["state"] == "ready"
    assert datasets["lfw"]["state"] == "needs data"
    assert "--root DIR" in datasets["lfw"]["remedies"][0]
    _, out, _ = bench(monkeypatch, capfd, "list", "suites", "--json")
    suites = {found["id"]: found for found in json.loads(out)}
    assert suites["quick"]["state"] == "ready", suites["quick"]["remedies"]
    assert suites["lfw"]["remedies"][0].startswith("dataset 'lfw' needs root folder: --root DIR")
    trained = "method 'ra_unet' needs weights ra_unet_unet.safetensors: bench train ra_unet --recipe unet"
    assert any(remedy.startswith(trained) for remedy in suites["ablations"]["remedies"])


def test_a_run_scores_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import yaml

    suite = tmp_path / "tiny.yaml"
    suite.write_text(yaml.safe_dump(tiny.suite().model_dump(mode="json")))
    out = tmp_path / "out"
    words = ["run", "--suite", suite, "--out", out, "--no-speed", "--slice-by", "smile", "--methods", "telea,tiny_fill"]
    monkeypatch.setenv("COLUMNS", "200")
    code, shown, err = bench(monkeypatch, capfd, *words)
    assert code == 0, err
    for word in ("untouched", "telea", "tiny_fill", "psnr hole", "index.html"):
        assert word in shown
    board = json.loads((out / "board.json").read_text())
    assert board["run"]["command"].startswith("bench run --suite")
    assert {"all"} < {row["slice"] for row in board["rows"]}
    again = json.loads((out / "board.json").read_text())
    code, _, err = bench(monkeypatch, capfd, "score", out)
    assert code == 0, err
    assert json.loads((out / "board.json").read_text()) == again
    code, shown, err = bench(monkeypatch, capfd, "report", out, "--out", tmp_path / "page")
    assert code == 0, err
    assert "board" in shown


def test_no_value_is_folded_in_a_narrow_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer stands first, the table is parted by columns, and what was refused says why."""
    from unmaskbench.benchmark.cli.summary import print_summary

    metrics = ["psnr", "ssim", "l1", "mse"]
    asked = tiny.suite(metrics=metrics, size=32, fmr_targets=[1e-5])
    folder = run_suite(asked, tmp_path / "run", speed=False)
    board = json.loads((folder / "board.json").read_text())
    for row in board["rows"]:
        row["value"] = 12.345678 if row["value"] is not None else None
    (folder / "board.json").write_text(json.dumps(board))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    capfd.readouterr()
    print_summary(folder)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capfd.readouterr().out).splitlines()
    tables = [
        line for line in lines if re.search(r"\d\.\d|^method", line) and not line.startswith(("time", "tiny_colours F"))
    ]
    assert max(len(line.rstrip()) for line in tables) <= 40
    assert sum(line.startswith("method ") for line in tables) > len({row["occlusion"] for row in board["rows"]})
    values = {word for line in tables for word in line.split()[1:] if "tiny_fill" in line}
    assert "12.35" in values
    assert lines[1].startswith("tiny_faces, tiny_block, composite: ")
    assert lines[1].endswith(".")
    assert any(line.startswith("tiny_colours FNMR at equal FMR 0.001\u00a0%: an FMR of 1e-05 needs") for line in lines)


def test_the_summary_shows_what_methods_are_ranked_by(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from unmaskbench.benchmark.cli.summary import print_summary

    folder = run_suite(tiny.suite(fmr_targets=[0.9], size=32), tmp_path / "run", speed=False)
    board = json.loads((folder / "board.json").read_text())
    for row in board["verification"]:  # figures that cannot be mistaken for one another
        row["refused"] = ""
        if row["metric"] == "fnmr_equal":
            row["value"] = 0.1234
        elif row["metric"] == "fnmr":
            row["value"] = 0.9876
    (folder / "board.json").write_text(json.dumps(board))
    capfd.readouterr()
    print_summary(folder)
    shown = capfd.readouterr().out
    assert "tiny_colours FNMR at equal FMR 90\u00a0%" in shown
    assert {line.split()[0]: line.split()[-1] for line in shown.splitlines() if "12.34\u00a0%" in line}.keys() == {
        "(truth)", "untouched", "tiny_fill",
    }  # fmt: skip
    assert "98.76" not in shown


def test_a_refused_row_of_a_column_with_figures_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Bare pairs can be too few for a target that worn ones reach: the reason must not stand against the whole column."""
    from unmaskbench.benchmark.cli.summary import print_summary

    folder = run_suite(tiny.suite(fmr_targets=[0.9, 1e-5], size=32), tmp_path / "run", speed=False)
    board = json.loads((folder / "board.json").read_text())
    for row in board["verification"]:
        if row["metric"] == "fnmr_equal" and row["target"] == 0.9:
            refused = row["setting"] == "TT"
            row |= {"value": None, "refused": "too few"} if refused else {"value": 0.1234, "refused": ""}
    (folder / "board.json").write_text(json.dumps(board))
    capfd.readouterr()
    print_summary(folder)
    said = [line for line in capfd.readouterr().out.splitlines() if ": " in line]
    assert "tiny_colours FNMR at equal FMR 90\u00a0%, (truth): too few" in said
    assert (
        sum(line.startswith("tiny_colours FNMR at equal FMR 0.001\u00a0%: an FMR of 1e-05 needs") for line in said) == 1
    )


def test_masks_are_built_verified_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    words = ["--dataset", "tiny_faces", "--occlusions", "block", "--limit", "2"]
    code, shown, err = bench(monkeypatch, capfd, "masks", "build", out, *words)
    assert code == 0, err
    assert "tiny_faces/block: 2 samples, mean coverage" in shown
    assert bench(monkeypatch, capfd, "masks", "verify", out)[0] == 0
    next(out.rglob("*.png")).unlink()
    code, shown, _ = bench(monkeypatch, capfd, "masks", "verify", out)
    assert code == 1
    assert "no such file" in shown
    code, _, err = bench(
        monkeypatch, capfd, "masks", "preview", tmp_path / "s.png", "--dataset", "tiny_faces", "--columns", 2
    )
    assert code == 0, err
    assert (tmp_path / "s.png").stat().st_size > 0


def test_weights_and_doctor_say_what_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    code, shown, _ = bench(monkeypatch, capfd, "weights", "list")
    assert code == 0
    assert "edgeface_xs" in shown
    assert "not here" in shown
    (tmp_path / "mine.onnx").write_bytes(b"not the published file")
    code, _, err = bench(monkeypatch, capfd, "weights", "add", "edgeface_xs", tmp_path / "mine.onnx")
    assert code == 2
    assert "is not the published 'edgeface_xs'" in err
    assert bench(monkeypatch, capfd, "weights", "verify")[0] == 0
    code, shown, err = bench(monkeypatch, capfd, "doctor")
    assert code == 0, err
    for word in ("versions", "torch", "devices", "cuda", "weights", "would enable", "plug-ins"):
        assert word in shown


def test_all_methods_leaves_out_what_needs_something_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from unmaskbench.benchmark.cli.run import all_methods
    from unmaskbench.benchmark.plugins.registry import METHODS
    from unmaskbench.benchmark.plugins.types import Missing

    monkeypatch.setattr(
        tiny.TinyFill, "missing", lambda: [Missing("weights", "w", "bench weights fetch w")], raising=False
    )
    monkeypatch.setitem(METHODS.broken, "torn", "ImportError: no torn")
    found = all_methods(tiny.suite())
    assert found[0] == "untouched"
    assert {"telea", "navier_stokes"} < set(found)
    assert not {"tiny_fill", "onnx", "predictions", "torchscript", "torn"} & set(found)
    err = capfd.readouterr().err
    assert "left out: tiny_fill needs weights w (bench weights fetch w)" in err
    assert "left out: torn cannot be imported" in err


def test_all_methods_takes_the_cheapest_beside_the_suites_own(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A budget of 5: own methods are free, 1 and 3 fit, 4 does not, and nothing after it; who is named is taken."""
    from unmaskbench.benchmark.cli.run import all_methods, changed
    from unmaskbench.benchmark.plugins.registry import METHODS

    costs = {"telea": 9e9, "navier_stokes": 3e9, "tiny_fill": 1e9, "lama": 4e9, "mbnet": 7e9}
    for name in METHODS.names():
        card = {"macs": costs[name]} if name in costs else None
        monkeypatch.setattr(METHODS.get(name), "training_card", lambda card=card: card, raising=False)
    suite = tiny.suite(methods=["untouched", "telea"], further_macs=5e9)
    found = all_methods(suite)
    assert {"untouched", "telea", "navier_stokes", "tiny_fill"} < set(found)
    assert not {"lama", "mbnet"} & set(found)
    err = capfd.readouterr().err
    assert "left out: lama takes 4 billion multiply-accumulates an image; beside its own methods the suite tiny" in err
    assert "(--methods all,mbnet adds it)" in err
    everything = {"dataset": "", "root": "", "split": "", "limit": None}
    asked = dict.fromkeys(("occlusions", "metrics", "matchers", "slice_by"), "") | everything
    ids = [entry.id for entry in changed(suite, methods="all,mbnet", **asked).methods]
    assert sorted(ids) == sorted([*found, "mbnet"])
    assert set(all_methods(tiny.suite())) == {*found, "lama", "mbnet"}, (
        "a suite without a bound takes all that is ready"
    )
