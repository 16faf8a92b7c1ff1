# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What tests of nodes are made with: a node on this side, processes on the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import contextlib
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from fork_server import can_start, ForkedProcess
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import numpy as np
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from mot_ros.ros.conversion import to_image, to_seconds, to_stamp

ROOT = Path(__file__).resolve().parents[1]
STUB_TRACKER = ROOT / 'test' / 'ros' / 'stub_tracker.py'
PATIENCE = 60.0
"""Seconds after which a condition that did not come true is a failure, not a slow machine."""
RELIABLE = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)


def picture(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (160, 120)) -> np.ndarray:
    """Return a black BGR image of (width, height) with white rectangles xyxy."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for x1, y1, x2, y2 in boxes:
        image[y1:y2, x1:x2] = 255
    return image


def camera_image(
        stamp: float, *boxes: tuple[int, int, int, int], size: tuple[int, int] = (160, 120),
        frame_id: str = 'camera') -> Image:
    """Return such an image as a message."""
    return to_image(
        picture(*boxes, size=size), Header(stamp=to_stamp(stamp), frame_id=frame_id))


def stamps_of(messages: Sequence[Any]) -> list[float]:
    """Return the stamps of messages in seconds, to the microsecond."""
    return [round(message.header.stamp.sec + message.header.stamp.nanosec * 1e-9, 6)
            for message in messages]


def stamp_of(message: Any) -> float:
    """Return the stamp of a message, serialised or not, in seconds."""
    if isinstance(message, bytes):
        message = deserialize_message(message, Detection2DArray)
    return to_seconds(message.header.stamp)


def ids_of(message: Detection2DArray) -> list[str]:
    return [detection.id for detection in message.detections]


def beside_ros() -> str:
    """Return the PYTHONPATH of processes: this checkout, then what a sourced ROS has there."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')]))


class Child:
    """A process with its output in a file."""

    def __init__(
            self, command: Sequence[str], log: Path, environment: Mapping[str, str],
            fresh: bool = True) -> None:
        self._log = log
        environment = {**os.environ, 'PYTHONPATH': beside_ros(), **environment}
        self.process: subprocess.Popen[bytes] | ForkedProcess
        with log.open('wb') as file:
            if not fresh and can_start(command):
                self.process = ForkedProcess(command, log, environment)
            else:
                self.process = subprocess.Popen(
                    list(command), stdin=subprocess.DEVNULL, stdout=file,
                    stderr=subprocess.STDOUT, env=environment, start_new_session=True)

    @property
    def text(self) -> str:
        """Everything written so far."""
        return self._log.read_text(encoding='utf-8', errors='replace')

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for the end by itself; returns the exit status."""
        return self.process.wait(timeout)

    def stop(self, *signals: int) -> int:
        """Send signals, SIGINT by default; returns the exit status."""
        for number in signals or (signal.SIGINT,):
            self.process.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        """End it for good; asked first, as a killed process leaves its shared memory behind."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        self.process.kill()
        self.process.wait()


