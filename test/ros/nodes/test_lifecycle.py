# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The tracker node in a process of its own: how it starts, fails, answers and ends."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
import random
import shutil
import signal
import time

import pytest

pytest.importorskip('rclpy')

from lifecycle_msgs.msg import Transition
from rcl_interfaces.srv import GetParameters
from ros_bench import camera_image, ids_of, python, ros_args
from std_srvs.srv import SetBool, Trigger
from vision_msgs.msg import Detection2DArray

CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
WEIGHTS = CACHE / 'mot_ros' / 'weights' / 'ssd-mobilenetv3-coco.safetensors'
STEP = 1 / 30


def publish(camera, first, count):
    for number in range(first, first + count):
        camera.publish(camera_image(100 + number * STEP, (20 + number, 30, 50 + number, 90)))


@pytest.mark.parametrize('wrong, words, repair', [
    ({'bytetrack__track_hihg_thresh': 0.5},
     ['bytetrack.track_hihg_thresh', 'did you mean bytetrack.track_high_thresh'],
     {'strict_parameters': False}),
    ({'method': 'mht'}, ["method is 'mht'", 'bytetrack, sort'], {'method': 'sort'}),
    ({'bytetrack__track_high_thresh': 'abc'}, ["bytetrack.track_high_thresh is 'abc'", 'float'],
     {'bytetrack__track_high_thresh': 0.5}),
    ({'bytetrack__track_high_thresh': 7.5}, ['bytetrack.track_high_thresh is 7.5', '[0, 1]'],
     {'bytetrack__track_high_thresh': 0.5}),
    ({'bytetrack__track_low_thresh': 0.9}, ['bytetrack.track_low_thresh', 'must not decrease'],
     {'bytetrack__track_low_thresh': 0.1}),
])
def test_configure_fails_with_the_reason_and_can_be_repaired(
        bench, start_tracker, wrong, words, repair):
    child = start_tracker(queue='all', **wrong)
    bench.until(lambda: bench.status(), 'diagnostics of a node that failed', child=child)
    assert bench.state() == 'unconfigured'
    assert bench.status()['level'] == '2'
    for word in words:
        assert word in child.text
        assert word in bench.status()['message']
    assert not bench.transition('configure')

    assert all(result.successful for result in bench.set_parameters(**repair))
    assert bench.transition('configure')
    assert bench.transition('activate')
    assert bench.state() == 'active'
    camera, tracks = bench.camera(), bench.tracks()
    bench.connected(child, camera, tracks)
    publish(camera, 0, 3)
    bench.until(lambda: len(tracks) == 3, 'tracks after the repair', child=child)
    assert child.stop() == 0
    assert 'Traceback' not in child.text


@pytest.mark.parametrize('spoil', ['missing', 'altered'])
def test_weights_that_are_missing_or_altered_fail_configure(bench, start, tmp_path, spoil):
    if not WEIGHTS.exists():
        pytest.skip(f'{WEIGHTS} is not there: run scripts/setup')
    if spoil == 'altered':
        copy = tmp_path / 'mot_ros' / 'weights' / WEIGHTS.name
        copy.parent.mkdir(parents=True)
        content = bytearray(WEIGHTS.read_bytes())
        content[-1] ^= 1
        copy.write_bytes(content)
    child = start(
        python('mot_ros.ros.nodes.tracker', *ros_args(
            device='cpu', preset='fast', detector__type='ssd',
            detector__weights='ssd-mobilenetv3-coco')),
        XDG_CACHE_HOME=str(tmp_path))
    bench.until(lambda: bench.status(), 'diagnostics of a node that failed', child=child)
    assert bench.state() == 'unconfigured'
    assert bench.status()['level'] == '2'
    assert 'mot_ros weights import' in child.text
    assert 'Traceback' not in child.text

    shutil.rmtree(tmp_path / 'mot_ros', ignore_errors=True)
    assert bench.set_parameters(detector__weights=str(WEIGHTS))[0].successful
    assert bench.transition('configure'), child.text
    assert bench.transition('activate')
    bench.until(lambda: bench.status().get('device') == 'cpu', 'the real detector', child=child)
    assert child.stop() == 0


