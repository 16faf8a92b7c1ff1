# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The default detector and the trackers on PETS09-S2L1: 795 frames, 7 Hz, 19 people.

Without a mode the default preset is run with every method; `--methods smiletrack:paper` takes
another preset for all but the detector, so that every row has the same detections. Methods that
look into images with a network of their own (`siammot:crp`, with `--set rcnn.weights=FILE`) run
it on every frame, and only without a mode. `--tracks FILE`
scores a result file, `--table` compares input sizes of the detector, `--spread N` shows how far
the scores move when the detections are slightly disturbed, `--ablation` takes SMILEtrack apart,
`--stages` says where the time goes. Detections are kept in the work folder, so that a run
that was stopped goes on where it was. Prints one table and writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
import dataclasses
from dataclasses import dataclass
import hashlib
from pathlib import Path
import sys
import time
from typing import Any

import _start  # noqa: F401 - must come before torch
import numpy as np
from tqdm import tqdm

from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import (
    add_pets,
    add_settings,
    finish,
    make_parser,
    settings_of,
    size_of,
    with_torch,
)
from mot_ros.data.datasets.mot import MotRows, MotWriter, read_tracks, read_truth
from mot_ros.data.video.frame_source import FrameSource
from mot_ros.data.video.frames import open_source
from mot_ros.evaluation.runner import cached_detector, Run, timed, TimedDetector
from mot_ros.evaluation.scores.metrics import average_precision, score, Scores
from mot_ros.tracking.appearance.colour_histogram import ColourHistogram
from mot_ros.tracking.config import BOX_METHODS, IMAGE_METHODS, Settings
from mot_ros.tracking.config.schema import build, flatten
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.wrappers.recorded import RecordedDetections
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.motion.camera_motion import CameraMotion
from mot_ros.tracking.sequence import SequenceGuard
from mot_ros.tracking.types import Detections, Floats, Frame
from mot_ros.tracking.weights import store as weights

CACHE = weights.cache_root().parent
RATE = 7.0
SIZES = '320x320,512x384,640x480,768x576,1024x768'
TIMED_FRAMES = 40
WARM_UP = 3
SHAKE = 80
"""Pixels that the swinging camera swings to each side."""

