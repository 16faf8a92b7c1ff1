# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
SMOT measured: on PETS09-S2L1, on shifted people, by thresholds, by objects and by input size.

Without a mode SMOT stands beside SORT and ByteTrack on the same outputs of the default detector,
which runs once per frame: frames/s are one over the median time of the detector and the mean time
of the tracker. `--grid` goes through birth (sigma_det), keep (sigma_active) and anchors (K);
`--thresholds` asks on training images what a score is worth; `--shift` how far a person may move
until the anchors lose it, on Penn-Fudan, and draws it; `--runtime` how long a frame takes with how
many objects and at which input; `--linking` how far apart looks of the same and of different
people are. Prints one table and writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
import itertools
from pathlib import Path
import sys
import tempfile
import time
from typing import Any

import _start  # noqa: F401 - must come before torch
import cv2
import numpy as np
import torch
from tqdm import tqdm

from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import (
    add_pets,
    DATA,
    finish,
    make_parser,
    RESULTS,
    with_torch,
)
from mot_ros.data.datasets.mot import MotRows, MotWriter, read_tracks, read_truth
from mot_ros.data.video.frames import open_source
from mot_ros.evaluation.scores.metrics import score
from mot_ros.tracking.appearance.colour_histogram import ColourHistogram
from mot_ros.tracking.association.assignment import assign, Pairs
from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.methods.smot import SMOT_CODE, SMOT_PAPER
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.ssd.raw_outputs import dense, DenseDetector, RawDetections
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.methods.smot.redetection import redetect
from mot_ros.tracking.methods.smot.tracking_anchors import compared_with_all, TrackingAnchors
from mot_ros.tracking.motion.optical_flow import make_box_motion
from mot_ros.tracking.types import Detections, Floats, Frame, Ints

RATE = 7.0
Row = dict[str, Any]

BASIC = {'smot.motion': 'none', 'smot.search': 0.0, 'smot.link': False}
ROWS: dict[str, Row] = {
    'sort': {'method': 'sort'},
    'bytetrack': {'method': 'bytetrack'},
    'smot, nothing moves': BASIC,
    'smot + Farneback': {**BASIC, 'smot.motion': 'farneback'},
    'smot + DIS': {**BASIC, 'smot.motion': 'dis'},
    'smot + velocity': {**BASIC, 'smot.motion': 'velocity'},
    'smot + velocity, searched again': {**BASIC, 'smot.motion': 'velocity', 'smot.search': 1.0},
    'smot + Farneback, linked': {'smot.motion': 'farneback'},
    'smot + DIS, linked': {'smot.motion': 'dis'},
    'smot + velocity, linked (default)': {},
    'smot, preset paper': dict(SMOT_PAPER),
    'smot, preset code': dict(SMOT_CODE),
}
"""What is compared on PETS, by name."""
BIRTHS, KEEPS, ANCHORS = (0.5, 0.6, 0.7, 0.8), (0.1, 0.2, 0.3, 0.4, 0.5), (1, 3, 5, 10, 20)
SHIFTS = np.arange(0, 1.01, 0.1)
LOOKS = 3
OBJECTS = (0, 10, 50, 200)
INPUTS = (256, 512, 768, 1024)
SMALL = {'detector.width': 320, 'detector.height': 320, 'detector.resize': 'letterbox'}
"""For photographs of people, who are large in them: what the detector was trained with."""
FRAMES = 50
"""Frames of which the fastest counts."""


