# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A video or a folder of images with its truth in a MOT text file beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mot_ros.data.annotated import Annotated, checksum, every_frame, SequenceRef
from mot_ros.data.datasets.mot_folder import read_scored
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.errors import SourceError


@dataclass(frozen=True)
class AnnotatedVideo(SequenceRef):
    """Frame n of the truth is the n-th image; `fps` in Hz goes before what the video says."""

    video: Path
    truth: Path
    fps: float | None = None
    classes: tuple[str, ...] = ()

    def read(self) -> Annotated:
        """Read the truth, and of the video what its file says of it."""
        source = open_source(self.video, self.fps)
        rule, truth, distractors = read_scored(self.truth, self.name, self.classes)
        stamps = np.array(source.stamps(), np.int64)
        length = len(stamps)
        if truth.last_frame > length:
            raise SourceError(
                f'{self.truth} goes to frame {truth.last_frame}, but {self.video} has {length}; '
                'is it the truth of another video?')
        return Annotated(
            name=self.name, size=source.size, rate=source.fps,
            stamps=stamps, rule=rule, truth=truth,
            distractors=distractors, scored=every_frame(length),
            images=partial(open_source, self.video, self.fps),
            checksums={self.truth.name: checksum(self.truth)},
            notes=list(truth.notes))
