# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Detections of another process into a tracker process, over real DDS, with images and without."""

from __future__ import annotations

import math
from pathlib import Path
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from ros_bench import camera_image, ids_of, RELIABLE, stamps_of
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from mot_ros.evaluation.runner import Run, TimedDetector
from mot_ros.ros.conversion import to_stamp
from mot_ros.ros.pipeline.external_detections import ClassIds, to_our_detections
from mot_ros.tracking.boxes import area, clip
from mot_ros.tracking.config import APPEARANCE_METHODS, BOX_METHODS, NodeSettings, Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.wrappers.recorded import RecordedDetections
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.sequence import SequenceGuard
from mot_ros.tracking.types import Detections, Frame
from test.tracking.scenes import random_script, SIZE

PETS = Path(__file__).resolve().parents[4] / 'shared' / 'data' / 'mot15' / 'PETS09-S2L1'
STEP = 1 / 30


def detection(box, score=0.9, class_id='person', theta=0.0):
    """Return a detection with the box xyxy, turned by `theta` around its centre."""
    x1, y1, x2, y2 = map(float, box)
    made = Detection2D()
    made.bbox.center.position.x, made.bbox.center.position.y = (x1 + x2) / 2, (y1 + y2) / 2
    made.bbox.center.theta = theta
    made.bbox.size_x, made.bbox.size_y = x2 - x1, y2 - y1
    hypothesis = ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = class_id, float(score)
    made.results = [hypothesis]
    return made


def array_of(stamp, *detections, frame_id='camera'):
    message = Detection2DArray(header=Header(stamp=to_stamp(stamp), frame_id=frame_id))
    message.detections = list(detections)
    return message


class Sender:
    """Publishes detections; what Bench.connected gives it becomes an empty array."""

    def __init__(self, bench, topic='detections', images=None):
        self._publisher = bench.node.create_publisher(Detection2DArray, topic, RELIABLE)
        self._images = images

    def get_subscription_count(self):
        others = [] if self._images is None else [self._images.get_subscription_count()]
        return min([self._publisher.get_subscription_count(), *others])

    def publish(self, message):
        if not isinstance(message, Detection2DArray):
            if self._images is not None:
                self._images.publish(message)
            message = Detection2DArray(header=message.header)
        self._publisher.publish(message)


@pytest.fixture
def tracker(bench, start_tracker):
    """Start a tracker of external detections; returns it, what sends them, and its tracks."""
    def begin(*remaps, topic='detections', **parameters):
        child = start_tracker(
            *remaps, **{'detector__type': 'external', 'method': 'bytetrack', 'queue': 'all',
                       **parameters})
        sender, tracks = Sender(bench, topic), bench.tracks()
        bench.connected(child, sender, tracks)
        return child, sender, tracks
    return begin


def test_class_ids_and_headers_are_echoed_and_no_image_is_needed(bench, tracker):
    child, sender, tracks = tracker('detections:=/yolo/boxes', topic='/yolo/boxes')
    for number in range(4):
        x = 20 + number
        sender.publish(array_of(
            100 + number * STEP, detection((x, 30, x + 30, 90), 0.9, 'pedestrian'),
            detection((x + 200, 30, x + 230, 90), 0.8, '7'), frame_id='front'))
    bench.until(lambda: len(tracks) == 4, 'tracks', child=child)
    assert bench.node.count_subscribers('/image') == 0
    last = tracks[-1]
    assert last.header == array_of(100 + 3 * STEP, frame_id='front').header
    assert ids_of(last) == ['1', '2']
    assert [one.results[0].hypothesis.class_id for one in last.detections] == ['pedestrian', '7']
    assert [one.results[0].hypothesis.score for one in last.detections] == pytest.approx([.9, .8])
    assert bench.next_status()['model'] == 'external detections'


def test_empty_and_broken_boxes_cost_themselves_only(bench, tracker):
    child, sender, tracks = tracker()
    good = (20, 30, 50, 90)
    without = detection(good)
    without.results = []
    bad = [
        without, detection((math.nan, 30, 50, 90)), detection((20, 30, math.inf, 90)),
        detection((50, 30, 20, 90)), detection((20, 30, 20, 90)), detection(good, theta=math.nan),
        detection(good, 1.5), detection(good, math.nan), detection((1e300, 0, 2e300, 5))]
    for number in range(6):
        sender.publish(array_of(100 + number * STEP, *bad, detection(good)))
    sender.publish(array_of(100 + 6 * STEP))
    sender.publish(array_of(0.0, detection(good)))
    bench.until(lambda: len(tracks) == 7, 'tracks', child=child)
    assert [ids_of(message) for message in tracks] == [['1']] * 6 + [[]]
    status = bench.next_status()
    assert status['boxes left out: no hypothesis'] == '6'
    assert status['boxes left out: position not finite'] == str(6 * 4)
    assert status['boxes left out: size not positive'] == str(6 * 2)
    assert status['boxes left out: score not in [0, 1]'] == str(6 * 2)
    assert status['dropped: zero stamp'] == '1'
    assert 'rror' not in child.text


