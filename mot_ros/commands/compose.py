# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros compose`: a video put together from cut-out people, with exact truth."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
import math
from pathlib import Path
import re
import sys
from typing import TYPE_CHECKING

from mot_ros.tracking.errors import ConfigError

if TYPE_CHECKING:
    from mot_ros.data.synthetic.cutouts import Cutout
    from mot_ros.data.synthetic.scene import Scene
    from mot_ros.data.synthetic.truth import SyntheticTruth
    from mot_ros.tracking.types import Frame

SIZES = {'crowd': (960, 540), 'driving': (1242, 375)}
RATES = {'crowd': 30.0, 'driving': 10.0}
PEOPLE = {'crowd': 12, 'driving': 24}
FIGURES = 40
"""Figures that are drawn where there are no cut-outs."""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('output', metavar='OUT', type=Path, help='folder to write; must be new')
    parser.add_argument(
        '--scene', choices=tuple(SIZES), default='crowd', help='people who cross each other '
        'before a camera in the hand (the default), or at the street, seen from a car')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='0 by default')
    parser.add_argument(
        '--seconds', type=float, default=10.0, metavar='S', help='length, 10 by default')
    parser.add_argument('--fps', type=float, metavar='F', help='in Hz; 30, driving 10')
    parser.add_argument(
        '--size', metavar='WxH', help='of the images; 960x540, driving 1242x375')
    parser.add_argument(
        '--people', type=int, metavar='N', help='at a time (12), driving: in 100 m of street (24)')
    parser.add_argument(
        '--speed', type=float, metavar='S', help='crowd: how many times as fast as usual people '
        'walk (1); driving: by how many box widths people shift from frame to frame, the median '
        '(0.5)')
    parser.add_argument(
        '--still', action='store_true', help='a camera that does not move, in a crowd')
    parser.add_argument(
        '--cutouts', type=Path, action='append', default=[], metavar='DIR', help='images and '
        'masks/ as Penn-Fudan has them, or images and polygons/ (YOLO), also with splits in them; '
        'drawn figures by default')
    parser.add_argument(
        '--backgrounds', type=Path, action='append', default=[], metavar='DIR', help='images; '
        'those with people in labels/ (YOLO) are left out; drawn houses by default')
    parser.set_defaults(run=_compose)


def _compose(args: argparse.Namespace) -> int:
    from mot_ros.data.synthetic.scene import frames
    from mot_ros.data.synthetic.writer import write_sequence
    from mot_ros.tracking.runtime.output_file import check_new

    check_new(args.output)
    fps = RATES[args.scene] if args.fps is None else args.fps
    if not 0 < fps <= 1000:
        raise ConfigError(f'fps is {fps:g}; it must lie above 0 and at most at 1000')
    if not 0 < args.seconds < math.inf:
        raise ConfigError(f'--seconds is {args.seconds:g}; it must be positive')
    count = round(args.seconds * fps)
    if args.seed < 0 or count < 1:
        raise ConfigError(
            f'seed is {args.seed} and there are {count} frames; the seed must not be negative, '
            'and at least one frame is needed')
    scene = _scene(args, fps)
    done = write_sequence(_with_progress(frames(scene, fps, count), count), args.output, fps)
    sys.stdout.write(
        f'wrote     {args.output}: {done.frames} frames, {done.people} people, {done.boxes} '
        f'boxes, median shift {done.shift:.3g} box widths per frame\n')
    return 0


def _scene(args: argparse.Namespace, fps: float) -> Scene:
    from mot_ros.data.synthetic.backgrounds import background_files
    from mot_ros.data.synthetic.camera_motion import STILL, SyntheticCameraMotion
    from mot_ros.data.synthetic.driving import Drive, DrivingScene
    from mot_ros.data.synthetic.image_degradation import Look
    from mot_ros.data.synthetic.scene import Crowd, CrowdScene

    photographs = [file for folder in args.backgrounds for file in background_files(folder)]
    cutouts = _cutouts(args.cutouts, args.seed)
    size = _size(args.size) if args.size else SIZES[args.scene]
    people = PEOPLE[args.scene] if args.people is None else args.people
    # the file compresses them
    look = Look(jpeg=None)
    if args.scene == 'crowd':
        crowd = Crowd(
            size=size, people=people, pace=1.0 if args.speed is None else args.speed, look=look,
            camera=STILL if args.still else SyntheticCameraMotion())
        return CrowdScene(cutouts, photographs, crowd, args.seed)
    if args.still:
        raise ConfigError('a car cannot stand --still; use --speed')
    street = DrivingScene(
        cutouts, photographs, Drive(size=size, people=people, look=look), args.seed)
    return street.at_shift(0.5 if args.speed is None else args.speed, fps)


def _cutouts(folders: Sequence[Path], seed: int) -> list[Cutout]:
    from mot_ros.data.synthetic.cutouts import read_cutouts
    from mot_ros.data.synthetic.figures import draw_figures

    if not folders:
        return draw_figures(FIGURES, seed)
    return [cutout for folder in folders for cutout in read_cutouts(folder)]


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r'(\d+)x(\d+)', text)
    if not found:
        raise ConfigError(f'size is {text!r}; give width x height, such as 640x480')
    return int(found[1]), int(found[2])


def _with_progress(sequence: Iterable[tuple[Frame, SyntheticTruth]], count: int
                   ) -> Iterable[tuple[Frame, SyntheticTruth]]:
    from tqdm import tqdm

    # a log file gets a line now and then instead of ten a second
    interval = 0.2 if sys.stderr.isatty() else 10.0
    with tqdm(sequence, total=count, unit='frame', mininterval=interval, leave=False) as bar:
        yield from bar
