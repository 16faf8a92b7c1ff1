# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
A tracker process with a detector that needs no weights: it finds the white rectangles.

Run as a script. The environment variable STUB_LOAD makes loading the detector take so many
seconds, and STUB_DELAY each detection; an image whose first pixel is pure blue makes the detector
raise an exception, of the words in STUB_FAILURE if there are any. With STUB_ECHO the settings of
each frame are printed, after its stamp, as JSON. The method STUB_APPEARANCE, or any if that is
`all`, says that it needs the image, and prints the number that the image shows beside that of its
boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import functools
import json
import os
import sys
import time

import cv2
import numpy as np

from mot_ros.ros.nodes.tracker import start
from mot_ros.ros.spin import run
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.config.schema import flatten
from mot_ros.tracking.detectors.external import ExternalDetections
from mot_ros.tracking.detectors.wrappers.region import limited
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.types import Detections, Frame, Tracks


def say(*words: object) -> None:
    sys.stdout.write(' '.join(map(str, words)) + '\n')
    sys.stdout.flush()


class RectangleDetector:
    """Detections are the bounding boxes of what is white, best score first."""

    def __init__(self, settings: NodeSettings) -> None:
        rcnn = settings.detector_type == 'rcnn'
        self.class_names = ('person', 'dog') if rcnn else ('person', 'bicycle')
        self._delay = float(os.environ.get('STUB_DELAY', '0'))

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._detect(frame.image) for frame in frames]

    def _detect(self, image: np.ndarray) -> Detections:
        time.sleep(self._delay)
        if image[0, 0].tolist() == [255, 0, 0]:
            raise RuntimeError(os.environ.get('STUB_FAILURE', 'a blue corner'))
        white = np.all(np.asarray(image) > 250, axis=2).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(white)
        boxes = stats[1:, :4].astype(np.float32)
        boxes[:, 2:] += boxes[:, :2]
        return Detections(
            boxes, np.full(len(boxes), 0.9, np.float32), np.zeros(len(boxes), np.int64))


def make_detector(settings: NodeSettings) -> Detector:
    for _ in range(int(os.environ.get('STUB_LOAD', '0'))):
        # a library that swallows every exception while it is imported
        try:
            say('loading')
            time.sleep(1.0)
        except BaseException:  # noqa: S112
            continue
    if settings.detector_type == 'external':
        return limited(ExternalDetections(settings.detector.score_floor), settings)
    return limited(RectangleDetector(settings), settings)


class TellingTracker:
    """The real tracker, and lines on standard output that say what it was given."""

    def __init__(self, settings: NodeSettings, detector: Detector) -> None:
        self._tracker = make_tracker(settings, detector)
        self._settings = settings

    @property
    def needs_image(self) -> bool:
        return self._tracker.needs_image or self._pretends

    @property
    def _pretends(self) -> bool:
        return os.environ.get('STUB_APPEARANCE') in ('all', self._settings.method)

    def update(self, frame: Frame) -> Tracks:
        if 'STUB_ECHO' in os.environ:
            say('settings', frame.stamp, json.dumps(flatten(self._settings)))
        if self._pretends:
            # a grey level stands for the number of the image, a box's left edge for its own
            say('pair', int(frame.image[0, 0, 0]), *frame.detections.boxes[:1, 0])
            frame = dataclasses.replace(frame, image=None)
        return self._tracker.update(frame)

    def configure(self, settings: NodeSettings, detector: Detector) -> None:
        self._settings = settings
        self._tracker.configure(settings, detector)

    def reset(self, *, keep_ids: bool = False) -> None:
        self._tracker.reset(keep_ids=keep_ids)


if __name__ == '__main__':
    raise SystemExit(run(functools.partial(
        start, make_detector=make_detector, make_tracker=TellingTracker)))
