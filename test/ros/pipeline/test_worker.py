# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The worker in both kinds of pipeline: what comes out must not depend on which it is."""

from __future__ import annotations

from collections import Counter
import dataclasses
import threading
import time
from types import SimpleNamespace

import cv2
import pytest

pytest.importorskip('rclpy')

from rclpy.logging import get_logger
from ros_bench import camera_image, ids_of, picture, stamps_of
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger
from stub_tracker import make_detector

from mot_ros.ros.conversion import to_stamp
from mot_ros.ros.diagnostics.counters import Health
from mot_ros.ros.pipeline.admission import ReceivedFrame
from mot_ros.ros.pipeline.engine import Engine
from mot_ros.ros.pipeline.frame_messages import CompressedImageMessage, ImageMessage
from mot_ros.ros.pipeline.frame_queue import FrameQueue
from mot_ros.ros.pipeline.worker import Worker
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.methods import make_tracker

PATIENCE = 30.0
KINDS = ('latency', 'throughput')


def of(**values):
    return build(NodeSettings, {
        'method': 'sort', **{name.replace('__', '.'): value for name, value in values.items()}})


def box(number):
    return 20 + number, 30, 50 + number, 90


class Watched:
    """A content that says when it is measured and when it is opened."""

    def __init__(self, content, opened=None):
        self._content, self._opened = content, opened
        self.taken = threading.Event()

    @property
    def header(self):
        return self._content.header

    def size(self):
        self.taken.set()
        return self._content.size()

    def open(self, stamp):
        frame = self._content.open(stamp)
        if self._opened is not None:
            self._opened.set()
        return frame


class Line:
    """A worker with its engine, and all that it published."""

    def __init__(self, depth=1000, **values):
        self.settings = of(**values)
        self.engine = Engine(self.settings, make_detector, make_tracker)
        self.health = Health()
        self.published = []
        self.worker = Worker(self.engine, self._publish, self.health, get_logger('pipeline'))
        self.frame_queue = FrameQueue(depth)
        self.worker.start(self.frame_queue)
        self.sent = 0

    def _publish(self, content, frame, tracks, settings):
        stamp = content.header.stamp
        self.published.append((
            stamp.sec + stamp.nanosec * 1e-9, settings.id_prefix, tracks.ids.tolist(),
            tracks.boxes.tolist()))

    def send(self, content, opened=None):
        watched = Watched(content, opened)
        self.health.drop('lost', self.frame_queue.put(ReceivedFrame(watched, 0, time.monotonic())))
        self.sent += 1
        return watched

    def image(self, number, stamp=None, **more):
        return self.send(ImageMessage(camera_image(
            100 + number * 0.1 if stamp is None else stamp, box(number), **more)))

    def change(self, **values):
        self.worker.configure(of(pipeline=self.settings.pipeline, **values))

    def until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def finish(self):
        """Wait until nothing is left to do; returns what was published and counted."""
        self.until(lambda: self.health.published + self.health.dropped.total() == self.sent)
        assert self.worker.stop(PATIENCE)
        return self.published, self.health.dropped, self.health.resets


