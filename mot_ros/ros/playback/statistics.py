# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Count the messages of a replay, with their times and how late they were sent."""

from __future__ import annotations

from array import array
from collections import Counter
import json
from pathlib import Path
import time

import numpy as np

from mot_ros.data.bags.reader import BagMessage
from mot_ros.data.bags.source import header_stamp, IMAGE_TYPES
from mot_ros.data.bags.types import DETECTIONS
from mot_ros.tracking.runtime.output_file import write_text

TIMED = (*IMAGE_TYPES, DETECTIONS)
"""Types whose messages the report lists, by the stamp of their header."""


class PlaybackStats:
    """
    Counts the messages by topic in `counts`, and keeps how late they were.

    With `times`, also when each image and each message of boxes was sent, for the report.
    """

    def __init__(self, *, times: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._late = array('d')
        self._times = times
        self._sent_at: dict[str, tuple[list[int], list[int]]] = {}

    def add(self, record: BagMessage, late: float) -> None:
        """Count a message that is sent now, `late` seconds after it was due."""
        self.counts[record.topic] += 1
        self._late.append(late)
        if self._times and record.type in TIMED:
            stamps, sent = self._sent_at.setdefault(record.topic, ([], []))
            stamps.append(header_stamp(record.data))
            sent.append(time.monotonic_ns())

    def lag_ms(self) -> dict[str, float]:
        """Return how late the messages were sent: percentiles and the maximum."""
        if not self._late:
            return {}
        late = np.maximum(np.array(self._late), 0.0) * 1e3
        p50, p95, p99 = np.percentile(late, (50, 95, 99)).tolist()
        return {'p50': p50, 'p95': p95, 'p99': p99, 'max': float(late.max())}

    def write(self, path: Path, lag_ms: dict[str, float]) -> None:
        """Write the report; times are nanoseconds of the monotonic clock."""
        write_text(path, json.dumps({
            'messages': dict(self.counts), 'lag_ms': lag_ms,
            'sent': {name: {'stamps': stamps, 'sent': sent}
                     for name, (stamps, sent) in self._sent_at.items()}}))
