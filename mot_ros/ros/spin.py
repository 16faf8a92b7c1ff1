# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Run nodes in one executor until a signal; end cleanly, without a traceback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import os
import sys
import traceback

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from mot_ros.signals import STOP, Stopped
from mot_ros.tracking.errors import MotError

POLL = 0.1
"""Longest delay in seconds until a signal takes effect."""


def run(*make_nodes: Callable[[], Node], args: Sequence[str] | None = None) -> int:
    """
    Make the nodes and spin them until a stop signal comes or one of them is `finished`.

    Returns the exit code: 0, or 1 after a MotError, or 2 if ROS refuses the command line. An
    exception in a callback costs that callback, not the process.
    """
    # instead of rclpy's handlers, which invalidate the context while callbacks still publish,
    # and let a second signal interrupt the clean-up
    STOP.install()
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
    failed = False
    try:
        for make_node in make_nodes:
            STOP.check()
            nodes.append(make_node())
            executor.add_node(nodes[-1])
        while not STOP.requested and not any(getattr(node, 'finished', False) for node in nodes):
            try:
                executor.spin_once(timeout_sec=POLL)
            except ExternalShutdownException:
                break
            except Exception:
                logger.error(f'a callback failed:\n{traceback.format_exc()}')
    except Stopped:
        logger.info('stopped before the start was complete')
    except MotError as error:
        logger.fatal(str(error))
        failed = True
    finally:
        for node in nodes:
            # all at once, so that they end beside each other
            getattr(node, 'begin_to_end', lambda: None)()
        for node in nodes:
            node.destroy_node()
        executor.shutdown()
        rclpy.try_shutdown()
    status = int(failed) or max((getattr(node, 'exit_code', 0) for node in nodes), default=0)
    if any(getattr(node, 'hangs', False) for node in nodes):
        # the end of the interpreter could crash in a thread that is still at work
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status
