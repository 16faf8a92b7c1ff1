# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
rosbags' readers with bounds: on what unpacks, on YAML in bags, and on databases that compute.

A few kilobytes of zstd or bz2 can unpack to gigabytes, an alias of YAML can multiply without end,
and a view of SQLite can go on for ever. The version of rosbags is pinned, so that its parts can
be replaced here.
"""

from __future__ import annotations

from bz2 import BZ2Decompressor
from collections.abc import Callable, Generator, Mapping
import contextlib
from pathlib import Path
import shutil
import sqlite3
from typing import Any, BinaryIO

from lz4.frame import LZ4FrameDecompressor
from rosbags.rosbag1 import reader as rosbag1_reader
from rosbags.rosbag2 import Reader, reader, storage_mcap, storage_sqlite3
from rosbags.rosbag2.storage_mcap import zstd
import yaml

from mot_ros.data.bags.bag_layout import METADATA
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.scratch import scratch_folder
from mot_ros.tracking.runtime.user_files import open_regular, read_text
from mot_ros.tracking.runtime.yaml_text import check_yaml, load_yaml

MAX_MESSAGE_BYTES = 512 << 20
"""Of a message: 8192x8192 pixels of 8 bytes."""
MAX_CHUNK_BYTES = MAX_MESSAGE_BYTES + (64 << 20)
MAX_FILE_BYTES, MAX_RATIO = 1 << 30, 100
"""A file unpacks to at most this many bytes, or to this many times its size."""
SPARE_BYTES = 1 << 30
"""Left free on the disk that a bag is unpacked to."""
MAX_TOPICS = 10_000
LEAST_ROW = 8
"""Bytes of a row in a database, at least."""
PIECE = 1 << 20
_parse_qos = reader.parse_qos


def unpack(data: bytes, most: int, make: Callable[[], Any] = zstd.ZstdDecompressor) -> bytes:
    """Return what was packed; SourceError for more than `most` bytes or damaged ones."""
    pieces: list[bytes] = []
    count, rest = 0, data
    try:
        while rest:
            # there may be several frames
            found, given = make(), rest
            while not found.eof:
                pieces.append(found.decompress(given, PIECE))
                count, given = count + len(pieces[-1]), b''
                if count > most:
                    raise SourceError(
                        f'{len(data)} bytes unpack to more than {most / 1e6:.0f} MB; no image is '
                        'as large')
                if not pieces[-1] and found.needs_input:
                    raise SourceError(f'{len(data)} packed bytes are cut off')
            rest = found.unused_data
    except (zstd.ZstdError, OSError, RuntimeError, ValueError) as error:
        raise SourceError(f'{len(data)} bytes cannot be unpacked ({error})') from error
    return b''.join(pieces)


def _unpack_chunk(data: bytes, size: int) -> bytes:
    """Return a chunk of MCAP that states its `size`."""
    return unpack(data, min(size, MAX_CHUNK_BYTES))


def _unpack_lz4(data: bytes, size: int = MAX_CHUNK_BYTES) -> bytes:
    return unpack(data, min(size, MAX_CHUNK_BYTES), LZ4FrameDecompressor)


def _unpack_bz2(data: bytes) -> bytes:
    return unpack(data, MAX_CHUNK_BYTES, BZ2Decompressor)


def _bounded_qos(content: Any) -> Any:
    """Return rosbags' reading of the offered qualities of service."""
    if isinstance(content, str):
        check_yaml(content)
    return _parse_qos(content)


storage_mcap.DECOMPRESSORS.update(zstd=_unpack_chunk, lz4=_unpack_lz4)
rosbag1_reader.decompressors.update(bz2=_unpack_bz2, lz4=_unpack_lz4)
for _module in (reader, storage_mcap, storage_sqlite3):
    setattr(_module, 'parse_qos', _bounded_qos)  # noqa: B010


class _CheckedDatabase(storage_sqlite3.Sqlite3Reader):
    """A .db3 that holds plain tables only."""

    def open(self) -> None:
        """Open the file; SourceError where it computes its rows."""
        check_database(Path(str(self.path)))
        super().open()


