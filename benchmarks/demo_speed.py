# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The demo's speed in several states of the source tree, on the same machine and in the same run.

Each TREE is a working tree, such as `git worktree add --detach /tmp/before REVISION` makes one.
They take turns, so that what else the machine does slows all of them, and every turn is a process
of its own that does what `mot_ros track VIDEO --method M` does, and writes nothing. Prints
medians over the turns of the median frame and of the processor time per frame, which other
processes disturb less, and writes JSON. The settings of the last tree may be others:
`demo_speed.py . . --set-last precision=bfloat16`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import time
from typing import Any

import _start  # noqa: F401 - finds mot_ros in a plain checkout
from tqdm import tqdm

from mot_ros.benchmarking.result_file import write_result

ROOT = Path(__file__).resolve().parent.parent
VIDEO = Path('~/.cache/mot_ros/videos/vtest.avi').expanduser()
WARM_UP = 10


def main(words: Sequence[str] | None = None) -> int:
    """Print one row per tree and method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('trees', nargs='*', metavar='TREE', type=Path, help='states to compare')
    parser.add_argument('--video', type=Path, default=VIDEO)
    parser.add_argument('--methods', default='bytetrack', metavar='M,M')
    parser.add_argument('--frames', type=int, default=120, help='of each turn (120)')
    parser.add_argument('--turns', type=int, default=5, help='of every tree (5)')
    parser.add_argument('--set', action='append', default=[], metavar='NAME=VALUE')
    parser.add_argument(
        '--set-last', action='append', default=[], metavar='NAME=VALUE',
        help='a setting of the last tree alone')
    parser.add_argument('--json', type=Path, metavar='FILE')
    parser.add_argument('--turn', action='store_true', help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.turn:
        print(json.dumps(turn(options)))
        return 0
    trees = [tree.resolve() for tree in options.trees] or [ROOT]
    revisions = [revision(tree) for tree in trees]
    methods = options.methods.split(',')
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    work = [(method, number) for _ in range(options.turns) for method in methods
            for number in range(len(trees))]
    for method, number in tqdm(work, unit='turn'):
        last = options.set_last if number == len(trees) - 1 else []
        found.setdefault((method, number), []).append(
            start(trees[number], method, [*options.set, *last], options))
    rows: list[dict[str, Any]] = []
    for method in methods:
        for number, name in enumerate(revisions):
            turns = found[method, number]
            row: dict[str, Any] = {
                figure: statistics.median(one[figure] for one in turns) for figure in turns[0]}
            rows.append({
                'method': method, 'revision': name,
                'settings': options.set + options.set_last * (number == len(trees) - 1),
                **row, 'fps': 1e3 / row['frame_ms']})
            print(f'{method:12} {name:12} {1e3 / row["frame_ms"]:6.1f} frames/s  '
                  f'{row["frame_ms"]:7.2f} ms (detector {row["detector_ms"]:.2f}), '
                  f'processor {row["processor_ms"]:.2f} ms, {row["boxes"]:.0f} boxes')
    if options.json:
        write_result(options.json, {
            'benchmark': 'demo_speed', 'turns': options.turns, 'frames': options.frames,
            'rows': rows})
    return 0


def revision(tree: Path) -> str:
    """Return the commit of a working tree, or its name where it is of none."""
    done = subprocess.run(
        ['git', '-C', str(tree), 'describe', '--always', '--dirty'], capture_output=True,
        text=True, check=False)
    return done.stdout.strip() or tree.name


def start(
        tree: Path, method: str, settings: list[str],
        options: argparse.Namespace) -> dict[str, float]:
    """Return the figures of one turn, in a process of its own."""
    command = [
        sys.executable, __file__, '--turn', '--video', str(options.video), '--methods', method,
        '--frames', str(options.frames)]
    for setting in settings:
        command += ['--set', setting]
    done = subprocess.run(
        command, env={**os.environ, 'PYTHONPATH': str(tree)}, capture_output=True, text=True,
        check=False)
    if done.returncode:
        raise SystemExit(f'{tree}, {method}: {done.stderr.strip()}')
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def turn(options: argparse.Namespace) -> dict[str, float]:
    """Run the demo and return milliseconds of its median frame, and what it found."""
    from mot_ros.data.sources import open_frames
    from mot_ros.evaluation.runner import Run, timed
    from mot_ros.tracking.config import Settings
    from mot_ros.tracking.config.params_file import parse_assignment
    from mot_ros.tracking.config.schema import build, catalogue
    from mot_ros.tracking.detectors import make_detector
    from mot_ros.tracking.methods import make_tracker
    from mot_ros.tracking.sequence import SequenceGuard

    known = catalogue(Settings, next(iter(Settings.presets)))
    values = dict(parse_assignment(text, known) for text in options.set)
    settings = build(Settings, {**values, 'method': options.methods})
    source = open_frames(str(options.video), None, 0, options.frames + WARM_UP, None)
    detector = timed(make_detector(settings))
    run = Run(
        source, make_tracker(settings, detector), detector, SequenceGuard(settings.sequence),
        source.index_of)
    boxes, used = 0, 0.0
    for number, step in enumerate(run):
        if number == WARM_UP - 1:
            used = time.process_time()
        boxes += len(step.tracks.observed)
    count = len(run.total_ms) - WARM_UP
    return {
        'frame_ms': statistics.median(run.total_ms[WARM_UP:]),
        'detector_ms': statistics.median(run.detector_ms[WARM_UP:]),
        'processor_ms': (time.process_time() - used) * 1e3 / count, 'boxes': boxes}


if __name__ == '__main__':
    sys.exit(main())
