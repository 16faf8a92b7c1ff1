# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
What the parts of SiamMOT and SMILEtrack are worth, on composed crowds that no training has seen.

    python benchmarks/ablations.py --part triplets --weights P+H=a.safetensors --weights P+N=...
    python benchmarks/ablations.py --part tau
    python benchmarks/ablations.py --part slm --slm slm.safetensors

People walk past each other and behind obstacles, before a camera in the hand. Scenes are held
out by seed: those of training are drawn from seeds below 2^31, those here begin there. People
and photographs behind them come from every tenth image of --data, which `mot_ros train
--hold-out 10` leaves out; a training without that knows them from other scenes. With --figures
people are drawn, others than a training without data sees.

`triplets`: one row for each network, however it was trained; P+H and P+N are made with
`mot_ros train siammot --set loss.triplets.negative_share=0`, and `...hard_share=0`; the tracker
only beside a given detector with `--init FILE --set "recipe.slow={backbone: 0, rpn: 0,
roi_heads.box: 0}"`. AP is that of the detections. `found` is the share of visible people
whom the motion model alone, without the box head, finds with an IoU of .5, having seen their true
box one frame or a second before, where it is told to look up to .4 of their sides beside. `left`
is the share of those no longer to be seen of whom it says so, looking where they were, and
`other` the share of those of whom it does where it is told to look at somebody else.

`tau`: how long a dormant track is looked for, in frames of the clip.

`slm`: SMILEtrack without looks, with colours, with SLM in the first of its two stages alone or in
both, there by the mean look of a track or the best of its last looks, and with colours and SLM
together. All rows have the same detections, which are kept in the work folder.

Scores are TrackEval's of all clips together; who is visible by no more than .3 is neither missed
nor wrong. Prints a table and writes JSON after every row; a row that is in there already, of the
same clips, settings and weights, is not computed again. `tau` draws its curves, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
import dataclasses
from dataclasses import dataclass
import functools
import hashlib
import json
from pathlib import Path
import re
import shlex
import sys
import time
from typing import Any

import _start  # noqa: F401 - must come before torch
import numpy as np
from tqdm import tqdm

from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import now, save_result
from mot_ros.benchmarking.script import (
    make_parser,
    numbers,
    RESULTS,
    ROOT,
    settings_of,
    size_of,
    with_torch,
)
from mot_ros.data.datasets.mot import MotRows
from mot_ros.data.synthetic.scene import Crowd, CrowdScene, frames
from mot_ros.data.synthetic.truth import rows_of, SyntheticTruth
from mot_ros.evaluation.scores import scoring
from mot_ros.evaluation.scores.metrics import average_precision, overlaps
from mot_ros.evaluation.synthetic import raw_scores, rows_of_tracks, SharedRcnn, VISIBLE
from mot_ros.tracking.boxes import centres
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.methods.siammot import SiamMotSettings
from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.config.schema import build, flatten
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.rcnn.detector import RcnnDetector
from mot_ros.tracking.detectors.rcnn.feature_detector import FeatureDetector
from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads
from mot_ros.tracking.detectors.wrappers.recorded import CachedDetector
from mot_ros.tracking.errors import ConfigError, MotError, SourceError, WeightsError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.methods.siammot.template_memory import TemplateMemory
from mot_ros.tracking.types import Detections, Frame, Tracks
from mot_ros.tracking.weights import store as weights
from mot_ros.training.datasets import Datasets, held_out_people

DATA = [path for name in ('PennFudanPed', 'coco128_train')
        if (path := ROOT.parent / 'shared' / 'data' / name).is_dir()]
HELD_OUT = 1 << 31
"""Seeds of the scenes of training lie below."""
TAUS = (1, 5, 15, 30, 60)
"""Of the paper's table, in frames."""
PROBED = 5
"""The motion model is asked about the people of one frame in so many."""
GONE = 0.05
"""Who is visible by no more than this part should not be found."""
SURE = 0.5
"""From this visibility on the motion model says that somebody is there."""
BESIDE = 0.4
"""How far beside people it has to look for them, in sides of their boxes."""
SCORES = ('MOTA', 'IDF1', 'HOTA')
COUNTS = {'switches': 'IDsw', 'FP': 'FP', 'FN': 'FN'}
GROUPS = {
    'siammot': ('detect_every', 'roi', 'rcnn', 'siammot', 'camera_motion'),
    'smiletrack': (
        'detect_every', 'roi', 'detector', 'smiletrack', 'appearance', 'camera_motion')}
