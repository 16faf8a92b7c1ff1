# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The two pipelines of the tracker node: frames per second, and how old their tracks are.

A video is made into JPEGs of 1280 x 720, which a worker of the node decodes and tracks, without
DDS. `all` gives it every frame at once: frames per second. `latest` sends them as a camera does,
and the newest wins: frames per second, and the time from the arrival of a frame to its tracks.
`elsewhere` stands for a detector on a GPU: it keeps the frame for a while and the processor free.
Both pipelines take turns, and figures are medians of the rounds. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import itertools
from pathlib import Path
import statistics
import sys
import time
from typing import Any

import _start  # noqa: F401 - finds mot_ros in a plain checkout
import cv2
import numpy as np
from rclpy.logging import get_logger
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import add_pets, finish, make_parser, require
from mot_ros.data.video.frames import open_source
from mot_ros.ros.conversion import to_stamp
from mot_ros.ros.diagnostics.counters import Health
from mot_ros.ros.pipeline.admission import ReceivedFrame
from mot_ros.ros.pipeline.engine import Engine
from mot_ros.ros.pipeline.frame_messages import CompressedImageMessage, FrameMessage
from mot_ros.ros.pipeline.frame_queue import FrameQueue
from mot_ros.ros.pipeline.loading import load_detector, load_tracker
from mot_ros.ros.pipeline.worker import Worker
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.errors import MotError
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.types import Detections, Frame, Tracks

SIZE = (1280, 720)
PIPELINES = ('latency', 'throughput')
PATIENCE = 600.0
"""Seconds after which a run hangs."""


class Elsewhere:
    """A detector that takes its time, but none of the processor's."""

    class_names = ('person',)

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        time.sleep(self._seconds)
        return [Detections.empty() for _ in frames]


class Line:
    """A worker, and what it published when."""

    def __init__(self, detector: Detector, settings: NodeSettings) -> None:
        self.published: list[tuple[float, int]] = []
        self.arrived: list[float] = []
        self.health = Health()
        engine = Engine(settings, lambda _: detector, load_tracker)
        self._worker = Worker(engine, self._publish, self.health, get_logger('pipeline'))

    def _publish(
            self, content: FrameMessage, frame: Frame, tracks: Tracks,
            settings: NodeSettings) -> float | None:
        self.published.append((time.monotonic(), content.header.stamp.sec))
        return None

    def run(self, jpegs: Sequence[bytes], rate: float) -> tuple[float, float, float]:
        """
        Track images that come at `rate` Hz, the newest first; all of them at once if that is 0.

        Returns frames per second, and the median and the 95th percentile of the age of tracks.
        """
        frame_queue: FrameQueue[ReceivedFrame] = FrameQueue(1 if rate else len(jpegs))
        self._worker.start(frame_queue)
        begin = time.monotonic()
        for number, jpeg in enumerate(jpegs):
            if rate:
                time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            message = CompressedImage(header=Header(stamp=to_stamp(1.0 + number)), format='jpeg')
            message.data = jpeg
            self.arrived.append(time.monotonic())
            self.health.drop('overwritten', frame_queue.put(ReceivedFrame(
                CompressedImageMessage(message), 0, self.arrived[-1])))
        while self.health.published + self.health.dropped.total() < len(jpegs):
            time.sleep(0.001)
            if time.monotonic() > begin + PATIENCE:
                raise MotError(f'not done after {PATIENCE:g} s: {dict(self.health.dropped)}')
        self._worker.stop(PATIENCE)
        seconds = self.published[-1][0] - begin
        ages = [at - self.arrived[second - 1] for at, second in self.published]
        return (len(self.published) / seconds, *np.percentile(ages, (50, 95)).tolist())


def jpegs_of(video: Path, count: int) -> list[bytes]:
    """Return the first images of a video, larger."""
    found = []
    for frame in itertools.islice(open_source(video), count):
        image = cv2.resize(np.asarray(frame.image), SIZE, interpolation=cv2.INTER_LINEAR)
        found.append(cv2.imencode('.jpg', image)[1].tobytes())
    return found


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure every detector in both queues and both pipelines."""
    jpegs = jpegs_of(args.video, args.frames)
    settings = {name: build(NodeSettings, {
        'method': 'bytetrack', 'preset': args.preset, 'device': args.device, 'pipeline': name,
        # stamps are a second apart
        'sequence.max_gap': 1e6}) for name in PIPELINES}
    real = load_detector(settings['latency'])
    detectors: dict[str, Detector] = {
        f'ssd {args.preset}': real, f'elsewhere {args.elsewhere:g} ms': Elsewhere(
            args.elsewhere / 1e3)}
    rows = []
    for (name, detector), (queue, rate) in itertools.product(
            detectors.items(), (('all', 0.0), ('latest', args.rate))):
        Line(detector, settings['latency']).run(jpegs[:10], 0.0)
        runs: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in PIPELINES}
        for _, kind in itertools.product(range(args.rounds), PIPELINES):
            runs[kind].append(Line(detector, settings[kind]).run(jpegs, rate))
        for kind in PIPELINES:
            rate_of, age, late = (statistics.median(column)
                                  for column in zip(*runs[kind], strict=True))
            rows.append({
                'detector': name, 'queue': queue, 'pipeline': kind, 'frames/s': rate_of,
                # that of a frame in a long queue says nothing
                'age ms median': age * 1e3 if rate else None,
                'age ms p95': late * 1e3 if rate else None})
    return rows


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, 'pipeline.json')
    add_pets(parser, truth=False)
    parser.add_argument('--frames', type=int, default=100, help='images per run (100)')
    parser.add_argument('--rounds', type=int, default=3, help='runs of each row (3)')
    parser.add_argument('--rate', type=float, default=30.0, help='Hz of the camera (30)')
    parser.add_argument('--preset', default='fast', help='of the detector (fast)')
    parser.add_argument('--device', default='auto', help='of the detector (auto)')
    parser.add_argument(
        '--elsewhere', type=float, default=10.0, help='ms of the detector elsewhere (10)')
    args = parser.parse_args(argv)
    require(parser, args, 1, 'frames', 'rounds', 'rate')
    require(parser, args, 0, 'elsewhere')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    args = parse(argv)

    def work() -> None:
        rows = run(args)
        sys.stdout.write(table_of_rows(rows, 1))
        write_result(args.json, {
            'benchmark': 'pipeline', 'rows': rows, 'size': SIZE, 'camera_hz': args.rate,
            'frames': args.frames, 'rounds': args.rounds})

    return finish('pipeline.py', work)


if __name__ == '__main__':
    sys.exit(main())
