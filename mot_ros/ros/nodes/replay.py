# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Publish the messages of a bag as they were recorded, without `ros2 bag`."""

from __future__ import annotations

from collections.abc import Sequence
import contextlib
from pathlib import Path
import threading
import time
import traceback
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock as RosClock
from rclpy.clock import ClockType
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool
from vision_msgs.msg import Detection2DArray

from mot_ros.data.bags.batches import batches
from mot_ros.data.bags.qos import offers
from mot_ros.data.bags.reader import Bag, BagMessage, Topic
from mot_ros.data.video.read_ahead import read_ahead
from mot_ros.ros.package_share import use_fast_dds_profile
from mot_ros.ros.parameters import declare
from mot_ros.ros.playback.bag_publishers import BagPublishers
from mot_ros.ros.playback.clock import PlaybackClock
from mot_ros.ros.playback.statistics import PlaybackStats
from mot_ros.ros.spin import run
from mot_ros.tracking.config.schema import Setting
from mot_ros.tracking.errors import ConfigError, MotError
from mot_ros.tracking.sequence import NANOSECONDS

CLOCK = '/clock'
AHEAD = 8
"""Batches of messages, of some megabytes each, that are read ahead of time."""
POLL = 0.1
"""Longest delay in seconds until a pause or a stop takes effect."""
SETTLE = 1.0
"""Seconds that subscribers get to discover this publisher; nothing they miss is sent again."""
LINGER = 0.5
"""Seconds the last messages get to arrive before the process ends."""


