# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Find the files of ROS packages, and the Fast DDS profile that large images need."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
import sys

from mot_ros.tracking.errors import SourceError

PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
"""Environment variables of the Fast DDS profile: from version 3 on, and before."""
BEFORE_FAST_DDS_3 = ('humble', 'iron', 'jazzy')


def share(package: str, path: str) -> Path:
    """Return a file or folder of a package's share folder; raises SourceError if it has none."""
    prefixes = [*filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(':')), sys.prefix]
    places = [Path(prefix, 'share', package, path) for prefix in prefixes]
    if package == 'mot_ros':
        # in a checkout that is not installed, config/ lies beside the package
        places.insert(0, Path(__file__).resolve().parents[2] / path)
    for place in places:
        if place.exists():
            return place
    raise SourceError(
        f'{path} of the package {package} is in none of {", ".join(map(str, places))}: is the '
        'package installed and its workspace sourced?')


def profile_variable() -> str:
    """
    Return the environment variable that this ROS's Fast DDS reads.

    Only that one is to be set: Kilted would load a profile named by both twice, and complain.
    """
    newer, older = PROFILE_VARIABLES
    return older if os.environ.get('ROS_DISTRO') in BEFORE_FAST_DDS_3 else newer


def use_fast_dds_profile() -> None:
    """Give this process the profile, unless its user has one; has to precede rclpy.init."""
    if any(os.environ.get(name) for name in PROFILE_VARIABLES):
        return
    # without it small images still work, and who receives says when large ones do not
    with contextlib.suppress(SourceError):
        os.environ[profile_variable()] = str(share('mot_ros', 'config/fastdds.xml'))
