# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Messages made from columns are those that the constructors make, and are made faster."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from geometry_msgs.msg import PoseWithCovariance
from rclpy.serialization import serialize_message
from std_msgs.msg import Header
from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray, ObjectHypothesisWithPose

from mot_ros.ros.conversion import to_detections
from mot_ros.ros.pipeline import outputs
from mot_ros.tracking.types import Tracks, TrackState


def tracks_of(count):
    zeros = np.zeros(count, np.float32)
    boxes = np.random.default_rng(0).uniform(1, 500, (count, 4)).astype(np.float32)
    boxes[:, 2:] = boxes[:, :2] + 30
    return Tracks(
        boxes, zeros + .5, np.arange(count), np.arange(count),
        np.full(count, TrackState.CONFIRMED, np.uint8), zeros, zeros,
        np.zeros((count, 2), np.float32), np.ones(count, np.float32), np.arange(count))


def by_constructors(tracks, header):
    message = Detection2DArray(header=header)
    for number, (x1, y1, x2, y2), label, score in zip(
            tracks.ids.tolist(), tracks.boxes.astype(np.float64).tolist(),
            tracks.labels.tolist(), tracks.scores.tolist(), strict=True):
        bbox = BoundingBox2D(size_x=x2 - x1, size_y=y2 - y1)
        bbox.center.position.x, bbox.center.position.y = (x1 + x2) / 2, (y1 + y2) / 2
        found = ObjectHypothesisWithPose(pose=PoseWithCovariance())
        found.hypothesis.class_id, found.hypothesis.score = f'c{label}', score
        message.detections.append(
            Detection2D(header=header, id=f'a{number}', bbox=bbox, results=[found]))
    return message


def fastest(make):
    times = []
    for _ in range(5):
        start = time.perf_counter()
        make()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.parametrize('count', [0, 1, 260])
def test_they_are_those_of_the_constructors(count):
    tracks, header = tracks_of(count), Header(frame_id='camera')

    def made():
        return to_detections(
            tracks, header, (1000, 1000), id_prefix='a', class_id=lambda label: f'c{label}')

    wanted = by_constructors(tracks, header)
    assert made() == wanted
    assert serialize_message(made()) == serialize_message(wanted)
    if count == 260:
        assert fastest(made) < .6 * fastest(lambda: by_constructors(tracks, header))


class _Publisher:
    def __init__(self, listeners):
        self.listeners, self.sent = listeners, []

    def get_subscription_count(self):
        return self.listeners

    def publish(self, message):
        self.sent.append(message)


@pytest.mark.parametrize('listeners', [0, 1])
def test_track_states_are_made_for_those_who_listen(listeners, monkeypatch):
    made = object.__new__(outputs.Outputs)
    made._tracks, made._states = _Publisher(1), _Publisher(listeners)
    made._published_names = []
    built = []
    monkeypatch.setattr(outputs, 'to_track_array', lambda *_, **__: built.append(1))
    made._engine = type('E', (), {'detector': type('D', (), {'class_names': []})})
    content = type('C', (), {'header': Header()})
    frame = type('F', (), {'size': (1000, 1000)})
    made._node = type('N', (), {'get_clock': lambda _: type(
        'K', (), {'now': lambda _: type('T', (), {'nanoseconds': 1})})()})()
    made.publish(content, frame, tracks_of(3), outputs.NodeSettings())
    assert len(built) == len(made._states.sent) == listeners
    assert len(made._tracks.sent) == 1
