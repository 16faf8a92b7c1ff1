# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Run the tracker on queued frames in threads of its own, beside the executor."""

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
from mot_ros.ros.pipeline.frame_queue import DEEP, FrameQueue
from mot_ros.ros.pipeline.loading import labels_of
from mot_ros.ros.pipeline.stages import InlineStage, ThreadedStage
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.runtime.lost_gpu import is_lost
from mot_ros.tracking.runtime.malloc import release_memory
from mot_ros.tracking.sequence import FrameOutcome
from mot_ros.tracking.types import Frame, Tracks


class Worker:
    """
    Runs the tracker on queued frames, in a thread of its own.

    With `pipeline` throughput there are two threads: one checks and decodes the next frame, and
    uploads it to the GPU if there is one, while the other tracks. `publish` is called once per
    accepted frame, in the tracking thread, with the settings of that frame; it returns the age
    of the frame in seconds, or None. An exception costs the frame that caused it, nothing more.
    Reset, enabling and other settings are requests: they take effect between two frames, with no
    frame in work, so that a caller never waits for the inference.
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
        self._admission = FrameAdmission(engine.guard, health, logger)
        self._frame_queue: FrameQueue[ReceivedFrame] | None = None
        self._thread: threading.Thread | None = None
        self._enabled = True
        self._wanted: queue.SimpleQueue[NodeSettings] = queue.SimpleQueue()
        self._restart_wanted = threading.Event()
        self._flush_wanted = threading.Event()
        self._refused = threading.Event()
        self._gpu_lost = threading.Event()

    @property
    def gpu_lost(self) -> bool:
        """Whether a frame failed in such a way that every later one will, in this process."""
        return self._gpu_lost.is_set()

    def start(self, frame_queue: FrameQueue[ReceivedFrame]) -> None:
        """Start the thread that takes frames from `frame_queue`."""
        self._frame_queue = frame_queue
        # a daemon, so that an inference that hangs cannot keep the process from ending
        self._thread = threading.Thread(
            target=self._run, args=(frame_queue,), name='tracking', daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Finish the frame in hand and end; return False if that takes over `timeout` seconds."""
        if self._frame_queue is not None:
            lost = self._frame_queue.close()
            self._health.drop('deactivated', lost)
            if lost >= DEEP:
                release_memory()
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                return False
        self._frame_queue = self._thread = None
        return True

    def request_reset(self) -> None:
        """Reset the tracker before the next frame: ids restart at 1."""
        self._restart_wanted.set()

    def enable(self, on: bool) -> None:
        """Switch inference on or off; off drops all tracks, ids go on."""
        if not on:
            self._flush_wanted.set()
        self._enabled = on

    def configure(self, settings: NodeSettings) -> None:
        """Take other settings before the next frame, all at once."""
        self._wanted.put(settings)

    def refused(self) -> NodeSettings | None:
        """Return the settings that stay in use if others could not be taken, once; else None."""
        if not self._refused.is_set() or not self._wanted.empty():
            return None
        self._refused.clear()
        return self._settings

    def _run(self, frame_queue: FrameQueue[ReceivedFrame]) -> None:
        kind = ThreadedStage if self._settings.pipeline == 'throughput' else InlineStage
        onward: InlineStage[AcceptedFrame] = kind(self._track_safely)
        while (arrival := frame_queue.take()) is not None:
            if frame_queue.drained():
                release_memory()
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
        """Apply what was requested, then return the decoded frame, or None if it is dropped."""
        self._apply_requests(onward)
        if not self._enabled:
            self._health.drop('disabled')
            return None
        admitted = self._admission.admit(arrival)
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
        self._health.begin(None if frame.detections is None else len(frame.detections))
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
        """Count a frame on which the tracker raised an exception."""
        failure = f'{type(error).__name__}: {error}'
        if is_lost(error):
            self._health.problem = f'the GPU is lost: {failure}'
            self._gpu_lost.set()
        self._health.fail(failure)
        self._logger.error(
            f'a frame was lost, the tracker failed on it: {failure}',
            throttle_duration_sec=LOG_INTERVAL)
        self._logger.debug(traceback.format_exc())

    def _apply_requests(self, onward: InlineStage[AcceptedFrame]) -> None:
        """Apply the requests made since the last frame, once that frame is tracked."""
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
        self._health.begin_change()
        try:
            self._engine.configure(settings)
        except Exception as error:
            self._refused.set()
            self._logger.error(
                f'the settings stay as they are: {differences} could not be done: {error}')
            self._logger.debug(traceback.format_exc())
            return
        finally:
            self._health.end_change()
        self._settings = settings
        self._health.labels = {
            **self._health.labels, **labels_of(settings, self._engine.device)}
        self._health.drop_warning = settings.drop_warning
        self._logger.info(f'changed: {differences}')
