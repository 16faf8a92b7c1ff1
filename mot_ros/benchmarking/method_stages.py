# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The stages of each method, to be timed one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import copy
import dataclasses
from functools import partial
import itertools
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from mot_ros.benchmarking.planted_tracks import DenseCrowd, unhurt
from mot_ros.benchmarking.stages import made_up_boxes, made_up_frame, Stage
from mot_ros.tracking.appearance.factory import make_embedder
from mot_ros.tracking.config import APPEARANCE_METHODS, Settings
from mot_ros.tracking.config.methods.siammot import SiamMotSettings
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.classes import Classes
from mot_ros.tracking.detectors.rcnn.graphs import RcnnGraphs
from mot_ros.tracking.detectors.rcnn.preprocess import (
    images,
    network_size,
    normalised,
    smoothed,
    statistics,
)
from mot_ros.tracking.detectors.rcnn.roi_heads import inference_fp32, RoiHeads
from mot_ros.tracking.detectors.rcnn.roi_heads_fixed import FixedShapeRoiHeads
from mot_ros.tracking.detectors.ssd.raw_outputs import dense, RawDetections
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.methods.siammot.solver import Rules, solve, TrackCandidates
from mot_ros.tracking.methods.siammot.template_memory import TemplateMemory
from mot_ros.tracking.nets.backbones.backbone import Backbone
from mot_ros.tracking.nets.backbones.packed_conv import pack
from mot_ros.tracking.nets.ops.precision import lower
from mot_ros.tracking.nets.rcnn.rpn import Selection
from mot_ros.tracking.nets.siammot.network import SiamMotNetwork
from mot_ros.tracking.protocols import Detector, Tracker
from mot_ros.tracking.runtime.cuda_graph import CudaGraph
from mot_ros.tracking.runtime.device import use_fixed_shapes
from mot_ros.tracking.runtime.upload import Uploads
from mot_ros.tracking.types import Detections, Frame

PER_FRAME = 1 / 30
"""Seconds between the frames that associations see."""


def siammot_stages(
        network: SiamMotNetwork, settings: Settings, size: tuple[int, int], tracks: Sequence[int],
        device: torch.device, fixed: bool | None = None) -> tuple[list[Stage], tuple[int, int]]:
    """
    Return the stages of SiamMOT for images of (width, height), and its network's input.

    Those of Tracktor are the same without a motion model. The network is taken over: norms are
    fused, its precision is that of the settings and a light body is packed, as for tracking. On
    a GPU, or if `fixed` says so, they are those of fixed shapes: `look` is all from the image on
    the device to detections, `follow` search and judgement.
    """
    rcnn = settings.rcnn
    inner = network_size(size, rcnn.short_side, rcnn.long_side)
    frame = made_up_frame(size)
    jpeg = _jpeg(frame)
    network.eval().requires_grad_(False).fuse()
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    lower(network, settings.compute.dtype)
    body = network.body
    if device.type == 'cpu':
        body = copy.deepcopy(body)
        pack(body, inner)
    fixed = use_fixed_shapes(device, fixed)
    names = {number: str(number) for number in range(1, network.classes)}
    parts = _Parts(
        network, body, settings, inner, size, device, Classes.of(names), range(len(names)))
    stages = [Stage('decode JPEG', lambda: cv2.imdecode(jpeg, cv2.IMREAD_COLOR))]
    seen = parts.fixed_stages(frame) if fixed else parts.stages(frame)
    stages += seen[0]
    found = _found(rcnn.max_detections, size)
    for count in tracks:
        stages += _of_tracks(
            network if settings.method == 'siammot' else None, seen[1], settings.siammot, found,
            count, fixed)
    return stages, inner