class Remembering:
    """Runs a dense detector once per frame and remembers what it said, so that all rows share."""

    def __init__(self, detector: DenseDetector) -> None:
        self._detector = detector
        self._known: dict[float, tuple[list[Detections], RawDetections]] = {}
        self.ms: list[float] = []
        """Time of each run of the detector."""

    @property
    def class_names(self) -> Sequence[str]:
        """Names by label."""
        return self._detector.class_names

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the objects of one frame."""
        return self.detect_densely(frames)[0]

    def detect_densely(
            self, frames: Sequence[Frame]) -> tuple[list[Detections], RawDetections]:
        """Return the objects of one frame, and all that they were chosen from."""
        stamp = frames[0].stamp
        if stamp not in self._known:
            start = time.perf_counter()
            self._known[stamp] = self._detector.detect_densely(frames)
            self.ms.append((time.perf_counter() - start) * 1e3)
        return self._known[stamp]


class Pets:
    """The sequence in memory, its truth, and the detector of the settings."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.frames = list(itertools.islice(open_source(args.video, RATE), args.frames))
        truth = read_truth(args.truth)
        self.truth = truth[truth.frames <= len(self.frames)]
        settings = made('smot', {}, args)
        self.detector = Remembering(dense(make_detector(settings), 'this benchmark'))
        for frame in tqdm(self.frames, desc='detect'):
            self.detector.detect([frame])

    def row(self, settings: Settings) -> Row:
        """Run a method and score it."""
        tracker = make_tracker(settings, self.detector)
        spent = 0.0
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / 'tracks.txt'
            with MotWriter(file) as writer:
                for number, frame in enumerate(self.frames, 1):
                    start = time.perf_counter()
                    tracks = tracker.update(frame)
                    spent += time.perf_counter() - start
                    writer.write(number, tracks, frame.size)
            found = read_tracks(file)
        scores = score(self.truth, found)
        transfers, fragments = changes(self.truth, found)
        ms = spent / len(self.frames) * 1e3
        return {
            'MOTA': scores.mota, 'IDF1': scores.idf1, 'HOTA': scores.hota,
            'switches': scores.switches, 'transfers': transfers, 'fragments': fragments,
            'FP': scores.false_positives, 'FN': scores.misses, 'tracker ms': ms,
            'frames/s': 1e3 / (float(np.median(self.detector.ms)) + ms)}


def made(method: str, changes_: Row, args: argparse.Namespace) -> Settings:
    """Return settings with the default detector, whatever the preset."""
    detector = {f'detector.{name}': value for name, value in vars(
        build(Settings, {}).detector).items()}
    return build(Settings, {**detector, 'method': method, **args.changes, **changes_})


def changes(truth: MotRows, tracks: MotRows) -> tuple[int, int]:
    """
    Count transfers and fragments.

    A transfer is a track that goes on as another person, a fragment a person seen again after
    having been lost. Pairs that go on come first, as in CLEAR.
    """
    person_of: dict[int, int] = {}
    track_of: dict[int, int] = {}
    lost: set[int] = set()
    transfers = fragments = 0
    for number in range(1, truth.last_frame + 1):
        here, there = truth.at(number), tracks.at(number)
        table = iou(here.boxes.astype(np.float32), there.boxes.astype(np.float32))
        rows, cols = np.nonzero(table >= 0.5)
        same = np.array([
            track_of.get(a) == b for a, b in zip(
                here.ids[rows].tolist(), there.ids[cols].tolist(), strict=True)], np.float32)
        found = assign(Pairs(rows, cols, table[rows, cols] + 10 * same), table.shape, 0.5)
        seen = dict(zip(here.ids[found.rows].tolist(), there.ids[found.cols].tolist(),
                        strict=True))
        for person, track in seen.items():
            transfers += person_of.get(track, person) != person
            person_of[track] = person
            fragments += person in lost
        lost = (lost | (track_of.keys() & set(here.ids.tolist()))) - seen.keys()
        track_of.update(seen)
    return transfers, fragments


def run_table(args: argparse.Namespace) -> list[Row]:
    """Compare SMOT with and without its parts, SORT and ByteTrack."""
    pets = Pets(args)
    return [
        {'row': name, **pets.row(made(changes_.get('method', 'smot'), changes_, args))}
        for name, changes_ in tqdm(ROWS.items(), desc='track')]


