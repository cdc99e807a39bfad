"""Poisson image blending (Perez et al. 2003, eqs. 3 and 7): the last step of ``glcic`` and ``gfc``."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve
from torch import Tensor

STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def poisson_blend(painted: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """`painted` (N, 3, H, W), shifted in each hole so that it meets `image` at the hole's border; in [0, 1].

    In the hole the result keeps the gradients of `painted`, around it it is `image`. An image that is all hole stays as
    painted, one without a hole as it is.
    """
    results = [
        _blend(ours.double().cpu().numpy(), given.double().cpu().numpy(), hole[0].cpu().numpy() > 0.5)
        for ours, given, hole in zip(painted, image, mask, strict=True)
    ]
    return torch.from_numpy(np.stack(results)).to(painted.device, torch.float32)


def _blend(painted: NDArray[np.float64], image: NDArray[np.float64], hole: NDArray[np.bool_]) -> NDArray[np.float64]:
    if hole.all():
        return painted.clip(0, 1)
    result = image.copy()
    if not hole.any():
        return result
    height, width = hole.shape
    count = int(hole.sum())
    number = np.full(hole.shape, -1)
    number[hole] = np.arange(count)
    rows, columns = np.nonzero(hole)
    neighbours = np.zeros(count)
    right_side = np.zeros((count, 3))
    matrix = sparse.csr_array((count, count))
    for down, right in STEPS:
        r, c = rows + down, columns + right
        inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
        equations, r, c = np.nonzero(inside)[0], r[inside], c[inside]
        neighbours[equations] += 1
        right_side[equations] += (painted[:, rows[equations], columns[equations]] - painted[:, r, c]).T
        unknown = hole[r, c]
        # A known neighbour's value is given; an unknown one's is another unknown of the system.
        right_side[equations[~unknown]] += image[:, r[~unknown], c[~unknown]].T
        entries = (-np.ones(int(unknown.sum())), (equations[unknown], number[r[unknown], c[unknown]]))
        matrix = matrix + sparse.csr_array(entries, shape=(count, count))
    matrix = matrix + sparse.diags_array(neighbours)
    result[:, rows, columns] = spsolve(matrix.tocsc(), right_side).reshape(count, 3).T
    return result.clip(0, 1)