class _Parts:
    """A network of SiamMOT, to be run part by part on one image."""

    def __init__(
            self, network: SiamMotNetwork, body: Backbone, settings: Settings,
            inner: tuple[int, int], source: tuple[int, int], device: torch.device,
            classes: Classes, labels: Sequence[int]) -> None:
        self._network, self._body, self._settings = network, body, settings
        self._inner, self._source, self._device = inner, source, device
        self._classes, self._labels = classes, labels
        rcnn = settings.rcnn
        self._selection = Selection(
            rcnn.per_level, rcnn.proposals, rcnn.proposal_overlap, rcnn.amodal)
        self._proposed = _found(rcnn.proposals, source)

    def stages(self, frame: Frame) -> tuple[list[Stage], RoiHeads]:
        """Return the stages up to detections, each as long as it takes, and what they see."""
        network, body = self._network, self._network.body

        def prepared() -> Tensor:
            # a new frame each time, for which nothing was done yet
            return images([dataclasses.replace(frame)], self._inner, body.mean, body.std,
                          self._device)

        heads, dense_stages, logits, deltas = self._dense(prepared)
        columns = [level.shape[-1] for level in heads.features]
        return [
            Stage('preprocess', lambda: self._exactly(prepared)), *dense_stages,
            Stage('selection', lambda: self._exactly(
                network.rpn.select, logits, deltas, columns, self._inner, self._selection)),
            Stage('box head', lambda: heads.detections(self._proposed))], heads

    def fixed_stages(self, frame: Frame) -> tuple[list[Stage], RoiHeads]:
        """Return the same in fixed shapes, and all of it as one."""
        rcnn, network = self._settings.rcnn, self._network
        uploads = Uploads(self._device)
        pixels = uploads.fetch(frame)
        average, spread = statistics(network.body.mean, network.body.std, self._device)

        def prepared(image: Tensor) -> Tensor:
            return normalised(smoothed(image, self._inner, self._device), average, spread)

        plain, dense_stages, logits, deltas = self._dense(lambda: prepared(pixels))
        with inference_fp32(self._device):
            graphs = RcnnGraphs(
                network, self._body, self._inner, self._source, self._classes.numbers,
                self._labels, rcnn, self._device, graphs=self._settings.graphs)
            heads = FixedShapeRoiHeads(graphs, pixels, self._classes, detect=True)
        columns = [level.shape[-1] for level in plain.features]

        def selected(*_: Tensor) -> list[Tensor]:
            proposals, converged = network.rpn.select_fixed(
                logits, deltas, columns, self._inner, self._selection)
            return [proposals.boxes, proposals.scores, converged]

        dense_names = [stage.name for stage in dense_stages]
        return [
            Stage('upload', lambda: uploads.fetch(dataclasses.replace(frame))),
            Stage('preprocess', self._recorded(lambda image: [prepared(image)], pixels)),
            *dense_stages, Stage('selection', self._recorded(selected, logits[0])),
            Stage('box head', lambda: heads.detections(self._proposed)),
            Stage('look', partial(self._exactly, graphs.detect, pixels),
                  parts=(*dense_names, 'box head'))], heads

    def _dense(
            self, prepared: Callable[[], Tensor],
    ) -> tuple[RoiHeads, list[Stage], list[Tensor], list[Tensor]]:
        """Return what is seen, the stages of convolutions, and what the RPN says."""
        network = self._network
        with inference_fp32(self._device):
            batch = prepared()
            levels = self._body(batch)
            features = network.backbone.fpn(levels)
            logits, deltas = network.rpn(features)
        heads = RoiHeads(
            network, features, self._inner, self._source, self._classes, self._labels,
            self._settings.rcnn)
        return heads, [
            Stage('body', self._recorded(self._body, batch)),
            Stage('FPN', self._recorded(lambda *maps: network.backbone.fpn(maps), *levels)),
            Stage('RPN', self._recorded(
                lambda *maps: [part for parts in network.rpn(maps) for part in parts],
                *features))], logits, deltas

    def _exactly(self, work: Callable[..., object], *args: object) -> object:
        with inference_fp32(self._device):
            return work(*args)

    def _recorded(
            self, work: Callable[..., Sequence[Tensor]], *args: Tensor) -> Callable[[], object]:
        """Return work of fixed shapes as it is done in tracking."""
        return partial(
            self._exactly, CudaGraph(work, self._device, self._settings.graphs), *args)


