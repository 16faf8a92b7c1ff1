# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""One real image in every encoding, and what the real detector finds in it."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros.data.decode import compressed_to_bgr, to_bgr
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.types import Frame
from test.data.test_decode import BAYER, CHANNELS, encoded, TOLERANCE, YUV

CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mot_ros'
VIDEO = CACHE / 'videos' / 'vtest.avi'

pytestmark = pytest.mark.skipif(
    not VIDEO.exists(), reason='needs the video in the cache: run scripts/setup')


@pytest.fixture(scope='module')
def scene():
    from mot_ros.tracking.detectors import make_detector

    detector = make_detector(build(Settings, {
        'preset': 'fast', 'device': 'cpu', 'detector.type': 'ssd',
        'detector.calibration': 'none'}))
    capture = cv2.VideoCapture(str(VIDEO))
    capture.set(cv2.CAP_PROP_POS_FRAMES, 200)
    _, picture = capture.read()

    def detect(image):
        return detector.detect([Frame.of(np.ascontiguousarray(image), 0.0)])[0]

    return picture, detect


def overlaps(a, b):
    """Return the IoU of each box of a (N, 4) with the nearest of b (M, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=2)
    sides = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b)]
    return (inside / (sides[0][:, None] + sides[1][None] - inside)).max(axis=1)


@pytest.mark.parametrize('encoding', ['jpeg', *TOLERANCE, *CHANNELS])
def test_people_are_found_where_they_are_in_bgr8(scene, encoding):
    picture, detect = scene
    shown = (
        compressed_to_bgr(cv2.imencode('.jpg', picture)[1], 'jpeg') if encoding == 'jpeg'
        else to_bgr(encoded(encoding, picture, padding=14)))
    if encoding.startswith('mono'):
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    wanted = detect(picture)
    sure = wanted.boxes[wanted.scores >= 0.4]
    assert len(sure) >= 10
    overlap = overlaps(sure, detect(shown).boxes)
    # a Bayer pattern has a quarter of the red and blue, and edges lose their sharpness
    if encoding.rstrip('0123456789') in BAYER:
        assert (overlap > 0.5).mean() > 0.9
        assert overlap.mean() > 0.88
    elif encoding in YUV or encoding == 'jpeg':
        assert overlap.min() > 0.9
    else:
        assert overlap.min() > 0.999
