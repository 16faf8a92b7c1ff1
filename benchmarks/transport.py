# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Camera images over DDS: how many arrive, and what the node itself adds to their latency.

A camera process publishes 720p images at 30 Hz, a tracker process with a stub detector (20 boxes,
no time) turns them into tracks. The latency within the node is from the receipt of an image to
the publication of its tracks; on the way is from the image's stamp to the receipt of its tracks in
a third process. Then services are called during inferences of half a second. Prints one table and
writes JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import contextlib
import functools
import multiprocessing
import os
from pathlib import Path
import sys
import tempfile
import time
from typing import Any

import _start  # noqa: F401 - finds mot_ros in a plain checkout
import cv2
import numpy as np
from rcl_interfaces.srv import GetParameters
import rclpy
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import SetBool, Trigger

from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import make_parser
from mot_ros.ros.child_processes import ChildError, ChildProcesses, module, ros_args
from mot_ros.ros.diagnostics.monitor import MonitorNode
from mot_ros.ros.domain import own_domain
from mot_ros.ros.nodes.tracker import start
from mot_ros.ros.package_share import profile_variable, share
from mot_ros.ros.spin import run
from mot_ros.tracking.config import Settings
from mot_ros.tracking.types import Detections, Frame

SIZE, RATE = (1280, 720), 30.0
OBJECTS = 20
TRACKER = 'tracker: tracking'
SLOW = 0.5
"""Seconds of an inference during which services are called."""
CALLS = 60
PLAIN = (
    '<dds xmlns="http://www.eprosima.com"><profiles><participant profile_name="plain" '
    'is_default_profile="true"><rtps/></participant></profiles></dds>')
"""A profile that changes nothing, so that the camera node does not set its own."""


class StubDetector:
    """Twenty boxes that walk, at once or after a while."""

    class_names = ('person',)

    def __init__(self, settings: Settings) -> None:
        self._delay = float(os.environ.get('STUB_DELAY', '0'))
        self._count = 0

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        time.sleep(self._delay)
        return [self._detect() for _ in frames]

    def _detect(self) -> Detections:
        self._count += 1
        corner = np.stack([
            np.arange(OBJECTS) * 60 + self._count % 40, np.arange(OBJECTS) * 30], axis=1)
        boxes = np.concatenate([corner, corner + np.array([40, 90])], axis=1).astype(np.float32)
        return Detections(
            boxes, np.full(OBJECTS, 0.9, np.float32), np.zeros(OBJECTS, np.int64))


class Measurement:
    """A monitor in this process and the processes of one row."""

    def __init__(self, children: ChildProcesses) -> None:
        self.children = children
        self.node = MonitorNode(cli_args=['--ros-args', '-r', 'tracks:=/tracker/tracks'])
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()

    def until(self, done: Any, timeout: float = 120.0) -> None:
        """Spin until `done`; raises ChildError after the timeout."""
        deadline = time.monotonic() + timeout
        while not done():
            self._executor.spin_once(timeout_sec=0.05)
            if time.monotonic() > deadline:
                raise self.children.failure('tracker', f'was not ready within {timeout:g} s')

    def start_tracker(self, **parameters: Any) -> None:
        self.children.start('tracker', [
            sys.executable, __file__, '--tracker', *ros_args(**parameters)])
        self.until(lambda: self.node.values(TRACKER).get('state') == 'active'
                   and self.node.count_publishers('/tracker/tracks'))

    def call(self, client: Any, request: Any) -> float:
        """Return the seconds until the answer."""
        begin = time.monotonic()
        future = client.call_async(request)
        while not future.done():
            self._executor.spin_once(timeout_sec=0.001)
        return time.monotonic() - begin


def measure_transport(
        folder: Path, video: Path, frames: int, profile: str, reliability: str) -> dict[str, Any]:
    """Return one row: frames that arrived, latencies."""
    environment = {profile_variable(): profile}
    with measuring(folder, environment) as measurement:
        measurement.start_tracker(reliability=reliability)
        measurement.children.start('camera', [*module('camera'), *ros_args(
            source=str(video), rate=RATE, frames=frames, reliability=reliability,
            wait_for_subscribers=1)])
        measurement.until(lambda: measurement.children.ended('camera'), frames / RATE + 120)
        end = time.monotonic()
        measurement.until(lambda: measurement.node.values(TRACKER, since=end + 1))
        values = measurement.node.values(TRACKER)
        arrived, processed = int(values['frames in']), int(values['frames out'])
        total = values.get('latency total p50/p95/p99 [ms]', '//').split('/')
        way = np.array(measurement.node.latencies or [np.nan]) * 1e3
        return {
            'arrived_percent': 100 * arrived / frames,
            'processed_percent': 100 * processed / frames,
            'node_p50_ms': float(total[0] or 'nan'), 'node_p99_ms': float(total[2] or 'nan'),
            'stamp_to_tracks_p50_ms': float(np.percentile(way, 50)),
            'stamp_to_tracks_p99_ms': float(np.percentile(way, 99))}


