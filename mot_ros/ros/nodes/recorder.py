# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Record tracks to a bag and a text file, debug images to a video and a contact sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
import contextlib
from pathlib import Path
import time
import traceback
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from mot_ros.contact_sheet import ContactSheet
from mot_ros.data.bags.types import DETECTIONS
from mot_ros.data.bags.writer import BagWriter, STORAGES
from mot_ros.data.datasets.mot import MotWriter
from mot_ros.data.output import VideoWriter, write_image
from mot_ros.ros.conversion import ImageError, to_bgr, to_seconds, to_tracks
from mot_ros.ros.parameters import declare
from mot_ros.ros.spin import run
from mot_ros.tracking.config.schema import Setting
from mot_ros.tracking.errors import ConfigError, OutputError, SourceError
from mot_ros.tracking.runtime.output_file import locked_folder

UNLIMITED = (2**24, 2**24)
"""Size of image that published boxes are cut to: they were cut to the real one already."""


FLUSH_PERIOD = 0.5
"""Seconds between two times at which the files reach the disk."""
DRAIN_TIME = 3.0
"""Seconds for what waits when the recorder is stopped; launch escalates after 5."""


class RecorderNode(Node):
    """
    Records `tracks` and, where wanted, `debug_image` into the folder `output`.

    Leaves the bag `tracks/` and `tracks.txt`, in which frames are numbered from 1 in the order
    in which their tracks came, the tracker's order of stamps; and `annotated.mp4` and
    `contact_sheet.png`. It ends with a signal, or `idle_timeout` seconds after the last tracks;
    messages that wait then are recorded first. Files have their names from the start and reach
    the disk every FLUSH_PERIOD seconds: a kill loses no more than that, and the contact sheet.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__('recorder', **node_arguments)
        self.finished = False
        self.exit_code = 0
        self.frames = 0
        self.images = 0
        self._left_out: Counter[str] = Counter()
        output = Path(declare(self, 'output', Setting('', 'folder to write to, made if needed')))
        with_images = declare(self, 'video', Setting(
            False, 'write the debug images to a video and a contact sheet'))
        rate = declare(self, 'video_rate', Setting(
            10.0, 'frame rate of the video', 'Hz', minimum=0.1, maximum=1000.0))
        self._idle_timeout = declare(self, 'idle_timeout', Setting(
            0.0, 'end when no tracks came for so long after the first; 0: never', 's',
            minimum=0.0))
        storage = declare(self, 'storage', Setting(
            'mcap', 'storage of the bag; Humble opens sqlite3 with nothing to install, mcap with '
            'rosbag2_storage_mcap', choices=STORAGES))
        if output == Path():
            raise ConfigError('output is not set: run with -p output:=FOLDER')
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SourceError(f'{output} cannot be made ({error.strerror})') from error
        self._lock = contextlib.ExitStack()
        self._lock.enter_context(locked_folder(output))
        self._last = time.monotonic()
        self._topic = self.resolve_topic_name('tracks')
        self._bag = BagWriter(output / 'tracks', {self._topic: DETECTIONS}, storage)
        self._text = MotWriter(output / 'tracks.txt', in_place=True)
        self._sheet_path = output / 'contact_sheet.png'
        self._video = (VideoWriter(output / 'annotated.mp4', rate, in_place=True)
                       if with_images else None)
        self._sheet = ContactSheet()
        self._first_stamp: float | None = None
        self._inputs = [(self.create_subscription(
            Detection2DArray, 'tracks', self._guarded(self._on_tracks), 1000, raw=True),
            self._guarded(self._on_tracks))]
        if self._video is not None:
            self._inputs.append((self.create_subscription(
                Image, 'debug_image', self._guarded(self._on_image), 100),
                self._guarded(self._on_image)))
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(FLUSH_PERIOD, self._report, clock=self._steady_clock)

    def begin_to_end(self) -> None:
        """Record the messages that wait, for DRAIN_TIME at most; report the others as lost."""
        until, lost = time.monotonic() + DRAIN_TIME, 0
        for subscription, record in self._inputs:
            while (message := _take(subscription)) is not None:
                if self.exit_code or time.monotonic() > until:
                    lost += 1
                else:
                    record(message)
        if lost:
            self.get_logger().error(
                f'{lost} messages that had come were not recorded: there was no time or room')

    def destroy_node(self) -> None:
        """Complete the files."""
        if hasattr(self, '_text'):
            for finish in (self._bag.close, self._finish_text, self._finish_images):
                # what fails of one does not spoil the others
                self._guarded(finish)()
            self.get_logger().info(f'{self.frames} frames and {self.images} images recorded')
            self._lock.close()
        super().destroy_node()

    def _finish_text(self) -> None:
        self._text.close(keep=bool(self.frames))

    def _finish_images(self) -> None:
        if self._video is not None:
            self._video.close()
            if self.images:
                write_image(self._sheet_path, self._sheet.render())

    def _guarded(self, write: Callable[..., None]) -> Callable[..., None]:
        """End the recording if it cannot be written, as on a full disk."""
        def callback(*message: Any) -> None:
            try:
                write(*message)
            except OutputError as error:
                self.exit_code = 1
                self.finished = True
                self.get_logger().error(f'recording failed: {error}')
            except Exception:
                self.exit_code = 1
                self.finished = True
                self.get_logger().error(f'recording failed:\n{traceback.format_exc()}')
        return callback

    def _on_tracks(self, serialized: bytes) -> None:
        self._bag.write(self._topic, self.get_clock().now().nanoseconds, serialized)
        self.frames += 1
        self._last = time.monotonic()
        try:
            message = deserialize_message(serialized, Detection2DArray)
        except Exception as error:
            self._left_out['a message that cannot be read'] += 1
            self.get_logger().warning(
                f'frame {self.frames} is not in the text: its message cannot be read: {error}',
                throttle_duration_sec=5.0)
            return
        self._text.write(self.frames, to_tracks(message, self._left_out), UNLIMITED)

    def _on_image(self, message: Image) -> None:
        try:
            picture = to_bgr(message)
        except ImageError as error:
            self.get_logger().warning(f'debug image left out: {error}', throttle_duration_sec=5.0)
            return
        if self._video is not None:
            self._video.write(picture)
        self.images += 1
        stamp = to_seconds(message.header.stamp)
        if self._first_stamp is None:
            self._first_stamp = stamp
        self._sheet.add(picture, f'{stamp - self._first_stamp:.1f} s')

    def _flush(self) -> None:
        self._bag.flush()
        self._text.flush()

    def _report(self) -> None:
        """Flush the files, publish the counts, and end after the last tracks."""
        self._guarded(self._flush)()
        idle = time.monotonic() - self._last
        if self._idle_timeout and self.frames and idle > self._idle_timeout:
            self.finished = True
        report = DiagnosticArray()
        report.header.stamp = self.get_clock().now().to_msg()
        report.status = [DiagnosticStatus(
            level=DiagnosticStatus.OK, name=f'{self.get_fully_qualified_name()[1:]}: recording',
            message=f'{self.frames} frames recorded',
            values=[KeyValue(key='frames recorded', value=str(self.frames)),
                    KeyValue(key='images recorded', value=str(self.images)),
                    *(KeyValue(key=f'boxes left out: {reason}', value=str(count))
                      for reason, count in self._left_out.items())])]
        self._diagnostics.publish(report)


def _take(subscription: Any) -> Any:
    """Take a waiting message from a subscription; None if there is none."""
    with subscription.handle:
        taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
    return None if taken is None else taken[0]


def main(args: Sequence[str] | None = None) -> int:
    """Run the recorder node until a signal or the end of the tracks ends it."""
    return run(RecorderNode, args=args)


if __name__ == '__main__':
    raise SystemExit(main())
