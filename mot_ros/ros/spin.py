# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Run nodes in one executor until a signal; end cleanly, without a traceback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import signal
import sys
import threading
import traceback

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from mot_ros.tracking.errors import MotError

POLL = 0.1
"""Longest delay in seconds until a signal takes effect."""


def run(*make_nodes: Callable[[], Node], args: Sequence[str] | None = None) -> int:
    """
    Make the nodes and spin them until a signal comes or one of them is `finished`.

    Returns the exit code: 0, or 1 after a MotError, or 2 if ROS refuses the command line. An
    exception in a callback costs that callback, not the process.
    """
    # instead of rclpy's handlers, which invalidate the context while callbacks still publish,
    # and let a second signal interrupt the clean-up
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        rclpy.init(
            args=None if args is None else list(args),
            signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:
        sys.stderr.write(f'ROS does not accept the command line: {error}\n')
        return 2
    logger = get_logger('mot_ros')
    executor = SingleThreadedExecutor()
    nodes: list[Node] = []
    try:
        for make_node in make_nodes:
            nodes.append(make_node())
            executor.add_node(nodes[-1])
        while not stop.is_set() and not any(getattr(node, 'finished', False) for node in nodes):
            try:
                executor.spin_once(timeout_sec=POLL)
            except ExternalShutdownException:
                break
            except Exception:
                logger.error(f'a callback failed:\n{traceback.format_exc()}')
        return max((getattr(node, 'exit_code', 0) for node in nodes), default=0)
    except MotError as error:
        logger.fatal(str(error))
        return 1
    finally:
        for node in nodes:
            node.destroy_node()
        executor.shutdown()
        rclpy.try_shutdown()