def run_grid(args: argparse.Namespace) -> list[Row]:
    """Go through the thresholds, then through K, without linking."""
    pets, rows = Pets(args), []
    points: list[Row] = [
        {'new_track_thresh': birth, 'keep': keep, 'resume': keep}
        for birth in BIRTHS for keep in KEEPS]
    points += [{'anchors': count} for count in ANCHORS]
    points += [{'anchors': count, 'motion': 'farneback'} for count in ANCHORS]
    for point in tqdm(points, desc='track'):
        settings = made('smot', {
            'smot.link': False, **{f'smot.{name}': value for name, value in point.items()}}, args)
        s = settings.smot
        rows.append({
            'motion': s.motion, 'birth': s.new_track_thresh, 'keep': s.keep, 'K': s.anchors,
            **pets.row(settings)})
    return rows


def people(data: Path) -> Iterator[tuple[str, Frame, Floats]]:
    """Return the images of Penn-Fudan with the boxes of their people."""
    for path in sorted((data / 'PennFudanPed' / 'images').iterdir()):
        mask = cv2.imread(str(
            data / 'PennFudanPed' / 'masks' / f'{path.stem}.png'), cv2.IMREAD_UNCHANGED)
        image = cv2.imread(str(path))
        if mask is None or image is None:
            continue
        boxes = []
        for person in range(1, int(mask.max()) + 1):
            y, x = np.nonzero(mask == person)
            boxes.append([x.min(), y.min(), x.max() + 1, y.max() + 1])
        yield 'Penn-Fudan', Frame.of(np.asarray(image, np.uint8), 0.0), np.array(
            boxes, np.float32)


def in_coco(data: Path) -> Iterator[tuple[str, Frame, Floats]]:
    """Return the training images of coco128 with the boxes of their people."""
    for path in sorted((data / 'coco128_train' / 'images').iterdir()):
        image = np.asarray(cv2.imread(str(path)), np.uint8)
        labels = data / 'coco128_train' / 'labels' / f'{path.stem}.txt'
        lines = labels.read_text().splitlines() if labels.exists() else []
        rows = np.array([line.split() for line in lines], np.float32).reshape(-1, 5)
        centre, half = rows[rows[:, 0] == 0, 1:3], rows[rows[:, 0] == 0, 3:] / 2
        size = np.array(image.shape[1::-1], np.float32)
        yield 'coco128', Frame.of(image, 0.0), np.concatenate(
            [(centre - half) * size, (centre + half) * size], axis=1)


def run_thresholds(args: argparse.Namespace) -> list[Row]:
    """
    Return what scores are worth on training images.

    `precision` and `recall` of detections from each score on (IoU .5), and which share of
    people, their boxes 5 % off, and of as large boxes without people, the anchors see with it.
    """
    settings = made('smot', SMALL, args)
    detector = dense(make_detector(settings), 'this benchmark')
    random, count = np.random.default_rng(0), 0
    scores: list[float] = []
    seen: list[float] = []
    unseen: list[float] = []
    right: list[bool] = []
    images = [*people(args.data), *in_coco(args.data)]
    for _, frame, truth in tqdm(images, desc='detect'):
        (found,), raw = detector.detect_densely([frame])
        count += len(truth)
        free = np.ones(len(truth), np.bool_)
        for row in iou(found.boxes, truth):
            best = int(np.argmax(row * free)) if len(truth) else 0
            right.append(bool(len(truth)) and bool(free[best]) and row[best] >= 0.5)
            if right[-1]:
                free[best] = False
        scores += found.scores.tolist()
        if not len(truth):
            continue
        anchors = TrackingAnchors(raw.anchors[0])
        side = np.tile(truth[:, 2:] - truth[:, :2], 2)
        near = (truth + random.normal(0, 0.05, truth.shape) * side).astype(np.float32)
        corner = random.uniform(0, 1, (len(truth), 2)) * frame.size - side[:, :2] / 2
        far = np.concatenate([corner, corner + side[:, :2]], axis=1).astype(np.float32)
        far = far[iou(far, truth).max(axis=1) < 0.1]
        for boxes, kept in ((near, seen), (far, unseen)):
            kept += redetect(raw, anchors, boxes, np.zeros(len(boxes), np.int64),
                             settings.smot.anchors).scores.tolist()
    of, hit = np.array(scores), np.array(right)
    return [{
        'score': level, 'precision': float(hit[of >= level].mean()),
        'recall': float(hit[of >= level].sum() / count),
        'people kept': float((np.array(seen) >= level).mean()),
        'background kept': float((np.array(unseen) >= level).mean())}
        for level in np.arange(0.1, 0.91, 0.05).round(2).tolist()]


