"""Losses against closed forms and independent libraries."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from unmaskbench.benchmark.training.losses import Batch, build
from unmaskbench.benchmark.training.losses.adversarial import (
    discriminator_loss,
    generator_loss,
    r1_penalty,
)
from unmaskbench.benchmark.training.losses.embedding import ArcFace, cosine_distance, relation_distance
from unmaskbench.benchmark.training.losses.feature_matching import Activations, feature_matching
from unmaskbench.benchmark.training.losses.segmentation import cross_entropy, dice
from unmaskbench.benchmark.training.losses.ssim import ssim_map


def batch_of(n: int = 2, side: int = 32) -> Batch:
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(n, 3, side, side, generator=generator)
    mask = torch.zeros(n, 1, side, side)
    mask[0, :, side // 2 :] = 1
    mask[1, :, -4:] = 1
    points = torch.tensor([[10.0, 12], [21, 12], [16, 18], [11, 24], [20, 24]]).expand(n, 5, 2)
    return Batch(truth, truth * (1 - mask), mask, points)


def test_l1_and_mse_of_a_constant_error() -> None:
    batch = batch_of()
    restored = batch.truth + 0.1 * batch.mask
    assert float(build("l1", {"region": "hole"})(restored, batch)) == pytest.approx(0.1, abs=1e-6)
    assert float(build("mse", {"region": "hole"})(restored, batch)) == pytest.approx(0.01, abs=1e-6)
    assert float(build("l1", {"region": "known"})(restored, batch)) == 0.0
    assert float(build("l1", {})(restored, batch)) == pytest.approx(0.1 * float(batch.mask.mean()), abs=1e-6)
    assert float(build("l1", {"region": "upper"})(restored, batch)) == pytest.approx(0.1 * (19 - 16) / 19 / 2, abs=0.01)


def test_a_batch_of_losses_is_the_mean_of_its_images() -> None:
    batch = batch_of()
    restored = torch.rand_like(batch.truth)
    for name, parameters in (("l1", {"region": "hole"}), ("ssim", {"region": "hole"}), ("mse", {})):
        loss = build(name, parameters)
        single = [
            float(
                loss(
                    restored[i : i + 1],
                    Batch(*(getattr(batch, f)[i : i + 1] for f in ("truth", "occluded", "mask", "landmarks"))),
                )
            )
            for i in range(2)
        ]
        assert float(loss(restored, batch)) == pytest.approx(np.mean(single), abs=1e-6)


def test_ssim_agrees_with_scikit_image() -> None:
    from skimage.metrics import structural_similarity

    a, b = torch.rand(1, 3, 40, 40), torch.rand(1, 3, 40, 40)
    expected = structural_similarity(
        a[0].permute(1, 2, 0).numpy(), b[0].permute(1, 2, 0).numpy(), channel_axis=2, data_range=1.0,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip
    assert float(ssim_map(a, b).mean()) == pytest.approx(expected, abs=2e-5)


def test_adversarial_values_at_zero_logits() -> None:
    zero = torch.zeros(4, 1)
    assert float(discriminator_loss(zero, zero, "bce")) == pytest.approx(math.log(2))
    assert float(discriminator_loss(zero, zero, "non_saturating")) == pytest.approx(2 * math.log(2))
    assert float(discriminator_loss(zero, zero, "hinge")) == 2.0
    assert float(generator_loss(zero, "bce")) == pytest.approx(math.log(2))
    assert float(generator_loss(zero + 3, "hinge")) == -3.0


@pytest.mark.parametrize("game", ["bce", "non_saturating", "hinge"])
def test_known_patches_are_to_be_called_real(game: str) -> None:
    """Suvorov et al. 2022, section 2.2.2: only patches that see missing pixels are generated ones."""
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, 1, 4, 4, generator=generator), torch.randn(2, 1, 4, 4, generator=generator)
    whole = discriminator_loss(real, fake, game)
    assert float(discriminator_loss(real, fake, game, torch.ones_like(fake))) == pytest.approx(float(whole))
    left = torch.zeros_like(fake)
    left[..., :2] = 1
    # Where nothing is missing the generated image's logits count as a second real image's.
    as_real = float(discriminator_loss(real, -fake[..., 2:], game)) - float(
        discriminator_loss(real, fake[..., :2], game)
    )
    halves = float(discriminator_loss(real, fake[..., :2], game)) + as_real / 2
    assert float(discriminator_loss(real, fake, game, left)) == pytest.approx(halves, abs=1e-6)


def test_perceptual_region_sees_nothing_outside_it(home: Path) -> None:
    del home  # AlexNet's features
    batch = batch_of(side=64)
    batch = Batch(batch.truth, batch.occluded, batch.mask, batch.landmarks * 2)
    loss = build("perceptual", {"network": "lpips_alex", "region": "upper"})
    below = batch.truth.clone()
    below[:, :, 36:] = 1 - below[:, :, 36:]  # the nose tip is at row 36
    assert float(loss(below, batch)) == pytest.approx(0.0, abs=1e-6)
    above = batch.truth.clone()
    above[:, :, :30] = 1 - above[:, :, :30]
    assert float(loss(above, batch)) > 0.05
    with pytest.raises(ValueError, match="unknown region"):
        build("perceptual", {"region": "chin"})(below, batch)


def test_r1_of_a_linear_discriminator() -> None:
    weight = torch.rand(3, 8, 8)
    penalty = r1_penalty(lambda x: (x * weight).sum(dim=(1, 2, 3)), torch.rand(5, 3, 8, 8), gamma=10.0)
    assert float(penalty) == pytest.approx(5.0 * float(weight.square().sum()), rel=1e-5)


def test_feature_matching_sees_every_activation() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.LeakyReLU(), nn.Conv2d(2, 2, 1), nn.ReLU())
    with Activations(network) as seen:
        network(torch.rand(1, 3, 4, 4))
    assert len(seen.layers) == 2
    network(torch.rand(1, 3, 4, 4))
    assert len(seen.layers) == 2
    ones = [torch.ones(1, 2), torch.ones(1, 2)]
    assert float(feature_matching(ones, [o + 2 for o in ones])) == 2.0
    with pytest.raises(ValueError, match="equal lists"):
        feature_matching(ones, [])


def test_mask_losses_at_their_ends() -> None:
    mask = (torch.rand(2, 1, 8, 8) > 0.5).float()
    sure = (mask * 2 - 1) * 40
    assert float(cross_entropy(sure, mask)) == pytest.approx(0, abs=1e-6)
    assert float(dice(sure, mask)) == pytest.approx(0, abs=1e-6)
    assert float(cross_entropy(torch.zeros_like(mask), mask)) == pytest.approx(math.log(2))
    assert float(dice(-sure, mask)) > 0.9


def test_arcface_without_a_margin_is_a_softmax() -> None:
    torch.manual_seed(0)
    head = ArcFace(4, 3, scale=8.0, margin=0.0)
    vectors, labels = torch.randn(5, 4), torch.tensor([0, 1, 2, 1, 0])
    cosines = nn.functional.normalize(vectors, dim=1) @ nn.functional.normalize(head.centres, dim=1).T
    assert float(head(vectors, labels)) == pytest.approx(
        float(nn.functional.cross_entropy(8 * cosines, labels)), abs=1e-4
    )
    assert float(ArcFace.forward(head, vectors, labels)) < float(_with_margin(head, 0.5)(vectors, labels))


def _with_margin(head: ArcFace, margin: float) -> ArcFace:
    head.margin = margin
    return head


def test_distillation_is_zero_for_the_teachers_own_directions() -> None:
    targets = nn.functional.normalize(torch.randn(6, 8), dim=1)
    assert float(cosine_distance(3 * targets, targets)) == pytest.approx(0, abs=1e-6)
    assert float(relation_distance(3 * targets, targets)) == pytest.approx(0, abs=1e-6)
    assert float(cosine_distance(-targets, targets)) == pytest.approx(2, abs=1e-6)


def test_latent_is_the_root_mean_square_per_style() -> None:
    assert float(build("latent", {})(torch.full((2, 3, 4), 0.5), batch_of())) == pytest.approx(0.5, abs=1e-4)


def test_a_reduced_batch_keeps_means_holes_and_places() -> None:
    truth = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).reshape(2, 3, 4, 4) / 96
    mask = torch.zeros(2, 1, 4, 4)
    mask[0, 0, 1, 2] = 1
    corners = torch.tensor([[[0.5, 0.5], [2.5, 0.5], [1.5, 1.5], [0.5, 2.5], [2.5, 2.5]]]).expand(2, -1, -1)
    small = Batch(truth, 1 - truth, mask, corners).reduced(2)
    assert torch.allclose(small.truth.mean(), truth.mean())
    assert torch.allclose(small.truth[0, 0, 0, 1], truth[0, 0, :2, 2:].mean())
    assert torch.allclose(small.occluded, 1 - small.truth)
    # One occluded pixel of four makes the small one occluded: the truth does not leak through the average.
    assert small.mask[0, 0].tolist() == [[0, 1], [0, 0]]
    assert not small.mask[1].any()
    # The corner that four pixels share is the centre of the small pixel which they become.
    assert small.landmarks[0, 0].tolist() == [0.0, 0.0]
    assert small.landmarks[0, 4].tolist() == [1.0, 1.0]


def test_unknown_losses_and_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown loss 'l7'"):
        build("l7", {})
    with pytest.raises(ValueError, match="does not take"):
        build("l1", {"zone": "hole"})


def test_perceptual_features_that_are_absent_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    with pytest.raises(FileNotFoundError, match="bench weights fetch vgg19"):
        build("perceptual", {"network": "vgg19"})


def test_lpips_is_the_metrics_value(home: Path) -> None:
    from unmaskbench.benchmark.plugins.registry import METRICS

    batch = batch_of(side=64)
    restored = (torch.rand_like(batch.truth) * 255).round() / 255
    metric = METRICS.build("lpips")
    truth = (batch.truth * 255).round() / 255
    expected = metric.score(restored, metric.reference(truth), None).mean()
    loss = build("perceptual", {"network": "lpips_alex"})
    assert float(loss(restored, Batch(truth, truth, batch.mask, batch.landmarks))) == pytest.approx(
        float(expected), abs=1e-3
    )


def test_edgeface_teaches_what_it_answers(home: Path) -> None:
    """The differentiable copy agrees with onnxruntime, and its gradient points towards the truth."""
    from unmaskbench.benchmark.training.teachers import OnnxTargets, teacher

    crops = torch.rand(2, 3, 112, 112)
    network, targets = teacher("edgeface"), OnnxTargets("edgeface", threads=1)(crops)
    with torch.no_grad():
        assert float((network(crops) - targets).abs().max()) < 1e-4
    noisy = (crops + 0.3 * torch.rand_like(crops)).requires_grad_(True)
    distance = (1 - (network(noisy) * targets).sum(dim=1)).mean()
    (gradient,) = torch.autograd.grad(distance, noisy)
    with torch.no_grad():
        closer = (1 - (network(noisy - gradient / gradient.abs().max() * 0.01) * targets).sum(dim=1)).mean()
    assert float(closer) < float(distance)


def two_faces(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth colours (2, 3, 128, 128) with landmarks where a face's would be."""
    coarse = torch.rand(2, 3, 10, 10, generator=generator)
    images = nn.functional.interpolate(coarse, (128, 128), mode="bicubic").clamp(0, 1)
    return images, torch.tensor([[45.0, 52], [83, 52], [64, 72], [49, 92], [79, 92]]).expand(2, -1, -1)


