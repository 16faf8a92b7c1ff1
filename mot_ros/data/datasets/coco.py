# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Annotation files in the style of COCO: what stands in them, by video.

Trackers train on COCO files with a `video_id` and a place in the video for every image and a
`track_id` for every annotation. The place is `frame_index` (TAO, from 0) or `frame_id`
(CenterTrack and ByteTrack from 1, MMTracking from 0), the track also `instance_id` (MMTracking).
A file without videos is one video. `neg_category_ids` and `not_exhaustive_category_ids` are
TAO's: what is known not to be in a video, and what is not annotated throughout (Dave et al.,
TAO: A Large-Scale Benchmark for Tracking Any Object, ECCV 2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np

from mot_ros.data.datasets.coco_file import (
    CocoCategory,
    CocoFile,
    CocoImage,
    CocoVideo,
    NO_CATEGORY,
)
from mot_ros.data.datasets.json_entry import JsonEntry, load_json
from mot_ros.data.datasets.mot import Ints, MotRows, NO_ID
from mot_ros.data.video.image_files import natural_key
from mot_ros.tracking.errors import SourceError

__all__ = [
    'NO_CATEGORY',
    'CocoCategory',
    'CocoFile',
    'CocoImage',
    'CocoVideo',
    'read_coco',
    'read_results',
]

_Row = tuple[int, int, int, float, float, tuple[float, float, float, float]]
"""Frame from 1, track, category, value, score, corners."""


def read_coco(path: str | Path) -> CocoFile:
    """
    Read an annotation file.

    Raises SourceError naming the file, the entry, its value and the remedy: for what is no
    JSON, a missing key, an id that nothing has or two have, a box without a size, a track that
    is twice in an image.
    """
    file = Path(path)
    content = load_json(file)
    if isinstance(content, list):
        raise SourceError(
            f'{file} is a list, as results are; give the annotations, and results as detections')
    if not isinstance(content, dict):
        raise SourceError(f'{file} holds {content!r:.60}; annotations are an object of lists')
    categories = _unique(file, content, 'categories')
    videos = _videos(file, content)
    images = _images(file, content, videos)
    rows = _rows(file, content, images, set(categories))
    info = content.get('info')
    info = info if isinstance(info, dict) else {}
    rate = JsonEntry(file, 'info', None, info).rate('fps')
    return CocoFile(
        file, tuple(
            _video(entry, images[number], rows[number], rate)
            for number, entry in videos.items()),
        tuple(_category(entry) for entry in categories.values()), info)


def read_results(path: str | Path, video: CocoVideo) -> tuple[MotRows, Ints]:
    """
    Read a list of results, and return the rows of one video with their category ids.

    Values are scores, frames count as those of the video, and ids are NO_ID where an entry has no
    track_id; entries of other images are left out.
    """
    file = Path(path)
    content = load_json(file)
    if not isinstance(content, list):
        raise SourceError(f'{file} holds no list; results are [{{"image_id": ...}}, ...]')
    frames = {image.id: frame for frame, image in enumerate(video.images, 1)}
    found = []
    for entry in (JsonEntry(file, '', index, item) for index, item in enumerate(content)):
        box, score = entry.box(), entry.number('score')
        frame = frames.get(entry.whole('image_id'))
        if frame is not None:
            track = entry.whole('track_id', NO_ID) if entry.has('track_id') else NO_ID
            found.append((frame, track, entry.whole('category_id'), score, box))
    found.sort(key=lambda row: row[0])
    rows = MotRows(
        np.array([row[0] for row in found], np.int64),
        np.array([row[1] for row in found], np.int64),
        np.array([row[4] for row in found], np.float64),
        np.array([row[3] for row in found], np.float64))
    return rows, np.array([row[2] for row in found], np.int64)


def _entries(path: Path, content: Mapping[str, Any], key: str) -> list[JsonEntry]:
    items = content.get(key)
    if not isinstance(items, list):
        raise SourceError(
            f'{path} has no list {key!r}; an annotation file needs images, annotations and '
            'categories')
    return [JsonEntry(path, key, index, item) for index, item in enumerate(items)]


def _unique(path: Path, content: Mapping[str, Any], key: str) -> dict[int, JsonEntry]:
    """Return entries by their id."""
    found: dict[int, JsonEntry] = {}
    for entry in _entries(path, content, key):
        if entry.whole('id') in found:
            raise entry.wrong('id', f'{found[entry.whole("id")].where} has it already')
        found[entry.whole('id')] = entry
    return found


def _videos(path: Path, content: Mapping[str, Any]) -> dict[int, JsonEntry]:
    """Return the videos by id; where there is no list of them, those that images name."""
    if content.get('videos'):
        return _unique(path, content, 'videos')
    named = [entry.whole('video_id') for entry in _entries(path, content, 'images')
             if entry.has('video_id')]
    names = {number: str(number) for number in named} or {0: path.stem}
    return {number: JsonEntry(path, 'videos', index, {'id': number, 'name': name})
            for index, (number, name) in enumerate(names.items())}