class ReplayNode(Node):
    """
    Publishes the messages of a bag on their topics, at their times, and `/clock`.

    The bytes go out as they lie in the bag. A message that is late goes out at once and its
    lateness is counted; what follows is due at its own time all the same. At the end of the bag
    the node is `finished`. `~/pause` (std_srvs/SetBool) stops the time of the bag.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__('replay', **node_arguments)
        self.finished = False
        self.exit_code = 0
        path = declare(self, 'bag', Setting(
            '', 'the bag: its folder, or a .mcap, .db3 or .bag file'))
        names = declare(self, 'topics', Setting((), 'topics to play; empty: all'))
        self._rate = declare(self, 'rate', Setting(
            1.0, 'speed: 2 is twice as fast; 0: as fast as reliable subscribers acknowledge that '
            'messages came, which does not say that they were worked on',
            minimum=0.0, maximum=1000.0))
        self._loops = declare(self, 'loops', Setting(
            1, 'how often to play the bag; 0: until stopped', minimum=0))
        self._offset = declare(self, 'start_offset', Setting(
            0.0, 'leave out what was recorded before this time in the bag; latched messages are '
            'published all the same', 's', minimum=0.0))
        with_clock = declare(self, 'clock', Setting(
            True, 'publish the time in the bag on /clock; a /clock in the bag is left out'))
        self._clock_period = 1.0 / declare(self, 'clock_rate', Setting(
            100.0, 'how often, beside once with each message', 'Hz', minimum=1.0, maximum=1000.0))
        self._wanted = declare(self, 'wait_for_subscribers', Setting(
            '', 'topics, with commas between, that must have a subscriber before it starts'))
        self._timeout = declare(self, 'subscriber_timeout', Setting(
            60.0, 'how long to wait for them before giving up', 's', minimum=0.0))
        self._drain = declare(self, 'wait_for_tracks', Setting(
            0.0, 'at the end, wait until nothing came on the topic `tracks` for so long', 's',
            minimum=0.0))
        reliability = declare(self, 'reliability', Setting(
            'auto', "reliability offered on image topics; 'auto': as recorded, where the bag says",
            choices=('auto', 'reliable', 'best_effort')))
        self._report_file = declare(self, 'report', Setting(
            '', 'JSON file to write in the end: which images and boxes were sent when'))
        if not path:
            raise ConfigError('bag is not set: run with -p bag:=FOLDER')
        self._bag = Bag(path)
        offered = offers(path, self._bag.topics)
        self._latched = {name for name, offer in offered.items() if offer.latched}
        self._bag_publishers = BagPublishers(
            self, self._chosen(names, with_clock), offered, reliability)
        self._check_publishers()
        self._clock_publisher = self.create_publisher(Clock, CLOCK, 10) if with_clock else None
        self._playback_clock = PlaybackClock(self._rate)
        self._statistics = PlaybackStats(times=bool(self._report_file))
        self._published_time = 0
        self._last_tracks = 0.0
        self._stop = threading.Event()
        self.create_service(SetBool, '~/pause', self._on_pause)
        if self._drain:
            self.create_subscription(Detection2DArray, 'tracks', self._on_tracks, 10, raw=True)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._steady_clock = RosClock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0, self._report, clock=self._steady_clock)
        self._thread = threading.Thread(target=self._play, name='replay', daemon=True)
        self._thread.start()

    def destroy_node(self) -> None:
        """Stop publishing."""
        if hasattr(self, '_thread'):
            self._stop.set()
            self._thread.join(10.0)
        super().destroy_node()

    def _chosen(self, names: Sequence[str], with_clock: bool) -> list[Topic]:
        """Return the topics to play; raises ConfigError for one that the bag does not have."""
        known = {topic.name: topic for topic in self._bag.topics}
        differing = self._bag.differing
        for name in [*names, *self._waited_for()]:
            if name not in known:
                raise ConfigError(
                    f'{self._bag.path} has no topic {name}; its topics are: '
                    f'{", ".join(known) or "none"}')
        chosen = [known[name] for name in names or known
                  if not (name == CLOCK and with_clock)]
        for topic in chosen:
            if topic.type in differing:
                self.get_logger().warning(
                    f'{topic.name} is left out: the fields of {topic.type} are others in the bag '
                    'than they are today')
        return [topic for topic in chosen if topic.type not in differing]

    def _waited_for(self) -> list[str]:
        return [name.strip() for name in self._wanted.split(',') if name.strip()]

    def _check_publishers(self) -> None:
        for name in self._waited_for():
            if name not in self._bag_publishers.names:
                raise ConfigError(f'{name} is to be waited for, but is not played')
        if not self._bag_publishers.names:
            raise ConfigError(f'{self._bag.path} has no topic that can be played')

    def _play(self) -> None:
        begin = time.monotonic()
        try:
            if self._ready():
                begin = time.monotonic()
                loop = 0
                while self._play_once() and (loop := loop + 1) != self._loops:
                    continue
                self._finish()
        except MotError as error:
            self.exit_code = 1
            self.get_logger().error(str(error))
        except Exception:
            self.exit_code = 1
            self.get_logger().error(f'the replay failed:\n{traceback.format_exc()}')
        self.get_logger().info(
            f'{self._statistics.counts.total()} messages of {len(self._statistics.counts)} topics '
            f'published in {time.monotonic() - begin:.1f} s{self._lateness()}')
        self.finished = True

    def _ready(self) -> bool:
        """Wait for subscribers; return False if the node stops before they come."""
        deadline = time.monotonic() + self._timeout
        names = self._waited_for()
        while missing := [name for name in names if not self._bag_publishers.heard(name)]:
            if time.monotonic() > deadline:
                raise ConfigError(
                    f'nobody subscribed to {", ".join(missing)} within {self._timeout:g} s; '
                    'start the subscriber, remap its topic, or leave wait_for_subscribers empty')
            if self._stop.wait(0.05):
                return False
        return not self._stop.wait(SETTLE if names else 0.0)

    def _play_once(self) -> bool:
        """Play the bag to its end; return False if the node stops before."""
        first: int | None = None
        records = self._bag.records(self._bag_publishers.names)
        with contextlib.closing(read_ahead(batches(records), AHEAD)) as read:
            for batch in read:
                for record in batch:
                    if first is None:
                        first = record.received + round(self._offset * NANOSECONDS)
                        self._published_time = 0
                        self._playback_clock.start(first)
                    if record.received >= first:
                        if not self._wait_for(record.received):
                            return False
                        self._publish_time(record.received)
                        self._publish(record, -self._playback_clock.left(record.received))
                    elif record.topic in self._latched:
                        self._publish(record, 0.0)
        for sentence in self._bag.shortcomings:
            self.get_logger().warning(sentence)
        if first is None:
            raise ConfigError(
                f'{self._bag.path} has no messages of {", ".join(self._bag_publishers.names)}')
        return not self._stop.is_set()

    def _wait_for(self, received: int) -> bool:
        """Publish /clock until a message is due; return False if the node stops before."""
        tick = time.monotonic() + self._clock_period
        while (left := self._playback_clock.left(received)) > 0:
            wait = min(left, POLL)
            if self._clock_publisher is not None:
                wait = min(wait, max(0.0, tick - time.monotonic()))
            if self._stop.wait(wait):
                return False
            if time.monotonic() >= tick:
                tick += self._clock_period
                self._publish_time(min(self._playback_clock.position, received))
        return not self._stop.is_set()

    def _publish_time(self, now: int) -> None:
        # in a bag with several files or clocks a message may be older than the one before
        self._published_time = max(self._published_time, now)
        if self._clock_publisher is not None:
            message = Clock()
            message.clock.sec, message.clock.nanosec = divmod(self._published_time, NANOSECONDS)
            self._clock_publisher.publish(message)

    def _publish(self, record: BagMessage, late: float) -> None:
        self._statistics.add(record, late)
        self._bag_publishers.publish(record)
        if not self._rate:
            self._bag_publishers.keep_pace(record)

    def _finish(self) -> None:
        """Wait until the sent messages have arrived and, if wanted, their tracks have come."""
        self._bag_publishers.flush(10.0)
        self._stop.wait(LINGER)
        self._last_tracks = max(self._last_tracks, time.monotonic())
        while self._drain and not self._stop.is_set():
            left = self._last_tracks + self._drain - time.monotonic()
            if left <= 0:
                break
            self._stop.wait(left)
        if self._report_file:
            self._statistics.write(Path(self._report_file), self._lag_ms())

    def _lag_ms(self) -> dict[str, float]:
        # without a rate nothing is due at a time
        return self._statistics.lag_ms() if self._rate else {}

    def _lateness(self) -> str:
        lag = self._lag_ms()
        return (f', late by {lag["p50"]:.2f} ms (median), {lag["p99"]:.2f} ms (p99), '
                f'{lag["max"]:.2f} ms (worst)') if lag else ''

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._playback_clock.pause(request.data)
        response.success = True
        response.message = 'paused' if request.data else 'playing'
        return response

    def _on_tracks(self, serialized: bytes) -> None:
        self._last_tracks = time.monotonic()

    def _report(self) -> None:
        """Publish in the diagnostics how many messages were sent."""
        report = DiagnosticArray()
        report.header.stamp = self.get_clock().now().to_msg()
        values = {f'messages of {name}': str(count)
                  for name, count in self._statistics.counts.items()}
        values |= {f'late {name} [ms]': f'{value:.3f}' for name, value in self._lag_ms().items()}
        report.status = [DiagnosticStatus(
            level=DiagnosticStatus.OK, name=f'{self.get_fully_qualified_name()[1:]}: playing',
            message=f'{self._statistics.counts.total()} messages published',
            values=[KeyValue(key=key, value=value) for key, value in values.items()])]
        self._diagnostics.publish(report)


def main(args: Sequence[str] | None = None) -> int:
    """Run the replay node until the end of the bag or a signal ends it."""
    use_fast_dds_profile()
    return run(ReplayNode, args=args)


if __name__ == '__main__':
    raise SystemExit(main())
