# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""
Association alone: how long an update takes at 10 to 3,000 objects, beside trackers from PyPI.

Every tracker gets the same detections of a made-up scene: boxes of 20-60 x 40-120 pixels walk at
random in 1920 x 1080 pixels, and in more beyond 200 objects, so that it gets no more crowded.
Corners are off by 2 % of the side, 5 % of the objects are missed, 5 % more boxes are false, 10 %
of the scores are low. Only the update is timed, not the conversion of its input and output. What
comes out is held against the scene, because doing nothing is fast: `coverage` is the share of
detected objects under a track, `ids kept` the share of those whose track is the one they had
before; the worst size counts.

`--soak` updates our trackers for many frames with objects that come and go, and fails if they
slow down or grow. Prints one table and writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
import importlib.metadata
import os
from pathlib import Path
import sys
import time
from typing import Any

# one thread, for everybody; read when NumPy is loaded
for variable in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[variable] = '1'

# ruff: noqa: E402
import _start  # noqa: F401 - finds mot_ros in a plain checkout
import numpy as np
import scipy

from mot_ros.benchmarking.markdown import markdown_table
from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import make_parser, numbers
from mot_ros.tracking.association.assignment import overlapping
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.methods import make_method
from mot_ros.tracking.methods.bytetrack import ByteTrack
from mot_ros.tracking.methods.sort import Sort
from mot_ros.tracking.protocols import Method
from mot_ros.tracking.types import Detections, Floats, Frame, Ints

SIZES = '10,50,200,1000,3000'
RATE = 30.0
WIDTH, HEIGHT, CROWD = 1920, 1080, 200
"""The image, and the number of objects beyond which it grows."""
COVERED = 0.5
"""Least IoU of a track with the object under it."""
LEAST_COVERAGE, LEAST_KEPT = 0.5, 0.9
"""What counts as tracking."""
FEW = 100
"""Of fewer updates than this, the 99th percentile is all but the slowest."""
SLICES = 10
SLOWER, GROWTH_MB = 1.3, 20.0
"""A soak fails beyond this ratio of the last slice's time to the second's, or this growth."""
LIFETIME = 100
"""Mean life of an object of the soak, in frames."""

Outcome = tuple[Floats, Ints]
"""Boxes (N, 4) and ids (N,) of the tracks seen in a frame."""


@dataclass(frozen=True)
class View:
    """What a detector reports of one frame, best score first, and which objects it saw."""

    number: int
    size: tuple[int, int]
    boxes: Floats
    scores: Floats
    true_boxes: Floats
    true_ids: Ints


def scene(count: int, frames: int, seed: int = 0, lifetime: float = np.inf) -> Iterator[View]:
    """Yield frames of `count` objects that walk at random; a dead one is replaced at once."""
    random = np.random.default_rng(seed)
    size = np.array([WIDTH, HEIGHT]) * max(1, np.sqrt(count / CROWD))
    centre = random.uniform(0, size, (count, 2))
    sides = random.uniform([20, 40], [60, 120], (count, 2))
    speed = random.normal(0, 2, (count, 2))
    ids, born = np.arange(count), count
    for number in range(frames):
        died = np.flatnonzero(random.random(count) < 1 / lifetime)
        centre[died] = random.uniform(0, size, (len(died), 2))
        ids[died] = born + np.arange(len(died))
        born += len(died)
        speed = 0.95 * speed + random.normal(0, 0.6, speed.shape)
        centre += speed
        # walls, so that nobody piles up at the border
        speed[(centre < 0) | (centre > size)] *= -1
        centre = np.clip(centre, 0, size)

        truth = np.concatenate([centre - sides / 2, centre + sides / 2], axis=1)
        seen = random.random(count) >= 0.05
        boxes = truth + random.normal(0, 0.02, truth.shape) * np.tile(sides, 2)
        low = random.random(count) < 0.1
        scores = np.where(low, random.uniform(0.2, 0.5, count), random.uniform(0.6, 1, count))
        false = random.binomial(count, 0.05)
        place = random.uniform(0, size, (false, 2))
        half = random.uniform([20, 40], [60, 120], (false, 2)) / 2
        boxes = np.concatenate([boxes[seen], np.concatenate([place - half, place + half], axis=1)])
        scores = np.concatenate([scores[seen], random.uniform(0.2, 0.9, false)])
        order = np.argsort(-scores, kind='stable')
        yield View(
            number, (int(size[0]), int(size[1])), boxes[order].astype(np.float32),
            scores[order].astype(np.float32), truth[seen].astype(np.float32), ids[seen])


