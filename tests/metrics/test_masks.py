"""mask_iou and mask_f1 against closed forms and scikit-learn."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, jaccard_score

from unmaskbench.benchmark.metrics.mask_f1 import MaskF1, mask_f1
from unmaskbench.benchmark.metrics.mask_iou import MaskIou, mask_iou


def test_half_overlap_has_a_closed_form() -> None:
    truth, predicted = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    truth[..., :2] = 1
    predicted[..., 1:3] = 0.9
    assert mask_iou(predicted, truth).item() == pytest.approx(1 / 3)
    assert mask_f1(predicted, truth).item() == pytest.approx(1 / 2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 0.9))
def test_against_scikit_learn_and_batch_invariant(seed: int, share: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    truth = (torch.rand(3, 1, 8, 9, generator=generator) < share).float()
    predicted = torch.rand(3, 1, 8, 9, generator=generator)
    iou, f1 = mask_iou(predicted, truth), mask_f1(predicted, truth)
    for i in range(3):
        ours, theirs = (predicted[i] >= 0.5).flatten().numpy(), truth[i].flatten().bool().numpy()
        assert iou[i].item() == pytest.approx(jaccard_score(theirs, ours, zero_division=1.0))
        assert f1[i].item() == pytest.approx(f1_score(theirs, ours, zero_division=1.0))
    assert torch.equal(mask_iou(predicted[1:2], truth[1:2]), iou[1:2])
    torch.testing.assert_close(f1, 2 * iou / (1 + iou))


def test_empty_masks() -> None:
    nothing, everything = torch.zeros(1, 1, 3, 3), torch.ones(1, 1, 3, 3)
    for metric in (MaskIou(), MaskF1()):
        assert metric.score(nothing, metric.reference(nothing), None).item() == 1.0
        assert metric.score(everything, metric.reference(nothing), None).item() == 0.0
        assert metric.score(everything, metric.reference(everything), None).item() == 1.0


def test_the_door() -> None:
    mask = torch.zeros(1, 1, 3, 3)
    for metric in (MaskIou(), MaskF1()):
        with pytest.raises(ValueError, match=r"\(N, 1, H, W\)"):
            metric.reference(torch.zeros(1, 3, 3, 3))
        with pytest.raises(ValueError, match="whole images only"):
            metric.score(mask, mask, mask)
        with pytest.raises(ValueError, match="differ in shape"):
            metric.score(torch.zeros(1, 1, 4, 4), mask, None)
