# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Parameters of a tracker at work, over real DDS: what changes between two frames and what not."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')

from ros_bench import camera_image, ids_of
from vision_msgs.msg import LabelInfo

from mot_ros.tracking.config import BOX_METHODS, NodeSettings
from mot_ros.tracking.config.schema import build, catalogue
from mot_ros.tracking.errors import ConfigError

STEP = 1 / 30
KNOWN = catalogue(NodeSettings, 'accurate')
LIVE = [name for name, setting in KNOWN.items() if not setting.fixed]
FIXED = [name for name, setting in KNOWN.items() if setting.fixed]


def another(name, mask):
    """Return a value of a setting other than its default, which goes with the other defaults."""
    setting = KNOWN[name]
    default = setting.default
    if name == 'mask':
        return mask
    if isinstance(default, bool):
        return not default
    if isinstance(default, tuple):
        return ('bicycle',)
    if setting.choices:
        return next(choice for choice in setting.choices if choice != default)
    if isinstance(default, str):
        return 'other'
    for candidate in (default + 1, default - 1, default * 1.05, default * 0.95, 0.5):
        try:
            value = type(default)(candidate)
            build(NodeSettings, {name: value})
        except ConfigError:
            continue
        if value != default:
            return value
    raise AssertionError(f'no other value for {name}')


@pytest.fixture
def running(bench, start_tracker):
    """Start a tracker that prints its settings; returns it and what sends the next frame."""
    child = start_tracker(queue='all', environment={'STUB_ECHO': '1'})
    camera, tracks = bench.camera(), bench.tracks()
    bench.connected(child, camera, tracks)
    numbers = iter(range(100000))

    def send():
        number = next(numbers)
        before = len(tracks)
        x = 20 + number % 90
        camera.publish(camera_image(100 + number * STEP, (x, 30, x + 30, 90)))
        bench.until(lambda: len(tracks) > before, 'the tracks of the next frame', child=child)
        return tracks[-1]

    return child, tracks, send


def settings_of_last_frame(child):
    line = [line for line in child.text.splitlines() if line.startswith('settings ')][-1]
    return json.loads(line.split(' ', 2)[2])


def shown(value):
    return list(value) if isinstance(value, tuple) else value


def test_every_live_parameter_counts_from_the_next_frame(bench, running, tmp_path):
    child, tracks, send = running
    mask = tmp_path / 'mask.png'
    cv2.imwrite(str(mask), np.full((12, 16), 255, np.uint8))
    for _ in range(3):
        send()
    assert {'method', 'bytetrack.track_high_thresh', 'sort.max_age', 'sequence.max_gap',
            'id_prefix', 'amodal',
            'detector.score_floor', 'detector.nms_iou', 'detector.max_detections',
            'detector.classes', 'detector.box_voting', 'detector.width', 'roi.x', 'mask',
            'detect_every'} <= set(LIVE)
    for name in LIVE:
        if name in ('external.width', 'external.height'):
            continue
        value = another(name, str(mask))
        result, = bench.set_parameters(**{name.replace('.', '__'): shown(value)})
        assert result.successful, (name, result.reason)
        assert shown(bench.get_parameter(name)) == shown(value), name
        send()
        assert settings_of_last_frame(child)[name] == shown(value), name
        result, = bench.set_parameters(
            **{name.replace('.', '__'): shown(KNOWN[name].default)})
        assert result.successful, (name, result.reason)
        send()
    lines = child.text.count('changed: ')
    assert lines >= 2 * (len(LIVE) - 3)
    status = bench.next_status()
    assert bench.count('frames in', status) == bench.count('frames out', status) == len(tracks)
    assert bench.count('frames dropped', status) == 0


def test_both_sides_of_the_external_size_change_together(bench, running):
    child, _, send = running
    assert not bench.set_parameters(external__width=640)[0].successful
    assert bench.set_atomically(external__width=640, external__height=480).successful
    send()
    assert settings_of_last_frame(child)['external.height'] == 480


def test_every_fixed_parameter_is_refused_with_its_reason(bench, running):
    child, _, send = running
    send()
    assert {'detector.type', 'detector.weights', 'device', 'queue', 'queue_depth', 'reliability',
            'autostart', 'strict_parameters', 'preset', 'image_transport'} <= set(FIXED)
    for name in FIXED:
        before = bench.get_parameter(name)
        other = 'latest' if name == 'queue' else another(name, '')
        result, = bench.set_parameters(**{name.replace('.', '__'): other})
        assert not result.successful, name
        assert name in result.reason
        assert KNOWN[name].fixed in result.reason
        assert 'deactivate' in result.reason
        assert bench.get_parameter(name) == before
        # as a whole parameter file would: nothing changes
        assert bench.set_parameters(**{name.replace('.', '__'): before})[0].successful
    assert len(send().detections) == 1
    assert 'changed: ' not in child.text


def test_an_atomic_change_is_made_as_a_whole_or_not_at_all(bench, running):
    child, _, send = running
    result = bench.set_atomically(bytetrack__track_high_thresh=0.6, queue='latest')
    assert not result.successful
    assert 'subscription' in result.reason
    result = bench.set_atomically(id_prefix='x', bytetrack__track_high_thresh=0.9)
    assert not result.successful
    assert 'must not decrease' in result.reason
    send()
    assert settings_of_last_frame(child)['bytetrack.track_high_thresh'] == 0.3
    assert bench.get_parameter('id_prefix') == ''
    # none of the three could be made alone
    assert not bench.set_parameters(bytetrack__track_low_thresh=0.75)[0].successful
    assert bench.set_atomically(
        bytetrack__track_low_thresh=0.75, bytetrack__track_high_thresh=0.8,
        bytetrack__new_track_thresh=0.85).successful
    send()
    now = settings_of_last_frame(child)
    assert [now[f'bytetrack.{name}'] for name in (
        'track_low_thresh', 'track_high_thresh', 'new_track_thresh')] == [0.75, 0.8, 0.85]
    assert child.text.count('changed: ') == 1


