# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SequenceGuard: decide from stamp, size and frame_id whether a frame is used or resets tracks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mot_ros.tracking.config import SequenceSettings
from mot_ros.tracking.types import UNKNOWN_SIZE

NANOSECONDS = 1_000_000_000
"""Nanoseconds per second."""


class FrameOutcome(Enum):
    """Consequence of a frame's header."""

    ACCEPT = 'accept'
    DROP = 'drop'
    """Ignore the frame."""
    FLUSH = 'flush'
    """Drop all tracks, then use the frame; ids go on."""
    RESET = 'reset'
    """Restart with the frame; ids restart at 1."""


@dataclass(frozen=True)
class FrameVerdict:
    """Outcome, the short reason under which it is counted, and a sentence for the log."""

    outcome: FrameOutcome
    stamp: float
    """Seconds since the first frame, the time base of motion."""
    reason: str = ''
    message: str = ''
    taken: int = 0
    """Acquisition time in nanoseconds."""


class SequenceGuard:
    """
    Check every image by its header, before it is decoded.

    `judge` changes no state, so that an image that fails to decode leaves no trace; `accept`
    stores the verdict of a used frame. Stamps count from the first frame after a start or a reset:
    seconds since 1970 leave a double no precision for nanoseconds, so the same video would give
    other tracks in a bag, and in each loop of a bag.
    """

    def __init__(self, settings: SequenceSettings) -> None:
        self._settings = settings
        self._first = 0
        self._last: tuple[int, tuple[int, int], str] | None = None

    def configure(self, settings: SequenceSettings) -> None:
        """Apply new settings from the next frame on."""
        self._settings = settings

    def judge(
            self, taken: int | None, size: tuple[int, int], frame_id: str,
            received: int = 0) -> FrameVerdict:
        """
        Return the verdict on an image of `size` (width, height) taken at `taken` nanoseconds.

        `taken` is None for a missing stamp. `received` is the arrival time on the same clock; it
        replaces a missing stamp if the settings allow it.
        """
        if taken is None:
            if self._settings.zero_stamp == 'refuse':
                return FrameVerdict(
                    FrameOutcome.DROP, 0.0, 'zero stamp',
                    'the image has no stamp (0), so motion cannot be measured: let the camera '
                    "driver stamp its images, or set sequence.zero_stamp to 'receive_time'")
            taken = received
        if self._last is None:
            return FrameVerdict(FrameOutcome.ACCEPT, 0.0, taken=taken)
        last, last_size, last_frame_id = self._last
        stamp, step = seconds(taken - self._first), seconds(taken - last)
        if step == 0:
            return FrameVerdict(
                FrameOutcome.DROP, stamp, 'duplicate stamp',
                f'the stamp {_readable(taken)} came twice; the second image is dropped')
        if step < -self._settings.jump_back:
            return FrameVerdict(
                FrameOutcome.RESET, 0.0, 'time jumped back',
                f'time jumped back by {-step:.3f} s (a bag that loops?): tracker reset, '
                'ids restart at 1', taken)
        if step < 0:
            return FrameVerdict(
                FrameOutcome.DROP, stamp, 'out of order',
                f'the image is {-step:.3f} s older than the last one; it is dropped')
        changes = []
        if step > self._settings.max_gap:
            changes.append(('gap', f'{step:.3f} s without an image'))
        if size != last_size and UNKNOWN_SIZE not in (size, last_size):
            changes.append((
                'image size', f'image size went from {last_size[0]}x{last_size[1]} to '
                f'{size[0]}x{size[1]}'))
        if frame_id != last_frame_id:
            changes.append((
                'frame_id', f'frame_id went from {last_frame_id!r} to {frame_id!r}'))
        if changes:
            reasons, sentences = zip(*changes, strict=True)
            return FrameVerdict(
                FrameOutcome.FLUSH, stamp, ', '.join(reasons),
                '; '.join(sentences) + ': all tracks dropped, ids go on', taken)
        return FrameVerdict(FrameOutcome.ACCEPT, stamp, taken=taken)

    def accept(self, verdict: FrameVerdict, size: tuple[int, int], frame_id: str) -> None:
        """Store the header of a frame that was used."""
        if self._last is None or verdict.outcome is FrameOutcome.RESET:
            self._first = verdict.taken
        self._last = (verdict.taken, size, frame_id)

    def forget(self) -> None:
        """Drop the stored header, so that the next image is the first."""
        self._last = None


def seconds(nanoseconds: int) -> float:
    """Return the double nearest to an integer number of nanoseconds, in seconds."""
    return nanoseconds / NANOSECONDS


def _readable(nanoseconds: int) -> str:
    return f'{nanoseconds // NANOSECONDS}.{nanoseconds % NANOSECONDS:09d}'
