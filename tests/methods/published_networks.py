"""The networks of which the publisher's own outputs are on file: how each is built, filled, fed and read.

One row a fixture of ``$UNMASKBENCH_HOME/parity``; ``test_parity.py`` puts the same questions to every row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from torch import nn

from tests import parity
from tests.methods import published_runs as runs
from tests.methods.published_runs import KEPT, Tensors, picture, squares, with_mask


@dataclass(frozen=True)
class Published:
    """One network.

    Args:
        network: the class, as ``module:Class`` below ``unmaskbench``, and the settings of the published size.
        gain: that of the fixture's weights.
        inputs: what the fixture was made of, from the arrays on file; every tensor is mirrored together, ``image`` has colours
            and ``mask`` a polarity.
        run: the outputs, under the names of the arrays on file; the first is the picture.
        keys: the names and shapes on file, by the part of the network that has them and is filled.
        prepare: what is done to the filled network, with the arrays on file.
        millions: of parameters, by part.
        blind: {words in a tensor's name: why its sign cannot matter}.
        halved: words in the names of tensors whose sign cancels as a whole, but not that of their first row alone.
        arrays: the name of the arrays on file, where it is not the row's, and ``inputs_from`` of those with the input.
        faint: why the published output says little of the input, and who is asked instead.
        deep: why a single sign or pad may not reach the picture, and where it is looked for instead.
        slow: minutes or gigabytes.
    """

    network: str
    inputs: Callable[[Tensors], Tensors]
    run: Callable[[Any, Tensors], Tensors]
    settings: dict[str, Any] = field(default_factory=dict)
    gain: float = 0.6
    keys: dict[str, str] = field(default_factory=dict)
    millions: dict[str, float] = field(default_factory=dict)
    prepare: Callable[[Any, Tensors], object] = lambda network, case: None
    blind: dict[str, str] = field(default_factory=dict)
    halved: tuple[str, ...] = ()
    arrays: str = ""
    inputs_from: str = ""
    faint: str = ""
    deep: str = ""
    slow: bool = False

    def build(self) -> nn.Module:
        module, _, name = self.network.partition(":")
        network: nn.Module = getattr(import_module(f"unmaskbench.{module}"), name)(**self.settings)
        return network

    def filled(self, case: Tensors) -> nn.Module:
        """The network with the fixture's weights, in eval mode."""
        network = self.build()
        for part in self.keys:
            parity.fill(network.get_submodule(part), keep=KEPT, gain=self.gain)
        self.prepare(network, case)
        return network.eval()


NORM = "instance norm takes it out again"
SPECTRAL = ("weight_orig",)
EDGE_BLIND = dict.fromkeys(
    (*(f"encoder.{n}.bias" for n in (1, 4, 7)), "block.1.bias", "block.5.bias", "decoder.0.bias", "decoder.3.bias"),
    NORM,
)
RFR_BLIND = {"ratio": "the share of the last scores counts by its magnitude"}
KEYS_BLIND = {".k.bias": "what is added to every key alike leaves the softmax as it is"}
FAINT = "at this gain a mirrored picture moves the output by a few times the tolerance alone; "
STYLE = {"style.": "codes go past the mapping network"}

PUBLISHED: dict[str, Published] = {
    "aotgan": Published(
        "methods.aotgan.network:AOTGenerator", with_mask(96, 128, 31), runs.aotgan,
        keys={"": "aotgan"}, millions={"": 15.20},
        blind={"gate.1.bias": "the gate is standardised channel by channel, which takes its bias out again"},
    ),
    "edgeconnect": Published(
        "methods.edgeconnect.network:EdgeConnect",
        lambda case: {
            "image": picture(96, 128, 37, signed=False), "grey": parity.uniform((1, 1, 96, 128), 38),
            "edges": (parity.uniform((1, 1, 96, 128), 39) > 0.9).float(), "mask": case["mask"],
        },
        runs.edgeconnect,
        keys={"edge": "edgeconnect_edge", "inpaint": "edgeconnect_inpaint"}, millions={"edge": 10.76, "inpaint": 10.77},
        blind=EDGE_BLIND,
        halved=SPECTRAL,
    ),
    "ctsdg": Published(
        "methods.ctsdg.network:CTSDG",
        lambda case: {
            **with_mask(128, 256, 41)(case), "grey": parity.uniform((1, 1, 128, 256), 42),
            "edges": (parity.uniform((1, 1, 128, 256), 43) > 0.9).float(),
        },
        runs.ctsdg, gain=1.25, keys={"": "ctsdg"}, millions={"": 52.15}, prepare=runs.keep_alive,
    ),
    "dfnet": Published(
        "methods.dfnet.network:DFNet", with_mask(256, 512, 47, signed=False), runs.dfnet, gain=1.0,
        keys={"": "dfnet"}, millions={"": 32.88},
    ),
    "glcic": Published(
        "methods.glcic.network:GLCIC", with_mask(96, 128, 53, signed=False),
        runs.glcic, gain=1.41,
        keys={"completion": "glcic"}, millions={"": 6.07},
        prepare=lambda network, case: network.mean_pixel.copy_(case["mpv"].flatten()),
    ),
    "gca": Published(
        "methods.gca.network:InpaintGenerator", with_mask(64, 96, 59), runs.gca, gain=1.0,
        keys={"": "gca"}, millions={"": 3.60},
    ),
    "rfr": Published(
        "methods.rfr.network:RFRNet", with_mask(64, 96, 61, signed=False), runs.rfr, gain=1.25,
        keys={"": "rfr"}, millions={"": 31.22}, blind=RFR_BLIND,
    ),
    "rfr_smaller_hole": Published(
        "methods.rfr.network:RFRNet", with_mask(64, 96, 61, signed=False), runs.rfr, {"kernel": 5}, gain=1.25,
        keys={"": "rfr_smaller_hole"}, blind=RFR_BLIND,
    ),
    "codeformer": Published(
        "methods.codeformer.network:CodeFormer", lambda _: {"image": squares(67)}, runs.codeformer, gain=1.0,
        keys={"": "codeformer"}, millions={"": 94.11}, blind=KEYS_BLIND, slow=True,
    ),
    "codeformer_inpaint": Published(
        "methods.codeformer.network:CodeFormer", lambda _: {"image": squares(71)},
        lambda network, x: runs.codeformer(network, x, fidelity=1.0, adain=False),
        {"codes": 512, "fuse_px": (32, 64, 128)}, gain=1.0, keys={"": "codeformer_inpaint"}, blind=KEYS_BLIND, slow=True,
    ),
    "gfpgan_clean": Published(
        "methods.gfpgan.network:GFPGAN", lambda _: {"image": squares(73)}, runs.gfpgan,
        keys={"": "gfpgan_clean"}, millions={"": 86.44},
        blind={"style_mlp": "styles come from the U-Net; the mapping network is carried and not used"}, slow=True,
    ),
    "dfdnet": Published(
        "methods.dfdnet.network:DFDNet", lambda _: {"image": squares(79)}, runs.dfdnet, gain=0.8,
        keys={"": "dfdnet"}, millions={"": 240.12, "VggExtract.model": 143.67}, prepare=runs.dictionaries,
        blind={"to_rgb": "a head of training", "classifier": "VGG's head", "weight_flip": "never read"},
        halved=SPECTRAL, slow=True,
        deep="of a bias far down less than the tolerance reaches the picture; each block of the narrow network is looked at",
    ),
    "difface_unet": Published(
        "methods.difface.network:DenoisingUNet", lambda _: {"image": picture(128, 128, 83)},
        runs.difface_unet, gain=1.0,
        keys={"": "difface_unet"}, millions={"": 159.79},
    ),
    "difface_swinir": Published(
        "methods.difface.swinir:SwinIR", lambda _: {"image": picture(128, 192, 89, signed=False)},
        runs.difface_swinir, gain=1.0,
        keys={"": "difface_swinir"}, millions={"": 15.79},
    ),
    "lama_9blocks_gain1": Published(
        "methods.lama.network:FFCResNet", runs.stacked, runs.lama, {"blocks": 9}, gain=1.0,
        keys={"": "lama_9blocks"}, millions={"": 27.05}, inputs_from="lama_9blocks",
    ),
    "lama_9blocks": Published(
        "methods.lama.network:FFCResNet", runs.stacked, runs.lama, {"blocks": 9, "fourier": "matmul"},
        keys={"": "lama_9blocks"}, faint=FAINT + "lama_9blocks_gain1 is the same network alive",
    ),
    "lama_big": Published(
        "methods.lama.network:FFCResNet", runs.stacked, runs.lama, {"blocks": 18, "fourier": "fft"},
        keys={"": "lama_big"}, millions={"": 50.98}, faint=FAINT + "its class is asked in lama_9blocks_gain1 and narrow",
    ),
    "psp_encoder_256": Published(
        "methods.psp_unmask.encoder:GradualStyleEncoder", lambda _: {"image": picture(256, 256, 11)}, runs.style_encoder,
        {"n_styles": 14}, keys={"": "psp_encoder_256"}, arrays="psp_256", faint=FAINT + "the narrow one is alive", slow=True,
    ),
    "psp_encoder_1024": Published(
        "methods.psp_unmask.encoder:GradualStyleEncoder", lambda _: {"image": picture(256, 256, 11)}, runs.style_encoder,
        {"n_styles": 18}, keys={"": "psp_encoder_1024"}, arrays="psp_1024", faint=FAINT + "the narrow one is alive", slow=True,
    ),
    "stylegan2_256": Published(
        "methods.psp_unmask.stylegan2:Generator", lambda _: {"codes": parity.uniform((1, 14, 512), 13) * 2 - 1}, runs.stylegan,
        {"size": 256}, keys={"": "stylegan2_256"}, arrays="psp_256", blind=STYLE,
    ),
    "stylegan2_1024": Published(
        "methods.psp_unmask.stylegan2:Generator", lambda _: {"codes": parity.uniform((1, 18, 512), 13) * 2 - 1}, runs.stylegan,
        {"size": 1024}, keys={"": "stylegan2_1024"}, arrays="psp_1024", blind=STYLE, slow=True,
    ),
    "magface_iresnet100": Published(
        "benchmark.biometrics.backbones.iresnet:IResNet", runs.faces(112, 17, signed=False), runs.embedding,
        keys={"": "magface_iresnet100"}, millions={"": 65.16},
    ),
    "facenet_inception_resnet_v1": Published(
        "benchmark.biometrics.backbones.inception_resnet_v1:InceptionResnetV1", runs.faces(160, 19, signed=True), runs.embedding,
        keys={"": "facenet_inception_resnet_v1"}, faint=FAINT + "at another gain the same network is alive",
    ),
}  # fmt: skip
