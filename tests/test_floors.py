"""The floors that imports may not cross: CONTRIBUTING tells those of the contract, and every room has one."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def layers(contract: str) -> list[set[str]]:
    """The floors of a contract from the top, each a set of folders of the checkout."""
    parser = configparser.ConfigParser()
    parser.read(CHECKOUT / ".importlinter", encoding="utf-8")
    lines = parser[f"importlinter:contract:{contract}"]["layers"].split("\n")
    return [
        {part.strip().removeprefix("unmaskbench.").replace(".", "/") for part in line.split("|")}
        for line in lines
        if line.strip()
    ]


def test_contributing_tells_the_floors_of_the_contract() -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = [
        set(re.findall(r"`([a-z/]+)`", line.split("|")[2]))
        for line in text.splitlines()
        if re.match(r"\| -?\d+ \| `", line)
    ]
    assert told == layers("floors")


def test_both_contracts_name_the_same_floors() -> None:
    within = [{f"benchmark/{name}" for name in floor} for floor in layers("harness")]
    across = [{name for name in floor if name.startswith("benchmark/")} for floor in layers("floors")]
    assert within == [floor for floor in across if floor]


def test_every_room_has_a_floor_and_the_root_is_bare() -> None:
    rooms = {path.name for path in (CHECKOUT / "benchmark").iterdir() if (path / "__init__.py").is_file()}
    floors = {name for floor in layers("harness") for name in floor}
    assert rooms - {"public"} == floors
    assert [path.name for path in (CHECKOUT / "benchmark").glob("*.py")] == ["__init__.py"]


def test_the_readme_draws_every_room() -> None:
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8").partition("## The house")[2]
    for path in (CHECKOUT / "benchmark").iterdir():
        if (path / "__init__.py").is_file():
            assert f"{path.name}/" in text
