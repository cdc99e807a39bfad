"""Suites by name or from a file.

``load_suite("quick")`` reads a suite of the package, ``load_suite("my.yaml")`` a user's file.
"""

from __future__ import annotations

from pathlib import Path

from unmaskbench.benchmark.plan.suite import Suite, SuiteError, parse
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.nearest import did_you_mean
from unmaskbench.benchmark.plugins.yaml_file import read_mapping

LIMIT_BYTES = 1_000_000
SUITES = Path(__file__).parent / "suites"


def names() -> list[str]:
    """Names of the suites that ship."""
    return sorted(path.stem for path in SUITES.glob("*.yaml"))


def load_suite(name_or_file: str | Path) -> Suite:
    """A suite by its name or from a YAML file (read with ``safe_load``). Raises SuiteError."""
    path = suite_path(name_or_file)
    return parse(read_suite(path), str(path))


def suite_path(name_or_file: str | Path) -> Path:
    """The file of a suite, given by its name or itself. Raises SuiteError with the nearest name."""
    path = Path(name_or_file)
    if path.suffix not in (".yaml", ".yml"):
        path = SUITES / f"{name_or_file}.yaml"
        if not path.is_file():
            hint = did_you_mean(str(name_or_file), names())
            raise SuiteError(f"unknown suite '{name_or_file}'{hint} (bench list suites, or give a .yaml file)")
    return path


def read_suite(path: Path) -> JsonObject:
    """The mapping in a suite's file, not validated. Raises SuiteError."""
    try:
        return read_mapping(path, "suite", LIMIT_BYTES, aliases=False)
    except ValueError as error:
        raise SuiteError(str(error)) from error