"""Settings that a result depends on, by method."""
Row = dict[str, Any]
Clip = Iterator[tuple[Frame, SyntheticTruth]]


@dataclass(frozen=True)
class Clips:
    """The crowds of a run; what the result depends on beside the tracker."""

    size: tuple[int, int]
    people: int
    obstacles: int
    rate: float
    length: int
    seeds: tuple[int, ...]
    data: tuple[str, ...]
    hold_out: int
    cutouts: int
    photographs: int


@dataclass(frozen=True)
class Job:
    """A row to be: its name, the columns that say what it is, and the settings."""

    name: str
    about: Row
    settings: Settings

    @property
    def networks(self) -> list[str]:
        """Settings that name the weights it runs with."""
        if self.settings.method == 'siammot':
            return ['rcnn.weights']
        return ['detector.weights'] + ['appearance.weights'] * (
            self.settings.appearance.type in ('slm', 'both'))

    def key(self, clips: Clips) -> str:
        """Return what tells its result from all others."""
        values = {name: value for name, value in flatten(self.settings).items()
                  if name.partition('.')[0] in GROUPS[self.settings.method]
                  and not name.endswith('.weights')}
        return _mark([dataclasses.asdict(clips), values, self.digests])

    @property
    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of its weights by the name of the setting."""
        values = {
            **flatten(self.settings), 'detector.weights': self.settings.detector_weights}
        return {name: weights.digest(str(values[name])) for name in self.networks}


class Probe:
    """
    Asks the motion model alone where people are after `gaps` frames.

    Of each gap it counts who was `asked` about, all visible, and who of them is `found`; those
    who are `gone`, and those of them of whom it says so (`left`); and whom it is to look for
    where somebody `else` is, and they are not, and of whom it says so (`other`).
    """

    def __init__(
            self, network: SharedRcnn, settings: SiamMotSettings, gaps: Iterable[int]) -> None:
        if network.motion is None:
            raise WeightsError('the network has no motion model; name weights with one')
        self._head = network.motion
        self._settings = settings
        self._longest = max(gaps)
        self._begun: list[tuple[int, TemplateMemory, SyntheticTruth]] = []
        self.counts = {gap: dict.fromkeys(
            ('asked', 'found', 'gone', 'left', 'else', 'other'), 0) for gap in gaps}

    def look(self, number: int, heads: RoiHeads, truth: SyntheticTruth) -> None:
        """Take the next frame, by its number; a lower one than before is of another clip."""
        self._begun = [each for each in self._begun if 0 < number - each[0] <= self._longest]
        for before, memory, there in self._begun:
            if number - before in self.counts:
                self._compare(
                    self.counts[number - before], number, memory, there, heads, truth)
        there = truth.seen(VISIBLE)
        if number % PROBED == 0 and len(there):
            memory = TemplateMemory(self._head)
            memory.update_templates(
                heads, there.boxes, np.zeros(0, np.bool_), np.ones(len(there), np.bool_),
                self._settings)
            self._begun.append((number, memory, there))

    def _compare(
            self, counts: dict[str, int], number: int, memory: TemplateMemory,
            before: SyntheticTruth, heads: RoiHeads, truth: SyntheticTruth) -> None:
        now = truth.seen(VISIBLE)
        _, mine, theirs = np.intersect1d(before.ids, now.ids, return_indices=True)
        true, old, expected = now.boxes[theirs], before.boxes[mine], before.boxes.copy()
        off = np.random.default_rng(number).uniform(-BESIDE, BESIDE, (len(mine), 2))
        shift = centres(true) - centres(old) + off * (old[:, 2:] - old[:, :2])
        expected[mine] += np.tile(shift, 2).astype(np.float32)
        boxes, visibility = memory.search(heads, expected, self._settings)
        shared = overlaps(boxes[mine].astype(np.float64), true.astype(np.float64)).diagonal()
        gone = ~np.isin(before.ids, truth.seen(GONE).ids)
        counts['asked'] += len(mine)
        counts['found'] += int((shared >= 0.5).sum())
        counts['gone'] += int(gone.sum())
        counts['left'] += int((visibility[gone] < SURE).sum())

        expected[mine] = elsewhere = np.roll(true, 1, axis=0)
        reach = (elsewhere[:, 2:] - elsewhere[:, :2]) * self._settings.search / 2
        apart = (np.abs(centres(elsewhere) - centres(true)) > reach).any(axis=1)
        visibility = memory.search(heads, expected, self._settings)[1][mine][apart]
        counts['else'] += len(visibility)
        counts['other'] += int((visibility < SURE).sum())


@functools.lru_cache(maxsize=1)
def make_network(rcnn: RcnnSettings, device: str) -> FeatureDetector:
    """Load a network; the last one is kept."""
    return RcnnDetector(rcnn, device)


def clip_of(clips: Clips, datasets: Datasets, seed: int, bar: Any) -> Clip:
    """Yield the frames of a seed."""
    scene = CrowdScene(datasets.cutouts, datasets.photographs, Crowd(
        size=clips.size, people=clips.people, obstacles=clips.obstacles), seed)
    for shown in frames(scene, clips.rate, clips.length):
        yield shown
        bar.update()


class Bench:
    """Runs jobs over the clips."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.datasets = held_out_people(
            [str(path) for path in args.data], args.backgrounds, HELD_OUT, args.hold_out)
        self.clips = Clips(
            args.size, args.people, args.obstacles, args.fps, args.frames,
            tuple(HELD_OUT + seed for seed in args.seeds),
            tuple(path.name for path in (*args.data, *args.backgrounds)) or ('drawn figures',),
            args.hold_out if args.data else 0, len(self.datasets.cutouts),
            len(self.datasets.photographs))

    def row(self, job: Job, bar: Any) -> Row:
        """Run a job over all clips and score it."""
        run_one = self._by_network if job.settings.method == 'siammot' else self._by_detections
        every, more = run_one(job, bar)
        return {**columns(scoring.figures(scoring.combine(every))), **more,
                'by clip': [columns(scoring.figures(raw)) for raw in every]}

    def detect(self, settings: Settings) -> None:
        """Find the detections of all clips, as far as they are not in the work folder."""
        missing = [seed for seed in self.clips.seeds
                   if self._detector(settings, seed).recorded < self.clips.length]
        with _bar(len(missing) * self.clips.length, 'detect') as bar:
            for seed in missing:
                detector = self._detector(settings, seed)
                try:
                    for frame, _ in clip_of(self.clips, self.datasets, seed, bar):
                        detector.detect([frame])
                finally:
                    detector.save()

    def _detector(self, settings: Settings, seed: int) -> CachedDetector:
        wanted = settings.detector
        key = {**{f'clip.{name}': value for name, value in dataclasses.asdict(self.clips).items()
                  if name != 'seeds'}, 'clip.seed': seed,
               **{f'detector.{name}': value for name, value in dataclasses.asdict(wanted).items()
                  if name != 'weights'},
               'weights_sha256': weights.digest(settings.detector_weights)}
        floor = wanted.score_floor
        return CachedDetector(
            self.args.work / f'detections-{_mark(key)}.npz', key,
            lambda: make_detector(settings), floor, floor)

    def _by_detections(self, job: Job, bar: Any) -> tuple[list[scoring.Raw], Row]:
        """Run a method on the detections that are kept."""
        every = []
        for seed in self.clips.seeds:
            tracker = make_tracker(job.settings, self._detector(job.settings, seed))
            truths, found = [], []
            for frame, truth in clip_of(self.clips, self.datasets, seed, bar):
                truths.append(truth)
                found.append(tracker.update(frame))
            every.append(self._scored(truths, found))
        return every, {}

    def _by_network(self, job: Job, bar: Any) -> tuple[list[scoring.Raw], Row]:
        """Run SiamMOT, and ask its network about itself where networks are compared."""
        settings = job.settings
        network = SharedRcnn(make_network(settings.rcnn, settings.device))
        gaps = {1: 'next frame', max(2, round(self.clips.rate)): '1 s'}
        probe = Probe(network, settings.siammot, gaps) if self.args.part == 'triplets' else None
        every, seen = [], list[SyntheticTruth]()
        detections = list[tuple[int, Detections]]()
        for seed in self.clips.seeds:
            tracker = make_tracker(settings, network)
            truths, found = list[SyntheticTruth](), list[Tracks]()
            for frame, truth in clip_of(self.clips, self.datasets, seed, bar):
                heads = network.extract_features(frame)
                truths.append(truth)
                found.append(tracker.update(frame))
                detections.append((len(seen) + len(truths), heads.detections()))
                if probe is not None:
                    probe.look(len(truths), heads, truth)
            seen += truths
            every.append(self._scored(truths, found))
        more: Row = {'AP@.5': average_precision(
            rows_of(seen, VISIBLE)[0], MotRows.of_detections(detections))}
        for gap, counts in probe.counts.items() if probe is not None else ():
            for part, whole in (('found', 'asked'), ('left', 'gone'), ('other', 'else')):
                more[f'{part} {gaps[gap]}'] = counts[part] / max(1, counts[whole])
                more[f'{whole} {gaps[gap]}'] = counts[whole]
        return every, more

    def _scored(self, truths: Sequence[SyntheticTruth], found: Sequence[Tracks]) -> scoring.Raw:
        return raw_scores(truths, rows_of_tracks(found), self.clips.size, self.clips.rate)


