# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Say where tracked people are in the world, and follow one of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection2DArray, Detection3DArray
from visualization_msgs.msg import MarkerArray

from mot_ros.localisation.following import Follower, LocatedPerson
from mot_ros.ros.locating.cdr import read_detections, write_detections_3d
from mot_ros.ros.locating.frame_locator import FrameLocator, PendingTracks, WaitError
from mot_ros.ros.locating.located_messages import (
    LocatedFrame,
    to_located_tracks,
    to_pose_stamped,
    to_transform,
)
from mot_ros.ros.locating.locator_health import LocatorHealth
from mot_ros.ros.locating.person_markers import to_person_markers
from mot_ros.ros.locating.settings import declare_group, LocatorSettings
from mot_ros.ros.locating.transform_listener import TransformListener
from mot_ros.ros.parameter_overrides import LAUNCH_PREFIX
from mot_ros.ros.parameters import use_launched_sim_time
from mot_ros.ros.qos import image_qos
from mot_ros.ros.spin import run

try:
    from mot_ros_msgs.msg import LocatedTrackArray
    from mot_ros_msgs.srv import SelectTrack
except ImportError:
    LocatedTrackArray = SelectTrack = None

FOLLOW_ID = 'follow.id'
WAITING = 100
"""Messages of tracks that may wait for transforms and depth images."""
EXPIRY = 0.02
"""Seconds between two checks for tracks that have waited long enough."""


