# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Play a bag through the tracker node once; write its tracks and the cost of real time.

`mot_ros replay` runs this as a process, since the command itself does without ROS. It leaves in
its folder `tracks.txt`, whose frames are the images of the bag counted from 1, `live.json` and
the logs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
import dataclasses
import json
import math
import os
from pathlib import Path
import sys
import time
from typing import Any

from vision_msgs.msg import Detection2DArray

from mot_ros import signals
from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.types import COMPRESSED_IMAGE
from mot_ros.data.datasets.mot import MotWriter
from mot_ros.data.image_reading import ImageReading
from mot_ros.evaluation.live import LiveCost, percentiles
from mot_ros.ros.child_processes import ChildProcesses, module, ros_args
from mot_ros.ros.conversion import to_nanoseconds, to_tracks
from mot_ros.ros.diagnostics.monitor import monitoring, MonitorNode
from mot_ros.ros.domain import own_domain
from mot_ros.tracking.errors import ConfigError, MotError
from mot_ros.tracking.runtime.output_file import write_text

TRACKER = 'tracker: tracking'
START_TIMEOUT = 180.0
"""Seconds for the tracker to get ready: loading torch takes long on a machine that is busy."""
STALL_TIMEOUT = 60.0
"""Seconds without any progress after which the run is given up."""
TRANSPORT = '/compressed'
"""What image_transport puts behind the topic of the images."""
INTERRUPTED = 130


class ArrivalsNode(MonitorNode):
    """Keeps all tracks, with the nanoseconds of the monotonic clock at which they came."""

    def __init__(self, **node_arguments: Any) -> None:
        self.arrivals: list[tuple[int, Detection2DArray]] = []
        super().__init__(**node_arguments)

    def _on_tracks(self, message: Detection2DArray) -> None:
        self.arrivals.append((time.monotonic_ns(), message))


def main(args: Sequence[str] | None = None, tracker: Sequence[str] = ()) -> int:
    """
    Play the bag through the node; returns the exit code.

    `tracker` is the command of the tracker process where it is not the package's own.
    """
    options = _options(args)
    signals.interrupt()
    try:
        _run(options, tracker or module('tracker'))
        return 0
    except MotError as error:
        sys.stderr.write(f'{error}\n')
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _options(args: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='replay_live', description='Play a bag through the tracker node once.')
    parser.add_argument('bag', type=Path, help='the bag')
    parser.add_argument('output', type=Path, help='folder to write to')
    parser.add_argument('--topic', help='topic of the images')
    parser.add_argument('--detections', help='topic of boxes, to be tracked without a detector')
    parser.add_argument('--rate', type=float, default=1.0, help='speed (1); 0: no waiting')
    parser.add_argument('--queue', choices=('latest', 'all'), default='latest')
    parser.add_argument('--params', type=Path, help='parameter file of the tracker')
    parser.add_argument('--encoding', default='auto', help='what raw images are')
    parser.add_argument(
        '--range', type=float, nargs=2, default=(0.0, 0.0), help='values that get black and white')
    return parser.parse_args(args)


def _run(options: argparse.Namespace, tracker: Sequence[str]) -> None:
    source = BagSource(
        options.bag, options.topic, reading=ImageReading(options.encoding, *options.range))
    output: Path = options.output.resolve()
    (output / 'logs').mkdir(parents=True, exist_ok=True)
    os.environ['ROS_LOG_DIR'] = str(output / 'logs' / 'ros')
    with own_domain(), monitoring(ArrivalsNode) as (monitor, spin), \
            ChildProcesses(output / 'logs') as children:
        try:
            _play(options, source, output, tracker, monitor, spin, children)
        finally:
            # a second Ctrl-C must not leave processes behind
            signals.ignore()
        values = monitor.values(TRACKER)
    _write(options, source, output, monitor.arrivals, values)


