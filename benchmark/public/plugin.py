"""Every name that a plug-in may import.

>>> from unmaskbench.plugin import METHODS, MethodCard

Importing this module imports nothing else: a name is fetched from its home when it is asked for. Names that are not here
are the harness's own and may change from one version to the next.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from unmaskbench.benchmark.plugins.exports import HOMES

if TYPE_CHECKING:
    from unmaskbench.benchmark.biometrics.aligned_matcher import OnnxMatcher, TorchMatcher, matcher_signature
    from unmaskbench.benchmark.biometrics.alignment import (
        ALIGNMENT_SIGNATURE,
        ARCFACE_112X96,
        ARCFACE_112X112,
        DLIB_150X150,
        FACENET_160X160,
        FACENET_STRETCH,
        align,
        similarity_transform,
    )
    from unmaskbench.benchmark.biometrics.cosine import CosineSimilarity, cosine_matrix, cosine_rows
    from unmaskbench.benchmark.biometrics.onnx_embedder import OnnxEmbedder
    from unmaskbench.benchmark.biometrics.torch_embedder import TorchEmbedder
    from unmaskbench.benchmark.biometrics.trained_matcher import TrainedMatcher
    from unmaskbench.benchmark.detection.detectors import DETECTORS, detector_named, missing_detector
    from unmaskbench.benchmark.detection.faces import NoFaceError
    from unmaskbench.benchmark.detection.found_faces import FoundFaces
    from unmaskbench.benchmark.metrics._base import full_reference
    from unmaskbench.benchmark.metrics._content_cache import ContentCache
    from unmaskbench.benchmark.metrics._image_by_image import image_by_image
    from unmaskbench.benchmark.metrics._regions import region_mean
    from unmaskbench.benchmark.metrics._validation import (
        check_images,
        check_like,
        check_masks,
        check_pair,
        check_region,
        check_whole,
    )
    from unmaskbench.benchmark.plugins import weights
    from unmaskbench.benchmark.plugins.canny import canny
    from unmaskbench.benchmark.plugins.cards import (
        DatasetCard,
        MatcherCard,
        MethodCard,
        MetricCard,
        Missing,
        OcclusionCard,
        Region,
    )
    from unmaskbench.benchmark.plugins.contracts import (
        Dataset,
        FiledDataset,
        Matcher,
        Method,
        Metric,
        Occlusion,
        PairedDataset,
        Segmenter,
        SetMetric,
    )
    from unmaskbench.benchmark.plugins.data_hooks import DrawsNothing, FindsFaces, HasRemarks, OwnsPairs, WidensHoles
    from unmaskbench.benchmark.plugins.holes import HOLE_MARGIN, each_hole, widened
    from unmaskbench.benchmark.plugins.hooks import (
        ComparesRowByRow,
        DependsOnLibraries,
        Exports,
        Freezes,
        HasDiscriminator,
        HasNetwork,
        HasParts,
        HasTrainedWeights,
        HasTrainingCard,
        HasTrainingOutputs,
        HasWeights,
        LooksUpPictures,
        NeedsSomething,
        Shares,
        StartsFromPublished,
        TellsConditions,
        Trainable,
    )
    from unmaskbench.benchmark.plugins.inpainting import check_radius, inpaint
    from unmaskbench.benchmark.plugins.lazy_modules import cv2, np
    from unmaskbench.benchmark.plugins.lazy_torch import functional, nn, torch
    from unmaskbench.benchmark.plugins.learned_method import LearnedMethod, locate, metadata_of, read_method_card
    from unmaskbench.benchmark.plugins.model_file import (
        Convention,
        card_of,
        read_convention,
        read_settings,
        weights_alone,
    )
    from unmaskbench.benchmark.plugins.poisson_blending import poisson_blend
    from unmaskbench.benchmark.plugins.published_method import PublishedMethod
    from unmaskbench.benchmark.plugins.registry import (
        DATASETS,
        MATCHERS,
        METHODS,
        METRICS,
        OCCLUSIONS,
        SEGMENTERS,
        UnavailablePluginError,
        UnknownPluginError,
        missing_extra,
    )
    from unmaskbench.benchmark.plugins.types import ROLES, Attribute, Face, Occluded, Output, Pair, Role, SampleRef
    from unmaskbench.benchmark.plugins.weights.files import WeightFile, search_path
    from unmaskbench.benchmark.plugins.weights.loading import (
        WeightsError,
        check_fit,
        load_strict,
        read_checkpoint,
        read_published,
        read_state_dict,
        state_dict_of,
        under_prefix,
    )
    from unmaskbench.benchmark.store.folders import walk
    from unmaskbench.benchmark.store.image_tensors import read_exactly, read_image, to_tensor
    from unmaskbench.benchmark.store.images import ImageError, is_image, read_mask, read_pixels, read_rgba
    from unmaskbench.benchmark.store.lists import posix, read_csv
    from unmaskbench.datasets.annotations import existing, not_here
    from unmaskbench.datasets.labels import Labels, read_labels
    from unmaskbench.datasets.landmarks import read_landmarks
    from unmaskbench.datasets.occlusions.face_area import coverage, face_region
    from unmaskbench.datasets.occlusions.head_pose import HeadPose, pose_of
    from unmaskbench.datasets.occlusions.lighting import check_colour, check_range, lay_over, pixels_of
    from unmaskbench.datasets.pair_lists import read_pairs

__all__ = [
    "ALIGNMENT_SIGNATURE",
    "ARCFACE_112X96",
    "ARCFACE_112X112",
    "DATASETS",
    "DETECTORS",
    "DLIB_150X150",
    "FACENET_160X160",
    "FACENET_STRETCH",
    "HOLE_MARGIN",
    "MATCHERS",
    "METHODS",
    "METRICS",
    "OCCLUSIONS",
    "ROLES",
    "SEGMENTERS",
    "Attribute",
    "ComparesRowByRow",
    "ContentCache",
    "Convention",
    "CosineSimilarity",
    "Dataset",
    "DatasetCard",
    "DependsOnLibraries",
    "DrawsNothing",
    "Exports",
    "Face",
    "FiledDataset",
    "FindsFaces",
    "FoundFaces",
    "Freezes",
    "HasDiscriminator",
    "HasNetwork",
    "HasParts",
    "HasRemarks",
    "HasTrainedWeights",
    "HasTrainingCard",
    "HasTrainingOutputs",
    "HasWeights",
    "HeadPose",
    "ImageError",
    "Labels",
    "LearnedMethod",
    "LooksUpPictures",
    "Matcher",
    "MatcherCard",
    "Method",
    "MethodCard",
    "Metric",
    "MetricCard",
    "Missing",
    "NeedsSomething",
    "NoFaceError",
    "Occluded",
    "Occlusion",
    "OcclusionCard",
    "OnnxEmbedder",
    "OnnxMatcher",
    "Output",
    "OwnsPairs",
    "Pair",
    "PairedDataset",
    "PublishedMethod",
    "Region",
    "Role",
    "SampleRef",
    "Segmenter",
    "SetMetric",
    "Shares",
    "StartsFromPublished",
    "TellsConditions",
    "TorchEmbedder",
    "TorchMatcher",
    "Trainable",
    "TrainedMatcher",
    "UnavailablePluginError",
    "UnknownPluginError",
    "WeightFile",
    "WeightsError",
    "WidensHoles",
    "align",
    "canny",
    "card_of",
    "check_colour",
    "check_fit",
    "check_images",
    "check_like",
    "check_masks",
    "check_pair",
    "check_radius",
    "check_range",
    "check_region",
    "check_whole",
    "cosine_matrix",
    "cosine_rows",
    "coverage",
    "cv2",
    "detector_named",
    "each_hole",
    "existing",
    "face_region",
    "full_reference",
    "functional",
    "image_by_image",
    "inpaint",
    "is_image",
    "lay_over",
    "load_strict",
    "locate",
    "matcher_signature",
    "metadata_of",
    "missing_detector",
    "missing_extra",
    "nn",
    "not_here",
    "np",
    "pixels_of",
    "poisson_blend",
    "pose_of",
    "posix",
    "read_checkpoint",
    "read_convention",
    "read_csv",
    "read_exactly",
    "read_image",
    "read_labels",
    "read_landmarks",
    "read_mask",
    "read_method_card",
    "read_pairs",
    "read_pixels",
    "read_published",
    "read_rgba",
    "read_settings",
    "read_state_dict",
    "region_mean",
    "search_path",
    "similarity_transform",
    "state_dict_of",
    "to_tensor",
    "torch",
    "under_prefix",
    "walk",
    "weights",
    "weights_alone",
    "widened",
]  # fmt: skip


def __getattr__(name: str) -> object:
    module_name = HOMES.get(name)
    if module_name is None:
        raise AttributeError(f"module {__name__!r} has no name {name!r} (docs: Extending; API reference)")
    module = import_module(module_name)
    return getattr(module, name) if hasattr(module, name) else import_module(f"{module_name}.{name}")


def __dir__() -> list[str]:
    return sorted(HOMES)
