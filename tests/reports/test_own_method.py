"""The commands that set a reader's own method beside a board's."""

from __future__ import annotations

import pytest

from unmaskbench.reports.own_method import own_method_commands

OWN = "--methods untouched,onnx:mine.onnx --out runs/mine"
BOTH = "runs/mine --out both"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("bench run --methods a,b --limit 30 --out runs/a", [f"bench run --limit 30 {OWN}", f"bench report runs/a {BOTH}"]),
        ("bench run --suite s.yaml", [f"bench run --suite s.yaml {OWN}", f"bench report RUN {BOTH}"]),
        (
            "bench run --methods=all --out='my runs/x' --keep restored",
            [f"bench run {OWN}", f"bench report 'my runs/x' {BOTH}"],
        ),
        ("python study.py", []),
        ("bench run --out 'torn", []),
    ],
)  # fmt: skip
def test_the_boards_own_command_with_another_method(command: str, expected: list[str]) -> None:
    assert own_method_commands({"command": command, "name": "lfw"}) == expected


def test_a_board_of_submissions_is_handed_in_to() -> None:
    members = [
        {"command": f"bench run --suite suite.yaml --methods telea --out runs/{name}"} for name in ("anna", "bert")
    ]
    board = {"command": "bench leaderboard results", "name": "results", "members": members}
    assert own_method_commands(board)[1] == "bench submit runs/mine --to results"
    # two runs on one page are no submissions
    assert (
        own_method_commands(members[0] | {"name": "a + b", "members": members})[1]
        == f"bench report runs/anna runs/bert {BOTH}"
    )
