# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A robot that drives and turns on flat ground, with a camera, people, and what it publishes."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TransformStamped
import numpy as np
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_bench import BEST_EFFORT, RELIABLE
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import (
    Detection2D,
    Detection2DArray,
    Detection3DArray,
    ObjectHypothesisWithPose,
)

from mot_ros.benchmarking.located_people import people_at, pinhole, pose_of, SIZE
from mot_ros.localisation.transforms import Transform
from mot_ros.ros.conversion import to_seconds, to_stamp

OPTICAL = 'camera_optical_frame'
CAMERA = pinhole()
MOUNT = pose_of(1.2, 5.0)
"""From the camera to the robot's footprint."""
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def transform(parent: str, child: str, stamp: float, pose: Transform) -> TransformStamped:
    """Return the message of a transform from child to parent."""
    message = TransformStamped(
        header=Header(stamp=to_stamp(stamp), frame_id=parent), child_frame_id=child)
    x, y, z, w = Rotation.from_matrix(pose.rotation).as_quat().tolist()
    place, turn = message.transform.translation, message.transform.rotation
    place.x, place.y, place.z = pose.translation.tolist()
    turn.x, turn.y, turn.z, turn.w = x, y, z, w
    return message


def drive(stamp: float) -> Transform:
    """Return where the robot is at a stamp: it drives half a metre a second, in a curve."""
    angle = 0.2 * stamp
    return Transform(
        np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0],
                  [0, 0, 1]]), np.array([0.5 * stamp, 0.1 * stamp, 0.0]))


def detections_of(stamp: float, boxes, ids=None, frame_id: str = OPTICAL) -> Detection2DArray:
    """Return boxes xyxy as tracks, or as detections without ids."""
    message = Detection2DArray(header=Header(stamp=to_stamp(stamp), frame_id=frame_id))
    for row, (x1, y1, x2, y2) in enumerate(np.asarray(boxes, float).tolist()):
        made = Detection2D(header=message.header, id=ids[row] if ids else '')
        made.bbox.center.position.x, made.bbox.center.position.y = (x1 + x2) / 2, (y1 + y2) / 2
        made.bbox.size_x, made.bbox.size_y = x2 - x1, y2 - y1
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = '0', 0.9
        made.results = [result]
        message.detections.append(made)
    return message


class World:
    """Publishes what a robot would, and collects what the locator makes of it."""

    def __init__(self, bench, child, tracks: str = 'tracks', driven=drive) -> None:
        self.bench, self.child, self.driven = bench, child, driven
        make = bench.node.create_publisher
        self._tf = make(TFMessage, '/tf', 100)
        self._static = make(TFMessage, '/tf_static', LATCHED)
        self._info = make(CameraInfo, 'camera_info', BEST_EFFORT)
        self._tracks = make(Detection2DArray, tracks, RELIABLE)
        self._depth = make(Image, 'depth', BEST_EFFORT)
        self.located = bench.collect(Detection3DArray, '/locator/tracks')
        self.reports = bench.collect(DiagnosticArray, '/diagnostics')
        bench.until(lambda: all(publisher.get_subscription_count() for publisher in (
            self._tf, self._static, self._tracks, self._info)), 'its inputs', child=child)
        bench.until(lambda: bench.node.count_publishers('/locator/tracks'), 'its output')

    def begin(self, stamp: float = 0.5) -> None:
        """Send the calibration and the mount, and frames until one of them comes back."""
        self.mount(MOUNT)
        for step in range(600):
            if step % 10 == 0:
                self._info.publish(CameraInfo(
                    header=Header(frame_id=OPTICAL), width=SIZE[0], height=SIZE[1],
                    distortion_model='plumb_bob', d=[0.0] * 5, k=CAMERA.matrix.ravel()))
                stamp += 1e-3
                self.move(stamp)
                self._tracks.publish(detections_of(stamp, self.boxes(stamp, [[4.0, 0.0]]), ['99']))
            self.bench.spin(0.05)
            if self.located and self.located[-1].detections:
                break
        else:
            raise AssertionError(f'nobody is located\n{self.child.text}')
        # those on their way
        self.bench.until(lambda: to_seconds(self.located[-1].header.stamp) >= stamp - 1e-6, 'all')
        self.located.clear()

    def mount(self, pose: Transform) -> None:
        """Send where the camera is on the robot."""
        self._static.publish(TFMessage(transforms=[
            transform('base_footprint', OPTICAL, 0.0, pose)]))

    def move(self, *stamps: float) -> None:
        """Send where the robot is at stamps."""
        for stamp in stamps:
            self._tf.publish(TFMessage(transforms=[
                transform('odom', 'base_footprint', stamp, self.driven(stamp))]))

    def pose(self, stamp: float) -> Transform:
        """Return where the camera is at a stamp."""
        return self.driven(stamp).after(MOUNT)

    def boxes(self, stamp: float, feet, heights=1.7) -> np.ndarray:
        """Return the boxes of people whose feet are at (x, y) in odom."""
        feet = np.array(feet, float)
        return people_at(
            feet, np.full(len(feet), heights), CAMERA, self.pose(stamp)).boxes

    def show(self, stamp: float, feet, ids=None, *, moved: bool = True) -> None:
        """Send the tracks of people and, if `moved`, where the robot is."""
        if moved:
            self.move(stamp)
        self._tracks.publish(detections_of(stamp, self.boxes(stamp, feet), ids))

    def show_boxes(self, stamp: float, boxes: np.ndarray) -> None:
        """Send boxes as detections without ids."""
        self._tracks.publish(detections_of(stamp, boxes))

    def send(self, message: Detection2DArray) -> None:
        self._tracks.publish(message)

    def send_depth(self, stamp: float, depths: np.ndarray, frame_id: str = OPTICAL) -> None:
        """Send a depth image, of 16UC1 or 32FC1 by the type of its pixels."""
        height, width = depths.shape
        self._depth.publish(Image(
            header=Header(stamp=to_stamp(stamp), frame_id=frame_id), height=height, width=width,
            encoding='16UC1' if depths.dtype == np.uint16 else '32FC1',
            step=width * depths.itemsize, data=depths.tobytes()))

    def result(self, stamp: float) -> Detection3DArray:
        """Return what comes out for a stamp."""
        def found():
            return [message for message in self.located
                    if abs(to_seconds(message.header.stamp) - stamp) < 1e-6]

        self.bench.until(found, f'the frame of {stamp} s', child=self.child)
        return found()[0]

    def status(self) -> dict[str, str]:
        return self.bench.next_status('locator: locating')


def centres_of(message: Detection3DArray) -> np.ndarray:
    """Return the centres (N, 3) of detections."""
    places = [detection.bbox.center.position for detection in message.detections]
    return np.array([[place.x, place.y, place.z] for place in places]).reshape(-1, 3)
