"""ssim, ms_ssim and fsim against closed forms, piq and scikit-image."""

from __future__ import annotations

from collections.abc import Callable

import piq
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from unmaskbench.benchmark.metrics._content_cache import ContentCache
from unmaskbench.benchmark.metrics._phase_congruency import filter_bank, phase_congruency
from unmaskbench.benchmark.metrics._structural import banded, blur
from unmaskbench.benchmark.metrics.fsim import fsim
from unmaskbench.benchmark.metrics.ms_ssim import MsSsim, ms_ssim
from unmaskbench.benchmark.metrics.ssim import Ssim, ssim


def test_ssim_of_constant_images_is_its_luminance_term() -> None:
    a, b = 0.2, 0.6
    dark, light = torch.full((1, 3, 24, 24), a), torch.full((1, 3, 24, 24), b)
    expected = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4)
    assert ssim(dark, light).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("height", "width"), [(176, 192), (161, 175), (400, 390)])
def test_against_piq(
    height: int, width: int, textured: Callable[..., Tensor], disturbed: Callable[..., Tensor]
) -> None:
    truth = textured(1, height, width, seed=height)
    restored = disturbed(truth)
    x, y = restored.double(), truth.double()
    expected = piq.ssim(x, y, downsample=False, reduction="none")
    torch.testing.assert_close(ssim(restored, truth), expected, rtol=0, atol=1e-5)
    expected = piq.multi_scale_ssim(x, y, reduction="none")
    torch.testing.assert_close(ms_ssim(restored, truth), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(fsim(restored, truth), piq.fsim(x, y, reduction="none"), rtol=0, atol=1e-5)


def test_against_piq_on_faces(faces: Tensor, disturbed: Callable[..., Tensor]) -> None:
    faces = faces[:2, :, :200, :200]
    restored = disturbed(faces)
    x, y = restored.double(), faces.double()
    expected = piq.ssim(x, y, downsample=False, reduction="none")
    torch.testing.assert_close(ssim(restored, faces), expected, rtol=0, atol=1e-5)
    expected = piq.multi_scale_ssim(x, y, reduction="none")
    torch.testing.assert_close(ms_ssim(restored, faces), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(fsim(restored, faces), piq.fsim(x, y, reduction="none"), rtol=0, atol=1e-5)


def test_ssim_against_scikit_image(pair: tuple[Tensor, Tensor]) -> None:
    for restored, truth, value in zip(*pair, ssim(*pair)):
        _, full = structural_similarity(
            truth.double().numpy(),
            restored.double().numpy(),
            data_range=1.0,
            channel_axis=0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            full=True,
        )
        assert value.item() == pytest.approx(full[:, 5:-5, 5:-5].mean(), abs=1e-5)


def test_golden(pair: tuple[Tensor, Tensor]) -> None:
    assert ssim(*pair).tolist() == pytest.approx(GOLDEN["ssim"], abs=1e-4)
    assert ms_ssim(*pair).tolist() == pytest.approx(GOLDEN["ms_ssim"], abs=1e-4)
    assert fsim(*pair).tolist() == pytest.approx(GOLDEN["fsim"], abs=1e-4)


def test_ssim_on_a_region_is_the_mean_of_the_map_there(pair: tuple[Tensor, Tensor]) -> None:
    restored, truth = (images[:1] for images in pair)
    region = torch.zeros(1, 1, *truth.shape[-2:])
    region[..., 40:60, 30:90] = 1
    # The window centres of this crop, with 5 px around it, are exactly the region's pixels.
    crop = (..., slice(35, 65), slice(25, 95))
    expected = ssim(restored[crop].contiguous(), truth[crop].contiguous())
    torch.testing.assert_close(ssim(restored, truth, region), expected, rtol=0, atol=1e-6)
    frame = torch.zeros_like(region)
    frame[..., :5] = 1
    assert ssim(restored, truth, frame).isnan().all()


def test_the_two_filters_agree(pair: tuple[Tensor, Tensor]) -> None:
    """The banded matrices that other devices use give what OpenCV gives on a CPU."""
    images = pair[0]
    rows, columns = (banded(side, images.device) for side in images.shape[-2:])
    torch.testing.assert_close(rows @ (images @ columns.T), blur(images), rtol=0, atol=2e-6)


def test_ms_ssim_shares_the_first_scale_with_ssim(pair: tuple[Tensor, Tensor]) -> None:
    restored, truth = pair
    first, second = Ssim(), MsSsim()
    second.share({"ssim": first, "ms_ssim": second})
    assert second.moments is first.moments
    first.score(restored, first.reference(truth), None)
    value = second.score(restored, second.reference(truth), None)
    torch.testing.assert_close(value, ms_ssim(restored, truth), rtol=0, atol=1e-12)


def test_cache_tells_changed_images_apart() -> None:
    calls = []

    def total(images: Tensor) -> float:
        calls.append(1)
        return images.sum().item()

    cache = ContentCache(total, depth=2)
    images = torch.ones(2, 3)
    assert cache(images) == cache(images.clone()) == 6.0
    assert len(calls) == 1
    images += 1
    assert cache(images) == 12.0
    assert len(calls) == 2


def test_phase_congruency_ignores_contrast_and_brightness(textured: Callable[..., Tensor]) -> None:
    """Congruency of phase is a ratio: it does not change when luminance is scaled; flat images have an ideal one."""
    luminance = textured(1, 64, 96)[:, 0] * 100
    once, twice = phase_congruency(luminance), phase_congruency(luminance * 2)
    assert float(once.min()) >= 0
    assert float(once.max()) <= 1 + 1e-5
    torch.testing.assert_close(once, twice, rtol=0, atol=1e-4)


def test_filters_have_no_response_to_a_constant() -> None:
    bank = filter_bank(48, 49, torch.device("cpu"))
    assert bank.transfer.shape == (4, 4, 48, 49)
    assert bank.transfer[:, :, 0, 0].abs().sum() == 0


GOLDEN: dict[str, list[float]] = {
    "ssim": [0.70647, 0.72433, 0.7068],
    "ms_ssim": [0.96916, 0.97154, 0.96801],
    "fsim": [0.89272, 0.8996, 0.89274],
}
