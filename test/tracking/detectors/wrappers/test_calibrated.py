# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.postprocess.calibration import ScoreCalibration
from mot_ros.tracking.detectors.wrappers.calibrated import CalibratedDetector, calibration_of
from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.types import Detections, Frame, UNKNOWN_SIZE

MAP = ScoreCalibration(0.0, 1.0, 2.0)


class Fixed:
    """Gives the same detections in every frame."""

    class_names = ('person', 'dog')

    def detect(self, frames):
        boxes = np.array([[0, 0, 10, 10], [0, 0, 50, 100], [5, 5, 9, 95]], np.float32)
        return [Detections(boxes, np.array([.9, .8, .3], np.float32), np.array([0, 1, 0]))
                for _ in frames]


def settings(**values):
    return build(Settings, {name.replace('__', '.'): value for name, value in values.items()})


def test_the_most_probable_come_first():
    one = CalibratedDetector(Fixed(), MAP)
    found, = one.detect([Frame(None, 0.0, (200, 100))])
    assert found.labels.tolist() == [1, 0, 0]
    np.testing.assert_allclose(found.scores[0], .8, rtol=1e-6)
    np.testing.assert_allclose(found.scores[1], 1 / (1 + 7 / 3 / .9 ** 2), rtol=1e-5)
    assert one.class_names == ('person', 'dog')


def test_without_a_size_scores_stay():
    found, = CalibratedDetector(Fixed(), MAP).detect([Frame(None, 0.0, UNKNOWN_SIZE)])
    np.testing.assert_allclose(found.scores, [.9, .8, .3], rtol=1e-6)


def test_which_map_is_meant(tmp_path):
    nano = {'detector__type': 'nanodet', 'method': 'bytetrack'}
    assert calibration_of(settings(**nano)) is not None
    assert calibration_of(settings(**nano, detector__calibration='none')) is None
    assert calibration_of(settings(**{**nano, 'method': 'smot'})) is None
    ssd = settings(method='bytetrack', detector__type='ssd')
    assert calibration_of(ssd) not in (None, calibration_of(settings(**nano)))
    assert calibration_of(settings(
        method='bytetrack', detector__weights=str(tmp_path / 'none'))) is None
    path = tmp_path / 'map.json'
    path.write_text(MAP.to_json())
    given = settings(method='sort', detector__calibration=str(path))
    assert calibration_of(given) == MAP
    path.write_text('{}')
    with pytest.raises(WeightsError, match='calibrate'):
        calibration_of(given)
    path.unlink()
    with pytest.raises(ConfigError, match='cannot be read'):
        calibration_of(given)


def test_a_detector_is_made_with_its_map():
    one = make_detector(settings(
        detector__type='nanodet', method='bytetrack', device='cpu', detector__short_side=64))
    assert isinstance(one, CalibratedDetector)
    one.warm_up()
