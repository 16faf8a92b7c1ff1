# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Any source of frames by its path; what needs rosbags is imported only for a bag."""

from __future__ import annotations

from pathlib import Path

from mot_ros.data.bags.bag_layout import is_bag
from mot_ros.data.image_reading import AUTO, ImageReading
from mot_ros.data.video.frame_source import FrameSource
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.errors import ConfigError, SourceError


def open_frames(
        source: str | Path, fps: float | None = None, start: int = 0, frames: int | None = None,
        topic: str | None = None, reading: ImageReading = AUTO) -> FrameSource:
    """
    Open a bag, or what `open_source` opens.

    `topic` names the images of a bag; it need not where there is only one such topic.
    `reading` says what its raw images are.
    """
    if is_bag(source):
        try:
            from mot_ros.data.bags.source import BagSource
        except ImportError as error:
            raise ConfigError(
                f'reading a bag needs rosbags ({error}): pip install rosbags') from error
        return BagSource(Path(source), topic, fps, start, frames, reading)
    if reading != AUTO:
        raise SourceError(
            f'{source} is no bag; encoding and range are those of the raw images of a bag: leave '
            'them out')
    if topic is not None:
        raise SourceError(
            f'{source} is no bag, so there is no topic {topic} in it; leave the topic out, or '
            'name the folder of a rosbag2, its .mcap or .db3 file, or a .bag of ROS 1')
    return open_source(source, fps, start, frames)
