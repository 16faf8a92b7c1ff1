# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Which files make a rosbag2, and a frame with the header of its message; without rosbags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mot_ros.data.video.frame_source import IndexedFrame
from mot_ros.data.video.image_files import natural_key
from mot_ros.tracking.errors import SourceError

BAG_SUFFIXES: tuple[str, ...] = ('.mcap', '.db3')
METADATA = 'metadata.yaml'
ROS1_MAGIC = b'#ROSBAG V2.0'


@dataclass(frozen=True)
class MessageFrame(IndexedFrame):
    """A frame with what its message said beside the image; the index counts all messages."""

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


def refuse_ros1(path: Path) -> None:
    """Raise SourceError for a bag of ROS 1, with the command that converts it."""
    if not path.is_file():
        return
    with path.open('rb') as file:
        if file.read(len(ROS1_MAGIC)) == ROS1_MAGIC:
            raise SourceError(
                f'{path} is a bag of ROS 1; convert it with "rosbags-convert --src {path} --dst '
                f'{path.with_suffix("")}" (pip install rosbags), and name that folder')


def is_bag(path: str | Path) -> bool:
    """Say whether a path looks like a rosbag2: a folder with one in it, or a file of one."""
    return bool(storage_files(Path(path)))
