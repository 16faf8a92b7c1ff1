# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Trackers from PyPI on detections in files: what motion_only.py starts, in their own environment.

Needs NumPy and the peers that are to run, nothing of mot_ros. `--list-peers` says how to install
them; those that cannot be imported are left out, and their reason is told. Each has the default
settings of its library, without appearance and without camera motion.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import importlib
import importlib.metadata
import json
from pathlib import Path
import sys
from typing import Any
import warnings

import numpy as np

Update = Callable[[Any, Any], tuple[Any, Any]]
"""From boxes (N, 4) and scores (N,) to boxes (K, 4) and ids (K,) of the tracks of a frame."""


@dataclass(frozen=True)
class Peer:
    """A tracker by name; `make` returns a fresh one for images of (width, height)."""

    name: str
    package: str
    make: Callable[[tuple[int, int]], Update]


def array_peer(package: str, name: str, **options: Any) -> Peer:
    """Return one that takes (N, 5) boxes and scores and returns (K, 5) boxes and ids."""
    def make(size: tuple[int, int]) -> Update:
        tracker = getattr(importlib.import_module(package), name)(**options)

        def update(boxes: Any, scores: Any) -> tuple[Any, Any]:
            return columns(tracker.update(np.column_stack([boxes, scores])))

        return update

    return Peer(f'{package} {name}', package, make)


def roboflow(name: str, **options: Any) -> Peer:
    """Return a tracker of the package trackers."""
    def make(size: tuple[int, int]) -> Update:
        import supervision
        import trackers

        tracker = getattr(trackers, name)(**options)

        def update(boxes: Any, scores: Any) -> tuple[Any, Any]:
            found = tracker.update(supervision.Detections(
                xyxy=boxes.astype(np.float32), confidence=scores.astype(np.float32),
                class_id=np.zeros(len(boxes), int)))
            tracked = found.tracker_id >= 0
            return found.xyxy[tracked], found.tracker_id[tracked]

        return update

    return Peer(f'trackers {name}', 'trackers', make)


def boxmot(name: str, **options: Any) -> Peer:
    """Return a tracker of the package boxmot; some want an image for its size alone."""
    def make(size: tuple[int, int]) -> Update:
        from boxmot.trackers.factory import create_tracker
        from boxmot.trackers.specs import TrackerSpec

        tracker = create_tracker(TrackerSpec(name=name, options=tuple(sorted(options.items()))))
        blank = np.zeros((size[1], size[0], 3), np.uint8)

        def update(boxes: Any, scores: Any) -> tuple[Any, Any]:
            rows = np.column_stack([boxes, scores, np.zeros(len(boxes))]).astype(np.float32)
            return columns(tracker.update(rows, blank))

        return update

    return Peer(f'boxmot {name}', 'boxmot', make)


def columns(result: Any) -> tuple[Any, Any]:
    """Split rows of boxes and ids; no rows may have any shape."""
    rows = np.asarray(result, np.float64)
    if not rows.size:
        return np.zeros((0, 4)), np.zeros(0, np.int64)
    return rows[:, :4], rows[:, 4].astype(np.int64)


PEERS = (
    array_peer('pyxtrackers', 'Sort'),
    array_peer('pyxtrackers', 'BYTETracker'),
    # it has no default of its own; that of its authors
    array_peer('pyxtrackers', 'OCSort', det_thresh=0.6),
    array_peer('ioutrack', 'Sort'),
    array_peer('ioutrack', 'ByteTrack'),
    roboflow('SORTTracker'),
    roboflow('ByteTrackTracker'),
    roboflow('OCSORTTracker'),
    roboflow('BoTSORTTracker', enable_cmc=False),
    roboflow('CBIoUTracker'),
    boxmot('bytetrack'),
    boxmot('ocsort'),
    boxmot('botsort', use_cmc=False, use_embeddings=False),
    boxmot('boosttrack', use_cmc=False, use_embeddings=False),
    boxmot('occluboost', use_cmc=False, use_embeddings=False),
    boxmot('sfsort'),
)


def lines(update: Update, detections: Any, size: tuple[int, int], length: int) -> list[str]:
    """Run a tracker and return the lines of a result file, boxes cut to the image."""
    result = []
    for frame in range(1, length + 1):
        rows = detections[detections[:, 0] == frame]
        # best first, as our trackers get them
        rows = rows[np.argsort(-rows[:, 6], kind='stable')]
        boxes = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
        found, ids = update(boxes, rows[:, 6])
        found = np.clip(np.asarray(found, np.float64), 0, [*size, *size])
        for (x1, y1, x2, y2), identity in zip(found.tolist(), ids.tolist(), strict=True):
            if x2 > x1 and y2 > y1:
                result.append(f'{frame},{identity},{x1:.3f},{y1:.3f},{x2 - x1:.3f},'
                              f'{y2 - y1:.3f},1,-1,-1,-1\n')
    return result


def run(peer: Peer, sequences: Sequence[Mapping[str, Any]], source: Path, output: Path) -> None:
    """Write output/SEQUENCE.txt for each of the sequences, with detections from the source."""
    output.mkdir(parents=True, exist_ok=True)
    for sequence in sequences:
        detections = np.loadtxt(source / f'{sequence["name"]}.txt', delimiter=',', ndmin=2)
        size = (int(sequence['size'][0]), int(sequence['size'][1]))
        made = lines(peer.make(size), detections, size, sequence['length'])
        (output / f'{sequence["name"]}.txt').write_text(''.join(made), encoding='ascii')


def main(argv: Sequence[str] | None = None) -> int:
    """Run every peer on every folder of detections and write what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('job', type=Path, nargs='?', help=(
        'JSON: sequences (name, size, length), detections and output (folders by name)'))
    parser.add_argument('--list-peers', action='store_true', help='say how to install the peers')
    args = parser.parse_args(argv)
    if args.list_peers:
        packages = dict.fromkeys(peer.package for peer in PEERS)
        sys.stdout.write(f'pip install numpy {" ".join(packages)}\n')
        return 0
    if args.job is None:
        parser.error('name the job')
    warnings.filterwarnings('ignore')
    job = json.loads(args.job.read_text(encoding='utf-8'))
    report = []
    for peer in PEERS:
        reason = version = ''
        try:
            version = importlib.metadata.version(peer.package)
            for name, source in job['detections'].items():
                run(peer, job['sequences'], Path(source),
                    Path(job['output'][name]) / peer.name)
        except Exception as error:
            # libraries of others fail in ways of their own; the next one still has its turn
            reason = f'{type(error).__name__}: {error}'
        report.append({'name': peer.name, 'version': version, 'error': reason})
    Path(job['report']).write_text(json.dumps(report), encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
