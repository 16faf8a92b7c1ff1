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

"""What the node knows of its own condition, counted exactly and told in /diagnostics."""

from __future__ import annotations

from collections import Counter, deque
import threading
import time

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
import numpy as np

WINDOW = 1000
"""Latest frames that the percentiles of latency are taken over."""
RATE_WINDOW = 5.0
"""Seconds that the input rate is measured over."""
FAILURES_IN_A_ROW = 10
"""After so many frames in a row that the tracker failed on, this is an error, not bad luck."""
OVERWRITTEN = 'a newer frame came first'
"""Reason of the drops that are no fault: queue 'latest' is meant to skip."""


class Health:
    """
    Counters and latencies, filled by the executor and the worker, read by the report.

    Stages are in seconds: `wait` in the mailbox, `decode`, `update` of the tracker, `publish`,
    and `total` from received to published.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.labels: dict[str, str] = {}
        """Things that do not change while configured: method, device."""
        self.state = 'unconfigured'
        self.problem = ''
        """Why the node does not work, if it does not."""
        self.clear()

    def clear(self) -> None:
        """Start counting anew."""
        with self._lock:
            self.received = 0
            self.published = 0
            self.lost = 0
            self.alive = 0
            self.dropped: Counter[str] = Counter()
            self.resets: Counter[str] = Counter()
            self.failures_in_a_row = 0
            self.last_failure = ''
            self._arrivals: deque[float] = deque(maxlen=WINDOW)
            self._stages: dict[str, deque[float]] = {}
            self._faults_reported = 0
            self._last_sign = time.monotonic()

    def start_waiting(self) -> None:
        """Measure silence from now on."""
        with self._lock:
            self._last_sign = time.monotonic()

    def receive(self) -> None:
        """Count an image that came in."""
        with self._lock:
            self.received += 1
            self._last_sign = time.monotonic()
            self._arrivals.append(self._last_sign)

    def drop(self, reason: str, count: int = 1) -> None:
        """Count frames that are not published, by reason."""
        if count:
            with self._lock:
                self.dropped[reason] += count

    def reset(self, reason: str) -> None:
        """Count a reset of the tracker, by reason."""
        with self._lock:
            self.resets[reason] += 1

    def lose(self, count: int) -> None:
        """Count images that the middleware reports as lost on the way."""
        with self._lock:
            self.lost += count

    def fail(self, failure: str) -> None:
        """Count a frame that the tracker raised an exception on."""
        with self._lock:
            self.dropped['tracker failed'] += 1
            self.failures_in_a_row += 1
            self.last_failure = failure

    def publish(self, stages: dict[str, float], alive: int) -> None:
        """Count a published frame, with the seconds that each stage took."""
        with self._lock:
            self.published += 1
            self.failures_in_a_row = 0
            self.alive = alive
            for stage, seconds in stages.items():
                self._stages.setdefault(stage, deque(maxlen=WINDOW)).append(seconds)

    def silence(self) -> float:
        """Return the seconds since the last image, or since counting began."""
        with self._lock:
            return time.monotonic() - self._last_sign

    def rate(self) -> float:
        """Return the input rate in Hz over the last seconds."""
        with self._lock:
            now = time.monotonic()
            recent = [arrival for arrival in self._arrivals if now - arrival < RATE_WINDOW]
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) / max(now - recent[0], 1e-9)

    def report(self, name: str) -> DiagnosticStatus:
        """Return the whole condition as a diagnostic status called `name`."""
        rate = self.rate()
        with self._lock:
            level, summary = self._judgement(rate)
            values = {'state': self.state, **self.labels}
            values |= {
                'input rate [Hz]': f'{rate:.2f}',
                'frames in': str(self.received),
                'frames out': str(self.published),
                'frames dropped': str(self.dropped.total()),
                'images lost on the way': str(self.lost),
                'tracks alive': str(self.alive),
                'failures in a row': str(self.failures_in_a_row)}
            values |= {f'dropped: {reason}': str(count)
                       for reason, count in sorted(self.dropped.items())}
            values |= {f'resets: {reason}': str(count)
                       for reason, count in sorted(self.resets.items())}
            for stage, seconds in self._stages.items():
                percentiles = np.percentile(np.asarray(seconds) * 1e3, (50, 95, 99))
                values[f'latency {stage} p50/p95/p99 [ms]'] = '/'.join(
                    f'{value:.2f}' for value in percentiles)
            if self.last_failure:
                values['last failure'] = self.last_failure
        return DiagnosticStatus(
            level=level, name=name, message=summary, hardware_id=self.labels.get('device', ''),
            values=[KeyValue(key=key, value=value) for key, value in values.items()])

    def _judgement(self, rate: float) -> tuple[bytes, str]:
        """Return the level and one sentence; what was a fault counts once, in the next report."""
        faults = self.dropped.total() - self.dropped[OVERWRITTEN] + self.lost
        new, self._faults_reported = faults - self._faults_reported, faults
        if self.failures_in_a_row >= FAILURES_IN_A_ROW:
            return DiagnosticStatus.ERROR, (
                f'the tracker failed on {self.failures_in_a_row} frames in a row: '
                f'{self.last_failure}')
        if self.problem:
            return DiagnosticStatus.ERROR, self.problem
        if self.state != 'active':
            return DiagnosticStatus.OK, self.state
        silence = time.monotonic() - self._last_sign
        if silence > RATE_WINDOW:
            return DiagnosticStatus.WARN, f'no image for {silence:.0f} s'
        if new:
            return DiagnosticStatus.WARN, (
                f'{new} frames dropped or lost since the last report')
        return DiagnosticStatus.OK, f'tracking at {rate:.1f} Hz, {self.alive} tracks'