def jpeg(number, spoilt=False):
    _, data = cv2.imencode('.jpg', picture(box(number)))
    content = data.tobytes()
    message = CompressedImage(
        header=Header(stamp=to_stamp(100 + number * 0.1), frame_id='camera'), format='jpeg')
    message.data = content[:len(content) // 2] if spoilt else content
    return message


def a_hard_day(line):
    """Send everything that a camera and a user can come up with."""
    for number in range(5):
        line.image(number)
    line.image(4)
    line.image(5, stamp=100.2)
    line.image(6, stamp=0.0)
    broken = camera_image(100.7, box(7))
    broken.data[:3] = type(broken.data)('B', (255, 0, 0))
    line.send(ImageMessage(broken))
    cut = camera_image(100.8, box(8))
    cut.data = cut.data[:-100]
    line.send(ImageMessage(cut))
    line.send(CompressedImageMessage(jpeg(9, spoilt=True)))
    for number in (10, 11):
        line.send(CompressedImageMessage(jpeg(number)))
    # with the frame before in work: it is not to be touched
    for number, request in enumerate((
            line.worker.request_reset,
            lambda: line.change(id_prefix='new_'),
            lambda: line.change(sequence__max_gap=0.15),
            lambda: line.worker.enable(False),
            lambda: line.worker.enable(True),
            lambda: line.change(method='bytetrack')), 12):
        last = line.image(number)
        if number != 16:
            assert last.taken.wait(PATIENCE)
        else:
            line.until(lambda: line.health.dropped['disabled'])
        request()
    for number in (18, 21, 22):
        line.image(number)
    large = {'size': (200, 120)}
    line.image(23, **large)
    line.image(24, frame_id='other', **large)
    line.image(25, stamp=50.0, frame_id='other', **large)
    line.image(26, stamp=50.1, frame_id='other', **large)


def test_the_same_comes_of_everything_in_both_pipelines():
    results = {}
    for kind in KINDS:
        line = Line(pipeline=kind)
        a_hard_day(line)
        results[kind] = line.finish()
    assert results['throughput'] == results['latency']
    published, dropped, resets = results['latency']
    assert dropped == Counter({
        'duplicate stamp': 1, 'out of order': 1, 'zero stamp': 1, 'tracker failed': 1,
        'data length': 1, 'truncated': 1, 'disabled': 1}), 'the day was hard enough'
    assert set(resets) >= {'requested', 'disabled', 'image size', 'frame_id', 'time jumped back'}
    assert len({prefix for _, prefix, _, _ in published}) == 2
    assert max(ids[0] for _, _, ids, _ in published if ids) > 2


def test_the_next_frame_is_decoded_while_this_one_is_tracked():
    line = Line(pipeline='throughput')
    opened = threading.Event()
    update = line.engine.tracker.update
    in_time = []

    def slow(frame):
        in_time.append(opened.wait(PATIENCE))
        return update(frame)

    line.engine.tracker.update = slow
    line.image(0)
    line.send(ImageMessage(camera_image(100.1, box(1))), opened)
    line.finish()
    assert in_time == [True, True]


@pytest.mark.parametrize('kind, tracked', [('latency', [0, 4]), ('throughput', [0, 1, 4])])
def test_no_more_than_one_frame_is_taken_ahead_of_newer_ones(kind, tracked):
    line = Line(depth=1, pipeline=kind)
    go = threading.Event()
    update = line.engine.tracker.update

    def slow(frame):
        assert go.wait(PATIENCE)
        return update(frame)

    line.engine.tracker.update = slow
    assert line.image(0).taken.wait(PATIENCE)
    second = line.image(1)
    if kind == 'throughput':
        assert second.taken.wait(PATIENCE)
    for number in (2, 3, 4):
        line.image(number)
    go.set()
    published, dropped, _ = line.finish()
    assert [stamp for stamp, *_ in published] == pytest.approx(
        [100 + number * 0.1 for number in tracked])
    assert dropped == {'lost': 5 - len(tracked)}


@pytest.mark.parametrize('kind, finished', [('latency', 1), ('throughput', 2)])
def test_stopping_publishes_what_is_in_hand_and_counts_the_rest(kind, finished):
    line = Line(pipeline=kind)
    go = threading.Event()
    update = line.engine.tracker.update

    def slow(frame):
        assert go.wait(PATIENCE)
        return update(frame)

    line.engine.tracker.update = slow
    sent = [line.image(number) for number in range(6)]
    assert sent[finished - 1].taken.wait(PATIENCE)
    assert not line.worker.stop(0.05)
    go.set()
    assert line.worker.stop(PATIENCE)
    assert len(line.published) == finished
    assert line.health.dropped == {'deactivated': 6 - finished}


def test_a_tracker_that_hangs_cannot_keep_anybody_waiting():
    line = Line(pipeline='throughput')
    line.engine.tracker.update = lambda frame: threading.Event().wait()
    sent = [line.image(number) for number in range(4)]
    assert sent[0].taken.wait(PATIENCE)
    begin = time.monotonic()
    line.worker.request_reset()
    assert not line.worker.stop(0.1)
    assert time.monotonic() - begin < 5


class Uploads:
    def __init__(self, device, error=None):
        self.device, self.error, self.frames = device, error, []

    def prefetch(self, frame):
        self.frames.append(frame)
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize('kind, error', [
    ('latency', None), ('throughput', None), ('throughput', RuntimeError('no memory'))])
def test_images_are_sent_to_the_gpu_ahead_in_the_one_pipeline_only(kind, error):
    line = Line(pipeline=kind)
    # no GPU is needed to see what would be sent there
    device = SimpleNamespace(type='cuda')
    line.engine.detector.device = device
    uploads = line.engine._uploads = Uploads(device, error)
    for number in range(3):
        line.image(number)
    published, dropped, _ = line.finish()
    assert len(published) == 3
    assert not dropped
    assert len(uploads.frames) == (3 if kind == 'throughput' else 0)
    line.engine.prefetch(dataclasses.replace(uploads.frames[0], image=None)
                         if uploads.frames else SimpleNamespace(image=None))
    assert len(uploads.frames) in (0, 3), 'what has no image is not sent'


def test_the_node_in_throughput_over_dds(bench, start_tracker):
    child = start_tracker(queue='all', pipeline='throughput', environment={'STUB_DELAY': '0.05'})
    camera, tracks = bench.camera(), bench.tracks()
    bench.connected(child, camera, tracks)
    for number in range(10):
        camera.publish(camera_image(100 + number * 0.1, box(number)))
    camera.publish(camera_image(50.0, box(3)))
    bench.until(lambda: len(tracks) == 11, 'tracks', child=child)
    assert stamps_of(tracks) == pytest.approx([*(100 + n * 0.1 for n in range(10)), 50.0])
    assert [ids_of(message) for message in tracks] == [['1']] * 11
    status = bench.next_status()
    assert status['resets: time jumped back'] == '1'
    assert 'latency ready p50/p95/p99 [ms]' in status
    assert not bench.set_parameters(pipeline='latency')[0].successful

    assert bench.call(SetBool, '/tracker/enable', SetBool.Request(data=False)).success
    camera.publish(camera_image(50.1, box(4)))
    bench.until(lambda: bench.status().get('dropped: disabled') == '1', 'drop', child=child)
    assert bench.call(SetBool, '/tracker/enable', SetBool.Request(data=True)).success
    camera.publish(camera_image(50.2, box(5)))
    bench.until(lambda: len(tracks) == 12, 'tracks again', child=child)
    assert ids_of(tracks[-1]) == ['2']
    assert bench.call(Trigger, '/tracker/reset', Trigger.Request()).success

    before = bench.count('frames in', bench.next_status())
    for number in range(20):
        camera.publish(camera_image(200 + number * 0.1, box(number)))
    bench.until(lambda: bench.count('frames in') == before + 20, 'all in', child=child)
    assert bench.transition('deactivate')
    status = bench.next_status()
    assert bench.count('frames in', status) == (
        bench.count('frames out', status) + bench.count('frames dropped', status))
    assert child.stop() == 0
    assert 'Traceback' not in child.text
