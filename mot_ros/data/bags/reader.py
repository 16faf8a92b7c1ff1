# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Opening a bag of ROS 2 or 1, whole or cut off: its topics and its messages."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosbags.interfaces import MessageDefinitionFormat

from mot_ros.data.bags import ros1
from mot_ros.data.bags import salvage as bag_salvage
from mot_ros.data.bags.bag_layout import is_ros1, METADATA, no_bag, storage_files
from mot_ros.data.bags.bounded_reader import BoundedReader
from mot_ros.data.bags.types import (
    DETECTIONS,
    differing_types,
    make_typestore,
    older_vision_types,
)
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.user_files import read_text
from mot_ros.tracking.runtime.yaml_text import load_yaml

LARGEST = 2**63
"""Of a count and a time in nanoseconds."""


@dataclass(frozen=True)
class Topic:
    """A topic of a bag; `count` is how many messages are announced, None where nothing says."""

    name: str
    type: str
    count: int | None = None


@dataclass(frozen=True)
class BagMessage:
    """A message as it lies in the bag; `received` in nanoseconds."""

    topic: str
    type: str
    received: int
    data: bytes


class Bag:
    """
    A rosbag2 folder or one of its files, of mcap or sqlite3 storage, or a bag of ROS 1.

    Messages of ROS 1 come in the encoding of ROS 2, and their types by the names of ROS 2.
    A bag that is cut off is read up to the cut, file by file; `shortcomings` says so. Messages
    can be gone through any number of times, each time from an open file of its own.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.shortcomings: list[str] = []
        self._files = storage_files(self.path)
        if not self._files:
            raise SourceError(no_bag(self.path))
        self._ros1 = is_ros1(self._files[0])
        try:
            self._cut = [file for file in self._files if (
                not ros1.is_whole(file) if self._ros1 else bag_salvage.is_cut(file))]
            self._topics, self._definitions = (
                self._of_ros1() if self._ros1
                else self._salvaged() if self._damaged() else self._whole())
            _check_topics(self._topics)
            self._store = make_typestore(self._definitions)
        except SourceError:
            raise
        except Exception as error:
            # a damaged file fails in the reader in any way there is
            raise SourceError(
                f'{path} cannot be read as a bag ({_told(error)}); "{self._reindex}" may help') \
                from error

    @property
    def topics(self) -> list[Topic]:
        """All topics, in the order of the bag."""
        return list(self._topics)

    @property
    def differing(self) -> set[str]:
        """The types that are laid out otherwise in this bag than in ROS 2 of today."""
        return differing_types(self._definitions)

    def count(self, name: str) -> int | None:
        """Return how many messages a topic is said to have."""
        return next((topic.count for topic in self._topics if topic.name == name), None)

    def choose(self, name: str | None, types: Iterable[str], what: str) -> str:
        """Return `name` if it is a topic of one of `types`, or the only one there is for None."""
        types = tuple(types)
        fitting = [topic for topic in self._topics if topic.type in types]
        listed = ', '.join(f'{topic.name} ({topic.type})' for topic in self._topics) or 'none'
        if name is None:
            if len(fitting) == 1:
                return fitting[0].name
            if fitting:
                raise SourceError(
                    f'{self.path} has several topics of {what}: '
                    f'{", ".join(topic.name for topic in fitting)}; name one of them')
            raise SourceError(
                f'{self.path} has no topic of {what} ({", ".join(types)}); its topics are: '
                f'{listed}')
        found = [topic for topic in self._topics if topic.name == name]
        if not found:
            raise SourceError(
                f'{self.path} has no topic {name}; its topics are: {listed}')
        if found[0] not in fitting:
            raise SourceError(
                f'{name} in {self.path} is of type {found[0].type}, not {" or ".join(types)}; '
                f'its topics are: {listed}')
        return name

    def records(self, names: Sequence[str]) -> Generator[BagMessage, None, None]:
        """Yield the messages of some topics in the order in which they were received."""
        self.shortcomings = []
        wanted = set(names)
        count = 0
        generator = (
            self._from_ros1(wanted) if self._ros1
            else self._from_salvage(wanted) if self._damaged() else self._from_reader(wanted))
        with contextlib.closing(generator) as records:
            try:
                for record in records:
                    _check_record(record)
                    yield record
                    count += 1
            except GeneratorExit:
                raise
            except Exception as error:
                # whichever of the storages fails, what was read until then stands
                self.shortcomings.append(
                    f'{self.path} is damaged: after {count} messages of {", ".join(names)} '
                    f'reading ends ({_told(error)})')
        self.shortcomings += [
            f'{file} is cut off: {count} messages of {", ".join(names)} could be read'
            for file in self._cut]

    def deserialize(self, record: BagMessage) -> Any:
        """Return the message; SourceError if its bytes are not of its type."""
        try:
            return self._store.deserialize_cdr(record.data, record.type)
        except Exception as error:
            if record.type == DETECTIONS and record.type not in self._definitions:
                # bags of Foxy hold no definitions, and its vision_msgs had other fields
                with contextlib.suppress(Exception):
                    return older_vision_types().deserialize_cdr(record.data, record.type)
            raise SourceError(
                f'a message of {record.topic} is not a {record.type} ({_told(error)})') from error

    def _damaged(self) -> bool:
        return bool(self._cut) or (
            self.path.is_dir() and not (self.path / METADATA).is_file())

    @property
    def _reindex(self) -> str:
        return 'rosbag reindex' if self._ros1 else 'ros2 bag reindex'

    def _of_ros1(self) -> tuple[list[Topic], dict[str, str]]:
        counts: dict[tuple[str, str], int | None] = {}
        definitions: dict[str, str] = {}
        for file in self._files:
            for channel, count in ros1.channels(file):
                key = (channel.topic, channel.type)
                earlier = counts.get(key, 0)
                counts[key] = None if earlier is None or count is None else earlier + count
                definitions[channel.type] = channel.definition
        if self._cut and not counts:
            raise SourceError(f'{self.path} is cut off before its first message')
        return [Topic(*key, count) for key, count in counts.items()], definitions

    def _whole(self) -> tuple[list[Topic], dict[str, str]]:
        with BoundedReader(self.path) as reader:
            connections = list(reader.connections)
        definitions = {
            found.msgtype: found.msgdef.data for found in connections
            if found.msgdef.format == MessageDefinitionFormat.MSG}
        counts: dict[tuple[str, str], int] = {}
        for found in connections:
            key = (found.topic, found.msgtype)
            counts[key] = counts.get(key, 0) + found.msgcount
        return [Topic(*key, count) for key, count in counts.items()], definitions

    def _salvaged(self) -> tuple[list[Topic], dict[str, str]]:
        announced = self._announced()
        channels = [found for file in self._files for found in bag_salvage.channels(file)]
        definitions = {found.type: found.definition for found in channels if found.definition}
        names = dict.fromkeys((found.topic, found.type) for found in channels)
        if not names:
            raise SourceError(f'{self.path} is cut off before its first message')
        return [Topic(*key, announced.get(key[0])) for key in names], definitions

    def _announced(self) -> dict[str, int]:
        """Return how many messages metadata.yaml states for each topic, as far as it is there."""
        try:
            announced = load_yaml(read_text(self.path / METADATA))
            return {
                entry['topic_metadata']['name']: int(entry['message_count'])
                for entry in announced['rosbag2_bagfile_information']['topics_with_message_count']}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _from_reader(self, wanted: set[str]) -> Generator[BagMessage, None, None]:
        with BoundedReader(self.path) as reader:
            connections = [found for found in reader.connections if found.topic in wanted]
            for connection, received, data in reader.messages(connections):
                yield BagMessage(connection.topic, connection.msgtype, received, data)

    def _from_ros1(self, wanted: set[str]) -> Generator[BagMessage, None, None]:
        for file in self._files:
            with contextlib.closing(ros1.messages(file, wanted, self._store)) as found:
                for channel, received, data in found:
                    yield BagMessage(channel.topic, channel.type, received, data)

    def _from_salvage(self, wanted: set[str]) -> Generator[BagMessage, None, None]:
        for file in self._files:
            with contextlib.closing(bag_salvage.messages(file, wanted)) as found:
                for channel, received, data in found:
                    yield BagMessage(channel.topic, channel.type, received, data)


def _check_topics(topics: Sequence[Topic]) -> None:
    """Raise SourceError for names that are no text and counts that are none."""
    for topic in topics:
        if not isinstance(topic.name, str) or not isinstance(topic.type, str):
            raise SourceError(
                f'the topic {topic.name!r:.60} has the type {topic.type!r:.60}; both must be text')
        if topic.count is not None and not (
                isinstance(topic.count, int) and 0 <= topic.count < LARGEST):
            raise SourceError(f'{topic.name} has {topic.count!r:.60} messages')


def _check_record(record: BagMessage) -> None:
    """Raise SourceError for a message whose columns are of another type; a database has any."""
    if not isinstance(record.data, bytes) or not isinstance(record.received, int) or not (
            -LARGEST < record.received < LARGEST):
        raise SourceError(
            f'a message of {record.topic} was received at {record.received!r:.60} and holds '
            f'{type(record.data).__name__}; it must be a time and bytes')


def _told(error: Exception) -> str:
    return ' '.join(f'{type(error).__name__}: {str(error)[:500]}'.split())
