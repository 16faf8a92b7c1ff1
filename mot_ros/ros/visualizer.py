# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""VisualizerNode: the camera image with boxes, ids and trails, while somebody looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, LabelInfo

from mot_ros.drawing import draw_tracks, Trails
from mot_ros.ros.conversion import ImageError, to_bgr, to_image, to_seconds, to_tracks
from mot_ros.ros.images import image_qos
from mot_ros.ros.pairs import key_of, Pairs
from mot_ros.ros.parameters import declare
from mot_ros.ros.process import run
from mot_ros.tracking.settings import Setting

LOOK_AROUND = 0.2
"""Seconds between two looks for subscribers."""


class VisualizerNode(Node):
    """
    Joins `image` and `tracks` by exact stamp and publishes `~/debug_image`.

    Reliable, as rviz asks for it. The inputs are subscribed to only while the output is; the
    class names come from `label_info`.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__('visualizer', **node_arguments)
        depth = declare(self, 'cache', Setting(
            30, 'images that may wait for their tracks', 'frames', minimum=1, maximum=10000))
        reliability = declare(self, 'reliability', Setting(
            'best_effort', 'reliability asked of the camera',
            choices=('best_effort', 'reliable')))
        trail = declare(self, 'trail', Setting(
            2.0, 'how long the way of a track is shown', 's', minimum=0.0, maximum=3600.0))
        self._image_qos = image_qos(reliability, 10)
        self._pairs: Pairs[Image, Detection2DArray] = Pairs(depth)
        self._trails = Trails(trail)
        self._class_names: list[str] = []
        self._inputs: list[Any] = []
        self._output = self.create_publisher(Image, '~/debug_image', 10)
        self.create_subscription(
            LabelInfo, 'label_info', self._on_label_info,
            QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(LOOK_AROUND, self._look_around, clock=self._steady_clock)

    def _look_around(self) -> None:
        """Subscribe to the inputs when somebody looks at the output, and the other way round."""
        watched = self._output.get_subscription_count() > 0
        if watched and not self._inputs:
            self._inputs = [
                self.create_subscription(Detection2DArray, 'tracks', self._on_tracks, 100),
                self.create_subscription(Image, 'image', self._on_image, self._image_qos)]
        elif not watched and self._inputs:
            for subscription in self._inputs:
                self.destroy_subscription(subscription)
            self._inputs = []
            self._pairs.clear()
            self._trails.clear()

    def _on_label_info(self, message: LabelInfo) -> None:
        names = {entry.class_id: entry.class_name for entry in message.class_map}
        self._class_names = [
            names.get(label, str(label)) for label in range(max(names, default=-1) + 1)]

    def _on_image(self, image: Image) -> None:
        tracks = self._pairs.left(key_of(image.header.stamp), image)
        if tracks is not None:
            self._draw(image, tracks)

    def _on_tracks(self, tracks: Detection2DArray) -> None:
        image = self._pairs.right(key_of(tracks.header.stamp), tracks)
        if image is not None:
            self._draw(image, tracks)

    def _draw(self, image: Image, tracks: Detection2DArray) -> None:
        try:
            picture = to_bgr(image).copy()
        except ImageError as error:
            # a second image with the stamp of one that was tracked
            self.get_logger().warning(str(error), throttle_duration_sec=5.0)
            return
        shown = to_tracks(tracks)
        self._trails.update(to_seconds(image.header.stamp), shown)
        draw_tracks(picture, shown, self._class_names, self._trails)
        self._output.publish(to_image(picture, image.header))


def main(args: Sequence[str] | None = None) -> int:
    """Run the visualizer node until a signal ends it."""
    return run(VisualizerNode, args=args)


if __name__ == '__main__':
    raise SystemExit(main())