ABLATIONS: dict[str, dict[str, dict[str, Any]]] = {
    'accurate': {
        'no looks': {'appearance.type': 'none'},
        'no looks, plain overlap': {
            'appearance.type': 'none', 'smiletrack.biou_buffer': 0.0,
            'smiletrack.height_iou_power': 0.0, 'smiletrack.direction_weight': 0.0},
        'no gate': {'smiletrack.gate': 0.0},
        'no reach': {'smiletrack.reach': 0.0},
        'neither': {'smiletrack.gate': 0.0, 'smiletrack.reach': 0.0},
        'looks in the second pass too': {'smiletrack.second': 'single'},
        'by the best of the last looks': {'smiletrack.second': 'multi'},
        'adaptive split': {'smiletrack.split': 'adaptive'},
        'looks in 1 frame of 5': {'smiletrack.embed_every': 5},
    },
    'paper': {
        'no looks': {'appearance.type': 'none'},
        'no gate': {'smiletrack.gate': 0.0},
        'looks in the first pass only': {'smiletrack.second': 'iou'},
        'by the mean look, single template': {'smiletrack.second': 'single'},
        'fixed split': {'smiletrack.split': 'fixed'},
    },
}
"""Settings that take a part of SMILEtrack away or exchange it, by preset."""

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

    def track(
            self, settings: Settings, found: ByStamp, names: Sequence[str], *,
            shaken: bool = False) -> Scores:
        """Run the method of the settings on detections and score it."""
        source: Iterable[Frame] = self.source
        if shaken:
            source = map(shifted, self.source)
            found = {stamp: dataclasses.replace(seen, boxes=seen.boxes + shift_at(stamp))
                     for stamp, seen in found.items()}
        return self._run(
            settings, TimedDetector(RecordedDetections(found, names)), source, shaken)

    def look(self, settings: Settings) -> Scores:
        """Run a method that needs more of its network than detections, and score it."""
        detector = timed(make_detector(settings))
        return self._run(settings, detector, tqdm(
            self.source, total=self.source.length, desc=settings.method))

    def _run(self, settings: Settings, detector: TimedDetector, source: Iterable[Frame],
             shaken: bool = False) -> Scores:
        file = self.work / f'{settings.method}.txt'
        with MotWriter(file) as writer:
            for step in Run(
                    source, make_tracker(settings, detector), detector,
                    SequenceGuard(settings.sequence), self.source.index_of):
                tracks = step.tracks
                if shaken:
                    back = tracks.boxes - shift_at(step.frame.stamp)
                    tracks = dataclasses.replace(tracks, boxes=back)
                writer.write(step.index + 1, tracks, self.size)
        return score(self.truth, read_tracks(file))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the images."""
        size: tuple[int, int] = self.source.size
        return size

    def precision(self, found: ByStamp) -> float:
        """Return AP@0.5 of detections."""
        numbered = [(round(stamp * RATE) + 1, seen) for stamp, seen in found.items()]
        return average_precision(self.truth, MotRows.of_detections(numbered))


def shift_at(stamp: float) -> Floats:
    """Return how far the image is shifted, (4,) for boxes: to and fro, up to 23 px a frame."""
    x, y = (round(SHAKE * np.sin(2 * np.pi * stamp / period)) for period in (3.0, 5.0))
    return np.array([x, y, x, y], np.float32) + SHAKE


def shifted(frame: Frame) -> Frame:
    """Return a frame on a larger black ground, as a camera sees it that swings."""
    width, height = frame.size
    ground = np.zeros((height + 2 * SHAKE, width + 2 * SHAKE, 3), np.uint8)
    x, y = shift_at(frame.stamp)[:2].astype(int).tolist()
    ground[y:y + height, x:x + width] = np.asarray(frame.image)
    return dataclasses.replace(
        frame, image=ground, size=(width + 2 * SHAKE, height + 2 * SHAKE))


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


def chosen(args: argparse.Namespace, name: str, **changes: Any) -> Settings:
    """Return the settings of METHOD or METHOD:PRESET, with the detector of the default preset."""
    method, _, preset = name.partition(':')
    made: Settings
    if preset:
        same = {key: value for key, value in flatten(args.settings()).items()
                if key.startswith('detector.')}
        made = args.settings(**{**same, 'preset': preset, 'method': method, **changes})
    else:
        made = args.settings(**{'method': method, **changes})
    return made


def row_of(scores: Scores) -> dict[str, Any]:
    """Return the columns of the table that come from scores."""
    return {
        'MOTA': scores.mota, 'IDF1': scores.idf1, 'HOTA': scores.hota,
        'switches': scores.switches, 'FP': scores.false_positives, 'FN': scores.misses}


def run_methods(pets: Pets, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Run the default preset with every method."""
    rows = []
    for method in args.methods:
        settings = chosen(args, method)
        scores = (pets.look(settings) if settings.method in IMAGE_METHODS else
                  pets.track(settings, *pets.detections(settings)))
        rows.append({
            'method': settings.method, 'preset': settings.preset, **row_of(scores)})
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
            settings = chosen(args, method, **size)
            rows.append({
                **common, 'method': method, **row_of(pets.track(settings, found, names))})
    return rows


