# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Subscribe to images, to detections of another node, or to both joined by stamp."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from mot_ros.data.image_reading import ImageReading
from mot_ros.ros.diagnostics.counters import Health
from mot_ros.ros.diagnostics.silent_topic import (
    BOXES_TYPE,
    COMPRESSED_TYPE,
    IMAGE_TYPE,
    TopicRequest,
)
from mot_ros.ros.pipeline.external_detections import ClassIds
from mot_ros.ros.pipeline.frame_messages import (
    CompressedImageMessage,
    DetectionsMessage,
    FrameMessage,
    ImageMessage,
)
from mot_ros.ros.pipeline.stamp_sync import key_of, StampSynchronizer
from mot_ros.ros.qos import image_qos, Incidents, input_qos, subscribe
from mot_ros.ros.sibling_topic import find_sibling_topic
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.types import UNKNOWN_SIZE

PAIR_DEPTH = 100
"""Most images, and most detections, that wait for each other."""
NO_STAMP = (0, 0)
UNSTAMPED = (
    'detections have no stamp (0), so their image cannot be found: let the detector copy the '
    'stamp of the image')
UNPAIRED = (
    'no image with the stamp of detections came within external.wait: they are dropped. The '
    'detector must copy the stamp of the image; where it is slow, raise external.wait')


@dataclass(frozen=True)
class Sink:
    """Callbacks and state of the node that an input needs."""

    take: Callable[[FrameMessage], None]
    """Takes each frame."""
    settings: Callable[[], NodeSettings]
    """Returns the settings as they are by now; some may change."""
    incidents: Incidents
    health: Health
    class_ids: ClassIds


class ImageInput:
    """Subscribes to `image`, raw or compressed."""

    def __init__(
            self, node: LifecycleNode, sink: Sink,
            take: Callable[[FrameMessage], None] | None = None) -> None:
        self._node = node
        take = take or sink.take
        settings = sink.settings()
        topic, qos = node.resolve_topic_name('image'), input_qos(sink.settings())
        if settings.image_transport == 'raw':
            self.wanted = TopicRequest('image', topic, IMAGE_TYPE, qos.reliability)
            self._subscription = subscribe(
                node, Image, topic, lambda message: take(ImageMessage(
                    message, ImageReading.of(sink.settings()), self._on_dark)), qos,
                sink.incidents)
        else:
            # of the resolved topic: remapping `image` does not remap `image/compressed`
            topic = f'{topic}/compressed'
            self.wanted = TopicRequest('image', topic, COMPRESSED_TYPE, qos.reliability)
            self._subscription = subscribe(
                node, CompressedImage, topic, lambda message: take(
                    CompressedImageMessage(message)), qos,
                sink.incidents)

    def expire(self) -> None:
        """Give up messages that have waited too long for their partner."""

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def _on_dark(self, why: str) -> None:
        self._node.get_logger().warning(why, throttle_duration_sec=30.0)


class DetectionsInput:
    """
    Subscribes to `detections`, which need no image.

    The size of the image comes from the settings, else from `camera_info` beside `image`.
    """

    def __init__(self, node: LifecycleNode, sink: Sink) -> None:
        self._node = node
        self._sink = sink
        self._camera_info_size: tuple[int, int] = UNKNOWN_SIZE
        topic, qos = node.resolve_topic_name('detections'), input_qos(sink.settings())
        self.wanted = TopicRequest('detections', topic, BOXES_TYPE, qos.reliability)
        self._subscriptions: list[Any] = [
            subscribe(node, Detection2DArray, topic, self._on_detections, qos, sink.incidents),
            node.create_subscription(
                CameraInfo, find_sibling_topic(node, 'camera_info', 'image'), self._on_camera_info,
                image_qos('best_effort', 1))]

    def expire(self) -> None:
        """Give up messages that have waited too long for their partner."""

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _on_camera_info(self, message: CameraInfo) -> None:
        if message.width and message.height:
            self._camera_info_size = message.width, message.height

    def _on_detections(self, message: Detection2DArray) -> None:
        external = self._sink.settings().external
        stated = external.width, external.height
        size = self._camera_info_size if stated == UNKNOWN_SIZE else stated
        self._sink.take(DetectionsMessage(
            message, self._sink.class_ids, size, self._on_left_out,
            self._sink.settings().detector.max_detections))

    def _on_left_out(self, reasons: Counter[str]) -> None:
        self._sink.health.leave_out('boxes', reasons)


class PairedInput:
    """
    Subscribes to `detections` and to the images that they were made from.

    Only what has the very same stamp is joined. Detections without image are lost frames,
    images without detections are counted.
    """

    def __init__(self, node: LifecycleNode, sink: Sink) -> None:
        self._node = node
        self._sink = sink
        self._pairs: StampSynchronizer[FrameMessage, Detection2DArray] = StampSynchronizer(
            PAIR_DEPTH, self._on_image_alone, self._on_detections_alone)
        topic = node.resolve_topic_name('detections')
        qos = input_qos(sink.settings())
        self.wanted = TopicRequest('detections', topic, BOXES_TYPE, qos.reliability)
        self._detections = subscribe(
            node, Detection2DArray, topic, self._on_detections, qos, sink.incidents)
        self._images = ImageInput(node, sink, self._on_image)

    def expire(self) -> None:
        """Give up messages that have waited too long for their partner."""
        self._pairs.expire(self._sink.settings().external.wait)

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._detections)
        self._images.close()

    def _on_image(self, image: FrameMessage) -> None:
        self.expire()
        key = key_of(image.header.stamp)
        if key == NO_STAMP:
            self._sink.health.leave_out('images', Counter(['zero stamp']))
            return
        detections = self._pairs.left(key, image)
        if detections is not None:
            self._join(image, detections)

    def _on_detections(self, detections: Detection2DArray) -> None:
        self.expire()
        key = key_of(detections.header.stamp)
        if key == NO_STAMP:
            # whatever else has no stamp either need not be its image
            self._lose('zero stamp', UNSTAMPED)
            return
        image = self._pairs.right(key, detections)
        if image is not None:
            self._join(image, detections)

    def _join(self, image: FrameMessage, detections: Detection2DArray) -> None:
        self._sink.take(DetectionsMessage(
            detections, self._sink.class_ids, UNKNOWN_SIZE,
            lambda reasons: self._sink.health.leave_out('boxes', reasons),
            self._sink.settings().detector.max_detections, image))

    def _on_image_alone(self, image: FrameMessage) -> None:
        self._sink.health.leave_out('images', Counter(['no detections with this stamp']))

    def _on_detections_alone(self, detections: Detection2DArray) -> None:
        self._lose('no image with this stamp', UNPAIRED)

    def _lose(self, reason: str, why: str) -> None:
        self._sink.health.receive()
        self._sink.health.drop(reason, why=why)
        self._node.get_logger().warning(why, throttle_duration_sec=30.0)


def open_input(
        node: LifecycleNode, sink: Sink, *, needs_image: bool
        ) -> ImageInput | DetectionsInput | PairedInput:
    """Subscribe to the topics of the settings; `needs_image`: the method reads the image."""
    if sink.settings().detector_type != 'external':
        return ImageInput(node, sink)
    return PairedInput(node, sink) if needs_image else DetectionsInput(node, sink)
