# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Images with boxes to train on, as Penn-Fudan, YOLO, CrowdHuman and COCO store them.

CrowdHuman (Shao et al., 2018) has one JSON object per line, with the whole body (`fbox`) and the
visible part (`vbox`) of everyone; what is tagged `mask` is a region where people were not told
apart. Everything read here is checked: a split in which nothing is annotated trains a network to
find nothing, and says so only weeks later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.coco import read_coco
from mot_ros.data.datasets.text_table import read_text_lines
from mot_ros.data.datasets.yolo_lines import key_point_numbers, yolo_box
from mot_ros.data.limits import FARTHEST, MAX_JSON_BYTES
from mot_ros.data.photographs import read_mask_file, read_photograph
from mot_ros.data.video.image_files import IMAGE_SUFFIXES
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.image_headers import PictureError, read_header
from mot_ros.tracking.runtime.user_files import MAX_IMAGE_BYTES, open_regular
from mot_ros.tracking.types import Floats, Ints

PERSON = 0
"""The label of people."""
HEADER_BYTES = 1 << 16
"""Bytes at the beginning of an image in which its size should stand."""


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """
    An image file and what is on it.

    `boxes` (N, 4) float32 xyxy pixels, of the whole object where that is known; `visible`
    (N, 4) of the part that can be seen, else the same; `labels` (N,); `ignored` (N,) marks
    regions that are neither an object nor background, and objects that are hard to tell.
    """

    path: Path
    boxes: Floats
    visible: Floats
    labels: Ints
    ignored: NDArray[np.bool_]

    def read(self) -> NDArray[np.uint8]:
        """Read the image, BGR; SourceError if that cannot be done."""
        return read_photograph(self.path)


@dataclass(frozen=True)
class Split:
    """What a split holds: images, those with an object, objects by label, ignored boxes."""

    name: str
    images: int
    with_objects: int
    objects: Mapping[int, int]
    ignored: int

    def __str__(self) -> str:
        counts = ', '.join(f'{count} of label {label}' for label, count in self.objects.items())
        return (f'{self.name}: {self.images} images, {self.with_objects} with objects ({counts}), '
                f'{self.ignored} boxes to ignore')


def check_split(name: str, images: Sequence[LabelledImage]) -> Split:
    """Count what is in a split; SourceError if there are no images, files or objects."""
    counts: dict[int, int] = {}
    for image in images:
        if not image.path.is_file():
            raise SourceError(f'{name}: {image.path} does not exist; is the folder right?')
        for label in image.labels[~image.ignored].tolist():
            counts[label] = counts.get(label, 0) + 1
    ignored = sum(int(image.ignored.sum()) for image in images)
    if not images or not counts:
        raise SourceError(
            f'{name}: {len(images)} images and no object ({ignored} boxes to ignore); '
            'there is nothing to learn from them. Are the annotations those of the images, '
            'and the classes right?')
    return Split(name, len(images), sum(bool((~image.ignored).any()) for image in images),
                 dict(sorted(counts.items())), ignored)


def penn_fudan_images(folder: str | Path) -> list[LabelledImage]:
    """Read a folder with `images` and `masks`, in which the pixels of person k are k."""
    root, found = Path(folder), []
    for path in sorted((root / 'masks').glob('*.png')):
        mask = read_mask_file(path)
        rows = []
        for number in range(1, int(mask.max()) + 1):
            x, y, width, height = cv2.boundingRect((mask == number).astype(np.uint8))
            if width and height:
                rows.append((PERSON, (x, y, x + width, y + height)))
        found.append(_image(_beside(root / 'images', path.stem), rows))
    return _some(root, found, 'masks/*.png')


def yolo_images(
        folder: str | Path, split: str = '', labels: Mapping[int, int] | None = None
        ) -> list[LabelledImage]:
    """
    Read images/SPLIT and labels/SPLIT: lines of class and cx cy w h, relative to the image.

    `labels` says which classes to take, and the label of each; by default class 0, people. An
    image without a text file has nothing on it. `yolo_box` says what else a line may hold; how
    many numbers key points take is stated as kpt_shape in the data.yaml of the folder.
    """
    points = key_point_numbers(Path(folder))
    root, wanted = Path(folder), {0: PERSON} if labels is None else labels
    images, texts, found = root / 'images' / split, root / 'labels' / split, []
    files = sorted(images.iterdir()) if images.is_dir() else []
    for path in files:
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith('.'):
            scale = np.array(_size(path) * 2, np.float64)
            text = texts / f'{path.stem}.txt'
            lines = read_text_lines(text) if text.exists() else []
            rows = [yolo_box(f'{text}, line {number}', line, points)
                    for number, line in enumerate(lines, 1) if line.strip()]
            found.append(_image(path, [
                (wanted[kind], box * scale) for kind, box in rows if kind in wanted]))
    return _some(root, found, f'images/{split}')


