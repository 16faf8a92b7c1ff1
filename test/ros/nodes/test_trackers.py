# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Several trackers in one process, over real DDS: each as if it was alone, one network."""

from __future__ import annotations

import functools
import subprocess
import time

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from ros_bench import camera_image, ids_of, PATIENCE, python, ROOT, ros_args, stamp_of
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from mot_ros.ros.conversion import to_detections, to_image, to_stamp
from mot_ros.ros.nodes.trackers import main, namespaces
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights

STUB = ROOT / 'test' / 'ros' / 'stub_trackers.py'
PETS = weights.cache_root().parent / 'videos' / 'vtest.avi'
STEP = 1 / 30


class Side:
    """Our end of one camera: what sends its images, and what comes back."""

    def __init__(self, bench, name, topic='image'):
        self.bench, self.name = bench, name
        self.tracks = bench.collect(Detection2DArray, f'/{name}/tracker/tracks')
        self._camera = bench.camera(topic=f'/{name}/{topic}')

    def connect(self, child):
        """Send images until their tracks come back, and have them forgotten."""
        def back():
            return self.tracks and stamp_of(self.tracks[-1]) == sent

        self.tracks.clear()
        sent = 0.0
        while not back():
            sent += 1.0
            self._camera.publish(camera_image(sent))
            deadline = time.monotonic() + 1.0
            # in order: when the last one is back, none is on its way any more
            while time.monotonic() < deadline and not back():
                self.bench.spin()
            assert child.process.poll() is None, child.text
            assert sent < PATIENCE, f'no tracks come\n{child.text}'
        self.tracks.clear()
        self.bench.call(Trigger, f'/{self.name}/tracker/reset', Trigger.Request())

    def send(self, image, stamp):
        self._camera.publish(to_image(image, Header(stamp=to_stamp(stamp), frame_id=self.name)))

    def walk(self, first, count, row=30, spoilt=()):
        for number in range(first, first + count):
            message = camera_image(100 + number * STEP, (20 + number, row, 50 + number, row + 60))
            if number in spoilt:
                message.data[:3] = type(message.data)('B', (255, 0, 0))
            self._camera.publish(message)

    def transition(self, name):
        number = getattr(Transition, f'TRANSITION_{name.upper()}')
        return self.bench.call(
            ChangeState, f'/{self.name}/tracker/change_state',
            ChangeState.Request(transition=Transition(id=number))).success

    @property
    def state(self):
        return self.bench.next_status(f'{self.name}/tracker: tracking')


@pytest.fixture
def both(bench, start):
    """Start the trackers of two cameras with the stub detector; returns them and our ends."""
    def begin(*arguments, **environment):
        child = start(
            [*python(STUB, 'front', 'rear/left'), *ros_args(queue='all'), *arguments],
            **environment)
        sides = [Side(bench, name) for name in ('front', 'rear/left')]
        for side in sides:
            side.connect(child)
        return child, *sides
    return begin


def test_each_camera_has_its_own_tracks_and_parameters_and_all_one_network(
        bench, both, tmp_path):
    file = tmp_path / 'cameras.yaml'
    file.write_text(
        '/**:\n  ros__parameters: {method: sort}\n'
        '/front/tracker:\n  ros__parameters: {id_prefix: front_}\n'
        '/rear/left/tracker:\n  ros__parameters: {id_prefix: left_, method: bytetrack}\n')
    child, front, left = both('--params-file', str(file))
    for number in range(10):
        front.walk(number, 1)
        left.walk(number, 1, row=50)
    bench.until(lambda: len(front.tracks) == len(left.tracks) == 10, 'tracks', child=child)
    assert {ids_of(message)[0] for message in front.tracks} == {'front_1'}
    assert {ids_of(message)[0] for message in left.tracks} == {'left_1'}
    for side, centre in ((front, 60), (left, 80)):
        assert side.tracks[-1].detections[0].bbox.center.position.y == pytest.approx(centre, abs=3)
    assert child.text.count('loaded\n') == 1
    assert (front.state['method'], left.state['method']) == ('sort', 'bytetrack')
    assert child.stop() == 0
    assert 'Traceback' not in child.text


