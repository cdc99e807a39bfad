"""The compact recipes of the rebuilt inpainters: every term of each plays, and every weight of each network learns from it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from unmaskbench.benchmark.training.recipe import Recipe
from unmaskbench.benchmark.training.recipes import RecipeError, load_recipe, parse
from unmaskbench.benchmark.training.steps.restoration import RestorationStep

# Settings of a smaller network, and of the discriminators at the smaller side.
SMALL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "aotgan": ({"base_channels": 8, "blocks": 2}, {"width": 4}),
    "edgeconnect": ({"base_channels": 8, "blocks": 2}, {"width": 4}),
    "glcic": ({"base_channels": 8}, {"size_px": 64, "width": 4, "features": 8}),
    "gfc": ({"base_channels": 4, "hidden": 16, "side_px": 64}, {"size_px": 64, "width": 4}),
    "gca": ({"base_channels": 8}, {"size_px": 64, "width": 4}),
    "dfnet": ({"base_channels": 8}, {}),
    "ctsdg": ({"base_channels": 8, "levels": 4}, {"width": 4}),
    "rfr": ({"base_channels": 8}, {}),
}


class Wrapper:
    """Stands for mmengine's: one Adam."""

    def __init__(self, parameters: Any) -> None:
        self.optimiser = torch.optim.Adam(list(parameters), lr=2e-3)

    def update_params(self, loss: torch.Tensor) -> None:
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()


def small(name: str) -> Recipe:
    """The compact recipe with all its terms from the first step, on a smaller network and in float32."""
    recipe = load_recipe(name, "compact")
    settings, judges = SMALL[name]
    return recipe.replaced(
        batch=2,
        precision="fp32",
        coarse=None,
        network={"size": "compact", "settings": {**recipe.network.settings, **settings}},
        losses=[{**term.model_dump(), "start": 0.0} for term in recipe.losses],
        adversaries=[
            {**one.model_dump(), "start": 0.0, "parameters": {**one.parameters, **judges}} for one in recipe.adversaries
        ],
    )


def data() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(2, 3, 9, 9, generator=generator)
    truth = torch.nn.functional.interpolate(coarse, (64, 64), mode="bicubic").clamp(0, 1)
    mask = torch.zeros(2, 1, 64, 64)
    mask[0, :, 30:56, 14:50], mask[1, :, 8:40, 20:40] = 1, 1
    points = torch.tensor([[22.0, 26], [42, 26], [32, 36], [24, 46], [40, 46]]).expand(2, 5, 2)
    faces = {"truth": truth, "occluded": truth * (1 - mask)}
    return {key: (value * 255).byte() for key, value in faces.items()} | {"mask": mask.byte(), "landmarks": points}


@pytest.mark.parametrize("name", SMALL)
def test_every_term_plays_and_every_weight_learns(name: str, home: Any) -> None:
    del home  # AlexNet's features
    torch.manual_seed(0)
    recipe = small(name)
    step = RestorationStep(recipe, torch.device("cpu")).train()
    wrappers = {"generator": Wrapper(step.generator.parameters())}
    if recipe.adversaries:
        wrappers["discriminators"] = Wrapper(step.discriminators.parameters())
    before = {key: value.clone() for key, value in step.named_parameters()}
    curve = []
    for _ in range(3):
        curve.append({key: float(value) for key, value in step.train_step(data(), wrappers).items()})
    terms = {f"{number}_{term.id}" for number, term in enumerate(recipe.losses)}
    for number, one in enumerate(recipe.adversaries):
        terms |= {f"{number}_{one.id}_fool", f"{number}_{one.id}_judge"}
        terms |= {f"{number}_{one.id}_features"} if one.feature_matching else set()
        terms |= {f"{number}_{one.id}_slope"} if one.gradient_penalty else set()
    assert terms | {"loss"} == set(curve[0])
    pixels = [key for key in terms if key.endswith(("l1", "mse"))]
    assert sum(curve[-1][key] for key in pixels) < sum(curve[0][key] for key in pixels)
    still = [key for key, value in step.named_parameters() if torch.equal(value, before[key])]
    # A critic's last bias cancels in the difference of its scores.
    still = [key for key in still if not (name == "gca" and key.endswith("score.9.bias"))]
    assert still == [], "these learn nothing"


@pytest.mark.parametrize("name", SMALL)
def test_validation_sees_what_a_run_gives(name: str) -> None:
    """The image that validation scores is the one that the method restores with the same weights."""
    recipe = small(name).replaced(losses=[{"id": "l1", "weight": 1.0}], adversaries=[])
    torch.manual_seed(0)
    step = RestorationStep(recipe, torch.device("cpu")).eval()
    given = data()
    method = step.method()
    method.network = step.generator
    occluded, mask = given["occluded"].float() / 255, given["mask"].float()
    with torch.inference_mode():
        expected = method.restore(occluded, mask)
        if name in ("glcic", "gfc"):  # blending comes after the network
            expected = step.generator(occluded, mask)
    (scored,) = step.val_step(given)
    assert (scored["raw"] - expected.clamp(0, 1)).abs().max() <= 0.5 / 255 + 1e-5


@pytest.mark.parametrize(
    ("adversary", "message"),
    [
        ({"game": "hinge", "soft_mask_px": 5.0}, "soft_mask_px belongs to the game least_squares"),
        ({"game": "wasserstein", "known_is_real": True}, "known_is_real asks for a decision"),
        ({"game": "wgan"}, "game"),
    ],
)
def test_what_belongs_to_another_game_is_refused(adversary: dict[str, Any], message: str) -> None:
    content = load_recipe("aotgan", "compact").model_dump()
    with pytest.raises(RecipeError, match=message):
        parse({**content, "adversaries": [{"id": "patch", **adversary}]}, "mine.yaml")