def _images(
        path: Path, content: Mapping[str, Any], videos: Mapping[int, JsonEntry]
        ) -> dict[int, list[CocoImage]]:
    """Return the images of each video in their order."""
    sole = next(iter(videos)) if len(videos) == 1 else None
    found: dict[int, list[tuple[JsonEntry, CocoImage]]] = {number: [] for number in videos}
    for number, entry in _unique(path, content, 'images').items():
        video = entry.whole('video_id') if sole is None or entry.has('video_id') else sole
        if video not in videos:
            raise entry.wrong('video_id', 'no video has this id; is the list of videos complete?')
        place = next((key for key in ('frame_index', 'frame_id') if entry.has(key)), None)
        found[video].append((entry, CocoImage(
            number, entry.text('file_name').replace('\\', '/'),
            entry.size() or videos[video].size(),
            None if place is None else entry.whole(place, 0))))
    return {video: _in_order(members) for video, members in found.items()}


def _in_order(members: list[tuple[JsonEntry, CocoImage]]) -> list[CocoImage]:
    """Sort the images of a video by their places, or by name where there are none."""
    if all(image.frame_index is None for _, image in members):
        return sorted((image for _, image in members),
                      key=lambda image: natural_key(image.file_name))
    taken: dict[int, JsonEntry] = {}
    for entry, image in members:
        if image.frame_index is None:
            raise entry.wrong(
                'frame_index', 'other images of this video have a place in it; give every one or '
                'none')
        if image.frame_index in taken:
            raise entry.wrong(
                'frame_index' if entry.has('frame_index') else 'frame_id',
                f'{taken[image.frame_index].where} of the same video has it already')
        taken[image.frame_index] = entry
    return sorted((image for _, image in members), key=lambda image: image.frame_index or 0)


def _rows(
        path: Path, content: Mapping[str, Any], images: Mapping[int, list[CocoImage]],
        categories: Set[int]) -> dict[int, list[_Row]]:
    """Return the annotations by video."""
    places = {image.id: (video, frame) for video, members in images.items()
              for frame, image in enumerate(members, 1)}
    found: dict[int, list[_Row]] = {video: [] for video in images}
    seen: dict[tuple[int, int], JsonEntry] = {}
    for entry in _entries(path, content, 'annotations'):
        number, category = entry.whole('image_id'), entry.whole('category_id')
        if number not in places:
            raise entry.wrong('image_id', 'no image has this id; is the list of images complete?')
        if category not in categories and category != NO_CATEGORY:
            raise entry.wrong(
                'category_id', 'no category has this id; is the list of categories complete?')
        # CVAT writes the track of a box among its attributes
        holder = entry if entry.has('track_id') or entry.has('instance_id') else (
            entry.inner('attributes') or entry)
        key = 'track_id' if holder.has('track_id') else 'instance_id'
        track = holder.whole(key, NO_ID) if holder.has(key) else NO_ID
        if (number, track) in seen:
            raise holder.wrong(
                key, f'{seen[number, track].where} is in image {number} with it already; a track '
                'may stand once per image')
        if track != NO_ID:
            seen[number, track] = entry
        unwanted = entry.flag('ignore') or entry.flag('iscrowd') or category not in categories
        score = entry.number('score') if entry.has('score') else 1.0
        video, frame = places[number]
        found[video].append(
            (frame, track, category, 0.0 if unwanted else 1.0, score, entry.box()))
    return found


def _video(
        entry: JsonEntry, images: list[
            CocoImage], rows: list[_Row], rate: float | None) -> CocoVideo:
    number = entry.whole('id')
    # as MotRows sorts, so that the other columns keep pace
    mine = sorted(rows, key=lambda row: row[0])
    name = next((entry.text(key) for key in ('name', 'file_name') if entry.has(key)), str(number))
    return CocoVideo(
        number, name, tuple(images),
        MotRows(
            np.array([row[0] for row in mine], np.int64),
            np.array([row[1] for row in mine], np.int64),
            np.array([row[5] for row in mine], np.float64),
            np.array([row[3] for row in mine], np.float64), _flat(name, mine)),
        np.array([row[2] for row in mine], np.int64),
        np.array([row[4] for row in mine], np.float64),
        entry.rate('fps') or rate, entry.wholes('neg_category_ids'),
        entry.wholes('not_exhaustive_category_ids'))


def _flat(name: str, rows: list[_Row]) -> tuple[str, ...]:
    """Return a note on boxes without area."""
    count = sum(not box[2] > box[0] for *_, box in rows)
    if not count:
        return ()
    return (f'{name}: {count} of {len(rows)} boxes have no area and match nothing',)


def _category(entry: JsonEntry) -> CocoCategory:
    merged = tuple(other.whole('id') for other in entry.entries('merged'))
    return CocoCategory(entry.whole('id'), entry.text('name'), merged)