def test_fixed_parameters_are_free_after_cleanup(bench, start_tracker):
    child = start_tracker()
    bench.until(lambda: bench.status().get('state') == 'active', 'active', child=child)
    for result in [
            *bench.set_parameters(device='cpu', queue_depth=5),
            bench.set_atomically(id_prefix='x', device='cpu')]:
        assert not result.successful
        assert 'deactivate' in result.reason
    assert bench.get_parameter('device') == 'auto'
    assert bench.get_parameter('id_prefix') == ''
    assert bench.set_parameters(use_sim_time=False)[0].successful, "ROS's own can be set"

    assert bench.transition('deactivate')
    assert not bench.set_parameters(device='cpu')[0].successful
    assert bench.transition('cleanup')
    result = bench.set_atomically(id_prefix='x', queue='none')
    assert not result.successful
    assert bench.get_parameter('id_prefix') == '', 'half of an atomic change was made'
    assert bench.set_atomically(id_prefix='x', method='sort').successful
    assert bench.transition('configure')
    assert bench.transition('activate')
    assert bench.next_status()['method'] == 'sort'


def test_services_parameters_and_diagnostics_answer_while_inference_runs(bench, start_tracker):
    child = start_tracker(queue='all', environment={'STUB_DELAY': '3'})
    camera, tracks = bench.camera(), bench.tracks()
    bench.connected(child, camera)
    # clients are connected before the clock starts
    request = GetParameters.Request(names=['method'])
    bench.call(GetParameters, '/tracker/get_parameters', request)
    publish(camera, 0, 1)
    bench.until(lambda: bench.status().get('frames in') == '1', 'the frame', child=child)
    assert not tracks

    begin = time.monotonic()
    bench.call(GetParameters, '/tracker/get_parameters', request, timeout=2)
    bench.call(Trigger, '/tracker/reset', Trigger.Request(), timeout=2)
    bench.call(SetBool, '/tracker/enable', SetBool.Request(data=True), timeout=2)
    assert bench.set_parameters(id_prefix='new_')[0].successful
    answered = time.monotonic() - begin
    assert not tracks, 'the inference was over before the services answered'
    assert answered < 2

    bench.until(lambda: len(tracks) == 1, 'the tracks of the slow frame', child=child)
    assert ids_of(tracks[0]) == ['1'], 'the frame in hand keeps its settings'


def test_deactivated_the_node_is_silent_and_activated_it_goes_on(bench, start_tracker):
    child = start_tracker(queue='all')
    camera, tracks = bench.camera(), bench.tracks()
    bench.connected(child, camera, tracks)
    publish(camera, 0, 3)
    bench.until(lambda: len(tracks) == 3, 'tracks', child=child)
    assert bench.transition('deactivate')
    bench.until(lambda: camera.get_subscription_count() == 0, 'unsubscribed', child=child)
    publish(camera, 3, 3)
    assert bench.transition('activate')
    bench.connected(child, camera)
    publish(camera, 6, 3)
    bench.until(lambda: len(tracks) >= 6, 'tracks again', child=child)
    assert len(tracks) == 6
    assert ids_of(tracks[-1]) == ['1']


def test_a_failed_start_ends_the_process_where_that_is_wanted(start_tracker):
    child = start_tracker(exit_on_failure=True, method='mht')
    assert child.wait() == 1
    assert "method is 'mht'" in child.text and 'exit_on_failure' in child.text
    assert 'Traceback' not in child.text


def test_a_lifecycle_manager_brings_it_up_pauses_resets_and_shuts_it_down(bench, start_tracker):
    # the calls of nav2's manager, which asks for the state after each
    child = start_tracker(autostart=False, exit_on_failure=True, queue='all')
    camera, tracks = bench.camera(), bench.tracks()
    after = {'configure': 'inactive', 'activate': 'active', 'deactivate': 'inactive',
             'cleanup': 'unconfigured', 'unconfigured_shutdown': 'finalized'}
    for calls in (('configure', 'activate'), ('deactivate',), ('activate',),
                  ('deactivate', 'cleanup'), ('configure', 'activate'),
                  ('deactivate', 'cleanup', 'unconfigured_shutdown')):
        for name in calls:
            assert bench.transition(name), child.text
            assert bench.state() == after[name]
        if calls[-1] == 'activate':
            bench.connected(child, camera, tracks)
    assert child.stop() == 0


