# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Write a synthetic sequence as a MOTChallenge folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.convert import write_jpeg
from mot_ros.data.datasets.mot_classes import CLASSES
from mot_ros.data.datasets.mot_folder import write_info
from mot_ros.data.synthetic.cutouts import PERSON
from mot_ros.data.synthetic.truth import apparent_shift, rows_of, SyntheticTruth
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.output_file import new_folder
from mot_ros.tracking.types import Frame

QUALITY = 92


@dataclass(frozen=True)
class Written:
    """Summary of a sequence; `shift` is the median of `apparent_shift`, in box widths."""

    frames: int
    boxes: int
    people: int
    shift: float


def write_sequence(
        sequence: Iterable[tuple[Frame, SyntheticTruth]], folder: str | Path, fps: float, *,
        quality: int = QUALITY, least: float = 0.0) -> Written:
    """
    Write img1/*.jpg, gt/gt.txt in MOT16's columns with visibility, and seqinfo.ini.

    Boxes are amodal and not cut to the image; they are to be considered if more than `least` of
    them is visible. Nothing is left if it goes wrong. Raises SourceError if the folder exists,
    or if nobody is ever visible: such a sequence could not be scored.
    """
    path = Path(folder)
    truths: list[SyntheticTruth] = []
    size = (0, 0)
    with new_folder(path) as part:
        (part / 'img1').mkdir()
        (part / 'gt').mkdir()
        for frame, truth in sequence:
            truths.append(truth)
            size = frame.size
            write_jpeg(part / 'img1' / f'{len(truths):06d}.jpg',
                       cast(NDArray[np.uint8], frame.image), quality)
        if not any(len(truth.seen(least)) for truth in truths):
            raise SourceError(
                f'{path}: nobody is visible in {len(truths)} frames; compose more people or more '
                'frames, or another seed')
        (part / 'gt' / 'gt.txt').write_text(''.join(_lines(truths, least)), encoding='ascii')
        write_info(part, fps, len(truths), size)
    return _summary(truths)


def _lines(truths: list[SyntheticTruth], least: float) -> Iterable[str]:
    rows, labels, visibilities = rows_of(truths, least)
    person, other = CLASSES.index('pedestrian') + 1, CLASSES.index('distractor') + 1
    for frame, identity, (x1, y1, x2, y2), value, label, visibility in zip(
            rows.frames.tolist(), rows.ids.tolist(), rows.boxes.tolist(), rows.values.tolist(),
            labels.tolist(), visibilities.tolist(), strict=True):
        kind = person if label == PERSON else other
        yield (f'{frame},{identity},{x1:g},{y1:g},{x2 - x1:g},{y2 - y1:g},{value:g},{kind},'
               f'{visibility:.4f}\n')


def _summary(truths: list[SyntheticTruth]) -> Written:
    shifts = np.concatenate([
        np.zeros(0), *(apparent_shift(*pair) for pair in pairwise(truths))])
    ids = {identity for truth in truths for identity in truth.ids.tolist()}
    return Written(len(truths), sum(map(len, truths)), len(ids),
                   float(np.median(shifts)) if len(shifts) else 0.0)
