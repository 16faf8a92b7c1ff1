# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""
The default detector and the trackers on PETS09-S2L1: 795 frames, 7 Hz, 19 people.

Without a mode the default preset is run with every method. `--tracks FILE` scores a result file,
`--table` compares input sizes of the detector, `--spread N` shows how far the scores move when
the detections are slightly disturbed. Detections are kept in the work folder, so that a run
that was stopped goes on where it was. Prints one table and writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import datetime
import hashlib
import json
from pathlib import Path
import sys
import time
from typing import Any

# flake8: noqa: E402
from mot_ros.tracking.memory import keep_memory
from mot_ros.tracking.threads import share_cores

share_cores()  # before anything loads torch
keep_memory()

import numpy as np
import torch
from tqdm import tqdm

from mot_ros.data.mot import MotRows, MotWriter, read_tracks, read_truth
from mot_ros.data.video import FrameSource, open_source
from mot_ros.evaluation.machine import describe_machine
from mot_ros.evaluation.markdown import markdown_table
from mot_ros.evaluation.metrics import average_precision, score, Scores
from mot_ros.evaluation.runner import cached_detector, Run, TimedDetector
from mot_ros.tracking import weights
from mot_ros.tracking.config import METHODS, Settings
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.recorded import RecordedDetections
from mot_ros.tracking.errors import MotError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.params_file import parse_assignment
from mot_ros.tracking.sequence import SequenceGuard
from mot_ros.tracking.settings import build, catalogue, flatten
from mot_ros.tracking.types import Detections

ROOT = Path(__file__).resolve().parent.parent
CACHE = weights.cache_root().parent
RATE = 7.0
SIZES = '320x320,512x384,640x480,768x576,1024x768'
TIMED_FRAMES = 40
WARM_UP = 3

ByStamp = dict[float, Detections]


@dataclass(frozen=True)
class Pets:
    """The sequence, its truth, and where intermediate files go."""

    source: FrameSource
    truth: MotRows
    work: Path

    def detections(self, settings: Settings) -> tuple[ByStamp, Sequence[str]]:
        """Return what the detector of the settings sees in every frame, from a file if known."""
        size = f'{settings.detector.width}x{settings.detector.height}'
        # other settings, another file: none is refused, none has to be made twice
        mark = hashlib.sha256(repr(settings.detector).encode()).hexdigest()[:8]
        detector = cached_detector(
            settings, self.source, self.work / f'detections-{size}-{mark}.npz')
        found: ByStamp = {}
        try:
            for frame in tqdm(self.source, total=self.source.length, desc=f'detect {size}'):
                found[frame.stamp] = detector.detect([frame])[0]
        finally:
            detector.save()
        return found, detector.class_names

    def track(self, settings: Settings, found: ByStamp, names: Sequence[str]) -> Scores:
        """Run the method of the settings on detections and score it."""
        detector = TimedDetector(RecordedDetections(found, names))
        file = self.work / f'{settings.method}.txt'
        with MotWriter(file) as writer:
            for step in Run(
                    self.source, make_tracker(settings, detector), detector,
                    SequenceGuard(settings.sequence), self.source.index_of):
                writer.write(step.index + 1, step.tracks, step.frame.size)
        return score(self.truth, read_tracks(file))

    def precision(self, found: ByStamp) -> float:
        """Return AP@0.5 of detections."""
        numbered = [(round(stamp * RATE) + 1, seen) for stamp, seen in found.items()]
        return average_precision(self.truth, MotRows.of_detections(numbered))


