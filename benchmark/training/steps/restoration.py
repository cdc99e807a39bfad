"""The restorer's step, alone or against discriminators."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from unmaskbench.benchmark.plan.geometry import blank
from unmaskbench.benchmark.plugins import hooks
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.training.losses import Batch, Loss, build
from unmaskbench.benchmark.training.losses.adversarial import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    r1_penalty,
    softened,
)
from unmaskbench.benchmark.training.losses.feature_matching import Activations, feature_matching
from unmaskbench.benchmark.training.recipe import Adversary, LossTerm, Recipe
from unmaskbench.benchmark.training.steps.base import Logs, Step

if TYPE_CHECKING:
    from mmengine.optim import OptimWrapperDict


class RestorationStep(Step):
    """Reconstruction terms, and where the recipe has adversaries, one generator and one discriminator update."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        super().__init__(recipe, device)
        self.method = METHODS.get(recipe.method)
        self.generator = self.method.build_network(recipe.network.size, **recipe.network.settings)
        self.needs_mask: bool = self.method.card.needs_mask
        for number, adversary in enumerate(recipe.adversaries):
            network = self.method.build_discriminator(adversary.id, **adversary.parameters)
            self.discriminators[f"{number}_{adversary.id}"] = network
        self._terms: list[tuple[LossTerm, Loss]] = [
            (term, build(term.id, term.parameters, device)) for term in recipe.losses
        ]

    def prepare(self) -> None:
        """Freeze what the method holds still (not with ``options.joint``), and keep the start's encoder where the recipe
        compares with it (``options.baseline``: true)."""
        if not self.recipe.options.get("joint"):
            hooks.freeze(self.method, self.generator)
        if self.recipe.options.get("baseline") is True:
            self.keep_baseline()

    def keep_baseline(self) -> None:
        """Keep the generator's encoder, as it is now, for the latent term to compare with."""
        encoder = copy.deepcopy(self.generator.encoder).to(self.device_).eval().requires_grad_(False)
        # Past the module tree: the baseline is neither trained, averaged nor shipped.
        self.generator.__dict__["baseline"] = encoder

    def outputs(self, batch: Batch) -> dict[str, Tensor]:
        """What the network gives, by name: ``restored``, and what else its method's training needs."""
        return hooks.training_outputs(self.method, self.generator, batch.occluded, batch.mask, batch.truth)

    def train_step(self, data: dict[str, Tensor], optim_wrapper: OptimWrapperDict) -> Logs:
        """One update of the generator and, with adversaries, one of the discriminators. Returns the losses."""
        batch = self.batch(data)
        coarse = self.recipe.coarse
        if coarse and self.progress() < coarse.until:
            batch = batch.reduced(coarse.factor)
        logs: Logs = {}
        adversaries = self._playing()
        self.discriminators.requires_grad_(False)
        with self.autocast():
            outputs = self.outputs(batch)
        total = self._reconstruction(outputs, batch, logs)
        for name, adversary in adversaries:
            total = total + self._fool(name, adversary, outputs, batch, logs)
        optim_wrapper["generator"].update_params(total)
        if adversaries:
            self.discriminators.requires_grad_(True)
            outputs = {key: value.detach() for key, value in outputs.items()}
            judged = [self._judge(name, adversary, outputs, batch, logs) for name, adversary in adversaries]
            optim_wrapper["discriminators"].update_params(torch.stack(judged).sum())
        return self.finished(logs, total)

    @torch.no_grad()
    def val_step(self, data: dict[str, Tensor]) -> list[dict[str, Tensor]]:
        """The batch with its raw and composite output, as one entry."""
        batch = self.batch(data)
        with self.autocast():
            restored = self.outputs(batch)["restored"].float().clamp(0, 1)
        restored = (restored * 255).round() / 255
        return [
            {
                "restored": batch.composite(restored), "raw": restored, "truth": batch.truth,
                "mask": batch.mask, "landmarks": batch.landmarks,
            }
        ]  # fmt: skip

    def batch(self, data: dict[str, Tensor]) -> Batch:
        """The loader's bytes as a Batch on the device."""
        occluded, mask = self.images(data["occluded"]), data["mask"].to(self.device_).float()
        return Batch(
            truth=self.images(data["truth"]),
            # As the harness shows it to a method that takes a mask.
            occluded=blank(occluded, mask) if self.needs_mask else occluded,
            mask=mask,
            landmarks=data["landmarks"].to(self.device_),
        )

    def _playing(self) -> list[tuple[str, Adversary]]:
        named = zip(self.discriminators, self.recipe.adversaries, strict=True)
        return [(name, adversary) for name, adversary in named if self.progress() >= adversary.start]

    def _reconstruction(self, outputs: dict[str, Tensor], batch: Batch, logs: Logs) -> Tensor:
        total = torch.zeros((), device=self.device_)
        drawn = drawn_terms([term for term, _ in self._terms], self.progress())
        for number, (term, loss) in enumerate(self._terms):
            if number not in drawn:
                continue
            if term.output not in outputs:
                raise ValueError(
                    f"loss '{term.id}' wants output '{term.output}'; the network gives {', '.join(outputs)}"
                )
            # Feature networks may run in half precision; pixel terms must not.
            half = isinstance(loss, nn.Module)
            with torch.autocast(self.device_.type, torch.bfloat16, enabled=half and self.recipe.precision == "bf16"):
                value = loss(outputs[term.output].float(), _beside(outputs, term.output, batch))
            logs[f"{number}_{term.id}"] = value.detach()
            total = total + term.weight * value
        return total

    def _seen(self, adversary: Adversary, image: Tensor, batch: Batch) -> Tensor:
        return batch.view(image.float(), adversary.view)

    def _missing(self, adversary: Adversary, logits: Tensor, batch: Batch) -> Tensor | None:
        """For each patch, whether or by which share it is generated; None where every patch counts as generated."""
        if adversary.soft_mask_px:
            soft = softened(batch.mask, adversary.soft_mask_px)
            return nn.functional.adaptive_avg_pool2d(soft, (logits.shape[-2], logits.shape[-1])).expand_as(logits)
        if adversary.known_is_real:
            # Any missing pixel below a patch's share of the image makes it a generated one.
            return nn.functional.adaptive_max_pool2d(batch.mask, logits.shape[-2:]).expand_as(logits)
        return None

    def _logits(self, name: str, adversary: Adversary, image: Tensor, batch: Batch) -> Tensor:
        network = self.discriminators[name]
        if adversary.conditional:
            logits: Tensor = network(torch.cat((image, batch.occluded, batch.mask), 1))
        else:
            logits = network(image)
        return logits

    def _fool(self, name: str, adversary: Adversary, outputs: dict[str, Tensor], batch: Batch, logs: Logs) -> Tensor:
        fake = self._seen(adversary, outputs[adversary.sees], batch)
        with self.autocast(), Activations(self.discriminators[name]) as seen_fake:
            logits = self._logits(name, adversary, fake, batch)
        loss = adversary.weight * generator_loss(logits, adversary.game)
        logs[f"{name}_fool"] = loss.detach() / adversary.weight
        if adversary.feature_matching:
            with torch.no_grad(), self.autocast(), Activations(self.discriminators[name]) as seen_real:
                self._logits(name, adversary, _beside(outputs, adversary.sees, batch).truth, batch)
            matching = feature_matching(seen_real.layers, seen_fake.layers)
            logs[f"{name}_features"] = matching.detach()
            loss = loss + adversary.feature_matching * matching
        return loss

    def _judge(self, name: str, adversary: Adversary, outputs: dict[str, Tensor], batch: Batch, logs: Logs) -> Tensor:
        fake = self._seen(adversary, outputs[adversary.sees], batch)
        real = _beside(outputs, adversary.sees, batch).truth
        with self.autocast():
            real_logits = self._logits(name, adversary, real, batch)
            fake_logits = self._logits(name, adversary, fake, batch)
        loss = discriminator_loss(
            real_logits, fake_logits, adversary.game, self._missing(adversary, fake_logits, batch)
        )
        logs[f"{name}_judge"] = loss.detach()

        def judge(image: Tensor) -> Tensor:
            return self._logits(name, adversary, image, batch)

        # In float32: both penalties square gradients that half precision cannot hold.
        if adversary.r1 and self.step_index % adversary.r1_every == 0:
            penalty = r1_penalty(judge, real, adversary.r1)
            logs[f"{name}_r1"] = penalty.detach()
            loss = loss + adversary.r1_every * penalty
        if adversary.gradient_penalty:
            penalty = gradient_penalty(judge, real, fake, batch.mask, adversary.gradient_penalty)
            logs[f"{name}_slope"] = penalty.detach()
            loss = loss + penalty
        return loss


def drawn_terms(terms: Sequence[LossTerm], progress: float) -> set[int]:
    """The numbers of the terms that a step takes: those that have started, and of those that share a turn one, drawn from
    torch's generator (seeded for each step)."""
    started = [number for number, term in enumerate(terms) if progress >= term.start]
    turns: dict[str, list[int]] = {}
    for number in started:
        if terms[number].turn:
            turns.setdefault(terms[number].turn, []).append(number)
    drawn = {numbers[int(torch.randint(len(numbers), (1,)))] for numbers in turns.values()}
    return {number for number in started if not terms[number].turn or number in drawn}


def _beside(outputs: dict[str, Tensor], name: str, batch: Batch) -> Batch:
    """The batch that an output is compared with: at its size, and with its own truth where it brings one."""
    factor = batch.truth.shape[-1] // outputs[name].shape[-1] if outputs[name].ndim == 4 else 1
    beside = batch.reduced(factor) if factor > 1 else batch
    own = outputs.get(f"{name}_truth")
    return beside if own is None else replace(beside, truth=own)
