"""Which network really gives an occluded face back, and to the right person?

>>> import unmaskbench
>>> result = unmaskbench.run("quick", out="runs/mine", methods=["telea"])  # doctest: +SKIP
>>> result.board["rows"]  # doctest: +SKIP

Six names run a benchmark; ``unmaskbench.plugin`` has the names that a plug-in is written with, and ``unmaskbench.testing``
the checks that it is held to. Nothing here imports torch until a run needs it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unmaskbench.benchmark.plan.suite import Suite
    from unmaskbench.benchmark.plan.suite_file import load_suite
    from unmaskbench.result import Result, build_masks, open_run, run

__all__ = ["Result", "Suite", "__version__", "build_masks", "load_suite", "open_run", "run"]
_HOMES = {
    "Result": "unmaskbench.result",
    "build_masks": "unmaskbench.result",
    "open_run": "unmaskbench.result",
    "run": "unmaskbench.result",
    "Suite": "unmaskbench.benchmark.plan.suite",
    "load_suite": "unmaskbench.benchmark.plan.suite_file",
}

_checkout = Path(__file__).parents[2]
if Path(__file__).parent == _checkout / "benchmark" / "public":
    # An editable install: the four folders lie in the checkout, and datasets/ has no __init__.py by which to be found.
    __path__.append(str(_checkout))

try:
    __version__ = version("unmaskbench")
except PackageNotFoundError:  # read from a source tree that nobody installed
    __version__ = "0+source"


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(sorted(__all__))}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
