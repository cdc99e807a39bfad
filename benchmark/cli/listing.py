"""``bench list``: what is there, and what each thing needs."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any, Literal

import typer

Kind = Literal["methods", "datasets", "occlusions", "metrics", "matchers", "segmenters", "suites"]


def listing(
    kind: Annotated[Kind, typer.Argument(help="What to list.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Cards and states as JSON.")] = False,
) -> None:
    """List methods, datasets, occlusions, metrics, matchers, segmenters or suites, with what each still needs.

    \b
    Examples:
      bench list methods
      bench list metrics --json
    """
    found = suites() if kind == "suites" else plugins(kind)
    if as_json:
        typer.echo(json.dumps(found, indent=1, default=str))
        return
    width = max((len(entry["id"]) for entry in found), default=0)
    for entry in found:
        typer.echo(f"{entry['id']:<{width}}  {entry['state']:<13} {entry['title']}")
        for remedy in entry["remedies"]:
            typer.echo(f"{'':<{width}}  {'':<13} {remedy}")


def plugins(kind: str) -> list[dict[str, Any]]:
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


def suites() -> list[dict[str, Any]]:
    """The suites that ship: id, title, state (ready, needs data, needs weights), remedies, the suite itself."""
    from unmaskbench.benchmark.plan.suite import load_suite, names
    from unmaskbench.benchmark.plan.units import missing_data
    from unmaskbench.benchmark.run.worker import unavailable

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
