# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Options that name annotated sequences, and the places that they stand for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mot_ros.commands import datasets, reading_options
from mot_ros.tracking.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from mot_ros.data.annotated import SequenceRef


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    group = parser.add_argument_group(
        'sequences', 'At least one; every option may be repeated. NAME= says which sequence is '
        'meant and can be left out where there is only one.')
    group.add_argument(
        '--mot', type=Path, action='append', default=[], metavar='FOLDER',
        help='a MOTChallenge sequence or a folder of them')
    group.add_argument(
        '--bag', type=Path, action='append', default=[], metavar='PATH',
        help='a rosbag2 (folder, .mcap or .db3) or a .bag of ROS 1')
    group.add_argument(
        '--video', type=Path, action='append', default=[], metavar='PATH',
        help='a video or a folder of images; needs --truth')
    datasets.add(group)
    group.add_argument(
        '--truth', action='append', default=[], metavar='[NAME=]T',
        help='truth of a bag or video: a MOT text file, or a Detection2DArray topic of the bag '
        '(the only one in it)')
    group.add_argument(
        '--images', action='append', default=[], metavar='[NAME=]PATH',
        help='images of a sequence that comes without: a video or a folder; of CRP and TAO the '
        'folder that the paths in the file start from, with the name of the file')
    group.add_argument(
        '--topic', metavar='T', help='topic of the images in bags that have several')
    group.add_argument(
        '--truth-fps', type=float, metavar='F',
        help='frames per second in a text file of truth (that of the images)')
    group.add_argument(
        '--tolerance', type=float, metavar='S',
        help='how far in seconds a frame in a text file may be from its image in a bag (0.4 '
        'frames); what is further away is left out and told')
    group.add_argument(
        '--classes', metavar='A,B', default='',
        help='classes of the truth that are scored, where it has classes (pedestrian)')
    reading_options.add(group)
    group.add_argument('--sequences', metavar='A,B', help='only these sequences (all)')


def chosen(args: argparse.Namespace) -> list[SequenceRef]:
    """Return the sequences that are to be worked on; raise before the work if one cannot be."""
    for name in ('truth_fps', 'tolerance'):
        value = getattr(args, name)
        # written so that NaN fails too
        if value is not None and not 0 < value < float('inf'):
            raise ConfigError(f'{name.replace("_", "-")} is {value:g}; it must be above 0')
    named = _named(args)
    every: dict[str, SequenceRef] = {}
    for place in _places(args, named):
        if place.name in every:
            raise ConfigError(f'two sequences have the name {place.name}; rename one')
        every[place.name] = place
    if not every:
        raise ConfigError(
            'there is no sequence; name one with --mot, --bag, --video, --kitti, --hieve, --crp '
            'or --tao')
    wanted = names(args.sequences) if args.sequences is not None else list(every)
    for name in wanted:
        if name not in every:
            raise ConfigError(f'{name} is no sequence; there are {", ".join(sorted(every))}')
    return [every[name] for name in wanted]


def names(text: str) -> list[str]:
    """Split at commas; a name may come once."""
    found = [name.strip() for name in text.split(',') if name.strip()]
    for name in found:
        if found.count(name) > 1:
            raise ConfigError(f'{name} is named twice')
    return found


def _places(args: argparse.Namespace, named: list[tuple[str, Path]]) -> list[SequenceRef]:
    """Return every sequence that the options name."""
    from mot_ros.data.datasets.mot_folder import MotFolder
    from mot_ros.data.video.annotated import AnnotatedVideo

    classes = tuple(names(args.classes))
    others = datasets.named(args)
    images = _by_name('--images', args.images, [name for name, _ in (*named, *others)])
    truths = _by_name('--truth', args.truth, [
        name for name, path in named if path in (*args.bag, *args.video)])
    found: list[SequenceRef] = []
    for name, path in named:
        if path in args.bag:
            from mot_ros.data.bags.annotated import AnnotatedBag

            truth = truths.get(name)
            found.append(AnnotatedBag(
                name, path, args.topic, Path(truth) if truth and Path(truth).exists() else truth,
                args.truth_fps, args.tolerance, classes, reading_options.reading(args)))
        elif path in args.video:
            if name not in truths:
                raise ConfigError(f'{path} needs its truth: --truth {name}=FILE')
            found.append(AnnotatedVideo(
                name, path, existing('--truth', truths[name]), args.truth_fps, classes))
        else:
            image = images.get(name)
            found.append(MotFolder(
                name, path, None if image is None else existing('--images', image), classes))
    return found + datasets.places(args, {
        name: existing('--images', images[name]) for name, _ in others if name in images}, classes)


def _named(args: argparse.Namespace) -> list[tuple[str, Path]]:
    """Return the name and the path of every sequence, before anything of it is read."""
    from mot_ros.data.bags.bag_layout import is_bag, no_bag
    from mot_ros.data.datasets.mot_folder import sequence_folders

    found = [(path.resolve().name, path)
             for folder in args.mot for path in sequence_folders(folder)]
    for path in args.bag:
        if not is_bag(path):
            raise SourceError(no_bag(path))
        found.append((_stem(path), path))
    for path in args.video:
        found.append((_stem(existing('--video', str(path))), path))
    return found


def _stem(path: Path) -> str:
    whole = path.resolve()
    return whole.name if whole.is_dir() else whole.stem


def _by_name(option: str, given: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Read [NAME=]VALUE; without a name it is for the only sequence that can be meant."""
    found: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition('=')
        if not sign or Path(text).exists():
            if len(known) != 1:
                raise ConfigError(
                    f'{option} is {text!r}; say which sequence it is for: {option} NAME={text}, '
                    f'of {", ".join(known) or "none"}')
            name, value = known[0], text
        if name not in known:
            raise ConfigError(
                f'{option} is for {name}, which is none of {", ".join(known) or "none"}')
        if name in found:
            raise ConfigError(f'{option} is given twice for {name}')
        found[name] = value
    return found


def existing(option: str, text: str) -> Path:
    """Return a path that exists."""
    if not text or not Path(text).exists():
        raise SourceError(f'{option}: {text!r} does not exist; name a file or folder')
    return Path(text)
