"""The wheel: what is in it, and that it works with another package's plug-in beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.doc_examples import plugins, write_package

ROOT = Path(__file__).resolve().parents[1]
GROUPS = {
    "methods/": "unmaskbench.methods",
    "datasets/occlusions/": "unmaskbench.occlusions",
    "datasets/": "unmaskbench.datasets",
    "benchmark/metrics/": "unmaskbench.metrics",
    "benchmark/biometrics/matchers/": "unmaskbench.matchers",
}
ROOMS = ("benchmark", "methods", "datasets", "reports")
DOOR = "benchmark/public/"  # what `import unmaskbench` gives
DATA = (
    ".py",
    ".yaml",
    ".json",
    ".safetensors",
    ".html",
    ".j2",
    ".css",
    ".js",
    ".svg",
    ".parquet",
    ".npz",
    ".onnx",
    ".txt",
)


def pip(*words: str, cwd: Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="session")
def checkout() -> Path:
    if not (ROOT / "pyproject.toml").is_file() or not (ROOT / "benchmark").is_dir():
        pytest.skip("the wheel is built from a checkout: this is none")
    return ROOT


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that a build leaves nothing in the checkout."""
    import shutil

    source = tmp_path_factory.mktemp("source") / "unmaskbench"
    source.mkdir()
    for room in ROOMS:
        shutil.copytree(checkout / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "LICENSE", "README.md"):
        if (checkout / name).is_file():
            shutil.copy(checkout / name, source / name)
        elif name == "README.md":
            (source / name).write_text("unmaskbench\n")
    out = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--quiet", "-w", str(out), str(source), cwd=out)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel, and a second package: the documentation's examples by their entry points, and one that is
    broken."""
    target = tmp_path_factory.mktemp("site")
    second = tmp_path_factory.mktemp("second")
    points = {"unmaskbench.methods": ['second_torn = "doc_examples.torn"']}
    for title in plugins():
        group = next(group for place, group in GROUPS.items() if title.startswith(place))
        group = "unmaskbench.segmenters" if "segmenter" in title else group
        stem = Path(title).stem
        points.setdefault(group, []).append(f'{stem} = "doc_examples.{stem}"')
    (second / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "second-restorer"\nversion = "1.0"\n'
        '[tool.setuptools]\npackages = ["doc_examples"]\n'
        + "".join(f'[project.entry-points."{group}"]\n' + "\n".join(lines) + "\n" for group, lines in points.items())
    )
    package = write_package(second, only_plugins=True)
    (package / "torn.py").write_text("import a_package_that_is_not_here\n")
    pip("install", "--no-deps", "--quiet", "--target", str(target), str(wheel), cwd=second)
    pip("install", "--no-deps", "--no-build-isolation", "--quiet", "--target", str(target), str(second), cwd=second)
    return target


def bench(installed: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {
        "PYTHONPATH": str(installed)
    }
    command = [sys.executable, "-m", "unmaskbench.benchmark.cli.main", *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


def test_the_wheel_holds_the_four_folders_and_nothing_else(checkout: Path, members: set[str]) -> None:
    expected = {
        f"unmaskbench/{path.relative_to(checkout).as_posix().removeprefix(DOOR)}"
        for room in ROOMS
        for path in (checkout / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and (path.suffix in DATA or path.name == "py.typed")
    }
    inside = {name for name in members if ".dist-info/" not in name}
    assert sorted(expected - inside) == []
    assert sorted(inside - expected) == []


def test_no_package_of_another_s_name_is_overwritten(members: set[str]) -> None:
    tops = {name.partition("/")[0] for name in members}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"unmaskbench"}


def test_every_file_of_the_rooms_is_of_a_kind_that_ships(checkout: Path) -> None:
    others = {
        path.relative_to(checkout).as_posix()
        for room in ROOMS
        for path in (checkout / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (*DATA, ".typed", ".md", ".txt")
    }
    assert sorted(others) == [], "add these endings to package_data in setup.py, or take the files out"


@pytest.mark.parametrize("room", ROOMS)
def test_types_are_declared_in_every_room(members: set[str], room: str) -> None:
    assert f"unmaskbench/{room}/py.typed" in members


@pytest.mark.parametrize(
    "name", ["benchmark/plan/suites/quick.yaml", "benchmark/plan/suites/lfw.yaml", "reports/board.schema.json"]
)
def test_data_is_in_the_wheel(members: set[str], name: str) -> None:
    assert f"unmaskbench/{name}" in members


def test_templates_are_in_the_wheel(members: set[str]) -> None:
    assert [name for name in members if name.startswith("unmaskbench/reports/templates/") and name.endswith(".html.j2")]


def test_the_command_and_the_licence_are_in_the_wheel(wheel: Path, members: set[str]) -> None:
    info = next(name for name in members if name.endswith(".dist-info/entry_points.txt"))
    with zipfile.ZipFile(wheel) as archive:
        assert "bench = unmaskbench.benchmark.cli.main:main" in archive.read(info).decode()
        metadata = archive.read(info.replace("entry_points.txt", "METADATA")).decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert any(name.endswith("licenses/LICENSE") for name in members)


def test_another_package_s_method_is_found_and_its_broken_one_is_said(installed: Path, tmp_path: Path) -> None:
    done = bench(installed, tmp_path, "list", "methods", "--json")
    assert done.returncode == 0, done.stderr
    found = {entry["id"]: entry for entry in json.loads(done.stdout)}
    assert found["mean_colour"]["state"] == "ready"
    assert found["mean_colour"]["title"] == "Mean colour"
    assert found["second_torn"]["state"] == "broken"
    assert "a_package_that_is_not_here" in found["second_torn"]["remedies"][0]
    assert found["telea"]["state"] == "ready"


def test_a_run_from_a_folder_that_is_no_checkout(installed: Path, tmp_path: Path) -> None:
    words = [
        "run",
        "--methods",
        "mean_colour",
        "--limit",
        "4",
        "--metrics",
        "l1,worst_pixel",
        "--occlusions",
        "corner",
        "--no-speed",
    ]
    done = bench(installed, tmp_path, *words, "--matchers", "none")
    assert done.returncode == 0, done.stderr
    board = json.loads((tmp_path / "runs" / "quick" / "board.json").read_text())
    assert [method["method"] for method in board["methods"]] == ["untouched", "mean_colour"]
    assert (tmp_path / "runs" / "quick" / "index.html").is_file()


def test_another_package_s_plug_ins_are_validated_by_its_name(installed: Path, tmp_path: Path) -> None:
    done = bench(installed, tmp_path, "validate", "second-restorer", "--json")
    assert done.returncode == 1, done.stderr
    found = {thing["subject"]: thing["problems"] for thing in json.loads(done.stdout)["things"]}
    (torn,) = found.pop("method 'second_torn'")
    assert "a_package_that_is_not_here" in torn
    assert len(found) == len(plugins())
    assert not any(found.values()), found
