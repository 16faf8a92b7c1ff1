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

"""
A tracker process with a detector that needs no weights: it finds the white rectangles.

Run as a script. The environment variable STUB_DELAY makes each detection take so many seconds;
an image whose first pixel is pure blue makes the detector raise an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
import functools
import os
import time

import cv2
import numpy as np

from mot_ros.ros.node import start
from mot_ros.ros.process import run
from mot_ros.tracking.config import Settings
from mot_ros.tracking.types import Detections, Frame


class RectangleDetector:
    """Detections are the bounding boxes of what is white, best score first."""

    class_names = ('person', 'bicycle')

    def __init__(self, settings: Settings) -> None:
        self._delay = float(os.environ.get('STUB_DELAY', '0'))

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._detect(frame.image) for frame in frames]

    def _detect(self, image: np.ndarray) -> Detections:
        time.sleep(self._delay)
        if image[0, 0].tolist() == [255, 0, 0]:
            raise RuntimeError('a blue corner')
        white = np.all(np.asarray(image) > 250, axis=2).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(white)
        boxes = stats[1:, :4].astype(np.float32)
        boxes[:, 2:] += boxes[:, :2]
        return Detections(
            boxes, np.full(len(boxes), 0.9, np.float32), np.zeros(len(boxes), np.int64))


if __name__ == '__main__':
    raise SystemExit(run(functools.partial(start, make_detector=RectangleDetector)))
