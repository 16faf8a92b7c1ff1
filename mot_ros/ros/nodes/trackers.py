# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Trackers of several cameras in one process: `ros2 run mot_ros trackers front left`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import functools
import sys

from rclpy.exceptions import InvalidNamespaceException
from rclpy.utilities import remove_ros_args
from rclpy.validate_namespace import validate_namespace

from mot_ros.ros.nodes.tracker import start
from mot_ros.ros.pipeline.shared_network import SharedNetwork
from mot_ros.ros.spin import run
from mot_ros.tracking.runtime.malloc import keep_memory
from mot_ros.tracking.runtime.threads import share_cores


def namespaces(names: Sequence[str]) -> list[str]:
    """Return the namespaces of cameras; ValueError, in a sentence, for what cannot be some."""
    found: list[str] = []
    for name in names:
        namespace = f'/{name.strip("/")}'
        try:
            validate_namespace(namespace)
        except InvalidNamespaceException as error:
            raise ValueError(f'{name!r} is no name of a camera: {error}') from error
        if namespace in (*found, '/'):
            raise ValueError(f'{name!r} is not the name of another camera; each needs its own')
        found.append(namespace)
    return found


def main(args: Sequence[str] | None = None, sharing: SharedNetwork | None = None) -> int:
    """Run a tracker node for each camera until a signal ends them."""
    parser = argparse.ArgumentParser(
        prog='trackers', description='Trackers of several cameras in one process, with one '
        'network: CAMERA/tracker takes images from CAMERA/image. What comes after --ros-args is '
        'for all of them; a parameter file may have a section for each, such as /front/tracker.')
    parser.add_argument('cameras', nargs='+', metavar='CAMERA', help='namespace of a camera')
    given = list(sys.argv[1:] if args is None else args)
    try:
        own = remove_ros_args(given)
    except Exception as error:
        sys.stderr.write(f'ROS does not accept the command line: {error}\n')
        return 2
    try:
        cameras = namespaces(parser.parse_args(own).cameras)
    except ValueError as error:
        parser.error(str(error))
    share_cores()
    keep_memory()
    sharing = sharing or SharedNetwork()
    return run(*(functools.partial(
        start, namespace=camera, make_detector=sharing.detector, make_tracker=sharing.tracker)
        for camera in cameras), args=given)


if __name__ == '__main__':
    raise SystemExit(main())