class LocatorNode(Node):
    """
    Places the people of `tracks` in `target_frame` and publishes `~/tracks`, `~/track_states`.

    It needs `camera_info` and tf, and `depth` where that is set. Each message of tracks gives
    one message, in order, with the stamp of the image; it is empty where nothing can be placed.
    The person `follow.id` is published on `~/followed_pose` and as a tf frame.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__('locator', **node_arguments)
        use_launched_sim_time(self)
        self._settings = settings = declare_group(self, LocatorSettings)
        self._health = LocatorHealth()
        self._follower = Follower(settings.follow.max_speed, settings.follow.lost_after)
        self._declare_follow_id()
        self._waiting: deque[PendingTracks] = deque()
        self._reported_end = False
        self._warned_of = ''
        listener = TransformListener(self, self._advance)
        self._locator = FrameLocator(settings, listener.buffer, self._health)
        self._detections = self.create_publisher(Detection3DArray, '~/tracks', 10)
        self._states = LocatedTrackArray and self.create_publisher(
            LocatedTrackArray, '~/track_states', 10)
        self._markers = self.create_publisher(MarkerArray, '~/markers', 10)
        self._pose = self.create_publisher(PoseStamped, '~/followed_pose', 10)
        self._transform = self.create_publisher(TFMessage, '/tf', 100)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.create_subscription(
            CameraInfo, 'camera_info', self._on_camera_info, image_qos('best_effort', 1))
        if settings.depth:
            self.create_subscription(
                Image, 'depth', self._on_depth, image_qos('best_effort', 5))
        self.create_subscription(Detection2DArray, 'tracks', self._on_tracks, WAITING, raw=True)
        self.create_service(Trigger, '~/follow_nearest', self._on_follow_nearest)
        self.create_service(Trigger, '~/stop', self._on_stop)
        if SelectTrack is not None:
            self.create_service(SelectTrack, '~/follow', self._on_select)
        # a paused /clock must not keep tracks waiting, nor silence the diagnostics
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(EXPIRY, self._advance, clock=self._steady_clock)
        self.create_timer(1.0, self._report, clock=self._steady_clock)

    def _declare_follow_id(self) -> None:
        given = {name: parameter.value for name, parameter in self._parameter_overrides.items()}
        value = given.get(LAUNCH_PREFIX + FOLLOW_ID) or given.get(FOLLOW_ID, '')
        # follow.id:=7 is read as a number
        self.declare_parameter(
            FOLLOW_ID, str(value), ParameterDescriptor(
                description='id of the track to follow, as the tracker publishes it; empty: '
                'none'), ignore_override=True)
        self._follower.select(str(value))
        self.add_on_set_parameters_callback(self._on_parameters)

    def _on_parameters(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        for parameter in parameters:
            if parameter.name == FOLLOW_ID:
                if not isinstance(parameter.value, str):
                    return SetParametersResult(
                        successful=False, reason=f'{FOLLOW_ID} is {parameter.value!r}; it must '
                        "be a string: write it in quotes, as '7'")
                self._select(parameter.value)
        return SetParametersResult(successful=True)

    def _select(self, target: str) -> None:
        self._follower.select(target)
        self._reported_end = False
        self.get_logger().info(f'following {target}' if target else 'following nobody')

    def _on_camera_info(self, info: CameraInfo) -> None:
        self._locator.take_camera_info(info)
        self._advance()

    def _on_depth(self, image: Image) -> None:
        self._locator.take_depth(image)
        self._advance()

    def _on_tracks(self, raw: bytes) -> None:
        message, boxes = read_detections(raw)
        self._health.receive()
        self._warn_of_frame(message.header.frame_id)
        self._waiting.append(PendingTracks(message, time.monotonic(), boxes))
        self._advance()

    def _warn_of_frame(self, frame_id: str) -> None:
        """Warn once of a frame that is not called optical, as REP 103 wants it."""
        if 'optical' not in frame_id and frame_id != self._warned_of:
            self._warned_of = frame_id
            self.get_logger().warning(
                f'the frame_id {frame_id!r} of the images is not called optical: its z axis has '
                'to point ahead and its y axis down, as in ..._optical_frame (REP 103)')

    def _advance(self) -> None:
        """Locate the tracks that have all they need, or have waited long enough, in order."""
        while self._waiting:
            tracks = self._waiting[0]
            waited = time.monotonic() - tracks.arrived
            last = waited > self._settings.sync.timeout or len(self._waiting) > WAITING
            try:
                frame = self._locator.locate(
                    tracks, (other.stamp for other in list(self._waiting)[1:]), last=last)
            except WaitError as error:
                if error.may_come and not last:
                    return
                self._waiting.popleft()
                self._give_up(tracks.message, error)
                continue
            self._waiting.popleft()
            self._health.spend('wait', waited)
            self._publish(frame)
            self._health.spend('total', time.monotonic() - tracks.arrived)

    def _give_up(self, message: Detection2DArray, error: WaitError) -> None:
        """Publish that nobody can be placed."""
        self._health.fail(error.reason, str(error))
        self.get_logger().warning(str(error), throttle_duration_sec=5.0)
        header = type(message.header)(
            stamp=message.header.stamp, frame_id=self._settings.target_frame)
        self._detections.publish(Detection3DArray(header=header))
        if self._states:
            self._states.publish(LocatedTrackArray(header=header))
        self._health.published += 1

    def _publish(self, frame: LocatedFrame) -> None:
        self._detections.publish(write_detections_3d(frame))
        if self._states and self._states.get_subscription_count():
            self._states.publish(to_located_tracks(frame))
        if self._markers.get_subscription_count():
            self._markers.publish(to_person_markers(frame, self._settings.marker_lifetime))
        self._health.published += 1
        self._follow(frame)

    def _follow(self, frame: LocatedFrame) -> None:
        """Publish the followed person, if this image shows them."""
        stamp = frame.header.stamp.sec + frame.header.stamp.nanosec * 1e-9
        pose = self._follower.update(stamp, {
            detection.id: LocatedPerson(
                frame.state.positions[row], frame.state.velocities[row])
            for row, detection in enumerate(frame.detections)})
        if pose is not None:
            self._reported_end = False
            self._pose.publish(to_pose_stamped(pose, frame.header))
            if self._settings.follow.frame:
                self._transform.publish(TFMessage(transforms=[
                    to_transform(pose, frame.header, self._settings.follow.frame)]))
        elif self._follower.ended and not self._reported_end:
            self._reported_end = True
            self.get_logger().warning(
                f'the followed id {self._follower.target} has not been seen for '
                f'{self._follower.unseen:.1f} s; it may have ended: select another one')

    def _set_follow_id(self, target: str) -> None:
        self.set_parameters([Parameter(FOLLOW_ID, value=target)])

    def _on_follow_nearest(
            self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        target = self._nearest()
        response.success = bool(target)
        response.message = f'following {target}' if target else (
            'nobody is located in the last image, so there is nobody to follow')
        if target:
            self._set_follow_id(target)
        return response

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._set_follow_id('')
        response.success, response.message = True, 'following nobody'
        return response

    def _on_select(self, request: Any, response: Any) -> Any:
        self._set_follow_id(request.id)
        response.success = True
        response.message = f'following {request.id}' if request.id else 'following nobody'
        return response

    def _nearest(self) -> str:
        """Return the id of the person nearest to the camera in the last image; '' if none."""
        return self._follower.nearest(self._locator.camera_position)

    def _report(self) -> None:
        """Publish the diagnostics, once a second."""
        following = {}
        if self._follower.target:
            unseen = self._follower.unseen
            following = {
                'followed id': self._follower.target,
                'followed': 'ended' if self._follower.ended else 'lost' if unseen else 'seen',
                'followed unseen [s]': f'{unseen:.1f}'}
        report = DiagnosticArray()
        report.header.stamp = self.get_clock().now().to_msg()
        report.status = [self._health.report(
            f'{self.get_fully_qualified_name()[1:]}: locating',
            self.resolve_topic_name('tracks'), following)]
        self._diagnostics.publish(report)


def main(args: Sequence[str] | None = None) -> int:
    """Run the locator node until a signal ends it."""
    return run(LocatorNode, args=args)


if __name__ == '__main__':
    raise SystemExit(main())
