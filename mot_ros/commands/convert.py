# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros convert`: between video, MOTChallenge folder, COCO-style annotations and rosbag2."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from mot_ros.commands import reading_options, say
from mot_ros.commands.contents import (
    annotation_file,
    ConversionContent,
    of_annotations,
    of_bag,
    of_files,
)
from mot_ros.data.bags.topics import DETECTIONS_TOPIC, IMAGE_TOPIC, TRUTH_TOPIC
from mot_ros.tracking.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from mot_ros.data.video.frame_source import FrameSource
    from mot_ros.tracking.types import Frame

KINDS = ('bag', 'coco', 'mot', 'video')
KIND_BY_ENDING = {'.mp4': 'video', '.avi': 'video', '.json': 'coco'}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        'source', metavar='SOURCE',
        help='a video, a folder of images, a MOTChallenge folder, a COCO-style annotation file '
        '(.json, or a folder with annotations.json), a rosbag2 or a .bag of ROS 1')
    parser.add_argument('output', metavar='OUTPUT', type=Path, help='what to write; must be new')
    parser.add_argument(
        '--to', choices=KINDS, help='what OUTPUT is; by default what its ending says (.mp4, '
        '.avi, .json), else a MOTChallenge folder if SOURCE is a bag, else a bag. coco: a .json '
        'names the image files of SOURCE, a folder gets annotations.json and images/')
    parser.add_argument(
        '--fps', type=float, metavar='F', help='frame rate in Hz; overrides what the file says')
    parser.add_argument(
        '--start', type=int, default=0, metavar='N', help='leave out the first N frames')
    parser.add_argument('--frames', type=int, metavar='N', help='stop after N frames')
    parser.add_argument(
        '--video', metavar='V', help='video or images of a MOTChallenge folder that has none; '
        'of a COCO-style file with several videos, the name of the one to take')
    parser.add_argument(
        '--quality', type=int, default=95, metavar='Q', help='of JPEG images, 1 to 100')
    boxes = parser.add_argument_group('boxes')
    boxes.add_argument(
        '--truth', metavar='T', help='MOT text file, or a topic if SOURCE is a bag; by default '
        f'gt/gt.txt or {TRUTH_TOPIC}, where it is there')
    boxes.add_argument(
        '--detections', metavar='T', help='likewise; by default det/det.txt or '
        f'{DETECTIONS_TOPIC}. A list of COCO results if SOURCE is COCO-style. For a .json '
        'OUTPUT they are written only if named here, into a list beside it')
    boxes.add_argument(
        '--align', choices=('order', 'stamp'), default='order', help='what joins a text file to '
        'the images of a bag: their order, or the stamps, frame n being (n - 1) / fps after the '
        'first')
    boxes.add_argument(
        '--tolerance', type=float, metavar='S', help='of --align stamp, in seconds; by default '
        'half of 1 / fps')
    coco = parser.add_argument_group('COCO-style annotations')
    coco.add_argument(
        '--images', type=Path, metavar='FOLDER', help='what the names of the images in SOURCE '
        'are relative to; looked for around it by default')
    coco.add_argument(
        '--categories', metavar='A,B', help='names of the categories in SOURCE to take (all)')
    bags = parser.add_argument_group('bags')
    bags.add_argument(
        '--topic', metavar='T', help=f'topic of the images; {IMAGE_TOPIC} in a new bag')
    reading_options.add(bags)
    bags.add_argument(
        '--storage', choices=('mcap', 'sqlite3'), default='mcap', help='of a new bag')
    bags.add_argument(
        '--compressed', action='store_true', help='write CompressedImage (JPEG), by default on '
        f'{IMAGE_TOPIC}/compressed')
    parser.set_defaults(run=_convert)


def _convert(args: argparse.Namespace) -> int:
    from mot_ros.data.bags.bag_layout import is_bag
    from mot_ros.tracking.runtime.output_file import check_new

    from_bag = is_bag(args.source)
    annotations = None if from_bag else annotation_file(Path(args.source))
    kind = args.to or KIND_BY_ENDING.get(args.output.suffix.lower()) or (
        'mot' if from_bag else 'bag')
    if not 1 <= args.quality <= 100:
        raise ConfigError(f'quality is {args.quality}; it must lie in [1, 100]')
    if kind == 'bag' and from_bag:
        raise ConfigError(
            f'{args.source} is a bag already; use "ros2 bag convert", or of a bag of ROS 1 '
            f'"rosbags-convert --src {args.source} --dst {args.output}"')
    if kind == 'coco' and annotations:
        raise ConfigError(f'{args.source} is COCO-style already; choose another --to')
    if not annotations and (args.images or args.categories):
        raise ConfigError(
            f'{args.source} is no COCO-style file; leave out --images and --categories')
    check_new(args.output)
    if not args.output.parent.is_dir():
        raise SourceError(
            f'{args.output}: the folder {args.output.parent} does not exist; make it first')
    try:
        content = (
            of_bag(args, kind) if from_bag else of_annotations(args, kind, annotations)
            if annotations else of_files(args, kind))
        notes = _write(args, kind, content)
    except ImportError as error:
        raise ConfigError(
            f'bags need rosbags, which cannot be imported ({error}): pip install rosbags') \
            from error
    for sentence in notes:
        say(f'warning: {sentence}')
    sys.stdout.write(f'wrote     {args.output}\n')
    return 0


def _write(args: argparse.Namespace, kind: str, content: ConversionContent) -> list[str]:
    """Write what was found; return what of it does not fit."""
    from mot_ros.data.convert import BagLayout, write_bag, write_mot, write_video

    source = content.source
    if kind == 'video':
        notes = write_video(source, args.output, _with_progress)
    elif kind == 'mot':
        notes = write_mot(
            source, args.output, content.truth, content.detections, args.quality,
            _with_progress, content.classes)
    elif kind == 'coco':
        notes = _write_coco(args, content)
    else:
        topic = args.topic or IMAGE_TOPIC + ('/compressed' if args.compressed else '')
        layout = BagLayout(topic, args.storage, args.quality if args.compressed else None)
        boxes = {name: rows for name, rows in (
            (TRUTH_TOPIC, content.truth), (DETECTIONS_TOPIC, content.detections))
            if rows is not None}
        notes = write_bag(
            source, args.output, layout, boxes, _with_progress, content.labels)
    return list(dict.fromkeys([*source.shortcomings, *content.notes, *notes]))


def _write_coco(args: argparse.Namespace, content: ConversionContent) -> list[str]:
    from mot_ros.data.datasets.coco_writer import (
        CocoContent,
        PEDESTRIAN,
        write_annotations,
        write_coco,
    )
    from mot_ros.data.datasets.mot_classes import CLASSES

    file = args.output.suffix.lower() == '.json'
    wanted = CocoContent(
        content.name, content.truth, content.classes,
        content.detections if args.detections or not file else None,
        PEDESTRIAN if content.classes is None else CLASSES)
    if file:
        return write_annotations(content.source, args.output, wanted, _with_progress)
    return write_coco(content.source, args.output, wanted, args.quality, _with_progress)


def _with_progress(source: FrameSource) -> Iterable[Frame]:
    from tqdm import tqdm

    # a log file gets a line now and then instead of ten a second
    interval = 0.2 if sys.stderr.isatty() else 10.0
    with tqdm(source, total=source.length, unit='frame', mininterval=interval,
              leave=False) as bar:
        yield from bar