@dataclass(frozen=True)
class Runner:
    """A fresh tracker: `prepare` and `read` translate to and from it, `update` is timed."""

    prepare: Callable[[View], Any]
    update: Callable[[Any], Any]
    read: Callable[[Any], Outcome]


@dataclass(frozen=True)
class Contestant:
    """A tracker by name; `package` is what pip calls it, None for ours."""

    name: str
    language: str
    package: str | None
    make: Callable[[], Runner]

    @property
    def version(self) -> str | None:
        """Return the installed version of a peer, whatever pip calls it."""
        if self.package is None:
            return None
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            # a wheel from elsewhere may have another name than the package in it
            names = importlib.metadata.packages_distributions()
            found = names.get(self.package.replace('-', '_'), [])
            return importlib.metadata.version(found[0]) if found else 'unknown'


class GivenDetections:
    """The detector of our trackers: hands out what is known already."""

    class_names = ('person',)
    next = Detections.empty()

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self.next]


def ours(make: Callable[[GivenDetections], Method], *, seeing: bool = False) -> Runner:
    """Run a tracker of this package; one that is `seeing` gets an image, always the same."""
    detector = GivenDetections()
    tracker = make(detector)
    images: dict[tuple[int, int], Any] = {(0, 0): None}

    def prepare(view: View) -> tuple[Frame, Detections]:
        key = view.size if seeing else (0, 0)
        if key not in images:
            # grain: everybody looks alike, so that looks part nobody
            images[key] = np.random.default_rng(0).integers(
                0, 256, (view.size[1], view.size[0], 3), dtype=np.uint8)
        return Frame(images[key], view.number / RATE, view.size), Detections(
            view.boxes, view.scores, np.zeros(len(view.boxes), np.int64))

    def update(given: tuple[Frame, Detections]) -> Any:
        frame, detector.next = given
        return tracker.update(frame)

    def read(tracks: Any) -> Outcome:
        return tracks.observed.boxes, tracks.observed.ids

    return Runner(prepare, update, read)


def array_runner(tracker: Any) -> Runner:
    """Run a tracker that takes (N, 5) boxes and scores and returns (N, 5) boxes and ids."""
    def prepare(view: View) -> Any:
        return np.column_stack([view.boxes, view.scores]).astype(np.float64)

    def read(result: Any) -> Outcome:
        return result[:, :4].astype(np.float32), result[:, 4].astype(np.int64)

    return Runner(prepare, tracker.update, read)


def pyxtrackers(name: str) -> Runner:
    import pyxtrackers
    return array_runner(getattr(pyxtrackers, name)())


def ioutrack(name: str) -> Runner:
    import ioutrack
    return array_runner(getattr(ioutrack, name)())


def roboflow(name: str) -> Runner:
    import supervision
    import trackers
    tracker = getattr(trackers, name)()

    def prepare(view: View) -> Any:
        return supervision.Detections(
            xyxy=view.boxes, confidence=view.scores, class_id=np.zeros(len(view.boxes), int))

    def read(result: Any) -> Outcome:
        tracked = result.tracker_id >= 0
        return result.xyxy[tracked].astype(np.float32), result.tracker_id[tracked]

    return Runner(prepare, tracker.update, read)


CONTESTANTS = (
    Contestant('mot_ros bytetrack', 'NumPy', None, lambda: ours(
        lambda detector: ByteTrack(detector, Settings()))),
    Contestant('mot_ros sort', 'NumPy', None, lambda: ours(
        lambda detector: Sort(detector, Settings()))),
    Contestant('pyxtrackers BYTETracker', 'Cython', 'pyxtrackers', lambda: pyxtrackers(
        'BYTETracker')),
    Contestant('pyxtrackers Sort', 'Cython', 'pyxtrackers', lambda: pyxtrackers('Sort')),
    Contestant('ioutrack ByteTrack', 'Rust', 'ioutrack', lambda: ioutrack('ByteTrack')),
    Contestant('ioutrack Sort', 'Rust', 'ioutrack', lambda: ioutrack('Sort')),
    Contestant('trackers ByteTrackTracker', 'Python', 'trackers', lambda: roboflow(
        'ByteTrackTracker')),
    Contestant('trackers SORTTracker', 'Python', 'trackers', lambda: roboflow('SORTTracker')),
)


