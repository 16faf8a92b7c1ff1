# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""One video of an annotation file in the style of COCO, as frames and boxes that go with them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
import re

import numpy as np

from mot_ros.data.datasets.coco import CocoFile, CocoVideo, NO_CATEGORY, read_results
from mot_ros.data.datasets.mot import Ints, MotRows, NO_ID
from mot_ros.data.datasets.mot_classes import CLASSES
from mot_ros.data.photographs import read_photograph
from mot_ros.data.video.frame_source import (
    checked_rate,
    DecodedImage,
    DEFAULT_IMAGE_RATE,
    FrameSource,
)
from mot_ros.data.video.image_files import read_image
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.tracking.types import Frame

FOLDERS = ('.', 'images', '..', '../images', '../frames')
"""Where the images of a file may be, beside the folder above that is called as it is."""
DRIVE = re.compile('[A-Za-z]:/')
"""Begins a whole path of Windows."""
MAX_SPREAD = 1000
"""Places in a video for each image; beyond that they are no counts."""
DISTRACTOR = CLASSES.index('distractor') + 1


class CocoFrames(FrameSource):
    """
    The images of a video, at the times that their frame_index tells.

    `folder` is what their names are relative to; without one it is looked for around the file.
    A frame_index that only every k-th image has gives a k-th of the rate. Places that no image
    has give no frame. Raises SourceError for a missing image or one of another size than stated.
    """

    def __init__(
            self, file: CocoFile, video: CocoVideo, folder: Path | None = None,
            fps: float | None = None, start: int = 0, frames: int | None = None) -> None:
        files = image_files(file, video, folder)
        places = _places(file, video)
        step = int(np.gcd.reduce(np.diff(places))) if len(places) > 1 else 1
        self._indices = (places - places[0]) // step
        self._images_at = {
            index: (path, image.size) for index, path, image in zip(
                self._indices.tolist(), files, video.images, strict=True)}
        rate = checked_rate(fps) or video.fps or DEFAULT_IMAGE_RATE
        super().__init__(
            file.path, files, int(self._indices[-1]) + 1, rate / step, start, frames)

    def moved(self, rows: MotRows) -> MotRows:
        """Return rows whose frame n is the n-th image as rows by the index of the frame."""
        return MotRows(self._indices[rows.frames - 1] + 1, rows.ids, rows.boxes, rows.values)

    def __iter__(self) -> Iterator[Frame]:
        try:
            yield from super().__iter__()
        finally:
            # a place without an image is none that cannot be read
            self.unreadable = [index for index in self.unreadable if index in self._images_at]

    def _images(self, start: int) -> Generator[DecodedImage, None, None]:
        for index in range(start, int(self._indices[-1]) + 1):
            path, size = self._images_at.get(index, (None, None))
            yield DecodedImage(None) if path is None else self._read(path, size)

    def _read(self, path: Path, size: tuple[int, int] | None) -> DecodedImage:
        """Return the image of a file, turned by its EXIF orientation if the size says so."""
        item = read_image(path)
        if item.image is None or size in (None, item.image.shape[1::-1]):
            return item
        if size == item.image.shape[:2]:
            turned = read_photograph(path)
            if turned.shape[1::-1] == size:
                return DecodedImage(turned)
        raise SourceError(
            f'{path} is {item.image.shape[1]}x{item.image.shape[0]}, but {self.path} states '
            f'{size[0]}x{size[1]}; give the images that the boxes were made for')


@dataclass(frozen=True, eq=False)
class CocoBoxes:
    """
    Truth and detections of a video; frame n is its n-th image.

    `truth_labels` and `detection_labels` (N,) are the category ids of the rows. `classes` (N,)
    are those of the truth as MOT16 numbers them, None where the file knows no such classes.
    `names` are the categories by id.
    """

    names: dict[int, str]
    truth: MotRows | None = None
    truth_labels: Ints | None = None
    classes: Ints | None = None
    detections: MotRows | None = None
    detection_labels: Ints | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def several(self) -> list[str]:
        """The ids and names of the categories that there are boxes of, if of more than one."""
        parts = [labels for labels in (self.truth_labels, self.detection_labels)
                 if labels is not None]
        found = set(np.concatenate(parts).tolist() if parts else []) - {NO_CATEGORY}
        return [f'{number} {self.names.get(number, "?")}' for number in sorted(found)] \
            if len(found) > 1 else []


