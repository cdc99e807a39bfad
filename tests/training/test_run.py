"""Whole runs on a toy dataset: a kill resumes to the same curve, two processes train as one, people stay apart."""

import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode

from tests.training import toy
from unmaskbench.benchmark.plugins.learned_method import metadata_of, training_card
from unmaskbench.benchmark.plugins.registry import METHODS, SEGMENTERS
from unmaskbench.benchmark.plugins.weights.files import cache_folder
from unmaskbench.benchmark.plugins.weights.loading import read_state_dict
from unmaskbench.benchmark.training import hooks, loop, release, train
from unmaskbench.benchmark.training.hooks import read_best
from unmaskbench.benchmark.training.recipes import RecipeError, load_recipe
from unmaskbench.benchmark.training.splits import Split
from unmaskbench.benchmark.training.steps import base
from unmaskbench.benchmark.training.steps import restoration as step


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))


def curve(folder: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "images_per_second"} for row in rows]


def test_a_kill_resumes_to_the_same_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = toy.write_recipe(tmp_path)
    train.train("fd_stackgan", recipe, "toy_faces", out=tmp_path / "whole")
    honest = step.RestorationStep.train_step

    def killed(self: step.RestorationStep, data: dict, optim_wrapper: object) -> dict:
        if self.step_index == 3:
            raise KeyboardInterrupt
        return honest(self, data, optim_wrapper)

    monkeypatch.setattr(step.RestorationStep, "train_step", killed)
    with pytest.raises(KeyboardInterrupt):
        train.train("fd_stackgan", recipe, "toy_faces", out=tmp_path / "cut")
    assert loop.latest_checkpoint(tmp_path / "cut").name == "iter_2.pth"
    monkeypatch.setattr(step.RestorationStep, "train_step", honest)
    with pytest.raises(ValueError, match="--resume"):
        train.train("fd_stackgan", recipe, "toy_faces", out=tmp_path / "cut")
    weights = train.train("fd_stackgan", recipe, "toy_faces", out=tmp_path / "cut", resume=True)
    assert [row["step"] for row in curve(tmp_path / "cut")] == [1, 2, 3, 4, 4]
    for whole, resumed in zip(curve(tmp_path / "whole"), curve(tmp_path / "cut"), strict=True):
        assert resumed == whole
    best, again = read_best(tmp_path / "whole"), read_best(tmp_path / "cut")
    assert all(torch.equal(best[key], again[key]) for key in best)
    # What training wrote is what the method loads, with the network that its metadata describes.
    method = METHODS.get("fd_stackgan")(checkpoint=weights)
    method.load("cpu")
    restored = method.restore(torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64))
    assert restored.shape == (1, 3, 64, 64)
    assert method.network.base.down[0].weight.shape[0] == 8
    assert metadata_of(weights)["recipe_sha256"] == load_recipe("fd_stackgan", recipe).hash
    card = release.read_card(weights)
    assert card["data"]["people"]["training"]["identities"] == 6
    assert card["best_step"] == 4
    with FlopCounterMode(display=False) as counter:
        method.restore(torch.zeros(1, 3, 64, 64), torch.ones(1, 1, 64, 64))
    assert card["macs"] == counter.get_total_flops() / 2 > 0
    with pytest.raises(ValueError, match="another recipe"):
        train.train("fd_stackgan", recipe, "toy_faces", out=tmp_path / "cut", resume=True, steps=9)


def test_two_gloo_processes_train_as_one(tmp_path: Path) -> None:
    recipe = toy.write_recipe(tmp_path, steps=3, validation={**toy.RECIPE["validation"], "every": 3})
    train.train("fd_stackgan", recipe, "toy_faces", out=tmp_path / "one")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            "-m", "tests.training.toy", str(recipe), str(tmp_path / "two"),
        ],
        check=True, env=environment, cwd=Path(__file__).parents[2], capture_output=True, timeout=240,
    )  # fmt: skip
    for one, two in zip(curve(tmp_path / "one"), curve(tmp_path / "two"), strict=True):
        if "loss" in one:
            assert two["loss"] == pytest.approx(one["loss"], abs=1e-4)
    best, other = read_best(tmp_path / "one"), read_best(tmp_path / "two")
    assert max(float((best[key] - other[key]).abs().max()) for key in best) < 1e-4