def _of_tracks(
        network: SiamMotNetwork | None, heads: RoiHeads, settings: SiamMotSettings,
        found: Detections, count: int, fixed: bool) -> list[Stage]:
    """
    Return the stages that depend on the number of tracks; without tracks only the solver.

    In `fixed` shapes search and refinement are one graph, hence one stage.
    """
    boxes = made_up_boxes(count, heads.source)
    labels = np.zeros(count, np.int64)
    claims = TrackCandidates(
        boxes, np.linspace(1, 0.5, count, dtype=np.float32), labels, np.zeros(count, np.bool_),
        np.ones(count, np.bool_))
    rules = Rules(
        settings.alpha, settings.beta, settings.resume, settings.overlap, settings.overlap,
        settings.suppress == 'joint', settings.class_aware)
    solver = Stage('solver', lambda: solve(claims, found, rules), count)
    if not count:
        return [solver]
    judge = Stage('judge', lambda: heads.refine(boxes, labels), count)
    if network is None:
        return [judge, solver]
    if network.motion is None:
        raise WeightsError('this network has no motion model; name weights with one')
    memory, anew = TemplateMemory(network.motion), TemplateMemory(network.motion)
    none, fresh = np.zeros(0, np.bool_), np.ones(count, np.bool_)
    memory.update_templates(heads, boxes, none, fresh, settings)
    remember = Stage(
        'remember', lambda: anew.update_templates(heads, boxes, none, fresh, settings), count)
    if fixed:
        follow = Stage(
            'follow', lambda: memory.search_tracks(heads, boxes, labels, settings), count,
            parts=('search', 'judge'))
        return [remember, follow, solver]
    search = Stage('search', lambda: memory.search(heads, boxes, settings), count)
    return [remember, search, judge, solver]


def other_stages(
        settings: Settings, size: tuple[int, int], tracks: Sequence[int],
        crops: int) -> list[Stage]:
    """
    Return detector, looks of so many crops and association of any other method.

    The association has boxes that are given; with SMOT, whose anchors are asked about tracks, it
    is all that comes after the detector.
    """
    frame = made_up_frame(size)
    jpeg = _jpeg(frame)
    stages = [Stage('decode JPEG', lambda: cv2.imdecode(jpeg, cv2.IMREAD_COLOR))]
    detector = make_detector(settings)
    if settings.detector_type != 'external':
        stages.append(Stage(
            'detector', lambda: detector.detect([dataclasses.replace(frame)])))
    if crops and settings.method in APPEARANCE_METHODS and settings.appearance_type != 'none':
        embedder = make_embedder(settings)
        boxes = made_up_boxes(crops, size)
        # its image is where the detector has brought it
        stages.append(Stage(f'{crops} crops', lambda: embedder and embedder.embed(frame, boxes)))
    said = None
    if settings.method == 'smot':
        said = dense(detector, 'method smot').detect_densely([frame])[1]
        settings = unhurt(settings)
    for count in tracks:
        given: Detector = _Given(_found(count, size), detector.class_names, said)
        if said is not None:
            given = DenseCrowd(dense(given, 'method smot'), _found(count, size))
        tracker = make_tracker(settings, given)
        stages.append(Stage('association', partial(_associate, tracker, _frames(frame)), count))
    return stages


def _associate(tracker: Tracker, coming: Iterator[Frame]) -> object:
    return tracker.update(next(coming))


class _Given:
    """A detector that finds the same boxes in every frame, and says the same of its anchors."""

    def __init__(
            self, found: Detections, class_names: Sequence[str],
            said: RawDetections | None = None) -> None:
        self._found = found
        self._said = said
        self.class_names = class_names
        self.why_not_dense = None if said is not None else 'it has no anchors'

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._found] * len(frames)

    def detect_densely(self, frames: Sequence[Frame]) -> tuple[list[Detections], Any]:
        return self.detect(frames), self._said


def _frames(frame: Frame) -> Iterator[Frame]:
    """Yield the same image forever, later and later."""
    for number in itertools.count():
        yield dataclasses.replace(frame, stamp=number * PER_FRAME)


def _jpeg(frame: Frame) -> NDArray[np.uint8]:
    assert frame.image is not None  # noqa: S101
    return np.asarray(cv2.imencode('.jpg', np.asarray(frame.image))[1], np.uint8)


def _found(count: int, size: tuple[int, int]) -> Detections:
    """Return detections, best score first."""
    return Detections(
        made_up_boxes(count, size), np.linspace(0.95, 0.7, count, dtype=np.float32),
        np.zeros(count, np.int64))
