# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
What `mot_ros evaluate` costs beside detector and tracker, on PETS09-S2L1 unless told otherwise.

Runs the command as a user does and takes the time from outside, so that the start of Python
counts. `wait` is the loop over the frames without detector and tracker: images that are not yet
decoded, and writing tracks; `report` is what comes before and after the work on sequences, `start`
the rest, most of it Python itself;
`overhead` is the share of the whole that is neither detector nor tracker. Prints one table and
writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import json
from pathlib import Path
import subprocess
import sys
import tempfile
import time
from typing import Any

import _start  # noqa: F401 - finds mot_ros in a plain checkout

from mot_ros import __version__
from mot_ros.benchmarking.machine import describe_machine
from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import DATA, finish, make_parser, RESULTS, ROOT
from mot_ros.tracking.weights import store as weights

PARTS = ('detector', 'tracker', 'wait', 'read', 'load', 'score', 'gallery')
"""What timings.json says of the work on sequences."""


def evaluate(words: Sequence[str], output: Path) -> dict[str, Any]:
    """Run the command and return where the seconds went."""
    command = [sys.executable, '-m', 'mot_ros.cli', 'evaluate', '--fresh', '-o', str(output)]
    start = time.perf_counter()
    subprocess.run([*command, *words], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    wall = time.perf_counter() - start
    spent = json.loads((output / 'timings.json').read_text())['overhead']
    report = json.loads((output / 'report.json').read_text())
    row = {
        'run': ','.join(report['runs']), 'frames': sum(
            result['frames'] for result in report['results']),
        'wall': wall, **{part: spent[part] for part in PARTS}, 'report': spent['around'],
        'start': wall - spent['total']}
    return row | {'overhead': 1 - (spent['detector'] + spent['tracker']) / wall}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, RESULTS / 'evaluation.json')
    parser.add_argument('--mot', type=Path, default=DATA / 'mot15/PETS09-S2L1',
                        help='a MOTChallenge sequence')
    parser.add_argument('--images', type=Path, default=(
        weights.cache_root().parent / 'videos' / 'vtest.avi'))
    parser.add_argument('--methods', default='bytetrack', help='M,M (bytetrack)')
    parser.add_argument('--detections', default='own', help='as of mot_ros evaluate (own)')
    parser.add_argument('--frames', type=int, metavar='N', help='only the first N frames')
    parser.add_argument('--runs', type=int, default=1, metavar='N', help='how often (1)')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and write."""
    args = parse(argv)
    words = ['--mot', str(args.mot.resolve()), '--methods', args.methods,
             '--detections', args.detections]
    if args.images.exists():
        words += ['--images', str(args.images.resolve())]
    if args.frames is not None:
        words += ['--frames', str(args.frames)]
    # before the runs, whose load is no other's
    hardware = describe_machine()

    def work() -> int:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                rows = [evaluate(words, Path(scratch) / str(run)) for run in range(args.runs)]
            except subprocess.CalledProcessError as error:
                # it has printed the reason
                return int(error.returncode)
        sys.stdout.write(table_of_rows(rows, 2, {'overhead': '.1%'}))
        write_result(args.json, {
            'benchmark': 'evaluation overhead', 'rows': rows,
            'sequence': args.mot.resolve().name, 'detections': args.detections,
            'mot_ros': __version__}, **hardware)
        return 0

    return finish('evaluation.py', work)


if __name__ == '__main__':
    sys.exit(main())
