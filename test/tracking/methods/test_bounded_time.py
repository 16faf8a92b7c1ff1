# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""How long a frame of many boxes takes at most, however they lie."""

import time

import numpy as np
import pytest

from mot_ros.tracking.config import BOX_METHODS, NodeSettings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.types import Detections, Frame


def nested(count):
    """Return boxes around one middle, each larger than the one before."""
    half = np.linspace(5, 500, count, dtype=np.float32)[:, None]
    return np.concatenate([500 - half, 500 - half, 500 + half, 500 + half], axis=1)


def one_spot(count):
    """Return boxes that are hardly apart."""
    return np.random.default_rng(0).normal([100, 100, 150, 220], 2, (count, 4)).astype(np.float32)


@pytest.mark.parametrize('method', BOX_METHODS)
@pytest.mark.parametrize(('count', 'limit'), [(1000, 0.1), (3000, 1.0)])
@pytest.mark.parametrize('arrange', [one_spot, nested])
def test_a_frame_of_many_boxes(method, count, limit, arrange):
    settings = build(NodeSettings, {
        'method': method, 'detector.type': 'external', 'appearance.type': 'none'})
    tracker = make_tracker(settings, make_detector(settings))
    boxes, best = arrange(count), np.inf
    for number in range(4):
        scores = np.random.default_rng(number).uniform(.3, 1, count).astype(np.float32)
        frame = Frame(
            None, number / 30, (1920, 1080),
            detections=Detections(boxes, scores, np.zeros(count, np.int64)))
        start = time.process_time()
        tracks = tracker.update(frame)
        if number > 1:
            best = min(best, time.process_time() - start)
    assert len(tracks) > .3 * count
    # several tests may run beside each other on the same cores
    assert best < 2 * limit
