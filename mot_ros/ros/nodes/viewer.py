# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Visualizer and recorder in one process: debug images go from one to the other within it."""

from __future__ import annotations

from collections.abc import Sequence

from mot_ros.ros.nodes.recorder import RecorderNode
from mot_ros.ros.nodes.visualizer import VisualizerNode
from mot_ros.ros.spin import run


def main(args: Sequence[str] | None = None) -> int:
    """Run both nodes until a signal ends them."""
    return run(VisualizerNode, RecorderNode, args=args)


if __name__ == '__main__':
    raise SystemExit(main())
