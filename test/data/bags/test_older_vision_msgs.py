# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Boxes of bags from before Humble, whose files do not say how messages are laid out."""

from pathlib import Path
import sqlite3

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores

from mot_ros.data.annotated import SequenceRef
from mot_ros.data.bags.boxes import boxes_of_topic
from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.topic_selection import bag_place
from mot_ros.data.bags.types import DETECTIONS, IMAGE
from test.data.bags.ros1_bags import VISION

SECOND = 1_000_000_000


def write(path: Path, *, definitions: bool, empty: int = 0) -> Path:
    """Write a bag as Foxy does; the first `empty` messages of boxes hold none."""
    store = get_typestore(Stores.ROS2_FOXY)
    for name, text in VISION.items():
        found = get_types_from_msg(text.replace('int64 id', 'string id'),
                                   f'vision_msgs/msg/{name}')
        store.register({key: value for key, value in found.items()
                        if key not in store.fielddefs})
    make = store.types
    with Writer(path, version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        images = writer.add_connection('/i', IMAGE, typestore=store)
        boxes = writer.add_connection('/truth', DETECTIONS, typestore=store)
        for number in range(1, 5):
            header = make['std_msgs/msg/Header'](
                make['builtin_interfaces/msg/Time'](sec=number, nanosec=0), 'camera')
            image = make[IMAGE](header, 2, 2, 'mono8', 0, 2, np.zeros(4, np.uint8))
            pose = make['geometry_msgs/msg/PoseWithCovariance'](
                make['geometry_msgs/msg/Pose'](
                    make['geometry_msgs/msg/Point'](0., 0., 0.),
                    make['geometry_msgs/msg/Quaternion'](0., 0., 0., 1.)), np.zeros(36))
            one = make['vision_msgs/msg/Detection2D'](
                header, [make['vision_msgs/msg/ObjectHypothesisWithPose']('0', 0.5, pose)],
                make['vision_msgs/msg/BoundingBox2D'](
                    make['geometry_msgs/msg/Pose2D'](50. + number, 40., 0.), 20., 30.),
                image, True, '7')
            message = make[DETECTIONS](header, [one] * (number > empty))
            writer.write(images, number * SECOND, store.serialize_cdr(image, IMAGE))
            writer.write(boxes, number * SECOND, store.serialize_cdr(message, DETECTIONS))
    if not definitions:
        for file in path.glob('*.db3'):
            database = sqlite3.connect(file)
            database.execute('DELETE FROM message_definitions')
            database.commit()
            database.close()
    return path


@pytest.mark.parametrize('empty', [0, 2])
@pytest.mark.parametrize('definitions', [False, True])
def test_boxes_of_foxy_are_read(tmp_path: Path, definitions: bool, empty: int) -> None:
    bag = write(tmp_path / 'bag', definitions=definitions, empty=empty)
    found = boxes_of_topic(BagSource(bag))
    assert found.mismatches == []
    assert found.annotated.tolist() == [1, 2, 3, 4]
    assert found.rows.ids.tolist() == [7] * (4 - empty)
    assert found.rows.at(4).boxes[0].tolist() == [44, 25, 64, 55]
    place: SequenceRef = bag_place(bag, None, None).place
    assert place.read().truth.ids.tolist() == [7] * (4 - empty)


def test_damaged_message_is_still_told(tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', definitions=False)
    for file in bag.glob('*.db3'):
        database = sqlite3.connect(file)
        database.execute('UPDATE messages SET data = substr(data, 1, 60) WHERE topic_id = 2')
        database.commit()
        database.close()
    found = boxes_of_topic(BagSource(bag))
    assert any('cannot be read' in sentence for sentence in found.mismatches)