def test_identity_sees_crops_that_move(home: Path) -> None:
    from unmaskbench.benchmark.training.losses.identity import Identity

    del home  # EdgeFace's weights
    generator = torch.Generator().manual_seed(1)
    truth, points = two_faces(generator)
    batch = Batch(truth, truth, torch.ones(2, 1, 128, 128), points)
    restored = (truth + 0.1 * torch.rand(truth.shape, generator=generator)).clamp(0, 1)
    still, moving = Identity(), Identity(jitter_px=3.0)
    # The truth and the restored face move together.
    torch.manual_seed(0)
    assert float(moving(truth, batch)) == pytest.approx(0.0, abs=1e-5)
    values = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        values.append(float(moving(restored, batch)))
    assert values[0] == values[1] != values[2]
    assert float(still(restored, batch)) == float(still(restored, batch))
    with pytest.raises(ValueError, match="jitter"):
        Identity(jitter_px=-1.0)


def test_identity_sees_both_crops_through_one_camera(home: Path) -> None:
    from unmaskbench.benchmark.training.losses.identity import Identity

    del home  # EdgeFace's weights
    generator = torch.Generator().manual_seed(1)
    truth, points = two_faces(generator)
    batch = Batch(truth, truth, torch.ones(2, 1, 128, 128), points)
    checks = (torch.arange(128)[:, None] + torch.arange(128)[None]).remainder(2) * 0.2 - 0.1
    restored = (truth + checks).clamp(0, 1)
    camera = Identity(camera=1.0)
    torch.manual_seed(0)
    assert float(camera(truth, batch)) == pytest.approx(0.0, abs=1e-5)
    # A checkerboard is what a soft lens does not show.
    assert float(camera(restored, batch)) < float(Identity()(restored, batch))
    with pytest.raises(ValueError, match="camera"):
        Identity(camera=2.0)


