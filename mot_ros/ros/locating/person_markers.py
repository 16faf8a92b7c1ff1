# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Make markers of people in the world for rviz: cylinders, ids, arrows of the velocity."""

from __future__ import annotations

from geometry_msgs.msg import Point
import numpy as np
from visualization_msgs.msg import Marker, MarkerArray

from mot_ros.data.bags.box_messages import id_number
from mot_ros.localisation.following import WALKING
from mot_ros.ros.locating.located_messages import LocatedFrame, pose_of, WIDTH
from mot_ros.ros.markers import marker_colour, new_marker

LETTERS = 0.3
"""Height of a letter in metres."""
SHAFT, TIP = 0.06, 0.15
"""Diameters of an arrow in metres."""


def to_person_markers(frame: LocatedFrame, lifetime: float) -> MarkerArray:
    """
    Return a cylinder (namespace `people`), an id and, for who walks, an arrow for each person.

    The arrow is as long as the way of one second. Each array deletes what came before.
    """
    markers = [Marker(header=frame.header, action=Marker.DELETEALL)]
    for row, detection in enumerate(frame.detections):
        colour = marker_colour(id_number(detection.id))
        position, velocity = frame.state.positions[row], frame.state.velocities[row]
        height = float(frame.placed.heights[row])
        body = new_marker(frame.header, 'people', Marker.CYLINDER, lifetime)
        body.pose = pose_of(position)
        body.scale.x = body.scale.y = WIDTH
        body.scale.z = height
        text = new_marker(frame.header, 'ids', Marker.TEXT_VIEW_FACING, lifetime)
        text.pose = pose_of(position + np.array([0, 0, height / 2 + LETTERS]))
        text.text, text.scale.z = detection.id, LETTERS
        shown = [body, text]
        if np.linalg.norm(velocity[:2]) > WALKING:
            arrow = new_marker(frame.header, 'velocities', Marker.ARROW, lifetime)
            arrow.points = [
                Point(x=x, y=y, z=z) for x, y, z in (position.tolist(),
                                                     (position + velocity).tolist())]
            arrow.scale.x, arrow.scale.y = SHAFT, TIP
            shown.append(arrow)
        for marker in shown:
            marker.id, marker.color = row, colour
        markers += shown
    return MarkerArray(markers=markers)
