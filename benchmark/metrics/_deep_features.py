"""One feature vector per image: pytorch-fid's Inception pool3, and AlexNet's last convolution averaged over space."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from unmaskbench.benchmark.metrics._backbones import ALEXNET, DEVIATION, MEAN, tapped
from unmaskbench.plugin import WeightFile, functional, nn, torch, weights

if TYPE_CHECKING:
    from torch import Tensor

INCEPTION_PX = 299
INCEPTION_DATE = "2015-12-05"
POOL3 = 2048
RESIZING = "bilinear"
ALEXNET_RELU5 = 256
INCEPTION_SIGNATURE = f"pytorch-fid inception {INCEPTION_DATE}|pool3:{POOL3}"
ALEXNET_SIGNATURE = f"alexnet relu5 mean:{ALEXNET_RELU5}"
FID_INCEPTION = WeightFile(
    id="fid_inception",
    filename=f"pt_inception-{INCEPTION_DATE}-6726825d.pth",
    licence="Apache-2.0",
    source=f"pytorch-fid's release fid_weights, a port of TensorFlow's Inception of {INCEPTION_DATE}",
    enables="fid, kid",
    url="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)


def inception_features(images: Tensor) -> Tensor:
    """Pool3 features (N, 2048) of images (N, 3, H, W) in [0, 1], resized to 299 px bilinearly as pytorch-fid does.

    Raises FileNotFoundError with the remedy where the weights are missing.
    """
    resized = functional.interpolate(images, (INCEPTION_PX, INCEPTION_PX), mode=RESIZING, align_corners=False)
    with torch.no_grad():
        pooled: Tensor = _inception(str(images.device))(2.0 * resized - 1.0)
    return pooled.view(-1, POOL3)


def alexnet_features(images: Tensor) -> Tensor:
    """AlexNet's fifth convolution after ReLU, mean over space: (N, 256) of images (N, 3, H, W) in [0, 1], at least
    31 px, not resized. Raises FileNotFoundError with the remedy where the weights are missing."""
    mean, deviation = (images.new_tensor(value).view(1, 3, 1, 1) for value in (MEAN, DEVIATION))
    with torch.no_grad():
        last = tapped(_alexnet(str(images.device)), ALEXNET.taps[-1:], (images - mean) / deviation)[0]
    return last.mean((2, 3)).view(-1, ALEXNET_RELU5)


@lru_cache(maxsize=2)
def _alexnet(device: str) -> nn.Sequential:
    return ALEXNET.load().to(device)


@lru_cache(maxsize=2)
def _inception(device: str) -> nn.Sequential:
    state = torch.load(weights.require(FID_INCEPTION), map_location="cpu", weights_only=True)
    network = inception_network()
    missing, unexpected = network.load_state_dict(state, strict=False)
    # The classifier of 1,008 classes is in the file and has no part in the features.
    unexpected = [key for key in unexpected if not key.startswith("fc.")]
    if missing or unexpected:
        raise ValueError(
            f"{FID_INCEPTION.filename} is not pytorch-fid's Inception: {(missing + unexpected)[:3]} differ"
        )
    return network.eval().requires_grad_(False).to(device)


def inception_network() -> nn.Sequential:
    """pytorch-fid's Inception up to pool3 with untrained weights and the file's key names.

    Built from the package's own blocks; its constructor would download the weights.
    """
    from pytorch_fid import inception as port
    from torchvision.models import inception_v3

    trunk = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    network = nn.Sequential()
    for name in ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"):
        network.add_module(name, getattr(trunk, name))
    network.add_module("maxpool1", nn.MaxPool2d(3, stride=2))
    for name in ("Conv2d_3b_1x1", "Conv2d_4a_3x3"):
        network.add_module(name, getattr(trunk, name))
    network.add_module("maxpool2", nn.MaxPool2d(3, stride=2))
    patched = {
        "Mixed_5b": port.FIDInceptionA(192, pool_features=32),
        "Mixed_5c": port.FIDInceptionA(256, pool_features=64),
        "Mixed_5d": port.FIDInceptionA(288, pool_features=64),
        "Mixed_6a": trunk.Mixed_6a,
        "Mixed_6b": port.FIDInceptionC(768, channels_7x7=128),
        "Mixed_6c": port.FIDInceptionC(768, channels_7x7=160),
        "Mixed_6d": port.FIDInceptionC(768, channels_7x7=160),
        "Mixed_6e": port.FIDInceptionC(768, channels_7x7=192),
        "Mixed_7a": trunk.Mixed_7a,
        "Mixed_7b": port.FIDInceptionE_1(1280),
        "Mixed_7c": port.FIDInceptionE_2(2048),
    }
    for name, block in patched.items():
        network.add_module(name, block)
    network.add_module("avgpool", nn.AdaptiveAvgPool2d(1))
    return network
