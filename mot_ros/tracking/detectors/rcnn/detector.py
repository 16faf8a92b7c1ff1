# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""RcnnDetector: SiamMOT's Faster R-CNN on frames of any size."""

from __future__ import annotations

from collections.abc import Sequence
import copy

import numpy as np
import torch

from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.detectors.classes import wanted_labels
from mot_ros.tracking.detectors.rcnn.classes import class_table
from mot_ros.tracking.detectors.rcnn.graphs import RcnnGraphs
from mot_ros.tracking.detectors.rcnn.preprocess import images, network_size
from mot_ros.tracking.detectors.rcnn.roi_heads import inference_fp32, RoiHeads
from mot_ros.tracking.detectors.rcnn.roi_heads_fixed import FixedShapeRoiHeads
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.backbones.backbone import Backbone
from mot_ros.tracking.nets.backbones.mobilenet_v3 import ConvNormActivation
from mot_ros.tracking.nets.backbones.packed_conv import pack
from mot_ros.tracking.nets.ops.precision import lower
from mot_ros.tracking.nets.siammot.network import load_network, MotionModel, SiamMotNetwork
from mot_ros.tracking.runtime.device import resolve_device, use_fixed_shapes
from mot_ros.tracking.runtime.upload import Uploads
from mot_ros.tracking.types import Detections, Frame
from mot_ros.tracking.weights import store as weights

PACKED_SIZES = 4
"""Sizes of input for which a light backbone on the CPU is kept in packed form."""
GRAPHED_SIZES = 4
"""Sizes of images for which a GPU keeps graphs, and their memory."""
NEED = 'this detector needs one'


class RcnnDetector:
    """
    Detects the classes of a Faster R-CNN in images of any size.

    An image is resized as in training, see network_size. Class names are those in the file,
    else COCO's first where there are as many as in a published network: one, nine or 80;
    `classes` names those to detect, empty for all. Raises WeightsError if the weights are
    missing, altered or of another network, ConfigError for an unknown class or device.

    On a GPU all is computed in `fixed` shapes, without synchronising; elsewhere that can be
    chosen, gives the same and takes longer. RoiHeads are then valid until the next image.
    """

    def __init__(
            self, settings: RcnnSettings, device: str = 'auto',
            classes: Sequence[str] = (), compute: Compute = Compute(), *,  # noqa: B008
            fixed: bool | None = None) -> None:
        if not settings.weights:
            raise WeightsError(
                'Faster R-CNN has no weights, and untrained it finds nothing: set rcnn.weights to '
                f'a file of trained ones, or import a checkpoint with {weights.IMPORT_COMMAND}')
        self._settings = settings
        self.device = resolve_device(device)
        self._compute = compute
        network = load_network(settings.weights)
        self._classes = class_table(
            weights.metadata(settings.weights), network.classes, settings.weights)
        self._wanted = wanted_labels(classes, self._classes.names)
        network.eval().requires_grad_(False).fuse()
        # oneDNN and cuDNN both compute faster with the channels last
        self._network: SiamMotNetwork = network.to(  # type: ignore[call-overload]
            self.device, memory_format=torch.channels_last)
        lower(self._network, compute.dtype)
        self._packable = self.device.type == 'cpu' and any(
            isinstance(module, ConvNormActivation) for module in network.body.modules())
        self._packed: dict[tuple[int, int], Backbone] = {}
        self._fixed = use_fixed_shapes(self.device, fixed)
        self._uploads = Uploads(self.device)
        self._graphs: dict[tuple[int, int], RcnnGraphs] = {}

    @property
    def class_names(self) -> Sequence[str]:
        """Names by label of all classes, also where only some of them are detected."""
        return self._classes.names

    @property
    def motion(self) -> MotionModel | None:
        """The motion model beside the detector, None if the file has none."""
        return self._network.motion

    def warm_up(self) -> None:
        """Run on a black image: the first call allocates memory and selects kernels."""
        black = Frame.of(np.zeros((720, 1280, 3), np.uint8), 0.0)
        # graphs are recorded from the second one on
        self.detect([black] * (2 if self._fixed else 1))

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """
        Return the objects of each frame, best score first.

        Classes are chosen first, then scores not above `score_floor` go, then of overlapping
        boxes of a class all but the best, then all but the best `max_detections`. Raises
        FrameError for a frame without image.
        """
        return [self.extract_features(frame).detections() for frame in frames]

    def extract_features(self, frame: Frame, *, detect: bool = True) -> RoiHeads:
        """
        Compute the features of a frame; FrameError without image.

        Say with `detect` whether the network's own detections will be needed.
        """
        settings = self._settings
        if self._fixed:
            image = self._uploads.fetch(frame, NEED)
            return FixedShapeRoiHeads(
                self._graphs_for(frame.size), image, self._classes, detect=detect)
        size = network_size(frame.size, settings.short_side, settings.long_side)
        body = self._network.body
        with inference_fp32(self.device):
            batch = images([frame], size, body.mean, body.std, self.device)
            features = self._network.backbone.fpn(self._backbone_for(size)(batch))
        return RoiHeads(
            self._network, features, size, frame.size, self._classes, self._wanted, settings)

    def _backbone_for(self, size: tuple[int, int]) -> Backbone:
        """Return the backbone in the form that is fastest for inputs of (width, height)."""
        if not self._packable:
            return self._network.body
        if size not in self._packed:
            if len(self._packed) == PACKED_SIZES:
                self._packed.clear()
            body = copy.deepcopy(self._network.body)
            pack(body, size)
            self._packed[size] = body
        return self._packed[size]

    def _graphs_for(self, source: tuple[int, int]) -> RcnnGraphs:
        """
        Return the graphs for images of (width, height).

        They are recorded from the second image on. The size of a camera never changes, but each
        picture of a collection may have its own, and recording takes as long as many runs.
        """
        known = self._graphs.get(source)
        record = known is not None and self._compute.graphs
        if known is None or record != known.recorded:
            if known is None and len(self._graphs) == GRAPHED_SIZES:
                self._graphs.clear()
            settings = self._settings
            size = network_size(source, settings.short_side, settings.long_side)
            with inference_fp32(self.device):
                known = self._graphs[source] = RcnnGraphs(
                    self._network, self._backbone_for(size), size, source, self._classes.numbers,
                    self._wanted, settings, self.device, graphs=record)
        return known
