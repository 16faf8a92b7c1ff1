# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SequenceGuard: what the stamp, size and frame_id of an image mean for the tracks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mot_ros.tracking.config import SequenceSettings
from mot_ros.tracking.types import UNKNOWN_SIZE

NANOSECONDS = 1_000_000_000
"""In a second."""


class FrameOutcome(Enum):
    """What to do with a frame."""

    ACCEPT = 'accept'
    DROP = 'drop'
    """Do not use it."""
    FLUSH = 'flush'
    """Drop all tracks, then use it; ids go on."""
    RESET = 'reset'
    """Start anew with it; ids restart at 1."""


@dataclass(frozen=True)
class FrameVerdict:
    """The outcome, the short reason it is counted under, and a sentence for the log."""

    outcome: FrameOutcome
    stamp: float
    """Seconds since the first frame, to be used for motion."""
    reason: str = ''
    message: str = ''
    taken: int = 0
    """When the image was taken, in nanoseconds."""


class SequenceGuard:
    """
    Judges every image by its header, before it is decoded.

    `judge` changes nothing, so that an image that then cannot be decoded leaves no trace;
    `accept` is called with the verdict once the frame is in use. Time is counted from the first
    frame after a start or a reset: seconds since 1970 leave a double no room for nanoseconds,
    so that the same video would move differently in a bag, and at each turn of a loop.
    """

    def __init__(self, settings: SequenceSettings) -> None:
        self._settings = settings
        self._first = 0
        self._last: tuple[int, tuple[int, int], str] | None = None

    def configure(self, settings: SequenceSettings) -> None:
        """Judge by other settings from now on."""
        self._settings = settings

    def judge(
            self, taken: int | None, size: tuple[int, int], frame_id: str,
            received: int = 0) -> FrameVerdict:
        """
        Say what to do with an image of `size` (width, height) taken at `taken` nanoseconds.

        None stands for a missing stamp. `received` is when it arrived, on the same clock; used
        only where the stamp is missing, and only if the settings say so.
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
        """Remember the frame that was put to use."""
        if self._last is None or verdict.outcome is FrameOutcome.RESET:
            self._first = verdict.taken
        self._last = (verdict.taken, size, frame_id)

    def forget(self) -> None:
        """Take the next image as the first one."""
        self._last = None


def seconds(nanoseconds: int) -> float:
    """Return the double that is nearest to a whole number of nanoseconds."""
    return nanoseconds / NANOSECONDS


def _readable(nanoseconds: int) -> str:
    return f'{nanoseconds // NANOSECONDS}.{nanoseconds % NANOSECONDS:09d}'