def run_spread(pets: Pets, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Repeat every method on disturbed detections."""
    rows = []
    found, names = pets.detections(args.settings())
    for method in args.methods:
        settings = chosen(args, method)
        every = [
            row_of(pets.track(settings, disturbed(found, seed), names))
            for seed in tqdm(range(args.spread), desc=method)]
        for name, of in (('mean', np.mean), ('lowest', np.min), ('highest', np.max)):
            rows.append({'method': method, f'of {args.spread} runs': name} | {
                column: float(of([row[column] for row in every])) for column in every[0]})
    return rows


def run_ablation(pets: Pets, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Switch parts of SMILEtrack off, one at a time, for our values and those of the article."""
    rows = []
    for preset, switches in ABLATIONS.items():
        for name, changes in {'all of it': {}, **switches}.items():
            settings = chosen(args, f'smiletrack:{preset}', **changes)
            rows.append({'preset': preset, 'what': name, **row_of(
                pets.track(settings, *pets.detections(settings)))})
    for name, changes in {
            'swinging camera': {}, 'swinging camera, no camera motion': {
                'smiletrack.camera': False}}.items():
        settings = chosen(args, 'smiletrack', **changes)
        rows.append({'preset': settings.preset, 'what': name, **row_of(
            pets.track(settings, *pets.detections(settings), shaken=True))})
    return rows


def run_stages(pets: Pets, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure how long a frame takes on average in each stage of the method, decoding aside."""
    rows = []
    for method in args.methods:
        settings = chosen(args, method)
        found, names = pets.detections(settings)
        detector = TimedDetector(RecordedDetections(found, names))
        with Stopwatch(ColourHistogram, 'embed') as looks, Stopwatch(
                CameraMotion, 'estimate') as camera:
            run = Run(pets.source, make_tracker(settings, detector), detector,
                      SequenceGuard(settings.sequence), pets.source.index_of)
            frames = sum(1 for _ in run)
        whole = sum(run.tracker_ms)
        rows.append({
            'method': settings.method, 'preset': settings.preset,
            'looks ms': looks.ms / frames, 'camera ms': camera.ms / frames,
            'the rest ms': (whole - looks.ms - camera.ms) / frames, 'whole ms': whole / frames,
            'boxes looked at': looks.boxes / frames})
    return rows


class Stopwatch:
    """Takes the time of a method of a class that gets a frame and boxes, and counts the boxes."""

    def __init__(self, kind: type, name: str) -> None:
        self._kind, self._name = kind, name
        self.ms, self.boxes = 0.0, 0

    def __enter__(self) -> Stopwatch:
        self._original = getattr(self._kind, self._name)

        def timed(*args: Any) -> Any:
            start = time.perf_counter()
            result = self._original(*args)
            self.ms += (time.perf_counter() - start) * 1e3
            self.boxes += len(args[2])
            return result

        setattr(self._kind, self._name, timed)
        return self

    def __exit__(self, *_: object) -> None:
        setattr(self._kind, self._name, self._original)


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Print fractions with three digits, rates and mean counts with one."""
    counts = dict.fromkeys(('frames/s', 'switches', 'FP', 'FN'), '.1f')
    sys.stdout.write(table_of_rows(rows, 3, counts))


def report(args: argparse.Namespace, rows: list[dict[str, Any]], mode: str) -> None:
    """Print the table and write it with all that it depends on."""
    print_table(rows)
    used = args.settings()
    weights_file = weights.locate(used.detector_weights)
    looked = {'rcnn': weights.digest(used.rcnn.weights)} if used.rcnn.weights else {}
    files = {'weights': weights_file, 'video': args.video, 'truth': args.truth}
    write_result(args.json, {
        'benchmark': 'PETS09-S2L1', 'mode': mode, 'rows': rows, 'settings': flatten(used),
        'fps': RATE, 'sha256': {**looked, **{
            name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}},
    }, **with_torch())


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; `settings(**changes)` of the result makes settings."""
    parser = make_parser(__doc__)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument('--tracks', type=Path, metavar='FILE', help='score this result file')
    mode.add_argument('--table', action='store_true', help='compare detector input sizes')
    mode.add_argument('--spread', type=int, metavar='N', help='N runs on disturbed detections')
    mode.add_argument('--ablation', action='store_true', help='take SMILEtrack apart')
    mode.add_argument('--stages', action='store_true', help='say where the time goes')
    parser.add_argument('--sizes', default=SIZES, help=f'WxH,... for --table ({SIZES})')
    parser.add_argument('--methods', default=','.join(BOX_METHODS),
                        help=f'METHOD or METHOD:PRESET,... ({",".join(BOX_METHODS)})')
    add_settings(parser)
    add_pets(parser)
    parser.add_argument('--work', type=Path, default=CACHE / 'benchmarks' / 'pets',
                        help='folder of intermediate files')
    parser.add_argument('--json', type=Path, help='result (pets.json in the work folder)')
    args = parser.parse_args(argv)
    if args.spread is not None and args.spread < 1:
        parser.error('--spread needs at least one run')
    try:
        args.sizes = [size_of(size) for size in args.sizes.split(',')]
    except ValueError:
        parser.error(f'--sizes is {args.sizes!r}; write it like {SIZES}')
    args.methods = args.methods.split(',')
    fixed = settings_of(args.changes)
    args.settings = lambda **changes: build(Settings, {**fixed, **changes})
    args.json = args.json or args.work / 'pets.json'
    args.work.mkdir(parents=True, exist_ok=True)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run one mode."""
    def work() -> None:
        args = parse(argv)
        truth = read_truth(args.truth)
        if args.tracks:
            print_table([{
                'file': args.tracks.name, **row_of(score(truth, read_tracks(args.tracks)))}])
            return
        pets = Pets(open_source(args.video, RATE), truth, args.work)
        modes: dict[str, Callable[..., list[dict[str, Any]]]] = {
            'methods': run_methods, 'table': run_table, 'spread': run_spread,
            'ablation': run_ablation, 'stages': run_stages}
        name = next((mode for mode in modes if getattr(args, mode) and mode != 'methods'),
                    'methods')
        alone = [method for method in args.methods if method.partition(':')[0] in IMAGE_METHODS]
        if alone and name != 'methods':
            raise ConfigError(
                f'--{name} works on detections, and {", ".join(alone)} on images; leave it out '
                'of --methods')
        report(args, modes[name](pets, args), name)

    return finish('pets.py', work)


if __name__ == '__main__':
    sys.exit(main())
