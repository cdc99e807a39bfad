"""A network of few channels for each row of ``published_networks.py``, of the same class and fed as it is.

It is small enough to turn round every one of its tensors and to change every one of its pads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tests import parity
from tests.methods import published_runs as published
from tests.methods.published_runs import Tensors
from unmaskbench.benchmark.biometrics.backbones.inception_resnet_v1 import InceptionResnetV1
from unmaskbench.benchmark.biometrics.backbones.iresnet import IResNet
from unmaskbench.methods.aotgan.network import AOTGenerator
from unmaskbench.methods.codeformer.network import CodeFormer
from unmaskbench.methods.ctsdg.network import CTSDG
from unmaskbench.methods.dfdnet.network import PARTS, SCALES, DFDNet
from unmaskbench.methods.dfnet.network import DFNet
from unmaskbench.methods.difface.network import DenoisingUNet
from unmaskbench.methods.difface.swinir import SwinIR
from unmaskbench.methods.edgeconnect.network import EdgeConnect
from unmaskbench.methods.gca.network import InpaintGenerator
from unmaskbench.methods.gfpgan.network import GFPGAN
from unmaskbench.methods.glcic.network import GLCIC
from unmaskbench.methods.lama.network import FFCResNet
from unmaskbench.methods.psp_unmask.encoder import GradualStyleEncoder
from unmaskbench.methods.psp_unmask.stylegan2 import Generator
from unmaskbench.methods.rfr.network import RFRNet

Asked = tuple[nn.Module, Callable[[Any, Tensors], Tensors], Tensors]
"""A network with weights, how its outputs are read, and its inputs."""


def filled(network: nn.Module, gain: float = 0.6, parts: tuple[str, ...] = ("",)) -> Any:
    """`network` with drawn weights, in eval mode."""
    for part in parts:
        parity.fill(network.get_submodule(part), keep=published.KEPT, gain=gain)
    return network.eval()


def ask(network: nn.Module, run: Callable[[Any, Tensors], Tensors], **inputs: Tensor) -> Asked:
    return network, run, inputs


def drawn(height: int, width: int, seed: int, signed: bool = False) -> Tensor:
    return published.picture(height, width, seed, signed)


def speckled(height: int, width: int, share: float) -> Tensor:
    """A mask of single pixels, `share` of them 1."""
    return (parity.uniform((1, 1, height, width), 2) > 1 - share).float()


def box(height: int, width: int, rows: slice, columns: slice) -> Tensor:
    """A mask that is 1 in one rectangle."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., rows, columns] = 1
    return mask


# ---------------------------------------------------------------------------------------------------------- inpainters


def aotgan() -> Asked:
    network = filled(AOTGenerator(base_channels=8, blocks=3))
    return ask(network, published.aotgan, image=drawn(36, 40, 1, signed=True), mask=speckled(36, 40, 0.3))


def edgeconnect() -> Asked:
    """Both generators on drawn inputs, because few edges of an untrained network reach the picture."""
    network = filled(EdgeConnect(base_channels=8, blocks=2), parts=("edge", "inpaint"))
    return ask(
        network, lambda net, x: {"output": net.inpaint(x["four"]), "edge": net.edge(x["three"])},
        four=parity.uniform((1, 4, 24, 28), 1), three=parity.uniform((1, 3, 24, 28), 2),
    )  # fmt: skip


def ctsdg() -> Asked:
    network = filled(CTSDG(base_channels=8, levels=4), gain=1.25)
    published.keep_alive(network)
    structure = parity.uniform((1, 2, 48, 64), 2)
    return ask(
        network, published.ctsdg, image=drawn(48, 64, 1, signed=True), edges=structure[:, :1], grey=structure[:, 1:],
        mask=1 - box(48, 64, slice(12, 36), slice(16, 40)),
    )  # fmt: skip


def dfnet() -> Asked:
    network = filled(DFNet(base_channels=8, levels=6), gain=1.0)
    return ask(network, published.dfnet, image=drawn(64, 128, 1), mask=speckled(64, 128, 0.7))


def glcic() -> Asked:
    network = filled(GLCIC(base_channels=8, mean_pixel=(0.5, 0.42, 0.37)), gain=2.0, parts=("completion",))
    return ask(network, published.glcic, image=drawn(32, 40, 1), mask=speckled(32, 40, 0.3))


def gca() -> Asked:
    network = filled(InpaintGenerator(base_channels=8), gain=1.0)
    mask = box(40, 48, slice(8, 32), slice(12, 36))
    return ask(network, published.gca, image=drawn(40, 48, 1, signed=True), mask=mask)


def rfr(kernel: int = 7) -> Asked:
    network = filled(RFRNet(base_channels=8, iterations=2, kernel=kernel), gain=1.25)
    return ask(network, published.rfr, image=drawn(48, 64, 1), mask=1 - box(48, 64, slice(12, 40), slice(16, 44)))


def lama(fourier: str) -> Asked:
    network = filled(FFCResNet(base_channels=8, downsamplings=2, blocks=2, fourier=fourier), gain=1.0)
    mask = (parity.uniform((1, 1, 32, 40), 8) > 0.5).float()
    return ask(network, published.lama, image=drawn(32, 40, 7), mask=mask)


# ----------------------------------------------------------------------------------------------------------- enhancers


