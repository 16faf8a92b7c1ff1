# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What the node tells of its condition."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticStatus

from mot_ros.ros.diagnostics import counters, publisher
from mot_ros.ros.diagnostics.counters import FAILURES_IN_A_ROW, Health, OVERWRITTEN
from mot_ros.ros.diagnostics.silent_topic import (
    IMAGE_TYPE,
    large_image_remedy,
    LARGE_IMAGES,
    OTHER_MIDDLEWARE,
    SLOW_RECEIVER,
    TopicRequest,
)
from mot_ros.ros.package_share import profile_variable


@pytest.fixture
def health():
    made = Health()
    made.state = 'active'
    made.labels = {'method': 'sort', 'device': 'cpu'}
    return made


def values_of(status):
    return {value.key: value.value for value in status.values}


def test_everything_is_counted(health):
    for _ in range(7):
        health.receive()
    health.drop('encoding')
    health.drop('encoding')
    health.drop('nothing', 0)
    health.reset('gap')
    health.lose(3)
    for milliseconds in (1, 2, 3, 4):
        health.publish({'total': milliseconds / 1e3}, alive=5)
    health.fail('RuntimeError: x')

    status = health.report('tracker: tracking')

    values = values_of(status)
    assert (status.name, status.hardware_id) == ('tracker: tracking', 'cpu')
    assert values['frames in'] == '7'
    assert values['frames out'] == '4'
    assert values['frames dropped'] == '3'
    assert values['dropped: encoding'] == '2'
    assert values['dropped: tracker failed'] == '1'
    assert 'dropped: nothing' not in values
    assert values['resets: gap'] == '1'
    assert values['images lost on the way'] == '3'
    assert values['tracks alive'] == '5'
    assert values['last failure'] == 'RuntimeError: x'
    assert values['latency total p50/p95/p99 [ms]'] == '2.50/3.85/3.97'
    assert int(values['memory [MB]']) > 10
    assert values['method'] == 'sort'
    assert float(values['input rate [Hz]']) > 0


def test_faults_warn_once_and_overwritten_frames_do_not(health):
    health.receive()
    health.drop(OVERWRITTEN, 5)
    assert health.report('x').level == DiagnosticStatus.OK
    health.drop('step')
    status = health.report('x')
    assert (status.level, status.message[0]) == (DiagnosticStatus.WARN, '1')
    assert health.report('x').level == DiagnosticStatus.OK


def test_failures_in_a_row_are_an_error_until_a_frame_works(health):
    health.receive()
    for _ in range(FAILURES_IN_A_ROW - 1):
        health.fail('no memory')
    assert health.report('x').level == DiagnosticStatus.WARN
    health.fail('no memory')
    status = health.report('x')
    assert status.level == DiagnosticStatus.ERROR
    assert 'no memory' in status.message
    health.publish({}, alive=0)
    assert health.report('x').level == DiagnosticStatus.OK


def test_the_age_of_what_is_published(health):
    assert not [key for key in values_of(health.report('x')) if key.startswith('age')]
    for milliseconds in (10, 20, 30):
        health.publish({}, alive=0, age=milliseconds / 1e3)
    assert values_of(health.report('x'))['age of output p50/p95/p99 [ms]'] == '20.00/29.00/29.80'


@pytest.mark.parametrize('age', [1e9, -5.0])
def test_stamps_of_another_clock_are_told_with_the_remedy(health, age):
    health.publish({}, alive=0, age=age)
    assert 'use_sim_time' in values_of(health.report('x'))['age of output']


def test_skipping_too_large_a_share_warns_with_the_remedy(health):
    health.drop_warning = 0.5
    for _ in range(20):
        health.receive()
    health.drop(OVERWRITTEN, 1)
    for _ in range(9):
        health.drop(OVERWRITTEN)
    assert health.report('x').level == DiagnosticStatus.OK
    health.drop(OVERWRITTEN)
    status = health.report('x')
    assert status.level == DiagnosticStatus.WARN
    assert status.message.startswith('55 % of the frames')
    assert "'fast'" in status.message
    assert values_of(status)['skipped in the last 5 s [%]'] == '55'


def test_faults_come_with_their_explanation(health):
    health.receive()
    health.lose(2, 'start the camera with a profile')
    assert 'start the camera with a profile' in health.report('x').message
    health.drop('too large', why='an image of 60000x60000')
    assert '60000x60000' in health.report('x').message


