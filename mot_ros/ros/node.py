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

"""TrackerNode: images in, tracks out. Wiring only; the work is in the modules it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import time
import traceback
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger
from vision_msgs.msg import Detection2DArray, LabelInfo

from mot_ros.ros.conversion import to_detections, to_label_info, to_track_array
from mot_ros.ros.graph import LARGE_IMAGES, why_silent
from mot_ros.ros.health import Health, OVERWRITTEN
from mot_ros.ros.images import input_qos, subscribe_and_count_losses
from mot_ros.ros.loading import load_detector, load_tracker
from mot_ros.ros.mailbox import Mailbox
from mot_ros.ros.parameters import Parameters
from mot_ros.ros.process import run
from mot_ros.ros.worker import Arrival, Worker
from mot_ros.tracking.config import NodeSettings, Settings
from mot_ros.tracking.contracts import Detector, Tracker
from mot_ros.tracking.errors import ConfigError, MotError
from mot_ros.tracking.sequence import SequenceGuard
from mot_ros.tracking.settings import flatten
from mot_ros.tracking.threads import share_cores
from mot_ros.tracking.types import Frame, Tracks

try:
    from mot_ros_msgs.msg import TrackArray
except ImportError:
    TrackArray = None

SILENCE = 5.0
"""Seconds without an image after which the log says why that may be."""
STOP_TIMEOUT = 10.0
"""Seconds that deactivating waits for the frame in hand."""


class TrackerNode(LifecycleNode):
    """
    Subscribes to `image` and publishes `~/tracks`, one message per accepted frame.

    Configuring loads the detector, activating subscribes. The subscription only fills a mailbox;
    a worker thread empties it, so services, parameters and diagnostics answer during inference.
    The factories take the place of the real detector and method in tests.
    """

    def __init__(
            self, *, make_detector: Callable[[Settings], Detector] = load_detector,
            make_tracker: Callable[[Settings, Detector], Tracker] = load_tracker,
            **node_arguments: Any) -> None:
        super().__init__('tracker', **node_arguments)
        self._make_detector = make_detector
        self._make_tracker = make_tracker
        self._declared = Parameters(self)
        self._health = Health()
        self._settings = NodeSettings()
        self._class_names: Sequence[str] = ()
        self._worker: Worker | None = None
        self._mailbox: Mailbox[Arrival] | None = None
        self._image_subscription: Any = None
        self._outputs: dict[str, Any] = {}
        self._silence_explained = False
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # a steady clock: a paused /clock must not silence the diagnostics
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0, self._report, clock=self._steady_clock)
        self.create_service(Trigger, '~/reset', self._on_reset)
        self.create_service(SetBool, '~/enable', self._on_enable)

    def autostart(self) -> None:
        """Configure and activate, if the parameter `autostart` says so."""
        if (self.get_parameter('autostart').value
                and self.trigger_configure() == TransitionCallbackReturn.SUCCESS):
            self.trigger_activate()

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
        """Let go of detector, method and publishers; parameters can change again."""
        return self._guarded('clean up', self._release)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and let go of everything."""
        return self._guarded('shut down', self._release)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of everything, so that the node can be configured anew."""
        return self._guarded('recover', self._release)

    def destroy_node(self) -> None:
        """Stop the worker before the publishers go."""
        self._guarded('stop', self._release)
        super().destroy_node()

    def _guarded(self, what: str, step: Callable[[], None]) -> TransitionCallbackReturn:
        """Run a transition; what it raises is logged and fails it, and never leaves the node."""
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
            detector = self._make_detector(settings)
            tracker = self._make_tracker(settings, detector)
            # else the first image would wait for what the first run sets up
            getattr(detector, 'warm_up', lambda: None)()
        except Exception:
            self._release()
            raise
        self._class_names = list(detector.class_names)
        self._health.clear()
        self._health.labels = {
            'method': settings.method, 'device': str(getattr(detector, 'device', settings.device))}
        self._outputs['tracks'] = self.create_publisher(Detection2DArray, '~/tracks', 10)
        self._outputs['label_info'] = self.create_publisher(
            LabelInfo, '~/label_info',
            QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        if TrackArray is not None:
            self._outputs['track_states'] = self.create_publisher(
                TrackArray, '~/track_states', 10)
        self._worker = Worker(
            tracker, SequenceGuard(settings.sequence), self._publish, self._health,
            self.get_logger())
        self._declared.locked = True
        self._health.state = 'inactive'
        self.get_logger().info('configured: ' + ', '.join(
            f'{name}={value}' for name, value in flatten(settings).items()))

    def _activate(self) -> None:
        settings = self._settings
        if self._worker is None or not self._worker.stop(timeout=1.0):
            raise ConfigError('the tracker is still busy with a frame from before; wait for it')
        self._mailbox = Mailbox(1 if settings.queue == 'latest' else settings.queue_depth)
        self._worker.start(self._mailbox)
        self._outputs['label_info'].publish(to_label_info(
            self._class_names, Header(stamp=self.get_clock().now().to_msg()),
            settings.detector.score_floor))
        self._image_subscription = subscribe_and_count_losses(
            self, self._on_image, input_qos(settings), self._on_lost)
        self._silence_explained = False
        self._health.state = 'active'
        self._health.start_waiting()
        self.get_logger().info(f'tracking images on {self._image_topic()}')

    def _deactivate(self) -> None:
        if self._image_subscription is not None:
            self.destroy_subscription(self._image_subscription)
            self._image_subscription = None
        self._health.state = 'inactive'
        if self._worker is not None and not self._worker.stop(STOP_TIMEOUT):
            raise ConfigError(f'the tracker did not finish its frame within {STOP_TIMEOUT:g} s')

    def _release(self) -> None:
        try:
            self._deactivate()
        finally:
            for publisher in self._outputs.values():
                self.destroy_publisher(publisher)
            self._outputs = {}
            self._worker = self._mailbox = None
            self._health.state = 'unconfigured'
            self._declared.locked = False

    def _image_topic(self) -> str:
        return str(self.resolve_topic_name('image'))

    def _on_image(self, message: Image) -> None:
        self._health.receive()
        self._silence_explained = False
        if self._mailbox is not None:
            lost = self._mailbox.put(Arrival(
                message, self.get_clock().now().nanoseconds, time.monotonic()))
            self._health.drop(
                OVERWRITTEN if self._settings.queue == 'latest' else 'queue full', lost)

    def _publish(self, message: Image, frame: Frame, tracks: Tracks) -> None:
        """Publish the tracks of a frame; the worker calls it."""
        prefix = self._settings.id_prefix
        self._outputs['tracks'].publish(to_detections(
            tracks, message.header, frame.size, id_prefix=prefix, amodal=self._settings.amodal))
        if 'track_states' in self._outputs:
            self._outputs['track_states'].publish(
                to_track_array(tracks, message.header, id_prefix=prefix))

    def _on_lost(self, count: int) -> None:
        self._health.lose(count)
        self.get_logger().warning(
            f'{count} images were lost on the way. {LARGE_IMAGES}', throttle_duration_sec=30.0)

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
        """Publish the diagnostics, and say once why there is no image."""
        report = DiagnosticArray()
        report.header.stamp = self.get_clock().now().to_msg()
        report.status = [self._health.report(f'{self.get_fully_qualified_name()[1:]}: tracking')]
        self._diagnostics.publish(report)
        if (self._image_subscription is not None and not self._silence_explained
                and self._health.silence() > SILENCE):
            self._silence_explained = True
            self.get_logger().warning(f'no image for {SILENCE:g} s: ' + why_silent(
                self, self._image_topic(), input_qos(self._settings).reliability))


def start(**factories: Any) -> TrackerNode:
    """Make the node and, unless a parameter forbids it, set it to work."""
    node = TrackerNode(**factories)
    node.autostart()
    return node


def main(args: Sequence[str] | None = None) -> int:
    """Run the tracker node until a signal ends it."""
    share_cores()
    return run(start, args=args)


if __name__ == '__main__':
    raise SystemExit(main())
