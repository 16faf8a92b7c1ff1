# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Publish tracks, class names and track states while the tracker is configured."""

from __future__ import annotations

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, LabelInfo

from mot_ros.ros.conversion import (
    to_detections,
    to_label_info,
    to_nanoseconds,
    to_track_array,
)
from mot_ros.ros.pipeline.engine import Engine
from mot_ros.ros.pipeline.external_detections import ClassIds
from mot_ros.ros.pipeline.frame_messages import FrameMessage
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.types import Frame, Tracks

try:
    from mot_ros_msgs.msg import TrackArray
except ImportError:
    TrackArray = None


class Outputs:
    """
    Publishes `~/tracks`, `~/label_info` and, where mot_ros_msgs is built, `~/track_states`.

    Class ids are numbers, which label_info names; it is published again when the detector
    changes. The ids of an external detector are `class_ids`, published as they came.
    """

    def __init__(
            self, node: LifecycleNode, engine: Engine, class_ids: ClassIds) -> None:
        self._node = node
        self._engine = engine
        self._published_names: list[str] = []
        self._class_ids = class_ids
        self._tracks = node.create_publisher(Detection2DArray, '~/tracks', 10)
        self._labels = node.create_publisher(
            LabelInfo, '~/label_info',
            QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self._states = None if TrackArray is None else node.create_publisher(
            TrackArray, '~/track_states', 10)

    def publish_labels(self, score_floor: float) -> None:
        """Publish the names of the class ids, latched for later subscribers."""
        self._published_names = list(self._engine.detector.class_names)
        header = Header(stamp=self._node.get_clock().now().to_msg())
        self._labels.publish(to_label_info(self._published_names, header, score_floor))

    def publish(
            self, content: FrameMessage, frame: Frame, tracks: Tracks,
            settings: NodeSettings) -> float | None:
        """Publish the tracks of a frame; returns its age in seconds, None without a stamp."""
        if self._published_names != list(self._engine.detector.class_names):
            self.publish_labels(settings.detector.score_floor)
        header, prefix = content.header, settings.id_prefix
        name_of = self._class_ids.name_of if settings.detector_type == 'external' else str
        self._tracks.publish(to_detections(
            tracks, header, frame.size, id_prefix=prefix, amodal=settings.amodal,
            class_id=name_of))
        # most users listen to the tracks alone
        if self._states is not None and self._states.get_subscription_count():
            self._states.publish(
                to_track_array(tracks, header, id_prefix=prefix, class_id=name_of))
        stamp = to_nanoseconds(header.stamp)
        now: int = self._node.get_clock().now().nanoseconds
        return (now - stamp) * 1e-9 if stamp else None

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in (self._tracks, self._labels, self._states):
            if publisher is not None:
                self._node.destroy_publisher(publisher)
