# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
A speed sweep from a driving car: until when each way of following people still follows them.

    python benchmarks/driving.py --weights siammot-small --cutouts PennFudanPed

Composed streets (`mot_ros compose --scene driving`), by the median of how many widths of their
own boxes people move from frame to frame. Rows and solver are those of table 1 of SiamMOT
(arXiv 2105.11595), tau 1, preset `crp`; then our additions. All rows share one network, which
sees every frame once; `ms` are what a row needs beside that. `--imm` adds the row of another one.

`continued` is the share of people who, with a track on them in one frame and visible in the
next, have the same track there. Scores are TrackEval's; those called `lasting` are of tracks of
5 boxes and more only, as in SiamMOT's published evaluation, where `truth` says what remains of a
perfect result. Prints tables, draws the curves and writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
import itertools
from pathlib import Path
import sys
import time
from typing import Any

import _start  # noqa: F401 - must come before torch
import numpy as np
from tqdm import tqdm

from mot_ros.benchmarking.markdown import markdown_table, table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import (
    add_settings,
    finish,
    make_parser,
    numbers,
    require,
    RESULTS,
    settings_of,
    size_of,
    with_torch,
)
from mot_ros.data.datasets.mot import MotRows
from mot_ros.data.synthetic.backgrounds import background_files
from mot_ros.data.synthetic.cutouts import Cutout, read_cutouts
from mot_ros.data.synthetic.driving import Drive, DrivingScene, RATE
from mot_ros.data.synthetic.figures import draw_figures
from mot_ros.data.synthetic.image_degradation import Look
from mot_ros.data.synthetic.scene import frames
from mot_ros.data.synthetic.truth import apparent_shift, rows_of, SyntheticTruth
from mot_ros.evaluation.scores import scoring
from mot_ros.evaluation.scores.ignore_regions import assign
from mot_ros.evaluation.scores.metrics import overlaps
from mot_ros.evaluation.synthetic import raw_scores, rows_of_tracks, SharedRcnn, VISIBLE
from mot_ros.evaluation.tracklet_merge import lasting
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors.rcnn.detector import RcnnDetector
from mot_ros.tracking.detectors.rcnn.feature_detector import FeatureDetector
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.protocols import Tracker
from mot_ros.tracking.types import Frame, Tracks
from mot_ros.tracking.weights import store as weights

LOOKS = {'clear': Look(), 'dusk': Look(
    brightness=0.25, period=1.3, noise=12.0, jpeg=60, exposure=1 / 25)}
"""How the images look; at dusk they are blurred along the motion, noisy, and flicker."""
SHIFTS = '0.05,0.15,0.3,0.45,0.6,0.8,1.0,1.5'
SEEDS = '9001,9002'
"""Training takes its scenes from other seeds."""
FIGURES = 40
EDGES = (0, .1, .2, .3, .4, .5, .6, .7, .8, .9, 1, 1.2, 1.5, 2)
"""Between them lie the bins of single people's shifts, in box widths."""
LASTING = 5
"""Boxes of the shortest track that SiamMOT's published evaluation counts."""
TRUTH = 'truth'
Row = dict[str, Any]

EMM, TRACKTOR = {'method': 'siammot', 'preset': 'crp'}, {'method': 'tracktor', 'preset': 'crp'}
LOOKING_AHEAD = {'siammot.velocity': True, 'siammot.camera': True}
IMM_ROW = '+ IMM'
TABLE_1: Mapping[str, Row] = {
    'Tracktor': {**TRACKTOR, 'tracktor.motion': 'none'},
    '+ flow (Farneback)': {**TRACKTOR, 'tracktor.motion': 'farneback'},
    '+ flow (DIS)': {**TRACKTOR, 'tracktor.motion': 'dis'},
    IMM_ROW: EMM,
    '+ EMM, r = 2': EMM,
    '+ EMM, r = 3': {**EMM, 'siammot.search': 3.0},
}
"""The rows of the paper's table, in its order; its flow is PWC-Net's."""
OURS: Mapping[str, Row] = {
    'Tracktor + camera': {**TRACKTOR, 'tracktor.motion': 'camera'},
    'EMM, r = 2, velocity, camera': {**EMM, **LOOKING_AHEAD},
    'EMM, r = 3, velocity, camera': {**EMM, **LOOKING_AHEAD, 'siammot.search': 3.0},
    'preset accurate': {'method': 'siammot'},
}
ROWS = {**TABLE_1, **OURS}
COLOURS = dict(zip(ROWS, (
    'tab:red', 'tab:olive', 'tab:orange', 'tab:purple', 'tab:blue', 'tab:green', 'tab:red',
    'tab:blue', 'tab:green', 'black'), strict=True))
