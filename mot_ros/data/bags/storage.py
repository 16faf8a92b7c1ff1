# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""rosbags' storages with a flush: what was written then survives a kill of the process."""

from __future__ import annotations

from collections.abc import Mapping
import os
from typing import Any

from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Writer


class ChunkedMcap(McapWriter):
    """An MCAP file whose chunk can be ended early; a reader finds all chunks without an index."""

    def flush(self) -> None:
        """Write the messages so far as a chunk, and hand it to the disk."""
        if self.chunk.msgs:
            self.close_chunk()
            self.bio.flush()
            os.fdatasync(self.bio.fileno())


class CommittedSqlite3(Sqlite3Writer):
    """An SQLite database that changes only when messages are committed."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # else a kill between two commits leaves half of a transaction in the file
        self.conn.execute('PRAGMA cache_spill=OFF')

    def flush(self) -> None:
        """Commit the messages so far; SQLite hands them to the disk."""
        self.conn.commit()


class FlushingWriter(Writer):
    """rosbags' writer with these storages."""

    STORAGE_PLUGINS: Mapping[StoragePlugin, type[Any]] = {
        StoragePlugin.MCAP: ChunkedMcap, StoragePlugin.SQLITE3: CommittedSqlite3}

    def flush(self) -> None:
        """Hand all messages so far to the disk."""
        storage: Any = self.storage
        if storage is not None:
            storage.flush()