def detector_rate(pets: Pets, settings: Settings) -> float:
    """Return frames/s of the detector alone: one over the median time of a frame."""
    detector = make_detector(settings)
    stride = max(1, (pets.source.length or 1) // TIMED_FRAMES)
    frames = [frame for number, frame in enumerate(pets.source) if number % stride == 0]
    times = []
    for frame in frames[:WARM_UP] + frames:
        start = time.perf_counter()
        detector.detect([frame])
        times.append(time.perf_counter() - start)
    return float(1 / np.median(times[WARM_UP:]))


def disturbed(found: ByStamp, seed: int) -> ByStamp:
    """Move box edges by 1 % of the side and scores by .01 (both 1 sigma), drop 1 % of all."""
    generator = np.random.default_rng(seed)
    result: ByStamp = {}
    for stamp, seen in found.items():
        side = np.tile(seen.boxes[:, 2:] - seen.boxes[:, :2], 2)
        boxes = seen.boxes + generator.normal(0, 0.01, seen.boxes.shape) * side
        scores = np.clip(seen.scores + generator.normal(0, 0.01, len(seen)), 0, 1)
        moved = Detections(
            boxes.astype(np.float32), scores.astype(np.float32),
            seen.labels)[generator.random(len(seen)) >= 0.01]
        result[stamp] = moved[np.argsort(-moved.scores, kind='stable')]
    return result


def row_of(scores: Scores) -> dict[str, Any]:
    """Return the columns of the table that come from scores."""
    return {
        'MOTA': scores.mota, 'IDF1': scores.idf1, 'HOTA': scores.hota,
        'switches': scores.switches, 'FP': scores.false_positives, 'FN': scores.misses}


def run_methods(pets: Pets, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Run the default preset with every method."""
    rows = []
    for method in args.methods:
        settings = args.settings(method=method)
        rows.append({
            'method': method, 'preset': settings.preset,
            **row_of(pets.track(settings, *pets.detections(settings)))})
    return rows


def run_table(pets: Pets, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Compare input sizes of the detector."""
    rows = []
    for width, height in args.sizes:
        size = {'detector.width': width, 'detector.height': height}
        found, names = pets.detections(args.settings(**size))
        common = {
            'input': f'{width}x{height}', 'AP@0.5': pets.precision(found),
            'frames/s': detector_rate(pets, args.settings(**size))}
        for method in args.methods:
            settings = args.settings(method=method, **size)
            rows.append({
                **common, 'method': method, **row_of(pets.track(settings, found, names))})
    return rows


def run_spread(pets: Pets, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Repeat every method on disturbed detections."""
    rows = []
    found, names = pets.detections(args.settings())
    for method in args.methods:
        settings = args.settings(method=method)
        every = [
            row_of(pets.track(settings, disturbed(found, seed), names))
            for seed in tqdm(range(args.spread), desc=method)]
        for name, of in (('mean', np.mean), ('lowest', np.min), ('highest', np.max)):
            rows.append({'method': method, f'of {args.spread} runs': name} | {
                column: float(of([row[column] for row in every])) for column in every[0]})
    return rows


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Write a Markdown table: fractions with three digits, rates and mean counts with one."""
    def text(column: str, value: Any) -> str:
        if not isinstance(value, float):
            return str(value)
        return f'{value:.1f}' if column in ('frames/s', 'switches', 'FP', 'FN') else f'{value:.3f}'

    sys.stdout.write(markdown_table(
        [list(rows[0])] + [[text(*item) for item in row.items()] for row in rows]))


def report(args: argparse.Namespace, rows: list[dict[str, Any]], mode: str) -> None:
    """Print the table and write it with all that it depends on."""
    print_table(rows)
    used = args.settings()
    weights_file = weights.locate(used.detector.weights)
    args.json.write_text(json.dumps({
        'benchmark': 'PETS09-S2L1', 'mode': mode, 'rows': rows,
        'date': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        'hardware': {
            **describe_machine(), 'torch': torch.__version__,
            'torch_threads': torch.get_num_threads(),
            'gpu': torch.cuda.get_device_name() if torch.cuda.is_available() else None},
        'settings': flatten(used), 'fps': RATE,
        'sha256': {
            'weights': hashlib.sha256(weights_file.read_bytes()).hexdigest(),
            'video': hashlib.sha256(args.video.read_bytes()).hexdigest(),
            'truth': hashlib.sha256(args.truth.read_bytes()).hexdigest()}}, indent=2) + '\n')
    sys.stdout.write(f'wrote {args.json}\n')


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; `settings(**changes)` of the result makes settings."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument('--tracks', type=Path, metavar='FILE', help='score this result file')
    mode.add_argument('--table', action='store_true', help='compare detector input sizes')
    mode.add_argument('--spread', type=int, metavar='N', help='N runs on disturbed detections')
    parser.add_argument('--sizes', default=SIZES, help=f'WxH,... for --table ({SIZES})')
    parser.add_argument('--methods', default=','.join(METHODS), help=','.join(METHODS))
    parser.add_argument('--set', dest='changes', action='append', default=[],
                        metavar='NAME=VALUE', help='change a setting; may be repeated')
    parser.add_argument('--video', type=Path, default=CACHE / 'videos' / 'vtest.avi')
    parser.add_argument('--truth', type=Path, default=(
        ROOT.parent / 'shared/data/mot15/PETS09-S2L1/gt/gt.txt'))
    parser.add_argument('--work', type=Path, default=CACHE / 'benchmarks' / 'pets',
                        help='folder of intermediate files')
    parser.add_argument('--json', type=Path, help='result (pets.json in the work folder)')
    args = parser.parse_args(argv)
    if args.spread is not None and args.spread < 1:
        parser.error('--spread needs at least one run')
    try:
        args.sizes = [tuple(map(int, size.split('x', 1))) for size in args.sizes.split(',')]
        if any(len(size) != 2 for size in args.sizes):
            raise ValueError
    except ValueError:
        parser.error(f'--sizes is {args.sizes!r}; write it like {SIZES}')
    args.methods = args.methods.split(',')
    known = catalogue(Settings, next(iter(Settings.presets)))
    fixed = dict(parse_assignment(text, known) for text in args.changes)
    args.settings = lambda **changes: build(Settings, {**fixed, **changes})
    args.json = args.json or args.work / 'pets.json'
    args.work.mkdir(parents=True, exist_ok=True)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run one mode."""
    try:
        args = parse(argv)
        truth = read_truth(args.truth)
        if args.tracks:
            print_table([{
                'file': args.tracks.name, **row_of(score(truth, read_tracks(args.tracks)))}])
            return 0
        pets = Pets(open_source(args.video, RATE), truth, args.work)
        modes: dict[str, Callable[..., list[dict[str, Any]]]] = {
            'methods': run_methods, 'table': run_table, 'spread': run_spread}
        name = 'table' if args.table else 'spread' if args.spread else 'methods'
        report(args, modes[name](pets, args), name)
    except MotError as error:
        sys.stderr.write(f'pets.py: error: {error}\n')
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
