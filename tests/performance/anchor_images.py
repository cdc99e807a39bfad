"""Image metrics against piq, torchmetrics, scikit-image and torch-fidelity, and over several regions at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import torch
from alternating import Anchor, need
from torch import Tensor

from unmaskbench.benchmark.metrics._backbones import ALEXNET
from unmaskbench.benchmark.metrics._frechet import frechet_distance
from unmaskbench.benchmark.metrics.kid import polynomial_mmd
from unmaskbench.benchmark.plugins.registry import METRICS

COUNT = 8


def pictures(size: int, count: int = COUNT) -> tuple[Tensor, Tensor]:
    """Restored and truth: smooth noise of 8 bit, and the same with more of it."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.nn.functional.avg_pool2d(torch.rand(count, 3, size, size, generator=generator), 5, 1, 2)
    truth = (truth * 255).round() / 255
    restored = (truth + 0.1 * torch.rand(truth.shape, generator=generator)).clamp(0, 1)
    return (restored * 255).round() / 255, truth


def harness(names: Sequence[str], restored: Tensor, truth: Tensor, kept: bool) -> Callable[[], dict[str, Tensor]]:
    """The metrics as a run calls them; ``kept`` says whether the truth's half is there from another method.

    A metric remembers its last images, so that the next region is cheaper: each call here has them in another order.
    """
    metrics = {name: METRICS.build(name) for name in names}
    for metric in metrics.values():
        if hasattr(metric, "share"):
            metric.share(metrics)
    orders = [(restored.roll(turn, 0), truth.roll(turn, 0)) for turn in range(4)]
    references = [{name: metric.reference(y) for name, metric in metrics.items()} for _, y in orders]
    turns = cycle(range(len(orders)))

    def score() -> dict[str, Tensor]:
        turn, found = next(turns), {}
        x, y = orders[turn]
        for name, metric in metrics.items():
            reference = references[turn][name] if kept else metric.reference(y)
            found[name] = metric.score(x, reference, None).roll(-turn, 0)
        return found

    return score


def piq_rows() -> Iterator[Anchor]:
    need("piq")
    import piq

    calls: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "psnr": lambda x, y: piq.psnr(x, y, reduction="none"),
        "ssim": lambda x, y: piq.ssim(x, y, downsample=False, reduction="none"),
        "ms_ssim": lambda x, y: piq.multi_scale_ssim(x, y, reduction="none"),
        "fsim": lambda x, y: piq.fsim(x, y, reduction="none"),
    }
    for size, names, aims in ((256, tuple(calls), ("5x", "8x")), (128, ("psnr", "ssim", "fsim"), ("5x", "8x"))):
        restored, truth = pictures(size)
        for kept, aim in zip((False, True), aims, strict=True):
            yield Anchor(
                f"piq: {', '.join(names)}, {size} px, {COUNT} images, truth {'kept' if kept else 'anew'}",
                lambda names=names, x=restored, y=truth: {name: calls[name](x, y) for name in names},
                harness(names, restored, truth, kept),
                1e-4,
                aim,
            )


def torchmetrics_rows() -> Iterator[Anchor]:
    need("torchmetrics")
    from torchmetrics.functional.image import (
        multiscale_structural_similarity_index_measure as ms_ssim,
    )
    from torchmetrics.functional.image import (
        peak_signal_noise_ratio as psnr,
    )
    from torchmetrics.functional.image import (
        structural_similarity_index_measure as ssim,
    )

    each = {"reduction": "none", "data_range": 1.0}
    calls: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "psnr": lambda x, y: psnr(x, y, dim=(1, 2, 3), **each),
        "ssim": lambda x, y: ssim(x, y, **each),
        "ms_ssim": lambda x, y: ms_ssim(x, y, **each),
    }
    restored, truth = pictures(256)
    for name, call in calls.items():
        # Its SSIM counts window centres near the border too, where it mirrors the image; MS-SSIM does so at each scale.
        bound = 1e-4 if name == "psnr" else 2e-2
        ours = harness([name], restored, truth, False)
        what = f"torchmetrics: {name}, 256 px, truth anew"
        yield Anchor(what, lambda c=call, n=name: {n: c(restored, truth)}, ours, bound, "2x" if "ssim" in name else "")
    network = _their_lpips()
    yield Anchor(
        "torchmetrics: lpips (AlexNet, the same weights), 256 px, truth anew",
        lambda: {"lpips": network(restored, truth, normalize=True).flatten()},
        harness(["lpips"], restored, truth, False),
        1e-4,
        "1x",
    )
    yield from _set_rows("torchmetrics", _their_fid, _their_kid)


def _their_lpips() -> Any:
    """torchmetrics' LPIPS with the backbone's weights from our file, since it would download its own."""
    from torchmetrics.functional.image.lpips import _LPIPS

    network = _LPIPS(net="alex", pnet_rand=True)
    ours = iter(ALEXNET.load().state_dict().values())
    for theirs in network.net.state_dict().values():
        theirs.copy_(next(ours))
    return torch.inference_mode()(network)


