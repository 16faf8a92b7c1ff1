# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Observe tracks and diagnostics of processes that this process started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import time
from typing import Any, TypeVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from vision_msgs.msg import Detection2DArray

from mot_ros.ros.conversion import to_seconds

_Node = TypeVar('_Node', bound=Node)


class MonitorNode(Node):
    """
    Counts tracks and follows the diagnostics of the tracker and the recorder.

    `latencies` are seconds from an image's stamp to the receipt of its tracks: both are taken
    on one machine's clock.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__('monitor', **node_arguments)
        self.frames = 0
        self.identities: set[str] = set()
        self.latencies: list[float] = []
        self._reports: dict[str, tuple[float, DiagnosticStatus]] = {}
        self.create_subscription(Detection2DArray, 'tracks', self._on_tracks, 1000)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)

    def _on_tracks(self, message: Detection2DArray) -> None:
        now = self.get_clock().now().nanoseconds * 1e-9
        self.frames += 1
        self.identities.update(detection.id for detection in message.detections)
        self.latencies.append(now - to_seconds(message.header.stamp))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self._reports[status.name] = time.monotonic(), status

    def problem(self, name: str) -> str:
        """Return the message of the status `name` if it is an error, else nothing."""
        _, status = self._reports.get(name, (0.0, DiagnosticStatus()))
        return status.message if status.level == DiagnosticStatus.ERROR else ''

    def values(self, name: str, since: float = 0.0) -> dict[str, str]:
        """Return the values of status `name` if it came after `since` (monotonic), else none."""
        received, status = self._reports.get(name, (-1.0, DiagnosticStatus()))
        if received < since:
            return {}
        return {value.key: value.value for value in status.values}


@contextlib.contextmanager
def monitoring(
        make_node: Callable[..., _Node], tracks: str = '/tracker/tracks'
        ) -> Iterator[tuple[_Node, Callable[[], None]]]:
    """Make a node that subscribes to `tracks`; yield it and a function that spins it once."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = make_node(cli_args=['--ros-args', '-r', f'tracks:={tracks}'])
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        yield node, lambda: executor.spin_once(timeout_sec=0.1)
    finally:
        node.destroy_node()
        executor.shutdown()
        rclpy.try_shutdown()