def test_a_lens_does_what_its_figures_say() -> None:
    from unmaskbench.benchmark.training.losses.identity import photographed

    crops = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    none, full = (torch.full((2, 1, 1, 1), value) for value in (0.0, 1.0))
    assert torch.allclose(photographed(crops, torch.stack((none, none)), none), crops)
    centre = photographed(crops, torch.stack((full, none)), none)[..., 4, 4]
    assert torch.allclose(centre, crops[..., 2:7, 2:7].mean((-2, -1)))
    flat = torch.full((2, 3, 9, 9), 0.9)
    assert torch.allclose(photographed(flat, torch.stack((none, full)), full / 2), torch.tensor(0.5 + 0.7 * 0.4 + 0.1))


def test_without_colour_an_identity_term_asks_for_light_and_shade_alone(home: Path) -> None:
    from unmaskbench.benchmark.training.losses.identity import Identity

    del home  # EdgeFace's weights
    generator = torch.Generator().manual_seed(1)
    truth, points = two_faces(generator)
    batch = Batch(truth, truth, torch.ones(2, 1, 128, 128), points)
    noise = 0.1 * torch.rand(truth.shape, generator=generator)
    values, gradients = [], []
    for colour in (True, False):
        restored = (truth + noise).clamp(0, 1).requires_grad_()
        value = Identity(colour=colour)(restored, batch)
        value.backward()
        values.append(float(value.detach()))
        gradients.append(restored.grad)
    assert values[0] == pytest.approx(values[1], rel=1e-5)
    assert float((gradients[0] - gradients[0].mean(1, keepdim=True)).abs().max()) > 0
    torch.testing.assert_close(gradients[1], gradients[0].mean(1, keepdim=True).expand(-1, 3, -1, -1))


