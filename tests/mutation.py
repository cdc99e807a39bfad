"""A mutation tester: change one place of a module, run the tests that guard it, and see whether one of them fails.

Usage: python tests/mutation.py [MODULE ...] [--sample N] [--seed N]

``mutation.yaml`` names the modules, the tests that guard each, and the mutants that no test can or need tell from the
original, with the reason. A module is imported once and its tests are collected once; each mutant is a forked child, in
which the functions' code objects and the constants are exchanged, so no file is written. Tests that run the mutated line
come first, the quickest of them leading. The command fails where fewer than 90 % of a module's mutants are killed, a
survivor has no reason, or a mutant could not be put in place (an error, which is no kill).
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType

import hypothesis
import pytest
import yaml
from mutants import mutants

CHECKOUT = Path(__file__).resolve().parents[1]
FLOOR = 0.9
SLOW_SECONDS = 1.0


def exchange_code(module: ModuleType, code: CodeType) -> None:
    """Give a living module the code and constants of its mutant. Raises ValueError where nothing of it changed."""
    held = {"__name__": module.__name__, "__file__": module.__file__}
    exec(code, held)
    names = [name for name in held if name[:2] != "__" and name in vars(module)]
    touched = [_exchange(vars(module)[name], held[name], name) for name in names]
    if not any(touched):
        raise ValueError(f"{module.__name__}: the mutant could not be put in place")


def _exchange(old: object, new: object, name: str) -> bool:
    old, new = (getattr(one, "__wrapped__", one) for one in (old, new))
    if isinstance(old, classmethod | staticmethod | property | cached_property):
        inner = "fget" if isinstance(old, property) else "func" if isinstance(old, cached_property) else "__func__"
        return _exchange(getattr(old, inner), getattr(new, inner), name)
    if isinstance(old, FunctionType) and isinstance(new, FunctionType):
        same = (old.__code__, old.__defaults__, old.__kwdefaults__) == (
            new.__code__,
            new.__defaults__,
            new.__kwdefaults__,
        )
        old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
        return not same
    if isinstance(old, type) and isinstance(new, type):
        if old is new:
            return False
        touched = [_exchange(vars(old)[n], held, n) for n, held in vars(new).items() if n in vars(old)]
        return any(touched)
    if isinstance(old, int | float | str | tuple | list | dict) and old != new:
        for module in list(sys.modules.values()):
            if getattr(module, "__dict__", {}).get(name) is old:
                setattr(module, name, new)
        return True
    return False


@dataclass
class MutationRun:
    """A pytest plug-in that runs the collected tests once to see what they cover, and then once for each mutant."""

    path: str
    only: str = ""
    sample: int = 0
    seed: int = 0
    places: int = 0
    fates: list[tuple[str, str]] = field(default_factory=list)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of pytest's own loop."""
        module = importlib.import_module("unmaskbench." + self.path.removesuffix(".py").replace("/", "."))
        file = str(module.__file__)
        seconds, lines = self._measured(session, file)
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
        found = mutants(tree)
        self.places = len(found)
        found = [mutant for mutant in found if self.only in mutant.name]
        if self.sample and self.sample < len(found):
            found = random.Random(self.seed).sample(found, self.sample)
        for mutant in found:
            covering = {i for i, held in enumerate(lines) if mutant.line in held}
            # A cache or a shared fixture can hide what a test runs: the quick ones are asked too.
            order = [i for i, s in enumerate(seconds) if i in covering or s < SLOW_SECONDS or not covering]
            order.sort(key=lambda i: (i not in covering, seconds[i]))
            mutant.exchange()
            code = compile(ast.fix_missing_locations(copy.deepcopy(tree)), file, "exec")
            mutant.exchange()
            fate = _fate(session, order, partial(exchange_code, module, code), 20.0 + 3.0 * sum(seconds))
            self.fates.append((mutant.name, fate))
            print(f"{fate:9} {self.path}:{mutant.line} {mutant.name}", file=sys.__stdout__, flush=True)
        return True

    def _measured(self, session: pytest.Session, file: str) -> tuple[list[float], list[set[int]]]:
        """Seconds of each test and the lines of the module that it runs, from one child."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            found = []
            for item, following in zip(session.items, [*session.items[1:], None], strict=True):
                lines: set[int] = set()
                start = time.perf_counter()
                sys.settrace(_tracer(file, lines))
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                sys.settrace(None)
                found.append([time.perf_counter() - start, sorted(lines)])
            with os.fdopen(writer, "w") as stream:
                json.dump([found, session.testsfailed], stream)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as stream:
            text = stream.read()
        os.waitpid(pid, 0)
        found, failed = json.loads(text or "[[], 1]")
        if failed or not found:
            raise pytest.UsageError(f"{self.path}: its tests fail before anything is changed")
        return [seconds for seconds, _ in found], [set(lines) for _, lines in found]


def _tracer(file: str, lines: set[int]) -> Callable[[FrameType, str, object], object]:
    def local(frame: FrameType, event: str, _: object) -> object:
        lines.add(frame.f_lineno)
        return local

    def called(frame: FrameType, event: str, _: object) -> object:
        return local(frame, event, _) if frame.f_code.co_filename == file else None

    return called


def _fate(session: pytest.Session, order: list[int], alter: Callable[[], None], limit: float) -> str:
    """killed: a test fails or the processor time is used up; error: not put in place or without an answer; or survived."""
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            signal.setitimer(signal.ITIMER_PROF, limit)
            signal.alarm(int(20 * limit))
            alter()
            items = [session.items[i] for i in order]
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    os._exit(1)
            os._exit(0)
        finally:
            os._exit(3)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return {0: "survived", 1: "killed", -signal.SIGPROF: "killed"}.get(status, "error")


def main() -> int:
    """Test the modules asked for, all by default; 0 where every one reaches the floor and every survivor has its reason."""
    table = yaml.safe_load((CHECKOUT / "tests" / "mutation.yaml").read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(description="Mutation scores of the modules that mutation.yaml names.")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="a path in mutation.yaml; all by default")
    parser.add_argument(
        "--sample", type=int, default=0, help="mutants of a module, drawn by the seed; 0 is all of them"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="mutants whose name holds this text")
    asked = parser.parse_args()
    if unknown := set(asked.modules) - set(table):
        parser.error(f"mutation.yaml has no module {sorted(unknown)}; it has {', '.join(table)}")
    quick = hypothesis.Phase.explicit, hypothesis.Phase.generate
    hypothesis.settings.register_profile("mutation", phases=quick, database=None, derandomize=True, deadline=None)
    hypothesis.settings.load_profile("mutation")
    sound, rows = True, []
    for path in asked.modules or table:
        entry = table[path]
        run = MutationRun(path, asked.only, asked.sample, asked.seed)
        options = ["-q", "--capture=sys", "-p", "no:cacheprovider", f"--rootdir={CHECKOUT}"]
        options += ["-o", "addopts=--import-mode=importlib --strict-markers"]
        code = pytest.main([*options, *(str(CHECKOUT / test) for test in entry["tests"])], plugins=[run])
        killed, errors = (sum(fate == word for _, fate in run.fates) for word in ("killed", "error"))
        reasons = entry.get("survivors") or {}
        unexplained = sorted({name for name, fate in run.fates if fate == "survived" and name not in reasons})
        total = len(run.fates) - errors
        sound &= code == 0 and not unexplained and not errors and killed >= FLOOR * total
        share = f"{100 * killed / max(total, 1):.1f} %"
        rows.append(f"| {path} | {run.places} | {total} | {killed} | {share} | {errors} | {len(unexplained)} |")
    print(
        "\n| module | mutants | tested | killed | score | errors | survivors without a reason |",
        "|---" * 7 + "|",
        *rows,
        sep="\n",
    )
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
