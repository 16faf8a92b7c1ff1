# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The stages of each method, to be timed one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import copy
import dataclasses
from functools import partial
import itertools

import cv2
import numpy as np
from numpy.typing import NDArray
import torch

from mot_ros.evaluation.stages import made_up_boxes, made_up_frame, Stage
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.siammot import SiamMotSettings
from mot_ros.tracking.contracts import Tracker
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.classes import Classes
from mot_ros.tracking.detectors.rcnn import exactly, Sight
from mot_ros.tracking.detectors.rcnn_input import images, network_size
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.nets.packed import pack
from mot_ros.tracking.nets.rpn import Selection
from mot_ros.tracking.nets.siammot import SiamMot
from mot_ros.tracking.siam_memory import SiamMemory
from mot_ros.tracking.siam_solver import Claims, Rules, solve
from mot_ros.tracking.types import Detections, Frame

PER_FRAME = 1 / 30
"""Seconds between the frames that associations see."""


def siammot_stages(
        network: SiamMot, settings: Settings, size: tuple[int, int], tracks: Sequence[int],
        device: torch.device) -> tuple[list[Stage], tuple[int, int]]:
    """
    Return the stages of SiamMOT for images of (width, height), and its network's input.

    The network is taken over: norms are fused and a light body is packed, as for tracking.
    """
    rcnn, siammot = settings.rcnn, settings.siammot
    inner = network_size(size, rcnn.short_side, rcnn.long_side)
    frame = made_up_frame(size)
    jpeg = _jpeg(frame)
    network.eval().requires_grad_(False).fuse()
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    plain = body = network.body
    if device.type == 'cpu':
        body = copy.deepcopy(plain)
        pack(body, inner)
    with exactly(device):
        batch = images([frame], inner, plain.mean, plain.std, device)
        levels = body(batch)
        features = network.pyramid(levels)
        logits, deltas = network.rpn(features)
    columns = [level.shape[-1] for level in features]
    selection = Selection(rcnn.per_level, rcnn.proposals, rcnn.proposal_overlap, rcnn.amodal)
    names = {number: str(number) for number in range(1, network.classes)}
    sight = Sight(
        network, features, inner, size, Classes.of(names), range(len(names)), rcnn)
    proposed = _found(rcnn.proposals, size)

    def inference(work: object, *args: object) -> object:
        with exactly(device):
            return work(*args)  # type: ignore[operator]

    stages = [
        Stage('decode JPEG', lambda: cv2.imdecode(jpeg, cv2.IMREAD_COLOR)),
        Stage('preprocess', lambda: inference(
            images, [frame], inner, plain.mean, plain.std, device)),
        Stage('body', lambda: inference(body, batch), counted=lambda: inference(plain, batch)),
        Stage('FPN', lambda: inference(network.pyramid, levels)),
        Stage('RPN', lambda: inference(network.rpn, features)),
        Stage('selection', lambda: inference(
            network.rpn.select, logits, deltas, columns, inner, selection)),
        Stage('box head', lambda: sight.detections(proposed))]
    found = _found(rcnn.max_detections, size)
    for count in tracks:
        stages += _of_tracks(network, sight, siammot, found, count)
    return stages, inner


def _of_tracks(
        network: SiamMot, sight: Sight, settings: SiamMotSettings, found: Detections,
        count: int) -> list[Stage]:
    """Return the stages that so many tracks have a part in; without tracks only the solver."""
    if network.motion is None:
        raise WeightsError('this network has no motion model; name weights with one')
    boxes = made_up_boxes(count, sight.source)
    labels = np.zeros(count, np.int64)
    claims = Claims(
        boxes, np.linspace(1, 0.5, count, dtype=np.float32), labels, np.zeros(count, np.bool_),
        np.ones(count, np.bool_))
    rules = Rules(
        settings.alpha, settings.beta, settings.resume, settings.overlap, settings.overlap,
        settings.suppress == 'joint', settings.class_aware)
    memory, anew = SiamMemory(network.motion), SiamMemory(network.motion)
    none, fresh = np.zeros(0, np.bool_), np.ones(count, np.bool_)
    memory.renew(sight, boxes, none, fresh, settings)
    solver = Stage('solver', lambda: solve(claims, found, rules), count)
    if not count:
        return [solver]
    return [
        Stage('remember', lambda: anew.renew(sight, boxes, none, fresh, settings), count),
        Stage('search', lambda: memory.search(sight, boxes, settings), count),
        Stage('judge', lambda: sight.judge(boxes, labels), count), solver]


def other_stages(
        settings: Settings, size: tuple[int, int], tracks: Sequence[int]) -> list[Stage]:
    """Return detector and association of any method, the latter with boxes that are given."""
    frame = made_up_frame(size)
    jpeg = _jpeg(frame)
    stages = [Stage('decode JPEG', lambda: cv2.imdecode(jpeg, cv2.IMREAD_COLOR))]
    detector = make_detector(settings)
    if settings.detector_type != 'external':
        # packed for a CPU it is nothing that the counter knows
        stages.append(Stage(
            'detector', lambda: detector.detect([frame]), counted=lambda: None))
    for count in tracks:
        tracker = make_tracker(settings, _Given(_found(count, size), detector.class_names))
        stages.append(Stage('association', partial(_associate, tracker, _frames(frame)), count))
    return stages


def _associate(tracker: Tracker, coming: Iterator[Frame]) -> object:
    return tracker.update(next(coming))


class _Given:
    """A detector that finds the same boxes in every frame."""

    def __init__(self, found: Detections, class_names: Sequence[str]) -> None:
        self._found = found
        self.class_names = class_names

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._found] * len(frames)


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