"""Of the curves; what is ours is dashed."""


@dataclass
class Course:
    """What one row made of one clip."""

    tracker: Tracker
    found: list[Tracks] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)

    def update(self, frame: Frame) -> None:
        """Take a frame that the network has seen already."""
        start = time.perf_counter()
        self.found.append(self.tracker.update(frame))
        self.ms.append((time.perf_counter() - start) * 1e3)

    @property
    def rows(self) -> MotRows:
        """All boxes, not cut to the image."""
        return rows_of_tracks(self.found)


def make_network(settings: Settings) -> FeatureDetector:
    """Load the network of the settings."""
    return RcnnDetector(settings.rcnn, settings.device)


def street(args: argparse.Namespace, seed: int) -> DrivingScene:
    """Return the street of a seed, with the people and houses of the command line."""
    cutouts: list[Cutout] = [
        cutout for folder in args.cutouts for cutout in read_cutouts(folder)]
    photographs = [file for folder in args.backgrounds for file in background_files(folder)]
    return DrivingScene(
        cutouts or draw_figures(FIGURES, seed), photographs,
        Drive(size=args.size, people=args.people, smallest=args.smallest,
              look=LOOKS[args.look]), seed)


def courses(
        networks: Mapping[str, SharedRcnn], settings: Mapping[str, Settings],
        clip: Iterator[tuple[Frame, SyntheticTruth]]) -> tuple[
            list[SyntheticTruth], dict[str, Course], list[float]]:
    """Run all rows over one clip; return its truth, their courses, and ms of the network."""
    running = {name: Course(make_tracker(settings[name], networks[name])) for name in settings}
    truths, seeing = [], []
    for frame, truth in clip:
        start = time.perf_counter()
        for each in dict.fromkeys(networks.values()):
            each.detect([frame])
        seeing.append((time.perf_counter() - start) * 1e3 / len(set(networks.values())))
        for course in running.values():
            course.update(frame)
        truths.append(truth)
    return truths, running, seeing


def continued(truths: Sequence[SyntheticTruth], tracks: MotRows) -> tuple[list[int], list[int]]:
    """
    Return by bin of EDGES how many keep their track to the next frame, and of how many.

    Of those who are visible in both frames and have a track, with an IoU of .5, in the first.
    """
    kept, all_ = [0] * len(EDGES), [0] * len(EDGES)
    before, had = SyntheticTruth.of([]), dict[int, int]()
    for number, truth in enumerate(truths, 1):
        now, there = truth.seen(VISIBLE), tracks.at(number)
        rows, columns = assign(overlaps(now.boxes.astype(np.float64), there.boxes), 0.5)
        has = dict(zip(now.ids[rows].tolist(), there.ids[columns].tolist(), strict=True))
        both = np.intersect1d(before.ids, now.ids)
        bins = np.digitize(apparent_shift(before, now), EDGES) - 1
        for identity, place in zip(both.tolist(), bins.tolist(), strict=True):
            if identity in had:
                all_[place] += 1
                kept[place] += has.get(identity) == had[identity]
        before, had = now, has
    return kept, all_


def only_lasting(tracks: MotRows) -> MotRows:
    """Return the tracks that SiamMOT's published evaluation does not leave out as short."""
    if not len(tracks):
        return tracks
    ids = lasting(tracks, {name: name for name in tracks.ids.tolist()}, LASTING, 0.0)
    return tracks[np.isin(tracks.ids, list(ids))]


def at_shift(
        args: argparse.Namespace, shift: float, networks: Mapping[str, SharedRcnn],
        settings: Mapping[str, Settings], bar: Any) -> list[Row]:
    """Run and score all rows at one median shift, all seeds together."""
    every: dict[str, list[scoring.Raw]] = {name: [] for name in (*settings, TRUTH)}
    long: dict[str, list[scoring.Raw]] = {name: [] for name in every}
    pairs = {name: np.zeros((2, len(EDGES)), np.int64) for name in every}
    ms: dict[str, list[float]] = {name: [] for name in settings}
    seeing: list[float] = []
    shifts: list[float] = []
    for seed in args.seeds:
        scene = street(args, seed).at_shift(shift)

        def clip(scene: DrivingScene = scene) -> Iterator[tuple[Frame, SyntheticTruth]]:
            for shown in frames(scene, RATE, args.frames):
                yield shown
                bar.update()

        truths, running, spent = courses(networks, settings, clip())
        seeing += spent
        shifts += np.concatenate(
            [apparent_shift(*pair) for pair in itertools.pairwise(truths)]).tolist()
        found = {name: course.rows for name, course in running.items()}
        truth = rows_of(truths, VISIBLE)[0]
        found[TRUTH] = truth[truth.values > 0]
        for name, tracks in found.items():
            every[name].append(raw_scores(truths, tracks, args.size, RATE))
            long[name].append(raw_scores(truths, only_lasting(tracks), args.size, RATE))
            pairs[name] += continued(truths, tracks)
        for name, course in running.items():
            ms[name] += course.ms
    return [{
        'row': name, 'shift': shift, 'measured shift': float(np.median(shifts)),
        **columns(every[name]),
        **{f'lasting {column}': value for column, value in columns(long[name]).items()},
        'continued': float(pairs[name][0].sum() / max(1, pairs[name][1].sum())),
        'kept by bin': pairs[name][0].tolist(), 'of by bin': pairs[name][1].tolist(),
        'ms': float(np.mean(ms[name])) if name in ms else 0.0,
        'network ms': float(np.median(seeing))} for name in every]


