# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What the classes of a Faster R-CNN are called."""

from __future__ import annotations

from collections.abc import Mapping
import warnings

from mot_ros.tracking.detectors.classes import Classes, COCO_NAMES, NO_CLASS, parse_names
from mot_ros.tracking.errors import WeightsError

PUBLISHED = (2, 10, 81)
"""
How many classes, the background among them, published networks tell apart.

People; people and vehicles; COCO. All of them are the first so many of COCO's.
"""


def class_table(metadata: Mapping[str, str], count: int, path: str) -> Classes:
    """
    Return the classes of a file with these metadata and `count` classes with the background.

    `names` among the metadata, a list in JSON, need not have the background. Raises ConfigError
    if it holds no names, WeightsError if their number does not fit.
    """
    if 'names' in metadata:
        found = parse_names(metadata['names'])
        names = [found[number] for number in sorted(found)] if isinstance(found, dict) else found
        if len(names) == count and names[0].strip().lower() in NO_CLASS:
            names = names[1:]
        if len(names) != count - 1:
            raise WeightsError(
                f'{path} names {len(names)} classes, but its network tells {count - 1} from the '
                'background: the file is damaged or its metadata wrong')
    elif count in PUBLISHED:
        names = list(COCO_NAMES[:count - 1])
    else:
        names = [f'class_{number}' for number in range(1, count)]
        warnings.warn(
            f'{path} does not name its {count - 1} classes; they are called class_1 and so on',
            stacklevel=3)
    return Classes.of(dict(enumerate(names, 1)))
