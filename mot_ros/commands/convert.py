# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""`mot_ros convert`: between video, MOTChallenge folder and rosbag2."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from mot_ros.commands import say
from mot_ros.tracking.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from mot_ros.data.bag import BagSource
    from mot_ros.data.mot import MotRows
    from mot_ros.data.video import FrameSource
    from mot_ros.tracking.types import Frame

KINDS = ('bag', 'mot', 'video')
IMAGE_TOPIC = '/camera/image'
TRUTH_TOPIC = '/truth'
DETECTIONS_TOPIC = '/detections'


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        'source', metavar='SOURCE',
        help='a video, a folder of images, a MOTChallenge folder or a rosbag2')
    parser.add_argument('output', metavar='OUTPUT', type=Path, help='what to write; must be new')
    parser.add_argument(
        '--to', choices=KINDS, help='what OUTPUT is; by default a video if it ends so, a '
        'MOTChallenge folder if SOURCE is a bag, else a bag')
    parser.add_argument(
        '--fps', type=float, metavar='F', help='frame rate in Hz; overrides what the file says')
    parser.add_argument(
        '--start', type=int, default=0, metavar='N', help='leave out the first N frames')
    parser.add_argument('--frames', type=int, metavar='N', help='stop after N frames')
    parser.add_argument(
        '--video', metavar='FILE', help='images of a MOTChallenge folder that has none')
    parser.add_argument(
        '--quality', type=int, default=95, metavar='Q', help='of JPEG images, 1 to 100')
    boxes = parser.add_argument_group('boxes')
    boxes.add_argument(
        '--truth', metavar='T', help='MOT text file, or a topic if SOURCE is a bag; by default '
        f'gt/gt.txt or {TRUTH_TOPIC}, where it is there')
    boxes.add_argument(
        '--detections', metavar='T', help='likewise; by default det/det.txt or '
        f'{DETECTIONS_TOPIC}')
    boxes.add_argument(
        '--align', choices=('order', 'stamp'), default='order', help='what joins a text file to '
        'the images of a bag: their order, or the stamps, frame n being (n - 1) / fps after the '
        'first')
    boxes.add_argument(
        '--tolerance', type=float, metavar='S', help='of --align stamp, in seconds; by default '
        'half of 1 / fps')
    bags = parser.add_argument_group('bags')
    bags.add_argument(
        '--topic', metavar='T', help=f'topic of the images; {IMAGE_TOPIC} in a new bag')
    bags.add_argument(
        '--storage', choices=('mcap', 'sqlite3'), default='mcap', help='of a new bag')
    bags.add_argument(
        '--compressed', action='store_true', help='write CompressedImage (JPEG), by default on '
        f'{IMAGE_TOPIC}/compressed')
    parser.set_defaults(run=_convert)


def _convert(args: argparse.Namespace) -> int:
    from mot_ros.data.sources import is_bag

    from_bag = is_bag(args.source)
    kind = args.to or (
        'video' if args.output.suffix.lower() in ('.mp4', '.avi') else
        'mot' if from_bag else 'bag')
    if not 1 <= args.quality <= 100:
        raise ConfigError(f'quality is {args.quality}; it must lie in [1, 100]')
    if kind == 'bag' and from_bag:
        raise ConfigError(f'{args.source} is a bag already; use "ros2 bag convert"')
    if args.output.exists():
        raise SourceError(f'{args.output} exists already; remove it or choose another place')
    if not args.output.parent.is_dir():
        raise SourceError(
            f'{args.output}: the folder {args.output.parent} does not exist; make it first')
    try:
        notes = _of_bag(args, kind) if from_bag else _of_files(args, kind)
    except ImportError as error:
        raise ConfigError(
            f'bags need rosbags, which cannot be imported ({error}): pip install rosbags') \
            from error
    for sentence in notes:
        say(f'warning: {sentence}')
    sys.stdout.write(f'wrote     {args.output}\n')
    return 0


