# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Bag files that were cut off: their index is missing, so they are read from the front."""

from __future__ import annotations

from collections.abc import Generator, Iterator
import contextlib
import io
from pathlib import Path
import sqlite3
import struct
from typing import BinaryIO, NamedTuple

SCHEMA, CHANNEL, MESSAGE, CHUNK = 3, 4, 5, 6
"""Opcodes of MCAP records: https://mcap.dev/spec"""
READ = (SCHEMA, CHANNEL, MESSAGE, CHUNK)
MAGIC = b'\x89MCAP0\r\n'
SQLITE_HEADER = 100


class Channel(NamedTuple):
    """A topic with its type, and the definition of that type where the file holds it."""

    topic: str
    type: str
    definition: str = ''


class Stored(NamedTuple):
    """A message as it lies in the file: when it was received in nanoseconds, and its bytes."""

    channel: Channel
    received: int
    data: bytes


def is_cut(path: Path) -> bool:
    """Say whether a .mcap or .db3 file is shorter than it was to be."""
    if path.suffix not in ('.mcap', '.db3'):
        return False
    with path.open('rb') as file:
        if path.suffix == '.mcap':
            file.seek(-min(len(MAGIC), path.stat().st_size), io.SEEK_END)
            return file.read() != MAGIC
        header = file.read(SQLITE_HEADER)
    if len(header) < SQLITE_HEADER:
        return True
    page, = struct.unpack_from('>H', header, 16)
    pages, = struct.unpack_from('>I', header, 28)
    return path.stat().st_size < pages * (65536 if page == 1 else page)


def channels(path: Path) -> list[Channel]:
    """Return the topics that are named before the cut."""
    if path.suffix == '.db3':
        from mot_ros.data.bags.bounded_reader import check_plain
        with _database(path) as database, contextlib.suppress(sqlite3.Error):
            check_plain(path, database)
            return [Channel(*row) for row in database.execute(
                'SELECT name, type FROM topics ORDER BY id')]
        return []
    return list(dict.fromkeys(
        item for item in _walk(path) if isinstance(item, Channel)))


def messages(path: Path, topics: set[str]) -> Generator[Stored, None, None]:
    """Yield the messages of some topics up to the cut, as they lie in the file."""
    if path.suffix == '.mcap':
        for item in _walk(path):
            if isinstance(item, Stored) and item.channel.topic in topics:
                yield item
        return
    from mot_ros.data.bags.bounded_reader import check_plain
    with _database(path) as database, contextlib.suppress(sqlite3.Error):
        check_plain(path, database)
        known = {row[0]: Channel(*row[1:]) for row in database.execute(
            'SELECT id, name, type FROM topics')}
        # by id: the index over the time stamps is likely to be among what is missing
        for topic, received, data in database.execute(
                'SELECT topic_id, timestamp, data FROM messages ORDER BY id'):
            if topic in known and known[topic].topic in topics:
                yield Stored(known[topic], received, data)


@contextlib.contextmanager
def _database(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(f'{path.resolve().as_uri()}?mode=ro&immutable=1', uri=True)
    try:
        # else SQLite refuses a file with fewer pages than its header says
        database.execute('PRAGMA writable_schema=ON')
        yield database
    finally:
        database.close()


def _walk(path: Path) -> Iterator[Channel | Stored]:
    """Yield channels and messages of an MCAP file in their order."""
    schemas: dict[int, tuple[str, str]] = {}
    known: dict[int, Channel] = {}
    with path.open('rb') as file:
        if file.read(len(MAGIC)) != MAGIC:
            return
        for code, body, whole in _records(file, path.stat().st_size):
            if code == CHUNK:
                inside = _chunk(body, whole)
                found = [*_read(_records(io.BytesIO(inside), len(inside)), schemas, known)]
                # within a chunk order means nothing, and time does
                yield from (item for item in found if isinstance(item, Channel))
                yield from sorted(
                    (item for item in found if isinstance(item, Stored)),
                    key=lambda item: item.received)
            elif whole:
                yield from _read(iter([(code, body, whole)]), schemas, known)


def _read(
        records: Iterator[tuple[int, bytes, bool]], schemas: dict[int, tuple[str, str]],
        known: dict[int, Channel]) -> Iterator[Channel | Stored]:
    for code, body, whole in records:
        if not whole:
            return
        if code == SCHEMA:
            number, = struct.unpack_from('<H', body)
            name, encoding, text = _strings(body[2:], 3)
            schemas[number] = (name, text if encoding == 'ros2msg' else '')
        elif code == CHANNEL:
            number, schema = struct.unpack_from('<HH', body)
            topic, = _strings(body[4:], 1)
            known[number] = Channel(topic, *schemas.get(schema, ('', '')))
            yield known[number]
        elif code == MESSAGE:
            number, _, received, _ = struct.unpack_from('<HIQQ', body)
            if number in known:
                yield Stored(known[number], received, body[22:])


def _records(file: BinaryIO, size: int) -> Iterator[tuple[int, bytes, bool]]:
    """Yield opcode, content and whether the content is all there."""
    while len(head := file.read(9)) == 9:
        code, length = struct.unpack('<BQ', head)
        left = size - file.tell()
        if code not in READ and length <= left:
            # an attachment may be of any size
            file.seek(length, io.SEEK_CUR)
            continue
        yield code, file.read(min(length, left)), length <= left
        if length > left:
            return


def _chunk(body: bytes, whole: bool) -> bytes:
    """Return the records in a chunk; of a compressed one that is cut nothing can be had."""
    try:
        _, _, size, crc = struct.unpack_from('<QQQI', body)
        compression, = _strings(body[28:], 1)
        start = 32 + len(compression) + 8
        if not compression:
            return body[start:]
        if not whole:
            return b''
        # here and not above: it needs rosbags
        from mot_ros.data.bags.bounded_reader import storage_mcap
        length, = struct.unpack_from('<Q', body, start - 8)
        return storage_mcap.decompress(body[start:start + length], compression, size, crc)
    except Exception:
        # nothing in it can be trusted then; what comes after it may still be good
        return b''


def _strings(body: bytes, count: int) -> list[str]:
    texts = []
    for _ in range(count):
        length, = struct.unpack_from('<I', body)
        texts.append(body[4:4 + length].decode(errors='replace'))
        body = body[4 + length:]
    return texts
