# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Connect topics, parameters and lifecycle transitions with the tracking pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import time
import traceback
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_srvs.srv import SetBool, Trigger

from mot_ros.ros.diagnostics.counters import Health, OVERWRITTEN
from mot_ros.ros.diagnostics.publisher import DiagnosticsPublisher
from mot_ros.ros.parameters import Parameters
from mot_ros.ros.pipeline.admission import ReceivedFrame
from mot_ros.ros.pipeline.engine import Engine
from mot_ros.ros.pipeline.external_detections import ClassIds
from mot_ros.ros.pipeline.frame_messages import FrameMessage
from mot_ros.ros.pipeline.frame_queue import FrameQueue
from mot_ros.ros.pipeline.inputs import open_input, PairedInput, Sink
from mot_ros.ros.pipeline.loading import check_change, labels_of, load_detector, load_tracker
from mot_ros.ros.pipeline.outputs import Outputs
from mot_ros.ros.pipeline.worker import Worker
from mot_ros.ros.spin import run
from mot_ros.ros.transitions import answer_impossible_transitions
from mot_ros.signals import STOP
from mot_ros.tracking.config import NodeSettings, Settings
from mot_ros.tracking.config.schema import flatten
from mot_ros.tracking.errors import ConfigError, MotError
from mot_ros.tracking.protocols import Detector, Tracker
from mot_ros.tracking.runtime.malloc import keep_memory
from mot_ros.tracking.runtime.threads import share_cores

FULL = 'the tracker is slower than what comes: raise queue_depth, or set queue:=latest'
STOP_TIMEOUT = 10.0
"""Seconds that deactivating waits for the frame in hand."""
END_TIMEOUT = 1.2
"""Seconds after a stop signal that the end of the process waits for it."""