def run_shift(args: argparse.Namespace) -> list[Row]:
    """
    Return which share of people is found again after a planted shift, and how well.

    A person's box is looked for as if the image had moved by a part of the box since, and then
    stood still; with flow it is moved first by the flow between the two images. Found: the
    score stays from keep on, and after three looks IoU with where the person is, is at least
    .5. Only people whom the network sees where they are.
    """
    settings = made('smot', SMALL, args)
    detector = dense(make_detector(settings), 'this benchmark')
    cases: list[tuple[str, int, str]] = [
        *((f'K = {count}', count, 'none') for count in (1, 3, 5, 10)),
        *((f'{kind}, K = {settings.smot.anchors}', settings.smot.anchors, kind)
          for kind in ('farneback', 'dis'))]
    hits: dict[tuple[str, str, float], list[bool]] = {}
    for _, frame, truth in tqdm(list(people(args.data))[:args.images], desc='shift'):
        raw = detector.detect_densely([frame])[1]
        anchors = TrackingAnchors(raw.anchors[0])

        def found(boxes: Floats, real: Floats, count: int) -> list[bool]:
            """Say whether the anchors near a box lead to a person."""
            alive = np.ones(len(boxes), np.bool_)
            for _ in range(LOOKS):
                seen = redetect(
                    raw, anchors, boxes, np.zeros(len(boxes), np.int64), count)  # noqa: B023
                alive &= seen.scores >= settings.smot.keep
                boxes = seen.boxes
            return (alive & (iou(boxes, real).diagonal() >= 0.5)).tolist()

        box = truth[int(np.argmax((truth[:, 2:] - truth[:, :2]).prod(axis=1)))][None]
        if not found(box, box, settings.smot.anchors)[0]:
            continue
        size = box[0, 2:] - box[0, :2]
        for axis, part in itertools.product((0, 1), SHIFTS.round(2).tolist()):
            # towards the middle, so that the person stays in the image
            middle = (box[0, axis] + box[0, axis + 2]) / 2 < frame.size[axis] / 2
            shift = np.zeros(2, np.float32)
            shift[axis] = size[axis] * part * (1 if middle else -1)
            real = box - np.tile(shift, 2)
            for name, count, kind in cases:
                start = real
                if kind != 'none':
                    motion = make_box_motion(kind, settings.smot.flow_size)
                    motion.move(panned(frame, -shift), real)
                    start = motion.move(frame, real)
                hits.setdefault((name, 'xy'[axis], part), []).extend(found(start, box, count))
    rows: list[Row] = []
    for name, along in itertools.product([case[0] for case in cases], 'xy'):
        shares = [float(np.mean(hits[name, along, part])) for part in SHIFTS.round(2).tolist()]
        rows.append({
            'H, K': name, 'along': along, 'people': len(hits[name, along, 0.0]),
            'nine of ten held to': held_to(shares, 0.9), 'half held to': held_to(shares, 0.5),
            'at .33': float(np.interp(0.33, SHIFTS, shares)), 'shares': shares})
    draw_shift(rows, args.png)
    return rows


def held_to(shares: Sequence[float], least: float) -> float:
    """Return the shift up to which at least this share of people is found."""
    for number in range(1, len(shares)):
        before, after = shares[number - 1:number + 1]
        if after < least:
            part = (before - least) / (before - after)
            return float(SHIFTS[number - 1] + part * (SHIFTS[number] - SHIFTS[number - 1]))
    return float(SHIFTS[-1])


def panned(frame: Frame, shift: Floats) -> Frame:
    """Return the image moved by (x, y) pixels, its border going on where it comes in."""
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float64)
    return Frame.of(np.asarray(cv2.warpAffine(
        np.asarray(frame.image), matrix, frame.size, borderMode=cv2.BORDER_REPLICATE), np.uint8),
        -1.0)


