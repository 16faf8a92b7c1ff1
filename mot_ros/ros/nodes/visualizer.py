# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Draw boxes, ids and trails on camera images, and publish markers, while subscribed to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
import time
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from vision_msgs.msg import Detection2DArray, LabelInfo
from visualization_msgs.msg import MarkerArray

from mot_ros.data.decode import compressed_to_bgr
from mot_ros.data.image_reading import ImageReading
from mot_ros.drawing import draw_tracks, Trails
from mot_ros.localisation.camera_model import CameraInfoError, CameraModel
from mot_ros.ros.conversion import (
    ImageError,
    to_bgr,
    to_compressed_image,
    to_image,
    to_seconds,
    to_tracks,
)
from mot_ros.ros.markers import to_markers
from mot_ros.ros.parameters import declare, use_launched_sim_time
from mot_ros.ros.pipeline.stamp_sync import key_of, StampSynchronizer
from mot_ros.ros.qos import image_qos
from mot_ros.ros.sibling_topic import find_sibling_topic
from mot_ros.ros.spin import run
from mot_ros.tracking.config.node import ENCODINGS
from mot_ros.tracking.config.schema import Setting

SUBSCRIBER_CHECK = 0.2
"""Seconds between two checks for subscribers."""
SILENCE = 5.0
"""Seconds without a camera_info after which the log says why there are no markers."""