def measure_services(folder: Path, video: Path) -> dict[str, Any]:
    """Return how long services take to answer while the tracker is busy all the time."""
    with measuring(folder, {'STUB_DELAY': str(SLOW)}) as measurement:
        measurement.start_tracker()
        measurement.children.start('camera', [*module('camera'), *ros_args(
            source=str(video), rate=10.0, loop=True, wait_for_subscribers=1)])
        measurement.until(lambda: measurement.node.frames > 1)
        node = measurement.node
        result: dict[str, float] = {}
        for kind, name, request in (
                (GetParameters, 'get_parameters', GetParameters.Request(names=['method'])),
                (Trigger, 'reset', Trigger.Request()),
                (SetBool, 'enable', SetBool.Request(data=True))):
            client = node.create_client(kind, f'/tracker/{name}')
            measurement.until(client.service_is_ready)
            times = [measurement.call(client, request) * 1e3 for _ in range(CALLS)]
            result |= {f'{name}_p50_ms': float(np.percentile(times, 50)),
                       f'{name}_max_ms': max(times)}
        return result


@contextlib.contextmanager
def measuring(folder: Path, environment: dict[str, str]) -> Any:
    """Make a measurement in a domain of its own; the processes inherit the environment."""
    os.environ |= {'ROS_LOG_DIR': str(folder), 'STUB_DELAY': '0', **environment}
    with own_domain():
        rclpy.init(args=[])
        try:
            with ChildProcesses(folder) as children:
                measurement = Measurement(children)
                try:
                    yield measurement
                finally:
                    measurement.close()
        finally:
            rclpy.try_shutdown()


def make_video(path: Path, frames: int) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), RATE, SIZE)
    ground = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    for number in range(frames):
        image = ground.copy()
        cv2.circle(image, (number * 4 % SIZE[0], 360), 80, (40, 200, 240), -1)
        writer.write(image)
    writer.release()


def main() -> int:
    parser = make_parser(__doc__, 'transport.json')
    parser.add_argument('--frames', type=int, default=300, help='images per row')
    options = parser.parse_args()
    shipped = str(share('mot_ros', 'config/fastdds.xml'))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video, plain = folder / 'video.avi', folder / 'plain.xml'
        make_video(video, options.frames)
        plain.write_text(PLAIN)
        rows = {}
        for title, profile, reliability in (
                ('shipped profile, best effort', shipped, 'best_effort'),
                ('shipped profile, reliable', shipped, 'reliable'),
                ('Fast DDS as it comes, best effort', str(plain), 'best_effort'),
                ('Fast DDS as it comes, reliable', str(plain), 'reliable')):
            # one process per row: Fast DDS reads its profile once
            rows[title] = in_a_process(measure_transport, folder, video, options.frames, profile,
                                       reliability)
        services = in_a_process(measure_services, folder, video)
    print_table(rows, services)
    write_result(options.json, {
        'benchmark': 'transport', 'size': SIZE, 'rate': RATE, 'frames': options.frames,
        'objects': OBJECTS, 'rows': rows, 'services': {'inference_s': SLOW, **services}},
        rmw=os.environ.get('RMW_IMPLEMENTATION', 'default'))
    return 0


def in_a_process(function: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Run a measurement in a fresh process; fork after rclpy.init would deadlock."""
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(function, arguments)


def print_table(rows: dict[str, dict[str, Any]], services: dict[str, Any]) -> None:
    lines = [
        '| transport | arrived | node p50 / p99 ms | stamp to tracks p50 / p99 ms |',
        '|---|---|---|---|']
    lines += [
        f'| {title} | {row["arrived_percent"]:.1f} % '
        f'| {row["node_p50_ms"]:.2f} / {row["node_p99_ms"]:.2f} '
        f'| {row["stamp_to_tracks_p50_ms"]:.1f} / {row["stamp_to_tracks_p99_ms"]:.1f} |'
        for title, row in rows.items()]
    lines += ['', f'services during inferences of {SLOW:g} s, p50 / max ms: ' + ', '.join(
        f'{name} {services[f"{name}_p50_ms"]:.1f} / {services[f"{name}_max_ms"]:.1f}'
        for name in ('get_parameters', 'reset', 'enable'))]
    sys.stdout.write('\n'.join(lines) + '\n')


if __name__ == '__main__':
    if sys.argv[1:2] == ['--tracker']:
        raise SystemExit(run(functools.partial(start, make_detector=StubDetector)))
    try:
        raise SystemExit(main())
    except ChildError as error:
        sys.stderr.write(f'transport: {error}\n')
        raise SystemExit(1) from None
