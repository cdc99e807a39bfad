"""Five-point face alignment: the similarity transform that lays a face's landmarks on a matcher's template.

The transform is Umeyama's least-squares similarity (rotation, one scale, translation; no reflection), solved in closed
form for a whole batch. In the plane, with centred points as complex numbers p (source) and q (template), it is the
complex number a = sum(conj(p) q) / sum(|p|^2): Umeyama 1991, eqs. 40-42, with d = 2, where its SVD has this solution.

Pixel centres lie at integers, as everywhere in the package; pixels outside the image are black.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.plugins.lazy_torch import functional, torch

if TYPE_CHECKING:
    from torch import Tensor

ARCFACE_112X112 = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
"""The template of ArcFace and its successors (Deng et al. 2019), x and y in pixels of a 112 x 112 px crop."""

ARCFACE_112X96 = tuple((x - 8.0, y) for x, y in ARCFACE_112X112)
"""The same for crops 112 px high and 96 px wide (SphereFace's crop): 8 px less on the left."""

FACENET_160X160 = (
    (53.04, 65.79),
    (110.49, 64.83),
    (82.16, 90.68),
    (57.65, 113.16),
    (108.21, 112.38),
)
"""Where the landmarks fall in FaceNet's 160 px crop.

FaceNet's public weights were trained on, and are used with, the MTCNN box grown by 32 px in 160 px, squeezed to a
square and not rotated. A box is not among what a matcher is given, so the crop is taken by the mean place of the
landmarks in such crops, measured on the 13,233 photographs of LFW; in-plane rotation is taken out on the way.
"""

FACENET_STRETCH = 1 / 0.752
"""How much wider than true FaceNet's crop shows a face: those boxes are 0.752 as wide as high (mean over LFW)."""

DLIB_150X150 = (
    (47.69, 44.15),
    (102.31, 43.85),
    (75.17, 75.21),
    (52.74, 107.19),
    (97.97, 106.94),
)
"""Where the landmarks fall in dlib's 150 px face chip.

dlib lays its chips by sixty-eight points of its own. This is ArcFace's template, enlarged 1.55 times and with the eyes
44 px below the upper edge: of twenty sizes and heights the one at which dlib's network parts 700 photographs of LFW's
training people best (d' 4.40 by cosine; one step of the grid beside it 4.22 to 4.38).
"""

ALIGNMENT_SIGNATURE = "umeyama5|bilinear|area<0.5"
"""The choices of this module that can change an embedding, for the signatures of matchers."""


def similarity_transform(source: Tensor, target: Tensor) -> Tensor:
    """Matrices (N, 2, 3) that map ``source`` points (N, K, 2) onto ``target`` (K, 2) or (N, K, 2) with the least
    squares.

    Umeyama 1991 with rotation, one scale and translation. Raises ValueError on other shapes, fewer than two points,
    values that are not finite, or source points that coincide (no transform is defined).
    """
    if source.ndim != 3 or source.shape[-1] != 2 or source.shape[1] < 2:
        raise ValueError(f"expected source points (N, K >= 2, 2), got {tuple(source.shape)}")
    target = target.expand_as(source) if target.ndim == 2 else target
    if target.shape != source.shape:
        raise ValueError(f"expected target points {tuple(source.shape)}, got {tuple(target.shape)}")
    if not bool(torch.isfinite(source).all() and torch.isfinite(target).all()):
        raise ValueError("landmarks hold values that are not finite; a face without landmarks cannot be aligned")
    source, target = source.double(), target.double()
    source_mean, target_mean = source.mean(dim=1, keepdim=True), target.mean(dim=1, keepdim=True)
    p, q = source - source_mean, target - target_mean
    spread = p.square().sum(dim=(1, 2))
    if bool((spread < 1e-8).any()):
        raise ValueError("landmarks of a face coincide: no alignment is defined")
    real = (p * q).sum(dim=(1, 2)) / spread
    imaginary = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(dim=1) / spread
    linear = torch.stack([torch.stack([real, -imaginary], -1), torch.stack([imaginary, real], -1)], dim=1)
    shift = target_mean.transpose(1, 2) - linear @ source_mean.transpose(1, 2)
    return torch.cat([linear, shift], dim=2)


def align(
    images: Tensor,
    landmarks: Tensor,
    template: tuple[tuple[float, float], ...] = ARCFACE_112X112,
    size: tuple[int, int] = (112, 112),
    stretch: float = 1.0,
) -> Tensor:
    """Faces cut out by their landmarks: (N, 3, h, w) in [0, 1] for images (N, 3, H, W) and landmarks (N, 5, 2).

    ``size`` is (height, width) in pixels and ``template`` the landmarks' places in it. A ``stretch`` other than 1
    widens the face by that factor after the similarity, for networks trained on squeezed boxes. Sampling is bilinear.
    Where a face is more than twice as large as its crop, it is first averaged down by whole factors, so that the crop
    is free of aliasing. Raises ValueError on shapes that do not fit and on landmarks that allow no alignment.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"expected images (N, 3, H, W), got {tuple(images.shape)}")
    if landmarks.shape != (len(images), len(template), 2):
        raise ValueError(f"expected landmarks ({len(images)}, {len(template)}, 2), got {tuple(landmarks.shape)}")
    if len(images) == 0:
        return images.new_zeros((0, 3, *size))
    points = torch.tensor(template, dtype=torch.float64, device=landmarks.device)
    widen = points.new_tensor([[stretch], [1.0]])
    forward = similarity_transform(landmarks, points / widen.T)
    scale = forward[:, 0, :2].norm(dim=1)
    forward = forward * widen
    # The slack takes in a face that is a whole number of times as large but for rounding.
    factors = torch.clamp((1.0 / scale + 1e-3).floor().long(), min=1)
    if int(factors.max()) == 1:
        return _warp(images, forward, size)
    crops = images.new_empty((len(images), 3, *size))
    for factor in sorted(set(factors.tolist())):
        chosen = (factors == factor).nonzero().squeeze(1)
        reduced = images[chosen.to(images.device)]
        if factor > 1:
            reduced = functional.avg_pool2d(reduced, factor, ceil_mode=True, count_include_pad=False)
        crops[chosen.to(images.device)] = _warp(reduced, _in_reduced_pixels(forward[chosen], factor), size)
    return crops


def _in_reduced_pixels(forward: Tensor, factor: int) -> Tensor:
    """The transform for an image averaged down by ``factor``, whose pixel j is centred on full pixel
    factor * j + (factor - 1) / 2."""
    offset = forward.new_full((2, 1), (factor - 1) / 2)
    linear = forward[:, :, :2]
    return torch.cat([linear * factor, forward[:, :, 2:] + linear @ offset], dim=2)


def _warp(images: Tensor, forward: Tensor, size: tuple[int, int]) -> Tensor:
    """Sample images so that crop pixel y shows image pixel x with forward(x) = y."""
    height, width = size
    inverse = torch.linalg.inv(forward[:, :, :2])
    rows = torch.arange(height, dtype=torch.float64, device=forward.device)
    columns = torch.arange(width, dtype=torch.float64, device=forward.device)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    crop = torch.stack([x, y], dim=-1).reshape(1, -1, 2)
    places = (crop - forward[:, None, :, 2]) @ inverse.transpose(1, 2)
    # grid_sample counts from -1 to 1; with align_corners these are the centres of the outermost pixels.
    extent = places.new_tensor([max(images.shape[3] - 1, 1), max(images.shape[2] - 1, 1)])
    grid = (places * 2.0 / extent - 1.0).reshape(len(images), height, width, 2)
    grid = grid.to(device=images.device, dtype=images.dtype)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
