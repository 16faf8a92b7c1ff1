# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Camera motion on PETS09-S2L1: how long a frame takes in every mode, and whether it is right.

The video's camera stands. For one that pans, a window of 640 x 480 pixels is moved over the video
by whole pixels along a known path. `moved` are the frames whose warp is not the identity, `off`
is how far the warp puts a corner of the image from where it is, in pixels. Prints one table and
writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
import itertools
import sys
import time
from typing import Any

import _start  # noqa: F401 - finds mot_ros in a plain checkout
import cv2
import numpy as np

from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import add_pets, finish, make_parser, require
from mot_ros.data.video.frame_source import FrameSource
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.motion.camera_motion import CameraMotion
from mot_ros.tracking.motion.warp import Warp
from mot_ros.tracking.types import Frame

WAYS = (('off', 'flow'), ('auto', 'flow'), ('on', 'flow'), ('auto', 'ecc'), ('on', 'ecc'))
"""Mode and method of every row."""
WINDOW = (640, 480)
NOTHING = np.zeros((0, 4), np.float32)


def panned(source: FrameSource) -> Iterator[tuple[Frame, Warp]]:
    """Yield what a moving window over the video sees, and its motion since the last frame."""
    last = None
    for number, frame in enumerate(source):
        width, height = frame.size
        phase = 2 * np.pi * number / 60
        room = np.array([width - WINDOW[0], height - WINDOW[1]])
        path = np.array([np.sin(phase), np.cos(0.7 * phase)])
        corner = np.rint(room / 2 * (1 + path)).astype(int)
        x, y = corner.tolist()
        moved = np.zeros(2) if last is None else last - corner
        last = corner
        image = np.asarray(frame.image)[y:y + WINDOW[1], x:x + WINDOW[0]]
        yield Frame(image, frame.stamp, WINDOW), Warp(np.column_stack([np.eye(2), moved]))


def distance(found: Warp, true: Warp, size: tuple[int, int]) -> float:
    """Return how far apart two warps put the corner of an image that they differ on most."""
    width, height = size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    return float(np.linalg.norm(found.points(corners) - true.points(corners), axis=1).max())


def measure(
        camera: CameraMotion, frames: Iterator[tuple[Frame, Warp]], most: int) -> dict[str, Any]:
    """Return times, counts and errors of one run."""
    times, off, moved = [], [], 0
    for frame, true in itertools.islice(frames, most):
        start = time.perf_counter()
        warp = camera.estimate(frame, NOTHING)
        times.append(time.perf_counter() - start)
        off.append(distance(warp, true, frame.size))
        moved += not warp.is_identity
    return {
        'frames': len(times), 'ms median': float(np.median(times) * 1e3),
        'ms p99': float(np.percentile(times, 99) * 1e3), 'moved': moved,
        'failures': camera.failures, 'off median': float(np.median(off)),
        'off max': float(np.max(off))}


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure every way on the standing and on the panning camera."""
    rows = []
    source = open_source(args.video)
    for name in ('stands', 'pans'):
        for mode, method in WAYS:
            frames = panned(source) if name == 'pans' else (
                (frame, Warp.identity()) for frame in source)
            rows.append({'camera': name, 'mode': mode, 'method': method, **measure(
                CameraMotion(mode, method, args.width, args.corners), frames, args.frames)})
    return rows


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, 'camera_motion.json')
    add_pets(parser, truth=False)
    parser.add_argument('--frames', type=int, default=795, help='at most so many (795)')
    parser.add_argument('--width', type=int, default=480, help='largest width looked at (480)')
    parser.add_argument('--corners', type=int, default=400, help='most corners of flow (400)')
    parser.add_argument('--threads', type=int, default=1, help="OpenCV's (1)")
    args = parser.parse_args(argv)
    require(parser, args, 1, 'frames', 'width', 'corners', 'threads')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    args = parse(argv)

    def work() -> None:
        cv2.setNumThreads(args.threads)
        rows = run(args)
        sys.stdout.write(table_of_rows(rows, 2))
        write_result(args.json, {
            'benchmark': 'camera_motion', 'rows': rows, 'width': args.width,
            'corners': args.corners}, opencv=cv2.__version__, threads=args.threads)

    return finish('camera_motion.py', work)


if __name__ == '__main__':
    sys.exit(main())
