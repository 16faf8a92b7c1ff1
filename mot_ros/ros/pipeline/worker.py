# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The worker: it turns images into tracks beside the executor, and survives all of them."""

from __future__ import annotations

from collections.abc import Callable
import queue
import threading
import time
import traceback

from rclpy.impl.rcutils_logger import RcutilsLogger

from mot_ros.ros.diagnostics.counters import Health
from mot_ros.ros.pipeline.admission import (
    AcceptedFrame,
    FrameAdmission,
    LOG_INTERVAL,
    ReceivedFrame,
)
from mot_ros.ros.pipeline.engine import changes, Engine
from mot_ros.ros.pipeline.frame_messages import FrameMessage
from mot_ros.ros.pipeline.frame_queue import FrameQueue
from mot_ros.ros.pipeline.loading import checksum
from mot_ros.ros.pipeline.stages import InlineStage, ThreadedStage
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.sequence import FrameOutcome
from mot_ros.tracking.types import Frame, Tracks


class Worker:
    """
    Runs the tracker on what comes into the mailbox, in a thread of its own.

    With `pipeline` throughput these are two threads: one judges and decodes the next frame, and
    sends it to the GPU if there is one, while the other tracks. `publish` is called once per
    accepted frame, in the thread that tracks, with the settings that the frame was tracked with;
    it returns the age of the frame in seconds, or None. Whatever a frame causes costs that frame.
    Reset, enabling and other settings are requests that take effect between two frames, with
    nothing under way, so that whoever makes them never waits for the inference.
    """

    def __init__(
            self, engine: Engine,
            publish: Callable[[FrameMessage, Frame, Tracks, NodeSettings], float | None],
            health: Health, logger: RcutilsLogger) -> None:
        self._engine = engine
        self._settings = engine.settings
        self._publish = publish
        self._health = health
        self._logger = logger
        self._intake = FrameAdmission(engine.guard, health, logger)
        self._mailbox: FrameQueue[ReceivedFrame] | None = None
        self._thread: threading.Thread | None = None
        self._enabled = True
        self._wanted: queue.SimpleQueue[NodeSettings] = queue.SimpleQueue()
        self._restart_wanted = threading.Event()
        self._flush_wanted = threading.Event()
        self._refused = threading.Event()

    def start(self, mailbox: FrameQueue[ReceivedFrame]) -> None:
        """Begin to empty `mailbox`."""
        self._mailbox = mailbox
        # a daemon, so that an inference that hangs cannot keep the process from ending
        self._thread = threading.Thread(
            target=self._run, args=(mailbox,), name='tracking', daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Finish what is in hand and end; False if that took longer than `timeout` seconds."""
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

    def _run(self, mailbox: FrameQueue[ReceivedFrame]) -> None:
        kind = ThreadedStage if self._settings.pipeline == 'throughput' else InlineStage
        onward: InlineStage[AcceptedFrame] = kind(self._track_safely)
        while (arrival := mailbox.take()) is not None:
            try:
                admitted = self._prepare(arrival, onward)
            except Exception as error:
                self._lose(error)
                continue
            if admitted is not None:
                onward.put(admitted)
                # a frame is not taken before its turn: until then a newer one may overwrite it
                onward.wait()
        onward.close()

    def _prepare(self, arrival: ReceivedFrame, onward: InlineStage[
            AcceptedFrame]) -> AcceptedFrame | None:
        """Carry out what was requested, then return what is to be tracked of a frame."""
        self._obey(onward)
        if not self._enabled:
            self._health.drop('disabled')
            return None
        admitted = self._intake.admit(arrival)
        if admitted is not None and onward.ahead:
            self._engine.prefetch(admitted.frame)
        return admitted

    def _track_safely(self, admitted: AcceptedFrame) -> None:
        try:
            self._track(admitted)
        except Exception as error:
            self._lose(error)

    def _track(self, admitted: AcceptedFrame) -> None:
        begun = time.monotonic()
        tracker, frame = self._engine.tracker, admitted.frame
        if admitted.outcome is not FrameOutcome.ACCEPT:
            tracker.reset(keep_ids=admitted.outcome is FrameOutcome.FLUSH)
        tracks = tracker.update(frame)
        updated = time.monotonic()
        age = self._publish(admitted.content, frame, tracks, self._settings)
        done = time.monotonic()
        self._health.publish({
            'wait': admitted.taken - admitted.arrived,
            'decode': admitted.decoded - admitted.taken, 'ready': begun - admitted.decoded,
            'update': updated - begun, 'publish': done - updated,
            'total': done - admitted.arrived}, alive=len(tracks), age=age)

    def _lose(self, error: Exception) -> None:
        """Count a frame that something unforeseen was raised on."""
        failure = f'{type(error).__name__}: {error}'
        self._health.fail(failure)
        self._logger.error(
            f'a frame was lost, the tracker failed on it: {failure}',
            throttle_duration_sec=LOG_INTERVAL)
        self._logger.debug(traceback.format_exc())

    def _obey(self, onward: InlineStage[AcceptedFrame]) -> None:
        """Carry out what was requested since the last frame, once that is tracked."""
        if not (self._wanted.qsize() or self._flush_wanted.is_set()
                or self._restart_wanted.is_set()):
            return
        onward.settle()
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
