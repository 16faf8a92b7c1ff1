# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Small bags of ROS 1 for tests, written by rosbags."""

from pathlib import Path

import cv2
import numpy as np
from rosbags.rosbag1 import Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores

from mot_ros.data.bags.types import COMPRESSED_IMAGE, DETECTIONS, IMAGE

SECOND = 1_000_000_000
INFO = 'sensor_msgs/msg/CameraInfo'
VISION = {
    'ObjectHypothesisWithPose': 'int64 id\nfloat64 score\ngeometry_msgs/PoseWithCovariance pose',
    'BoundingBox2D': 'geometry_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y',
    'Detection2D': 'std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n'
                   'vision_msgs/BoundingBox2D bbox\nsensor_msgs/Image source_img\n'
                   'bool is_tracking\nstring tracking_id',
    'Detection2DArray': 'std_msgs/Header header\nvision_msgs/Detection2D[] detections'}


def picture(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (24, 32, 3), np.uint8)


def stamp_of(number: int) -> int:
    return 1_600_000_000 * SECOND + number * SECOND // 10


class Ride:
    """Writes a small bag of ROS 1: images, JPEGs, camera models and boxes."""

    def __init__(self) -> None:
        self.store = get_typestore(Stores.ROS1_NOETIC)
        for name, text in VISION.items():
            found = get_types_from_msg(text, f'vision_msgs/msg/{name}')
            self.store.register({key: value for key, value in found.items()
                                 if key not in self.store.fielddefs})

    def make(self, kind: str, **fields: object) -> object:
        return self.store.types[kind](**fields)

    def header(self, number: int) -> object:
        seconds, rest = divmod(stamp_of(number), SECOND)
        return self.make(
            'std_msgs/msg/Header', seq=number, frame_id='optical',
            stamp=self.make('builtin_interfaces/msg/Time', sec=seconds, nanosec=rest))

    def image(self, number: int, pixels: np.ndarray) -> object:
        return self.make(
            IMAGE, header=self.header(number), height=pixels.shape[0], width=pixels.shape[1],
            encoding='bgr8', is_bigendian=0, step=3 * pixels.shape[1], data=pixels.reshape(-1))

    def jpeg(self, number: int) -> object:
        data = cv2.imencode('.jpg', picture(number))[1].reshape(-1)
        return self.make(COMPRESSED_IMAGE, header=self.header(number), format='jpeg', data=data)

    def info(self, number: int) -> object:
        roi = self.make('sensor_msgs/msg/RegionOfInterest', x_offset=0, y_offset=0, height=0,
                        width=0, do_rectify=False)
        return self.make(
            INFO, header=self.header(number), height=24, width=32,
            distortion_model='plumb_bob', D=np.zeros(5), K=np.full(9, 7.0), R=np.eye(3).ravel(),
            P=np.zeros(12), binning_x=0, binning_y=0, roi=roi)

    def boxes(self, number: int) -> object:
        make = self.make
        point = make('geometry_msgs/msg/Point', x=0., y=0., z=0.)
        pose = make('geometry_msgs/msg/PoseWithCovariance', covariance=np.zeros(36), pose=make(
            'geometry_msgs/msg/Pose', position=point,
            orientation=make('geometry_msgs/msg/Quaternion', x=0., y=0., z=0., w=1.)))
        found = make(
            'vision_msgs/msg/Detection2D', header=self.header(number),
            results=[make('vision_msgs/msg/ObjectHypothesisWithPose', id=0, score=1.0,
                          pose=pose)],
            bbox=make('vision_msgs/msg/BoundingBox2D', size_x=4.0, size_y=8.0, center=make(
                'geometry_msgs/msg/Pose2D', x=10.0 + number, y=12.0, theta=0.0)),
            source_img=self.image(number, np.zeros((1, 1, 3), np.uint8)), is_tracking=True,
            tracking_id='7')
        return make(DETECTIONS, header=self.header(number), detections=[found])

    def write(self, path: Path, kinds: dict[str, str], frames: int = 6,
              compression: str = '', chunk: int = 1 << 20) -> Path:
        makers = {IMAGE: lambda number: self.image(number, picture(number)), INFO: self.info,
                  COMPRESSED_IMAGE: self.jpeg, DETECTIONS: self.boxes}
        writer = Writer(path)
        writer.chunk_threshold = chunk
        if compression:
            writer.set_compression(Writer.CompressionFormat[compression])
        with writer:
            connections = {name: writer.add_connection(name, kind, typestore=self.store)
                           for name, kind in kinds.items()}
            for number in range(frames):
                for name, kind in kinds.items():
                    message = self.store.serialize_ros1(makers[kind](number), kind)
                    writer.write(connections[name], stamp_of(number), message)
        return path
