"""What a person sees in a terminal of 60 columns: no number is broken, no colour where none is wanted, and completions."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden" / "board_small"
TABLES = """
from unmaskbench.benchmark.host.terminal import print_table, say
say("time   " + "  ".join(f"stage_{n} {n}1234.5678 s" for n in range(9)))
values = [f"-{n}.123456 to +{n}.654321" for n in range(8)]
path = "labelled_faces_in_the_wild/medical_mask/some_long_method_name/psnr/hole"
for whole in (False, True):
    name, said = ("method_of_twenty_five_ch", "ok") if whole else (path, "a message of words " * 6)
    headings = [("row", False), *((f"number {n}", True) for n in range(8)), ("said", False)]
    print_table("", headings, [[name, *values, said]], in_blocks=whole)
"""
COLOUR = re.compile(r"\x1b\[[0-9;]*?(?:3[0-8]|4[0-8]|9[0-7])(?:;[0-9;]*)?m")


def in_terminal(code: str, columns: int = 60, **environment: str) -> str:
    """What Python writes for ``code`` into a terminal of so many columns."""
    master, slave = pty.openpty()
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "CI")}
    settings = kept | {"COLUMNS": str(columns), "LINES": "50", "TERM": "xterm-256color"} | environment
    process = subprocess.Popen([sys.executable, "-c", code], stdout=slave, stderr=slave, env=settings)
    os.close(slave)
    chunks = []
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # Linux ends a terminal whose other side is closed so
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(master)
    text = b"".join(chunks).decode().replace("\r\n", "\n")
    assert process.wait() == 0, text
    return text


def bare(text: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", text).split("\n")


def test_no_number_is_broken_at_60_columns() -> None:
    lines = bare(in_terminal(TABLES))
    assert max(map(len, lines)) <= 60
    for n in range(8):
        # once in each of the two tables, each time whole
        assert sum(f"-{n}.123456 to +{n}.654321" in line for line in lines) == 2
    for n in range(9):
        assert sum(f"{n}1234.5678" in line for line in lines) == 1
    assert sum(line.count("message") for line in lines) == 6


def test_a_log_has_no_width(capsys: pytest.CaptureFixture[str]) -> None:
    from unmaskbench.benchmark.host.terminal import say

    say("word " * 100)
    assert capsys.readouterr().out == "word " * 100 + "\n"


def test_a_summary_is_whole_at_60_columns_and_without_colour_where_none_is_wanted() -> None:
    code = f"""
from pathlib import Path
from unmaskbench.benchmark.cli.summary import print_summary
print_summary(Path({str(GOLDEN)!r}))
"""
    text = in_terminal(code, NO_COLOR="1")
    assert not COLOUR.search(text)
    lines = bare(text)
    assert max(map(len, lines)) <= 60
    wide, narrow = (
        set(re.findall(r"\d+\.\d+", "\n".join(text))) for text in (bare(in_terminal(code, columns=200)), lines)
    )
    assert len(wide) > 30
    assert narrow == wide


@pytest.mark.parametrize(
    ("shell", "words", "expected"),
    [
        ("bash", {"COMP_WORDS": "bench re", "COMP_CWORD": "1"}, {"report", "restore"}),
        ("bash", {"COMP_WORDS": "bench weights ", "COMP_CWORD": "2"}, {"fetch", "list"}),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "bench lead"}, {"leaderboard"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "bench lead", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}, {"leaderboard"}),
    ],
)
def test_a_shell_completes_commands(shell: str, words: dict[str, str], expected: set[str]) -> None:
    code = "from unmaskbench.benchmark.cli.main import app; app(prog_name='bench')"
    settings = os.environ | {"_BENCH_COMPLETE": f"complete_{shell}"} | words
    found = subprocess.run([sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=False)
    offered = set(re.findall(r"[a-z]+", found.stdout))
    assert expected <= offered, found.stdout + found.stderr
    assert "train" not in offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_a_shell_is_told_how_to_complete(shell: str) -> None:
    code = "from unmaskbench.benchmark.cli.main import app; app(prog_name='bench')"
    settings = os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    found = subprocess.run(
        [sys.executable, "-c", code, "--show-completion", shell],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert "_BENCH_COMPLETE" in found.stdout
