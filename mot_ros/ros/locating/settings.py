# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Parameters of the locator node."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar

from rclpy.node import Node

from mot_ros.localisation.settings import PlacementSettings
from mot_ros.ros.parameters import declare
from mot_ros.tracking.config.schema import group, setting
from mot_ros.tracking.errors import ConfigError

_Kind = TypeVar('_Kind')


@dataclass(frozen=True)
class SyncSettings:
    """How tracks meet depth images and transforms."""

    slop: float = setting(
        0.02, 'most that the stamps of an image and its depth image are apart', 's', minimum=0.0,
        maximum=1.0)
    timeout: float = setting(
        0.2, 'most that tracks wait for transforms and depth images', 's', minimum=0.0,
        maximum=10.0)


@dataclass(frozen=True)
class FollowSettings:
    """How one person is followed; `follow.id` is a parameter beside these."""

    frame: str = setting('followed_person', 'tf frame of the followed person; empty: none')
    max_speed: float = setting(
        2.5, 'speed that the pose of the followed person never exceeds', 'm/s', minimum=0.01,
        maximum=100.0)
    lost_after: float = setting(
        5.0, 'seconds without the person after which the id is reported as ended', 's',
        minimum=0.0)


@dataclass(frozen=True)
class LocatorSettings:
    """Everything that is fixed when the node starts."""

    target_frame: str = setting(
        'odom', 'tf frame that people are located in; it stands still, with z up')
    ground_frame: str = setting(
        'base_footprint', 'tf frame whose plane z = 0 is the ground; empty: only a depth image '
        'decides')
    depth: bool = setting(
        False, 'read the depth image on the topic depth, registered to the image of the tracks')
    rectified: bool = setting(
        False, 'images are rectified: P of camera_info counts, not K and D')
    marker_lifetime: float = setting(
        1.0, 'markers vanish so long after the last tracks; 0: never', 's', minimum=0.0,
        maximum=3600.0)
    placement: PlacementSettings = group(PlacementSettings)
    sync: SyncSettings = group(SyncSettings)
    follow: FollowSettings = group(FollowSettings)

    def __post_init__(self) -> None:
        """Raise ConfigError for settings that contradict each other."""
        if not self.target_frame:
            raise ConfigError('target_frame is empty; name a tf frame that stands still, as odom')
        if not self.ground_frame and not self.depth:
            raise ConfigError(
                'ground_frame is empty and depth is false, so nothing says how far people are: '
                'name the frame of the ground, or set depth to true')


def declare_group(node: Node, kind: type[_Kind], prefix: str = '') -> _Kind:
    """Declare every setting of a class as a read-only parameter; return their values."""
    values: dict[str, Any] = {}
    for item in dataclasses.fields(kind):  # type: ignore[arg-type]
        if 'setting' in item.metadata:
            values[item.name] = declare(node, prefix + item.name, item.metadata['setting'])
        else:
            # those of the geometry need no prefix
            inner = '' if item.name == 'placement' else f'{item.name}.'
            values[item.name] = declare_group(
                node, item.default_factory, prefix + inner)  # type: ignore[arg-type]
    return kind(**values)
