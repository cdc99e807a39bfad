"""Several processes, one training: opening the group, sharing gradients and logs.

The group is opened here, before mmengine's Runner, because its launcher sets a CUDA device even where there is none.
Gradients are averaged by ``AveragingOptimWrapper`` before each optimiser step, in one flat message per dtype: steps with
several networks and optimisers then need no wrapper around each of them, and the CPU works like a GPU.
"""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
from mmengine.optim import OptimWrapper
from torch import Tensor, nn


def open_group(device: torch.device) -> tuple[int, int]:
    """(rank, world size). Joins the group that torchrun, Slurm or MPI announced in the environment, if any."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    for rank, world, local in (
        ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
        ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    ):
        if world in os.environ and int(os.environ[world]) > 1:
            os.environ.setdefault("RANK", os.environ[rank])
            os.environ.setdefault("WORLD_SIZE", os.environ[world])
            os.environ.setdefault("LOCAL_RANK", os.environ[local])
            break
    else:
        return 0, 1
    if "MASTER_ADDR" not in os.environ or "MASTER_PORT" not in os.environ:
        raise RuntimeError(
            "several processes were started but MASTER_ADDR and MASTER_PORT are not set; start them with torchrun, "
            "or export the first node's address and a free port"
        )
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return dist.get_rank(), dist.get_world_size()


def share_weights(module: nn.Module) -> None:
    """Give every process the first one's parameters and buffers."""
    if dist.is_available() and dist.is_initialized():
        for value in (*module.parameters(), *module.buffers()):
            dist.broadcast(value.data, 0)


def wait_for_all() -> None:
    """Return when every process has come here."""
    if dist.is_available() and dist.is_initialized():
        dist.barrier()


def mean_over_processes(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each scalar's mean over processes, in one message; the keys must be the same everywhere."""
    if not (dist.is_available() and dist.is_initialized()) or not values:
        return values
    stacked = torch.stack([value.detach().float().reshape(()) for value in values.values()])
    dist.all_reduce(stacked)
    return dict(zip(values, stacked / dist.get_world_size(), strict=True))


class AveragingOptimWrapper(OptimWrapper):  # type: ignore[misc]
    """mmengine's wrapper, with the gradients averaged over processes before they are clipped and used."""

    def step(self, **kwargs: object) -> None:
        """Average, clip where asked for, update."""
        if dist.is_available() and dist.is_initialized():
            parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
            average_gradients(parameters)
        super().step(**kwargs)


def average_gradients(parameters: list[nn.Parameter]) -> None:
    """Replace each gradient by its mean over processes. A parameter without one counts as zero where others have it."""
    held = [p for p in parameters if p.requires_grad]
    if not held:
        return
    for parameter in held:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [p.grad for p in held if p.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    offset = 0
    for gradient in gradients:
        gradient.copy_(flat[offset : offset + gradient.numel()].view_as(gradient))
        offset += gradient.numel()
