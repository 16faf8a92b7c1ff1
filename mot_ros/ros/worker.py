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

"""The worker: one thread that turns images into tracks, and survives all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
import queue
import threading
import time
import traceback

from rclpy.impl.rcutils_logger import RcutilsLogger

from mot_ros.ros.contents import Content
from mot_ros.ros.conversion import ImageError, to_nanoseconds
from mot_ros.ros.engine import changes, Engine
from mot_ros.ros.health import Health
from mot_ros.ros.loading import checksum
from mot_ros.ros.mailbox import Mailbox
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.sequence import Outcome
from mot_ros.tracking.types import Frame, Tracks

LOG_INTERVAL = 5.0
"""Seconds between two log messages of the same reason."""


@dataclass(frozen=True)
class Arrival:
    """A frame in its message, and when it came."""

    content: Content
    received: int
    """Nanoseconds on the node's clock: stands in for a missing stamp, where that is allowed."""
    arrived: float
    """Seconds on the monotonic clock, for latencies."""


class Complaints:
    """Warnings, at most one per reason in LOG_INTERVAL seconds; each says how often it was."""

    def __init__(self, logger: RcutilsLogger) -> None:
        self._logger = logger
        self._counts: Counter[str] = Counter()
        self._last: dict[str, float] = {}

    def warn(self, reason: str, message: str) -> None:
        """Log `message` unless one of the same reason was logged just now."""
        self._counts[reason] += 1
        now = time.monotonic()
        if now - self._last.get(reason, -LOG_INTERVAL) >= LOG_INTERVAL:
            self._last[reason] = now
            count = self._counts[reason]
            self._logger.warning(message + (f' ({count} times so far)' if count > 1 else ''))


class Worker:
    """
    Runs the tracker on what comes into the mailbox, in a thread of its own.

    `publish` is called once per accepted frame, in that thread, with the settings that the
    frame was tracked with; it returns the age of the frame in seconds, or None. Whatever a
    frame causes costs that frame. Reset, enabling and other settings are requests that take
    effect between two frames, so that whoever makes them never waits for the inference.
    """

    def __init__(
            self, engine: Engine,
            publish: Callable[[Content, Frame, Tracks, NodeSettings], float | None],
            health: Health, logger: RcutilsLogger) -> None:
        self._engine = engine
        self._settings = engine.settings
        self._publish = publish
        self._health = health
        self._logger = logger
        self._complaints = Complaints(logger)
        self._mailbox: Mailbox[Arrival] | None = None
        self._thread: threading.Thread | None = None
        self._enabled = True
        self._wanted: queue.SimpleQueue[NodeSettings] = queue.SimpleQueue()
        self._restart_wanted = threading.Event()
        self._flush_wanted = threading.Event()
        self._refused = threading.Event()

    def start(self, mailbox: Mailbox[Arrival]) -> None:
        """Begin to empty `mailbox`."""
        self._mailbox = mailbox
        # a daemon, so that an inference that hangs cannot keep the process from ending
        self._thread = threading.Thread(
            target=self._run, args=(mailbox,), name='tracking', daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Finish the frame in hand and end; False if that took longer than `timeout` seconds."""
        if self._mailbox is not None:
            self._health.drop('deactivated', self._mailbox.close())
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                return False
        self._mailbox = self._thread = None
        return True

    def request_reset(self) -> None:
        """Before the next frame, forget everything: ids restart at 1."""
        self._restart_wanted.set()

    def enable(self, on: bool) -> None:
        """Switch inference on or off; off drops all tracks, ids go on."""
        if not on:
            self._flush_wanted.set()
        self._enabled = on

    def configure(self, settings: NodeSettings) -> None:
        """Before the next frame, take other settings, all at once."""
        self._wanted.put(settings)

    def refused(self) -> NodeSettings | None:
        """Return the settings that stay in use if others could not be taken, once; else None."""
        if not self._refused.is_set() or not self._wanted.empty():
            return None
        self._refused.clear()
        return self._settings

    def _run(self, mailbox: Mailbox[Arrival]) -> None:
        while (arrival := mailbox.take()) is not None:
            try:
                self._handle(arrival)
            except Exception as error:
                failure = f'{type(error).__name__}: {error}'
                self._health.fail(failure)
                self._logger.error(
                    f'a frame was lost, the tracker failed on it: {failure}',
                    throttle_duration_sec=LOG_INTERVAL)
                self._logger.debug(traceback.format_exc())

    def _handle(self, arrival: Arrival) -> None:
        self._obey()
        if not self._enabled:
            self._health.drop('disabled')
            return
        taken = time.monotonic()
        content, guard, tracker = arrival.content, self._engine.guard, self._engine.tracker
        header = content.header
        try:
            size = content.size()
        except ImageError as error:
            self._drop(error.reason, f'image dropped: {error}')
            return
        verdict = guard.judge(
            to_nanoseconds(header.stamp) or None, size, header.frame_id, arrival.received)
        if verdict.outcome is Outcome.DROP:
            self._drop(verdict.reason, verdict.message)
            return
        try:
            frame = content.open(verdict.stamp)
        except ImageError as error:
            self._drop(error.reason, f'image dropped: {error}')
            return
        decoded = time.monotonic()
        if verdict.outcome is not Outcome.ACCEPT:
            tracker.reset(keep_ids=verdict.outcome is Outcome.FLUSH)
            self._health.reset(verdict.reason)
            self._complaints.warn(verdict.reason, verdict.message)
        guard.accept(verdict, size, header.frame_id)
        tracks = tracker.update(frame)
        updated = time.monotonic()
        age = self._publish(content, frame, tracks, self._settings)
        done = time.monotonic()
        self._health.publish({
            'wait': taken - arrival.arrived, 'decode': decoded - taken,
            'update': updated - decoded, 'publish': done - updated,
            'total': done - arrival.arrived}, alive=len(tracks), age=age)

    def _obey(self) -> None:
        """Carry out what was requested since the last frame."""
        while not self._wanted.empty():
            self._change(self._wanted.get())
        if self._flush_wanted.is_set():
            self._flush_wanted.clear()
            self._engine.tracker.reset(keep_ids=True)
            self._health.reset('disabled')
        if self._restart_wanted.is_set():
            self._restart_wanted.clear()
            self._engine.tracker.reset()
            self._engine.guard.forget()
            self._health.reset('requested')

    def _change(self, settings: NodeSettings) -> None:
        """Take other settings, or keep the old ones and say why."""
        differences = changes(self._settings, settings)
        try:
            self._engine.configure(settings)
        except Exception as error:
            self._refused.set()
            self._logger.error(
                f'the settings stay as they are: {differences} could not be done: {error}')
            self._logger.debug(traceback.format_exc())
            return
        self._settings = settings
        self._health.labels = {
            **self._health.labels, 'method': settings.method, 'device': self._engine.device,
            'model': checksum(settings)}
        self._health.drop_warning = settings.drop_warning
        self._logger.info(f'changed: {differences}')

    def _drop(self, reason: str, message: str) -> None:
        self._health.drop(reason, why=message)
        self._complaints.warn(reason, message)
