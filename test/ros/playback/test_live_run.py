# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A bag through the node, as `mot_ros replay` does it: the tracks are those of the offline run."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest

pytest.importorskip('rclpy')

from ros_bench import picture, python, ROOT, survivors, wait_for
from stub_tracker import RectangleDetector
import yaml

from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.writer import BagWriter
from mot_ros.data.datasets.mot import MotWriter
from mot_ros.evaluation.runner import Run, TimedDetector
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.sequence import SequenceGuard

STUB = ROOT / 'test' / 'ros' / 'stub_replay.py'
COMMAND = ROOT / 'test' / 'ros' / 'stub_replay_command.py'
TOPIC = '/camera/image'
FRAMES = 40


@pytest.fixture
def bag(tmp_path):
    """Make a bag of two people who walk, one of them behind a wall for a while."""
    path = tmp_path / 'walk'
    generator = np.random.default_rng(3)
    stamp = 1_700_000_000_000_000_000
    with BagWriter(path, {TOPIC: 'sensor_msgs/msg/Image'}) as writer:
        for number in range(FRAMES):
            # the time between two images is never the same
            stamp += int(generator.integers(60_000_000, 140_000_000))
            boxes = [(10 + 2 * number, 20, 30 + 2 * number, 70)]
            if not 15 < number < 22:
                boxes.append((130 - 2 * number, 75, 145 - 2 * number, 110))
            writer.write_image(TOPIC, stamp, picture(*boxes), 'camera')
    return path


@pytest.fixture
def replay(start, tmp_path):
    """Run it to its end; returns the process and what it wrote to `tmp_path / 'out'`."""
    def begin(bag, *options, **environment):
        child = start(python(STUB, str(bag), str(tmp_path / 'out'), *options), **environment)
        assert child.wait(180) == 0, child.text
        return child, json.loads((tmp_path / 'out' / 'live.json').read_text())
    return begin


def offline(bag, path, method):
    """Track a bag without ROS; returns the text of the tracks."""
    settings = build(Settings, {'method': method})
    source = BagSource(bag)
    detector = TimedDetector(RectangleDetector(settings))
    with MotWriter(path) as writer:
        for step in Run(source, make_tracker(settings, detector), detector,
                        SequenceGuard(settings.sequence), source.index_of):
            writer.write(step.index + 1, step.tracks, step.frame.size)
    return path.read_text()


@pytest.mark.parametrize('method', ['bytetrack', 'sort'])
def test_with_nothing_dropped_the_tracks_are_those_of_the_offline_run(
        replay, bag, tmp_path, method):
    params = tmp_path / 'params.yaml'
    params.write_text(yaml.safe_dump({'/**': {'ros__parameters': {'method': method}}}))
    _, live = replay(bag, '--queue', 'all', '--rate', '0', '--params', str(params))
    expected = offline(bag, tmp_path / 'offline.txt', method)
    # ids, boxes and scores, to the last digit
    assert (tmp_path / 'out' / 'tracks.txt').read_text() == expected
    assert len(expected.splitlines()) > 50
    cost = live['cost']
    assert {cost[name] for name in ('images', 'sent', 'received', 'processed')} == {FRAMES}
    assert cost['dropped'] == cost['resets'] == cost['lag_ms'] == {}
    assert len(live['ages_ms']) == FRAMES
    assert min(live['ages_ms']) > 0
    assert set(cost['age_ms']) == {'p50', 'p95', 'p99'}


def test_what_a_slow_tracker_drops_is_counted(replay, bag, tmp_path):
    # 40 images in a second, and 10 can be tracked
    _, live = replay(bag, '--rate', '4', STUB_DELAY='0.1')
    cost = live['cost']
    assert cost['images'] == cost['sent'] == FRAMES
    assert 0 < cost['processed'] < FRAMES
    assert cost['received'] == cost['processed'] + sum(cost['dropped'].values()) <= FRAMES
    assert len(live['ages_ms']) == cost['processed']
    assert min(live['ages_ms']) > 100
    # the tracks stand at the images that they belong to, up to the last part of the bag
    frames = [int(line.split(',')[0])
              for line in (tmp_path / 'out' / 'tracks.txt').read_text().splitlines()]
    assert frames == sorted(frames)
    assert max(frames) > FRAMES // 2
    assert 'p99' in cost['lag_ms']


@pytest.mark.parametrize('options, words', [
    (['--topic', '/none'], 'has no topic /none'), (['--params', '/nowhere.yaml'], 'nowhere')])
def test_what_is_wrong_is_said_and_the_status_is_1(start, bag, tmp_path, options, words):
    child = start(python(STUB, str(bag), str(tmp_path / 'out'), *options))
    assert child.wait(120) == 1
    assert words in child.text


def test_a_tracker_that_cannot_configure_is_shown_with_the_reason(start, bag, tmp_path):
    params = tmp_path / 'params.yaml'
    params.write_text('/**: {ros__parameters: {bytetrack.track_hihg_thresh: 1.0}}')
    child = start(python(STUB, str(bag), str(tmp_path / 'out'), '--params', str(params)))
    assert child.wait(120) == 1
    assert 'did you mean bytetrack.track_high_thresh' in child.text


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_no_process(start, bag, tmp_path, number):
    output = tmp_path / 'report'
    child = start(python(COMMAND, str(bag), '-o', str(output), '--rate', '0.1'))
    log = output / 'live' / 'smiletrack' / 'logs' / 'replay.log'
    wait_for(log.exists, child)
    os.kill(child.process.pid, number)
    assert child.wait() == 130
    assert 'interrupted' in child.text
    assert 'Traceback' not in child.text
    assert survivors(output) == []
