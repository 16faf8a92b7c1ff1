# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Options that name data sets in layouts of their own, and the places that they stand for."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TYPE_CHECKING

from mot_ros.tracking.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from mot_ros.data.annotated import SequenceRef


def add(group: Any) -> None:
    """Declare the options."""
    for name, metavar, text in (
            ('kitti', 'FOLDER', 'KITTI tracking: a folder with label_02/0000.txt and, where there '
             'are images, image_02/0000/'),
            ('hieve', 'FOLDER', 'HiEve: a folder with labels/track1/NAME.txt and '
             'videos/NAME.mp4'),
            ('crp', 'PATH', 'Caltech Roadside Pedestrians, or others in the JSON that SiamMOT '
             'reads: a folder with annotation/anno.json and raw_data/, or the file'),
            ('tao', 'FILE', 'TAO: a JSON file of annotations; --images names the folder that its '
             'file names start from')):
        group.add_argument(
            f'--{name}', type=Path, action='append', default=[], metavar=metavar, help=text)


def named(args: argparse.Namespace) -> list[tuple[str, Path]]:
    """Return the name and the path of every sequence, or of the file that holds several."""
    from mot_ros.data.datasets.hieve import hieve_places
    from mot_ros.data.datasets.kitti import kitti_places

    found = [(place.name, place.labels) for folder in args.kitti for place in kitti_places(folder)]
    found += [(label.name, label.labels)
              for folder in args.hieve for label in hieve_places(folder)]
    for path in (*args.crp, *args.tao):
        if not path.exists():
            raise SourceError(f'{path} does not exist; name a file or folder')
        found.append((path.resolve().stem, path))
    return found


def places(
        args: argparse.Namespace, images: Mapping[str, Path], classes: Sequence[str]
        ) -> list[SequenceRef]:
    """Return every sequence; `images` by the names that `named` gives."""
    from mot_ros.data.datasets.crp import crp_places
    from mot_ros.data.datasets.hieve import hieve_places
    from mot_ros.data.datasets.kitti import kitti_places
    from mot_ros.data.datasets.tao import tao_places

    if args.hieve and classes:
        raise ConfigError('HiEve has people only; leave the classes out')
    found: list[SequenceRef] = []
    for path in args.kitti:
        found += [replace(place, images=images.get(place.name, place.images))
                  for place in kitti_places(path, classes)]
    for path in args.hieve:
        found += [replace(label, images=images.get(label.name, label.images))
                  for label in hieve_places(path)]
    for path in args.crp:
        found += crp_places(path, images.get(path.resolve().stem), classes)
    for path in args.tao:
        found += tao_places(path, images.get(path.resolve().stem), classes)
    return found
