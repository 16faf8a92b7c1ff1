# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A rosbag2 of one topic, written from serialised messages as they arrive; needs no rosbag2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores

from mot_ros.ros.share import share
from mot_ros.tracking.errors import SourceError


class BagWriter:
    """
    Writes messages of one type, given as 'vision_msgs/msg/Detection2DArray', to a new bag.

    MCAP in version 8 of the bag format, which every ROS from Humble on reads. The folder
    appears with the first message; `close` completes it.
    """

    def __init__(self, path: Path, topic: str, message_type: str) -> None:
        if path.exists():
            raise SourceError(f'{path} exists already; remove it or choose another place')
        self._path = path
        self._topic = topic
        self._type = message_type
        self._writer: Writer | None = None
        self._connection: Any = None

    def write(self, timestamp: int, serialized: bytes) -> None:
        """Append a message received at `timestamp`, in nanoseconds."""
        if self._writer is None:
            self._writer = Writer(self._path, version=8, storage_plugin=StoragePlugin.MCAP)
            self._writer.open()
            self._connection = self._writer.add_connection(
                self._topic, self._type, typestore=_typestore(self._type))
        self._writer.write(self._connection, timestamp, serialized)

    def close(self) -> None:
        """Complete the bag; without a message there is none."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _typestore(message_type: str) -> Any:
    """Return the definitions of ROS, and those of the package that a message type is of."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    if message_type not in store.fielddefs:
        package = message_type.partition('/')[0]
        definitions: dict[str, Any] = {}
        for file in sorted(share(package, 'msg').glob('*.msg')):
            definitions |= get_types_from_msg(
                file.read_text(encoding='utf-8'), f'{package}/msg/{file.stem}')
        store.register({name: fields for name, fields in definitions.items()
                        if name not in store.fielddefs})
    return store