class VisualizerNode(Node):
    """
    Joins `image` and `tracks` by exact stamp and publishes `~/debug_image`, as JPEG too.

    `~/markers` need `camera_info` instead of the image. Outputs are reliable, as rviz asks for
    it. An input is subscribed to only while an output is that needs it; the class names come
    from `label_info`.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__('visualizer', **node_arguments)
        use_launched_sim_time(self)
        depth = declare(self, 'cache', Setting(
            30, 'images that may wait for their tracks', 'frames', minimum=1, maximum=10000))
        reliability = declare(self, 'reliability', Setting(
            'best_effort', 'reliability asked of the camera',
            choices=('best_effort', 'reliable')))
        trail = declare(self, 'trail', Setting(
            2.0, 'how long the way of a track is shown', 's', minimum=0.0, maximum=3600.0))
        self._transport = declare(self, 'image_transport', Setting(
            'raw', "how images come: 'raw', or 'compressed' on the topic <image>/compressed",
            choices=('raw', 'compressed')))
        self._reading = ImageReading(declare(self, 'encoding', Setting(
            'auto', "what raw images are, where their messages do not say; 'auto': what they say",
            choices=ENCODINGS)), *(declare(self, f'range.{name}', Setting(
                0.0, f'value of an image of 16 or 32 bits that becomes {shade}',
                minimum=-1e9, maximum=1e9)) for name, shade in (
                    ('low', 'black'), ('high', 'white'))))
        self._quality = declare(self, 'jpeg_quality', Setting(
            80, 'quality of the compressed debug image', minimum=1, maximum=100))
        self._rectified = declare(self, 'rectified', Setting(
            False, 'images are rectified: markers are made with P of camera_info, not K and D'))
        self._lifetime = declare(self, 'marker_lifetime', Setting(
            1.0, 'markers vanish so long after the last tracks; 0: never', 's', minimum=0.0,
            maximum=3600.0))
        self._image_qos = image_qos(reliability, 10)
        self._pairs: StampSynchronizer[
            Image | CompressedImage, Detection2DArray] = StampSynchronizer(depth)
        self._trails = Trails(trail)
        self._class_names: list[str] = []
        self._left_out: Counter[str] = Counter()
        self._inputs: dict[str, Any] = {}
        self._camera_info: CameraInfo | None = None
        self._camera_info_topic = ''
        self._waiting_since: float | None = None
        self._image = self.create_publisher(Image, '~/debug_image', 10)
        self._compressed = self.create_publisher(
            CompressedImage, '~/debug_image/compressed', 10)
        self._markers = self.create_publisher(MarkerArray, '~/markers', 10)
        self.create_subscription(
            LabelInfo, find_sibling_topic(self, 'label_info', 'tracks'), self._on_label_info,
            QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(SUBSCRIBER_CHECK, self._update_subscriptions, clock=self._steady_clock)

    def _update_subscriptions(self) -> None:
        """Subscribe to an input while an output that needs it has subscribers."""
        drawn = _has_subscribers(self._image) or _has_subscribers(self._compressed)
        marked = _has_subscribers(self._markers)
        self._switch('tracks', drawn or marked, lambda: self.create_subscription(
            Detection2DArray, 'tracks', self._on_tracks, 100))
        self._switch('image', drawn, self._subscribe_to_image)
        if marked and self._camera_info is None:
            self._wait_for_camera_info()
        self._switch('camera_info', marked, lambda: self.create_subscription(
            CameraInfo, self._camera_info_topic, self._on_camera_info,
            image_qos('best_effort', 1)))
        if not marked:
            self._camera_info = self._waiting_since = None
        if not drawn:
            self._pairs.clear()
            self._trails.clear()

    def _switch(self, name: str, wanted: bool, subscribe: Callable[[], Any]) -> None:
        if wanted and name not in self._inputs:
            self._inputs[name] = subscribe()
        elif not wanted and name in self._inputs:
            self.destroy_subscription(self._inputs.pop(name))

    def _subscribe_to_image(self) -> Any:
        if self._transport == 'raw':
            return self.create_subscription(Image, 'image', self._on_image, self._image_qos)
        # remapping `image` alone would leave `image/compressed` where it is
        return self.create_subscription(
            CompressedImage, self.resolve_topic_name('image') + '/compressed', self._on_image,
            self._image_qos)

    def _wait_for_camera_info(self) -> None:
        """Follow camera_info to its present topic; warn once if none comes."""
        topic = find_sibling_topic(self, 'camera_info', 'image')
        if topic != self._camera_info_topic:
            self._switch('camera_info', False, lambda: None)
            self._camera_info_topic = topic
        if self._waiting_since is None:
            self._waiting_since = time.monotonic()
        elif time.monotonic() - self._waiting_since > SILENCE:
            self.get_logger().warning(
                f'no camera_info on {topic} for {SILENCE:g} s, so there are no markers: remap it '
                'with -r camera_info:=TOPIC or camera_info_topic:=TOPIC, calibrate the camera if '
                'it has none, or look at the debug image, which needs none', once=True)

    def _on_label_info(self, message: LabelInfo) -> None:
        names = {entry.class_id: entry.class_name for entry in message.class_map}
        self._class_names = [
            names.get(label, str(label)) for label in range(max(names, default=-1) + 1)]

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._camera_info = message

    def _on_image(self, image: Image | CompressedImage) -> None:
        tracks = self._pairs.left(key_of(image.header.stamp), image)
        if tracks is not None:
            self._draw(image, tracks)

    def _on_tracks(self, tracks: Detection2DArray) -> None:
        if self._camera_info is not None and _has_subscribers(self._markers):
            self._mark(tracks, self._camera_info)
        if 'image' in self._inputs:
            image = self._pairs.right(key_of(tracks.header.stamp), tracks)
            if image is not None:
                self._draw(image, tracks)

    def _mark(self, tracks: Detection2DArray, info: CameraInfo) -> None:
        try:
            camera = CameraModel.of(info, rectified=self._rectified)
        except CameraInfoError as error:
            self.get_logger().warning(f'no markers: {error}', throttle_duration_sec=30.0)
            return
        self._markers.publish(to_markers(tracks, camera, self._lifetime))

    def _draw(self, image: Image | CompressedImage, tracks: Detection2DArray) -> None:
        plain, packed = _has_subscribers(self._image), _has_subscribers(self._compressed)
        if not (plain or packed):
            return
        try:
            picture = (to_bgr(image, self._reading).copy() if isinstance(image, Image)
                       else compressed_to_bgr(image.data, image.format))
        except ImageError as error:
            # a second image with the stamp of one that was tracked
            self.get_logger().warning(str(error), throttle_duration_sec=5.0)
            return
        left_out: Counter[str] = Counter()
        shown = to_tracks(tracks, left_out)
        for reason, count in left_out.items():
            self._left_out[reason] += count
            self.get_logger().warning(
                f'{self._left_out[reason]} boxes left out so far: {reason}',
                throttle_duration_sec=5.0)
        self._trails.update(to_seconds(image.header.stamp), shown)
        draw_tracks(picture, shown, self._class_names, self._trails)
        if plain:
            self._image.publish(to_image(picture, image.header))
        if packed:
            self._compressed.publish(to_compressed_image(picture, image.header, self._quality))


def _has_subscribers(publisher: Any) -> bool:
    return bool(publisher.get_subscription_count() > 0)


def main(args: Sequence[str] | None = None) -> int:
    """Run the visualizer node until a signal ends it."""
    return run(VisualizerNode, args=args)


if __name__ == '__main__':
    raise SystemExit(main())
