# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros count`: what image data sets hold, and an error where nothing is annotated."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from mot_ros.tracking.errors import ConfigError

if TYPE_CHECKING:
    from mot_ros.data.datasets.labelled_images import LabelledImage


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        '--penn-fudan', type=Path, action='append', default=[], metavar='DIR',
        help='folder with images/ and masks/')
    parser.add_argument(
        '--yolo', type=Path, action='append', default=[], metavar='DIR',
        help='folder with images/ and labels/, or these with a folder for each split in them; '
        'DIR/images/SPLIT is one split')
    parser.add_argument(
        '--crowdhuman', type=Path, nargs=2, action='append', default=[],
        metavar=('FILE', 'IMAGES'), help='an .odgt file, and the folder of its images')
    parser.add_argument(
        '--coco', type=Path, nargs=2, action='append', default=[], metavar=('FILE', 'IMAGES'),
        help='a .json file, and the folder that its file names start from')
    parser.add_argument(
        '--motion', type=Path, action='append', default=[], metavar='DIR',
        help='sequences in the layout of MOTChallenge: how far objects move from frame to frame, '
        'in parts of their boxes')
    parser.set_defaults(run=_count)


def _count(args: argparse.Namespace) -> int:
    from mot_ros.data.datasets.labelled_images import check_split

    counted = 0
    for name, images in _splits(args):
        sys.stdout.write(f'{check_split(name, images)}\n')
        counted += 1
    for folder in args.motion:
        sys.stdout.write(f'{_motion(folder)}\n')
        counted += 1
    if not counted:
        raise ConfigError(
            'name a data set: --penn-fudan, --yolo, --crowdhuman, --coco or --motion')
    return 0


def _motion(folder: Path) -> str:
    """Return the histogram of motions of the sequences in a folder."""
    from mot_ros.data.datasets.mot_folder import find_sequences
    from mot_ros.data.datasets.motion_histogram import histogram_text, motions

    return histogram_text(str(folder), [
        motions(sequence.truth) for sequence in find_sequences(folder)])


def _splits(args: argparse.Namespace) -> Iterator[tuple[str, list[LabelledImage]]]:
    """Yield every split and its name, read when its turn comes."""
    from mot_ros.data.datasets.labelled_images import (
        coco_images,
        crowdhuman_images,
        penn_fudan_images,
        yolo_images,
    )
    from mot_ros.data.datasets.splits import splits

    for folder in args.penn_fudan:
        yield str(folder), penn_fudan_images(folder)
    for folder in args.yolo:
        for root, split in splits(folder):
            yield str(root / split), yolo_images(root, split)
    for file, folder in args.crowdhuman:
        yield str(file), crowdhuman_images(file, folder)
    for file, folder in args.coco:
        yield str(file), coco_images(file, folder)
