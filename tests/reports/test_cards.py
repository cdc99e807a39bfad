"""The page's cards: where a method is from, its weights, and links that lead to what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unmaskbench.benchmark.board.quantities import QUANTITIES
from unmaskbench.reports.board import load
from unmaskbench.reports.cards import GROUPS, cards

GOLDEN = Path(__file__).parents[1] / "golden" / "board_small"


def page(**changes: object) -> dict[str, Any]:
    """What the page gives the cards: the golden board, its RA-UNet changed."""
    data = load(GOLDEN).data
    methods = [m | {"hue": i} | (changes if m["method"] == "ra_unet" else {}) for i, m in enumerate(data["methods"])]
    weights = {"ra_unet_compact.safetensors": "ab" * 32, "ra_unet_big.onnx": "cd" * 32, "lama_compact.safetensors": "0"}
    kept = {k: data[k] for k in ("datasets", "occlusions", "matchers", "metrics")}
    return kept | {"methods": methods, "members": [{"weights": weights}]}


def facts(key: str, **changes: object) -> dict[str, str]:
    found = [card for group in cards(page(**changes)).values() for card in group if card["key"] == key]
    return {name: str(value) for name, value in found[0]["facts"]}


def test_every_plug_in_and_quantity_has_one_card() -> None:
    made = cards(page())
    assert tuple(made) == GROUPS
    keys = [card["key"] for group in made.values() for card in group]
    assert len(keys) == len(set(keys))
    data = page()
    for kind, table in (("method", "methods"), ("dataset", "datasets"), ("matcher", "matchers"), ("metric", "metrics")):
        assert {f"{kind}:{row[kind]}" for row in data[table]} <= set(keys)
    assert {f"metric:{name}" for name in QUANTITIES} - set(keys) == {
        "metric:mask",
        "metric:provenance",
        "metric:year",
    }


def test_the_paper_is_linked_by_its_doi_wherever_it_is_written() -> None:
    linked = '<a href="https://doi.org/10.1109/ABC.2022.99" rel="noreferrer noopener">10.1109/ABC.2022.99</a>'
    assert facts("method:ra_unet", bibtex="@a{b, doi = {10.1109/ABC.2022.99}, year = 2022}")["DOI"] == linked
    assert facts("method:ra_unet", paper="A paper, https://doi.org/10.1109/ABC.2022.99")["DOI"] == linked
    assert "DOI" not in facts("method:ra_unet")
    address = facts("method:ra_unet", bibtex="@a{b, url = {https://a.org/p}}")["Address"]
    assert address == '<a href="https://a.org/p" rel="noreferrer noopener">https://a.org/p</a>'


def test_code_weights_and_training_are_named() -> None:
    told = facts("method:ra_unet", message="from github.com/own/repo, v1", training_card={"recipe": "compact"})
    assert told["Code"] == '<a href="https://github.com/own/repo" rel="noreferrer noopener">github.com/own/repo</a>'
    assert told["Weights"] == (
        "<code>ra_unet_big.onnx</code> (sha256 cdcdcdcdcdcd…); <code>ra_unet_compact.safetensors</code> "
        "(sha256 abababababab…); trained with this benchmark, recipe compact"
    )


def test_a_longer_name_keeps_its_own_weights() -> None:
    data = page()
    data["methods"][0] = data["methods"][0] | {"method": "ra"}
    made = {c["key"]: dict(c["facts"]) for c in cards(data)["Methods"]}
    assert "Weights" not in made["method:ra"]
    assert "ra_unet_big.onnx" in made["method:ra_unet"]["Weights"]


def test_trained_with_leads_to_the_matchers_that_have_a_card() -> None:
    told = facts("method:ra_unet", trained_with=["compact", "<b>"])["† Trained with"]
    assert told == (
        '<a href="#card=matcher%3Acompact" data-card="matcher:compact">compact</a>, &lt;b&gt;: no independent judge of it'
    )