def test_stamps_are_judged_as_those_of_images(bench, tracker):
    child, sender, tracks = tracker()
    for stamp in (100.0, 100.1, 100.1, 99.9, 100.2, 90.0, 90.1):
        sender.publish(array_of(stamp, detection((20, 30, 50, 90))))
    bench.until(lambda: len(tracks) == 5, 'tracks', child=child)
    assert stamps_of(tracks) == [100.0, 100.1, 100.2, 90.0, 90.1]
    status = bench.next_status()
    assert (status['dropped: duplicate stamp'], status['dropped: out of order']) == ('1', '1')
    assert status['resets: time jumped back'] == '1'


def test_boxes_are_cut_where_the_size_is_known(bench, tracker):
    child, sender, tracks = tracker()
    box = detection((-10, 30, 50, 90))
    sender.publish(array_of(100.0, box))
    bench.until(lambda: len(tracks) == 1, 'tracks', child=child)
    assert tracks[0].detections[0].bbox.size_x == pytest.approx(60)

    infos = bench.node.create_publisher(CameraInfo, 'camera_info', 10)
    bench.until(infos.get_subscription_count, 'camera_info is heard', child=child)
    number = iter(range(1, 1000))

    def is_cut():
        infos.publish(CameraInfo(width=160, height=120))
        sender.publish(array_of(100.0 + next(number) * STEP, box))
        bench.spin(0.05)
        return tracks[-1].detections[0].bbox.size_x == pytest.approx(50)

    bench.until(is_cut, 'a box that is cut', child=child)
    assert ids_of(tracks[-1]) == ['1'], 'to learn the size is no reason to drop tracks'

    assert bench.set_atomically(external__width=40, external__height=120).successful
    count = len(tracks)
    sender.publish(array_of(200.0, box))
    bench.until(lambda: stamps_of(tracks)[-1] == 200.0, 'tracks', child=child)
    assert len(tracks) > count
    assert tracks[-1].detections[0].bbox.size_x == pytest.approx(40)


def test_silence_names_the_topic_of_the_detections(bench, start_tracker):
    child = start_tracker(detector__type='external', method='bytetrack', silence=1.0)
    bench.until(lambda: 'no detections for 1 s' in child.text, 'the warning', child=child)
    assert 'nobody publishes /detections' in child.text
    assert 'detector running' in child.text
    assert bench.next_status()['message'].startswith('no detections for')


def offline(detections, size, settings):
    """Return ids and boxes, cut to the image, of each frame as tracked without ROS."""
    frames = [Frame(None, stamp, size) for stamp in detections]
    detector = TimedDetector(RecordedDetections(
        detections, (), settings.detector.score_floor))
    run = Run(
        frames, make_tracker(settings, detector), detector, SequenceGuard(settings.sequence),
        lambda frame: 0)
    result = []
    for step in run:
        seen = step.tracks.observed
        cut = clip(seen.boxes, size)
        inside = area(cut) > 0
        result.append((seen.ids[inside].tolist(), seen.labels[inside].tolist(), cut[inside]))
    assert not run.incidents
    return result


def published(bench, tracker, detections, size, method):
    """Return the same of a tracker process that gets the detections as messages."""
    child, sender, tracks = tracker(
        method=method, appearance__type='none', external__width=size[0],
        external__height=size[1])
    for stamp, found in detections.items():
        sender.publish(array_of(stamp, *(
            detection(box, score, str(label)) for box, score, label in zip(
                found.boxes.astype(float), found.scores, found.labels.tolist(), strict=True))))
    bench.until(lambda: len(tracks) == len(detections), 'all tracks', child=child)
    assert stamps_of(tracks) == pytest.approx([round(stamp, 6) for stamp in detections], abs=2e-6)
    assert bench.count('frames dropped') == 0
    return tracks


