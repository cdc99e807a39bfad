"""How each network of ``published_networks.py`` is fed, and which of its outputs are on file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from tests import parity

Tensors = dict[str, Tensor]
KEPT = ("attn_mask", "kernel")
"""What is no weight and keeps its own values: masks of windows, blur kernels."""


def on_file(folder: Path, name: str) -> Tensors:
    """The arrays of a fixture, as float32."""
    arrays = np.load(folder / f"{name}.npz")
    return {key: torch.from_numpy(arrays[key]).float() for key in arrays.files}


def every(step: int, x: Tensor) -> Tensor:
    return x[..., ::step, ::step]


def picture(height: int, width: int, seed: int, signed: bool = True) -> Tensor:
    values = parity.uniform((1, 3, height, width), seed)
    return values * 2 - 1 if signed else values


def squares(seed: int) -> Tensor:
    return parity.cells((1, 3, 512, 512), 16, seed) * 2 - 1


@torch.no_grad()
def keep_alive(network: Any, case: Tensors | None = None) -> None:
    """CTSDG's fusion weighs by two numbers, which as drawn would be near 0 and hide what they weigh."""
    del case
    network.bigff.structure_gamma.fill_(0.7)
    network.bigff.texture_gamma.fill_(-0.9)


def dictionaries(network: Any, case: Tensors) -> None:
    """DFDNet's stand-in dictionaries of four entries."""
    from unmaskbench.methods.dfdnet.network import PARTS, SCALES

    power_step(network)
    network.boxes = case["part_locations"].long()[None]
    for number, (part, side) in enumerate(zip(PARTS, (80, 80, 50, 110), strict=True)):
        for level, (scale, width) in enumerate(zip(SCALES, network.widths, strict=True)):
            px = side // (512 // scale)
            network.take(part, scale, parity.uniform((4, width, px, px), 1000 + 10 * number + level))


@torch.no_grad()
def power_step(network: nn.Module) -> None:
    """DFDNet's vectors of spectral norm get one power step, which makes them belong to their weight."""
    for layer in network.modules():
        if hasattr(layer, "weight_orig"):
            weight = layer.weight_orig.double().flatten(1)
            v = nn.functional.normalize(weight.T @ layer.weight_u.double(), dim=0)
            layer.weight_u.copy_(nn.functional.normalize(weight @ v, dim=0))
            layer.weight_v.copy_(v)


def aotgan(network: Any, x: Tensors) -> Tensors:
    image, mask = x["image"], x["mask"]
    return {"output": network.generate(torch.cat((image * (1 - mask) + mask, mask), 1))}


def edgeconnect(network: Any, x: Tensors) -> Tensors:
    edges = network.complete_edges(x["grey"], x["edges"], x["mask"])
    return {"output": network.paint(x["image"], edges, x["mask"]), "edge": edges}


def ctsdg(network: Any, x: Tensors) -> Tensors:
    structure = torch.cat((x["edges"], x["grey"]), 1)
    restored, texture, edges = network.generate(x["image"] * x["mask"], structure * x["mask"], x["mask"])
    return {"output": restored, "projected_image": every(4, texture), "projected_edge": every(4, edges)}


def dfnet(network: Any, x: Tensors) -> Tensors:
    results, alphas, raws = network.generate(x["image"] * x["mask"], x["mask"])
    found = {f"result_{level}": every(4, each) if level < 3 else each for level, each in enumerate(results)}
    return {**found, "alpha_0": every(4, alphas[0]), "raw_0": every(4, raws[0])}


def glcic(network: Any, x: Tensors) -> Tensors:
    return {"output": network(x["image"], x["mask"])}


def gca(network: Any, x: Tensors) -> Tensors:
    coarse, fine = network.generate(x["image"] * (1 - x["mask"]), x["mask"])
    return {"output": fine, "coarse": coarse}


def rfr(network: Any, x: Tensors) -> Tensors:
    known = x["mask"].expand_as(x["image"])
    return {"output": network.generate(x["image"] * known, known)}


def codeformer(network: Any, x: Tensors, fidelity: float = 0.5, adain: bool = True) -> Tensors:
    features, _ = network.encode(x["image"])
    logits = network.predict(features)
    return {
        "output": every(4, network.generate(x["image"], fidelity, adain)), "lq_feat": features[:, ::4],
        "logits": logits[:, ::13], "code_indices": logits.argmax(2)[0].float(),
    }  # fmt: skip


def gfpgan(network: Any, x: Tensors) -> Tensors:
    restored, colours = network.generate(x["image"])
    found = dict(zip(("rgb_8", "rgb_16", "rgb_32", "rgb_64"), colours, strict=False))
    return {"output": every(4, restored), **found, "rgb_512": every(16, colours[-1])}


def dfdnet(network: Any, x: Tensors) -> Tensors:
    return {"output": every(4, network.generate(x["image"], network.boxes))}


def difface_unet(network: Any, x: Tensors) -> Tensors:
    return {"output": every(2, network(x["image"], torch.tensor([37])))}


def difface_swinir(network: Any, x: Tensors) -> Tensors:
    return {"output": every(2, network(x["image"]))}


def lama(network: Any, x: Tensors) -> Tensors:
    return {"output": network.generate(torch.cat((x["image"], x["mask"]), 1))}


def style_encoder(network: Any, x: Tensors) -> Tensors:
    return {"codes": network(x["image"])}


def stylegan(network: Any, x: Tensors) -> Tensors:
    return {"image_256": adaptive_avg_pool2d(network(x["codes"]), 256)}


def embedding(network: Any, x: Tensors) -> Tensors:
    return {"embedding": network(x["image"])}


def with_mask(height: int, width: int, seed: int, signed: bool = True) -> Callable[[Tensors], Tensors]:
    """A drawn picture and the mask on file."""
    return lambda case: {"image": picture(height, width, seed, signed), "mask": case["mask"]}


def stacked(case: Tensors) -> Tensors:
    """LaMa's own four channels."""
    return {"image": case["input"][:, :3], "mask": case["input"][:, 3:]}


def faces(side: int, seed: int, signed: bool) -> Callable[[Tensors], Tensors]:
    values = parity.uniform((2, 3, side, side), seed)
    return lambda _: {"image": values * 2 - 1 if signed else values}
