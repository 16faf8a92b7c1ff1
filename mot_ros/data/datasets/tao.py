# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Videos of TAO, of which about one frame per second is annotated.

What is annotated of a class differs from video to video: it was looked for and found, looked for
and not there (`neg_category_ids`: each track is false), found but not throughout
(`not_exhaustive_category_ids`: a track on nothing is neither right nor wrong), or never looked
for, and then the video is left out. Frames are all images in the video's folder, in their order;
without images, frame n has the `frame_index` n - 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path, PurePosixPath

import numpy as np

from mot_ros.data.annotated import Annotated, checksum, even_stamps, SequenceRef
from mot_ros.data.datasets.coco import CocoCategory, CocoFile, CocoVideo, read_coco, read_results
from mot_ros.data.datasets.mot import Ints, MotRows, NO_ID
from mot_ros.data.video.frames import open_source
from mot_ros.data.video.image_files import images_in
from mot_ros.tracking.errors import SourceError

RATE = 30.0
"""Of the videos, in Hz, where the file does not say."""
PERSON = 'person'
PERSON_IN_LVIS = 'baby'
"""What LVIS 0.5, and TAO after it, call people: by the first of the synonyms."""


@dataclass(frozen=True, eq=False)
class TaoVideo(SequenceRef):
    """One video of a file; `images` is the folder that its file names start from."""

    file: Path
    video: CocoVideo
    """With the boxes of the chosen classes."""
    exhaustive: bool
    images: Path | None = None
    categories: tuple[int, ...] = ()
    """Ids of the chosen classes, with those that TAO counts as one of them."""
    checksum: str = ''
    """SHA-256 of the file."""

    def read(self) -> Annotated:
        """Find the frames of the video, and say where its boxes are."""
        where = f'{self.file}: video {self.video.name!r}'
        size = self._size(where)
        folder = None if self.images is None else self._folder(self.images, where)
        if folder is None:
            numbers, rate = self._by_index(where), self.video.fps or RATE
            length = int(numbers[-1])
        else:
            numbers, length = self._by_name(folder)
            rate = self._rate(numbers)
        rows = self.video.rows
        if (rows.ids == NO_ID).any():
            raise SourceError(f'{where} has boxes without track_id; give the tracks of TAO')
        return Annotated(
            name=self.name, size=size, rate=rate,
            stamps=even_stamps(length, rate, self.file), rule='tao',
            truth=MotRows(numbers[rows.frames - 1], rows.ids, rows.boxes, rows.values),
            distractors=np.zeros(len(rows), np.bool_), scored=numbers,
            images=None if folder is None else partial(open_source, folder, rate),
            checksums={self.file.name: self.checksum}, exhaustive=self.exhaustive,
            negative=not len(rows), notes=list(rows.notes),
            results=partial(self._results, numbers))

    def _results(self, numbers: Ints, path: Path) -> MotRows:
        """Read the tracks of this video in a list of results; `numbers` are its frames."""
        rows, categories = read_results(path, self.video)
        rows = rows[np.isin(categories, self.categories)]
        if (rows.ids == NO_ID).any():
            raise SourceError(
                f'{path} has results without track_id; of those that begin a track, write it too')
        pairs = np.stack([rows.frames, rows.ids], axis=1)
        found, counts = np.unique(pairs, axis=0, return_counts=True)
        if len(counts) and counts.max() > 1:
            frame, track = found[int(np.argmax(counts))].tolist()
            image = self.video.images[frame - 1].id
            raise SourceError(
                f'{path}: track_id {track} comes twice in image {image}; a track may stand once '
                'per image')
        return MotRows(
            numbers[rows.frames - 1], rows.ids, rows.boxes, rows.values, rows.notes)

    def _size(self, where: str) -> tuple[int, int]:
        sizes = {image.size for image in self.video.images}
        if len(sizes) == 1:
            size = sizes.pop()
            if size is not None:
                return size
        found = ', '.join(str(size) for size in sizes) or 'none'
        raise SourceError(
            f'{where}: its images have the sizes {found}; every one must have the same width '
            'and height')

    def _folder(self, root: Path, where: str) -> Path:
        folders = {PurePosixPath(image.file_name).parent for image in self.video.images}
        if len(folders) != 1:
            raise SourceError(
                f'{where}: its images lie in {len(folders)} folders; one folder holds one video')
        return root / folders.pop()

    def _by_index(self, where: str) -> Ints:
        """Return the frame numbers of the annotated images where there are no images."""
        places = [image.frame_index for image in self.video.images]
        if any(place is None for place in places):
            raise SourceError(
                f'{where}: its images have no frame_index; give the folder of the images')
        return np.array(places, np.int64) + 1

    def _by_name(self, folder: Path) -> tuple[Ints, int]:
        """Return the places of the annotated images among all, and how many these are."""
        if not folder.is_dir():
            raise SourceError(
                f'{folder} cannot be read (No such file or directory); give the folder that the '
                f'file names in {self.file} start from, such as {self.video.images[0].file_name}')
        files = images_in(folder)
        places = {path.name: number for number, path in enumerate(files, 1)}
        for image in self.video.images:
            if PurePosixPath(image.file_name).name not in places:
                raise SourceError(
                    f'{self.images}/{image.file_name} does not exist, but {self.file} annotates '
                    'it; complete the images')
        numbers = [places[PurePosixPath(image.file_name).name] for image in self.video.images]
        if any(after <= before for before, after in pairwise(numbers)):
            raise SourceError(
                f'{folder}: the annotated images are not in the order of their frame_index; name '
                'them as TAO does')
        return np.array(numbers, np.int64), len(files)

    def _rate(self, numbers: Ints) -> float:
        """Return the rate of the images that are there; of a video that is thinned out less."""
        rate = self.video.fps or RATE
        first, last = self.video.images[0].frame_index, self.video.images[-1].frame_index
        if first is None or last is None or first == last:
            return rate
        return rate * int(numbers[-1] - numbers[0]) / (last - first)