def test_verification_asks_for_distance_from_impostors() -> None:
    from unmaskbench.benchmark.training.losses.verification import against_impostors

    people = torch.eye(4)
    # Each at its own truth: log(1 + 3 e^-s). All at one mean face: no better than guessing, log 4.
    assert float(against_impostors(people, people, 2.0)) == pytest.approx(math.log(1 + 3 * math.exp(-2)), rel=1e-5)
    mean = torch.full((4, 4), 0.5)
    assert float(against_impostors(mean, people, 2.0)) == pytest.approx(math.log(4), rel=1e-5)
    # Two photographs of one person are no impostors of each other.
    twins = people[[0, 0, 1, 2]]
    assert float(against_impostors(twins, twins, 2.0)) == pytest.approx(
        (2 * math.log(1 + 2 * math.exp(-2)) + 2 * math.log(1 + 3 * math.exp(-2))) / 4, rel=1e-5
    )
    assert float(against_impostors(people[:1], people[:1], 2.0)) == 0.0
    # A margin is taken off the own cosine alone.
    assert float(against_impostors(people, people, 2.0, margin=0.3)) == pytest.approx(
        math.log(1 + 3 * math.exp(-2 * 0.7)), rel=1e-5
    )


def test_a_lattice_is_what_repeats_in_step() -> None:
    from unmaskbench.benchmark.training.losses.lattice import Lattice, lattice_energy

    generator = torch.Generator().manual_seed(4)
    noise = torch.rand(1, 3, 64, 64, generator=generator) - 0.5
    # In turn brighter and darker along the rows: a mean over 5 x 5 pixels keeps a fifth of it, so four fifths are detail.
    weave = 0.05 * (1 - 2 * (torch.arange(64) % 2)).float().expand(1, 3, 64, 64)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 16:56, 8:56] = 1
    assert float(lattice_energy(0.5 + weave, mask, 8)) == pytest.approx((0.05 * 0.8) ** 2, rel=1e-4)
    # Detail without a phase cancels over the 30 cells of the mask; a weave of the same strength does not.
    same = weave * (noise.std() / weave.std())
    assert float(lattice_energy(0.5 + noise, mask, 8)) < 0.1 * float(lattice_energy(0.5 + same, mask, 8))
    # A smooth picture has none, and neither do the pixels that are not missing.
    slope = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    assert float(lattice_energy(slope, mask, 8)) < 1e-9
    assert float(lattice_energy(0.5 + weave * (1 - mask), _inner(mask), 8)) < 1e-9
    # An odd size: the last rows and columns are left out.
    odd = functional.pad(weave, (0, 5, 0, 3))
    assert float(lattice_energy(odd, functional.pad(mask, (0, 5, 0, 3)), 8)) == pytest.approx(0.0016, rel=1e-4)
    image = (0.5 + weave).requires_grad_()
    batch = Batch(torch.full_like(weave, 0.5), torch.full_like(weave, 0.5), mask, torch.full((1, 5, 2), 20.0))
    Lattice(8)(image, batch).backward()
    stepped = image.detach() - 0.1 * image.grad / image.grad.abs().max()
    assert float(lattice_energy(stepped, mask, 8)) < float(lattice_energy(image.detach(), mask, 8))
    assert float(image.grad[..., :12, :].abs().max()) == 0
    with pytest.raises(ValueError, match="at least 2 px"):
        Lattice(1)