def assert_same(messages, expected):
    for message, (ids, labels, boxes) in zip(messages, expected, strict=True):
        assert ids_of(message) == [str(identity) for identity in ids]
        assert [one.results[0].hypothesis.class_id for one in message.detections] == [
            str(label) for label in labels]
        got = np.array([
            (box.center.position.x - box.size_x / 2, box.center.position.y - box.size_y / 2,
             box.center.position.x + box.size_x / 2, box.center.position.y + box.size_y / 2)
            for box in (one.bbox for one in message.detections)]).reshape(-1, 4)
        np.testing.assert_allclose(got, boxes, atol=0.01)


@pytest.mark.parametrize('method', BOX_METHODS)
def test_tracks_are_those_of_the_same_detections_without_ros(bench, tracker, method):
    script = random_script(np.random.default_rng(3), frames=120)
    detections = {round(100 + number / 30, 6): found for number, found in enumerate(script)}
    expected = offline(detections, SIZE, build(
        NodeSettings, {'method': method, 'appearance.type': 'none'}))
    assert sum(len(ids) for ids, _, _ in expected) > 20
    assert_same(published(bench, tracker, detections, SIZE, method), expected)


@pytest.mark.skipif(not PETS.is_dir(), reason='no shared data')
@pytest.mark.parametrize('method', BOX_METHODS)
def test_pets_with_public_detections_gives_the_tracks_of_the_offline_run(bench, tracker, method):
    rows = np.loadtxt(PETS / 'det' / 'det.txt', delimiter=',')
    size = (768, 576)
    detections = {}
    for number in range(1, 796):
        own = rows[rows[:, 0] == number]
        boxes = own[:, 2:6].copy()
        boxes[:, 2:] += boxes[:, :2]
        detections[round(10 + number / 7, 9)] = Detections(
            boxes, own[:, 6], np.zeros(len(own), np.int64))
    expected = offline(detections, size, build(
        NodeSettings, {'method': method, 'appearance.type': 'none'}))
    assert len(expected) == 795
    assert sum(len(ids) for ids, _, _ in expected) > 3000
    assert_same(published(bench, tracker, detections, size, method), expected)


@pytest.fixture
def paired(bench, start_tracker):
    """Start a tracker with a method that looks at the image too, and prints what it gets."""
    def begin(**parameters):
        child = start_tracker(
            environment={'STUB_APPEARANCE': 'all'},
            **{'detector__type': 'external', 'queue': 'all', **parameters})
        images, tracks = bench.camera(), bench.tracks()
        sender = Sender(bench, images=images)
        # its images have no boxes to print
        bench.connected(child, sender, tracks)
        return child, images, sender, tracks
    return begin


def numbered_image(number):
    """Return an image that shows its number as its first pixel."""
    message = camera_image(100 + number * STEP)
    message.data[0] = number
    return message


def numbered_boxes(number):
    return array_of(100 + number * STEP, detection((number, 30, number + 30, 90)))


def pairs_of(child):
    words = [line.split() for line in child.text.splitlines() if line.startswith('pair ')]
    return [(int(word[1]), round(float(word[2]))) for word in words if len(word) == 3]


def test_late_detections_are_joined_with_their_own_image(bench, paired):
    child, images, sender, tracks = paired(external__wait=20.0)
    # 300 ms and up to 60 ms more, in order
    delay = np.random.default_rng(4).uniform(0.3, 0.36, 60)
    due = np.maximum.accumulate(np.arange(60) * STEP + delay)
    begin = time.monotonic()
    sent, answered = 0, 0
    while answered < 60:
        now = time.monotonic() - begin
        if sent < 60 and now >= sent * STEP:
            images.publish(numbered_image(sent))
            sent += 1
        elif answered < sent and now >= due[answered]:
            sender.publish(numbered_boxes(answered))
            answered += 1
        else:
            bench.spin(0.002)
    bench.until(lambda: len(tracks) == 60, 'all tracks', child=child)
    assert pairs_of(child) == [(number, number) for number in range(60)]
    status = bench.next_status()
    assert bench.count('frames dropped', status) == 0
    assert 'images left out: no detections with this stamp' not in status


def test_missing_detections_and_images_cost_only_themselves(bench, paired):
    child, images, sender, tracks = paired(external__wait=20.0)
    rng = np.random.default_rng(5)
    missing = set(rng.choice(np.arange(5, 95), 9, replace=False).tolist())
    unseen = set(rng.choice(np.arange(5, 95), 9, replace=False).tolist()) - missing
    for number in range(100):
        if number not in unseen:
            images.publish(numbered_image(number))
        if number >= 9 and number - 9 not in missing:
            sender.publish(numbered_boxes(number - 9))
        bench.spin(0.01)
    for number in sorted(set(range(91, 100)) - missing):
        sender.publish(numbered_boxes(number))
    right = [number for number in range(100) if number not in missing | unseen]
    bench.until(lambda: len(tracks) == len(right), 'all tracks', child=child)
    assert pairs_of(child) == [(number, number) for number in right]
    status = bench.next_status()
    assert status['images left out: no detections with this stamp'] == str(len(missing))
    assert status['dropped: no image with this stamp'] == str(len(unseen))