def crowdhuman_images(file: str | Path, folder: str | Path) -> list[LabelledImage]:
    """Read an annotation file (.odgt) whose images are FOLDER/ID.jpg."""
    path, found = Path(file), []
    for number, line in enumerate(read_text_lines(path, MAX_JSON_BYTES), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            rows = [_crowdhuman_row(box) for box in entry['gtboxes']]
            found.append(_image(_beside(Path(folder), entry['ID']), *_columns(rows)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise SourceError(
                f'{path}, line {number}: {type(error).__name__} {str(error)[:200]}; each line '
                'must be an object with ID and gtboxes, these with tag, fbox and vbox') from error
    return _some(path, found, 'a line')


def coco_images(
        file: str | Path, folder: str | Path, categories: Mapping[str, int] | None = None
        ) -> list[LabelledImage]:
    """
    Read an annotation file of COCO; the names of its images start from `folder`.

    `categories` says which names to take, and the label of each; by default `person`.
    """
    content = read_coco(file)
    wanted = {'person': PERSON} if categories is None else categories
    numbers = dict(zip(content.category_ids(list(wanted)), wanted.values(), strict=True))
    found = []
    for video in content.videos:
        for index, image in enumerate(video.images, 1):
            span = video.rows.span(index)
            kinds, boxes = video.categories[span].tolist(), video.rows.boxes[span]
            values = video.rows.values[span]
            taken = [row for row, kind in enumerate(kinds) if kind in numbers]
            found.append(_image(
                Path(folder) / image.file_name,
                [(numbers[kinds[row]], boxes[row]) for row in taken],
                ignored=[not values[row] for row in taken]))
    return _some(Path(file), found, 'an image')


def _crowdhuman_row(box: Mapping[str, Any]) -> tuple[list[float], list[float], bool]:
    """Return the whole and the visible box, and whether it is to be ignored."""
    whole, seen = box['fbox'], box.get('vbox', box['fbox'])
    ignored = box['tag'] != 'person' or box.get('extra', {}).get('ignore', 0) == 1
    corners = [[x, y, x + width, y + height] for x, y, width, height in (whole, seen)]
    if not all(abs(number) <= FARTHEST for box in corners for number in box):
        raise ValueError(f'a box reaches further than {FARTHEST:g} pixels')
    return corners[0], corners[1], ignored


def _columns(rows: Sequence[tuple[Any, Any, bool]]) -> tuple[Any, Any, Any]:
    return ([(PERSON, whole) for whole, _, _ in rows], [seen for _, seen, _ in rows],
            [ignored for _, _, ignored in rows])


def _image(
        path: Path, rows: Sequence[tuple[int, Any]], visible: Sequence[Any] | None = None,
        ignored: Iterable[bool] | None = None) -> LabelledImage:
    """Join the rows of (label, box) of an image; boxes without an area are left out."""
    boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
    seen = boxes if visible is None else np.array(visible, np.float32).reshape(-1, 4)
    hard = np.zeros(len(boxes), np.bool_) if ignored is None else np.array(
        list(ignored), np.bool_)
    good = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    labels = np.array([label for label, _ in rows], np.int64)
    return LabelledImage(path, boxes[good], seen[good], labels[good], hard[good])


def _beside(folder: Path, stem: str) -> Path:
    """Return the image of a name without its ending."""
    for suffix in IMAGE_SUFFIXES:
        if (path := folder / f'{stem}{suffix}').exists():
            return path
    raise SourceError(f'{folder} has no image called {stem}; is the folder right and complete?')


def _size(path: Path) -> tuple[int, int]:
    """Return width and height, from the header where it is a JPEG or PNG."""
    try:
        with open_regular(path, MAX_IMAGE_BYTES) as file:
            content = file.read(HEADER_BYTES)
    except OSError as error:
        raise SourceError(f'{path} cannot be read as an image ({error})') from error
    try:
        # YOLO's boxes are relative to the image turned by its EXIF orientation
        header = None if b'Exif' in content else read_header(content)
    except PictureError:
        header = None
    if header is None:
        image = read_photograph(path)
        return int(image.shape[1]), int(image.shape[0])
    return header.width, header.height


def _some(path: Path, found: list[LabelledImage], wanted: str) -> list[LabelledImage]:
    if not found:
        raise SourceError(f'{path} has no images ({wanted}); is it the right place?')
    return found
