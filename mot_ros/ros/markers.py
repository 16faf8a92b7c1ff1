# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Make markers of tracks on the plane Z = 1 of the optical frame: outlines and ids."""

from __future__ import annotations

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
import numpy as np
from std_msgs.msg import ColorRGBA, Header
from vision_msgs.msg import Detection2DArray
from visualization_msgs.msg import Marker, MarkerArray

from mot_ros.drawing import colour_of
from mot_ros.localisation.camera_model import CameraModel
from mot_ros.ros.usable_boxes import columns_of_usable
from mot_ros.tracking.sequence import NANOSECONDS
from mot_ros.tracking.types import Doubles

BEND = 8
"""Pieces that a side is made of where the lens bends it."""
LINE = 1 / 500
"""Width of a line as a share of the image's diagonal, as in the debug image."""
LETTERS = 1 / 80
"""Height of a letter as a share of the image's diagonal."""


def to_markers(tracks: Detection2DArray, camera: CameraModel, lifetime: float) -> MarkerArray:
    """
    Return what shows the tracks in rviz's Camera display, without a transform.

    Each array stands for itself: it deletes what came before, then adds one LINE_LIST with all
    boxes (namespace `boxes`) and a text for each id (namespace `ids`). Markers vanish `lifetime`
    seconds after the last array, never with 0. The header is the image's.
    """
    seen, _ = columns_of_usable(tracks)
    colours = [marker_colour(number) for number in seen.ids.tolist()]
    boxes = new_marker(tracks.header, 'boxes', Marker.LINE_LIST, lifetime)
    boxes.scale.x = LINE * camera.diagonal
    for outline, colour in zip(outlines(seen.boxes, camera), colours, strict=True):
        pieces = np.stack([outline, np.roll(outline, -1, axis=0)], 1)
        ends = pieces[np.isfinite(pieces).all((1, 2))].reshape(-1, 2).tolist()
        boxes.points.extend(Point(x=x, y=y, z=1.0) for x, y in ends)
        boxes.colors.extend([colour] * len(ends))
    texts = []
    for row, (x, y) in enumerate(label_places(seen.boxes, camera).tolist()):
        if np.isfinite([x, y]).all():
            text = new_marker(tracks.header, 'ids', Marker.TEXT_VIEW_FACING, lifetime)
            text.id, text.text, text.color = row, seen.names[row], colours[row]
            text.pose.position = Point(x=x, y=y, z=1.0)
            text.scale.z = LETTERS * camera.diagonal
            texts.append(text)
    everything = Marker(header=tracks.header, action=Marker.DELETEALL)
    return MarkerArray(markers=[everything, *([boxes] if boxes.points else []), *texts])


def outlines(boxes: Doubles, camera: CameraModel) -> Doubles:
    """
    Return the outlines of boxes (N, 4) xyxy pixels on the plane, (N, S, 2) points in a ring.

    S is 4, or 4 * BEND where the lens bends lines. NaN: nothing is seen in that direction.
    """
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    steps = 1 if camera.straight else BEND
    share = (np.arange(steps) / steps)[:, None]
    sides = corners[:, :, None] + share * (np.roll(corners, -1, axis=1) - corners)[:, :, None]
    return camera.rays(sides.reshape(-1, 2)).reshape(len(boxes), 4 * steps, 2)


def label_places(boxes: Doubles, camera: CameraModel) -> Doubles:
    """Return the centres of the labels on the plane, (N, 2): above the box, else inside."""
    height = LETTERS * camera.diagonal_pixels
    top = boxes[:, 1]
    rows = np.where(top - 1.5 * height >= 0, top - height, np.maximum(top, 0) + height)
    return camera.rays(np.column_stack([boxes[:, [0, 2]].mean(1), rows]))


def new_marker(header: Header, namespace: str, kind: int, lifetime: float) -> Marker:
    marker = Marker(header=header, ns=namespace, type=kind, action=Marker.ADD)
    marker.pose.orientation.w = 1.0
    whole, rest = divmod(round(lifetime * NANOSECONDS), NANOSECONDS)
    marker.lifetime = Duration(sec=whole, nanosec=rest)
    # viewers that ignore the colours of points, and those that hide what is transparent
    marker.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
    return marker


def marker_colour(identity: int) -> ColorRGBA:
    blue, green, red = (channel / 255 for channel in colour_of(identity))
    return ColorRGBA(r=red, g=green, b=blue, a=1.0)
