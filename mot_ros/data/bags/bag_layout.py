# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Which files make a bag, and a frame with the header of its message; without rosbags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mot_ros.data.video.frame_source import IndexedFrame
from mot_ros.data.video.image_files import natural_key
from mot_ros.tracking.errors import SourceError

BAG_SUFFIXES: tuple[str, ...] = ('.mcap', '.db3')
METADATA = 'metadata.yaml'
ROS1_SUFFIX = '.bag'
ROS1_MAGIC = b'#ROSBAG V'


@dataclass(frozen=True)
class MessageFrame(IndexedFrame):
    """A frame with what its message said beside the image; the index counts all messages."""

    frame_id: str = ''
    nanoseconds: int | None = None
    """The stamp, exactly; None if there is none."""
    received: int = 0
    """Nanoseconds; when it was recorded."""


def storage_files(path: Path) -> list[Path]:
    """
    Return the files with the messages of a bag, in their order; none if it is no bag.

    SourceError for a folder with several bags of ROS 1: those may be of different rides.
    """
    if path.is_dir():
        suffixes = BAG_SUFFIXES
        if (path / METADATA).is_file():
            # compressed as a whole, which only the metadata tell how to read
            suffixes += tuple(f'{suffix}.zstd' for suffix in BAG_SUFFIXES)
        files = [file for file in path.iterdir()
                 if file.name.endswith(suffixes) and file.is_file()]
        return sorted(files, key=lambda file: natural_key(file.name)) or _ros1_in(path)
    if path.suffix in BAG_SUFFIXES and path.is_file():
        return [path]
    return [path] if is_ros1(path) else []


def is_ros1(path: Path) -> bool:
    """Say whether a file is a bag of ROS 1, whatever its name is."""
    if not path.is_file():
        return False
    with path.open('rb') as file:
        return file.read(len(ROS1_MAGIC)) == ROS1_MAGIC


def is_bag(path: str | Path) -> bool:
    """Say whether a path is a bag of ROS 2 or of ROS 1: a folder with one, or a file of one."""
    return bool(storage_files(Path(path)))


def no_bag(path: Path) -> str:
    """Return the sentence that refuses a path."""
    return (f'{path} is no bag; name the folder of a rosbag2, its .mcap or .db3 file, or a .bag '
            'of ROS 1')


def _ros1_in(folder: Path) -> list[Path]:
    found = [file for file in folder.glob(f'*{ROS1_SUFFIX}') if is_ros1(file)]
    if len(found) > 1:
        names = sorted((file.name for file in found), key=natural_key)
        raise SourceError(
            f'{folder} holds {len(found)} bags of ROS 1 ({", ".join(names[:3])}, ...); name one '
            'of these files')
    return found
