"""The page's cards: what each method, dataset, occlusion, matcher and metric is, where it is from, and what may be done with it.

A card is addressed by ``kind:id``. The page lists them all and opens one over any view; values and pictures are added there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TypedDict
from urllib.parse import quote

from markupsafe import Markup, escape

from unmaskbench.benchmark.board.quantities import QUANTITIES
from unmaskbench.reports.board import Row
from unmaskbench.reports.glossary import GLOSSARY
from unmaskbench.reports.markdown import link, render_markdown

GROUPS = ("Methods", "Datasets and occlusions", "Matchers", "Metrics")
NO_METRIC = ("mask", "provenance", "year")
DOI = re.compile(r"10\.\d{4,9}/[^\s\"'<>{},;]+")
BIBTEX_ADDRESS = re.compile(r"\b(?:url|howpublished)\s*=\s*[{\"]\s*(?:\\url\{)?(https?://[^\s{}\"]+)", re.IGNORECASE)
REPOSITORY = re.compile(r"(?<![\w.])(?:https?://)?((?:github|gitlab|huggingface)\.(?:com|co)/[\w.-]+/[\w.-]*\w)")
Named = list[tuple[str, Markup]]
WeightFiles = dict[str, list[tuple[str, str]]]  # a plug-in's id to its files with their sha256


class Card(TypedDict):
    """``facts`` and ``folds`` are (name, HTML); a badge is (words, class); ``hue`` is a method's colour, None for others."""

    key: str
    group: str
    id: str
    title: str
    hue: int | None
    badges: list[tuple[str, str]]
    message: Markup
    facts: Named
    folds: Named


def cards(page: Row) -> dict[str, list[Card]]:
    """Every card of a board's page, by group in the order of :data:`GROUPS`."""
    matchers = {m["matcher"] for m in page["matchers"]}
    weights = _weight_files(page["members"], matchers | {m["method"] for m in page["methods"]})
    made = [_method(m, weights, matchers) for m in page["methods"]]
    made += [_dataset(d) for d in page["datasets"]]
    made += [_occlusion(o) for o in page["occlusions"]]
    made += [_matcher(m, matchers, weights) for m in page["matchers"]]
    made += [_metric(m) for m in page["metrics"]]
    shown = {row["metric"] for row in page["metrics"]}
    made += [_quantity(name) for name in QUANTITIES if name not in shown and name not in NO_METRIC]
    return {group: found for group in GROUPS if (found := [card for card in made if card["group"] == group])}


def _weight_files(runs: list[Row], names: set[str]) -> WeightFiles:
    """The weight files that the runs loaded, by the plug-in whose name theirs begins with, the longest such name."""
    found: WeightFiles = {}
    for file, digest in sorted({item for run in runs for item in run["weights"].items()}):
        stem = file.partition(".")[0]
        owners = [name for name in names if stem == name or stem.startswith(f"{name}_")]
        if owners:
            found.setdefault(max(owners, key=len), []).append((file, str(digest)))
    return found


def _method(m: Row, weights: WeightFiles, matchers: set[str]) -> Card:
    mask = (
        f"needs mask, {m['mask_source']}"
        if m["needs_mask"]
        else "blind"
        if m["mask_source"] == "none"
        else f"mask {m['mask_source']}"
    )
    doi = DOI.search(f"{m['bibtex']} {m['paper']}")
    address = BIBTEX_ADDRESS.search(m["bibtex"])
    repository = REPOSITORY.search(f"{m['message']} {m['bibtex']} {m['weights_licence']}")
    trained = Markup(", ").join(_card_link("matcher", t, matchers) for t in m["trained_with"])
    facts = _facts(
        ("Paper", m["paper"]),
        ("DOI", link(f"https://doi.org/{doi[0]}", doi[0]) if doi else ""),
        ("Address", link(address[1]) if address and not doi else ""),
        ("Code", link(f"https://{repository[1]}", repository[1]) if repository else ""),
        ("Year", str(m["year"] or "")),
        ("Code licence", m["code_licence"]),
        ("Weights licence", m["weights_licence"]),
        ("Weights", _weights(m["method"], weights, m["training_card"])),
        ("Parameters", m["parameters"]),
        ("† Trained with", trained + ": no independent judge of it" if trained else ""),
    )  # fmt: skip
    count = len(m["assumptions"])
    listed = Markup("<ul>{}</ul>").format(
        Markup("").join(Markup("<li>{}</li>").format(render_markdown(a)) for a in m["assumptions"])
    )
    folds = [(f"{count} assumption{'s' * (count > 1)}", listed)] if count else []
    if m["training_card"]:
        folds.append(("Training card", _training(m["training_card"])))
    badges = [(m["provenance"], ""), (mask, "")]
    return _card("method", "Methods", m, badges, facts, folds, hue=m["hue"])