def test_a_publisher_that_does_not_fit_is_named_until_it_is_waited_for_anew(health, monkeypatch):
    health.what = 'detections'
    health.refuse('RELIABILITY', 'set reliability:=best_effort')
    start = health._last_sign
    monkeypatch.setattr('time.monotonic', lambda: start + 12)
    status = health.report('x')
    assert 'no detections for 12 s: set reliability:=best_effort' in status.message
    assert values_of(status)['incompatible QoS: RELIABILITY'] == 'set reliability:=best_effort'
    health.start_waiting()
    assert not [key for key in values_of(health.report('x')) if 'incompatible' in key]


def test_what_is_left_out_is_no_lost_frame(health):
    health.receive()
    health.leave_out('boxes', Counter({'size not positive': 3}))
    status = health.report('x')
    assert values_of(status)['boxes left out: size not positive'] == '3'
    assert (status.level, values_of(status)['frames dropped']) == (DiagnosticStatus.OK, '0')


def test_silence_warns_only_while_active(health, monkeypatch):
    start = health._last_sign
    monkeypatch.setattr('time.monotonic', lambda: start + 12)
    status = health.report('x')
    assert status.level == DiagnosticStatus.WARN
    assert 'no image for 12 s' in status.message
    health.state = 'inactive'
    assert health.report('x').level == DiagnosticStatus.OK


def test_a_problem_is_an_error_in_any_state(health):
    health.state = 'unconfigured'
    health.problem = 'could not configure: no weights'
    status = health.report('x')
    assert (status.level, status.message) == (DiagnosticStatus.ERROR, health.problem)


def test_rate(health, monkeypatch):
    now = [100.0]
    monkeypatch.setattr('time.monotonic', lambda: now[0])
    for _ in range(200):
        now[0] += 0.1
        health.receive()
    assert health.rate() == pytest.approx(10, rel=0.05)
    now[0] += 60
    assert health.rate() == 0


def test_clear_begins_anew(health):
    health.receive()
    health.drop('x')
    health.clear()
    values = values_of(health.report('x'))
    assert (values['frames in'], values['frames dropped']) == ('0', '0')


@pytest.mark.parametrize('boxes, words', [(None, 'a frame for'), (900, 'a frame of 900 boxes')])
@pytest.mark.parametrize('end', ['publish', 'fail'])
def test_long_work_on_one_frame_is_no_silence_of_the_input(health, monkeypatch, boxes, words, end):
    now = counters.time.monotonic()
    health.begin(boxes)
    assert health.busy() == ''
    monkeypatch.setattr(counters.time, 'monotonic', lambda: now + 10)
    status = health.report('x')
    assert status.level == DiagnosticStatus.WARN
    assert words in status.message and '10 s' in status.message
    if end == 'publish':
        health.publish({}, alive=0)
    else:
        health.fail('x')
    assert health.busy() == ''
    assert 'busy' not in health.report('x').message


def test_changing_settings_is_no_silence_of_the_input(health, monkeypatch):
    now = counters.time.monotonic()
    health.begin_change()
    monkeypatch.setattr(counters.time, 'monotonic', lambda: now + 30)
    assert health.report('x').message == 'busy with changed settings for 30 s'
    health.end_change()
    assert health.busy() == ''
    assert health.silence() == 0
    monkeypatch.setattr(counters.time, 'monotonic', lambda: now + 60)
    assert health.silence() == 30


class _Node:
    """Stands for a node whose log is asked for."""

    def __init__(self):
        self.said = []

    def create_publisher(self, *_):
        return None

    def get_logger(self):
        return self

    def warning(self, text, **_):
        self.said.append(text)


def test_a_process_that_did_not_run_says_nothing_of_silence(health, monkeypatch):
    now = counters.time.monotonic()
    node = _Node()
    made = publisher.DiagnosticsPublisher(node, health)
    monkeypatch.setattr(publisher, 'why_silent', lambda *_: 'for no reason')
    for second, said in ((9, 0), (10, 0), (13, 0), (15, 1)):
        monkeypatch.setattr(counters.time, 'monotonic', lambda second=second: now + second)
        made.explain_silence(TopicRequest('image', '/image', IMAGE_TYPE, None))
        assert len(node.said) == said


@pytest.mark.parametrize(('environment', 'remedy'), [
    ({}, LARGE_IMAGES), ({profile_variable(): '/my.xml'}, SLOW_RECEIVER),
    ({'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}, OTHER_MIDDLEWARE)])
def test_a_profile_that_is_in_use_is_not_what_is_missing(environment, remedy, monkeypatch):
    for name in (profile_variable(), 'RMW_IMPLEMENTATION'):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert large_image_remedy() == remedy
