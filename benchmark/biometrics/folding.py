"""A trained network as it runs fastest, with the same values but for rounding: norms in their convolutions, channels last.

Batch norm after a convolution is, once training is over, a factor and an offset of each output channel (Jacob et al. 2018,
section 3.2): the convolution takes them up, and one pass over its output is saved. Norms before a padded convolution stay,
since the padding is zero after them and not before.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(network: nn.Module, device: str) -> nn.Module:
    """``network``, which is changed, on ``device``: every norm that follows a convolution in an ``nn.Sequential`` is folded
    into it, and on a CPU its kernels lie with their channels last, which its convolutions run faster.

    Raises ValueError where the network is in training mode: its norms are then none of fixed numbers.
    """
    if any(module.training for module in network.modules()):
        raise ValueError("a network in training mode cannot be folded; call eval() first")
    for sequence in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for place, (layer, after) in enumerate(pairwise(list(sequence))):
            if isinstance(layer, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
                sequence[place] = fuse_conv_bn_eval(layer, after)
                sequence[place + 1] = nn.Identity()
    network = network.to(device)
    return network.to(memory_format=torch.channels_last) if device == "cpu" else network