def columns(figures: Mapping[str, float | int]) -> Row:
    """Return the columns that all tables have."""
    return {**{name: figures[name] for name in SCORES},
            **{short: figures[name] for name, short in COUNTS.items()}}


def triplet_jobs(args: argparse.Namespace) -> list[Job]:
    """Return a row for each network."""
    return [Job(name, {'row': name}, _seeing(args, {'rcnn.weights': file}))
            for name, file in args.weights.items()]


def tau_jobs(args: argparse.Namespace) -> list[Job]:
    """Return a row for each age; the method counts in seconds, whatever the rate."""
    (_, file), = args.weights.items()
    return [Job(f'tau {tau}', {'tau': tau, 'seconds': tau / args.fps}, _seeing(args, {
        'rcnn.weights': file, 'siammot.tau': tau, 'siammot.dormant_time': tau / args.fps}))
        for tau in args.taus]


def slm_jobs(args: argparse.Namespace) -> list[Job]:
    """Return SMILEtrack without looks, with colours, and taken apart with SLM."""
    fixed = {'method': 'smiletrack', 'device': args.device, **args.changes}
    plain = build(Settings, fixed).smiletrack
    if plain.split != 'fixed':
        raise ConfigError(
            f'smiletrack.split is {plain.split!r}; without a second stage it must be fixed')
    slm = {'appearance.type': 'slm', 'appearance.weights': args.slm}
    gate = plain.gate if args.gate is None else args.gate
    stages: dict[str, Row] = {
        'by overlap': {'smiletrack.second': 'iou'},
        'mean look': {'smiletrack.second': 'single'},
        'best look': {'smiletrack.second': 'multi'},
        # nobody is left for it
        'none': {'smiletrack.second': 'iou',
                 'smiletrack.track_low_thresh': plain.track_high_thresh}}
    wanted: list[tuple[str, str, float, Row]] = [
        ('none', 'by overlap', 0.0, {'appearance.type': 'none'}),
        ('colours', 'by overlap', plain.gate, {'appearance.type': 'colour'})]
    if args.slm != 'none':
        wanted += [
            ('SLM', second, least, slm) for second in ('by overlap', 'mean look', 'best look')
            for least in (0.0, gate)]
        wanted += [('SLM', 'none', gate, slm),
                   ('both', 'by overlap', plain.gate, {**slm, 'appearance.type': 'both'})]
    return [
        Job(f'{looks}, {second}, gate {least:g}',
            {'looks': looks, 'second stage': second, 'gate': f'{least:g}' if least else 'none'},
            build(Settings, {**fixed, **changes, **stages[second], 'smiletrack.gate': least}))
        for looks, second, least, changes in wanted]