def tao_places(
        file: str | Path, images: str | Path | None = None, classes: Sequence[str] = ()
        ) -> list[TaoVideo]:
    """Return the videos in which the classes (people) were looked for, in the file's order."""
    path = Path(file)
    content = read_coco(path)
    wanted = _categories(content, classes)
    numbers = {category.id for category in wanted}
    members = numbers.union(*(category.merged for category in wanted))
    digest = checksum(path)
    found: dict[str, TaoVideo] = {}
    for video in content.videos:
        kept = video.only(np.isin(video.categories, sorted(members)) & (video.rows.values != 0))
        known = len(kept.rows) or numbers <= set(video.neg_category_ids)
        if not known or not video.images:
            continue
        # the name becomes that of a file
        name = video.name.replace('/', '-')
        if name in found:
            raise SourceError(f'{path}: two videos have the name {name!r}; rename one')
        found[name] = TaoVideo(
            name, path, kept, not numbers & set(video.not_exhaustive_category_ids),
            None if images is None else Path(images), tuple(sorted(members)), digest)
    if not any(len(place.video.rows) for place in found.values()):
        raise SourceError(
            f'{path}: no video has a box of {_listed(wanted)}; there is nothing to score')
    return list(found.values())


def _categories(content: CocoFile, classes: Sequence[str]) -> list[CocoCategory]:
    known = {category.name: category for category in content.categories}
    names = list(classes) or [PERSON]
    if PERSON not in known and PERSON_IN_LVIS in known:
        names = [PERSON_IN_LVIS if name == PERSON else name for name in names]
    ids = content.category_ids(names)
    return [category for category in content.categories if category.id in ids]


def _listed(categories: Iterable[CocoCategory]) -> str:
    return ', '.join(category.name for category in categories)
