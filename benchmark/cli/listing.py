"""``bench list``: what is there, and what each thing needs."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal, get_args

import typer

from unmaskbench.benchmark.cli.imports import imports_are_no_garbage
from unmaskbench.benchmark.host.terminal import say, say_json
from unmaskbench.benchmark.plugins.json_types import JsonObject

Kind = Literal["methods", "datasets", "occlusions", "metrics", "matchers", "segmenters", "suites"]
KINDS: tuple[str, ...] = get_args(Kind)


def listing(
    kind: Annotated[
        Kind | None, typer.Argument(help="What to list; all kinds, counted, without.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Cards and states as JSON.")] = False,
) -> None:
    """List methods, datasets, occlusions, metrics, matchers, segmenters or suites, with what each still needs.

    \b
    Examples:
      bench list
      bench list methods
      bench list metrics --json
    """
    with imports_are_no_garbage():
        everything = {each: _entries(each) for each in (KINDS if kind is None else (kind,))}
    if kind is None:
        _overview(everything, as_json)
        return
    found = everything[kind]
    if as_json:
        say_json(found)
        return
    width = max((len(entry["id"]) for entry in found), default=0)
    for entry in found:
        say(f"{entry['id']:<{width}}  {entry['state']:<13} {entry['title']}")
        for remedy in entry["remedies"]:
            say(f"{'':<{width}}  {'':<13} {remedy}")
    if kind == "matchers":
        say("yours: onnx:FILE, torchscript:FILE, scores:FILE.csv, embeddings:FILE, FILE.py:CLASS (docs: My matcher)")


def _entries(kind: str) -> list[JsonObject]:
    return suites() if kind == "suites" else plugins(kind)


def _overview(found: dict[str, list[JsonObject]], as_json: bool) -> None:
    """Every kind, how many of it there are, and which are ready."""
    if as_json:
        say_json(found)
        return
    for kind, entries in found.items():
        ready = [entry["id"] for entry in entries if entry["state"] == "ready"]
        waiting = [entry["id"] for entry in entries if entry["state"] != "ready"]
        say(f"{kind:<11} {len(ready):>2} ready   {', '.join(ready)}")
        if waiting:
            say(f"{'':<11} {len(waiting):>2} waiting {', '.join(waiting)}  (bench list {kind} says for what)")


def plugins(kind: str) -> list[JsonObject]:
    """Every plug-in of a kind: id, title, state (ready, needs weights, needs extra, needs data, broken), remedies, card."""
    from unmaskbench.benchmark.plan.units import missing_data
    from unmaskbench.benchmark.plugins import registry

    room = getattr(registry, kind.upper())
    found = []
    for name in room.names():
        try:
            absent = room.missing(name) + (missing_data(name) if kind == "datasets" else [])
            card = dataclasses.asdict(room.card(name))
        except Exception as error:  # a plug-in of another package without a card must not hide the others
            reason = f"{type(error).__name__}: {error}"
            found.append({"id": name, "title": "", "state": "broken", "remedies": [reason], "card": None})
            continue
        found.append(
            {
                "id": name,
                "title": card["title"],
                "state": f"needs {absent[0].kind}" if absent else "ready",
                "remedies": [f"{missing.name}: {missing.remedy}" for missing in absent],
                "card": card,
            }
        )
    for name, reason in sorted(room.broken.items()):
        found.append({"id": name, "title": "", "state": "broken", "remedies": [reason], "card": None})
    return found


def suites() -> list[JsonObject]:
    """The suites that ship: id, title, state (ready, needs data, needs weights), remedies, the suite itself."""
    from unmaskbench.benchmark.plan.suite_file import load_suite, names
    from unmaskbench.benchmark.plan.units import missing_data
    from unmaskbench.benchmark.run.availability import unavailable

    found = []
    for suite in (load_suite(name) for name in names()):
        data = [
            f"dataset '{entry.id}' needs {m.name}: {m.remedy}"
            for entry in suite.datasets
            for m in missing_data(entry.id, entry.root)
        ]
        parts = unavailable(suite)
        found.append(
            {
                "id": suite.name,
                "title": suite.title,
                "state": "needs data" if data else "needs weights" if parts else "ready",
                "remedies": data + parts,
                "card": suite.model_dump(mode="json"),
            }
        )
    return found
