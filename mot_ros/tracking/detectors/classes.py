# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Class names of detectors: COCO's, those of a file or its metadata, and the wanted ones."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import difflib
import json
from pathlib import Path
from typing import Any
import warnings

from mot_ros.tracking.detectors.onnx_file.forms import SINGLE
from mot_ros.tracking.detectors.onnx_file.layouts import Layout
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.runtime.user_files import read_text
from mot_ros.tracking.runtime.yaml_text import load_yaml

COCO_NAMES = (
    'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'truck', 'boat',
    'traffic light', 'fire hydrant', 'stop sign', 'parking meter', 'bench', 'bird', 'cat',
    'dog', 'horse', 'sheep', 'cow', 'elephant', 'bear', 'zebra', 'giraffe', 'backpack',
    'umbrella', 'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard', 'sports ball',
    'kite', 'baseball bat', 'baseball glove', 'skateboard', 'surfboard', 'tennis racket',
    'bottle', 'wine glass', 'cup', 'fork', 'knife', 'spoon', 'bowl', 'banana', 'apple',
    'sandwich', 'orange', 'broccoli', 'carrot', 'hot dog', 'pizza', 'donut', 'cake', 'chair',
    'couch', 'potted plant', 'bed', 'dining table', 'toilet', 'tv', 'laptop', 'mouse', 'remote',
    'keyboard', 'cell phone', 'microwave', 'oven', 'toaster', 'sink', 'refrigerator', 'book',
    'clock', 'vase', 'scissors', 'teddy bear', 'hair drier', 'toothbrush')
"""Names by label, as in every detector trained on COCO's 80 classes."""

COCO_UNUSED_IDS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
"""Category ids up to 90 without annotations in COCO, whose scores are meaningless."""

COCO_CATEGORY_IDS = tuple(number for number in range(1, 91) if number not in COCO_UNUSED_IDS)
"""Category id, 1 to 90, by label."""

MANY_TASKS = ('segment', 'pose')
"""Tasks, in metadata, of networks with masks or key points after the class columns."""
COCO = 'coco'
"""Value of detector.names for COCO's 80 names."""
NO_CLASS = ('background', '__background__', 'n/a', '')
"""Names, in lower case, of columns that are no class."""


@dataclass(frozen=True)
class Classes:
    """Names by label, and the network's class number of each label."""

    names: tuple[str, ...]
    numbers: tuple[int, ...]

    @staticmethod
    def of(table: Mapping[int, str]) -> Classes:
        """Make classes from names by number; labels follow the order of the numbers."""
        meant = [
            number for number in sorted(table) if table[number].strip().lower() not in NO_CLASS]
        return Classes(tuple(table[number] for number in meant), tuple(meant))