def test_one_camera_may_fail_or_stop_and_the_other_goes_on(bench, both):
    child, front, left = both()
    front.walk(0, 6, spoilt=(2, 3))
    left.walk(0, 6)
    bench.until(lambda: (len(front.tracks), len(left.tracks)) == (4, 6), 'tracks', child=child)
    assert front.state['dropped: tracker failed'] == '2'
    assert 'dropped: tracker failed' not in left.state

    assert front.transition('deactivate')
    left.walk(6, 6)
    bench.until(lambda: len(left.tracks) == 12, 'tracks of the other', child=child)
    assert front.transition('cleanup')
    left.walk(12, 6)
    bench.until(lambda: len(left.tracks) == 18, 'tracks of the other', child=child)
    assert {ids_of(message)[0] for message in left.tracks} == {'1'}

    assert front.transition('configure')
    assert front.transition('activate')
    front.connect(child)
    front.walk(20, 3)
    bench.until(lambda: len(front.tracks) == 3, 'tracks again', child=child)
    assert ids_of(front.tracks[-1]) == ['1']
    assert child.text.count('loaded\n') == 1, 'the other kept the network'


@pytest.mark.parametrize('pipeline', ['latency', 'throughput'])
def test_frames_that_wait_together_all_come_out_once(bench, both, pipeline):
    child, front, left = both('-p', f'pipeline:={pipeline}', STUB_DELAY='0.02')
    front.walk(0, 40)
    left.walk(0, 40)
    bench.until(lambda: len(front.tracks) == len(left.tracks) == 40, 'all', child=child)
    for side in (front, left):
        assert [stamp_of(message) for message in side.tracks] == pytest.approx(
            [100 + number * STEP for number in range(40)], abs=1e-6)
        assert {ids_of(message)[0] for message in side.tracks} == {'1'}


def test_real_footage_gives_each_camera_what_a_tracker_alone_gives(bench, start):
    if not PETS.exists():
        pytest.skip(f'{PETS} is not there: run `mot_ros demo` once')
    capture = cv2.VideoCapture(str(PETS))
    images = [capture.read()[1] for _ in range(50)]
    capture.release()
    # of another place, and of another size
    footage = {'front': images[:15], 'left': [
        np.ascontiguousarray(cv2.flip(image, 1)[:400]) for image in images[35:]]}
    child = start(
        [*python('mot_ros.ros.nodes.trackers', *footage), *ros_args(
            'image:=image_raw', queue='all', device='cpu', preset='fast', reliability='reliable',
            sequence__max_gap=1000.0)])
    sides = {name: Side(bench, name, 'image_raw') for name in footage}
    for side in sides.values():
        side.connect(child)
    for number, pair in enumerate(zip(*footage.values(), strict=True)):
        for side, image in zip(sides.values(), pair, strict=True):
            side.send(image, 200 + number / 8)
    bench.until(
        lambda: all(len(side.tracks) == 15 for side in sides.values()), 'tracks', child=child)

    settings = build(Settings, {'device': 'cpu', 'preset': 'fast'})
    detector = make_detector(settings)
    for name, stream in footage.items():
        tracker = make_tracker(settings, detector)
        alone = [
            to_detections(
                tracker.update(Frame.of(image, number / 8)), Header(),
                (image.shape[1], image.shape[0]))
            for number, image in enumerate(stream)]
        found = sides[name].tracks
        assert list(map(ids_of, found)) == list(map(ids_of, alone))
        assert sum(map(len, map(ids_of, found))) > 15, 'somebody is there'
        boxes = functools.partial(map, lambda message: [one.bbox for one in message.detections])
        assert list(boxes(found)) == list(boxes(alone))


def test_names_that_cannot_be_are_refused(capsys):
    assert namespaces(['front', '/a/b/', 'c']) == ['/front', '/a/b', '/c']
    for wrong, words in ((['1st'], "'1st' is no name"), (['a', '/a'], "'/a' is not the name"),
                         (['/'], "'/' is not the name"), (['a b'], "'a b' is no name")):
        with pytest.raises(ValueError, match=words):
            namespaces(wrong)
        with pytest.raises(SystemExit) as caught:
            main(wrong)
        assert caught.value.code == 2
        assert words in capsys.readouterr().err


def test_a_command_line_without_cameras_or_that_ros_refuses_is_explained():
    for arguments, words in (
            (['--ros-args', '-p', 'method:=sort'], 'required: CAMERA'),
            (['front', '--ros-args', '-p', 'nonsense'], 'ROS does not accept the command line')):
        ended = subprocess.run(
            python('mot_ros.ros.nodes.trackers', *arguments), capture_output=True, text=True,
            cwd=ROOT, timeout=60)
        assert ended.returncode == 2
        assert words in ended.stderr
        assert 'Traceback' not in ended.stderr
