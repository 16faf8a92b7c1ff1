# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Annotated video to train on: any of its images at once, and who is on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.annotated import Annotated
from mot_ros.data.datasets.mot import MotRows
from mot_ros.data.datasets.mot_folder import find_sequences
from mot_ros.data.photographs import read_photograph
from mot_ros.data.synthetic.frame_pairs import PairSample
from mot_ros.data.synthetic.image_pairs import Augmentation, FrameView, inside, jittered, mirrored
from mot_ros.data.synthetic.person_crops import CropChoice, CropSample, seen_in
from mot_ros.data.video.image_files import ImageFiles
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.tracking.types import Floats

LEAST = 24
"""Pixels in height from which a box shows enough of a person to know him again."""


@dataclass(frozen=True, eq=False)
class TrackedImages:
    """A sequence: image files in the order of its frames, `rate` in Hz, and its scored boxes."""

    name: str
    files: Sequence[Path]
    rate: float
    truth: MotRows

    def read(self, frame: int) -> NDArray[np.uint8]:
        """Read the image of a frame, from 1, BGR; SourceError if that cannot be done."""
        return read_photograph(self.files[frame - 1])


def read_tracked(folder: str | Path) -> list[TrackedImages]:
    """Read a MOTChallenge sequence with images, or all in a folder; SourceError without truth."""
    return [_tracked(sequence) for sequence in find_sequences(folder)]


def _tracked(sequence: Annotated) -> TrackedImages:
    source = sequence.open_images()
    if not isinstance(source, ImageFiles):
        raise SourceError(
            f'{sequence.name} has no folder of images; a video cannot be looked at anywhere at '
            'once, so write its images first: mot_ros convert')
    truth = sequence.truth[sequence.truth.values > 0]
    if not len(truth):
        raise SourceError(f'{sequence.name}: nobody is annotated; there is nothing to learn')
    if truth.last_frame > len(source.files):
        raise SourceError(
            f'{sequence.name}: the truth goes up to frame {truth.last_frame}, and there are '
            f'{len(source.files)} images; is the folder complete?')
    return TrackedImages(sequence.name, source.files, sequence.rate, truth)


class VideoPairs:
    """
    Pairs of frames of video at most a second apart, in the order of time, as SiamMOT trains.

    Colours of one of them change, and both may be mirrored; the rest is what the video shows.
    """

    def __init__(self, sequences: Sequence[TrackedImages], gap: float = 1.0,
                 augmentation: Augmentation | None = None, seed: int = 0) -> None:
        if not sequences or not gap > 0:
            raise ConfigError(f'{len(sequences)} sequences and a gap of {gap:g} s; both must be '
                              'more than 0')
        self._sequences = sequences
        self._frames = [np.unique(sequence.truth.frames) for sequence in sequences]
        self._ends = np.cumsum([len(frames) for frames in self._frames])
        self._gap = gap
        self._augmentation = augmentation or Augmentation()
        self._seed = seed

    def sample(self, index: int) -> PairSample:
        """Return the pair of a number from 0 on; a round begins once with every frame."""
        number, place = divmod(index, int(self._ends[-1]))
        generator = np.random.default_rng((self._seed, 1, index))
        order = np.random.default_rng((self._seed, 0, number)).permutation(int(self._ends[-1]))
        chosen = int(order[place])
        part = int(np.searchsorted(self._ends, chosen, 'right'))
        sequence, frames = self._sequences[part], self._frames[part]
        one = int(frames[chosen - self._ends[part]])
        near = frames[(np.abs(frames - one) <= self._gap * sequence.rate) & (frames != one)]
        other = int(generator.choice(near)) if len(near) else one
        first, second = sorted((one, other))
        views = [_view(sequence, frame) for frame in (first, second)]
        change = int(generator.integers(2))
        picture = jittered(views[change].image, generator, self._augmentation.jitter)
        views[change] = views[change].scaled(picture, (1.0, 1.0))
        if generator.random() < self._augmentation.flip:
            views = [mirrored(view) for view in views]
        before, after = (inside(view, amodal=True) for view in views)
        return PairSample(
            (before.image, after.image), (before.boxes, after.boxes), (before.ids, after.ids),
            (before.labels, after.labels), (_ones(before), _ones(after)),
            (second - first) / sequence.rate)


def _view(sequence: TrackedImages, frame: int) -> FrameView:
    rows = sequence.truth.at(frame)
    rows = rows[(rows.boxes[:, 2:] > rows.boxes[:, :2]).all(axis=1)]
    boxes = rows.boxes.astype(np.float32)
    return FrameView(
        sequence.read(frame), boxes, boxes, rows.ids, np.zeros(len(boxes), np.int64))


def _ones(view: FrameView) -> Floats:
    # MOTChallenge says how visible people are, but what is not scored is left out already
    return np.ones(len(view.boxes), np.float32)


class TrackCrops:
    """Crops of the people of video: views of a sample are spread over the time of a track."""

    def __init__(self, sequences: Sequence[TrackedImages], choice: CropChoice | None = None,
                 seed: int = 0) -> None:
        self._choice = choice or CropChoice()
        self._seed = seed
        self._people: list[tuple[TrackedImages, MotRows]] = []
        for sequence in sequences:
            tall = sequence.truth.boxes[:, 3] - sequence.truth.boxes[:, 1] >= LEAST
            for who in np.unique(sequence.truth.ids).tolist():
                rows = sequence.truth[tall & (sequence.truth.ids == who)]
                if len(rows) >= self._choice.views:
                    self._people.append((sequence, rows))
        if len(self._people) < 2:
            raise ConfigError(
                f'{len(self._people)} people are {LEAST} pixels tall in {self._choice.views} '
                'frames; nobody can be told from anybody else')

    @property
    def people(self) -> int:
        """Number of people; identities are below it."""
        return len(self._people)

    def sample(self, index: int) -> CropSample:
        """Return the views of a number from 0 on; a round shows everybody once."""
        number, place = divmod(index, len(self._people))
        order = np.random.default_rng((self._seed, 0, number)).permutation(len(self._people))
        who = int(order[place])
        generator = np.random.default_rng((self._seed, 1, index))
        sequence, rows = self._people[who]
        edges = np.linspace(0, len(rows), self._choice.views + 1)
        views = []
        for first, end in itertools.pairwise(edges):
            row = int(generator.integers(int(first), max(int(end), int(first) + 1)))
            image = sequence.read(int(rows.frames[row]))
            views.append(seen_in(
                image, rows.boxes[row].astype(np.float64), self._choice, generator, recorded=True))
        return CropSample(np.stack(views), who)
