# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""CameraNode: a video, a folder of images, a camera or a stream, published as images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import threading
import time
import traceback
from typing import Any

import numpy as np
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from mot_ros.data.video.frames import open_source
from mot_ros.ros.conversion import to_image, to_stamp
from mot_ros.ros.package_share import use_fast_dds_profile
from mot_ros.ros.parameters import declare
from mot_ros.ros.qos import image_qos
from mot_ros.ros.spin import run
from mot_ros.tracking.config.schema import Setting
from mot_ros.tracking.errors import ConfigError, MotError
from mot_ros.tracking.types import Frame

VIDEO_EPOCH = 1.0
"""Stamp of a video's first frame, in seconds, with stamp 'video': a stamp of 0 would mean none."""
SETTLE = 1.0
"""Seconds that subscribers get to discover this publisher; nothing they miss is sent again."""
LINGER = 0.5
"""Seconds the last images get to arrive before the process ends."""


class CameraNode(Node):
    """
    Publishes `image` at a steady rate, in a thread of its own, and is `finished` at the end.

    Frames are due at fixed times from the first one on; one that is late goes out at once.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__('camera', **node_arguments)
        self.finished = False
        self.exit_code = 0
        self.published = 0
        source = declare(self, 'source', Setting(
            '', 'video file, folder or pattern of images, camera (/dev/video0) or stream (URL)'))
        rate = declare(self, 'rate', Setting(
            0.0, 'frames per second; 0: what the source says', 'Hz', minimum=0.0))
        frames = declare(self, 'frames', Setting(
            0, 'how many frames of the source to use; 0: all', minimum=0))
        self._loop = declare(self, 'loop', Setting(False, 'begin again at the end'))
        self._frame_id = declare(self, 'frame_id', Setting('camera', 'frame_id of the images'))
        self._start_delay = declare(self, 'start_delay', Setting(
            0.0, 'wait before the first image', 's', minimum=0.0))
        self._wanted = declare(self, 'wait_for_subscribers', Setting(
            0, 'subscribers to wait for before the first image', minimum=0))
        self._timeout = declare(self, 'subscriber_timeout', Setting(
            60.0, 'how long to wait for them before giving up', 's', minimum=0.0))
        self._stamp = declare(self, 'stamp', Setting(
            'now', "'now': the clock's time; 'video': the place in the video, again in each loop",
            choices=('now', 'video')))
        reliability = declare(self, 'reliability', Setting(
            'reliable', 'reliability offered to subscribers', choices=('reliable', 'best_effort')))
        if not source:
            raise ConfigError('source is not set: run with -p source:=VIDEO, a folder or a camera')
        self._source = open_source(source, rate or None, frames=frames or None)
        self._publisher = self.create_publisher(Image, 'image', image_qos(reliability, 10))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play, name='camera', daemon=True)
        self._thread.start()

    def destroy_node(self) -> None:
        """Stop publishing."""
        if hasattr(self, '_thread'):
            self._stop.set()
            self._thread.join(10.0)
        super().destroy_node()

    def _play(self) -> None:
        try:
            if self._ready():
                self._publish_all()
                # images still on their way would be lost with the process
                for _ in range(100):
                    if self._publisher.wait_for_all_acked(Duration(seconds=0.1)) or (
                            self._stop.is_set()):
                        break
                self._stop.wait(LINGER)
        except MotError as error:
            self.exit_code = 1
            self.get_logger().error(str(error))
        except Exception:
            self.exit_code = 1
            self.get_logger().error(f'the camera failed:\n{traceback.format_exc()}')
        self.get_logger().info(f'{self.published} images published')
        self.finished = True

    def _ready(self) -> bool:
        """Wait for subscribers and the delay; False if the node is to stop before."""
        deadline = time.monotonic() + self._timeout
        while self._publisher.get_subscription_count() < self._wanted:
            if time.monotonic() > deadline:
                raise ConfigError(
                    f'{self._publisher.get_subscription_count()} of {self._wanted} subscribers '
                    f'to {self.resolve_topic_name("image")} came within {self._timeout:g} s')
            if self._stop.wait(0.05):
                return False
        return not self._stop.wait(self._start_delay + (SETTLE if self._wanted else 0.0))

    def _publish_all(self) -> None:
        # not the ROS clock, which may stand still
        begin = time.monotonic()
        for after, frame in self._frames():
            due = begin + after
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            stamp = (self.get_clock().now().to_msg() if self._stamp == 'now'
                     else to_stamp(VIDEO_EPOCH + frame.stamp))
            self._publisher.publish(to_image(
                np.asarray(frame.image), Header(stamp=stamp, frame_id=self._frame_id)))
            self.published += 1

    def _frames(self) -> Iterator[tuple[float, Frame]]:
        """Yield frames with the seconds after the first one at which each is due."""
        begin = 0.0
        while True:
            due, first = begin, None
            for frame in self._source:
                first = frame.stamp if first is None else first
                due = begin + frame.stamp - first
                yield due, frame
            begin = due + 1 / self._source.fps
            for sentence in self._source.shortcomings:
                self.get_logger().warning(sentence)
            if not self._loop:
                return


def main(args: Sequence[str] | None = None) -> int:
    """Run the camera node until the video or a signal ends it."""
    use_fast_dds_profile()
    return run(CameraNode, args=args)


if __name__ == '__main__':
    raise SystemExit(main())