PARTS: Mapping[str, Callable[[argparse.Namespace], list[Job]]] = {
    'triplets': triplet_jobs, 'tau': tau_jobs, 'slm': slm_jobs}
HEADS: Mapping[str, tuple[str, ...]] = {
    'triplets': ('row', *SCORES, *COUNTS.values(), 'AP@.5', 'found next frame',
                 'found 1 s', 'left 1 s', 'other 1 s'),
    'tau': ('tau', 'seconds', *SCORES, *COUNTS.values()),
    'slm': ('looks', 'second stage', 'gate', *SCORES, *COUNTS.values())}
"""Columns of the tables; more is in the JSON."""


class Report:
    """The JSON of a part: every row is kept as soon as there is one."""

    def __init__(self, args: argparse.Namespace, clips: Clips, words: Sequence[str]) -> None:
        self._path: Path = args.json
        self._about = {
            'benchmark': 'ablations', 'part': args.part, 'clips': _plain(clips),
            'command': command(words)}
        self.rows: list[Row] = []
        if self._path.exists():
            try:
                known = json.loads(self._path.read_text(encoding='utf-8'))
                same = all(known[name] == self._about[name] for name in ('part', 'clips'))
                self.rows = list(known['rows'])
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise SourceError(
                    f'{self._path} is no result of this benchmark ({error}); name another '
                    '--json') from error
            if not same:
                raise SourceError(
                    f'{self._path} holds a result on other clips; name another --json, or '
                    'delete it')

    def has(self, key: str) -> bool:
        """Tell whether the row of a key is there."""
        return any(row['key'] == key for row in self.rows)

    def keep(self, row: Row) -> None:
        """Put a row in the place of an older one of its name, or after all others."""
        names = [each['name'] for each in self.rows]
        place = names.index(row['name']) if row['name'] in names else len(names)
        self.rows[place:place + 1] = [row]
        save_result(self._path, {**self._about, 'rows': self.rows}, **with_torch())


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the scores over the age of dormant tracks, and the switches beside them."""
    import matplotlib.figure

    rows = sorted(rows, key=lambda row: row['tau'])
    seconds = [row['seconds'] for row in rows]
    figure = matplotlib.figure.Figure(figsize=(10, 4), layout='constrained')
    left, right = figure.subplots(1, 2)
    for name in SCORES:
        left.plot(seconds, [row[name] for row in rows], marker='.', label=name)
    for name in ('IDsw', 'FP'):
        right.plot(seconds, [row[name] for row in rows], marker='.', label=name)
    for panel in (left, right):
        panel.set_xscale('log')
        panel.set_xticks(seconds, [f'{row["tau"]}\n{row["seconds"]:g} s' for row in rows])
        panel.minorticks_off()
        panel.set_xlabel('tau: frames that a track that is not found is looked for')
        panel.grid(alpha=0.3)
        panel.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def print_table(part: str, rows: Sequence[Row]) -> None:
    """Write a part as Markdown: fractions with three digits."""
    sys.stdout.write(table_of_rows(rows, 3, {'seconds': 'g'}, HEADS[part]))
    if part == 'triplets':
        first = rows[0]
        sys.stdout.write(
            f'\nof {first["asked next frame"]} and {first["asked 1 s"]} people; '
            f'{first["gone 1 s"]} left, {first["else 1 s"]} were looked for where others are\n')


def command(words: Sequence[str]) -> str:
    """Return the command line; of files and folders only the last name is told."""
    last = [re.sub(r'[^=]*/(?=[^/])', '', word.rstrip('/')) for word in words]
    return shlex.join(['python', 'benchmarks/ablations.py', *last])


def run(args: argparse.Namespace, words: Sequence[str]) -> list[Row]:
    """Compute the rows that are not there yet; return all."""
    jobs = PARTS[args.part](args)
    bench = Bench(args)
    report = Report(args, bench.clips, words)
    keys = {job.name: job.key(bench.clips) for job in jobs}
    missing = [job for job in jobs if not report.has(keys[job.name])]
    if len(missing) < len(jobs):
        sys.stderr.write(f'{len(jobs) - len(missing)} of {len(jobs)} rows are there already\n')
    if missing and args.part == 'slm':
        bench.detect(missing[0].settings)
    clips = bench.clips
    with _bar(len(missing) * len(clips.seeds) * clips.length, args.part) as bar:
        for job in missing:
            bar.set_description(job.name)
            start = time.perf_counter()
            row = bench.row(job, bar)
            report.keep({
                'name': job.name, **job.about, **row, 'key': keys[job.name],
                'took': round(time.perf_counter() - start, 1), 'date': now(),
                'changes': args.assignments, 'sha256': job.digests})
    return report.rows


def _seeing(args: argparse.Namespace, changes: Row) -> Settings:
    """Return settings of SiamMOT for boxes that go on outside the image, as in training."""
    return build(Settings, {
        'method': 'siammot', 'rcnn.amodal': True, 'rcnn.short_side': min(args.size),
        'rcnn.long_side': 4096, 'device': args.device, **args.changes, **changes})


def _bar(total: int, what: str) -> Any:
    # a log file gets a line now and then instead of ten a second
    return tqdm(total=total, desc=what, unit='frame', disable=not total,
                mininterval=0.2 if sys.stderr.isatty() else 10.0)


def _plain(clips: Clips) -> Row:
    """Return the clips as they look after they were written and read again."""
    plain: Row = json.loads(json.dumps(dataclasses.asdict(clips)))
    return plain


def _mark(content: Any) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    parser.add_argument('--part', choices=tuple(PARTS), required=True)
    parser.add_argument('--weights', action='append', default=[], metavar='LABEL=FILE',
                        help='triplets, tau: network with a motion model (siammot-small); '
                        'triplets: may be repeated')
    parser.add_argument('--taus', default=','.join(map(str, TAUS)),
                        help=f'tau: frames ({",".join(map(str, TAUS))})')
    parser.add_argument('--slm', default='slm-small', metavar='FILE',
                        help="slm: name or file of trained weights, or 'none' (slm-small)")
    parser.add_argument('--gate', type=float, metavar='COSINE',
                        help="slm: gate of the rows with SLM (smiletrack.gate's default)")
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda')
    parser.add_argument('--set', dest='assignments', action='append', default=[],
                        metavar='NAME=VALUE', help='change a setting of all rows')
    parser.add_argument('--data', type=Path, action='append', metavar='DIR',
                        help='people to cut out, see mot_ros train (those in shared/data '
                        'beside the repository; where there are none, figures are drawn)')
    parser.add_argument('--hold-out', type=int, default=10, metavar='N',
                        help='of --data take every Nth image alone, which training with the '
                        'same option left out; 0: all of them (10)')
    parser.add_argument('--figures', action='store_true', help='draw figures in any case')
    parser.add_argument('--backgrounds', type=Path, action='append', default=[], metavar='DIR',
                        help='photographs without people, see mot_ros train')
    parser.add_argument('--seeds', default='0,1,2', help='of the clips, plus 2^31 (0,1,2)')
    parser.add_argument('--frames', type=int, default=150, help='of each clip (150)')
    parser.add_argument('--fps', type=float, default=10.0, help='in Hz (10)')
    parser.add_argument('--size', default='640x480', help='of the images (640x480)')
    parser.add_argument('--people', type=int, default=16, help='who walk about (16)')
    parser.add_argument('--obstacles', type=int, default=3, help='that hide them (3)')
    parser.add_argument('--work', type=Path, metavar='DIR',
                        default=weights.cache_root().parent / 'benchmarks' / 'ablations',
                        help='folder of detections')
    parser.add_argument('--json', type=Path,
                        help='result (benchmarks/results/ablations_PART.json)')
    parser.add_argument('--png', type=Path, help='curves (ablations_tau.png beside the result)')
    args = parser.parse_args(argv)
    try:
        args.seeds, args.taus = numbers(args.seeds, int), numbers(args.taus, int)
        args.size = size_of(args.size)
    except ValueError as error:
        parser.error(f'--seeds, --taus and --size are lists of numbers: {error}')
    if args.frames < 2 or min(args.seeds) < 0 or not 0 < args.fps <= 1000 or min(args.taus) < 1:
        parser.error('--frames must be at least 2, --seeds not negative, --fps in (0, 1000] and '
                     '--taus at least 1')
    if args.figures and args.data:
        parser.error('--figures needs no --data')
    args.data = [] if args.figures else args.data or DATA
    pairs = [word.partition('=') for word in args.weights or ['siammot-small']]
    args.weights = {label: file or label for label, _, file in pairs}
    if len(args.weights) < len(pairs) or (args.part == 'tau' and len(pairs) > 1):
        parser.error('--weights: each needs a label of its own, and tau takes one network')
    args.json = args.json or RESULTS / f'ablations_{args.part}.json'
    args.png = args.png or args.json.with_suffix('.png')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, draw, write."""
    words = sys.argv[1:] if argv is None else argv
    args = parse(words)
    try:
        args.changes = settings_of(args.assignments)
        args.work.mkdir(parents=True, exist_ok=True)
        args.json.parent.mkdir(parents=True, exist_ok=True)
        rows = run(args, words)
    except MotError as error:
        sys.stderr.write(f'ablations.py: error: {error}\n')
        return 2
    except KeyboardInterrupt:
        sys.stderr.write('interrupted: the same command goes on after the last row\n')
        return 130
    print_table(args.part, rows)
    sys.stdout.write(f'\nwrote {args.json}\n')
    if args.part == 'tau':
        draw(rows, args.png)
        sys.stdout.write(f'wrote {args.png}\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
