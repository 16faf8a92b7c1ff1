# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
An annotated sequence, whatever it is stored as, and the place where one lies.

Frames are numbered from 1, as in MOTChallenge. A rule says what of the truth is scored.
`mot15`: no classes; what is not considered is dropped, and a track on it is false. `mot16`: what
is not considered may be a distractor, and a track on one is neither right nor wrong. `kitti`: as
`mot16`, and boxes with the id -1 are regions to ignore. `kitti_labels`: as `kitti`, and tracks
on nothing count from a height on only. `crp`: a track that overlaps a region a little is neither
right nor wrong. `tao`: what is known of a class differs from one video to the next.
`mot_ros.evaluation.scores.ignore_regions` says what distractors and regions do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.mot import Ints, MotRows
from mot_ros.data.limits import MAX_FRAMES
from mot_ros.data.video.frame_source import FrameSource
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.user_files import ANY_SIZE, open_regular
from mot_ros.tracking.sequence import NANOSECONDS

UNKNOWN = 'none'
"""The rule where there is no truth."""
PIECE = 1 << 20
"""Bytes that are read at a time."""


@dataclass(frozen=True, eq=False)
class Annotated:
    """
    One sequence with its truth; images and detections are read when they are asked for.

    `size` is (width, height), `rate` in Hz. `stamps` (L,) int64 are the nanoseconds of each
    frame. `truth` holds every box of the truth, its `values` say whether it is scored (1) or not
    (0); `distractors` (N,) marks the rows that are distractors. `scored` (S,) are the numbers of
    the frames with an annotation, though it be that there is nothing. `checksums` are SHA-256 by
    name; `notes` say what of the truth had to be left out.
    """

    name: str
    size: tuple[int, int]
    rate: float
    stamps: Ints
    rule: str
    truth: MotRows
    distractors: NDArray[np.bool_]
    scored: Ints
    images: Callable[[], FrameSource] | None = None
    """Opens the images; None where there are none."""
    results: Callable[[Path], MotRows] | None = None
    """Reads tracks in the data set's own format, which is not one file for each sequence."""
    public: Callable[[], MotRows] | None = None
    """Reads the detections that come with it; None where there are none."""
    checksums: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    exhaustive: bool = True
    """Whether everything of the classes is annotated in the frames with an annotation."""
    negative: bool = False
    """Whether it is known that there is nothing to find; only then may the truth be empty."""

    classes: tuple[str, ...] = ()
    """Types that are scored, where the data set names types of its own."""

    def __post_init__(self) -> None:
        if not (self.truth.values.any() or self.negative or self.rule == UNKNOWN):
            raise SourceError(
                f'{self.name}: no box of the truth is to be considered; there is nothing to score')

    @property
    def length(self) -> int:
        """How many frames there are."""
        return len(self.stamps)

    def open_images(self) -> FrameSource | None:
        """Open the images; SourceError if they have another size than the truth was made on."""
        if self.images is None:
            return None
        source = self.images()
        if source.size != self.size:
            raise SourceError(
                f'{source.path} is {source.size[0]}x{source.size[1]}, but {self.name} was '
                f'annotated at {self.size[0]}x{self.size[1]}; give the images of this sequence')
        return source


@dataclass(frozen=True)
class SequenceRef(ABC):
    """Where a sequence lies; small, so that it can go to another process, which reads it."""

    name: str

    @abstractmethod
    def read(self) -> Annotated:
        """Read the sequence; SourceError with file, line and value if that cannot be done."""


def even_stamps(length: int, rate: float, where: object = 'the sequence') -> Ints:
    """
    Return the nanoseconds of frames that follow each other evenly, from 0, as stamp_of does.

    SourceError, naming the file `where` the length comes from, for more than MAX_FRAMES.
    """
    if length > MAX_FRAMES:
        raise SourceError(
            f'{where} is of {length} frames, and at most {MAX_FRAMES} are read; correct the '
            'length')
    return np.rint(np.arange(length) * NANOSECONDS / rate).astype(np.int64)


def every_frame(length: int) -> Ints:
    """Return all frame numbers."""
    return np.arange(1, length + 1)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with open_regular(path, ANY_SIZE) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
