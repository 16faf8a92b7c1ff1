# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A rosbag2 written without ROS: serialised messages as they come, or images and boxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
import os
from pathlib import Path
import shutil
import sqlite3
from types import TracebackType
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from rosbags.rosbag2 import StoragePlugin

from mot_ros.data.bags.bounded_reader import BoundedReader
from mot_ros.data.bags.storage import FlushingWriter
from mot_ros.data.bags.types import COMPRESSED_IMAGE, DETECTIONS, IMAGE, make_typestore
from mot_ros.data.datasets.mot import Ints, MotRows, NO_ID
from mot_ros.tracking.boxes import xyxy_to_cxcywh
from mot_ros.tracking.errors import ConfigError, OutputError, SourceError
from mot_ros.tracking.runtime.output_file import check_new, naming
from mot_ros.tracking.sequence import NANOSECONDS

STORAGES = ('mcap', 'sqlite3')


class BagWriter:
    """
    Writes a new bag of the topics that `topics` maps to types ('sensor_msgs/msg/Image').

    In version 8 of the format, which every ROS from Humble on reads: sqlite3 with nothing to be
    installed, mcap with rosbag2_storage_mcap. The folder appears with the first message;
    `close` completes it and counts its messages (`whole`: reads each), or removes it unless it
    is to be kept. After `flush` a kill loses none of the messages so far. Raises OutputError
    where the bag cannot be written.
    """

    def __init__(
            self, path: str | Path, topics: Mapping[str, str], storage: str = 'mcap', *,
            whole: bool = False) -> None:
        self.path = Path(path)
        self._whole = whole
        self._count = 0
        if storage not in STORAGES:
            raise ConfigError(f'storage is {storage!r}; choose one of {", ".join(STORAGES)}')
        check_new(self.path)
        self._storage = StoragePlugin.MCAP if storage == 'mcap' else StoragePlugin.SQLITE3
        self._topics = dict(topics)
        self._store = make_typestore()
        self._writer: FlushingWriter | None = None
        self._connections: dict[str, Any] = {}

    def write(self, topic: str, timestamp: int, serialized: bytes) -> None:
        """Append a message received at `timestamp`, in nanoseconds."""
        with self._naming():
            if self._writer is None:
                self._writer = FlushingWriter(
                    self.path, version=8, storage_plugin=self._storage)
                self._writer.open()
                for name, kind in self._topics.items():
                    self._connections[name] = self._writer.add_connection(
                        name, kind, typestore=self._store)
            self._writer.write(self._connections[topic], timestamp, serialized)
        self._count += 1

    def flush(self) -> None:
        """Hand all messages so far to the disk."""
        if self._writer is not None:
            with self._naming():
                self._writer.flush()

    def write_image(
            self, topic: str, stamp: int, image: NDArray[np.uint8], frame_id: str = '',
            received: int | None = None) -> None:
        """
        Append a BGR image (H, W, 3) taken at `stamp` nanoseconds, uncompressed.

        It was received then too, unless `received` says otherwise: that orders the bag.
        """
        height, width, _ = image.shape
        self._write(
            topic, stamp if received is None else received, IMAGE,
            header=self._header(stamp, frame_id), height=height, width=width, encoding='bgr8',
            is_bigendian=0, step=width * 3, data=np.ascontiguousarray(image).reshape(-1))

    def write_jpeg(
            self, topic: str, stamp: int, image: NDArray[np.uint8], quality: int,
            frame_id: str = '') -> None:
        """Append a BGR image as JPEG; `quality` from 1 to 100."""
        intact, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if not intact:
            raise SourceError(f'{self.path}: OpenCV cannot write a JPEG of {image.shape}')
        self._write(topic, stamp, COMPRESSED_IMAGE, header=self._header(stamp, frame_id),
                    format='jpeg', data=np.asarray(data, np.uint8).reshape(-1))

    def write_boxes(
            self, topic: str, stamp: int, rows: MotRows, frame_id: str = '',
            labels: Ints | None = None) -> None:
        """
        Append the boxes of one image as a Detection2DArray.

        A value becomes the score of the class, so truth that is not considered has score 0;
        without `labels` (N,) every class is 0.
        """
        header, make = self._header(stamp, frame_id), self._make
        detections = []
        # the arithmetic keeps the precision that it is given
        boxes = xyxy_to_cxcywh(cast(Any, rows.boxes)).tolist()
        kinds = [0] * len(rows) if labels is None else labels.tolist()
        for identity, (x, y, width, height), score, kind in zip(
                rows.ids.tolist(), boxes, rows.values.tolist(), kinds, strict=True):
            point = make('vision_msgs/msg/Point2D', x=x, y=y)
            centre = make('vision_msgs/msg/Pose2D', position=point, theta=0.0)
            detections.append(make(
                'vision_msgs/msg/Detection2D', header=header,
                results=[self._hypothesis(str(kind), score)],
                bbox=make('vision_msgs/msg/BoundingBox2D', center=centre, size_x=width,
                          size_y=height),
                id='' if identity == NO_ID else str(identity)))
        self._write(topic, stamp, DETECTIONS, header=header, detections=detections)

    def close(self, *, keep: bool = True) -> None:
        """Complete the bag, or remove it; without a message there is none."""
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        if not keep:
            with contextlib.suppress(OSError, sqlite3.Error):
                writer.abort()
            shutil.rmtree(self.path, ignore_errors=True)
            return
        with self._naming():
            try:
                writer.close()
            except (OSError, sqlite3.Error):
                with contextlib.suppress(OSError, sqlite3.Error):
                    writer.abort()
                raise
            self._check()

    def _check(self) -> None:
        """Raise OutputError unless all messages can be read back."""
        for file in self.path.iterdir():
            with file.open('rb') as written:
                os.fsync(written.fileno())
        try:
            with BoundedReader(self.path) as reader:
                found = sum(1 for _ in reader.messages()) if self._whole else reader.message_count
        except Exception as error:
            raise OutputError(f'{self.path} cannot be read back ({error})') from error
        if found != self._count:
            raise OutputError(
                f'{self.path} cannot be written: {found} of {self._count} messages can be read '
                'back; is the disk full or broken?')

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        with naming(self.path):
            try:
                yield
            except sqlite3.Error as error:
                raise OutputError(
                    f'{self.path} cannot be written: {error}; is there room on the disk?'
                    ) from error

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self.close(keep=kind is None or issubclass(kind, KeyboardInterrupt))

    def _write(self, topic: str, received: int, kind: str, **fields: Any) -> None:
        message = self._make(kind, **fields)
        self.write(topic, received, bytes(self._store.serialize_cdr(message, kind)))

    def _make(self, kind: str, **fields: Any) -> Any:
        return self._store.types[kind](**fields)

    def _header(self, stamp: int, frame_id: str) -> Any:
        seconds, nanoseconds = divmod(stamp, NANOSECONDS)
        time = self._make('builtin_interfaces/msg/Time', sec=seconds, nanosec=nanoseconds)
        return self._make('std_msgs/msg/Header', stamp=time, frame_id=frame_id)

    def _hypothesis(self, label: str, score: float) -> Any:
        make = self._make
        pose = make(
            'geometry_msgs/msg/Pose',
            position=make('geometry_msgs/msg/Point', x=0.0, y=0.0, z=0.0),
            orientation=make('geometry_msgs/msg/Quaternion', x=0.0, y=0.0, z=0.0, w=1.0))
        return make(
            'vision_msgs/msg/ObjectHypothesisWithPose',
            hypothesis=make('vision_msgs/msg/ObjectHypothesis', class_id=label, score=score),
            pose=make('geometry_msgs/msg/PoseWithCovariance', pose=pose, covariance=np.zeros(36)))
