"""Noise to face: the step that trains the small StyleGAN2 which a style encoder needs (Karras et al. 2020).

Non-saturating logistic game, lazy R1 (section 3.1), style mixing (Karras et al. 2019, section 3.1) and the running mean of w,
from typing import TYPE_CHECKING
from which the encoder's styles are offsets. Path length regularisation is left out: it costs a second backward pass and
serves editing, not restoration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.training.losses.adversarial import discriminator_loss, generator_loss, r1_penalty
from unmaskbench.benchmark.training.recipe import Recipe
from unmaskbench.benchmark.training.steps.base import Logs, Step

if TYPE_CHECKING:
    from mmengine.optim import OptimWrapperDict

MEAN_MOMENTUM = 0.005


class GenerationStep(Step):
    """``generator`` is the whole pair of encoder and StyleGAN2, of which the latter is trained."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        super().__init__(recipe, device)
        method = METHODS.get(recipe.method)
        self.generator = method.build_network(recipe.network.size, **recipe.network.settings)
        if len(recipe.adversaries) != 1:
            raise ValueError(f"recipe '{recipe.name}': generation is a game against one adversary")
        self._game = recipe.adversaries[0]
        self.discriminators["judge"] = method.build_discriminator(self._game.id, **self._game.parameters)
        self._mixing = float(recipe.options.get("mixing", 0.9))

    def prepare(self) -> None:
        """The encoder waits for its own recipes."""
        self.generator.encoder.requires_grad_(False)

    def train_step(self, data: dict[str, Tensor], optim_wrapper: OptimWrapperDict) -> Logs:
        """One update of the generator and one of the discriminator."""
        real = self.images(data["truth"]) * 2 - 1
        judge, logs = self.discriminators["judge"], {}
        self.discriminators.requires_grad_(False)
        latents = self._latents(len(real))
        with self.autocast():
            fake = self.generator.decoder(latents, random_noise=True)
            logits = judge(fake)
        loss = generator_loss(logits, self._game.game)
        logs["fool"] = loss.detach()
        optim_wrapper["generator"].update_params(loss)
        self.discriminators.requires_grad_(True)
        with self.autocast():
            real_logits, fake_logits = judge(real), judge(fake.detach())
        judged = discriminator_loss(real_logits, fake_logits, self._game.game)
        logs["judge"] = judged.detach()
        if self._game.r1 and self.step_index % self._game.r1_every == 0:
            penalty = r1_penalty(judge, real, self._game.r1)
            logs["r1"] = penalty.detach()
            judged = judged + self._game.r1_every * penalty
        optim_wrapper["discriminators"].update_params(judged)
        return self.finished(logs, loss)

    @torch.no_grad()
    def val_step(self, data: dict[str, Tensor]) -> list[dict[str, Tensor]]:
        """As many faces as the batch holds, from noise that depends on the batch's first index alone."""
        truth = self.images(data["truth"])
        seeded = torch.Generator().manual_seed(int(data["index"][0]))
        z = torch.randn(len(truth), self.generator.decoder.style_dim, generator=seeded).to(truth.device)
        with self.autocast():
            images = self.generator.decoder(self.generator.decoder.mapping(z))
        images = ((images.float() + 1) / 2).clamp(0, 1)
        return [{"restored": (images * 255).round() / 255, "truth": truth}]

    def _latents(self, count: int) -> Tensor:
        """w+ (N, styles, D): one w per image, or two that change places at a random style."""
        decoder = self.generator.decoder
        z = torch.randn(2 * count, decoder.style_dim, device=self.device_)
        first, second = decoder.mapping(z).float().chunk(2)
        with torch.no_grad():
            self.generator.latent_avg.lerp_(first.mean(dim=0), MEAN_MOMENTUM)
        cut = torch.randint(1, decoder.n_styles, (count, 1), device=self.device_)
        cut = torch.where(torch.rand(count, 1, device=self.device_) < self._mixing, cut, decoder.n_styles)
        own = torch.arange(decoder.n_styles, device=self.device_)[None] < cut
        return torch.where(own[..., None], first[:, None], second[:, None])
