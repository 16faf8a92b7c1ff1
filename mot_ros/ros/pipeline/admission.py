# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Check the stamps of frames and decode them; count the refused ones by reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
import time

from rclpy.impl.rcutils_logger import RcutilsLogger

from mot_ros.ros.conversion import ImageError, to_nanoseconds
from mot_ros.ros.diagnostics.counters import Health
from mot_ros.ros.pipeline.frame_messages import FrameMessage
from mot_ros.tracking.sequence import FrameOutcome, SequenceGuard
from mot_ros.tracking.types import Frame

LOG_INTERVAL = 5.0
"""Seconds between two log messages of the same reason."""


@dataclass(frozen=True)
class ReceivedFrame:
    """Message of a frame, with the time of its arrival."""

    content: FrameMessage
    received: int
    """Nanoseconds on the node's clock; replaces a missing stamp where that is allowed."""
    arrived: float
    """Seconds on the monotonic clock, for latencies."""


@dataclass(frozen=True)
class AcceptedFrame:
    """Decoded frame that will be tracked, with the outcome of the check of its stamp."""

    content: FrameMessage
    frame: Frame
    outcome: FrameOutcome
    arrived: float
    """Seconds on the monotonic clock, as the next two."""
    taken: float
    decoded: float


class Complaints:
    """Logs warnings, at most one per reason in LOG_INTERVAL seconds, each with its count."""

    def __init__(self, logger: RcutilsLogger) -> None:
        self._logger = logger
        self._counts: Counter[str] = Counter()
        self._last: dict[str, float] = {}

    def warn(self, reason: str, message: str) -> None:
        """Log `message` unless one of the same reason was logged within LOG_INTERVAL."""
        self._counts[reason] += 1
        now = time.monotonic()
        if now - self._last.get(reason, -LOG_INTERVAL) >= LOG_INTERVAL:
            self._last[reason] = now
            count = self._counts[reason]
            self._logger.warning(message + (f' ({count} times so far)' if count > 1 else ''))


class FrameAdmission:
    """Checks frames with the SequenceGuard and decodes the accepted ones."""

    def __init__(self, guard: SequenceGuard, health: Health, logger: RcutilsLogger) -> None:
        self._guard = guard
        self._health = health
        self._complaints = Complaints(logger)

    def admit(self, arrival: ReceivedFrame) -> AcceptedFrame | None:
        """Return the decoded frame; count a frame that is dropped and return None."""
        taken = time.monotonic()
        content, header = arrival.content, arrival.content.header
        try:
            size = content.size()
        except ImageError as error:
            self._drop(error.reason, f'image dropped: {error}')
            return None
        verdict = self._guard.judge(
            to_nanoseconds(header.stamp) or None, size, header.frame_id, arrival.received)
        if verdict.outcome is FrameOutcome.DROP:
            self._drop(verdict.reason, verdict.message)
            return None
        try:
            frame = content.open(verdict.stamp)
        except ImageError as error:
            self._drop(error.reason, f'image dropped: {error}')
            return None
        if verdict.outcome is not FrameOutcome.ACCEPT:
            self._health.reset(verdict.reason)
            self._complaints.warn(verdict.reason, verdict.message)
        self._guard.accept(verdict, size, header.frame_id)
        return AcceptedFrame(
            content, frame, verdict.outcome, arrival.arrived, taken, time.monotonic())

    def _drop(self, reason: str, message: str) -> None:
        self._health.drop(reason, why=message)
        self._complaints.warn(reason, message)
