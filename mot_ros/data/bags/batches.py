# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Messages of a bag some at a time, so that reading ahead is measured in bytes."""

from __future__ import annotations

from collections.abc import Generator
import contextlib

from mot_ros.data.bags.reader import BagMessage

BYTES, MESSAGES = 4_000_000, 500
"""A batch ends with the message that makes it as large, or with so many."""


def batches(records: Generator[BagMessage, None, None]) -> Generator[list[BagMessage], None, None]:
    """Yield the messages in their order: few at once if they are large, many if small."""
    batch: list[BagMessage] = []
    size = 0
    with contextlib.closing(records):
        for record in records:
            batch.append(record)
            size += len(record.data)
            if size >= BYTES or len(batch) == MESSAGES:
                yield batch
                batch, size = [], 0
    yield batch