def _dataset(d: Row) -> Card:
    facts = _facts(
        ("Licence", d["licence"]), ("Source", _linked(d["source"])), ("Samples", d["samples"]), ("Identities", d["identities"]),
        ("Split", d["split"]), ("Attributes", ", ".join(d["attributes"])),
    )  # fmt: skip
    return _card("dataset", "Datasets and occlusions", d, [], facts, [])


def _occlusion(o: Row) -> Card:
    covered = ""
    if o["coverage_mean"] is not None:
        covered = f"{100 * o['coverage_mean']:.0f} % on average"
        if o["coverage_low"] is not None and o["coverage_high"] is not None:
            covered += f" ({100 * o['coverage_low']:.0f} to {100 * o['coverage_high']:.0f})"
    folds = [("Parameters", _pre(o["parameters"]))] if o["parameters"] else []
    facts = _facts(("From", _linked(o["source"])), ("Face covered", covered))
    return _card("occlusion", "Datasets and occlusions", o, [], facts, folds)


def _matcher(m: Row, matchers: set[str], weights: WeightFiles) -> Card:
    facts = _facts(
        ("Embedding", m["dimension"]), ("Licence", m["licence"]), ("Source", _linked(m["source"])),
        ("Distilled from", Markup(", ").join(_card_link("matcher", name, matchers) for name in m["distilled_from"])),
        ("Weights", _weights(m["matcher"], weights, None)), ("Signature", m["signature"]),
    )  # fmt: skip
    return _card("matcher", "Matchers", m, [], facts, [])


def _metric(m: Row) -> Card:
    facts = _facts(
        ("Better", m["direction"]), ("Kind", m["kind"].replace("_", " ")), ("Unit", m["unit"]),
        ("Regions", ", ".join(m["regions"])), ("Signature", m["signature"]), ("Source", _linked(m["source"])),
    )  # fmt: skip
    return _card("metric", "Metrics", m, [], facts, [])


def _quantity(name: str) -> Card:
    quantity = QUANTITIES[name]
    meaning = GLOSSARY.get(quantity.title) or GLOSSARY.get(quantity.title.split(" at ")[0], "")
    facts = _facts(
        ("Better", quantity.direction or "neither way"),
        ("Unit", "percentage points" if quantity.unit == "change" else "per cent" if quantity.unit == "share" else ""),
    )
    row: Row = {"metric": name, "title": quantity.title, "message": meaning, "state": "ok", "bibtex": ""}
    return _card("metric", "Metrics", row, [], facts, [])


def _card(
    kind: str, group: str, row: Row, badges: list[tuple[str, str]], facts: Named, folds: Named,
    hue: int | None = None,
) -> Card:  # fmt: skip
    state = row.get("state", "ok")
    bibtex = [("BibTeX", _pre(row["bibtex"]))] if row.get("bibtex") else []
    return {
        "key": f"{kind}:{row[kind]}", "group": group, "id": row[kind], "title": row["title"], "hue": hue,
        "badges": [*badges, *([(state, "bad")] if state != "ok" else [])],
        "message": render_markdown(row.get("message") or ""), "facts": facts, "folds": [*folds, *bibtex],
    }  # fmt: skip


def _facts(*given: tuple[str, object]) -> Named:
    """Those facts that are known; a number at four digits."""
    known = []
    for name, value in given:
        if value is None or value == "":
            continue
        if isinstance(value, (int, float)):
            value = f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
        known.append((name, value if isinstance(value, Markup) else escape(value)))
    return known


def _linked(source: str) -> Markup:
    """A source in words, as a link where it is an address."""
    return link(source) if re.fullmatch(r"https?://\S+", source) else escape(source)


def _card_link(kind: str, name: str, known: Iterable[str]) -> Markup:
    """A name as a link to its card, as text where this page has no such card."""
    if name not in known:
        return escape(name)
    key = f"{kind}:{name}"
    return Markup('<a href="#card={}" data-card="{}">{}</a>').format(quote(key, safe=""), key, name)


def _weights(name: str, weights: WeightFiles, training: Row | str | None) -> Markup:
    """The weight files that a run loaded for a plug-in, their hashes, and who trained them where that is known."""
    files = Markup("; ").join(
        Markup("<code>{}</code> (sha256 {}…)").format(file, digest[:12]) for file, digest in weights.get(name, [])
    )
    if isinstance(training, dict) and training.get("recipe"):
        source = f"trained with this benchmark, recipe {training['recipe']}"
        files += f"{'; ' if files else ''}{source}"
    return files


def _training(card: Row | str) -> Markup:
    """A training card: Markdown as it was written, or its notes and then all that was recorded."""
    if isinstance(card, str):
        return render_markdown(card)
    notes = card.get("notes")
    return (render_markdown(notes) if isinstance(notes, str) else Markup("")) + _pre(card)


def _pre(value: object) -> Markup:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return Markup('<pre tabindex="0">{}</pre>').format(text)
