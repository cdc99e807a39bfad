"""The papers' own sizes and losses on a CPU: two hundred steps learn something, and a kill between them costs none of it.

The networks are whole (25 and 39 million parameters); faces of 64 px and batches of two are what a test can wait for.
"""

import json
import os
from pathlib import Path
from statistics import mean

import pytest
import yaml

from tests.training import toy  # noqa: F401  registers its faces
from unmaskbench.benchmark.training import loop, train
from unmaskbench.benchmark.training.recipes import load_recipe
from unmaskbench.benchmark.training.steps import restoration

STEPS, KILLED_AT = 200, 120

pytestmark = pytest.mark.skipif(
    os.environ.get("UNMASKBENCH_SLOW") != "1", reason="minutes at a paper's size; set UNMASKBENCH_SLOW=1"
)


@pytest.mark.parametrize(("method", "term", "parameters"), [("h2a_ms2a_gan", "0_l1", 24e6), ("ra_unet", "1_mse", 38e6)])
def test_two_hundred_steps_at_paper_size_learn_and_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, term: str, parameters: float
) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    recipe = tmp_path / "short.yaml"
    changes = {
        "extends": f"{method}/paper", "steps": STEPS, "batch": 2, "precision": "fp32", "log_every": 10, "checkpoint_every": 40,
        "data": {"size_px": 64, "workers": 0}, "validation": {"every": STEPS},
    }  # fmt: skip
    recipe.write_text(yaml.safe_dump(changes))
    assert load_recipe(method, recipe).network.size == "paper"
    honest = restoration.RestorationStep.train_step

    def killed(self: restoration.RestorationStep, data: dict, optim_wrapper: object) -> dict:
        if self.step_index == KILLED_AT + 10:
            raise KeyboardInterrupt
        return honest(self, data, optim_wrapper)

    monkeypatch.setattr(restoration.RestorationStep, "train_step", killed)
    with pytest.raises(KeyboardInterrupt):
        train.train(method, recipe, "toy_faces", out=tmp_path / "run")
    newest = loop.latest_checkpoint(tmp_path / "run")
    assert newest is not None
    assert newest.name == f"iter_{KILLED_AT}.pth"
    monkeypatch.setattr(restoration.RestorationStep, "train_step", honest)
    weights = train.train(method, recipe, "toy_faces", out=tmp_path / "run", resume=True)

    lines = [json.loads(line) for line in (tmp_path / "run" / "curve.jsonl").read_text().splitlines()]
    losses = {line["step"]: line[term] for line in lines if term in line}
    assert sorted(losses) == list(range(10, STEPS + 1, 10))
    first, last = mean(losses[step] for step in (10, 20, 30)), mean(losses[step] for step in (180, 190, 200))
    assert last < 0.7 * first
    card = yaml.safe_load(weights.with_suffix(".card.yaml").read_text())
    assert card["parameters"] > parameters
    assert card["steps_done"] == STEPS
