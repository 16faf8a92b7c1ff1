# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Annotations of Caltech Roadside Pedestrians (CRP) and others in the JSON that SiamMOT reads.

GluonCV calls it a motion dataset: `samples` are the videos by name, each with `metadata` (`fps`,
`number_of_frames`, `resolution`, `data_path` under raw_data/) and a list of `entities`: `bb` (x,
y, width, height in pixels, not cut to the image where it is amodal), `id`, `labels` and the frame,
as `blob.frame_idx` from 0 or as `time` in milliseconds. A negative id means a region to ignore,
and so is a box without one of the labels that are to be scored. Only frames with an entity, with
a box or without, are taken as annotated: CRP is annotated sparsely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mot_ros.data.annotated import Annotated, checksum, even_stamps, SequenceRef
from mot_ros.data.datasets.json_entry import LARGEST, load_json, whole
from mot_ros.data.datasets.mot import MotRows, NO_ID
from mot_ros.data.limits import FARTHEST, MAX_FRAMES, MAX_SIDE
from mot_ros.data.video.frame_source import MAX_RATE
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.errors import SourceError

ANNOTATION, FILE, DATA = 'annotation', 'anno.json', 'raw_data'
MILLISECONDS = 1000


@dataclass(frozen=True, eq=False)
class MotionSample(SequenceRef):
    """One video of a file; `images` is the folder that its data_path starts from."""

    file: Path
    content: Mapping[str, Any]
    """What stands in the file under its name."""
    classes: tuple[str, ...] = ()
    """Labels to score; none: every box, whatever its labels are."""
    images: Path | None = None
    checksum: str = ''
    """SHA-256 of the file."""

    def read(self) -> Annotated:
        """Read the entities of the video."""
        sample = self._whole()
        metadata = _item(sample, 'metadata', dict)
        rate = _number(metadata, 'fps', MAX_RATE)
        length = _whole(metadata, 'number_of_frames', 1)
        resolution = _item(metadata, 'resolution', dict)
        size = (_whole(resolution, 'width', 1, MAX_SIDE),
                _whole(resolution, 'height', 1, MAX_SIDE))
        truth, scored = self._truth(_item(sample, 'entities', list), rate, length)
        images = self._images(metadata)
        return Annotated(
            name=self.name, size=size, rate=rate,
            stamps=even_stamps(length, rate, self.file), rule='crp',
            truth=truth, distractors=np.zeros(len(truth), np.bool_),
            scored=np.array(sorted(scored), np.int64) + 1,
            images=None if images is None else partial(open_source, images, rate),
            checksums={self.file.name: self.checksum})

    def _whole(self) -> _Item:
        """Return the sample, from a file of its own if it has one."""
        item = _Item(f'{self.file}: samples[{self.name!r}]', self.content)
        if 'sample_file' not in self.content:
            return item
        name = _item(item, 'sample_file', str).value
        path = self.file.with_suffix('') / name
        content = _load(path)
        return _Item(str(path), {**content, 'metadata': self.content.get(
            'metadata', content.get('metadata'))})

    def _truth(self, entities: _Item, rate: float, length: int) -> tuple[MotRows, set[int]]:
        """Return the boxes, and the frames from 0 that have an entity."""
        numbers: dict[str, int] = {}
        first: dict[tuple[int, str], str] = {}
        frames: list[int] = []
        ids: list[str | None] = []
        boxes: list[list[float]] = []
        annotated: set[int] = set()
        for index, value in enumerate(entities.value):
            entity = _Item(f'{entities.where}[{index}]', value)
            frame = _frame(entity, rate)
            if frame >= length:
                raise SourceError(
                    f'{entity.where} is in frame {frame}, but the video has {length} frames, '
                    'counted from 0; correct number_of_frames')
            annotated.add(frame)
            if _get(entity, 'bb') is None:
                continue
            identity = self._identity(entity)
            if identity is not None:
                if (frame, identity) in first:
                    raise SourceError(
                        f'{entity.where}: id {identity} comes a second time in frame {frame}, '
                        f'first in {first[frame, identity]}; an id may stand once per frame')
                first[frame, identity] = entity.where
                numbers.setdefault(identity, len(numbers) + 1)
            frames.append(frame)
            ids.append(identity)
            boxes.append(_box(entity))
        # longer ones are counted as names are
        if all(name.isdecimal() and len(name) < len(str(LARGEST)) for name in numbers):
            numbers = {name: int(name) for name in numbers}
        return MotRows(
            np.array(frames, np.int64) + 1,
            np.array([NO_ID if name is None else numbers[name] for name in ids], np.int64),
            np.array(boxes, np.float64), np.array([name is not None for name in ids])), annotated

    def _identity(self, entity: _Item) -> str | None:
        """Return the id of an entity, None for a region to ignore."""
        value = _get(entity, 'id')
        if isinstance(value, bool) or not isinstance(value, int | str) or value == '':
            raise SourceError(
                f'{entity.where}.id is {value!r:.60}; it must be a whole number or a name, '
                'negative for what is to be ignored')
        labels = _get(entity, 'labels')
        if self.classes:
            named = labels if isinstance(labels, dict | list) else ()
            if not any(name in named for name in self.classes):
                return None
        text = str(value)
        return None if text[0] == '-' and text[1:].isdecimal() else text

    def _images(self, metadata: _Item) -> Path | None:
        """Return where the images or the video are, None if they are not there."""
        below = _get(metadata, 'base_dir') or _get(metadata, 'data_path')
        if not isinstance(below, str):
            return None
        if self.images is not None:
            if not (self.images / below).exists():
                raise SourceError(
                    f'{self.images / below} does not exist; give the folder that data_path '
                    f'({below}) starts from')
            return self.images / below
        parent = self.file.resolve().parent
        roots = (parent.parent / DATA, parent / DATA, parent)
        return next((root / below for root in roots if (root / below).exists()), None)