def test_any_walk_through_the_transitions_leaves_the_node_alive(bench, start_tracker):
    child = start_tracker(autostart=False)
    bench.until(lambda: bench.status(), 'diagnostics', child=child)
    assert bench.state() == 'unconfigured'
    legal = {
        'unconfigured': {'configure': 'inactive'},
        'inactive': {'activate': 'active', 'cleanup': 'unconfigured'},
        'active': {'deactivate': 'inactive'}}
    numbers = random.Random(5)  # noqa: S311
    state = 'unconfigured'
    for _ in range(40):
        name = numbers.choice(['configure', 'activate', 'deactivate', 'cleanup'])
        assert bench.transition(name) == (name in legal[state]), (state, name, child.text)
        state = legal[state].get(name, state)
        assert bench.state() == state
    assert bench.call(Trigger, '/tracker/reset', Trigger.Request()).success == (
        state != 'unconfigured')
    shutdown = f'{state}_shutdown'
    assert hasattr(Transition, f'TRANSITION_{shutdown.upper()}')
    assert bench.transition(shutdown)
    assert bench.state() == 'finalized'
    assert child.stop() == 0


@pytest.mark.parametrize('signals', [
    (signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGINT),
    (signal.SIGTERM, signal.SIGINT, signal.SIGTERM)], ids=str)
def test_signals_end_the_node_cleanly_in_the_middle_of_work(bench, start_tracker, signals):
    child = start_tracker(queue='all', environment={'STUB_DELAY': '0.3'})
    camera, tracks = bench.camera(), bench.tracks()
    bench.connected(child, camera, tracks)
    publish(camera, 0, 5)
    bench.until(lambda: tracks, 'the first tracks', child=child)
    assert child.stop(*signals) == 0
    assert 'Traceback' not in child.text
    assert 'rror' not in child.text


def test_an_inference_that_hangs_cannot_keep_the_node_from_ending(bench, start_tracker):
    child = start_tracker(queue='all', environment={'STUB_DELAY': '1000'})
    camera, _ = bench.camera(), bench.tracks()
    bench.connected(child, camera)
    publish(camera, 0, 2)
    bench.until(lambda: bench.status().get('frames in') == '2', 'the frames', child=child)
    assert not bench.transition('deactivate')
    assert 'did not finish its frame' in child.text
    # it still answers
    assert bench.call(Trigger, '/tracker/reset', Trigger.Request()).success
    assert child.stop(signal.SIGTERM) == 0


def test_a_signal_ends_a_node_that_is_not_configured(bench, start_tracker):
    child = start_tracker(method='nonsense')
    bench.until(lambda: bench.status(), 'diagnostics', child=child)
    assert child.stop(signal.SIGTERM) == 0
    assert 'Traceback' not in child.text


def test_a_command_line_that_ros_refuses_is_explained(start):
    child = start(python('mot_ros.ros.nodes.tracker', '--ros-args', '-p', 'nonsense'))
    assert child.wait() == 2
    assert 'ROS does not accept the command line' in child.text
    assert 'Traceback' not in child.text


def test_two_trackers_in_namespaces_do_not_mix(bench, start_tracker):
    children = [
        start_tracker(f'__ns:=/{name}', queue='all', id_prefix=f'{name}_')
        for name in ('left', 'right')]
    for child, name in zip(children, ('left', 'right'), strict=True):
        camera = bench.camera(topic=f'/{name}/image')
        tracks = bench.collect(Detection2DArray, f'/{name}/tracker/tracks')
        numbers = itertools.count()

        def tracked(camera=camera, tracks=tracks, numbers=numbers):
            publish(camera, next(numbers) % 50, 1)
            return tracks and tracks[-1].detections

        bench.until(tracked, 'tracks', child=child)
        assert ids_of(tracks[-1]) == [f'{name}_1']
