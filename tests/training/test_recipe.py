"""Recipes: all that ship are valid, extend as they say, and refuse what they do not know."""

import json
from pathlib import Path

import pytest
import torch
import yaml

import unmaskbench.benchmark.training
from unmaskbench.benchmark.plugins.registry import MATCHERS, UnknownPluginError
from unmaskbench.benchmark.training import splits
from unmaskbench.benchmark.training.plugin_folder import recipe_file, shipped_folder
from unmaskbench.benchmark.training.recipes import RecipeError, load_recipe, merged, parse, recipe_names
from unmaskbench.benchmark.training.teachers import JUDGES

METHODS = (
    "modified_vnet", "modified_unet", "mbnet", "ra_unet", "h2a_ms2a_gan", "fd_stackgan", "lama", "psp_unmask", "aotgan",
    "ctsdg", "dfnet", "edgeconnect", "gca", "gfc", "glcic", "rfr", "segmenter",
    "compact", "compact_judge", "base_net", "unetpp", "unet3plus", "swin_unet",
)  # fmt: skip

PACKAGE = Path(unmaskbench.benchmark.training.__file__).parents[2]
CARDS = sorted(path for room in ("methods", "benchmark") for path in (PACKAGE / room).rglob("weights/*.card.yaml"))


@pytest.mark.parametrize("method", METHODS)
def test_every_shipped_recipe_is_valid(method: str) -> None:
    names = recipe_names(method)
    assert "compact" in names
    hashes = {name: load_recipe(method, name).hash for name in names}
    assert len(set(hashes.values())) == len(hashes)
    for name in names:
        recipe = load_recipe(method, name)
        assert recipe.method == method
        assert "mobilefacenet" not in recipe.teachers


@pytest.mark.parametrize("judge", sorted(JUDGES))
def test_a_judge_never_teaches(judge: str) -> None:
    """Neither by a loss nor as a student's teacher, and no weights are chosen by it."""
    from unmaskbench.benchmark.training.losses import build
    from unmaskbench.benchmark.training.teachers import OnnxTargets
    from unmaskbench.benchmark.training.validation import Validation

    assert judge in MATCHERS.names()
    for loss in ("identity", "verification"):
        with pytest.raises(ValueError, match=f"'{judge}' is an independent judge"):
            build(loss, {"teacher": judge})
    with pytest.raises(ValueError, match=f"'{judge}' is an independent judge"):
        OnnxTargets(judge)
    recipe = load_recipe("ra_unet", "compact").replaced(validation={"metrics": [f"similarity/{judge}"]})
    with pytest.raises(ValueError, match=f"'{judge}' judges the boards independently"):
        Validation(recipe, torch.device("cpu"))


def test_what_taught_a_judge_teaches_no_restorer() -> None:
    from unmaskbench.benchmark.training.losses import build
    from unmaskbench.benchmark.training.teachers import STILL_TEACHERS, TEACHERS

    assert set(MATCHERS.card("compact_judge").distilled_from) == set(STILL_TEACHERS)
    family = set(TEACHERS).union(*(MATCHERS.card(name).distilled_from for name in TEACHERS))
    assert family.isdisjoint(STILL_TEACHERS | JUDGES)
    for name in STILL_TEACHERS:
        with pytest.raises(ValueError, match=f"'{name}' taught a judge"):
            build("identity", {"teacher": name})


def test_the_judge_knows_nobody_that_compact_knows() -> None:
    """By the ledgers of people that ship: neither those who trained them nor those whom the boards are about."""
    folder = Path(splits.__file__).with_name("people")

    def ledger(name: str) -> dict[str, list[str]]:
        card = yaml.safe_load((recipe_file(name).parent / "weights" / f"{name}_compact.card.yaml").read_text())
        path = folder / f"{card['data']['people']['training']['sha256'][:16]}.json"
        return json.loads(path.read_text())["ledger"]

    compact, judge = ledger("compact"), ledger("compact_judge")
    assert len(judge["training"]) > 5000
    assert set(judge["training"]).isdisjoint(compact["training"])
    assert set(judge["training"] + judge["validation"]).isdisjoint(judge["evaluation"])