def _inner(mask: torch.Tensor) -> torch.Tensor:
    """The mask less two pixels of its edge, where a mean over 5 x 5 pixels sees nothing else."""
    return 1 - functional.max_pool2d(1 - mask, 5, 1, 2)


def test_who_counts_as_one_person_is_a_matter_of_the_teacher() -> None:
    """Vectors of a teacher whose impostors' cosines are all above 0.8 are impostors all the same, and the loss pulls."""
    from unmaskbench.benchmark.training.losses.verification import SAME_PERSON, against_impostors
    from unmaskbench.benchmark.training.teachers import TEACHERS

    assert set(SAME_PERSON) == set(TEACHERS)
    crowded = torch.nn.functional.normalize(torch.eye(4) + 1.2, dim=1)
    assert float((crowded @ crowded.T).min()) > 0.8
    assert float(against_impostors(crowded, crowded, 8.0)) == 0.0
    known = against_impostors(crowded, crowded, 8.0, same_person=SAME_PERSON["dlib"])
    near = float(crowded[0] @ crowded[1])
    assert float(known) == pytest.approx(math.log(1 + 3 * math.exp(8 * (near - 1))), rel=1e-4)


def test_terms_of_one_turn_take_turns() -> None:
    from unmaskbench.benchmark.training.recipe import LossTerm
    from unmaskbench.benchmark.training.steps.restoration import drawn_terms

    terms = [
        LossTerm(id="l1", weight=1.0),
        *(LossTerm(id="verification", weight=1.0, turn="teacher", start=start) for start in (0.0, 0.0, 0.5)),
        LossTerm(id="ssim", weight=1.0, start=0.5),
    ]
    early, late = [0] * 5, [0] * 5
    for step in range(300):
        torch.manual_seed(step)
        for counts, progress in ((early, 0.0), (late, 0.9)):
            drawn = drawn_terms(terms, progress)
            assert len(drawn & {1, 2, 3}) == 1
            for number in drawn:
                counts[number] += 1
    assert early[0] == 300
    assert early[3:] == [0, 0]
    assert min(early[1:3]) > 100
    assert late[0] == late[4] == 300
    assert min(late[1:4]) > 60
    torch.manual_seed(7)
    first = drawn_terms(terms, 0.9)
    torch.manual_seed(7)
    assert drawn_terms(terms, 0.9) == first


