"""The door: ``unmaskbench`` and ``unmaskbench.plugin`` name what they say, cost nothing to import, and hide no import."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import unmaskbench
import unmaskbench.plugin
from unmaskbench.benchmark.plan.fingerprint import _names_in
from unmaskbench.benchmark.plugins.exports import HOMES

OURS = ("methods", "datasets", "benchmark/metrics", "benchmark/biometrics/matchers")
CHECKOUT = Path(__file__).resolve().parents[1]


def read_by_type_checkers() -> dict[str, str]:
    """Name and home of every import under ``if TYPE_CHECKING`` of the door."""
    tree = ast.parse(Path(inspect.getfile(unmaskbench.plugin)).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        alias.name: str(node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def test_type_checkers_read_the_table_that_runs() -> None:
    assert read_by_type_checkers() == HOMES
    assert sorted(HOMES) == sorted(unmaskbench.plugin.__all__) == dir(unmaskbench.plugin)


@pytest.mark.parametrize("name", sorted(HOMES))
def test_every_name_is_there(name: str) -> None:
    found = getattr(unmaskbench.plugin, name)
    home = getattr(found, "__module__", None)
    if inspect.isclass(found) or inspect.isfunction(found):
        assert home == HOMES[name], f"'{name}' is at home in {home}"


@pytest.mark.parametrize("door", ["unmaskbench", "unmaskbench.plugin"])
def test_an_unknown_name_is_an_attribute_error(door: str) -> None:
    with pytest.raises(AttributeError, match=r"no (name|attribute) 'Metod'"):
        _ = getattr(sys.modules[door], "Metod")  # noqa: B009 - the name must not exist


def test_the_door_costs_no_heavy_import() -> None:
    program = (
        "import sys, unmaskbench, unmaskbench.plugin\n"
        "from unmaskbench.plugin import Face, HasWeights, Method, MethodCard, METHODS\n"
        "print([name for name in ('torch', 'mmengine', 'cv2', 'numpy', 'PIL', 'polars') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_import_through_the_door_is_one_of_the_names_home() -> None:
    source = b"from unmaskbench.plugin import METRICS, region_mean\n"
    assert _names_in(source, "unmaskbench.methods") == {HOMES["METRICS"], HOMES["region_mean"]}


def test_built_in_plug_ins_use_the_door_wherever_it_has_the_name() -> None:
    past: list[str] = []
    for path in (path for room in OURS for path in sorted((CHECKOUT / room).rglob("*.py"))):
        own = "unmaskbench." + ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module not in (None, "unmaskbench.plugin"):
                names = [alias.name for alias in node.names if HOMES.get(alias.name) == node.module]
                past += [f"{own} imports {name} from {node.module}" for name in names]
    assert past == []
