# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Count frames, drops, resets and latencies, and report them as a DiagnosticStatus."""

from __future__ import annotations

from collections import Counter, deque
import threading
import time

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
import numpy as np

from mot_ros.ros.diagnostics.memory import memory_in_use

WINDOW = 1000
"""Latest frames that the percentiles of latency are taken over."""
RATE_WINDOW = 5.0
"""Seconds that rates and the share of lost frames are measured over."""
FEWEST = 10
"""Frames that must have come for a share of them to say anything."""
FAILURES_IN_A_ROW = 10
"""After so many frames in a row that the tracker failed on, this is an error, not bad luck."""
OVERWRITTEN = 'a newer frame came first'
"""Reason of the drops that are no fault: queue 'latest' is meant to skip."""
NO_FAULT = (OVERWRITTEN, 'disabled', 'deactivated')
"""Reasons that somebody chose."""
BUSY = 2.0
"""Seconds of work on one frame from which the diagnostics warn of it."""
OTHER_CLOCK = 3600.0
"""Seconds of age from which stamps are those of another clock."""


class Health:
    """
    Counters and latencies, written by the executor and the worker threads.

    Stages are in seconds: `wait` in the frame queue, `decode`, `update` of the tracker, `publish`,
    and `total` from received to published.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.labels: dict[str, str] = {}
        """Method, device and model."""
        self.state = 'unconfigured'
        self.problem = ''
        """Why the node does not work, if it does not."""
        self.what = 'image'
        """What frames come as."""
        self.drop_warning = 1.0
        """Share of frames that may be skipped before that is a warning."""
        self.allowed_silence = RATE_WINDOW
        """Seconds without input that are no warning."""
        self.clear()

    def clear(self) -> None:
        """Start counting anew."""
        with self._lock:
            self.received = 0
            self.published = 0
            self.lost = 0
            self.alive = 0
            self.dropped: Counter[str] = Counter()
            self.left_out: Counter[str] = Counter()
            self.resets: Counter[str] = Counter()
            self.failures_in_a_row = 0
            self.last_failure = ''
            self._incompatible: dict[str, str] = {}
            self._why = ''
            self._arrivals: deque[float] = deque(maxlen=WINDOW)
            self._skips: deque[float] = deque(maxlen=WINDOW)
            self._stages: dict[str, deque[float]] = {}
            self._ages: deque[float] = deque(maxlen=WINDOW)
            self._faults_reported = 0
            self._begun: float | None = None
            self._work = ''
            self._last_sign = time.monotonic()

    def start_waiting(self) -> None:
        """Measure silence from now on."""
        with self._lock:
            self._last_sign = time.monotonic()
            self._incompatible.clear()

    def receive(self) -> None:
        """Count a frame that came in."""
        with self._lock:
            self.received += 1
            self._last_sign = time.monotonic()
            self._arrivals.append(self._last_sign)

    def drop(self, reason: str, count: int = 1, why: str = '') -> None:
        """Count frames that are not published, by reason; `why` explains it in a sentence."""
        if count:
            with self._lock:
                self.dropped[reason] += count
                self._why = why or self._why
                if reason == OVERWRITTEN:
                    self._skips.append(time.monotonic())

    def leave_out(self, what: str, reasons: Counter[str]) -> None:
        """Count boxes or images that were left out, by reason."""
        with self._lock:
            for reason, count in reasons.items():
                self.left_out[f'{what} left out: {reason}'] += count

    def reset(self, reason: str) -> None:
        """Count a reset of the tracker, by reason."""
        with self._lock:
            self.resets[reason] += 1

    def lose(self, count: int, why: str = '') -> None:
        """Count messages that the middleware reports as lost on the way."""
        with self._lock:
            self.lost += count
            self._why = why or self._why

    def refuse(self, policy: str, remedy: str) -> None:
        """Note a publisher that offers less of a policy than is asked for."""
        with self._lock:
            self._incompatible[policy] = remedy

    def fail(self, failure: str) -> None:
        """Count a frame that the tracker raised an exception on."""
        self.drop('tracker failed', why=failure)
        with self._lock:
            self._begun = None
            self.failures_in_a_row += 1
            self.last_failure = failure

    def begin(self, boxes: int | None) -> None:
        """Note that the tracker begins to work on a frame, of so many boxes from elsewhere."""
        frame = 'a frame' if boxes is None else f'a frame of {boxes} boxes'
        with self._lock:
            self._begun, self._work = time.monotonic(), frame

    def begin_change(self) -> None:
        """Note that other settings are being put to use, which may load a network."""
        with self._lock:
            self._begun, self._work = time.monotonic(), 'changed settings'

    def end_change(self) -> None:
        """Note that the settings are in use; input that did not get through is no silence."""
        with self._lock:
            self._begun = None
            self._last_sign = time.monotonic()

    def excuse(self) -> None:
        """Measure silence from now on: this process did not get to take what came."""
        with self._lock:
            self._last_sign = time.monotonic()

    def busy(self) -> str:
        """Return a sentence if the tracker has worked on one thing for long, else nothing."""
        begun, work = self._begun, self._work
        if begun is None or (seconds := time.monotonic() - begun) < BUSY:
            return ''
        return f'busy with {work} for {seconds:.0f} s'

    def publish(self, stages: dict[str, float], alive: int, age: float | None = None) -> None:
        """Count a published frame: the seconds of each stage, and its age on the ROS clock."""
        with self._lock:
            self.published += 1
            self._begun = None
            self.failures_in_a_row = 0
            self.alive = alive
            for stage, seconds in stages.items():
                self._stages.setdefault(stage, deque(maxlen=WINDOW)).append(seconds)
            if age is not None:
                self._ages.append(age)

    def silence(self) -> float:
        """Return the seconds since the last image, or since counting began."""
        with self._lock:
            return time.monotonic() - self._last_sign

    def rate(self) -> float:
        """Return the input rate in Hz over the last seconds."""
        with self._lock:
            now = time.monotonic()
            recent = _recent(self._arrivals, now)
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) / max(now - recent[0], 1e-9)

    def report(self, name: str) -> DiagnosticStatus:
        """Return the whole condition as a diagnostic status called `name`."""
        rate = self.rate()
        memory = memory_in_use()
        with self._lock:
            level, summary = self._judgement(rate)
            values = {'state': self.state, **self.labels}
            values |= {
                'input rate [Hz]': f'{rate:.2f}',
                'frames in': str(self.received),
                'frames out': str(self.published),
                'frames dropped': str(self.dropped.total()),
                'images lost on the way': str(self.lost),
                'skipped in the last 5 s [%]': f'{self._share_skipped() * 100:.0f}',
                'tracks alive': str(self.alive),
                'failures in a row': str(self.failures_in_a_row)}
            values |= {f'dropped: {reason}': str(count)
                       for reason, count in sorted(self.dropped.items())}
            values |= {reason: str(count) for reason, count in sorted(self.left_out.items())}
            values |= {f'resets: {reason}': str(count)
                       for reason, count in sorted(self.resets.items())}
            values |= {f'incompatible QoS: {policy}': remedy
                       for policy, remedy in self._incompatible.items()}
            values |= self._age_of_output()
            for stage, seconds in self._stages.items():
                values[f'latency {stage} p50/p95/p99 [ms]'] = percentiles(seconds)
            values |= memory
            if self.last_failure:
                values['last failure'] = self.last_failure
        return DiagnosticStatus(
            level=level, name=name, message=summary, hardware_id=self.labels.get('device', ''),
            values=[KeyValue(key=key, value=value) for key, value in values.items()])

    def _share_skipped(self) -> float:
        """Return the share of the frames of the last seconds that a newer one overtook."""
        now = time.monotonic()
        came = len(_recent(self._arrivals, now))
        return len(_recent(self._skips, now)) / came if came >= FEWEST else 0.0

    def _age_of_output(self) -> dict[str, str]:
        if not self._ages:
            return {}
        age = float(np.median(np.asarray(self._ages)))
        if not -1.0 < age < OTHER_CLOCK:
            return {'age of output': (
                f'stamps are {age:.0f} s behind the clock of this node: where a bag is replayed, '
                'set use_sim_time and let the player publish /clock')}
        return {'age of output p50/p95/p99 [ms]': percentiles(self._ages)}

    def _judgement(self, rate: float) -> tuple[bytes, str]:
        """Return the level and one sentence; what was a fault counts once, in the next report."""
        faults = self.dropped.total() - sum(self.dropped[name] for name in NO_FAULT) + self.lost
        new, self._faults_reported = faults - self._faults_reported, faults
        why = f': {self._why}' if self._why else ''
        if self.failures_in_a_row >= FAILURES_IN_A_ROW:
            return DiagnosticStatus.ERROR, (
                f'the tracker failed on {self.failures_in_a_row} frames in a row: '
                f'{self.last_failure}')
        if self.problem:
            return DiagnosticStatus.ERROR, self.problem
        if self.state != 'active':
            return DiagnosticStatus.OK, self.state
        if busy := self.busy():
            return DiagnosticStatus.WARN, busy
        silence = time.monotonic() - self._last_sign
        if silence > self.allowed_silence:
            remedies = '; '.join(self._incompatible.values())
            return DiagnosticStatus.WARN, (
                f'no {self.what} for {silence:.0f} s' + (f': {remedies}' if remedies else ''))
        if new:
            return DiagnosticStatus.WARN, (
                f'{new} frames dropped or lost since the last report{why}')
        share = self._share_skipped()
        if share > self.drop_warning:
            return DiagnosticStatus.WARN, (
                f'{share * 100:.0f} % of the frames are skipped, as the tracker takes longer '
                "than the camera: choose the preset 'fast', a smaller detector input, a GPU, or "
                'detect_every')
        return DiagnosticStatus.OK, f'tracking at {rate:.1f} Hz, {self.alive} tracks'


def _recent(times: deque[float], now: float) -> list[float]:
    return [moment for moment in times if now - moment < RATE_WINDOW]


def percentiles(seconds: deque[float]) -> str:
    """Return the 50th, 95th and 99th percentile in milliseconds."""
    return '/'.join(
        f'{value:.2f}' for value in np.percentile(np.asarray(seconds) * 1e3, (50, 95, 99)))