class _BoundedFolder(reader.DirectoryReader):
    """A folder with metadata.yaml, unpacked in bounds where it is compressed."""

    STORAGE_PLUGINS: Mapping[str, Any] = {
        **reader.DirectoryReader.STORAGE_PLUGINS, 'sqlite3': _CheckedDatabase}

    def open(self) -> None:
        """Open the files, those that are compressed as a whole once they are unpacked."""
        content = load_yaml(read_text(Path(str(self.path)) / METADATA))
        information = content.get('rosbag2_bagfile_information') \
            if isinstance(content, dict) else None
        self._scratch = contextlib.ExitStack()
        self._packed = False
        if isinstance(information, dict):
            mode = str(information.get('compression_mode') or '').lower()
            if mode == 'file':
                folder = Path(str(self.path))
                self.path = self._scratch.enter_context(_unpacked(folder, information))
            self._packed = mode == 'message'
        try:
            super().open()
        except BaseException:
            self._scratch.close()
            raise

    def close(self) -> None:
        """Close the files and remove what was unpacked."""
        try:
            super().close()
        finally:
            self._scratch.close()

    def messages(self, *args: Any, **kwargs: Any) -> Generator[tuple[Any, int, bytes], None, None]:
        """Yield connection, time and bytes of messages, unpacked."""
        # the base would unpack without bounds
        self.metadata = self.metadata._replace(compression_mode=None)
        for connection, received, data in super().messages(*args, **kwargs):
            yield connection, received, unpack(data, MAX_MESSAGE_BYTES) if self._packed else data


class BoundedReader(Reader):
    """rosbags' reader of a rosbag2, in bounds."""

    STORAGE_PLUGINS: Mapping[str, Any] = {
        **Reader.STORAGE_PLUGINS, 'dir': _BoundedFolder, '.db3': _CheckedDatabase}


def check_database(path: Path) -> None:
    """Raise SourceError for a .db3 whose rows are computed or more than there is room for."""
    database = sqlite3.connect(f'{path.resolve().as_uri()}?mode=ro&immutable=1', uri=True)
    try:
        check_plain(path, database)
        most = path.stat().st_size // LEAST_ROW
        for name, limit in (
                ('topics', MAX_TOPICS), ('message_definitions', MAX_TOPICS), ('messages', most)):
            # older bags have no definitions
            with contextlib.suppress(sqlite3.OperationalError):
                count, = database.execute(
                    f'SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT ?)',  # noqa: S608
                    (limit + 1,)).fetchone()
                if count > limit:
                    raise SourceError(f'{path} has more than {limit} rows of {name}')
    except sqlite3.Error as error:
        raise SourceError(f'{path} is no database of a bag ({error})') from error
    finally:
        database.close()


def check_plain(path: Path, database: sqlite3.Connection) -> None:
    """Raise SourceError for views, triggers, virtual tables and computed columns."""
    for kind, name, sql in database.execute(
            'SELECT type, name, sql FROM sqlite_master LIMIT 1000').fetchall():
        if kind not in ('table', 'index') or str(sql).upper().startswith('CREATE VIRTUAL'):
            raise SourceError(f'{path} has a {kind} {name!r:.60}; a bag has plain tables only')
        if kind == 'table' and any(column[6] for column in database.execute(
                'SELECT * FROM pragma_table_xinfo(?)', (name,))):
            raise SourceError(
                f'{path}: the table {name!r:.60} has computed columns, as no bag has')


@contextlib.contextmanager
def _unpacked(folder: Path, information: dict[str, Any]) -> Generator[Path, None, None]:
    """Make a temporary folder with the files of a bag, unpacked."""
    with scratch_folder() as scratch:
        names = []
        for name in information.get('relative_file_paths') or []:
            packed = folder / Path(str(name)).name
            plain = scratch / packed.stem
            with open_regular(packed, 1 << 62) as source, plain.open('wb') as target:
                most = max(MAX_FILE_BYTES, MAX_RATIO * packed.stat().st_size)
                _copy(packed, source, target, min(
                    most, shutil.disk_usage(scratch).free - SPARE_BYTES))
            names.append(plain.name)
        kept = {**information, 'compression_mode': '', 'compression_format': '',
                'relative_file_paths': names}
        (scratch / METADATA).write_text(
            yaml.safe_dump({'rosbag2_bagfile_information': kept}), encoding='utf-8')
        yield scratch


def _copy(path: Path, source: BinaryIO, target: BinaryIO, most: int) -> None:
    """Unpack a file into another; SourceError for more than `most` bytes."""
    written = 0
    with zstd.open(source, 'rb') as content:
        while piece := content.read(PIECE):
            written += len(piece)
            if written > most:
                raise SourceError(
                    f'{path} unpacks to more than {most / 1e6:.0f} MB; if that is right, unpack '
                    f'it to a disk with room: zstd -d "{path}"')
            target.write(piece)
