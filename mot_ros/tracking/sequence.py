# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""SequenceGuard: what the stamp, size and frame_id of an image mean for the tracks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mot_ros.tracking.config import SequenceSettings


class Outcome(Enum):
    """What to do with a frame."""

    ACCEPT = 'accept'
    DROP = 'drop'
    """Do not use it."""
    FLUSH = 'flush'
    """Drop all tracks, then use it; ids go on."""
    RESET = 'reset'
    """Start anew with it; ids restart at 1."""


@dataclass(frozen=True)
class Verdict:
    """The outcome, the short reason it is counted under, and a sentence for the log."""

    outcome: Outcome
    stamp: float
    """Seconds, to be used for motion."""
    reason: str = ''
    message: str = ''


class SequenceGuard:
    """
    Judges every image by its header, before it is decoded.

    `judge` changes nothing, so that an image that then cannot be decoded leaves no trace;
    `accept` is called with the verdict once the frame is in use.
    """

    def __init__(self, settings: SequenceSettings) -> None:
        self._settings = settings
        self._last: tuple[float, tuple[int, int], str] | None = None

    def judge(
            self, stamp: float, size: tuple[int, int], frame_id: str,
            received: float = 0.0) -> Verdict:
        """
        Say what to do with an image of `size` (width, height) taken at `stamp` seconds.

        `received` is when it arrived, on the same clock; used only for a zero stamp, and only
        if the settings say so.
        """
        if stamp == 0:
            if self._settings.zero_stamp == 'refuse':
                return Verdict(
                    Outcome.DROP, stamp, 'zero stamp',
                    'the image has no stamp (0), so motion cannot be measured: let the camera '
                    "driver stamp its images, or set sequence.zero_stamp to 'receive_time'")
            stamp = received
        if self._last is None:
            return Verdict(Outcome.ACCEPT, stamp)
        last, last_size, last_frame_id = self._last
        step = stamp - last
        if step == 0:
            return Verdict(
                Outcome.DROP, stamp, 'duplicate stamp',
                f'the stamp {stamp:.9f} came twice; the second image is dropped')
        if step < -self._settings.jump_back:
            return Verdict(
                Outcome.RESET, stamp, 'time jumped back',
                f'time jumped back by {-step:.3f} s (a bag that loops?): tracker reset, '
                'ids restart at 1')
        if step < 0:
            return Verdict(
                Outcome.DROP, stamp, 'out of order',
                f'the image is {-step:.3f} s older than the last one; it is dropped')
        changes = []
        if step > self._settings.max_gap:
            changes.append(('gap', f'{step:.3f} s without an image'))
        if size != last_size:
            changes.append((
                'image size', f'image size went from {last_size[0]}x{last_size[1]} to '
                f'{size[0]}x{size[1]}'))
        if frame_id != last_frame_id:
            changes.append((
                'frame_id', f'frame_id went from {last_frame_id!r} to {frame_id!r}'))
        if changes:
            reasons, sentences = zip(*changes, strict=True)
            return Verdict(
                Outcome.FLUSH, stamp, ', '.join(reasons),
                '; '.join(sentences) + ': all tracks dropped, ids go on')
        return Verdict(Outcome.ACCEPT, stamp)

    def accept(self, verdict: Verdict, size: tuple[int, int], frame_id: str) -> None:
        """Remember the frame that was put to use."""
        self._last = (verdict.stamp, size, frame_id)

    def forget(self) -> None:
        """Take the next image as the first one."""
        self._last = None