def test_tracks_outlive_new_thresholds_but_not_a_new_motion_model(bench, running):
    _, _, send = running
    for _ in range(3):
        before = send()
    assert bench.set_atomically(smiletrack__match=0.25, smiletrack__lost_buffer=1.0).successful
    assert ids_of(send()) == ids_of(before) == ['1']
    assert bench.set_parameters(detector__nms_iou=0.4)[0].successful
    assert ids_of(send()) == ['1'], 'another detector, the same tracks'
    assert bench.set_parameters(id_prefix='cam_')[0].successful
    assert ids_of(send()) == ['cam_1']
    assert bench.set_parameters(smiletrack__nominal_rate=20.0)[0].successful
    assert ids_of(send()) == ['cam_2']


def test_the_method_changes_through_all_methods_and_ids_go_on(bench, running):
    child, tracks, send = running
    expected = 1
    for _ in range(2):
        for method in BOX_METHODS:
            result, = bench.set_parameters(method=method)
            assert result.successful, result.reason
            for _ in range(4):
                message = send()
            assert ids_of(message) == [str(expected)]
            assert bench.next_status()['method'] == method
            expected += 1
    assert child.text.count('tracking sensor_msgs/msg/Image on /image') == 1, 'subscribed once'
    assert bench.count('frames out') == len(tracks)


def test_what_would_not_work_is_refused_before_it_is_tried(bench, running, tmp_path):
    child, _, send = running
    for change, words in (
            ({'detector__classes': ['dragon']}, 'dragon'),
            ({'mask': str(tmp_path / 'nothing.png')}, 'nothing.png'),
            ({'bytetrack__track_high_thresh': 1.5}, 'out of range'),
            ({'detector__score_floor': float('nan')}, 'detector.score_floor'),
            ({'method': 'centertrack'}, 'bytetrack, sort')):
        result, = bench.set_parameters(**change)
        assert not result.successful, change
        assert words in result.reason
    assert len(send().detections) == 1
    assert 'changed: ' not in child.text


def test_settings_that_cannot_be_taken_stay_as_they_are_and_show_it(bench, running, tmp_path):
    child, _, send = running
    mask = tmp_path / 'mask.png'
    cv2.imwrite(str(mask), np.full((12, 16), 255, np.uint8))
    assert bench.set_parameters(mask=str(mask))[0].successful
    # gone before the next frame
    mask.unlink()
    assert ids_of(send()) == ['1']
    assert 'the settings stay as they are' in child.text
    bench.until(lambda: bench.get_parameter('mask') == '', 'the old value', child=child)
    assert bench.set_parameters(id_prefix='x')[0].successful
    assert ids_of(send()) == ['x1']


def test_label_info_follows_the_score_floor(bench, running):
    child, _, send = running
    infos = bench.collect(LabelInfo, '/tracker/label_info')
    assert bench.set_parameters(detector__score_floor=0.3)[0].successful
    send()
    bench.until(lambda: infos, 'label info', child=child)
    assert infos[-1].threshold == pytest.approx(0.3)


def test_a_method_with_a_detector_of_its_own_brings_its_classes_and_its_model(bench, running):
    child, _, send = running
    infos = bench.collect(LabelInfo, '/tracker/label_info')
    status = bench.next_status()
    assert 'nanodet-coco' in status['model'] and status['appearance'] == 'colour'
    result, = bench.set_parameters(method='siammot')
    assert result.successful, result.reason
    send()
    bench.until(lambda: infos, 'label info', child=child)
    assert [each.class_name for each in infos[-1].class_map] == ['person', 'dog']
    bench.until(
        lambda: bench.next_status()['model'].startswith('siammot-small sha256:'), 'its model',
        child=child)
    status = bench.next_status()
    assert (status['method'], status['appearance']) == ('siammot', 'none')


def test_another_jump_back_counts_at_once(bench, start_tracker):
    child = start_tracker(queue='all')
    camera, tracks = bench.camera(), bench.tracks()
    bench.connected(child, camera, tracks)
    for stamp in (100.0, 100.1, 99.7):
        camera.publish(camera_image(stamp, (20, 30, 50, 90)))
    bench.until(
        lambda: bench.status().get('dropped: out of order') == '1', 'the drop', child=child)
    assert bench.set_parameters(sequence__jump_back=0.1)[0].successful
    camera.publish(camera_image(99.7, (20, 30, 50, 90)))
    bench.until(lambda: len(tracks) == 3, 'the reset', child=child)
    assert bench.next_status()['resets: time jumped back'] == '1'


def test_changes_while_inactive_count_once_active(bench, start_tracker):
    child = start_tracker(queue='all')
    camera, tracks = bench.camera(), bench.tracks()
    bench.connected(child, camera, tracks)
    assert bench.transition('deactivate')
    assert bench.set_parameters(id_prefix='late_')[0].successful
    assert bench.transition('activate')
    bench.connected(child, camera, tracks)
    camera.publish(camera_image(100.0, (20, 30, 50, 90)))
    bench.until(lambda: tracks, 'tracks', child=child)
    assert ids_of(tracks[-1]) == ['late_1']
