# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What `mot_ros convert` has to write: images and boxes of any source that it reads."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mot_ros.commands import places, reading_options
from mot_ros.data.bags.topics import DETECTIONS_TOPIC, TRUTH_TOPIC
from mot_ros.tracking.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from mot_ros.data.bags.source import BagSource
    from mot_ros.data.datasets.mot import Ints, MotRows
    from mot_ros.data.video.frame_source import FrameSource


@dataclass(eq=False)
class ConversionContent:
    """What is to be written; `classes` and `labels` go with the rows of boxes."""

    source: FrameSource
    name: str
    truth: MotRows | None = None
    detections: MotRows | None = None
    classes: Ints | None = None
    """Of the truth, as MOT16 numbers them."""
    labels: dict[str, Ints] = field(default_factory=dict)
    """Category ids by topic."""
    notes: list[str] = field(default_factory=list)


def annotation_file(source: Path) -> Path | None:
    """Return the COCO-style file that a source is or holds, None if it is something else."""
    if source.is_dir():
        return _existing(source / 'annotations.json')
    return source if source.suffix.lower() == '.json' else None


def of_files(args: argparse.Namespace, kind: str) -> ConversionContent:
    """Open a video, images or a MOTChallenge folder."""
    from mot_ros.data.datasets.mot import read_detections, read_truth
    from mot_ros.data.datasets.mot_classes import mot16_classes
    from mot_ros.data.video.frames import open_source

    if args.topic is not None and kind != 'bag':
        raise ConfigError(f'{args.source} is no bag and none is written; leave out --topic')
    folder = Path(args.source)
    rate = args.fps
    if args.video is not None:
        rate = rate or _rate_of(folder)
    source = open_source(args.video or args.source, rate, args.start, args.frames)
    truth_file = args.truth or _existing(folder / 'gt' / 'gt.txt')
    detections_file = args.detections or _existing(folder / 'det' / 'det.txt')
    return ConversionContent(
        source, _name(args), read_truth(truth_file) if truth_file else None,
        read_detections(detections_file) if detections_file else None,
        # only there have they a place that others look for
        mot16_classes(Path(truth_file)) if truth_file and kind == 'coco' else None)


def of_annotations(args: argparse.Namespace, kind: str, annotations: Path) -> ConversionContent:
    """Open a video of a COCO-style file."""
    from mot_ros.data.datasets.coco import read_coco
    from mot_ros.data.datasets.coco_source import boxes_of, CocoFrames
    from mot_ros.data.datasets.coco_writer import ANNOTATIONS, RESULTS
    from mot_ros.data.video.frame_source import DEFAULT_IMAGE_RATE

    if args.truth is not None:
        raise ConfigError(f'{annotations} holds the truth; leave out --truth')
    if args.topic is not None and kind != 'bag':
        raise ConfigError(f'{args.source} is no bag and none is written; leave out --topic')
    file = read_coco(annotations)
    video = file.video(args.video)
    source = CocoFrames(file, video, args.images, args.fps, args.start, args.frames)
    beside = annotations.with_name(RESULTS) if annotations.name == ANNOTATIONS else None
    results = Path(args.detections) if args.detections else beside and _existing(beside)
    names = places.names(args.categories or '')
    boxes = boxes_of(file, video, names, results)
    notes = list(boxes.notes)
    if video.fps is None and args.fps is None:
        notes.append(
            f'{annotations} states no frame rate; {DEFAULT_IMAGE_RATE:g} Hz is taken, unless '
            '--fps says another')
    labels = {topic: found for topic, found in (
        (TRUTH_TOPIC, boxes.truth_labels), (DETECTIONS_TOPIC, boxes.detection_labels))
        if found is not None and boxes.several}
    if boxes.several and kind == 'bag':
        notes.append(f'class_id is the id of the category: {", ".join(boxes.several)}')
    elif boxes.several and kind == 'mot' and boxes.classes is None:
        notes.append(
            f'text files do not name categories; there are boxes of {", ".join(boxes.several)} '
            '(--categories takes some)')
    truth, detections = (
        None if rows is None else source.moved(rows) for rows in (boxes.truth, boxes.detections))
    return ConversionContent(source, video.name, truth, detections, boxes.classes, labels, notes)


def of_bag(args: argparse.Namespace, kind: str) -> ConversionContent:
    """Open a bag."""
    from mot_ros.data.bags.source import BagSource

    source = BagSource(
        Path(args.source), args.topic, args.fps, args.start, args.frames,
        reading_options.reading(args))
    if kind == 'video':
        return ConversionContent(source, _name(args))
    truth, missing = _boxes(args, source, args.truth, TRUTH_TOPIC, truth=True)
    detections, absent = _boxes(args, source, args.detections, DETECTIONS_TOPIC, truth=False)
    return ConversionContent(source, _name(args), truth, detections, notes=[*missing, *absent])


def _boxes(
        args: argparse.Namespace, source: BagSource, named: str | None, topic: str, *,
        truth: bool) -> tuple[MotRows | None, list[str]]:
    """Return boxes from a text file or a topic with what of them does not fit."""
    from mot_ros.data.bags.boxes import boxes_of_topic, by_order, by_stamp
    from mot_ros.data.datasets.mot import read_detections, read_truth

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


def _name(args: argparse.Namespace) -> str:
    """Return what the sequence is called."""
    source = Path(args.source)
    return source.resolve().name if source.is_dir() else (
        source.stem if source.is_file() else str(args.output.stem))


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _rate_of(folder: Path) -> float | None:
    """Return the rate that a seqinfo.ini states: images from elsewhere may state another."""
    import configparser

    from mot_ros.data.video.frame_source import rate_of_text
    from mot_ros.tracking.runtime.user_files import read_text

    parser = configparser.ConfigParser(interpolation=None)
    try:
        if (folder / 'seqinfo.ini').exists():
            parser.read_string(read_text(folder / 'seqinfo.ini'))
        text = parser.get('Sequence', 'frameRate', fallback=None)
        return None if text is None else rate_of_text(text)
    except (configparser.Error, ValueError, OSError) as error:
        raise SourceError(
            f'{folder / "seqinfo.ini"}: no usable frameRate '
            f'({" ".join(str(error).split())}); give --fps') from error
