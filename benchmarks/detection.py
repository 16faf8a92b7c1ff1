# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
How well a detector finds people: on frames of PETS09-S2L1, and on annotated images.

`AP@.5` and `AP@.75` are the areas under the curve of precision over recall, a box being right
that overlaps a person by that. `mean IoU` is how well those right at .5 fit, among detections
scored `--score` or better; `precision` and `recall` are those there. `--images` takes what
`mot_ros train --data` takes; with `--hold-out N` only the images are looked at which a training
with the same option did not see. There people are larger than in street scenes, and the SSD's
anchors end at 320 pixels, so that it looks at them at `--image-size`. The truth of PETS has whole
bodies, also where something hides a part. Prints one table and writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
import sys
from typing import Any

import _start  # noqa: F401 - must come before torch
import numpy as np
from tqdm import tqdm

from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.data.datasets.mot import MotRows, NO_ID, read_truth
from mot_ros.data.video.frames import open_source
from mot_ros.evaluation.scores.metrics import average_precision, matched_overlaps
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.params_file import parse_assignment
from mot_ros.tracking.config.schema import build, catalogue, flatten
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.errors import MotError, SourceError
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights
from mot_ros.training.datasets import held_out, read_datasets

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = {'ssd': 'detector.weights', 'rcnn': 'rcnn.weights'}
"""The setting of the weights by the type of the detector."""

Frames = Iterator[tuple[int, Frame]]


def video_frames(video: Path, every: int) -> Frames:
    """Yield every so many frames of a video, with their numbers from 1."""
    for number, frame in enumerate(open_source(video), 1):
        if number % every == 1 or every == 1:
            yield number, frame


def annotated(root: str, hold_out: int) -> tuple[Frames, MotRows]:
    """Return numbered images of a place and the people on them; those held out, if any are."""
    images = read_datasets([root]).images
    if not images:
        raise SourceError(f'{root} holds no images with boxes; give one with masks/ or labels/')
    if hold_out:
        hidden = held_out([image.path for image in images], hold_out)
        images = [image for image in images if image.path in hidden]
    counts = [len(image.boxes) for image in images]
    truth = MotRows(
        np.repeat(np.arange(1, len(images) + 1), counts), np.full(sum(counts), NO_ID),
        np.concatenate([image.boxes for image in images]).astype(np.float64),
        np.concatenate([~image.ignored for image in images]).astype(np.float64))
    return ((number, Frame.of(image.read(), 0.0)) for number, image in enumerate(images, 1)), truth


def measure(
        name: str, detector: Detector, frames: Frames, truth: MotRows, score: float) -> dict[
            str, Any]:
    """Return one row of the table."""
    numbers, found = [], []
    for number, frame in tqdm(frames, desc=name, leave=False):
        numbers.append(number)
        found.append((number, detector.detect([frame])[0]))
    truth = truth[np.isin(truth.frames, numbers)]
    rows = MotRows.of_detections(found)
    precisions = [average_precision(truth, rows, overlap) for overlap in (.5, .75)]
    good = rows[rows.values >= score]
    fits = matched_overlaps(truth, good)
    fits = fits[~np.isnan(fits)]
    right = fits[fits > 0]
    people = int((truth.values != 0).sum())
    return {
        'data': name, 'images': len(numbers), 'people': people, 'AP@.5': precisions[0],
        'AP@.75': precisions[1], 'mean IoU': float(right.mean()) if len(right) else 0.0,
        'precision': len(right) / max(len(fits), 1), 'recall': len(right) / max(people, 1)}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; `settings` of the result are those of the detector."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--weights', metavar='W', help='name or file; the default by default')
    parser.add_argument('--type', choices=WEIGHTS, default='ssd', help='of the detector (ssd)')
    parser.add_argument('--set', dest='changes', action='append', default=[],
                        metavar='NAME=VALUE', help='change a setting; may be repeated')
    parser.add_argument('--images', action='append', default=[], metavar='PATH',
                        help='annotated images, such as a folder with masks/; may be repeated')
    parser.add_argument('--hold-out', type=int, default=0, metavar='N',
                        help='of these only every Nth (all)')
    parser.add_argument('--image-size', default='384x288', metavar='WxH',
                        help='input size of the SSD for --images (384x288)')
    parser.add_argument('--every', type=int, default=10, metavar='N',
                        help='frame of the video; 0 leaves it out (10)')
    parser.add_argument('--score', type=float, default=0.4,
                        help='least score for fit, precision and recall (0.4)')
    parser.add_argument('--video', type=Path, default=(
        weights.cache_root().parent / 'videos' / 'vtest.avi'))
    parser.add_argument('--truth', type=Path, default=(
        ROOT.parent / 'shared/data/mot15/PETS09-S2L1/gt/gt.txt'))
    parser.add_argument('--json', type=Path, default=Path('detection.json'),
                        help='result (detection.json)')
    args = parser.parse_args(argv)
    if not (args.every or args.images):
        parser.error('--every 0 leaves nothing to look at; give --images')
    changes = {'detector.type': args.type}
    if args.weights:
        changes[WEIGHTS[args.type]] = args.weights
    known = catalogue(Settings, next(iter(Settings.presets)))
    changes |= dict(parse_assignment(text, known) for text in args.changes)
    try:
        width, height = map(int, args.image_size.split('x'))
    except ValueError:
        parser.error(f'--image-size is {args.image_size!r}; write it like 384x288')
    args.settings = build(Settings, changes)
    args.image_settings = build(Settings, {
        **changes, 'detector.width': width, 'detector.height': height})
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    try:
        args = parse(argv)
        rows = []
        if args.every:
            frames = video_frames(args.video, args.every)
            rows.append(measure(
                args.video.stem, make_detector(args.settings), frames, read_truth(args.truth),
                args.score))
        detector = make_detector(args.image_settings)
        for root in args.images:
            rows.append(measure(
                Path(root).name, detector, *annotated(root, args.hold_out), args.score))
    except MotError as error:
        sys.stderr.write(f'detection.py: error: {error}\n')
        return 2
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(table_of_rows(rows, 3))
    write_result(args.json, {
        'benchmark': 'detection', 'rows': rows, 'hold_out': args.hold_out, 'every': args.every,
        'score': args.score, 'image_size': args.image_size, 'settings': flatten(args.settings),
        'sha256': weights.digest(flatten(args.settings)[WEIGHTS[args.type]])})
    return 0


if __name__ == '__main__':
    sys.exit(main())
