# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Count what the locator places and leaves out, and report it as a DiagnosticStatus."""

from __future__ import annotations

from collections import Counter, deque
import time

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from mot_ros.localisation.placements import Placements, PlacementSource
from mot_ros.ros.diagnostics.counters import percentiles, WINDOW

SILENCE = 5.0
"""Seconds without tracks from which the diagnostics warn."""
REMEDIES = {
    'the camera is not above the ground': 'is ground_frame the frame of the floor, with z up?',
    'the camera looks up': 'is the frame_id of the images optical (z ahead, y down), not that '
                           'of the body?',
    'seen at or above the horizon': 'is the frame_id of the images optical (z ahead, y down), '
                                    'and its tilt in tf right?',
    'neither feet nor head are in the image': 'they are too near; a depth image helps (depth)',
    'distance too uncertain': 'a camera at the height of heads sees no distance without feet; a '
                              'depth image helps (depth)'}
"""What to do where people are left out for a reason."""


class LocatorHealth:
    """Counters of frames and people, since the start."""

    def __init__(self) -> None:
        self.received = 0
        self.published = 0
        self.frames: Counter[str] = Counter()
        """Frames in which nobody could be placed, by reason."""
        self.left_out: Counter[str] = Counter()
        self.without_depth: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()
        self.problem = ''
        """Why the last frame has nobody; empty if it was located."""
        self.depth_problem = ''
        """Why the last frame has no depth; empty if it has, or needs none."""
        self.people = 0
        self._depth_ages: deque[float] = deque(maxlen=WINDOW)
        self._times: dict[str, deque[float]] = {}
        self._last_sign = time.monotonic()
        self._reported: Counter[str] = Counter()

    def receive(self) -> None:
        """Count tracks that came."""
        self.received += 1
        self._last_sign = time.monotonic()

    def fail(self, reason: str, explanation: str) -> None:
        """Count a frame in which nobody can be placed."""
        self.frames[reason] += 1
        self.problem = explanation

    def located(self, placed: Placements) -> None:
        """Count the people of a frame."""
        self.problem = ''
        self.people = len(placed.rows)
        self.left_out.update(placed.left_out.values())
        self.without_depth.update(placed.without_depth)
        for source, count in Counter(placed.sources.tolist()).items():
            self.sources[PlacementSource(source).name.lower().replace('_', ' ')] += count

    def pair(self, age: float) -> None:
        """Note by how many seconds a depth image is older than the image of the tracks."""
        self._depth_ages.append(age)
        self.depth_problem = ''

    def spend(self, stage: str, seconds: float) -> None:
        """Note the time of a stage of a frame."""
        self._times.setdefault(stage, deque(maxlen=WINDOW)).append(seconds)

    def report(self, name: str, topic: str, following: dict[str, str]) -> DiagnosticStatus:
        """Return the diagnostics; what was left out warns once, in the next report."""
        level, message = self._judgement(topic)
        values = {
            'frames in': self.received, 'frames out': self.published, 'people': self.people,
            **{f'frames without people: {reason}': count
               for reason, count in sorted(self.frames.items())},
            **{f'placed by {source}': count for source, count in sorted(self.sources.items())},
            **{f'left out: {reason}': count for reason, count in sorted(self.left_out.items())},
            **{f'without depth: {reason}': count
               for reason, count in sorted(self.without_depth.items())}, **following}
        if self._depth_ages:
            values['age of depth p50/p95/p99 [ms]'] = percentiles(self._depth_ages)
        for stage, seconds in self._times.items():
            values[f'latency {stage} p50/p95/p99 [ms]'] = percentiles(seconds)
        if level == DiagnosticStatus.OK and following.get('followed') == 'ended':
            level = DiagnosticStatus.WARN
            message = (f'the followed id {following["followed id"]} has not been seen for '
                       f'{following["followed unseen [s]"]} s: select another one')
        return DiagnosticStatus(
            level=level, name=name, message=message,
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()])

    def _judgement(self, topic: str) -> tuple[bytes, str]:
        """Return the level and one sentence."""
        silence = time.monotonic() - self._last_sign
        new = self.left_out - self._reported
        self._reported = self.left_out.copy()
        if silence > SILENCE:
            return DiagnosticStatus.WARN, (
                f'no tracks on {topic} for {silence:.0f} s: is the tracker running? Remap tracks')
        if self.problem:
            return DiagnosticStatus.ERROR, self.problem
        if self.depth_problem:
            return DiagnosticStatus.WARN, self.depth_problem
        if new:
            reason, count = new.most_common(1)[0]
            remedy = REMEDIES.get(reason, '')
            return DiagnosticStatus.WARN, (
                f'{count} people left out since the last report: {reason}'
                + (f'; {remedy}' if remedy else ''))
        return DiagnosticStatus.OK, f'{self.people} people located'
