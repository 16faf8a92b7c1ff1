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

"""The detectors, by the name that `detector.type` gives them."""

from __future__ import annotations

from mot_ros.tracking.config import Settings
from mot_ros.tracking.contracts import Detector
from mot_ros.tracking.detectors.class_scores import with_class_scores
from mot_ros.tracking.detectors.external import ExternalDetections
from mot_ros.tracking.detectors.region import limited
from mot_ros.tracking.errors import ConfigError


def make_detector(settings: Settings) -> Detector:
    """
    Load the detector that the settings name, in tiles and in a region if they say so.

    Raises WeightsError if it cannot be, ConfigError if it does not fit the settings.
    """
    if settings.detector_type == 'external':
        detector: Detector = ExternalDetections(settings.detector.score_floor)
    else:
        detector = _make_looking(settings)
    return with_class_scores(limited(detector, settings), settings)


def _make_looking(settings: Settings) -> Detector:
    """Load a detector that looks at images."""
    wanted, kind = settings.detector, settings.detector_type
    detector: Detector
    # here and not above: torch takes seconds to load, and recorded detections do without it
    if kind == 'onnx':
        from mot_ros.tracking.detectors.onnx import OnnxDetector

        detector = OnnxDetector(wanted, settings.device)
    elif kind == 'rcnn':
        from mot_ros.tracking.detectors.rcnn import RcnnDetector

        detector = RcnnDetector(
            settings.rcnn, settings.device, wanted.classes, settings.compute)
    elif kind == 'prb':
        from mot_ros.tracking.detectors.prb import PrbDetector

        detector = PrbDetector(wanted, settings.device, compute=settings.compute)
    elif kind == 'gluon_ssd':
        from mot_ros.tracking.detectors.gluon_ssd import GluonSsdDetector

        detector = GluonSsdDetector(wanted, settings.device, settings.compute)
    else:
        if wanted.weights.endswith('.onnx'):
            raise ConfigError(
                f'detector.weights is {wanted.weights!r}: set detector.type to onnx')
        from mot_ros.tracking.detectors.ssd import SsdDetector

        detector = SsdDetector(wanted, settings.device)
    if wanted.tile_columns * wanted.tile_rows == 1:
        return detector
    from mot_ros.tracking.detectors.tiles import TiledDetector

    return TiledDetector(detector, wanted)
