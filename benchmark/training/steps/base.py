"""What every training step shares: the network, the recipe, the share of the run that lies behind.

A step is a module that mmengine's Runner drives: ``train_step`` updates, ``val_step`` answers for validation. Frozen
networks (features, teachers) stay out of the module tree, so that a checkpoint holds only what is trained.
"""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from unmaskbench.benchmark.training.distributed import mean_over_processes
from unmaskbench.benchmark.training.recipe import Recipe

Logs = dict[str, Tensor]


class Step(BaseModel):  # type: ignore[misc]
    """Base of all steps. ``generator`` is the network that ships; ``step_index`` is set by the loop before each step."""

    # Typed as a module it would hide the methods of its own (logits, encode, stages) that tasks call.
    generator: Any

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        super().__init__()
        self.recipe, self.device_ = recipe, device
        self.step_index = 0
        self.discriminators = nn.ModuleDict()

    def generator_parameters(self) -> list[nn.Parameter]:
        """What the generator's optimiser updates."""
        return [p for p in self.generator.parameters() if p.requires_grad]

    def prepare(self) -> None:
        """Called once the generator holds the weights that the run starts from, before it is trained or resumed."""

    def forward(self, inputs: Tensor, data_samples: object = None, mode: str = "tensor") -> Tensor:
        """The network's answer; mmengine asks for this signature, training goes through ``train_step``."""
        del data_samples, mode
        answer: Tensor = self.generator(inputs)
        return answer

    def autocast(self) -> torch.autocast:
        """bfloat16 autocast where the recipe asks for it."""
        return torch.autocast(self.device_.type, torch.bfloat16, enabled=self.recipe.precision == "bf16")

    def images(self, bytes_: Tensor) -> Tensor:
        """uint8 images as float32 in [0, 1] on the device, channels last."""
        values = bytes_.to(self.device_, non_blocking=True).float() / 255.0
        return values.contiguous(memory_format=torch.channels_last)

    def progress(self) -> float:
        """The share of the run that lies behind, in [0, 1)."""
        return self.step_index / self.recipe.steps

    def finished(self, logs: Logs, loss: Tensor) -> Logs:
        """The logs, averaged over processes. Raises FloatingPointError where the loss is no number."""
        if not bool(torch.isfinite(loss)):
            terms = ", ".join(f"{key} {float(value):.4g}" for key, value in logs.items())
            raise FloatingPointError(
                f"the loss of step {self.step_index} is {float(loss)} ({terms}); lower the rate, clip gradients or train in fp32"
            )
        return mean_over_processes({"loss": loss.detach(), **logs})
