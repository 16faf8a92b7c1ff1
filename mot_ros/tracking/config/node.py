# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What the ROS node needs beside the settings of the tracker."""

from __future__ import annotations

from dataclasses import dataclass

from mot_ros.tracking.config.reasons import AT_START, SUBSCRIBED
from mot_ros.tracking.config.schema import group, setting
from mot_ros.tracking.config.tracker import Settings
from mot_ros.tracking.errors import ConfigError

ENCODINGS = (
    'auto', 'bgr8', 'rgb8', 'bgra8', 'rgba8', 'mono8', 'bayer_rggb8', 'bayer_bggr8',
    'bayer_gbrg8', 'bayer_grbg8', 'bgr16', 'rgb16', 'mono16', 'bayer_rggb16', 'bayer_bggr16',
    'bayer_gbrg16', 'bayer_grbg16', '32FC1', 'yuv422', 'yuv422_yuy2')
"""What images may be said to be."""


@dataclass(frozen=True)
class RangeSettings:
    """The values of thermal and depth images, or of 10 and 12 bits in 16, that become grey."""

    low: float = setting(
        0.0, 'value of an image of 16 or 32 bits that becomes black, in its own unit',
        minimum=-1e9, maximum=1e9)
    high: float = setting(
        0.0, 'value that becomes white, such as 4095 of 12 bits in 16; equal to low: the upper 8 '
        'of 16 bits are used', minimum=-1e9, maximum=1e9)


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
    encoding: str = setting(
        'auto', "what raw images are, where their messages do not say (8UC3, 16UC1, 32FC1); "
        "'auto': what they say", choices=ENCODINGS)
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
    range: RangeSettings = group(RangeSettings)
    external: ExternalSettings = group(ExternalSettings)

    def check(self) -> None:
        """Raise ConfigError if settings contradict each other."""
        super().check()
        if bool(self.external.width) != bool(self.external.height):
            raise ConfigError(
                f'external.width and height are {self.external.width} and '
                f'{self.external.height}; state both, or leave both at 0')
        if self.range.low > self.range.high:
            raise ConfigError(
                f'range.low is {self.range.low:g} and range.high {self.range.high:g}; state the '
                'lower one as low')
        if self.encoding == '32FC1' and self.range.low == self.range.high:
            raise ConfigError(
                'encoding is 32FC1 and there is no range; set range.low and range.high to the '
                'least and the greatest value that count, such as 0 and 20 (metres)')