def draw_shift(rows: Sequence[Row], path: Path) -> None:
    """Draw the shares of people found over the shift."""
    import matplotlib.figure

    figure = matplotlib.figure.Figure(figsize=(10, 4), layout='constrained')
    panels = figure.subplots(1, 2, sharey=True)
    for panel, axis in zip(panels, 'xy', strict=True):
        for row in rows:
            if row['along'] == axis:
                panel.plot(SHIFTS, row['shares'], label=row['H, K'],
                           linestyle='-' if row['H, K'].startswith('K') else '--')
        panel.axvline(0.33, color='grey', linewidth=0.8)
        panel.set(xlabel=f'shift along {axis}, parts of the box', ylim=(0, 1.02))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel('people found again')
    panels[1].legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    sys.stdout.write(f'wrote {path}\n')


class Crowd:
    """A detector that says the same of every frame: N people, all of whom the anchors see."""

    def __init__(self, raw: RawDetections, count: int, size: tuple[int, int]) -> None:
        random = np.random.default_rng(0)
        height = random.uniform(40, 160, (count, 1))
        start = random.uniform(0, 1, (count, 2)) * (np.array(size) - 60)
        self.boxes = np.concatenate(
            [start, start + height * (0.4, 1)], axis=1).astype(np.float32)
        self._raw = raw
        self._found = Detections(
            self.boxes, np.full(count, 0.99, np.float32), np.zeros(count, np.int64))

    class_names = ('person',)

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the same people."""
        return [self._found for _ in frames]

    def detect_densely(
            self, frames: Sequence[Frame]) -> tuple[list[Detections], RawDetections]:
        """Return the same people, and what a network once said."""
        return self.detect(frames), self._raw


def run_runtime(args: argparse.Namespace) -> list[Row]:
    """Return milliseconds of the fastest frame by tracks, then by square input."""
    frames = list(itertools.islice(open_source(args.video, RATE), FRAMES))
    settings = made('smot', {}, args)
    detector = dense(make_detector(settings), 'this benchmark')
    raw = detector.detect_densely([frames[0]])[1]
    detector_ms = best_ms(lambda frame: detector.detect_densely([frame]), frames)
    rows: list[Row] = []
    for motion, count in itertools.product(('none', 'velocity', 'dis', 'farneback'), OBJECTS):
        crowd = Crowd(raw, count, frames[0].size)
        tracker = make_tracker(made('smot', {
            'smot.motion': motion, 'smot.keep': 0.0, 'smot.anchor_iou': 0.0,
            'smot.resume': 0.0, 'smot.nms_iou': 1.0, 'smot.suppress_iou': 1.0,
            'smot.new_track_thresh': 0.99}, args), crowd)
        tracker.update(frames[0])
        # from now on tracks only go on
        crowd._found = Detections.empty()
        ms = best_ms(tracker.update, frames[1:])
        alive = len(tracker.update(frames[0]))
        rows.append({'what': f'{motion}, {alive} tracks', 'input': 'default',
                     'detector ms': detector_ms, 'tracker ms': ms,
                     'frames/s': 1e3 / (detector_ms + ms)})
    index = TrackingAnchors(raw.anchors[0])
    for count in OBJECTS[1:]:
        boxes = torch.from_numpy(Crowd(raw, count, frames[0].size).boxes)
        ways: dict[str, Callable[[], object]] = {
            'near anchors': partial(index.nearest, boxes, settings.smot.anchors),
            'all anchors': partial(
                compared_with_all, raw.anchors[0], boxes, settings.smot.anchors)}
        rows += [{'what': f'{name}, {count} boxes', 'input': 'default',
                  'detector ms': detector_ms,
                  'tracker ms': best_ms(partial(ignoring, way), frames)}
                 for name, way in ways.items()]
    for side in INPUTS:
        square = made('smot', {
            'detector.width': side, 'detector.height': side, 'detector.resize': 'letterbox'},
            args)
        own = dense(make_detector(square), 'this benchmark')
        times = Remembering(own)
        tracker = make_tracker(square, times)
        whole = best_ms(tracker.update, frames)
        inside = min(times.ms[3:])
        rows.append({'what': 'PETS', 'input': f'{side}x{side}', 'detector ms': inside,
                     'tracker ms': max(whole - inside, 0.0), 'frames/s': 1e3 / whole})
    return rows


def ignoring(work: Callable[[], object], _: Frame) -> object:
    """Do work that needs no frame."""
    return work()


def best_ms(work: Callable[[Frame], object], frames: Iterable[Frame]) -> float:
    """Return the least time that work on a frame takes: what else the machine does aside."""
    times = []
    for frame in frames:
        start = time.perf_counter()
        work(frame)
        times.append((time.perf_counter() - start) * 1e3)
    return min(times[3:])


def run_linking(args: argparse.Namespace) -> list[Row]:
    """Return which share of pairs of crops, 1 to 10 s apart and 5 % off, is within a distance."""
    truth, embedder, random = read_truth(args.truth), ColourHistogram(), np.random.default_rng(0)
    truth = truth[truth.values > 0]
    looks: list[Floats] = []
    ids: list[Ints] = []
    numbers: list[Ints] = []
    for number, frame in enumerate(open_source(args.video, RATE), 1):
        here = truth.at(number)
        if number % 5 or not len(here):
            continue
        side = np.tile(here.boxes[:, 2:] - here.boxes[:, :2], 2)
        boxes = here.boxes + random.normal(0, 0.05, here.boxes.shape) * side
        looks.append(embedder.embed(frame, boxes.astype(np.float32)))
        ids.append(here.ids)
        numbers.append(np.full(len(here), number))
    features, who, when = np.concatenate(looks), np.concatenate(ids), np.concatenate(numbers)
    apart = np.sqrt(np.maximum(2 - 2 * features @ features.T, 0))
    gap = np.abs(when[:, None] - when)
    pairs = (gap >= RATE) & (gap <= 10 * RATE)
    same = who[:, None] == who
    return [{
        'distance': level, 'same person': float((apart[pairs & same] <= level).mean()),
        'another person': float((apart[pairs & ~same] <= level).mean())}
        for level in [*np.arange(0.5, 1.01, 0.05).round(2).tolist(), 0.97]]


MODES: dict[str, Callable[[argparse.Namespace], list[Row]]] = {
    'table': run_table, 'grid': run_grid, 'thresholds': run_thresholds, 'shift': run_shift,
    'runtime': run_runtime, 'linking': run_linking}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    mode = parser.add_mutually_exclusive_group()
    for name, run in list(MODES.items())[1:]:
        text = (run.__doc__ or '').strip().splitlines()[0].replace('%', '%%')
        mode.add_argument(f'--{name}', dest='mode', action='store_const', const=name, help=text)
    parser.set_defaults(mode='table')
    parser.add_argument('--frames', type=int, metavar='N', help='only the first N of PETS')
    parser.add_argument('--images', type=int, metavar='N', help='only the first N of Penn-Fudan')
    add_pets(parser)
    parser.add_argument('--data', type=Path, default=DATA,
                        help='folder with PennFudanPed and coco128_train')
    parser.add_argument('--json', type=Path, help='result (benchmarks/results/smot_MODE.json)')
    parser.add_argument('--png', type=Path, default=RESULTS / 'smot_shift.png',
                        help='drawing of --shift')
    args = parser.parse_args(argv)
    args.changes = {}
    args.json = args.json or RESULTS / f'smot_{args.mode}.json'
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run one mode."""
    args = parse(argv)

    def work() -> None:
        rows = MODES[args.mode](args)
        columns = [name for name in rows[0] if name != 'shares']
        times = dict.fromkeys(('detector ms', 'tracker ms', 'frames/s'), '.2f')
        sys.stdout.write(table_of_rows(rows, 3, times, columns))
        write_result(
            args.json, {'benchmark': 'smot', 'mode': args.mode, 'rows': rows}, **with_torch())

    return finish('smot.py', work)


if __name__ == '__main__':
    sys.exit(main())
