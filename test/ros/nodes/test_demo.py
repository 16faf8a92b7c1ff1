# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The demo: three processes from the video to the files, and none left behind."""

from __future__ import annotations

import os
from pathlib import Path
import re
import signal
import time

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')

from ros_bench import python, ROOT, survivors, wait_for
from rosbags.rosbag2 import Reader

from mot_ros.data.datasets.mot import read_tracks

STUB_DEMO = ROOT / 'test' / 'ros' / 'stub_demo.py'


@pytest.fixture
def video(tmp_path):
    """Make a video of two people who walk, 40 frames at 20 Hz."""
    path = tmp_path / 'walk.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 20, (320, 240))
    for number in range(40):
        image = np.zeros((240, 320, 3), np.uint8)
        image[60:180, 20 + 3 * number:60 + 3 * number] = 255
        image[20:80, 280 - 2 * number:310 - 2 * number] = 255
        writer.write(image)
    writer.release()
    return path


@pytest.fixture
def demo(start, video, tmp_path):
    """Start the demo with its output in `tmp_path / 'out'`."""
    def begin(*options, **environment):
        return start(python(
            STUB_DEMO, '--video', str(video), '--output', str(tmp_path / 'out'), *options),
            **environment)
    return begin


def number_of(what: str, text: str) -> int:
    return int(re.search(rf'{what} +(\d+)', text).group(1))


def test_the_whole_job(demo, tmp_path):
    child = demo('--method', 'sort')
    assert child.wait(180) == 0, child.text
    output = tmp_path / 'out'
    text = child.text
    assert number_of('images published', text) == 40
    processed = number_of('frames processed', text)
    dropped = number_of('frames dropped', text)
    assert processed + dropped == number_of('images received', text) <= 40
    assert processed >= 20
    assert number_of('distinct tracks', text) == 2
    assert re.search(r'latency +\d+\.\d ms median, \d+\.\d ms p99', text)
    assert 'Traceback' not in text

    with Reader(output / 'tracks') as reader:
        connection, = reader.connections
        assert connection.topic == '/tracker/tracks'
        assert reader.message_count == processed
    rows = read_tracks(output / 'tracks.txt')
    assert set(rows.ids.tolist()) == {1, 2}
    assert rows.last_frame == processed
    annotated = cv2.VideoCapture(str(output / 'annotated.mp4'))
    assert annotated.get(cv2.CAP_PROP_FPS) == 20
    assert 0.5 * processed <= annotated.get(cv2.CAP_PROP_FRAME_COUNT) <= processed
    assert cv2.imread(str(output / 'contact_sheet.png')) is not None
    for name in ('annotated.mp4', 'contact_sheet.png', 'tracks.txt'):
        assert str(output / name) in text
    assert 'method=sort' in (output / 'logs' / 'tracker.log').read_text()
    assert survivors(output) == []


def test_seconds_limit_the_video_and_a_second_run_replaces_the_first(demo, tmp_path):
    (tmp_path / 'out' / 'tracks').mkdir(parents=True)
    (tmp_path / 'out' / 'tracks' / 'old.mcap').write_text('old')
    (tmp_path / 'out' / 'mine.txt').write_text('mine')
    child = demo('--seconds', '1', '--fps', '10')
    assert child.wait(180) == 0, child.text
    assert number_of('images published', child.text) == 10
    assert not (tmp_path / 'out' / 'tracks' / 'old.mcap').exists()
    assert (tmp_path / 'out' / 'mine.txt').read_text() == 'mine'


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_leaves_no_process_and_readable_files(demo, tmp_path, number):
    output = tmp_path / 'out'
    child = demo('--fps', '4')
    # some tracks are recorded by then
    wait_for(lambda: (output / 'tracks').exists(), child)
    os.kill(child.process.pid, number)
    os.kill(child.process.pid, number)
    assert child.wait() == 130
    assert 'interrupted' in child.text
    assert 'Traceback' not in child.text
    assert survivors(output) == []
    with Reader(output / 'tracks') as reader:
        assert 1 <= reader.message_count < 40


def test_killed_it_leaves_no_process_and_a_readable_bag(demo, tmp_path):
    output = tmp_path / 'out'
    child = demo('--fps', '4')
    wait_for(lambda: (output / 'tracks').exists(), child)
    os.kill(child.process.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    deadline = time.monotonic() + 30
    while survivors(output):
        assert time.monotonic() < deadline, [
            Path(f'/proc/{pid}/cmdline').read_text() for pid in survivors(output)]
        time.sleep(0.1)
    with Reader(output / 'tracks') as reader:
        assert 1 <= reader.message_count < 40


def test_a_tracker_that_dies_is_shown_with_its_last_words(demo, tmp_path):
    child = demo(STUB_COMMAND='-c\nprint("boom"); raise SystemExit(3)')
    assert child.wait() == 1
    assert 'the tracker process ended with status 3' in child.text
    assert 'boom' in child.text
    assert survivors(tmp_path / 'out') == []


def test_a_tracker_that_cannot_configure_is_shown_with_the_reason(demo, tmp_path):
    stub = ROOT / 'test' / 'ros' / 'stub_tracker.py'
    child = demo(STUB_COMMAND=f'{stub}\n--ros-args\n-p\nbytetrack.track_hihg_thresh:=1.0')
    assert child.wait(120) == 1
    assert 'did you mean bytetrack.track_high_thresh' in child.text
    assert survivors(tmp_path / 'out') == []


@pytest.mark.parametrize('options, status, words', [
    (['--video', '/nowhere.avi'], 1, '/nowhere.avi'),
    (['--output', '/dev/null'], 1, '/dev/null'),
    (['--method', 'magic'], 2, 'bytetrack')])
def test_what_is_wrong_is_said_before_anything_is_started(demo, options, status, words):
    child = demo(*options)
    assert child.wait() == status
    assert words in child.text
    assert 'Traceback' not in child.text


def test_no_sample_video_is_explained(start, tmp_path):
    child = start(python(STUB_DEMO, '--output', str(tmp_path / 'out')),
                  XDG_CACHE_HOME=str(tmp_path))
    assert child.wait() == 1
    assert 'scripts/setup' in child.text