def test_coarse_steps_come_first_and_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = toy.write_recipe(
        tmp_path,
        method="ra_unet",
        network={"settings": {"widths": [4, 8]}},
        adversaries=[],
        coarse={"factor": 2, "until": 0.5},
    )
    sides = []
    honest = step.RestorationStep.outputs

    def seen(self: step.RestorationStep, batch: object) -> dict:
        if self.training:
            sides.append(batch.truth.shape[-1])
        return honest(self, batch)

    monkeypatch.setattr(step.RestorationStep, "outputs", seen)
    train.train("ra_unet", recipe, "toy_faces", out=tmp_path / "run")
    assert sides == [32, 32, 64, 64]


def test_a_later_run_keeps_the_first_ones_encoder_to_compare_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Randhawa et al. 2022 compare with f0, the encoder of unmasked faces, also where f starts from an earlier f."""
    base: dict = {
        "method": "psp_unmask", "steps": 1, "batch": 2, "network": {"settings": {}}, "adversaries": [],
        "losses": [{"id": "mse", "weight": 1.0}, {"id": "latent", "weight": 1.0, "output": "latent"}],
        "optimiser": {"rate": 0.01}, "validation": {**toy.RECIPE["validation"], "every": 1},
    }  # fmt: skip
    first = train.train("psp_unmask", toy.write_recipe(tmp_path, **base), "toy_faces", out=tmp_path / "f0")
    second = train.train("psp_unmask", toy.write_recipe(tmp_path, **base, seed=4), "toy_faces", out=tmp_path / "f")
    seen: dict[str, dict[str, torch.Tensor]] = {}
    honest = step.RestorationStep.train_step

    def watched(self: step.RestorationStep, data: dict, optim_wrapper: object) -> dict:
        seen["f0"] = {key: value.clone() for key, value in self.generator.baseline.state_dict().items()}
        seen["f"] = {key: value.clone() for key, value in self.generator.encoder.state_dict().items()}
        return honest(self, data, optim_wrapper)

    monkeypatch.setattr(step.RestorationStep, "train_step", watched)
    later = {**base, "options": {"baseline": str(first)}, "network": {"start_from": str(second)}}
    train.train("psp_unmask", toy.write_recipe(tmp_path, **later), "toy_faces", out=tmp_path / "later")
    for name, path in (("f0", first), ("f", second)):
        expected = read_state_dict(path)
        for key, value in seen[name].items():
            if "num_batches" in key:  # a counter, which does not ship
                continue
            assert torch.equal(value, expected[f"encoder.{key}"].to(value.dtype)), (name, key)
    assert any(not torch.equal(seen["f0"][key], seen["f"][key]) for key in seen["f"])


def test_a_run_starts_half_way_between_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = [
        train.train("fd_stackgan", toy.write_recipe(tmp_path, seed=seed), "toy_faces", out=tmp_path / str(seed))
        for seed in (1, 2)
    ]
    seen: dict[str, torch.Tensor] = {}
    honest = step.RestorationStep.train_step

    def watched(self: step.RestorationStep, data: dict, optim_wrapper: object) -> dict:
        if not seen:
            seen.update({key: value.clone() for key, value in self.generator.state_dict().items()})
        return honest(self, data, optim_wrapper)

    monkeypatch.setattr(step.RestorationStep, "train_step", watched)
    network = {**toy.RECIPE["network"], "start_from": [str(end) for end in ends]}
    between = train.train(
        "fd_stackgan", toy.write_recipe(tmp_path, network=network), "toy_faces", out=tmp_path / "between"
    )
    states = [read_state_dict(end) for end in ends]
    for key, value in states[0].items():
        assert torch.allclose(seen[key], (value.float() + states[1][key].float()) / 2, atol=1e-6), key
    assert release.read_card(between)["start_from"] == [str(end) for end in ends]
    with pytest.raises(RecipeError, match="start_from"):
        load_recipe("fd_stackgan", toy.write_recipe(tmp_path, network={**network, "start_from": ["alone"]}))


def chained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changes: dict) -> None:
    """Recipes `first`, `second` and `compact` of fd_stackgan, each going on from the one before."""
    recipes = {
        "first": {**toy.RECIPE, "steps": 2},
        "second": {**toy.RECIPE, "network": {**toy.RECIPE["network"], "start_from": "fd_stackgan_first.safetensors"}},
        "compact": {**toy.RECIPE, "network": {**toy.RECIPE["network"], "start_from": "fd_stackgan_second.safetensors"}},
    }
    path = tmp_path / "chain.yaml"
    path.write_text(yaml.safe_dump({name: {**content, **changes.get(name, {})} for name, content in recipes.items()}))
    monkeypatch.setattr("unmaskbench.benchmark.training.recipes.recipe_file", lambda _: path)


def test_what_a_recipe_goes_on_from_is_trained_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chained(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    weights = train.train("fd_stackgan", "compact", "toy_faces")
    assert weights == Path("runs/train/fd_stackgan-compact/fd_stackgan_compact.safetensors")
    assert "(first, second); 2 of 2: 'second'" in capsys.readouterr().out
    folders = {name: Path("runs/train") / f"fd_stackgan-{name}" for name in ("first", "second", "compact")}
    assert {name: curve(folder)[-1]["step"] for name, folder in folders.items()} == {
        "first": 2,
        "second": 4,
        "compact": 4,
    }
    # Alone, from the file that the chain left, the last run is the same one.
    train.train("fd_stackgan", "compact", "toy_faces", out=Path("runs/train/again"))
    assert "goes on" not in capsys.readouterr().out
    assert curve(Path("runs/train/again")) == curve(folders["compact"])


def test_a_trial_trains_nothing_before_it_and_becomes_no_methods_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chained(tmp_path, monkeypatch)
    with pytest.raises(RecipeError, match="bench train fd_stackgan --recipe second"):
        train.train("fd_stackgan", "compact", "toy_faces", out=tmp_path / "trial", steps=1)
    trial = train.train("fd_stackgan", "first", "toy_faces", out=tmp_path / "trial", steps=1)
    assert trial.is_file()
    assert not (cache_folder() / trial.name).exists()
    train.train("fd_stackgan", "first", "toy_faces", out=tmp_path / "whole")
    assert (cache_folder() / trial.name).is_file()


def test_what_the_last_run_misses_is_named_before_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [{"id": "perceptual", "weight": 1.0, "parameters": {"network": "lpips_alex"}}]
    chained(tmp_path, monkeypatch, compact={"losses": seen})
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    with pytest.raises(FileNotFoundError, match="bench weights fetch alexnet"):
        train.train("fd_stackgan", "compact", "toy_faces", out=tmp_path / "runs" / "compact")
    assert not (tmp_path / "runs").exists()


def test_recipes_that_start_from_each_other_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chained(tmp_path, monkeypatch, first={"network": {"start_from": "fd_stackgan_compact.safetensors"}})
    # Of these names, no shipped file may stand in.
    monkeypatch.setattr("unmaskbench.benchmark.training.prerequisites.shipped_folder", lambda _: tmp_path / "nothing")
    with pytest.raises(RecipeError, match="in a circle: compact -> second -> first -> compact"):
        train.train("fd_stackgan", "compact", "toy_faces", out=tmp_path / "run")


@pytest.mark.parametrize(("decay", "expected"), [(0.0, 3.0), (0.5, 29 / 11)])
def test_a_decay_of_zero_ships_the_weights_as_they_are(decay: float, expected: float) -> None:
    """0.5: the first step's 1 is copied, the second keeps 2/11 of it (a young average forgets faster) and takes 9/11 of 3."""
    generator = torch.nn.Linear(1, 1, bias=False)
    runner = SimpleNamespace(model=SimpleNamespace(generator=generator))
    torch.nn.init.constant_(generator.weight, 2.0)
    hook = hooks.MovingAverage(decay)
    hook.before_run(runner)
    for value in (1.0, 3.0):
        torch.nn.init.constant_(generator.weight, value)
        hook.after_train_iter(runner, 0)
    hook.before_val(runner)
    assert float(generator.weight.detach()) == pytest.approx(expected, abs=1e-5)
    hook.after_val(runner)
    assert float(generator.weight.detach()) == 3.0


