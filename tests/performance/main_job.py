"""Where the processor's seconds of ``bench run`` go: the whole job against its bare forwards and embeddings.

    OMP_NUM_THREADS=1 python tests/performance/main_job.py --methods all --limit 20 --out /tmp/job

takes the words of ``bench run`` and runs it in this process (``--fresh`` is added). Every stage is the processor's seconds of
this process and of the children that it has waited for, less those of the stages within it; so the lines add up to the whole,
and a busy neighbour changes them far less than a clock's.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

BARE = ("forwards", "embeddings")
PACKAGE = "unmaskbench"
# Stage: what it is spent in, as module:name. The innermost of nested ones has the seconds.
STAGES = {
    "a first look at matchers and files": ("benchmark.run.first_pass:try_models", "benchmark.run.covered_faces:warn_of_covered"),
    "loading networks": ("benchmark.run.restore:Restorer.__init__", "benchmark.run.embeddings:Embedder.matcher"),
    "forwards": ("benchmark.run.restore:Restorer._one_method",),
    "decoding and occluding": ("benchmark.run.shard_source:ShardSource.shard",),
    "scoring": ("benchmark.run.image_scores:Scorer.score", "benchmark.run.image_scores:Scorer.truths"),
    "embeddings": ("benchmark.run.embeddings:Embedder.embed",),
    "writing parts": (
        "benchmark.store.folder:RunFolder.write_table", "benchmark.store.folder:RunFolder.write_arrays",
        "benchmark.store.folder:RunFolder.write_bytes", "benchmark.run.kept:write",
    ),
    "other work on units": ("benchmark.run.worker:Worker.run",),
    "timing the methods": ("benchmark.run.speed:measure_speed",),
    "board": ("benchmark.board.build:build_board",),
    "gallery": ("benchmark.run.gallery:draw_gallery",),
    "page: figures": ("reports.plot_plan:figures_for_page",),
    "page: pictures": ("reports.pictures:Pictures.gallery",),
    "page: the rest": ("reports.site:render",),
    "summary": ("benchmark.cli.summary:print_summary",),
    "record and manifest": ("benchmark.run.record:describe", "benchmark.run.record:write_manifest"),
    "plan": ("benchmark.plan.units:plan",),
}  # fmt: skip
REST = "all else"
IMPORTS = "imports"


class Meter:
    """Seconds by stage; what is not within any is ``REST``."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack = [REST]
        self._at = self._now()

    def _now(self) -> float:
        used = os.times()
        return used.user + used.system + used.children_user + used.children_system

    def _book(self) -> None:
        now = self._now()
        self.seconds[self._stack[-1]] += now - self._at
        self._at = now

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._book()
        self._stack.append(name)
        try:
            yield
        finally:
            self._book()
            self._stack.pop()

    def within(self, *names: str) -> bool:
        return bool(set(names) & set(self._stack))


def metered(meter: Meter, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        # the networks' answers to a first look and to timing are part of these and not of the scores
        counted = not (name in BARE and meter.within("timing the methods", "a first look at matchers and files"))
        if not counted:
            return function(*args, **kwargs)
        with meter.stage(name):
            return function(*args, **kwargs)

    return call


def meter_imports(meter: Meter) -> None:
    """Count a statement that brings in a module for the first time as an import."""
    plain = builtins.__import__

    def bring(name: str, *args: Any, **kwargs: Any) -> Any:
        if name in sys.modules or meter.within(IMPORTS):
            return plain(name, *args, **kwargs)
        with meter.stage(IMPORTS):
            return plain(name, *args, **kwargs)

    builtins.__import__ = bring


def install(meter: Meter) -> None:
    """Wrap the stages; a name that a module has taken from another is wrapped there too."""
    wrapped: dict[int, Callable[..., Any]] = {}
    for stage, places in STAGES.items():
        for place in places:
            module, _, path = place.partition(":")
            owner: Any = importlib.import_module(f"{PACKAGE}.{module}")
            *outer, last = path.split(".")
            for part in outer:
                owner = getattr(owner, part)
            function = getattr(owner, last)
            wrapped[id(function)] = metered(meter, stage, function)
            setattr(owner, last, wrapped[id(function)])
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGE):
            for key, value in list(vars(module).items()):
                if callable(value) and id(value) in wrapped:
                    setattr(module, key, wrapped[id(value)])


def main(words: list[str]) -> None:
    start = os.times()
    meter = Meter()
    meter.seconds[IMPORTS] = start.user + start.system
    meter_imports(meter)
    cli = importlib.import_module(f"{PACKAGE}.benchmark.cli.main")
    with meter.stage(IMPORTS):
        install(meter)
    sys.argv = ["bench", "run", *words, "--fresh"]
    try:
        cli.main()
    except SystemExit as stop:
        if stop.code:
            raise
    with meter.stage(REST):
        whole = sum(meter.seconds.values())
    bare = sum(meter.seconds[name] for name in BARE)
    for name, seconds in sorted(meter.seconds.items(), key=lambda item: -item[1]):
        print(f"{name:36s}{seconds:8.2f} s{seconds / bare:8.3f}")
    print(f"the whole job {whole:.1f} s of processor, bare forwards and embeddings {bare:.1f} s: {whole / bare:.2f}x")


if __name__ == "__main__":
    main(sys.argv[1:])
