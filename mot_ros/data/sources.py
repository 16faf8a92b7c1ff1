# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Any source of frames by its path; what needs rosbags is imported only for a bag."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mot_ros.data.video.frames import FrameSource, natural_key, open_source
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.tracking.types import Frame

BAG_SUFFIXES: tuple[str, ...] = ('.mcap', '.db3')
METADATA = 'metadata.yaml'


@dataclass(frozen=True)
class MessageFrame(Frame):
    """A frame with what its message said beside the image."""

    index: int = 0
    """0-based, among all messages of the topic."""
    frame_id: str = ''
    nanoseconds: int | None = None
    """The stamp, exactly; None if there is none."""
    received: int = 0
    """Nanoseconds; when it was recorded."""


def storage_files(path: Path) -> list[Path]:
    """Return the files with the messages of a bag, in their order; none if it is no bag."""
    if path.is_dir():
        suffixes = BAG_SUFFIXES
        if (path / METADATA).is_file():
            # compressed as a whole, which only the metadata tell how to read
            suffixes += tuple(f'{suffix}.zstd' for suffix in BAG_SUFFIXES)
        files = [file for file in path.iterdir()
                 if file.name.endswith(suffixes) and file.is_file()]
        return sorted(files, key=lambda file: natural_key(file.name))
    return [path] if path.suffix in BAG_SUFFIXES and path.is_file() else []


def is_bag(path: str | Path) -> bool:
    """Say whether a path looks like a rosbag2: a folder with one in it, or a file of one."""
    return bool(storage_files(Path(path)))


def open_frames(
        source: str | Path, fps: float | None = None, start: int = 0, frames: int | None = None,
        topic: str | None = None) -> FrameSource:
    """
    Open a bag, or what `open_source` opens.

    `topic` names the images of a bag; it need not where there is only one such topic.
    """
    if is_bag(source):
        try:
            from mot_ros.data.bags.source import BagSource
        except ImportError as error:
            raise ConfigError(
                f'reading a bag needs rosbags ({error}): pip install rosbags') from error
        return BagSource(Path(source), topic, fps, start, frames)
    if topic is not None:
        raise SourceError(
            f'{source} is no bag, so there is no topic {topic} in it; leave the topic out, or '
            'name the folder of a rosbag2, or its .mcap or .db3 file')
    return open_source(source, fps, start, frames)
