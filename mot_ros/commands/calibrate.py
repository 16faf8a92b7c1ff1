# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros calibrate`: turn the scores of a detector into probabilities, by annotated frames."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from mot_ros.commands import setting_options
from mot_ros.tracking.config import Settings
from mot_ros.tracking.errors import ConfigError

if TYPE_CHECKING:
    from mot_ros.evaluation.detection_matches import DetectionMatches
    from mot_ros.evaluation.detection_scenes import DetectionScene
    from mot_ros.tracking.protocols import Detector

FLOOR = 0.05
"""Scores below this say nothing."""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        '-o', '--output', type=Path, required=True, metavar='FILE',
        help='the map, a .json file for detector.calibration')
    parser.add_argument(
        '--sequence', action='append', type=Path, default=[], metavar='FOLDER',
        help='a scene: images and truth in the layout of MOTChallenge; may be repeated')
    parser.add_argument(
        '--images', action='append', default=[], metavar='PATH',
        help='a scene: annotated images, as `mot_ros train --data` takes them; may be repeated')
    parser.add_argument(
        '--every', type=int, default=10, metavar='N',
        help='look at every Nth frame of a sequence (10)')
    setting_options.add(parser, params=True, example='detector.type=onnx')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    if args.every < 1:
        raise ConfigError(f'--every is {args.every}; 1 takes every frame')
    from mot_ros.evaluation.detection_scenes import annotated, sequence
    from mot_ros.evaluation.score_calibration import fit, leave_one_out
    from mot_ros.tracking.config.schema import build
    from mot_ros.tracking.detectors import make_detector
    from mot_ros.tracking.runtime.output_file import check_writable, write_text

    # before the work
    check_writable(args.output)
    scenes = [sequence(folder.name, folder, folder / 'gt/gt.txt', args.every)
              for folder in args.sequence] + [annotated(root) for root in args.images]
    if not scenes:
        raise ConfigError('there is nothing to calibrate on; give --sequence or --images')
    values = setting_options.from_file(args) | setting_options.from_options(args, Settings)
    detector = make_detector(build(Settings, values | {
        'detector.calibration': 'none', 'detector.score_floor': FLOOR}))
    matched = [_matches(scene, detector) for scene in scenes]
    found = fit(matched)
    write_text(args.output, found.to_json() + '\n')
    sys.stdout.write(f'wrote {args.output}: {found.to_json()}\n')
    if len(scenes) > 1:
        for scene, (error, bias) in zip(scenes, leave_one_out(matched), strict=True):
            sys.stdout.write(
                f'{scene.name}: off by {error:.3f} on average when left out, {bias:+.3f} with '
                'its sign\n')
    return 0


def _matches(scene: DetectionScene, detector: Detector) -> DetectionMatches:
    """Return what a detector finds in a scene, heights as parts of the image's short side."""
    import numpy as np

    from mot_ros.data.datasets.mot import MotRows
    from mot_ros.evaluation.detection_matches import match

    found, sides = [], {}
    for number, frame in scene.frames():
        found.append((number, detector.detect([frame])[0]))
        sides[number] = min(frame.size)
    truth = scene.truth[np.isin(scene.truth.frames, list(sides))]
    return match(truth, MotRows.of_detections(found), sides.__getitem__)