def small_codeformer(side: int = 16) -> CodeFormer:
    widths, fuse_px = (64, 64), (side // 2, side)
    network: CodeFormer = filled(CodeFormer(side, widths, codes=16, code=8, width=16, layers=2, fuse_px=fuse_px), 1.0)
    return network


def image_and_logits(network: Any, image: Tensor, fidelity: float = 0.5, adain: bool = True) -> Tensors:
    """Both, because a code is chosen by the largest logit, which hides small changes."""
    features, _ = network.encode(image)
    return {"output": network.generate(image, fidelity, adain), "logits": network.predict(features)}


def codeformer(adain: bool = True) -> Asked:
    image, fidelity = parity.cells((1, 3, 8, 8), 2, 2) * 2 - 1, 0.5 if adain else 1.0
    return ask(small_codeformer(8), lambda net, x: image_and_logits(net, x["image"], fidelity, adain), image=image)


def small_gfpgan() -> GFPGAN:
    network: GFPGAN = filled(GFPGAN(size=32, width=16, full_until=8, style=12))
    return network


def image_and_colours(network: Any, image: Tensor) -> Tensors:
    """The image and the U-Net's own colours."""
    restored, colours = network.generate(image)
    return {"output": restored, **{f"rgb_{each.shape[-1]}": each for each in colours}}


def gfpgan() -> Asked:
    image = parity.cells((1, 3, 32, 32), 4, 2) * 2 - 1
    return ask(small_gfpgan(), lambda net, x: image_and_colours(net, x["image"]), image=image)


SMALL_DFDNET = {"base": 4, "hidden": 8}


def small_dfdnet() -> DFDNet:
    """A few channels, and dictionaries of three entries of 4 px."""
    network: DFDNet = filled(DFDNet(**SMALL_DFDNET), gain=1.0)
    published.power_step(network)
    for number, part in enumerate(PARTS):
        for level, (scale, width) in enumerate(zip(SCALES, network.widths, strict=True)):
            network.take(part, scale, parity.uniform((3, width, 4, 4), 10 * number + level))
    return network


def blocks_of_dfdnet(network: Any, x: Tensors) -> Tensors:
    """The features, and what each block of attention and of the decoder gives for drawn inputs: of a few channels and
    untrained weights, little reaches the image."""
    found = dict(enumerate([*network.VggExtract(x["image"]), network.MSDilate(drawn_like(network.widths[3], 1))]))
    for up in (network.up0, network.up1, network.up2, network.up3):
        channels = up.ScaleModel1[0].weight_orig.shape[1]
        found[len(found)] = up(drawn_like(channels, 2), drawn_like(channels, 3))
    found[len(found)] = network.up4(drawn_like(SMALL_DFDNET["base"], 4))
    for name in ("le", "re", "no", "mo"):
        for scale, width in zip(SCALES, network.widths, strict=True):
            found[len(found)] = network.get_submodule(f"{name}_{scale}")(drawn_like(width, 5))
    return {str(number): each for number, each in found.items()}


def drawn_like(channels: int, seed: int) -> Tensor:
    return parity.uniform((1, channels, 8, 8), seed)


def dfdnet() -> Asked:
    return ask(small_dfdnet(), blocks_of_dfdnet, image=parity.cells((1, 3, 64, 64), 4, 1) * 2 - 1)


def difface_unet() -> Asked:
    network = DenoisingUNet(size=16, base=64, multipliers=(1, 2), blocks=(1, 1), attention_px=(8,))
    return ask(filled(network, gain=1.0), published.difface_unet, image=drawn(16, 16, 1, signed=True))


def difface_swinir() -> Asked:
    network = SwinIR(width=12, layers=2, blocks=2, heads=2, window=4, features=8, tokens=8)
    return ask(filled(network, gain=1.0), published.difface_swinir, image=drawn(64, 64, 2))


# ---------------------------------------------------------------------------------------------------- pSp and matchers

FACENET_GAIN = 1.2
CHANNELS = {4: 8, 8: 8, 16: 6, 32: 4}


def psp_encoder() -> Asked:
    network = filled(GradualStyleEncoder(8, 64, 16, (64, 64, 64, 64), (1, 1, 1, 1), 8), gain=1.3)
    return ask(network, published.style_encoder, image=parity.cells((1, 3, 64, 64), 8, 3) * 2 - 1)


def stylegan2() -> Asked:
    network: Any = filled(Generator(32, 16, 2, CHANNELS), gain=1.3)
    codes = parity.uniform((1, network.n_styles, 16), 13) * 2 - 1
    return ask(network, lambda net, x: {"image": net(x["codes"])}, codes=codes)


def magface() -> Asked:
    network = IResNet(units=(1, 1, 1, 1))
    return ask(filled(network), published.embedding, image=parity.uniform((2, 3, 112, 112), 17))


def facenet() -> Asked:
    """The published network itself on the smallest pictures that it takes: its class has one width."""
    network = filled(InceptionResnetV1(), gain=FACENET_GAIN)
    return ask(network, published.embedding, image=parity.cells((2, 3, 80, 80), 8, 19) * 2 - 1)


NARROW: dict[str, Callable[[], Asked]] = {
    "aotgan": aotgan,
    "edgeconnect": edgeconnect,
    "ctsdg": ctsdg,
    "dfnet": dfnet,
    "glcic": glcic,
    "gca": gca,
    "rfr": rfr,
    "rfr_smaller_hole": lambda: rfr(kernel=5),
    "codeformer": codeformer,
    "codeformer_inpaint": lambda: codeformer(adain=False),
    "gfpgan_clean": gfpgan,
    "dfdnet": dfdnet,
    "difface_unet": difface_unet,
    "difface_swinir": difface_swinir,
    "lama_9blocks_gain1": lambda: lama("matmul"),
    "lama_big": lambda: lama("fft"),
    "psp_encoder_256": psp_encoder,
    "stylegan2_256": stylegan2,
    "magface_iresnet100": magface,
    "facenet_inception_resnet_v1": facenet,
}