def test_people_of_the_evaluation_are_refused() -> None:
    people = Split(("lfw/A", "lfw/B"), ("lfw/C",), ("lfw/B",))
    with pytest.raises(ValueError, match="lfw/B"):
        people.check()


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = toy.write_recipe(tmp_path, losses=[{"id": "l1", "weight": 1e38}], adversaries=[])
    monkeypatch.setattr(base, "mean_over_processes", lambda values: values)
    monkeypatch.setattr(
        "unmaskbench.benchmark.training.losses.l1.mean_over", lambda *_: torch.tensor(1e3, requires_grad=True)
    )
    with pytest.raises(FloatingPointError, match="lower the rate"):
        train.train("fd_stackgan", recipe, "toy_faces", out=tmp_path / "run")


def test_lfw_people_stay_apart(home: Path) -> None:
    """From the private lists: no person of sets 9-10 is trained on, and shipped cards name exactly these people."""
    from unmaskbench.benchmark.plugins.registry import DATASETS
    from unmaskbench.benchmark.training.packed_faces import identities_hash

    @lru_cache
    def people_of(dataset: str, split: str) -> set[str]:
        root = home / "data" / {"face_shards": "diverse_faces"}.get(dataset, dataset)
        if split not in DATASETS.card(dataset).splits:
            return set()
        return {f"{dataset}/{s.identity}" for s in DATASETS.build(dataset, root=root, split=split).samples}

    for name in METHODS.names():
        cls = METHODS.get(name)
        card = training_card(name, "compact", cls.folder) if hasattr(cls, "build_network") else {}
        datasets = card.get("data", {}).get("datasets", [])
        if "lfw" not in datasets or "synthetic" in datasets:
            continue
        roles = {
            split: tuple(sorted(set().union(*(people_of(dataset, split) for dataset in datasets))))
            for split in ("train", "validation", "test")
        }
        Split(roles["train"], roles["validation"], roles["test"]).check()
        assert card["data"]["people"]["training"]["sha256"] == identities_hash(roles["train"])
        assert card["data"]["people"]["evaluation_excluded"]["sha256"] == identities_hash(roles["test"])


def test_recorded_people_are_disjoint() -> None:
    """Every ledger that ships, without the data: who was trained on is nobody's evaluation."""
    ledgers = {
        path.stem: json.loads(path.read_text()) for path in Path(train.__file__).with_name("people").glob("*.json")
    }
    for name, content in ledgers.items():
        roles = [set(content["ledger"][role]) for role in ("training", "validation", "evaluation")]
        assert all(roles[a].isdisjoint(roles[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
        assert content["training"]["sha256"].startswith(name)
        assert len(roles[0]) == content["training"]["identities"]
    for name, cls in [(name, room.get(name)) for room in (METHODS, SEGMENTERS) for name in room.names()]:
        path = cls.folder / "weights" / f"{name}_compact.card.yaml" if hasattr(cls, "build_network") else None
        if path is not None and path.is_file():
            people = release.read_card(path.with_name(f"{name}_compact.safetensors"))["data"]["people"]
            assert people["training"]["sha256"][:16] in ledgers


def test_unknown_recipes_name_those_that_exist() -> None:
    with pytest.raises(RecipeError, match="compact"):
        load_recipe("ra_unet", "tiny")