def boxes_of(
        file: CocoFile, video: CocoVideo, names: Sequence[str] = (),
        results: Path | None = None) -> CocoBoxes:
    """
    Return what the annotations are: truth, or detections if none of them belongs to a track.

    `names` are the categories to take, none: all. `results` are detections that come with truth.
    """
    known = {category.id: category.name for category in file.categories}
    wanted = file.category_ids(names)
    chosen = video.only(np.isin(video.categories, wanted)) if names else video
    if not video.has_tracks:
        if results is not None:
            raise ConfigError(
                f'no annotation of {video.name} in {file.path} has a track_id, so they are its '
                'detections; leave out --detections')
        return _detections(known, chosen)
    rows, notes = chosen.rows, list(chosen.rows.notes)
    loose = int(((rows.ids == NO_ID) & (rows.values != 0)).sum())
    if loose:
        notes.append(
            f'{loose} of {len(rows)} annotations have no track_id; their id is {NO_ID}, which is '
            'that of a region to ignore')
    found, labels = None, None
    if results is not None:
        found, labels = read_results(results, video)
        if names:
            here = np.isin(labels, wanted)
            found, labels = found[here], labels[here]
        found = MotRows(found.frames, np.full(len(found), NO_ID), found.boxes, found.values)
    return CocoBoxes(
        known, rows, chosen.categories, _classes(known, chosen.categories), found, labels, notes)


def image_files(file: CocoFile, video: CocoVideo, folder: Path | None = None) -> list[Path]:
    """Return where the images of a video are; SourceError if one is missing."""
    if not video.images:
        raise SourceError(f'{file.path}: the video {video.name} has no images')
    above = file.path.parent
    folders = [folder] if folder is not None else [
        *(above / name for name in FOLDERS), above / '..' / file.path.stem]
    first = video.images[0].file_name
    root, above_root = _root(first, folders)
    if root is None:
        raise SourceError(
            f'{file.path}: there is no {first} in {", ".join(map(str, folders))}; name the '
            'folder that the images lie in with --images')
    files = [root.joinpath(*PurePosixPath(image.file_name).parts[above_root:])
             for image in video.images]
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise SourceError(
            f'{file.path}: {len(missing)} of the {len(files)} images of {video.name} are '
            f'missing, the first is {missing[0]}; complete them, or name another folder with '
            '--images')
    return files


def _root(name: str, folders: Sequence[Path]) -> tuple[Path | None, int]:
    """
    Return the folder that a name is relative to, and how many of its first parts to leave out.

    Those are parts of a whole path on another machine, of Windows (C:/...) or of any other.
    """
    parts = PurePosixPath(name).parts
    whole = len(parts) if name.startswith('/') or DRIVE.match(name) else 1
    for left_out in range(whole):
        for place in folders:
            if place.joinpath(*parts[left_out:]).is_file():
                return place, left_out
    return None, 0


def _places(file: CocoFile, video: CocoVideo) -> Ints:
    """Return the place of each image, in order."""
    found = [image.frame_index for image in video.images if image.frame_index is not None]
    places = np.array(found or range(len(video.images)), np.int64)
    if len(places) > 1:
        steps = np.diff(places)
        if (places[-1] - places[0]) // np.gcd.reduce(steps) > MAX_SPREAD * len(places):
            raise SourceError(
                f'{file.path}: the images of {video.name} have places from {places[0]} to '
                f'{places[-1]}, and there are {len(places)}; frame_index must count frames')
    return places


def _detections(known: dict[int, str], video: CocoVideo) -> CocoBoxes:
    """Return annotations that belong to no track."""
    kept = video.only(video.rows.values != 0)
    rows, lost = kept.rows, len(video.rows) - len(kept.rows)
    notes = [f'{lost} annotations are marked ignore or iscrowd and are left out'] if lost else []
    found = MotRows(rows.frames, rows.ids, rows.boxes, kept.scores)
    return CocoBoxes(
        known, detections=found, detection_labels=kept.categories, notes=notes)


def _classes(known: dict[int, str], labels: Ints) -> Ints | None:
    """Return the numbers of MOT16's classes, None if the categories are others or one."""
    single = len(known) == 1 and not (labels == NO_CATEGORY).any()
    if single or not set(known.values()) <= set(CLASSES):
        return None
    numbers = {number: CLASSES.index(name) + 1 for number, name in known.items()}
    return np.array([numbers.get(label, DISTRACTOR) for label in labels.tolist()], np.int64)
