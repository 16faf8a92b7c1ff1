# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Backends: what our networks take in torch, and in onnxruntime.

The default detector on frames of a video, the shipped SLM on made-up boxes in them, and whole
frames of SiamMOT with its shipped weights. Both take turns frame by frame, so that what else the
machine does hits both; `torch / onnx` is the median of each pair's ratio, `largest difference` of
boxes in pixels, of embeddings in themselves. Prints one table and writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
import sys
import time
from typing import Any

# flake8: noqa: E402
from mot_ros.tracking.runtime.threads import share_cores

share_cores()  # before anything loads torch

import cv2
import numpy as np
import onnxruntime
import torch

from mot_ros.benchmarking.markdown import markdown_table
from mot_ros.benchmarking.result_file import write_result
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.tracks.appearance_pool import make_embedder
from mot_ros.tracking.types import Floats, Frame
from mot_ros.tracking.weights import store as weights

BACKENDS = ('torch', 'onnx')
VIDEO = weights.cache_root().parent / 'videos' / 'vtest.avi'
WARM_UPS = 3
"""Turns that do not count: a search for tracks first needs some."""

Work = Callable[[Frame], Floats]


def detector(settings: Settings) -> Work:
    """Return what finds boxes."""
    network = make_detector(settings)
    return lambda frame: network.detect([frame])[0].boxes


def slm(settings: Settings) -> Work:
    """Return what embeds ten boxes."""
    corners = np.random.default_rng(0).uniform(0, 400, (10, 2))
    boxes = np.concatenate([corners, corners + np.array([50, 110])], 1).astype(np.float32)
    embedder = make_embedder(settings)
    assert embedder is not None  # noqa: S101
    return lambda frame: embedder.embed(frame, boxes)


def tracker(settings: Settings) -> Work:
    """Return what tracks."""
    method = make_tracker(settings, make_detector(settings))
    return lambda frame: method.update(frame).boxes


PARTS: dict[str, tuple[Callable[[Settings], Work], dict[str, Any]]] = {
    'SSD 1024x768': (detector, {'detector.type': 'ssd'}),
    'slm-small, 10 crops': (slm, {
        'appearance.type': 'slm', 'appearance.weights': 'slm-small'}),
    'siammot-small, whole frames': (tracker, {'method': 'siammot'})}


def measure(part: str, images: Sequence[Any], device: str) -> dict[str, Any]:
    """Time one of PARTS on images, those after the first few."""
    make, values = PARTS[part]
    works = {
        backend: make(build(Settings, {**values, 'backend': backend, 'device': device}))
        for backend in BACKENDS}
    times: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    apart = 0.0
    for number, image in enumerate(images):
        found = []
        for backend, work in works.items():
            start = time.perf_counter()
            found.append(work(Frame.of(image, number / 10)))
            times[backend].append(time.perf_counter() - start)
        one, other = found
        apart = max(apart, float(np.abs(one - other).max(initial=0))
                    if one.shape == other.shape else np.inf)
    both = np.array([times[backend][WARM_UPS:] for backend in BACKENDS]) * 1e3
    return {
        'part': part, 'torch ms': float(np.median(both[0])), 'onnx ms': float(np.median(both[1])),
        'torch / onnx': float(np.median(both[0] / both[1])), 'largest difference': apart}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--video', type=Path, default=VIDEO, help='(that of mot_ros demo)')
    parser.add_argument('--frames', type=int, default=33, help='its first ones (33)')
    parser.add_argument('--device', default='cpu', help="'cpu', 'cuda' (cpu)")
    parser.add_argument('--threads', type=int, default=1, help='of each backend (1)')
    parser.add_argument('--json', type=Path, default=Path('backends.json'),
                        help='result (backends.json)')
    args = parser.parse_args(argv)
    if args.frames <= WARM_UPS or args.threads < 1:
        parser.error(f'--frames must be above {WARM_UPS}, --threads positive')
    if not args.video.is_file():
        parser.error(f'there is no {args.video}; name one with --video')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    args = parse(argv)
    torch.set_num_threads(args.threads)
    capture = cv2.VideoCapture(str(args.video))
    images = [capture.read()[1] for _ in range(args.frames)]
    rows = [measure(part, images, args.device) for part in PARTS]
    sys.stdout.write(markdown_table([list(rows[0])] + [
        [row['part'], f'{row["torch ms"]:.1f}', f'{row["onnx ms"]:.1f}',
         f'{row["torch / onnx"]:.2f}', f'{row["largest difference"]:.0e}'] for row in rows]))
    write_result(
        args.json, {'benchmark': 'backends', 'rows': rows, 'device': args.device},
        torch=torch.__version__, onnxruntime=onnxruntime.__version__,
        torch_threads=torch.get_num_threads())
    return 0


if __name__ == '__main__':
    sys.exit(main())
