# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Sequences of HiEve (Human in Events): labels/track1/NAME.txt beside videos/NAME.mp4.

The lines are those of MOT15, `frame,id,x,y,w,h,flag,-1,-1,-1`, with two differences: frames count
from 0, and every flag but 0 means that the box is considered. Size, rate and length are those of
the video.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mot_ros.data.annotated import Annotated, checksum, every_frame, SequenceRef
from mot_ros.data.datasets.mot import read_truth
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.errors import SourceError

LABELS = ('labels/track1', 'track1', '.')
"""Where the labels may lie in the folder that is given."""
VIDEOS = 'videos'


@dataclass(frozen=True)
class HieveLabels(SequenceRef):
    """The labels of one video; `images` is the video, or a folder of images."""

    labels: Path
    images: Path | None = None

    def read(self) -> Annotated:
        """Read the truth, and of the video what its file says of it."""
        truth = read_truth(self.labels, first=0, any_value=True)
        video = self.images
        if video is None:
            raise SourceError(
                f'{self.labels} has no {VIDEOS}/{self.labels.stem}.mp4 beside its folder, which '
                'tells size and rate; give the video')
        source = open_source(video)
        stamps = np.array(source.stamps(), np.int64)
        length = len(stamps)
        if truth.last_frame > length:
            raise SourceError(
                f'{self.labels} goes to frame {truth.last_frame - 1}, counted from 0, but {video} '
                f'has {length} frames; is it the truth of another video?')
        return Annotated(
            name=self.name, size=source.size, rate=source.fps,
            stamps=stamps, rule='mot15', truth=truth,
            distractors=np.zeros(len(truth), np.bool_), scored=every_frame(length),
            images=partial(open_source, video),
            checksums={self.labels.name: checksum(self.labels)})


def hieve_places(folder: str | Path) -> list[HieveLabels]:
    """Return every sequence of a folder with labels/track1, of track1 itself, or of one file."""
    path = Path(folder)
    files = [path] if path.is_file() else next(
        (found for inner in LABELS if (found := sorted((path / inner).glob('*.txt')))), [])
    if not files:
        raise SourceError(
            f'{path} holds no labels of HiEve; give the folder with labels/track1/NAME.txt in it')
    return [HieveLabels(file.stem, file, _own_video(file)) for file in files]


def _own_video(labels: Path) -> Path | None:
    """Return the video of the same name in the folder of videos, if it is there."""
    folder = labels.resolve().parent
    for videos in (folder.parent.parent / VIDEOS, folder.parent / VIDEOS, folder / VIDEOS):
        if videos.is_dir():
            for file in sorted(videos.iterdir()):
                if file.stem == labels.stem:
                    return file
    return None