def test_extending_merges_mappings_and_replaces_lists() -> None:
    base = {"data": {"size_px": 128, "workers": 1}, "losses": [1, 2]}
    assert merged(base, {"data": {"workers": 0}, "losses": [3]}) == {
        "data": {"size_px": 128, "workers": 0},
        "losses": [3],
    }
    without = load_recipe("h2a_ms2a_gan", "without_h2a")
    assert without.network.settings == {"h2a": False}
    assert without.steps == load_recipe("h2a_ms2a_gan", "full").steps


def test_teachers_name_their_own_teacher() -> None:
    recipe = load_recipe("ra_unet", "compact")
    taught = recipe.replaced(losses=[{"id": "identity", "weight": 1.0, "parameters": {"teacher": "compact"}}])
    assert taught.teachers == ("compact", "edgeface")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stepz": 3}, "stepz"),
        ({"steps": 0}, "steps"),
        ({"losses": [], "adversaries": []}, "at least one loss"),
        ({"data": {"occlusions": []}}, "data.occlusions"),
        ({"coarse": {"factor": 3, "until": 0.5}}, "divides data.size_px"),
        ({"coarse": {"factor": 2, "until": 0.5}, "task": "segmentation"}, "for restorers"),
    ],
)
def test_errors_name_file_and_key(change: dict, message: str) -> None:
    content = load_recipe("ra_unet", "compact").model_dump()
    with pytest.raises(RecipeError, match=message) as caught:
        parse({**content, **change}, "mine.yaml")
    assert "mine.yaml" in str(caught.value)


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.name.removesuffix(".card.yaml"))
def test_what_ships_was_trained_by_the_recipe_that_ships(path: Path) -> None:
    card = yaml.safe_load(path.read_text())
    recipe = load_recipe(card["method"], card["recipe"])
    assert card["recipe_sha256"] == recipe.hash
    assert card["best_step"] <= card["steps_done"] <= card["steps_planned"] == recipe.steps


def test_recipes_without_coarse_steps_keep_their_hash() -> None:
    # The hash that the shipped matcher's card states was taken before recipes had the field.
    plain = load_recipe("compact", "photographs")
    assert plain.coarse is None
    coarse = load_recipe("ra_unet", "person")
    assert coarse.coarse is not None
    assert coarse.hash != coarse.replaced(coarse=None).hash
    assert '"coarse"' not in plain.canonical()


def test_a_circle_of_recipes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("a: {extends: b}\nb: {extends: a}\n")
    monkeypatch.setattr("unmaskbench.benchmark.training.recipes.recipe_file", lambda _method: path)
    with pytest.raises(RecipeError, match="circle"):
        load_recipe("ra_unet", "a")


def test_a_recipe_may_extend_one_of_another_plugin() -> None:
    vnet, unet, mbnet = (load_recipe(method, "paper") for method in ("modified_vnet", "modified_unet", "mbnet"))
    assert (mbnet.method, mbnet.name) == ("mbnet", "paper")
    assert mbnet.replaced(method="modified_vnet").hash == unet.replaced(method="modified_vnet").hash == vnet.hash
    assert load_recipe("mbnet", "compact").losses == load_recipe("modified_unet", "compact").losses


def test_plugins_of_one_folder_have_recipes_of_their_own() -> None:
    assert [recipe_file(name).name for name in ("modified_vnet", "mbnet", "segmenter", "compact")] == [
        "recipe.yaml", "mbnet_recipe.yaml", "recipe.yaml", "compact_recipe.yaml",
    ]  # fmt: skip
    assert recipe_file("telea") is None
    assert recipe_names("telea") == []


def test_what_cannot_be_trained_is_named() -> None:
    with pytest.raises(RecipeError, match="there is nothing to train in 'telea'"):
        load_recipe("telea", "compact")
    with pytest.raises(UnknownPluginError, match="did you mean 'lama'"):
        load_recipe("lamma", "compact")
    with pytest.raises(ValueError, match="nothing to train"):
        shipped_folder("telea")


def test_yaml_cannot_run_code(tmp_path: Path) -> None:
    path = tmp_path / "evil.yaml"
    path.write_text("steps: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(RecipeError, match="not valid YAML"):
        load_recipe("ra_unet", path)
