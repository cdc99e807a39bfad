"""What every plug-in owes before anything of it runs: a complete card, a name, a docstring, remedies for what it lacks."""

from __future__ import annotations

from typing import Any

from unmaskbench.benchmark.plan.named_source import LABEL
from unmaskbench.benchmark.plugins.file_plugin import CARDS, PARTS, kinds_of
from unmaskbench.benchmark.plugins.hooks import missing_of, weights_of
from unmaskbench.benchmark.plugins.registry import REGISTRIES, UnavailablePluginError
from unmaskbench.benchmark.plugins.types import MatcherCard, MethodCard, Missing
from unmaskbench.benchmark.validate.findings import Findings, one_line

PUBLISHED = ("official-weights", "reimplemented")
PROVENANCES = (*PUBLISHED, "classical", "predictions-only", "user-model")
MISSING_KINDS = ("extra", "weights", "data")


def resolve(noun: str, plugin: str | type) -> tuple[type, Findings]:
    """The class of a plug-in, given by id, FILE.py:CLASS or itself, and the findings to fill.

    Raises the registry's errors where there is none of that name.
    """
    if isinstance(plugin, str):
        cls = REGISTRIES[noun].get(plugin)
        return cls, Findings(f"{noun} '{plugin}'", noun)
    return plugin, Findings(f"{noun} '{getattr(getattr(plugin, 'card', None), 'id', plugin.__name__)}'", noun)


def check_card(findings: Findings, noun: str, cls: type) -> bool:
    """Note what is wrong with a class before it is built; False where it is too little of a ``noun`` to go on."""
    card: Any = getattr(cls, "card", None)
    kind = CARDS[noun]
    if not findings.expect(isinstance(card, kind), f"it has no card: give it card = {kind.__name__}(...)"):
        return False
    text = "its card's id '{}' may hold letters, digits and _ . + @ - only (at most 80)"
    findings.expect(bool(LABEL.fullmatch(card.id)) and bool(card.id.strip(".")), text.format(card.id))
    registered = vars(cls).get("plugin_name", card.id)
    findings.expect(registered == card.id, f"its card's id is '{card.id}', it is registered as '{registered}'")
    findings.expect(bool(card.title.strip()), "its card has no title")
    findings.expect(bool((cls.__doc__ or "").strip()), "its class has no docstring: say in a line what it does")
    if isinstance(card, MethodCard):
        _check_paper(findings, card)
    else:
        findings.expect(
            bool(card.source.strip()), "its card names no source: the paper, page or author that it comes from"
        )
    if noun in ("dataset", "matcher"):
        findings.expect(bool(card.licence.strip()), "its card names no licence")
    if isinstance(card, MatcherCard):
        whole = isinstance(card.dimension, int) and card.dimension > 0
        findings.expect(whole, f"its card's dimension is {card.dimension!r}, not the length of an embedding")
        findings.expect(
            bool(card.signature), "its card has no signature: name every choice that can change an embedding"
        )
    _check_missing(findings, cls)
    return findings.expect(noun in kinds_of(cls), f"it has not the methods of a {noun}: {_methods(noun)}")


def build(findings: Findings, cls: type, parameters: dict[str, object]) -> Any:
    """An instance, or None where it cannot be had. Raises UnavailablePluginError where a weight file or extra is not
    here: what is no fault of the plug-in."""
    absent = missing_of(cls, parameters)
    if absent and not findings.problems:
        needs = "; ".join(f"{m.kind} {m.name}: {m.remedy}" for m in absent)
        raise UnavailablePluginError(f"{findings.subject} cannot be tried here; it needs {needs}")
    if absent:
        return None
    try:
        return cls(**parameters)
    except TypeError as error:
        findings.expect(False, f"it cannot be built with the parameters {sorted(parameters)}: {error}")
    except Exception as error:
        findings.expect(False, f"building it raised {one_line(error)}")
    return None


def _methods(noun: str) -> str:
    return " or ".join(", ".join(f"{part}()" for part in parts) for parts in PARTS[noun])


def _check_paper(findings: Findings, card: MethodCard) -> None:
    findings.expect(
        card.provenance in PROVENANCES, f"its card's provenance '{card.provenance}' is none of {', '.join(PROVENANCES)}"
    )
    if card.provenance in PUBLISHED:
        findings.expect(bool(card.paper.strip()), f"its card says {card.provenance} and names no paper")
        findings.expect(bool(card.year), f"its card says {card.provenance} and gives no year")
    if card.provenance in PUBLISHED or (card.provenance == "classical" and card.paper):
        findings.expect(card.bibtex.lstrip().startswith("@"), "its card's bibtex is no entry (@article{...})")
    native = card.native_size
    findings.expect(native is None or (isinstance(native, int) and native > 0), f"its card's native_size is {native!r}")
    multiple = card.size_multiple
    findings.expect(isinstance(multiple, int) and multiple > 0, f"its card's size_multiple is {multiple!r}")


def _check_missing(findings: Findings, cls: type) -> None:
    silent = bool(weights_of(cls)) and not callable(getattr(cls, "missing", None))
    findings.expect(not silent, "it names weight files and has no missing(): bench list would say that it is ready")
    with findings.during("missing()"):
        for missing in missing_of(cls):
            if findings.expect(isinstance(missing, Missing), "missing() gives something else than a list of Missing"):
                kind = f"missing() names the kind '{missing.kind}', none of {', '.join(MISSING_KINDS)}"
                findings.expect(missing.kind in MISSING_KINDS, kind)
                findings.expect(bool(missing.remedy.strip()), f"missing() names '{missing.name}' and no remedy")