def crp_places(
        path: str | Path, images: str | Path | None = None, classes: Sequence[str] = ()
        ) -> list[MotionSample]:
    """Return every sample of a file, or of annotation/anno.json or anno.json in a folder."""
    file = Path(path)
    if file.is_dir():
        inner = (file / ANNOTATION / FILE, file / FILE)
        file = next((candidate for candidate in inner if candidate.is_file()), inner[0])
    content = _load(file)
    samples = content.get('samples')
    if not isinstance(samples, dict) or not samples:
        raise SourceError(
            f'{file} has {", ".join(map(str, content)) or "nothing"}, but no "samples" by name; '
            'give an anno.json as SiamMOT reads it')
    digest = checksum(file)
    places = []
    for name in sorted(samples):
        if not isinstance(samples[name], dict):
            raise SourceError(
                f'{file}: samples[{name!r}] is {samples[name]!r:.60}; it must be an object with '
                'metadata and entities')
        # the name becomes that of a file
        places.append(MotionSample(
            name.replace('/', '-'), file, samples[name], tuple(classes),
            None if images is None else Path(images), digest))
    return places


@dataclass(frozen=True)
class _Item:
    """A value of the file and where it stands."""

    where: str
    value: Any


def _load(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise SourceError(f'{path} does not exist; give an anno.json, or the folder with it')
    content = load_json(path)
    if not isinstance(content, dict):
        raise SourceError(f'{path} holds {content!r:.60}; annotations are an object with keys')
    return content


def _get(item: _Item, key: str) -> Any:
    if not isinstance(item.value, dict):
        raise SourceError(f'{item.where} is {item.value!r:.60}; it must be an object with keys')
    return item.value.get(key)


def _item(item: _Item, key: str, kind: type) -> _Item:
    """Return what stands under a key, which must be of a kind."""
    value = _get(item, key)
    if not isinstance(value, kind):
        there = f'it has {", ".join(map(str, item.value)) or "nothing"}' if value is None else \
            f'{key} is {value!r:.60}'
        names = {'dict': 'an object', 'list': 'a list', 'str': 'a text'}
        raise SourceError(f'{item.where} needs {names[kind.__name__]} {key!r}; {there}')
    return _Item(f'{item.where}.{key}', value)


def _number(item: _Item, key: str, most: float) -> float:
    """Return a positive number of at most `most`."""
    value = _get(item, key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not (
            0 < value <= most):
        raise SourceError(
            f'{item.where}.{key} is {value!r:.60}; it must be above 0 and at most {most:g}')
    return float(value)


def _whole(item: _Item, key: str, least: int, most: int = MAX_FRAMES) -> int:
    value = whole(_get(item, key))
    if value is None or not least <= value <= most:
        raise SourceError(
            f'{item.where}.{key} is {_get(item, key)!r:.60}; it must be a whole number from '
            f'{least} to {most}')
    return value


def _frame(entity: _Item, rate: float) -> int:
    """Return the frame of an entity, from 0."""
    if _get(entity, 'blob') is not None:
        blob = _item(entity, 'blob', dict)
        if 'frame_idx' in blob.value:
            return _whole(blob, 'frame_idx', 0)
    time = _get(entity, 'time')
    if isinstance(time, bool) or not isinstance(time, int | float) or not (
            0 <= time <= MAX_FRAMES / rate * MILLISECONDS):
        raise SourceError(
            f'{entity.where} has no blob.frame_idx, and its time is {time!r:.60}; it must be in '
            'milliseconds')
    return round(time / MILLISECONDS * rate)


def _box(entity: _Item) -> list[float]:
    """Return the box of an entity as corners."""
    value = _get(entity, 'bb')
    good = isinstance(value, list) and len(value) == 4 and all(
        isinstance(number, int | float) and abs(number) <= FARTHEST for number in value)
    if not good or value[2] <= 0 or value[3] <= 0:
        raise SourceError(
            f'{entity.where}.bb is {value!r:.60}; it must be x, y, width and height, both '
            f'positive, of at most {FARTHEST:g} pixels')
    x, y, width, height = value
    return [x, y, x + width, y + height]
