# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Start the command line and the nodes: set the signal handlers before the heavy imports.

`python -m mot_ros.entry NODE` runs a node where console scripts are not installed.
"""

from __future__ import annotations

from collections.abc import Sequence
import importlib
import sys

from mot_ros import signals
from mot_ros.node_help import asks_for_help, help_of, NODE_HELP

NODES = (
    'camera', 'demo', 'locator', 'recorder', 'replay', 'tracker', 'trackers', 'viewer',
    'visualizer')
INTERRUPTED = 130


def mot_ros() -> int:
    """Run `mot_ros`; return its exit status, 130 after a stop signal."""
    signals.exit_at_once(INTERRUPTED)
    from mot_ros.cli import main

    signals.interrupt()
    return main()


def camera() -> int:
    """Run the camera node."""
    return _node('camera')


def demo() -> int:
    """Run the demo."""
    return _node('demo', status=INTERRUPTED)


def locator() -> int:
    """Run the locator node."""
    return _node('locator')


def recorder() -> int:
    """Run the recorder node."""
    return _node('recorder')


def replay() -> int:
    """Run the replay node."""
    return _node('replay')


def tracker() -> int:
    """Run the tracker node."""
    return _node('tracker')


def trackers() -> int:
    """Run the trackers of several cameras."""
    return _node('trackers')


def visualizer() -> int:
    """Run the visualizer node."""
    return _node('visualizer')


def _node(name: str, status: int = 0, args: Sequence[str] | None = None) -> int:
    """
    Import a node and run it; a stop signal before it is made exits with `status`.

    Where help is asked for it is printed, and nothing is imported or started.
    """
    if name in NODE_HELP and asks_for_help(sys.argv[1:] if args is None else args):
        sys.stdout.write(help_of(name))
        return 0
    signals.exit_at_once(status)
    module = importlib.import_module(f'mot_ros.ros.nodes.{name}')
    result: int = module.main(args)
    return result


def main(args: Sequence[str] | None = None) -> int:
    """Run the node that is named first, with the arguments after it."""
    given = list(sys.argv[1:] if args is None else args)
    if not given or given[0] not in NODES:
        sys.stderr.write(f'name one of the nodes {", ".join(NODES)}\n')
        return 2
    # what argparse and rclpy read
    sys.argv = [given[0], *given[1:]]
    return _node(given[0], INTERRUPTED if given[0] == 'demo' else 0, given[1:])


if __name__ == '__main__':
    sys.exit(main())