class Bench:
    """A node on this side of the wire, and waiting for conditions instead of sleeping."""

    def __init__(self) -> None:
        self._context = Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node('bench', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._diagnostics = self.collect(DiagnosticArray, '/diagnostics')
        self._baseline: dict[str, str] = {}

    def close(self) -> None:
        self.node.destroy_node()
        self._executor.shutdown()
        self._context.try_shutdown()

    def spin(self, seconds: float = 0.02) -> None:
        """Handle what comes next."""
        self._executor.spin_once(timeout_sec=seconds)

    def until(
            self, condition: Callable[[], Any], what: str, timeout: float = PATIENCE,
            child: Child | None = None) -> None:
        """Spin until the condition holds; fails after the timeout or if the child dies."""
        deadline = time.monotonic() + timeout
        while not condition():
            self.spin()
            text = '' if child is None else f'\n{child.text}'
            if child is not None and child.process.poll() is not None:
                raise AssertionError(f'the process died before: {what}{text}')
            if time.monotonic() > deadline:
                raise AssertionError(f'not within {timeout:g} s: {what}{text}')

    def collect(
            self, kind: type, topic: str, qos: QoSProfile = RELIABLE, raw: bool = False
            ) -> list[Any]:
        """Subscribe; returns the list that grows."""
        found: list[Any] = []
        self.node.create_subscription(kind, topic, found.append, qos, raw=raw)
        return found

    def camera(self, qos: QoSProfile = RELIABLE, topic: str = 'image') -> Any:
        """Return a publisher of images."""
        return self.node.create_publisher(Image, topic, qos)

    def tracks(self, raw: bool = False) -> list[Any]:
        """Return the list of what the tracker publishes."""
        return self.collect(Detection2DArray, '/tracker/tracks', raw=raw)

    def connected(self, child: Child, camera: Any, *outputs: list[Any]) -> None:
        """
        Wait until the tracker receives from us, and we from it what comes into `outputs`.

        That a topic is known does not mean that its messages arrive already, so images are sent
        until their tracks do. They are not counted and leave no tracks or ids behind.
        """
        self.until(camera.get_subscription_count, 'the camera is heard', child=child)
        if not outputs:
            return
        sent = 0.0
        while not all(output and stamp_of(output[-1]) == sent for output in outputs):
            sent += 0.125
            camera.publish(camera_image(sent))
            deadline = time.monotonic() + 1.0
            # in order: when the last one is back, none is on its way any more
            while time.monotonic() < deadline and not all(
                    output and stamp_of(output[-1]) == sent for output in outputs):
                self.spin()
            if child.process.poll() is not None or sent > 0.125 * PATIENCE:
                raise AssertionError(f'no tracks come\n{child.text}')
        for output in outputs:
            output.clear()
        self.call(Trigger, '/tracker/reset', Trigger.Request())
        self._baseline = self.next_status()

    def count(self, key: str, status: Mapping[str, str] | None = None) -> int:
        """Return a number of the diagnostics, less what `connected` made of it."""
        status = self.status() if status is None else status
        return int(status.get(key, 0)) - int(self._baseline.get(key, 0))

    @property
    def reports(self) -> int:
        """How many diagnostics came."""
        return len(self._diagnostics)

    def status(self, name: str = 'tracker: tracking') -> dict[str, str]:
        """Return the latest diagnostics by key, with `level` and `message`."""
        for array in reversed(self._diagnostics):
            for status in array.status:
                if status.name == name:
                    return {
                        'level': str(int.from_bytes(status.level, 'little')),
                        'message': status.message, 'hardware_id': status.hardware_id,
                        **{value.key: value.value for value in status.values}}
        return {}

    def next_status(self, name: str = 'tracker: tracking') -> dict[str, str]:
        """Return the diagnostics of a report that is made from now on."""
        # by its stamp: older ones may still wait to be taken
        begin = self.node.get_clock().now().nanoseconds * 1e-9

        def fresh() -> bool:
            self._diagnostics[:] = [
                array for array in self._diagnostics if to_seconds(array.header.stamp) > begin]
            return bool(self.status(name))

        self.until(fresh, 'diagnostics')
        return self.status(name)

    def call(self, kind: type, name: str, request: Any, timeout: float = PATIENCE) -> Any:
        """Call a service."""
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready, f'the service {name}')
        future = client.call_async(request)
        self.until(future.done, f'an answer of {name}', timeout)
        self.node.destroy_client(client)
        return future.result()

    def transition(self, name: str) -> bool:
        """Ask the tracker for a lifecycle transition by its name in lifecycle_msgs/Transition."""
        number = getattr(Transition, f'TRANSITION_{name.upper()}')
        return self.call(
            ChangeState, '/tracker/change_state',
            ChangeState.Request(transition=Transition(id=number))).success

    def state(self) -> str:
        return self.call(GetState, '/tracker/get_state', GetState.Request()).current_state.label

    def set_parameters(self, node: str = '/tracker', **values: Any) -> list[Any]:
        """Set parameters one by one; a double underscore stands for the dot."""
        return self.call(SetParameters, f'{node}/set_parameters', SetParameters.Request(
            parameters=_messages(values))).results

    def set_atomically(self, node: str = '/tracker', **values: Any) -> Any:
        """Set parameters all at once or not at all."""
        return self.call(
            SetParametersAtomically, f'{node}/set_parameters_atomically',
            SetParametersAtomically.Request(parameters=_messages(values))).result

    def get_parameter(self, name: str, node: str = '/tracker') -> Any:
        response = self.call(
            GetParameters, f'{node}/get_parameters', GetParameters.Request(names=[name]))
        return rclpy.parameter.parameter_value_to_python(response.values[0])


def _messages(values: Mapping[str, Any]) -> list[Any]:
    return [Parameter(name.replace('__', '.'), value=value).to_parameter_msg()
            for name, value in values.items()]


def ros_args(*remaps: str, **parameters: Any) -> list[str]:
    """Return ROS arguments; a double underscore in a parameter's name stands for the dot."""
    arguments = ['--ros-args']
    for remap in remaps:
        arguments += ['-r', remap]
    for name, value in parameters.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        arguments += ['-p', f'{name.replace("__", ".")}:={text}']
    return arguments


def python(what: Path | str, *arguments: str) -> list[str]:
    """Return the command that runs a script or a module."""
    return [sys.executable, *([str(what)] if isinstance(what, Path) else ['-m', what]), *arguments]


def survivors(output: Path) -> list[int]:
    """Return the processes that inherited the environment of a demo with this output."""
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            if str(output).encode() in (folder / 'environ').read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def wait_for(condition: Callable[[], Any], child: Child) -> None:
    """Wait until a condition holds; fails if the process ends before."""
    deadline = time.monotonic() + 120
    while not condition():
        assert child.process.poll() is None, child.text
        assert time.monotonic() < deadline, child.text
        time.sleep(0.05)