def columns(raw: Sequence[scoring.Raw]) -> Row:
    """Return the columns of table 1 for several clips together."""
    found = scoring.figures(scoring.combine(raw))
    return {'MOTA': found['MOTA'], 'IDF1': found['IDF1'], 'FP': found['FP'], 'FN': found['FN'],
            'IDsw': found['switches'], 'truth boxes': found['truth boxes']}


def by_bin(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Return the share of those who are continued by row and bin; NaN where nobody moves so."""
    totals: dict[str, Any] = {}
    for row in rows:
        both = np.array([row['kept by bin'], row['of by bin']])
        totals[row['row']] = totals.get(row['row'], 0) + both
    return {name: [kept / of if of else float('nan') for kept, of in both.T.tolist()]
            for name, both in totals.items() if name != TRUTH}


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw MOTA and IDF1 over the median shift, and who is continued over their own."""
    import matplotlib.figure

    figure = matplotlib.figure.Figure(figsize=(15, 5.2), layout='constrained')
    panels = figure.subplots(1, 3)
    names = [name for name in dict.fromkeys(row['row'] for row in rows) if name != TRUTH]
    for panel, column in zip(panels, ('MOTA', 'IDF1'), strict=False):
        for name in names:
            mine = [row for row in rows if row['row'] == name]
            panel.plot([row['shift'] for row in mine], [row[column] for row in mine],
                       marker='.', color=COLOURS[name], label=name,
                       linestyle='--' if name in OURS else '-')
        panel.set(title=column, xlabel='median shift, box widths per frame')
        panel.set_ylim(min(0, panel.get_ylim()[0]), 1.02)
    # the last bin has no upper end
    centres = [*((low + high) / 2 for low, high in itertools.pairwise(EDGES)), EDGES[-1] + 0.15]
    for name, shares in by_bin(rows).items():
        panels[2].plot(centres, shares, marker='.', color=COLOURS[name],
                       linestyle='--' if name in OURS else '-')
    panels[2].set(title='tracks continued into the next frame', ylim=(0, 1.02),
                  xlabel='shift of the person, box widths per frame')
    for place, name in ((0.5, 'r = 2 ends'), (1.0, 'r = 3 ends')):
        panels[2].axvline(place, color='grey', linewidth=0.8)
        panels[2].text(place - 0.07, 0.02, name, color='grey', rotation=90)
    for panel in panels:
        panel.grid(alpha=0.3)
    figure.legend(*panels[0].get_legend_handles_labels(), loc='outside lower center', ncols=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def print_tables(rows: Sequence[Row], at: float) -> None:
    """Write the curves as tables, then table 1 at the shift nearest to `at`."""
    names = list(dict.fromkeys(row['row'] for row in rows))
    shifts = list(dict.fromkeys(row['shift'] for row in rows))
    known = {(row['row'], row['shift']): row for row in rows}
    for column in ('MOTA', 'IDF1', 'continued', 'lasting MOTA', 'lasting IDF1'):
        shown = names if column.startswith('lasting') else [n for n in names if n != TRUTH]
        sys.stdout.write('\n' + markdown_table([
            [column, *(f'{shift:g}' for shift in shifts)],
            *([name, *(f'{known[name, shift][column]:.3f}' for shift in shifts)]
              for name in shown)]))
    sys.stdout.write('\ncontinued, by the shift of the person\n\n' + markdown_table([
        ['from', *(f'{edge:g}' for edge in EDGES)],
        *([name, *(f'{share:.2f}' for share in shares)]
          for name, shares in by_bin(rows).items())]))
    near = min(shifts, key=lambda shift: abs(shift - at))
    scores = ('MOTA', 'IDF1', 'FP', 'FN', 'IDsw')
    columns_ = ('row', 'ms', *scores, *(f'lasting {name}' for name in scores))
    sys.stdout.write(f'\ntable 1, at a median shift of {near:g}\n\n' + table_of_rows(
        [known[name, near] for name in names], 3, {'ms': '.1f'}, columns_))


def settings_of_rows(args: argparse.Namespace) -> dict[str, Settings]:
    """Return the settings of each row; that of IMM only where there are weights of it."""
    common = {
        'rcnn.amodal': True, 'rcnn.short_side': args.short_side, 'rcnn.long_side': 4096,
        'device': args.device, **settings_of(args.changes)}
    return {name: build(Settings, {
        **changes, **common, 'rcnn.weights': args.imm if name == IMM_ROW else args.weights})
        for name, changes in ROWS.items() if name != IMM_ROW or args.imm}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, RESULTS / 'driving_sweep.json')
    parser.add_argument('--weights', default='siammot-small',
                        help='name or file of a network with EMM (siammot-small)')
    parser.add_argument('--imm', default='', help='name or file of one with IMM')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda')
    add_settings(parser)
    parser.add_argument('--cutouts', type=Path, action='append', default=[], metavar='DIR',
                        help='people, see mot_ros compose; drawn figures by default')
    parser.add_argument('--backgrounds', type=Path, action='append', default=[], metavar='DIR',
                        help='houses, see mot_ros compose; drawn ones by default')
    parser.add_argument('--look', choices=tuple(LOOKS), default='clear',
                        help='clear images, or blurred, noisy ones at dusk (clear)')
    parser.add_argument('--shifts', default=SHIFTS, help=f'median shifts ({SHIFTS})')
    parser.add_argument('--seeds', default=SEEDS, help=f'streets ({SEEDS})')
    parser.add_argument('--frames', type=int, default=50, help='of each clip (50)')
    parser.add_argument('--size', default='1280x384', help='of the images (1280x384)')
    parser.add_argument('--short-side', type=int, default=384,
                        help='rcnn.short_side: height of what the network sees (384)')
    parser.add_argument('--people', type=float, default=40.0, help='in 100 m of street (40)')
    parser.add_argument('--smallest', type=float, default=0.15,
                        help='height of the farthest people, part of that of the image (.15)')
    parser.add_argument('--table', type=float, default=0.6, metavar='SHIFT',
                        help='shift of the table that is like table 1 (.6)')
    parser.add_argument('--png', type=Path, default=RESULTS / 'driving_sweep.png',
                        help='drawing (benchmarks/results/driving_sweep.png)')
    args = parser.parse_args(argv)
    try:
        args.shifts, args.seeds = numbers(args.shifts, float), numbers(args.seeds, int)
        args.size = size_of(args.size)
    except ValueError as error:
        parser.error(f'--shifts, --seeds and --size are lists of numbers: {error}')
    require(parser, args, 2, 'frames')
    if min(args.seeds) < 0:
        parser.error(f'--seeds is {args.seeds}; none may be negative')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, draw, write."""
    args = parse(argv)

    def work() -> None:
        settings = settings_of_rows(args)
        loaded = {file: SharedRcnn(make_network(each)) for file, each in {
            each.rcnn.weights: each for each in settings.values()}.items()}
        networks = {name: loaded[each.rcnn.weights] for name, each in settings.items()}
        rows: list[Row] = []
        total = len(args.shifts) * len(args.seeds) * args.frames
        with tqdm(total=total, unit='frame', mininterval=1) as bar:
            for shift in args.shifts:
                bar.set_description(f'shift {shift:g}')
                rows += at_shift(args, shift, networks, settings, bar)
        checksums = {file: weights.digest(file) for file in loaded}
        print_tables(rows, args.table)
        draw(rows, args.png)
        write_result(args.json, {
            'benchmark': 'driving', 'rows': rows, 'edges': EDGES, 'rate': RATE,
            'settings': {name: ROWS[name] for name in settings}, 'changes': args.changes,
            'seeds': args.seeds, 'frames': args.frames, 'size': args.size,
            'short_side': args.short_side, 'look': args.look, 'people': args.people,
            'smallest': args.smallest,
            'cutouts': [folder.name for folder in args.cutouts] or 'drawn figures',
            'backgrounds': [folder.name for folder in args.backgrounds] or 'drawn houses',
            'sha256': {Path(file).name: checksum for file, checksum in checksums.items()},
        }, **with_torch(), device=args.device)
        sys.stdout.write(f'wrote {args.png}\n')

    return finish('driving.py', work)


if __name__ == '__main__':
    sys.exit(main())
