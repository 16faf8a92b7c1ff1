# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
A Faster R-CNN and a motion model that know the truth, for tests of what is made of their answers.

Their limits are those of geometry alone: the motion model sees an object whose centre is within
its search region's reach, the box head one that overlaps the box that it is asked about.
"""

from dataclasses import dataclass, field
from unittest import mock

import numpy as np
import torch

from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.detectors.classes import Classes
from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.search_region import Memory
from mot_ros.tracking.types import Detections, Frame
from test.tracking.scenes import BLANK, SIZE

RATE = 30.0
SEEN, UNSEEN = 0.95, 0.05
HALF = (SIZE[0] // 2, SIZE[1] // 2)


@dataclass(frozen=True)
class Objects:
    """What there is in one frame: boxes (N, 4), and of each its name, label and visibility."""

    boxes: np.ndarray
    names: list
    labels: list = field(default_factory=list)
    visible: list = field(default_factory=list)

    def __post_init__(self):
        count = len(self.names)
        object.__setattr__(
            self, 'boxes', np.asarray(self.boxes, np.float32).reshape(-1, 4))
        object.__setattr__(self, 'labels', self.labels or [0] * count)
        object.__setattr__(self, 'visible', self.visible or [True] * count)


class OracleHeads(RoiHeads):
    """Answers with what is there; the network's input is half as large as the image."""

    def __init__(self, objects, size=SIZE, overlap=0.3, score=0.9, amodal=False):
        super().__init__(
            None, [torch.zeros(1, 1, 1, 1)], HALF, size, Classes(('person', 'car'), (1, 2)),
            [0, 1], RcnnSettings(amodal=amodal))
        # what the motion model gets to see
        self.features = [self]
        self.objects, self.overlap, self.score = objects, overlap, score
        self.asked = []

    @property
    def device(self):
        return torch.device('cpu')

    def detections(self, given=None):
        there = self.objects
        shown = np.array(there.visible, bool)
        if given is not None and len(there.names):
            near = iou(given.boxes, there.boxes) >= 0.5
            shown &= near.any(axis=0)
        elif given is not None:
            shown &= False
        boxes = there.boxes[shown]
        if not self._settings.amodal:
            boxes = np.clip(boxes, 0, np.array(self.source * 2))
        whole = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        return Detections(
            boxes[whole], np.full(whole.sum(), self.score, np.float32),
            np.array(there.labels, np.int64)[shown][whole])

    def refine(self, boxes, labels):
        self.asked.append((boxes, labels))
        there = self.objects
        moved, scores = boxes.copy(), np.full(len(boxes), UNSEEN, np.float32)
        if not len(there.names):
            return moved, scores
        # of a modal box only what is in the image is known
        known = there.boxes if self._settings.amodal else np.clip(
            there.boxes, 0, np.array(self.source * 2))
        shared = iou(boxes, known) * np.array(there.visible)
        shared[np.asarray(labels)[:, None] != np.array(there.labels)] = 0
        best = shared.argmax(axis=1)
        found = shared[np.arange(len(boxes)), best] >= self.overlap
        moved[found], scores[found] = there.boxes[best[found]], self.score
        return moved, scores


class OracleMotion(Emm):
    """Remembers the name of what is at a box, and finds it again within reach."""

    def __init__(self):
        super().__init__(32)
        self.options_seen = []

    def extract_templates(self, features, boxes, options=None, batch=None):
        heads = features[0]
        shared = iou(heads.to_image(boxes), heads.objects.boxes)
        named = torch.tensor([
            heads.objects.names[row.argmax()] if row.max(initial=0) > 0 else -1
            for row in shared], dtype=torch.float32)
        return Memory(
            named[:, None, None, None], options.region.around(boxes), boxes)

    def search(self, features, memory, options=None):
        heads = features[0]
        self.options_seen.append(options)
        boxes, visibility = memory.template.clone(), torch.full((len(memory),), UNSEEN)
        known = {name: row for row, name in enumerate(heads.objects.names)}
        everything = heads.to_network(heads.objects.boxes)
        reach = (options.region.around(memory.template) - memory.template)[:, 2:]
        for row, name in enumerate(memory.features.flatten().int().tolist()):
            at = known.get(name)
            if at is None or not heads.objects.visible[at]:
                continue
            box = everything[at]
            off = ((box[:2] + box[2:]) - (memory.template[row, :2] + memory.template[row, 2:])) / 2
            # the template fits into the region at shifts up to the rim that it leaves
            if (off.abs() <= reach[row] + 1e-3).all():
                boxes[row], visibility[row] = box, SEEN
        return boxes, visibility


class OracleDetector:
    """A Faster R-CNN over a scene: a function from the number of the frame to Objects."""

    class_names = ('person', 'car')

    def __init__(self, scene, **heads):
        self.scene, self.heads = scene, heads
        self.motion = OracleMotion()
        self.seen = []

    def extract_features(self, frame, *, detect=True):
        size = frame.size
        heads = OracleHeads(self.scene(round(frame.stamp * RATE)), size, **self.heads)
        self.seen.append(heads)
        return heads

    def detect(self, frames):
        return [self.extract_features(frame).detections() for frame in frames]


class GivenDetector:
    """Another detector over a scene, which looks at no image."""

    def __init__(self, scene, class_names=('person', 'car'), score=0.7, shift=2.0):
        self.scene, self.class_names = scene, class_names
        self.score, self.shift = score, shift

    def detect(self, frames):
        found = []
        for frame in frames:
            there = self.scene(round(frame.stamp * RATE))
            found.append(Detections(
                there.boxes + np.float32(self.shift),
                np.full(len(there.names), self.score, np.float32),
                np.array(there.labels, np.int64)))
        return found


def oracle_beside(scene):
    """Let networks that are loaded beside a detector be oracles over a scene; a context."""
    return mock.patch(
        'mot_ros.tracking.methods.siammot.rcnn_frontend._load',
        lambda settings: OracleDetector(scene))


def follow(tracker, frames, first=0, images=None):
    """Update a tracker with frames `first` to `frames` of its scene; return the Tracks."""
    return [tracker.update(Frame(
        BLANK if images is None else images[number], number / RATE, SIZE))
        for number in range(first, frames)]


def who(tracks, objects, least=0.5):
    """Return which id is at each object, by name; None where there is none."""
    seen = tracks.observed
    shared = iou(objects.boxes, seen.boxes)
    return {name: int(seen.ids[row.argmax()]) if row.max(initial=0) > least else None
            for name, row in zip(objects.names, shared, strict=True)}
