# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What the ROS node needs beside the settings of the tracker."""

from __future__ import annotations

from dataclasses import dataclass

from mot_ros.tracking.config.reasons import AT_START, SUBSCRIBED
from mot_ros.tracking.config.schema import group, setting
from mot_ros.tracking.config.tracker import Settings
from mot_ros.tracking.errors import ConfigError


@dataclass(frozen=True)
class ExternalSettings:
    """Detections that another node sends, with detector.type `external`."""

    width: int = setting(
        0, 'width of the images that external detections come from, to which tracks are cut; 0: '
        'that of the image or camera_info, where there is one', 'px', minimum=0, maximum=100000)
    height: int = setting(0, 'their height, likewise', 'px', minimum=0, maximum=100000)
    wait: float = setting(
        1.0, 'how long an image waits for its detections, and they for it, where the method '
        'needs both', 's', minimum=0.0, maximum=60.0)


@dataclass(frozen=True)
class NodeSettings(Settings):
    """What the ROS node needs beside the tracker's settings."""

    image_transport: str = setting(
        'raw', "how images come: 'raw', or 'compressed' (JPEG, PNG) on <image>/compressed",
        choices=('raw', 'compressed'), fixed=SUBSCRIBED)
    queue: str = setting(
        'latest', "'latest': the newest frame wins and nothing waits (live camera); 'all': every "
        'frame in order (replay)', choices=('latest', 'all'), fixed=SUBSCRIBED)
    queue_depth: int = setting(
        1000, "most frames that may wait with queue 'all'", 'frames', minimum=1, maximum=1000000,
        fixed=SUBSCRIBED)
    pipeline: str = setting(
        'latency', "'latency': a frame is decoded in its turn, and is as new as it can be; "
        "'throughput': the next one is decoded, and sent to the GPU, while this one is tracked, "
        'for more frames per second, each up to one frame older',
        choices=('latency', 'throughput'), fixed=SUBSCRIBED)
    reliability: str = setting(
        'auto', "reliability asked of the camera: 'auto' is best effort with queue 'latest' and "
        "reliable with 'all'", choices=('auto', 'best_effort', 'reliable'), fixed=SUBSCRIBED)
    autostart: bool = setting(True, 'configure and activate by itself', fixed=AT_START)
    exit_on_failure: bool = setting(
        False, 'end the process with status 1 where autostart fails, instead of staying '
        'unconfigured until the parameters are repaired', fixed=AT_START)
    strict_parameters: bool = setting(
        True, 'refuse unknown parameters instead of warning of them', fixed=AT_START)
    id_prefix: str = setting('', 'put before every published id, such as the camera name')
    amodal: bool = setting(False, 'let published boxes reach over the border of the image')
    drop_warning: float = setting(
        0.5, 'share of the incoming frames, over 5 s, that may be skipped with queue '
        "'latest' before the diagnostics warn", minimum=0.0, maximum=1.0)
    silence: float = setting(
        5.0, 'so long without input until log and diagnostics say why', 's', minimum=0.5,
        maximum=3600.0)
    external: ExternalSettings = group(ExternalSettings)

    def check(self) -> None:
        """Raise ConfigError if settings contradict each other."""
        super().check()
        if bool(self.external.width) != bool(self.external.height):
            raise ConfigError(
                f'external.width and height are {self.external.width} and '
                f'{self.external.height}; state both, or leave both at 0')