def test_what_waits_too_long_is_given_up_and_explained(bench, paired):
    child, images, sender, tracks = paired(external__wait=0.2)
    sender.publish(numbered_boxes(1))
    images.publish(numbered_image(2))
    bench.until(
        lambda: bench.status().get('dropped: no image with this stamp') == '1'
        and 'images left out: no detections with this stamp' in bench.status(), 'both given up',
        child=child)
    assert 'must copy the stamp' in child.text
    # two without a stamp need not belong together
    for message, publisher in (
            (numbered_image(4), images), (numbered_boxes(4), sender)):
        message.header.stamp = to_stamp(0.0)
        publisher.publish(message)
    bench.until(lambda: bench.status().get('dropped: zero stamp') == '1'
                and 'images left out: zero stamp' in bench.status(), 'no pair', child=child)
    sender.publish(numbered_boxes(3))
    images.publish(numbered_image(3))
    bench.until(lambda: len(tracks) == 1, 'a pair', child=child)
    assert pairs_of(child) == [(3, 3)]


def test_a_method_that_needs_images_subscribes_to_them_when_it_comes(bench, start_tracker):
    child = start_tracker(
        detector__type='external', queue='all', environment={'STUB_APPEARANCE': 'sort'})
    sender, tracks = Sender(bench), bench.tracks()
    bench.connected(child, sender, tracks)
    images = bench.camera()
    assert images.get_subscription_count() == 0
    assert bench.set_parameters(method='sort')[0].successful
    # counts from the next frame, which comes without an image and is lost
    sender.publish(numbered_boxes(1))
    bench.until(images.get_subscription_count, 'images are subscribed to', child=child)
    numbers = iter(range(2, 200))

    def joined():
        number = next(numbers)
        images.publish(numbered_image(number))
        sender.publish(numbered_boxes(number))
        bench.spin(0.1)
        return len(pairs_of(child)) > 3

    bench.until(joined, 'pairs', child=child)
    assert all(image == boxes for image, boxes in pairs_of(child))


@pytest.mark.parametrize('method', APPEARANCE_METHODS)
def test_methods_that_look_get_images_and_boxes_together(bench, start_tracker, method):
    child = start_tracker(
        detector__type='external', queue='all', method=method, appearance__type='colour')
    images, tracks = bench.camera(), bench.tracks()
    sender = Sender(bench, images=images)
    bench.connected(child, sender, tracks)
    for number in range(1, 7):
        images.publish(numbered_image(number))
        sender.publish(numbered_boxes(number))
        bench.until(lambda: len(tracks) == number, 'tracks', child=child)  # noqa: B023
    assert ids_of(tracks[-1]) == ['1']


@pytest.mark.parametrize('method', APPEARANCE_METHODS)
def test_boxes_alone_are_enough_unless_an_embedding_is_named(method):
    settings = build(Settings, {'detector.type': 'external', 'method': method})
    assert not make_tracker(settings, make_detector(settings)).needs_image
    settings = build(Settings, {'method': method})
    assert make_tracker(settings, RecordedDetections({}, ('person',))).needs_image


def test_a_rotated_box_becomes_the_upright_one_around_it():
    ours, left_out = to_our_detections(array_of(
        1.0, detection((0, 0, 40, 20), theta=math.pi / 2),
        detection((0, 0, 40, 20), theta=math.pi),
        detection((0, 0, 20, 20), theta=math.pi / 4)), ClassIds())
    half = 10 * math.sqrt(2)
    np.testing.assert_allclose(ours.boxes, [
        (10, -10, 30, 30), (0, 0, 40, 20), (10 - half, 10 - half, 10 + half, 10 + half)],
        atol=1e-5)
    assert not left_out


def test_class_ids_are_bounded(monkeypatch):
    monkeypatch.setattr('mot_ros.ros.pipeline.external_detections.MOST_CLASSES', 3)
    message = array_of(1.0, *(
        detection((0, 0, 40, 20), class_id=f'class {number}') for number in range(5)))
    class_ids = ClassIds()
    for _ in range(2):
        ours, left_out = to_our_detections(message, class_ids)
        assert ours.labels.tolist() == [0, 1, 2]
        assert sum(left_out.values()) == 2
    assert class_ids.name_of(2) == 'class 2'
