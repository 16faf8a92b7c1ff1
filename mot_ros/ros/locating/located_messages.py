# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Make messages of people in the world: detections in 3D, tracks with velocities, poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

from geometry_msgs.msg import (
    Point,
    Pose,
    PoseStamped,
    PoseWithCovariance,
    TransformStamped,
    Vector3,
)
import numpy as np
from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox3D,
    Detection2D,
    Detection3D,
    Detection3DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
)

from mot_ros.localisation.following import FollowedPose, WALKING
from mot_ros.localisation.placements import Placements
from mot_ros.localisation.world_filter import WorldState
from mot_ros.ros.message_columns import make_messages
from mot_ros.tracking.types import Doubles

if TYPE_CHECKING:
    from mot_ros_msgs.msg import LocatedTrackArray

WIDTH = 0.5
"""Width and depth of the box of a person, in metres."""
UPRIGHT, ANY_HEADING = 0.01, math.pi ** 2 / 3
"""Variances of roll and pitch, and of a heading that is not known (rad^2)."""


@dataclass(frozen=True, eq=False)
class LocatedFrame:
    """The people of an image: their detections, where they are, and their filtered state."""

    header: Header
    detections: Sequence[Detection2D]
    placed: Placements
    state: WorldState


def pose_covariances(positions: Doubles) -> Doubles:
    """Return covariances of poses (N, 36), of any heading, from those of positions (N, 3, 3)."""
    whole = np.zeros((len(positions), 6, 6))
    whole[:, :3, :3] = positions
    whole[:, [3, 4, 5], [3, 4, 5]] = UPRIGHT, UPRIGHT, ANY_HEADING
    # rclpy takes a row as it is, and checks each element of a list
    return whole.reshape(-1, 36)


def pose_of(position: Doubles, heading: float = 0.0) -> Pose:
    """Return a pose at a position (3,), turned about the z axis by `heading` radians."""
    pose = Pose()
    pose.position.x, pose.position.y, pose.position.z = position.tolist()
    pose.orientation.z, pose.orientation.w = math.sin(heading / 2), math.cos(heading / 2)
    return pose


def to_detections_3d(frame: LocatedFrame) -> Detection3DArray:
    """Return the people with filtered centres, in metres; ids, classes and scores stay."""
    count, header = len(frame.detections), frame.header
    x, y, z = frame.state.positions.T.tolist()
    points = make_messages(Point(), count, x=x, y=y, z=z)
    # an orientation that all share: the boxes are upright
    poses = make_messages(Pose(), count, position=points)
    posed = make_messages(
        PoseWithCovariance(), count, pose=poses,
        covariance=pose_covariances(frame.state.covariances[:, :3, :3]))
    results = make_messages(
        ObjectHypothesisWithPose(), count, pose=posed,
        hypothesis=[each.results[0].hypothesis if each.results else ObjectHypothesis()
                    for each in frame.detections])
    boxes = make_messages(
        BoundingBox3D(), count, center=poses, size=make_messages(
            Vector3(x=WIDTH, y=WIDTH), count, z=frame.placed.heights.tolist()))
    return Detection3DArray(header=header, detections=make_messages(
        Detection3D(header=header), count, results=[[each] for each in results], bbox=boxes,
        id=[each.id for each in frame.detections]))


def to_located_tracks(frame: LocatedFrame) -> LocatedTrackArray:
    """Return the people with their velocities, as mot_ros_msgs has them."""
    from mot_ros_msgs.msg import LocatedTrack, LocatedTrackArray

    message = LocatedTrackArray(header=frame.header)
    poses = pose_covariances(frame.state.covariances[:, :3, :3])
    twists = np.zeros((len(poses), 6, 6))
    twists[:, :3, :3] = frame.state.covariances[:, 3:, 3:]
    for row, detection in enumerate(frame.detections):
        track = LocatedTrack(
            id=detection.id, source=int(frame.placed.sources[row]),
            height=float(frame.placed.heights[row]))
        if detection.results:
            track.class_id = detection.results[0].hypothesis.class_id
            track.score = float(detection.results[0].hypothesis.score)
        x, y, z = frame.state.velocities[row].tolist()
        heading = math.atan2(y, x) if math.hypot(x, y) > WALKING else 0.0
        track.pose.pose = pose_of(frame.state.positions[row], heading)
        track.pose.covariance = poses[row]
        linear = track.twist.twist.linear
        linear.x, linear.y, linear.z = x, y, z
        track.twist.covariance = twists[row].ravel()
        message.tracks.append(track)
    return message


def to_pose_stamped(pose: FollowedPose, header: Header) -> PoseStamped:
    """Return the pose of the followed person, with the header of the observation."""
    return PoseStamped(header=header, pose=pose_of(pose.position, pose.heading))


def to_transform(pose: FollowedPose, header: Header, frame: str) -> TransformStamped:
    """Return the same as a transform from `frame` to that of the header."""
    message = TransformStamped(header=header, child_frame_id=frame)
    made = pose_of(pose.position, pose.heading)
    place = message.transform.translation
    place.x, place.y, place.z = made.position.x, made.position.y, made.position.z
    message.transform.rotation = made.orientation
    return message
