# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros`: the library from the command line, without ROS."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import os
import sys

from mot_ros import __version__
from mot_ros.commands import (
    bench,
    calibrate,
    compose,
    convert,
    count,
    evaluate,
    export,
    INTERRUPTED,
    merge,
    replay,
    say,
    track,
    train,
    weights,
)
from mot_ros.tracking.errors import MotError
from mot_ros.tracking.runtime.malloc import keep_memory
from mot_ros.tracking.runtime.threads import share_cores


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0, 2 for an error, 130 for Ctrl-C."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        args = _parser().parse_args(words)
        args.words = words
        share_cores()
        keep_memory()
        # what these would say of a broken video comes as one line of our own
        os.environ.setdefault('OPENCV_LOG_LEVEL', 'SILENT')
        os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
        status: int = args.run(args)
        # here, where a full disk behind it still gives a sentence
        sys.stdout.flush()
    except MotError as error:
        say(f'error: {error}')
        return 2
    except OSError as error:
        say(f'error: {error.filename or "output"}: {error.strerror or error}')
        return 2
    except KeyboardInterrupt:
        say('interrupted')
        return INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='mot_ros', description='Camera in, multi-object tracks out.')
    parser.add_argument('--version', action='version', version=f'mot_ros {__version__}')
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    track.add(commands.add_parser(
        'track', help='track objects in a video or in images',
        description='Track objects in a video or in images.'))
    evaluate.add(commands.add_parser(
        'evaluate', help='score methods or results on annotated sequences',
        description='Score methods or results on annotated sequences.'))
    merge.add(commands.add_parser(
        'merge', help='join tracks of a finished result that look alike',
        description='Give one id to tracks of a finished result that follow each other and look '
        'alike, as SiamMOT+ does.'))
    replay.add(commands.add_parser(
        'replay', help='play a bag live through the ROS 2 node and score that',
        description='Play a bag live through the ROS 2 node, score what it publishes beside the '
        'offline run of the same method, and tell what real time cost.'))
    convert.add(commands.add_parser(
        'convert', help='convert between video, MOTChallenge, COCO and rosbag2',
        description='Convert a video, images, a MOTChallenge folder or COCO-style annotations '
        'to a rosbag2, or a rosbag2 back to one of them.'))
    compose.add(commands.add_parser(
        'compose', help='make a video of cut-out people with exact truth',
        description='Put together a video of people who are cut out of images or drawn, and '
        'write it with its exact truth as a MOTChallenge folder.'))
    count.add(commands.add_parser(
        'count', help='count what image data sets hold',
        description='Count images and objects of image data sets for training, and fail where '
        'nothing is annotated.'))
    export.add(commands.add_parser(
        'export', help='write a network as ONNX files',
        description='Write the default detector as an ONNX file of one input size, for '
        'detector.type onnx; or SiamMOT, or SLM. The weights alone are what `mot_ros weights '
        'export` writes.'))
    train.add(commands.add_parser(
        'train', help='train a network on data of your own',
        description='Train a network on images of your own, or on figures drawn for a trial.'))
    bench.add(commands.add_parser(
        'bench', help='tell what a method costs on this machine',
        description='Time the stages of a method and whole frames on this machine, and set '
        'beside them what their arithmetic and its traffic take at least.'))
    calibrate.add(commands.add_parser(
        'calibrate', help='turn the scores of a detector into probabilities',
        description='Fit a map from the scores of a detector, and the heights of its boxes, to '
        'the probability that a box is right, on annotated frames, so that one set of thresholds '
        'does for it as for the detectors of the package. Each scene counts the same.'))
    weights.add(commands.add_parser(
        'weights', help='list, show, import or export weights',
        description='List, show, import or export the weights of the networks.'))
    return parser


if __name__ == '__main__':
    sys.exit(main())
