# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Read bags of ROS 1, whole or cut off, as messages in the encoding of ROS 2.

Format: https://wiki.ros.org/Bags/Format/2.0
"""

from __future__ import annotations

import bz2
from collections.abc import Generator, Iterator
import contextlib
import io
from pathlib import Path
import struct
from typing import Any, BinaryIO

from rosbags.rosbag1 import Reader
from rosbags.typesys.msg import normalize_msgtype

from mot_ros.data.bags.bounded_reader import MAX_CHUNK_BYTES
from mot_ros.data.bags.salvage import Channel, Stored
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.sequence import NANOSECONDS

MAGIC = b'#ROSBAG V2.0\n'
MESSAGE, CHUNK, CONNECTION = 2, 5, 7
"""Values of the field op of a record."""


def is_whole(path: Path) -> bool:
    """Say whether the index at the end of a bag is there; SourceError for an unreadable one."""
    with path.open('rb') as file:
        if (found := file.readline(32)) != MAGIC:
            raise SourceError(
                f'{path} begins with {found!r}; of ROS 1 only bags of format 2.0 are read: '
                'convert it there with "rosbag fix"')
        header, _ = next(_records(file, path.stat().st_size), ({}, b''))
        if header.get('encryptor'):
            raise SourceError(f'{path} is encrypted; decrypt it in ROS 1: "rosbag decrypt"')
    try:
        with Reader(path):
            return True
    except Exception:
        # whatever is wrong with the index, the messages before it can be read without it
        return False


def channels(path: Path) -> list[tuple[Channel, int | None]]:
    """Return the topics with their definitions and counts, None where the index is missing."""
    if not is_whole(path):
        found = [item for item in _walk(path) if isinstance(item, Channel)]
        return [(channel, None) for channel in dict.fromkeys(found)]
    with Reader(path) as reader:
        return [(Channel(item.topic, item.msgtype, item.msgdef.data), item.msgcount)
                for item in reader.connections]


def messages(path: Path, topics: set[str], store: Any) -> Generator[Stored, None, None]:
    """
    Yield the messages of some topics in CDR, in the order in which they were received.

    `store` holds rosbags' types. Of a bag without index the chunks are read in their order.
    """
    if is_whole(path):
        with Reader(path) as reader:
            wanted = [item for item in reader.connections if item.topic in topics]
            # with none rosbags yields all
            for item, received, data in reader.messages(wanted) if wanted else ():
                yield Stored(Channel(item.topic, item.msgtype), received,
                             _to_cdr(store, data, item.msgtype))
        return
    for found in _walk(path):
        if isinstance(found, Stored) and found.channel.topic in topics:
            yield found._replace(data=_to_cdr(store, found.data, found.channel.type))


def _to_cdr(store: Any, data: bytes, kind: str) -> bytes:
    try:
        return bytes(store.ros1_to_cdr(data, kind))
    except Exception:
        # an empty message fails in every reader with the name of its topic
        return b''


def _walk(path: Path) -> Iterator[Channel | Stored]:
    """Yield channels and messages from the front of the file."""
    known: dict[int, Channel] = {}
    with path.open('rb') as file:
        file.readline(32)
        for header, body in _records(file, path.stat().st_size):
            if header.get('op') != bytes([CHUNK]):
                yield from _read(header, body, known)
                continue
            content = _content(header, body)
            found = [item for head, data in _records(io.BytesIO(content), len(content))
                     for item in _read(head, data, known)]
            yield from (item for item in found if isinstance(item, Channel))
            # within a chunk order means nothing, and time does
            yield from sorted((item for item in found if isinstance(item, Stored)),
                              key=lambda item: item.received)


def _read(
        header: dict[str, bytes], body: bytes,
        known: dict[int, Channel]) -> Iterator[Channel | Stored]:
    with contextlib.suppress(KeyError, struct.error, ValueError, IndexError):
        code = header['op'][0]
        if code not in (MESSAGE, CONNECTION):
            return
        number, = struct.unpack('<I', header['conn'])
        if code == CONNECTION:
            fields = _fields(body)
            known[number] = Channel(
                header['topic'].decode(), normalize_msgtype(fields['type'].decode()),
                fields['message_definition'].decode(errors='replace'))
            yield known[number]
        elif number in known:
            whole, rest = struct.unpack('<II', header['time'])
            yield Stored(known[number], whole * NANOSECONDS + rest, body)


def _records(file: BinaryIO, size: int) -> Iterator[tuple[dict[str, bytes], bytes]]:
    """Yield header and content of each record that is all there, and of a chunk what is."""
    while len(head := file.read(4)) == 4:
        length, = struct.unpack('<I', head)
        if length > size - file.tell():
            return
        header = _fields(file.read(length))
        head = file.read(4)
        if len(head) < 4:
            return
        length, = struct.unpack('<I', head)
        left = size - file.tell()
        if length > left and header.get('op') != bytes([CHUNK]):
            return
        yield header, file.read(min(length, left))


def _fields(data: bytes) -> dict[str, bytes]:
    """Return the fields of a header: for each its length, its name, = and its value."""
    found: dict[str, bytes] = {}
    start = 0
    while start + 4 <= len(data):
        length, = struct.unpack_from('<I', data, start)
        name, _, value = data[start + 4:start + 4 + length].partition(b'=')
        found[name.decode(errors='replace')] = value
        start += 4 + length
    return found


def _content(header: dict[str, bytes], body: bytes) -> bytes:
    """Return the records of a chunk, of a damaged one as far as it can be decompressed."""
    compression = header.get('compression', b'none')
    if compression == b'none':
        return body
    try:
        size = min(struct.unpack('<I', header['size'])[0], MAX_CHUNK_BYTES)
        if compression == b'bz2':
            return bz2.BZ2Decompressor().decompress(body, size)
        import lz4.frame
        return bytes(lz4.frame.LZ4FrameDecompressor().decompress(body, size))
    except Exception:
        # nothing in it can be trusted then; what comes after it may still be good
        return b''