def wanted_labels(classes: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return the labels of the named classes, of all if none is named; ConfigError if unknown."""
    for name in classes:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
            hint = (
                f'did you mean {" or ".join(near)}?' if near
                else f'the names are {", ".join(names)}')
            raise ConfigError(
                f'detector.classes has {name!r}, which is no class of the detector; {hint}')
    wanted = set(classes) or set(names)
    return [label for label, name in enumerate(names) if name in wanted]


def find_classes(
        path: Path, metadata: Mapping[str, str], layout: Layout, source: str) -> Classes:
    """
    Return the classes of an ONNX file with these metadata and this layout.

    They are read from the file named by `source`, else from the metadata; else they are COCO's if
    the number of columns fits, else numbers, with a warning. Raises ConfigError if their number
    differs from that of the score columns.
    """
    names: dict[int, str] | list[str] | None = None
    if source:
        names = read_names(source)
    elif 'names' in metadata:
        names = parse_names(metadata['names'])
    columns, kind = layout.columns, layout.kind
    if names is None:
        # torchvision counts COCO's categories from one
        from_one = not kind.startswith(('yolo', 'nanodet')) or layout.form == SINGLE
        table = coco_table(columns, from_one=from_one)
        if columns is None and len(layout.places) > 1 and kind == 'yolov10':
            # exporters of several outputs name no classes
            table = table or dict(enumerate(COCO_NAMES))
            warnings.warn(
                f'{path} does not name its classes; they are taken for the 80 of COCO until '
                'detector.names names them', stacklevel=2)
        if table is None and columns is None:
            raise ConfigError(
                f'{path} does not name its classes: set detector.names to a file of '
                "names, or to 'coco' for the 80 classes of COCO")
        if table is None:
            table = {number: f'class_{number}' for number in range(columns or 0)}
            warnings.warn(
                f'{path} does not name its {columns} classes; they are called '
                'class_0 and so on until detector.names names them', stacklevel=2)
        return Classes.of(table)
    # TensorFlow counts from one; an SSD with one column more has the background before them
    shift = int(
        (kind == 'tensorflow' and isinstance(names, list))
        or (kind.startswith('ssd') and columns == len(names) + 1))
    pairs = names.items() if isinstance(names, dict) else enumerate(names)
    table = {number + shift: name for number, name in pairs}
    more = metadata.get('task') in MANY_TASKS
    if columns is not None and (
            max(table) >= columns or (len(table) + shift < columns and not more)):
        raise ConfigError(
            f'there are {len(names)} class names, but {columns} columns of scores in '
            f'{path}, read as {kind}: choose another detector.layout or '
            'detector.names')
    return Classes.of(table)


def coco_table(columns: int | None, *, from_one: bool) -> dict[int, str] | None:
    """
    Return COCO's names by class number of a network with `columns` columns, None if none fit.

    80 columns are the 80 classes. If number 0 is the background or absent (`from_one`), 81 columns
    are background and classes, 91 background and category ids; 90 are the category ids alone.
    Without columns, `from_one` means the category ids.
    """
    if columns == len(COCO_NAMES):
        return dict(enumerate(COCO_NAMES))
    if not from_one:
        return None
    if columns == len(COCO_NAMES) + 1:
        return dict(enumerate(COCO_NAMES, 1))
    ids = dict(zip(COCO_CATEGORY_IDS, COCO_NAMES, strict=True))
    if columns == COCO_CATEGORY_IDS[-1]:
        return {number - 1: name for number, name in ids.items()}
    return ids if columns in (None, COCO_CATEGORY_IDS[-1] + 1) else None


def read_names(source: str) -> dict[int, str] | list[str]:
    """
    Read class names from a file, or return COCO's for 'coco': a list, or names by number.

    Text has one name per line; JSON and YAML contain a list or a mapping, or one of them under
    `names`. Raises ConfigError naming the file.
    """
    if source == COCO:
        return list(COCO_NAMES)
    path = Path(source)
    try:
        text = read_text(source)
        if path.suffix.lower() == '.json':
            content = json.loads(text)
        elif path.suffix.lower() in ('.yaml', '.yml'):
            content = load_yaml(text)
        else:
            content = [line.strip() for line in text.rstrip().splitlines()]
    except (OSError, ValueError, RecursionError) as error:
        reason = ' '.join(str(error).split())[:300]
        raise ConfigError(
            f'detector.names is {source!r}, which cannot be read ({reason}); name a file with '
            'one class per line') from error
    if isinstance(content, dict) and 'names' in content:
        content = content['names']
    return _checked(content, f'detector.names is {source!r}, which')


def parse_names(text: str) -> dict[int, str] | list[str]:
    """Parse the names in an ONNX file's metadata, a Python or JSON literal."""
    try:
        content = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        content = None
    return _checked(content, 'the entry "names" in the file\'s metadata')


def _checked(content: Any, what: str) -> dict[int, str] | list[str]:
    if isinstance(content, (list, tuple)) and content and all(
            isinstance(name, str) for name in content):
        return list(content)
    if isinstance(content, dict) and content:
        try:
            table = {int(number): name for number, name in content.items()}
        except (TypeError, ValueError, OverflowError):
            table = {}
        if table and min(table) >= 0 and all(isinstance(name, str) for name in table.values()):
            return table
    raise ConfigError(
        f'{what} holds no class names; a list of names or a mapping of numbers to names is '
        'needed, in a file that detector.names names')
