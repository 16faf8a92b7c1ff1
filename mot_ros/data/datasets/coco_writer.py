# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
An annotation file in the style of COCO, with its images or for images that are there already.

It reads as CenterTrack's and ByteTrack's (`frame_id`, from 1) and as TAO's (`frame_index`, from
0; `tracks`). What is not considered is `ignore` and `iscrowd`, which training and pycocotools
leave out of the count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from mot_ros.data.convert import left_out, pixels, Progress, uneven, write_jpeg
from mot_ros.data.datasets.mot import Ints, MotRows, NO_ID
from mot_ros.data.video.frame_source import FrameSource
from mot_ros.data.video.image_files import ImageFiles
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.runtime.output_file import check_new, new_folder, write_text

ANNOTATIONS = 'annotations.json'
RESULTS = 'detections.json'
IMAGES = 'images'
PEDESTRIAN = ('pedestrian',)
DIGITS = 6
"""Of a coordinate after the point; further ones are noise of the arithmetic."""
VIDEO_ID = 1


@dataclass(frozen=True, eq=False)
class CocoContent:
    """
    The boxes to write: truth with the category ids (N,) of its rows, all 1 if None; detections.

    `categories` are names; their ids count from 1.
    """

    name: str
    truth: MotRows | None = None
    labels: Ints | None = None
    detections: MotRows | None = None
    categories: Sequence[str] = PEDESTRIAN


def write_coco(
        source: FrameSource, folder: Path, content: CocoContent, quality: int = 95,
        progress: Progress = iter) -> list[str]:
    """
    Write annotations.json, images/*.jpg and, of detections, detections.json; return mismatches.

    Frames are numbered from 1 in the order of what is written, and the boxes with them.
    """
    writer = _Writer(source, content)
    with new_folder(folder) as part:
        (part / IMAGES).mkdir()
        for frame in progress(source):
            name = f'{len(writer.frames) + 1:06d}.jpg'
            writer.add(source.index_of(frame), frame.stamp, frame.size, name)
            write_jpeg(part / IMAGES / name, pixels(frame), quality)
        write_text(part / ANNOTATIONS, json.dumps(writer.annotations()))
        if content.detections is not None:
            write_text(part / RESULTS, json.dumps(writer.results(content.detections)))
    return writer.mismatches()


def write_annotations(
        source: FrameSource, path: Path, content: CocoContent,
        progress: Progress = iter) -> list[str]:
    """
    Write the annotations of images that are files already; return mismatches.

    They are named relative to the folder of the annotations. Detections go beside it, into a
    file whose name ends in _detections.
    """
    if not isinstance(source, ImageFiles):
        raise ConfigError(
            f'{source.path} has no image files that {path.name} could name; write a folder, '
            'which holds them (--to coco and a name without ending)')
    results = results_beside(path)
    if content.detections is not None:
        check_new(results)
    writer = _Writer(source, content)
    for frame in progress(source):
        index = source.index_of(frame)
        relative = os.path.relpath(source.files[index].resolve(), path.parent.resolve())
        writer.add(index, frame.stamp, frame.size, Path(relative).as_posix())
    write_text(path, json.dumps(writer.annotations()))
    if content.detections is not None:
        write_text(results, json.dumps(writer.results(content.detections)))
    return writer.mismatches()


def results_beside(path: Path) -> Path:
    """Return where the detections that belong to an annotation file go."""
    return path.with_name(f'{path.stem}_detections{path.suffix}')


@dataclass(frozen=True)
class _Box:
    image: int
    track: int
    category: int
    xywh: list[float]
    value: float


class _Writer:
    """Gathers images one after another, and then gives the content of the files."""

    def __init__(self, source: FrameSource, content: CocoContent) -> None:
        self.frames: list[int] = []
        self._source = source
        self._content = content
        self._stamps: list[float] = []
        self._images: list[dict[str, Any]] = []

    def add(self, index: int, stamp: float, size: tuple[int, int], file_name: str) -> None:
        """Append the image of an index of the source."""
        self.frames.append(index + 1)
        self._stamps.append(stamp)
        number = len(self.frames)
        self._images.append({
            'id': number, 'file_name': file_name, 'width': size[0], 'height': size[1],
            'video_id': VIDEO_ID, 'frame_id': number, 'frame_index': number - 1})

    def annotations(self) -> dict[str, Any]:
        """Return the content of the annotation file."""
        content, source = self._content, self._source
        width, height = source.size
        truth = MotRows.of_detections([]) if content.truth is None else content.truth
        labels = np.ones(len(truth), np.int64) if content.labels is None else content.labels
        boxes = [_annotation(number, box)
                 for number, box in enumerate(_boxes(self.frames, truth, labels), 1)]
        tracks = {box['track_id']: box['category_id'] for box in reversed(boxes)
                  if box['track_id'] != NO_ID}
        return {
            'info': {'description': content.name, 'fps': source.fps},
            'videos': [{
                'id': VIDEO_ID, 'name': content.name, 'file_name': content.name,
                'width': width, 'height': height, 'fps': source.fps,
                'neg_category_ids': [], 'not_exhaustive_category_ids': []}],
            'categories': [{'id': number, 'name': name}
                           for number, name in enumerate(content.categories, 1)],
            'tracks': [{'id': track, 'category_id': tracks[track], 'video_id': VIDEO_ID}
                       for track in sorted(tracks)],
            'images': self._images, 'annotations': boxes}

    def results(self, rows: MotRows) -> list[dict[str, Any]]:
        """Return detections as a list of results."""
        return [{'image_id': box.image, 'category_id': box.category, 'bbox': box.xywh,
                 'score': box.value}
                for box in _boxes(self.frames, rows, np.ones(len(rows), np.int64))]

    def mismatches(self) -> list[str]:
        """Return what has no image, and whether stamps were lost."""
        content = self._content
        boxes = {name: rows for name, rows in (
            ('truth', content.truth), ('detections', content.detections)) if rows is not None}
        return (left_out(self._source, self.frames, boxes)
                + uneven(self._stamps, self._source.fps))


def _boxes(frames: Sequence[int], rows: MotRows, labels: Ints) -> Iterator[_Box]:
    """Yield the boxes of frames, which are images from 1 on."""
    for image, frame in enumerate(frames, 1):
        here = rows.span(frame)
        found, kinds = rows[here], labels[here]
        for track, kind, (x1, y1, x2, y2), value in zip(
                found.ids.tolist(), kinds.tolist(), found.boxes.tolist(), found.values.tolist(),
                strict=True):
            xywh = [round(number, DIGITS) for number in (x1, y1, x2 - x1, y2 - y1)]
            yield _Box(image, track, kind, xywh, value)


def _annotation(number: int, box: _Box) -> dict[str, Any]:
    unwanted = int(box.value == 0)
    return {
        'id': number, 'image_id': box.image, 'category_id': box.category, 'bbox': box.xywh,
        'area': round(box.xywh[2] * box.xywh[3], DIGITS), 'iscrowd': unwanted, 'ignore': unwanted,
        'track_id': box.track}