def _of_files(args: argparse.Namespace, kind: str) -> list[str]:
    """Convert a video, images or a MOTChallenge folder."""
    from mot_ros.data.convert import BagLayout, write_bag, write_mot, write_video
    from mot_ros.data.mot import read_detections, read_truth
    from mot_ros.data.video import open_source

    if args.topic is not None and kind != 'bag':
        raise ConfigError(f'{args.source} is no bag and none is written; leave out --topic')
    folder = Path(args.source)
    rate = args.fps
    if args.video is not None:
        rate = rate or _rate_of(folder)
    source = open_source(args.video or args.source, rate, args.start, args.frames)
    truth_file = args.truth or _existing(folder / 'gt' / 'gt.txt')
    detections_file = args.detections or _existing(folder / 'det' / 'det.txt')
    truth = read_truth(truth_file) if truth_file else None
    detections = read_detections(detections_file) if detections_file else None
    if kind == 'video':
        notes = write_video(source, args.output, _with_progress)
    elif kind == 'mot':
        notes = write_mot(
            source, args.output, truth, detections, args.quality, _with_progress)
    else:
        topic = args.topic or IMAGE_TOPIC + ('/compressed' if args.compressed else '')
        layout = BagLayout(topic, args.storage, args.quality if args.compressed else None)
        boxes = {name: rows for name, rows in (
            (TRUTH_TOPIC, truth), (DETECTIONS_TOPIC, detections)) if rows is not None}
        notes = write_bag(source, args.output, layout, boxes, _with_progress)
    return [*source.shortcomings, *notes]


def _of_bag(args: argparse.Namespace, kind: str) -> list[str]:
    """Convert a bag to a MOTChallenge folder or a video."""
    from mot_ros.data.bag import BagSource
    from mot_ros.data.convert import write_mot, write_video

    source = BagSource(Path(args.source), args.topic, args.fps, args.start, args.frames)
    if kind == 'video':
        notes = write_video(source, args.output, _with_progress)
    else:
        truth, missing = _boxes(args, source, args.truth, TRUTH_TOPIC, truth=True)
        detections, absent = _boxes(
            args, source, args.detections, DETECTIONS_TOPIC, truth=False)
        notes = [*missing, *absent, *write_mot(
            source, args.output, truth, detections, args.quality, _with_progress)]
    return list(dict.fromkeys([*source.shortcomings, *notes]))


def _boxes(
        args: argparse.Namespace, source: BagSource, named: str | None, topic: str, *,
        truth: bool) -> tuple[MotRows | None, list[str]]:
    """Return boxes from a text file or a topic with what of them does not fit."""
    from mot_ros.data.bag_boxes import boxes_of_topic, by_order, by_stamp
    from mot_ros.data.mot import read_detections, read_truth

    topics = {found.name for found in source.bag.topics}
    if named is None and topic not in topics:
        return None, []
    if named is None or named in topics or not Path(named).is_file():
        found = boxes_of_topic(source, named or topic, truth=truth)
    else:
        rows = read_truth(named) if truth else read_detections(named)
        stamps = source.stamps()
        if args.align == 'order':
            found = by_order(rows, len(stamps), named)
        else:
            tolerance = 0.5 / source.fps if args.tolerance is None else args.tolerance
            found = by_stamp(rows, stamps, source.fps, tolerance, named)
    return found.rows, found.mismatches


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _rate_of(folder: Path) -> float | None:
    """Return the rate that a seqinfo.ini states: images from elsewhere may state another."""
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(folder / 'seqinfo.ini')
        return parser.getfloat('Sequence', 'frameRate', fallback=None)
    except (configparser.Error, ValueError) as error:
        raise SourceError(
            f'{folder / "seqinfo.ini"}: no usable frameRate '
            f'({" ".join(str(error).split())}); give --fps') from error


def _with_progress(source: FrameSource) -> Iterable[Frame]:
    from tqdm import tqdm

    # a log file gets a line now and then instead of ten a second
    interval = 0.2 if sys.stderr.isatty() else 10.0
    with tqdm(source, total=source.length, unit='frame', mininterval=interval,
              leave=False) as bar:
        yield from bar