class TrackerNode(LifecycleNode):
    """
    Subscribes to `image` and publishes `~/tracks`, one message per accepted frame.

    Configuring loads the detector, activating subscribes; with an external detector that is
    `detections`. The subscription only fills a frame queue; a worker thread empties it, so that
    services, parameters and diagnostics answer during inference. Changed settings are handed
    over when a frame is queued, and take effect before the worker's next frame. Tests pass other
    factories than those of the real detector and method.
    """

    def __init__(
            self, *, make_detector: Callable[[Settings], Detector] = load_detector,
            make_tracker: Callable[[Settings, Detector], Tracker] = load_tracker,
            **node_arguments: Any) -> None:
        super().__init__('tracker', **node_arguments)
        self.hangs = False
        """Whether the worker did not finish its frame in time."""
        self.finished = False
        self.exit_code = 0
        answer_impossible_transitions(self)
        self._make_detector = make_detector
        self._make_tracker = make_tracker
        self._declared = Parameters(self)
        self._health = Health()
        self._settings = NodeSettings()
        self._diagnostics_publisher = DiagnosticsPublisher(self, self._health)
        self._class_ids = ClassIds()
        self._engine: Engine | None = None
        self._worker: Worker | None = None
        self._frame_queue: FrameQueue[ReceivedFrame] | None = None
        self._input: Any = None
        self._outputs: Outputs | None = None
        # a steady clock: a paused /clock must not silence the diagnostics
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0, self._report, clock=self._steady_clock)
        self.create_service(Trigger, '~/reset', self._on_reset)
        self.create_service(SetBool, '~/enable', self._on_enable)

    def autostart(self) -> None:
        """
        Configure and activate, if the parameter `autostart` says so.

        Where that fails the process ends with status 1, if `exit_on_failure` says so.
        """
        if not self.get_parameter('autostart').value:
            return
        result = self.trigger_configure()
        if result == TransitionCallbackReturn.SUCCESS:
            STOP.check()
            result = self.trigger_activate()
        if result != TransitionCallbackReturn.SUCCESS and (
                self.get_parameter('exit_on_failure').value):
            self.get_logger().fatal('the start failed, so the process ends (exit_on_failure)')
            self.finished, self.exit_code = True, 1

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters, load detector and method."""
        return self._guarded('configure', self._configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to take images."""
        return self._guarded('activate', self._activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop taking images; the frame in hand is still published."""
        return self._guarded('deactivate', self._deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Delete detector, method and publishers; parameters can change again."""
        return self._guarded('clean up', self._release)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and delete everything."""
        return self._guarded('shut down', self._release)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Delete everything, so that the node can be configured anew."""
        return self._guarded('recover', self._release)

    def begin_to_end(self) -> None:
        """Take no more frames, without waiting for the one in hand."""
        if self._frame_queue is not None:
            self._health.drop('deactivated', self._frame_queue.close())

    def destroy_node(self) -> None:
        """Stop the worker before the publishers go."""
        self._guarded('stop', self._release)
        super().destroy_node()

    def _guarded(self, what: str, step: Callable[[], None]) -> TransitionCallbackReturn:
        """Run a transition; an exception is logged and fails the transition, not the node."""
        try:
            step()
        except Exception as error:
            self._health.problem = f'could not {what}: {error}'
            self.get_logger().error(
                self._health.problem if isinstance(error, MotError)
                else f'could not {what}:\n{traceback.format_exc()}')
            return TransitionCallbackReturn.FAILURE
        self._health.problem = ''
        return TransitionCallbackReturn.SUCCESS

    def _configure(self) -> None:
        try:
            settings = self._settings = self._declared.read()
            with STOP.interruptible():
                engine = Engine(settings, self._make_detector, self._make_tracker)
            self._engine = engine
        except Exception:
            self._release()
            raise
        self._class_ids = ClassIds()
        self._health.clear()
        self._health.drop_warning = settings.drop_warning
        self._health.allowed_silence = settings.silence
        self._health.labels = labels_of(settings, engine.device)
        self._outputs = Outputs(self, engine, self._class_ids)
        self._worker = Worker(engine, self._outputs.publish, self._health, self.get_logger())
        self._declared.lock(settings, lambda wanted: check_change(wanted, engine))
        self._health.state = 'inactive'
        self.get_logger().info('configured: ' + ', '.join(
            f'{name}={value}' for name, value in flatten(settings).items()))

    def _activate(self) -> None:
        settings = self._settings
        if self._worker is None or self._outputs is None or not self._worker.stop(timeout=1.0):
            raise ConfigError('the tracker is still busy with a frame from before; wait for it')
        self._frame_queue = FrameQueue(1 if settings.queue == 'latest' else settings.queue_depth)
        self._worker.start(self._frame_queue)
        self._outputs.publish_labels(settings.detector.score_floor)
        self._open_input()
        self._health.state = 'active'

    def _open_input(self) -> None:
        needs_image = self._engine is not None and self._engine.tracker.needs_image
        self._input = open_input(self, Sink(
            self._take, self._current_settings, self._diagnostics_publisher.incidents,
            self._health, self._class_ids), needs_image=needs_image)
        self._diagnostics_publisher.wait_for(self._input.wanted)
        self.get_logger().info(
            f'tracking {self._input.wanted.kind} on {self._input.wanted.topic}')

    def _reopen_input(self) -> None:
        """Subscribe anew where a changed method needs other topics."""
        external = self._settings.detector_type == 'external'
        if external and self._input is not None and self._engine is not None and (
                isinstance(self._input, PairedInput) != self._engine.tracker.needs_image):
            self._input.close()
            self._open_input()

    def _deactivate(self) -> None:
        if self._input is not None:
            self._input.close()
            self._input = None
        self._health.state = 'inactive'
        timeout = STOP.left(END_TIMEOUT, STOP_TIMEOUT)
        if self._worker is not None:
            self.hangs = not self._worker.stop(timeout)
            if self.hangs:
                raise ConfigError(f'the tracker did not finish its frame within {timeout:.1f} s')

    def _release(self) -> None:
        try:
            self._deactivate()
        finally:
            if self._outputs is not None:
                self._outputs.close()
            self._outputs = self._worker = self._frame_queue = self._engine = None
            self._health.state = 'unconfigured'
            self._declared.unlock()

    def _current_settings(self) -> NodeSettings:
        """Return the current settings, after handing changed ones to the worker."""
        if self._worker is None or self._outputs is None:
            return self._settings
        kept = self._worker.refused()
        if kept is not None:
            self._declared.restore(kept)
            self._settings = kept
        settings = self._declared.changed()
        if settings is None:
            return self._settings
        before, self._settings = self._settings, settings
        self._worker.configure(settings)
        self._health.allowed_silence = settings.silence
        if settings.detector.score_floor != before.detector.score_floor:
            self._outputs.publish_labels(settings.detector.score_floor)
        return settings

    def _take(self, content: FrameMessage) -> None:
        """Queue a frame; called by the input."""
        self._current_settings()
        self._diagnostics_publisher.count_received()
        if self._frame_queue is not None:
            lost = self._frame_queue.put(ReceivedFrame(
                content, self.get_clock().now().nanoseconds, time.monotonic()))
            if self._settings.queue == 'latest':
                self._health.drop(OVERWRITTEN, lost)
            else:
                self._health.drop('queue full', lost, FULL)

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._worker is not None
        if self._worker is None:
            response.message = 'there is nothing to reset: the node is not configured'
        else:
            self._worker.request_reset()
            response.message = 'the next frame starts anew, with id 1'
        return response

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success = self._worker is not None
        if self._worker is None:
            response.message = 'there is nothing to switch: the node is not configured'
        else:
            self._worker.enable(request.data)
            response.message = 'tracking' if request.data else 'images are received, not tracked'
        return response

    def _report(self) -> None:
        """Publish the diagnostics, once a second."""
        self._current_settings()
        self._reopen_input()
        if self._input is not None:
            self._input.expire()
        self._diagnostics_publisher.report()
        if self._worker is not None and self._worker.gpu_lost:
            self.get_logger().fatal(
                f'the GPU cannot be used any more in this process, which ends with status 1 '
                f'(respawn:=true starts it again): {self._health.last_failure}')
            self.finished, self.exit_code = True, 1
        if self._input is not None:
            self._diagnostics_publisher.explain_silence(self._input.wanted)


def start(**factories: Any) -> TrackerNode:
    """Make the node and, unless a parameter forbids it, set it to work."""
    node = TrackerNode(**factories)
    try:
        node.autostart()
    except BaseException:
        node.destroy_node()
        raise
    return node


def main(args: Sequence[str] | None = None) -> int:
    """Run the tracker node until a signal ends it."""
    share_cores()
    keep_memory()
    return run(start, args=args)


if __name__ == '__main__':
    raise SystemExit(main())
