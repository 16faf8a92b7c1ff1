# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Re-ID data sets: crops of people, with the person and the camera in the name of each file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
import re

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.photographs import read_photograph
from mot_ros.data.synthetic.person_crops import CropChoice, CropSample, seen_in
from mot_ros.tracking.errors import ConfigError, SourceError

_LAYOUTS: tuple[tuple[re.Pattern[str], Callable[[int], int]], ...] = (
    # Market-1501 and those named after it: person, camera, sequence, frame
    (re.compile(r'(\d{4})_c(\d+)s\d+_\d+_\d+'), lambda camera: camera),
    # CUHK03: person and view, five views of each of two cameras
    (re.compile(r'(\d{4})_(\d\d)_[ld]'), lambda view: view // 5),
    # CUHK01: person and view from 1, two views of each of two cameras
    (re.compile(r'(\d{4})(\d{3})'), lambda view: (view - 1) // 2))
"""Patterns of names without ending, and the camera by the second number in them."""
ENDINGS = ('.jpg', '.jpeg', '.png')
MARGIN = 0.1
"""Share of the side by which crops are continued beyond their edges, for boxes with errors."""


@dataclass(frozen=True, eq=False)
class ReidCrop:
    """A file with a crop of a person, seen by a camera."""

    path: Path
    person: int
    camera: int


def find_crops(folder: Path, first: int = 0, last: int = 0) -> list[ReidCrop]:
    """
    Return the crops of a folder whose files are named as in Market-1501, CUHK03 or CUHK01.

    Only of the `first` or `last` so many people, by number, if not 0. An empty list if no file is
    named so; Market-1501's distractors (-1) are left out.
    """
    found = []
    for path in sorted(folder.iterdir()):
        for pattern, camera_of in _LAYOUTS:
            match = pattern.fullmatch(path.stem)
            if match and path.suffix.lower() in ENDINGS:
                found.append(ReidCrop(path, int(match[1]), camera_of(int(match[2]))))
                break
    people = sorted({crop.person for crop in found})
    kept = set(people[:first] if first else people[-last:])
    return [crop for crop in found if crop.person in kept]


def read_crops(folder: Path, limit: str) -> list[ReidCrop]:
    """Return the crops of a folder, of the first `limit` people if it is not empty."""
    if limit and not (limit.isdecimal() and int(limit)):
        raise SourceError(
            f'{folder}={limit}: after a folder of crops comes the number of people to take, '
            'as in cuhk01=771')
    return find_crops(folder, first=int(limit or 0))


class ReidCrops:
    """Views of people from several cameras: those of a sample come from them in turn."""

    def __init__(self, crops: Sequence[ReidCrop], choice: CropChoice | None = None,
                 seed: int = 0) -> None:
        people: dict[tuple[Path, int], dict[int, list[Path]]] = {}
        for crop in crops:
            cameras = people.setdefault((crop.path.parent, crop.person), {})
            cameras.setdefault(crop.camera, []).append(crop.path)
        self._people = [list(cameras.values()) for cameras in people.values() if len(cameras) > 1]
        if len(self._people) < 2:
            raise ConfigError(
                f'{len(self._people)} of {len(people)} people are seen by two cameras; nobody '
                'can be told from anybody else')
        self._choice = choice or CropChoice()
        self._seed = seed

    @property
    def people(self) -> int:
        """Number of people; identities are below it."""
        return len(self._people)

    def sample(self, index: int) -> CropSample:
        """Return the views of a number from 0 on; an epoch shows everybody once."""
        number, place = divmod(index, self.people)
        order = np.random.default_rng((self._seed, 0, number)).permutation(self.people)
        who = int(order[place])
        generator = np.random.default_rng((self._seed, 1, index))
        cameras = [self._people[who][int(each)]
                   for each in generator.permutation(len(self._people[who]))]
        unused = [list(generator.permutation(len(files))) for files in cameras]
        views = []
        for view in range(self._choice.views):
            camera = view % len(cameras)
            if not unused[camera]:
                unused[camera] = list(generator.permutation(len(cameras[camera])))
            views.append(self._view(
                cameras[camera][int(unused[camera].pop())], who, generator))
        return CropSample(np.stack(views), who)

    def _view(self, path: Path, who: int, generator: np.random.Generator) -> NDArray[np.uint8]:
        """Return one crop as a detector would cut it out: with errors, partly occluded."""
        image = read_photograph(path)
        if generator.random() < self._choice.cover:
            image = self._occluded(image, who, generator)
        height, width = image.shape[:2]
        across, along = round(MARGIN * width), round(MARGIN * height)
        wide = np.asarray(cv2.copyMakeBorder(
            image, along, along, across, across, cv2.BORDER_REPLICATE), np.uint8)
        box = np.array([across, along, across + width, along + height], np.float64)
        return seen_in(wide, box, self._choice, generator, recorded=True)

    def _occluded(
            self, image: NDArray[np.uint8], who: int,
            generator: np.random.Generator) -> NDArray[np.uint8]:
        """Put a side or the lower part of somebody else's crop over a crop."""
        other = self._people[(who + int(generator.integers(1, self.people))) % self.people][0][0]
        height, width = image.shape[:2]
        front = np.asarray(cv2.resize(read_photograph(other), (width, height)), np.uint8)
        hidden, result = generator.uniform(.1, .4), image.copy()
        columns, rows = round(hidden * width), round(hidden * height)
        side = int(generator.integers(3))
        if side == 0:
            result[height - rows:] = front[:rows]
        elif side == 1:
            result[:, :columns] = front[:, width - columns:]
        else:
            result[:, width - columns:] = front[:, :columns]
        return result