def test_a_matcher_that_verifies_teaches(home: Path) -> None:
    from unmaskbench.benchmark.plan.entries import Crop
    from unmaskbench.benchmark.plan.geometry import fit
    from unmaskbench.benchmark.plugins.registry import DATASETS
    from unmaskbench.benchmark.training.losses import build
    from unmaskbench.benchmark.training.recipes import load_recipe

    people = home / "data/lfw"
    if not people.is_dir():
        pytest.skip(f"{people} is not there")
    terms = [{"id": "verification", "weight": 1.0, "parameters": {"teacher": "dlib"}}]
    assert load_recipe("ra_unet", "paper").replaced(losses=terms).teachers == ("dlib",)
    with pytest.raises(ValueError, match="independent judge"):
        build("verification", {"teacher": "mobilefacenet"})
    photographs = DATASETS.build("lfw", root=str(people), split="validation")
    faces = [fit(photographs[index], Crop(centre_px=150), 128) for index in (0, -1)]
    truth, points = torch.stack([face.image for face in faces]), torch.stack([face.landmarks for face in faces])
    batch = Batch(truth, truth, torch.ones(2, 1, 128, 128), points)
    loss = build("verification", {"teacher": "edgeface", "scale": 8.0})
    restored = truth.flip(0).requires_grad_()
    swapped, right = loss(restored, batch), loss(truth, batch)
    assert float(swapped.detach()) > math.log(2) > float(right)
    swapped.backward()
    assert float(restored.grad.abs().sum()) > 0


def test_dlib_teaches_on_its_own_crops() -> None:
    """Its answers are the matcher's, for crops that it cuts itself; in bfloat16 they turn by less than three degrees."""
    from unmaskbench.benchmark.plugins.registry import MATCHERS
    from unmaskbench.benchmark.training.teachers import teacher

    if MATCHERS.missing("dlib"):
        pytest.skip("needs pip install face_recognition_models")
    generator = torch.Generator().manual_seed(1)
    images, points = two_faces(generator)
    network, matcher = teacher("dlib"), MATCHERS.build("dlib")
    matcher.load("cpu")
    crops = network.crops(images, points)
    assert crops.shape == (2, 3, 150, 150)
    answer, expected = network(crops), nn.functional.normalize(matcher.embed(images, points), dim=1)
    torch.testing.assert_close(answer, expected, atol=1e-5, rtol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        low = network(crops)
    assert low.dtype == torch.float32
    assert not torch.equal(low, answer)
    assert float((low * answer).sum(dim=1).min()) > math.cos(math.radians(3))