def seeing(method: str) -> Contestant:
    """Return one of ours that looks at images: for the soak, as peers look at none."""
    settings = build(Settings, {'method': method})
    return Contestant(f'mot_ros {method}', 'NumPy, OpenCV', None, lambda: ours(
        lambda detector: make_method(settings, detector), seeing=True))


IMAGE_METHODS = tuple(map(seeing, ('smiletrack', 'deepsort', 'botsort')))


@dataclass
class Judge:
    """Holds the output of a tracker against the scene, frame by frame."""

    detected: int = 0
    covered: int = 0
    repeated: int = 0
    kept: int = 0
    _last: dict[int, int] = field(default_factory=dict)

    def look(self, view: View, outcome: Outcome) -> None:
        """Count one frame; an id that two tracks share counts for neither."""
        boxes, ids = outcome
        _, at, times = np.unique(ids, return_inverse=True, return_counts=True)
        boxes, ids = boxes[times[at] == 1], ids[times[at] == 1]
        pairs = overlapping(view.true_boxes, boxes)
        # by object, the best track last, where a dictionary keeps it
        order = np.lexsort((pairs.values, pairs.rows))
        order = order[pairs.values[order] >= COVERED]
        now = dict(zip(view.true_ids[pairs.rows[order]].tolist(), ids[pairs.cols[order]].tolist(),
                       strict=True))
        self.detected += len(view.true_ids)
        self.covered += len(now)
        self.repeated += len(now.keys() & self._last.keys())
        self.kept += len(now.items() & self._last.items())
        self._last.update(now)

    @property
    def coverage(self) -> float:
        return self.covered / max(self.detected, 1)

    @property
    def ids_kept(self) -> float:
        return self.kept / max(self.repeated, 1)

    @property
    def tracks(self) -> bool:
        """Whether this can be called tracking."""
        return self.coverage >= LEAST_COVERAGE and self.ids_kept >= LEAST_KEPT


def measure(
        make: Callable[[], Runner], views: Sequence[View], warm_up: int,
        seconds: float) -> tuple[list[float], list[float], Judge]:
    """
    Return CPU and wall times of updates in ms, and how well it tracked.

    Stops where the views end or, at three frames at the earliest, after `seconds` of CPU.
    """
    runner, judge = make(), Judge()
    cpu: list[float] = []
    wall: list[float] = []
    for view in views:
        given = runner.prepare(view)
        wall_0, cpu_0 = time.perf_counter(), time.process_time()
        result = runner.update(given)
        cpu_1, wall_1 = time.process_time(), time.perf_counter()
        judge.look(view, runner.read(result))
        if view.number < warm_up:
            continue
        cpu.append((cpu_1 - cpu_0) * 1e3)
        wall.append((wall_1 - wall_0) * 1e3)
        if len(cpu) >= 3 and sum(cpu) > seconds * 1e3:
            break
    return cpu, wall, judge


def compare(
        contestants: Sequence[Contestant], sizes: Sequence[int], frames: int, rounds: int,
        seconds: float) -> list[dict[str, Any]]:
    """Return a row per contestant and size: times over all rounds, and the worst tracking."""
    rows = []
    for count in sizes:
        warm_up = 20 if count < 1000 else 5
        views = list(scene(count, warm_up + frames))
        # round by round, so that a slow minute of the machine hits everybody
        runs = [[measure(c.make, views, warm_up, seconds) for c in contestants]
                for _ in range(rounds)]
        for contestant, mine in zip(contestants, zip(*runs, strict=True), strict=True):
            cpu, wall = (np.concatenate([run[i] for run in mine]) for i in (0, 1))
            medians = [float(np.median(run[0])) for run in mine]
            rows.append({
                'tracker': contestant.name, 'language': contestant.language,
                'version': contestant.version, 'objects': count, 'updates': len(cpu),
                'cpu_median_ms': float(np.median(cpu)),
                'cpu_p99_ms': float(np.percentile(cpu, 99)),
                'cpu_median_of_rounds_ms': medians,
                'wall_median_ms': float(np.median(wall)),
                'wall_p99_ms': float(np.percentile(wall, 99)),
                'coverage': min(run[2].coverage for run in mine),
                'ids_kept': min(run[2].ids_kept for run in mine),
                'tracks': all(run[2].tracks for run in mine)})
    return rows