def _play(
        options: argparse.Namespace, source: BagSource, output: Path, tracker: Sequence[str],
        monitor: ArrivalsNode, spin: Callable[[], None], children: ChildProcesses) -> None:
    """Start tracker and replay, wait until all that was received is tracked, stop them."""
    whole = options.queue == 'all'
    images, awaited = source.topic, options.detections or source.topic
    command = [*tracker, '--ros-args']
    if options.params is not None:
        command += ['--params-file', str(options.params)]
    kind = next(topic.type for topic in source.bag.topics if topic.name == images)
    if source.holds_video:
        raise ConfigError(
            f'{images} holds compressed video ({kind}), which is not played; make images of it '
            f'with "mot_ros convert {options.bag} NEW --to bag --compressed" and replay those')
    if kind == COMPRESSED_IMAGE:
        if not images.endswith(TRANSPORT):
            raise ConfigError(
                f'{images} holds compressed images; the tracker finds them only on a topic that '
                f'ends in {TRANSPORT}')
        images = images.removesuffix(TRANSPORT)
        command += ['-p', 'image_transport:=compressed']
    # enough for every image to wait: none is to be dropped
    depth = (source.length or 100_000) if whole else None
    if options.detections is not None:
        # tracks are cut to the image, which the tracker need not see
        command += ros_args(f'detections:={options.detections}', **{
            'external.width': source.size[0], 'external.height': source.size[1]})
    children.start('tracker', [*command, *ros_args(
        f'image:={images}', queue=options.queue, queue_depth=depth, use_sim_time=True,
        autostart=True)])

    def ready() -> bool:
        children.check('tracker')
        if monitor.problem(TRACKER):
            raise children.failure('tracker', monitor.problem(TRACKER))
        return (monitor.values(TRACKER).get('state') == 'active'
                and bool(monitor.count_publishers('/tracker/tracks')))

    children.until(ready, spin, START_TIMEOUT, 'the tracker did not get ready')
    children.start('replay', [*module('replay'), *ros_args(
        bag=str(options.bag), rate=options.rate,
        topics=list(dict.fromkeys([source.topic, awaited])),
        wait_for_subscribers=awaited, reliability='reliable' if whole else 'auto',
        report=str(output / 'sent.json'))])

    def played() -> bool:
        children.check('tracker')
        return children.ended('replay')

    children.until(played, spin, math.inf, '')
    children.until(
        _drained(monitor), spin, STALL_TIMEOUT, 'tracks are still missing',
        lambda: (len(monitor.arrivals), monitor.values(TRACKER).get('frames dropped')))
    children.stop('tracker')


def _drained(monitor: ArrivalsNode) -> Callable[[], bool]:
    """Return a function: whether all received images are tracked and all tracks came."""
    start = time.monotonic()

    def drained() -> bool:
        tracker = monitor.values(TRACKER, since=start)
        if not tracker:
            return False
        out = int(tracker['frames out'])
        return (int(tracker['frames in']) == out + int(tracker['frames dropped'])
                and len(monitor.arrivals) >= out)

    return drained


def _write(
        options: argparse.Namespace, source: BagSource, output: Path,
        arrivals: Sequence[tuple[int, Detection2DArray]], values: dict[str, str]) -> None:
    """Write the tracks by the image that they belong to, and the cost."""
    report = json.loads((output / 'sent.json').read_text(encoding='utf-8'))
    sent = report['sent'].get(options.detections or source.topic, {'stamps': [], 'sent': []})
    # of two with one stamp the tracker drops the second
    sent_at = dict(zip(reversed(sent['stamps']), reversed(sent['sent']), strict=True))
    stamps = source.stamps()
    number_of = {stamp: number for number, stamp in reversed(list(enumerate(stamps, 1)))}
    ages, numbers = [], set()
    with MotWriter(output / 'tracks.txt') as writer:
        for received, message in arrivals:
            stamp = to_nanoseconds(message.header.stamp)
            if stamp in number_of and stamp in sent_at:
                numbers.add(number_of[stamp])
                ages.append((received - sent_at[stamp]) / 1e6)
                writer.write(number_of[stamp], to_tracks(message), source.size)
    cost = LiveCost(
        rate=options.rate, queue=options.queue,
        images=len(stamps), sent=len(sent['sent']),
        received=int(values['frames in']), processed=len(numbers),
        dropped=_counts(values, 'dropped: '), resets=_counts(values, 'resets: '),
        age_ms=percentiles(ages), lag_ms=report['lag_ms'])
    write_text(output / 'live.json', json.dumps(
        {'cost': dataclasses.asdict(cost), 'ages_ms': ages}, indent=1))


def _counts(values: dict[str, str], prefix: str) -> dict[str, int]:
    return {key.removeprefix(prefix): int(count) for key, count in values.items()
            if key.startswith(prefix)}


if __name__ == '__main__':
    raise SystemExit(main())
