# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Publish diagnostics once a second, and log why no input comes."""

from __future__ import annotations

import time

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode

from mot_ros.ros.diagnostics.counters import Health
from mot_ros.ros.diagnostics.silent_topic import (
    INCOMPATIBLE,
    large_image_remedy,
    LOST_BOXES,
    TopicRequest,
    why_silent,
)
from mot_ros.ros.qos import Incidents

LATE = 3.0
"""Seconds between two reports from which this process did not get to run."""


class DiagnosticsPublisher:
    """Publishes /diagnostics, and logs faults of the input."""

    def __init__(self, node: LifecycleNode, health: Health) -> None:
        self._node = node
        self._health = health
        # a plain publisher: that of an inactive lifecycle node is silent
        self._diagnostics = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._explained = False
        self._last_asked = time.monotonic()

    @property
    def incidents(self) -> Incidents:
        """Callbacks for events of the middleware."""
        return Incidents(self._on_lost, self._on_incompatible)

    def count_received(self) -> None:
        """Count a message that came."""
        self._health.receive()
        self._explained = False

    def report(self) -> None:
        """Publish the diagnostics."""
        report = DiagnosticArray()
        report.header.stamp = self._node.get_clock().now().to_msg()
        report.status = [
            self._health.report(f'{self._node.get_fully_qualified_name()[1:]}: tracking')]
        self._diagnostics.publish(report)

    def explain_silence(self, wanted: TopicRequest) -> None:
        """Log once why a subscribed topic is silent, if it is."""
        now = time.monotonic()
        if now - self._last_asked > LATE:
            self._health.excuse()
        self._last_asked = now
        allowed = self._health.allowed_silence
        silent = self._health.silence() > allowed and not self._health.busy()
        if not self._explained and silent:
            self._explained = True
            self._node.get_logger().warning(
                f'no {wanted.name} for {allowed:g} s: ' + why_silent(self._node, wanted))

    def wait_for(self, wanted: TopicRequest) -> None:
        """Measure silence of a new subscription from now on."""
        self._explained = False
        self._health.what = wanted.name
        self._health.start_waiting()

    def _on_lost(self, count: int) -> None:
        remedy = large_image_remedy() if self._health.what == 'image' else LOST_BOXES
        self._health.lose(count, remedy)
        self._node.get_logger().warning(
            f'{count} messages were lost on the way. {remedy}', throttle_duration_sec=30.0)

    def _on_incompatible(self, policy: str) -> None:
        remedy = INCOMPATIBLE.get(
            policy, f'a publisher offers less {policy} than is asked for: change it there')
        self._health.refuse(policy, remedy)
        self._node.get_logger().warning(
            f'a publisher of the {self._health.what} does not fit: {remedy}')