def table(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Arrange rows by tracker, columns by size: CPU median / p99 and wall median in ms."""
    sizes = sorted({row['objects'] for row in rows})

    def cell(row: dict[str, Any]) -> str:
        return (f'{digits(row["cpu_median_ms"])} / {digits(row["cpu_p99_ms"])} '
                f'({digits(row["wall_median_ms"])})' + '*' * (row['updates'] < FEW))

    lines = [['tracker', 'language', *(f'N={size}' for size in sizes), 'coverage', 'ids kept',
              'tracks']]
    for name in dict.fromkeys(row['tracker'] for row in rows):
        mine = {row['objects']: row for row in rows if row['tracker'] == name}
        lines.append([
            name, mine[sizes[0]]['language'],
            *(cell(mine[size]) for size in sizes),
            f'{min(row["coverage"] for row in mine.values()):.2f}',
            f'{min(row["ids_kept"] for row in mine.values()):.3f}',
            'yes' if all(row['tracks'] for row in mine.values()) else 'NO'])
    return lines


def digits(value: float) -> str:
    """Write a time with two or three digits that mean something."""
    return f'{value:.3f}' if value < 0.1 else f'{value:.2f}' if value < 10 else f'{value:.0f}'


def soak(contestant: Contestant, count: int, frames: int) -> tuple[list[dict[str, Any]], Judge]:
    """Return a row per tenth of the run: update time and resident memory at its end."""
    runner, judge = contestant.make(), Judge()
    rows: list[dict[str, Any]] = []
    times: list[float] = []
    for view in scene(count, frames, lifetime=LIFETIME):
        given = runner.prepare(view)
        start = time.process_time()
        result = runner.update(given)
        times.append((time.process_time() - start) * 1e3)
        if view.number < frames // SLICES:
            # the judge remembers every object there ever was, which must not count as growth
            judge.look(view, runner.read(result))
        if view.number + 1 == frames * (len(rows) + 1) // SLICES:
            rows.append({
                'tracker': contestant.name, 'frames': view.number + 1,
                'cpu_median_ms': float(np.median(times)),
                'cpu_p99_ms': float(np.percentile(times, 99)), 'rss_mb': resident_mb()})
            times.clear()
    return rows, judge


def faults(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Say what is wrong with the slices of a soak."""
    ratio = rows[-1]['cpu_median_ms'] / rows[1]['cpu_median_ms']
    growth = rows[-1]['rss_mb'] - rows[0]['rss_mb']
    name = rows[0]['tracker']
    return [text for failed, text in (
        (ratio > SLOWER, f'{name}: the last slice took {ratio:.2f} x the second'),
        (growth > GROWTH_MB, f'{name}: memory grew by {growth:.1f} MB')) if failed]


def resident_mb() -> float:
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


def available(contestants: Sequence[Contestant]) -> list[Contestant]:
    """Return those that can be made here; say which cannot."""
    result = []
    for contestant in contestants:
        try:
            contestant.make()
        except ImportError as error:
            sys.stderr.write(f'{contestant.name} is left out: {error}\n')
        else:
            result.append(contestant)
    return result


def write_json(path: Path, mode: str, content: dict[str, Any]) -> None:
    write_result(
        path, {'benchmark': 'association', 'mode': mode, **content}, threads=1,
        numpy=np.__version__, scipy=scipy.__version__)


def run_comparison(contestants: Sequence[Contestant], args: argparse.Namespace) -> int:
    """Compare, and fail if one of ours does not track."""
    rows = compare(contestants, args.sizes, args.frames, args.rounds, args.seconds)
    sys.stdout.write('CPU ms per update, median / p99 (wall median), one thread\n\n')
    sys.stdout.write(markdown_table(table(rows)))
    sys.stdout.write(f'\n* fewer than {FEW} updates, p99 is all but the slowest\n')
    write_json(args.json, 'compare', {
        'frames': args.frames, 'rounds': args.rounds, 'seconds': args.seconds, 'rows': rows})
    return int(any(not row['tracks'] and row['version'] is None for row in rows))


def run_soak(contestants: Sequence[Contestant], args: argparse.Namespace) -> int:
    """Soak one after the other; fail if one slows down, grows or does not track."""
    rows, wrong = [], []
    for contestant in contestants:
        slices, judge = soak(contestant, args.objects, args.soak)
        rows += slices
        wrong += faults(slices)
        if not judge.tracks:
            wrong.append(f'{contestant.name}: coverage {judge.coverage:.2f}, ids kept '
                         f'{judge.ids_kept:.3f}: it does not track')
    sys.stdout.write(markdown_table([
        ['tracker', 'frames', 'CPU median ms', 'CPU p99 ms', 'RSS MB'],
        *([row['tracker'], str(row['frames']), digits(row['cpu_median_ms']),
           digits(row['cpu_p99_ms']), f'{row["rss_mb"]:.1f}'] for row in rows)]))
    write_json(args.json, 'soak', {
        'frames': args.soak, 'objects': args.objects, 'lifetime': LIFETIME, 'rows': rows,
        'faults': wrong})
    sys.stderr.writelines(f'association.py: {line}\n' for line in wrong)
    return int(bool(wrong))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    parser.add_argument('--list-peers', action='store_true', help='say how to install the peers')
    parser.add_argument('--only', metavar='TEXT', default='',
                        help='trackers whose name contains this')
    parser.add_argument('--sizes', default=SIZES, help=f'numbers of objects ({SIZES})')
    parser.add_argument('--frames', type=int, default=300, help='updates per round (300)')
    parser.add_argument('--rounds', type=int, default=3, help='runs of every tracker (3)')
    parser.add_argument('--seconds', type=float, default=5.0,
                        help='CPU time after which a round of a slow tracker ends (5)')
    parser.add_argument('--soak', type=int, nargs='?', const=20000, metavar='FRAMES',
                        help='long run with churn (20000); ours only, or those of --only')
    parser.add_argument('--objects', type=int, default=200, help='objects of the soak (200)')
    parser.add_argument('--json', type=Path, help='result (association[_soak].json)')
    args = parser.parse_args(argv)
    try:
        args.sizes = numbers(args.sizes, int)
    except ValueError:
        parser.error(f'--sizes is {args.sizes!r}; write it like {SIZES}')
    if min(*args.sizes, args.frames, args.rounds, args.objects) < 1:
        parser.error('--sizes, --frames, --rounds and --objects must be positive')
    if args.soak is not None and args.soak < SLICES:
        parser.error(f'--soak needs at least {SLICES} frames')
    name = 'association.json' if args.soak is None else 'association_soak.json'
    args.json = args.json or Path(name)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run one mode."""
    args = parse(argv)
    if args.list_peers:
        packages = dict.fromkeys(c.package for c in CONTESTANTS if c.package)
        sys.stdout.write(
            'In an environment of their own, with mot_ros on PYTHONPATH:\n'
            f'  pip install numpy scipy {" ".join(packages)}\n')
        return 0
    chosen = [c for c in (CONTESTANTS if args.soak is None else CONTESTANTS + IMAGE_METHODS)
              if args.only in c.name
              and (args.soak is None or args.only or c.package is None)]
    if not chosen:
        names = ', '.join(
            c.name for c in (CONTESTANTS if args.soak is None else CONTESTANTS + IMAGE_METHODS))
        sys.stderr.write(f'association.py: error: --only {args.only!r} is none of {names}\n')
        return 2
    chosen = available(chosen)
    if not chosen:
        return 2
    return (run_comparison if args.soak is None else run_soak)(chosen, args)


if __name__ == '__main__':
    sys.exit(main())