def fidelity_rows() -> Iterator[Anchor]:
    """Its arithmetic on given features: its Inception is downloaded, and none is at hand."""
    need("torch_fidelity")
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    def fid(a: np.ndarray, b: np.ndarray) -> float:
        statistics = [fid_features_to_statistics(torch.from_numpy(x.astype(np.float64))) for x in (a, b)]
        return float(fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"])

    def kid(a: np.ndarray, b: np.ndarray) -> float:
        features = [torch.from_numpy(x.astype(np.float64)) for x in (a, b)]
        found = kid_features_to_metric(*features, kid_subsets=1, kid_subset_size=len(a), verbose=False)
        return float(found["kernel_inception_distance_mean"])

    yield from _set_rows("torch-fidelity", fid, kid)


def _set_rows(
    library: str, fid: Callable[[np.ndarray, np.ndarray], float], kid: Callable[[np.ndarray, np.ndarray], float]
) -> Iterator[Anchor]:
    rng = np.random.default_rng(0)
    for count, aim in ((500, "10x"), (5000, "5x")):
        # Of a Frechet distance of some thousands, 1e-2 is the sixth digit.
        a = (rng.standard_normal((count, 2048)) * rng.uniform(0.2, 1.0, 2048)).astype(np.float32)
        b = (rng.standard_normal((count, 2048)) + 0.05).astype(np.float32)
        sets = {"features": a}, {"features": b}
        yield Anchor(
            f"{library}: FID of given features, 2048-d, N = {count}",
            lambda a=a, b=b: {"fid": fid(a, b)},
            lambda sets=sets: {"fid": frechet_distance(*sets)},
            1e-2,
            aim,
            warm=False,
            repeats=2,
        )
    yield Anchor(
        f"{library}: KID of given features, 2048-d, N = 5000, all in one set",
        lambda: {"kid": kid(a, b)},
        lambda: {"kid": polynomial_mmd(a, b)},
        1e-3,
        "1x",
        repeats=2,
    )


class _Given(torch.nn.Module):
    """In place of Inception: features that pass through."""

    num_features = 2048

    def forward(self, features: Tensor) -> Tensor:
        return features


def _their_fid(a: np.ndarray, b: np.ndarray) -> float:
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=_Given())
    metric.update(torch.from_numpy(b), real=True)
    metric.update(torch.from_numpy(a), real=False)
    return float(metric.compute())


def _their_kid(a: np.ndarray, b: np.ndarray) -> float:
    from torchmetrics.image.kid import KernelInceptionDistance

    metric = KernelInceptionDistance(feature=_Given(), subsets=1, subset_size=len(a))
    metric.update(torch.from_numpy(b), real=True)
    metric.update(torch.from_numpy(a), real=False)
    return float(metric.compute()[0])


def skimage_rows() -> Iterator[Anchor]:
    need("skimage")
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    window = {"channel_axis": 2, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    for size in (128, 256):
        restored, truth = pictures(size)
        x, y = (images.permute(0, 2, 3, 1).numpy() for images in (restored, truth))
        yield Anchor(
            f"scikit-image: psnr, {size} px, truth anew",
            lambda x=x, y=y: {
                "psnr": [peak_signal_noise_ratio(b, a, data_range=1.0) for a, b in zip(x, y, strict=True)]
            },
            harness(["psnr"], restored, truth, False),
            1e-4,
        )
        yield Anchor(
            f"scikit-image: ssim, the same window, {size} px, truth anew",
            lambda x=x, y=y: {
                "ssim": [structural_similarity(a, b, data_range=1.0, **window) for a, b in zip(x, y, strict=True)]
            },
            harness(["ssim"], restored, truth, False),
            1e-4,
            "5x",
        )


def region_rows() -> Iterator[Anchor]:
    """Three regions of one batch, the features of the restored images computed once or once a region."""
    restored, truth = pictures(128, 16)
    hole = torch.zeros(16, 1, 128, 128)
    hole[:, :, 64:, 20:100] = 1
    regions = {"whole": None, "hole": hole, "known": 1 - hole}
    for name, aim in (("lpips", "2x"), ("fsim", "2x"), ("ssim", "")):
        reference, rounds = METRICS.build(name).reference(truth), iter(range(10_000))

        def apart(name: str = name, reference: Any = reference, rounds: Any = rounds) -> dict[str, Tensor]:
            images = restored.roll(next(rounds) // 2 % 3, 3)  # as many pixels, and none that a metric remembers
            return {key: METRICS.build(name).score(images, reference, region) for key, region in regions.items()}

        def together(name: str = name, reference: Any = reference, rounds: Any = rounds) -> dict[str, Tensor]:
            metric, images = METRICS.build(name), restored.roll(next(rounds) // 2 % 3, 3)
            return {key: metric.score(images, reference, region) for key, region in regions.items()}

        yield Anchor(f"{name} over whole, hole and known, 128 px, one call per region", apart, together, 0.0, aim)
