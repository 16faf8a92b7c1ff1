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
import datetime
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
from mot_ros.benchmarking.markdown import markdown_table
from mot_ros.tracking.weights import store as weights

ROOT = Path(__file__).resolve().parent.parent
PETS = ROOT.parent / 'shared/data/mot15/PETS09-S2L1'
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


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Write a Markdown table: seconds, and the overhead in percent."""
    def text(column: str, value: Any) -> str:
        if not isinstance(value, float):
            return str(value)
        return f'{value:.1%}' if column == 'overhead' else f'{value:.2f}'

    sys.stdout.write(markdown_table(
        [list(rows[0])] + [[text(*item) for item in row.items()] for row in rows]))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--mot', type=Path, default=PETS, help='a MOTChallenge sequence')
    parser.add_argument('--images', type=Path, default=(
        weights.cache_root().parent / 'videos' / 'vtest.avi'))
    parser.add_argument('--methods', default='bytetrack', help='M,M (bytetrack)')
    parser.add_argument('--detections', default='own', help='as of mot_ros evaluate (own)')
    parser.add_argument('--frames', type=int, metavar='N', help='only the first N frames')
    parser.add_argument('--runs', type=int, default=1, metavar='N', help='how often (1)')
    parser.add_argument('--json', type=Path, default=ROOT / 'benchmarks/results/evaluation.json')
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
    hardware = describe_machine()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            rows = [evaluate(words, Path(scratch) / str(run)) for run in range(args.runs)]
    except subprocess.CalledProcessError as error:
        # it has said why
        return int(error.returncode)
    except KeyboardInterrupt:
        return 130
    print_table(rows)
    args.json.write_text(json.dumps({
        'benchmark': 'evaluation overhead', 'rows': rows, 'sequence': args.mot.resolve().name,
        'detections': args.detections, 'mot_ros': __version__,
        'date': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        'hardware': hardware}, indent=2) + '\n')
    sys.stdout.write(f'wrote {args.json}\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
