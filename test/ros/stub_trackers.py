# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The trackers of several cameras in one process, with the detector of stub_tracker.py.

Run as a script. Each time that the detector is loaded, a line says so.
"""

from __future__ import annotations

import sys

import stub_tracker

from mot_ros.ros.nodes.trackers import main
from mot_ros.ros.pipeline.shared_network import SharedNetwork
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.protocols import Detector


def make_detector(settings: NodeSettings) -> Detector:
    sys.stdout.write('loaded\n')
    sys.stdout.flush()
    return stub_tracker.make_detector(settings)


if __name__ == '__main__':
    raise SystemExit(main(sharing=SharedNetwork(make_detector, stub_tracker.TellingTracker)))
