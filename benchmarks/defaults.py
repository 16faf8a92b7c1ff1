# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
How one set of defaults does on every scene, and on a scene that it was not chosen on.

    python benchmarks/defaults.py --methods smiletrack --high .3,.4,.5 --low .05,.1 --new .7,.8

Every candidate, a method with its thresholds, tracks every scene at several frame rates: PETS and
ADL-Rundle-6 with the images and the default detector, which looks at each frame once, and the
sequences of --public with their public detections and no image. Detections are disturbed
(`--runs` times: edges by 1 % of the side, scores by .01, both 1 sigma, 1 % dropped), and the mean
of the runs counts. With `--appearance colour,slm:slm-small,both:FILE` the candidates are each
method with these embeddings (and weights) instead. The goal of a scene is the mean of HOTA, MOTA
and IDF1 over its frame rates.

`goal` is the mean over scenes, `regret` what the candidate loses on its worst scene against the
best candidate there, `chance` the standard deviation of a run, mean over scenes. The second table
leaves one scene out: the candidate that is best on the others, and what it gives there. Prints
both and writes JSON with the figures of every run.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
import dataclasses
from dataclasses import dataclass
import itertools
from pathlib import Path
import sys
import tempfile
from typing import Any

import _start  # noqa: F401 - must come before torch
import numpy as np
from tqdm import tqdm

from mot_ros.benchmarking.disturbed import disturbed
from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import add_pets, DATA, finish, make_parser, numbers, require
from mot_ros.data.datasets.mot import MotRows, MotWriter, read_tracks, read_truth
from mot_ros.data.datasets.mot_folder import read_sequence, sequence_folders
from mot_ros.data.video.frames import open_source
from mot_ros.evaluation.runner import Run, timed
from mot_ros.evaluation.scores.metrics import score
from mot_ros.tracking.config import METHODS, Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.wrappers.recorded import RecordedDetections
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.sequence import SequenceGuard
from mot_ros.tracking.types import Detections, Frame

FLOOR = 0.02
"""Least score of detections; the lowest threshold that a candidate may have."""
FIGURES = ('HOTA', 'MOTA', 'IDF1')
NOISE = {'edges': 0.01, 'scores': 0.01, 'dropped': 0.01}


@dataclass(frozen=True)
class Scene:
    """Frames, the people and the detections on them, numbered from 1, at some frame rates."""

    name: str
    frames: Sequence[Frame]
    truth: MotRows
    found: MotRows
    """Detections; the scores are in `values`."""
    every: Sequence[int] = (1,)
    """Each run takes one frame in so many."""
    blind: bool = False
    """Whether there are detections alone, and no images."""


def scene_with_images(
        name: str, images: Path, truth: Path, rate: float, every: Sequence[int]) -> Scene:
    """Run the default detector over a video or a folder of images."""
    settings = build(Settings, {'detector.score_floor': FLOOR})
    detector = make_detector(settings)
    frames, found = [], []
    for number, frame in enumerate(tqdm(open_source(images, rate), desc=name, leave=False), 1):
        found.append((number, detector.detect([frame])[0]))
        frames.append(Frame.of(frame.require_image(''), number / rate))
    return Scene(
        name, frames, read_truth(truth / 'gt/gt.txt'), MotRows.of_detections(found), every)


def public_scene(folder: Path) -> Scene:
    """Read a sequence with public detections, without its images."""
    sequence = read_sequence(folder)
    if sequence.public is None:
        raise SourceError(f'{folder} has no det/det.txt')
    frames = [Frame(None, number / sequence.rate, sequence.size)
              for number in range(1, sequence.length + 1)]
    return Scene(
        f'{folder.name} (public)', frames, sequence.truth, sequence.public(), blind=True)


def known_scenes(args: argparse.Namespace) -> list[Scene]:
    """Return the scenes that are there; a missing one is left out with a word."""
    scenes = []
    pets, adl = args.truth.parent.parent, args.data / 'mot15_images/ADL-Rundle-6'
    wanted = [('PETS', args.video, pets, 7.0, (1, 2)),
              ('ADL-6', adl / 'img1', adl, 30.0, (1, 2, 4))]
    for name, images, truth, rate, every in wanted:
        if images.exists() and (truth / 'gt/gt.txt').is_file():
            scenes.append(scene_with_images(name, images, truth, rate, every))
        else:
            sys.stderr.write(f'defaults.py: {name} is left out: {images} is not there\n')
    if args.public:
        scenes += [public_scene(folder) for folder in sequence_folders(args.public)]
    if not scenes:
        raise SourceError(f'there is no scene: {args.data} has none, and --public names none')
    return scenes


def thinned(rows: MotRows, every: int) -> MotRows:
    """Return the rows of every so many frames, numbered anew from 1."""
    kept: MotRows = rows[(rows.frames - 1) % every == 0]
    return dataclasses.replace(kept, frames=(kept.frames - 1) // every + 1)


def track(
        scene: Scene, every: int, seed: int, changes: Mapping[str, Any], file: Path
        ) -> dict[str, float]:
    """Return the figures of one run on disturbed detections."""
    frames = scene.frames[::every]
    found = thinned(disturbed(scene.found, seed, **NOISE), every)
    by_stamp = {}
    for number, frame in enumerate(frames, 1):
        here = found[found.frames == number]
        here = here[np.argsort(-here.values, kind='stable')]
        by_stamp[frame.stamp] = Detections(
            here.boxes.astype(np.float32), here.values.astype(np.float32),
            np.zeros(len(here), np.int64))
    blind = {'detector.type': 'external'} if scene.blind else {}
    settings = build(Settings, {**blind, 'detector.score_floor': FLOOR, **changes})
    detector = timed(RecordedDetections(by_stamp, ('person',)))
    numbered = {frame.stamp: number for number, frame in enumerate(frames, 1)}
    with MotWriter(file) as writer:
        for step in Run(
                frames, make_tracker(settings, detector), detector,
                SequenceGuard(settings.sequence), lambda frame: numbered[frame.stamp]):
            writer.write(step.index, step.tracks, step.frame.size)
    result = score(thinned(scene.truth, every), read_tracks(file))
    return {'HOTA': result.hota, 'MOTA': result.mota, 'IDF1': result.idf1}


def candidates(args: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the settings of every candidate by name; the defaults of each method come first."""
    for method, text in itertools.product(args.methods, args.appearance):
        kind, _, weights = text.partition(':')
        yield f'{method} {text}', {
            'method': method, 'appearance.type': kind,
            **({'appearance.weights': weights} if weights else {})}
    for method in () if args.appearance else args.methods:
        yield f'{method} as it is', {'method': method}
        grid = itertools.product(args.high, args.low, args.new)
        for high, low, new in (values for values in grid if sorted(values) == [
                values[1], values[0], values[2]]):
            yield f'{method} {high:g} / {low:g} / {new:g}', {
                'method': method, f'{method}.track_high_thresh': high,
                f'{method}.track_low_thresh': low, f'{method}.new_track_thresh': new}


def measure(scenes: Sequence[Scene], args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return one row per run of every candidate."""
    rows = []
    todo = [(name, changes, scene, every, seed) for name, changes in candidates(args)
            for scene in scenes for every in scene.every for seed in range(args.runs)]
    with tempfile.TemporaryDirectory() as scratch:
        for name, changes, scene, every, seed in tqdm(todo, desc='runs'):
            rows.append({
                'candidate': name, 'scene': scene.name, 'every': every, 'seed': seed,
                **track(scene, every, seed, changes, Path(scratch) / 'tracks.txt')})
    return rows


def goals(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return, by candidate and scene, the mean of the figures over runs and frame rates."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        found.setdefault(row['candidate'], {}).setdefault(row['scene'], []).append(
            float(np.mean([row[name] for name in FIGURES])))
    return {name: {scene: float(np.mean(values)) for scene, values in by_scene.items()}
            for name, by_scene in found.items()}


def table_of_candidates(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per candidate, best first."""
    found = goals(rows)
    scenes = list(dict.fromkeys(row['scene'] for row in rows))
    best = {scene: max(by_scene[scene] for by_scene in found.values()) for scene in scenes}
    table = []
    for name, by_scene in found.items():
        mine = [row for row in rows if row['candidate'] == name]
        spreads = [np.std([np.mean([row[figure] for figure in FIGURES]) for row in group])
                   for group in _grouped(mine)]
        table.append({
            'candidate': name, 'goal': float(np.mean(list(by_scene.values()))),
            'regret': max(best[scene] - value for scene, value in by_scene.items()),
            'chance': float(np.mean(spreads)),
            **{scene: figures_of([row for row in mine if row['scene'] == scene])
               for scene in scenes}})
    return sorted(table, key=lambda row: -row['goal'])


def figures_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the mean figures of runs as a text."""
    return ' / '.join(f'{np.mean([row[name] for row in rows]):.3f}' for name in FIGURES)


def _grouped(rows: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return the runs of each scene and frame rate."""
    groups: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row['scene'], row['every']), []).append(row)
    return list(groups.values())


def leave_one_out(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return, for each scene, what the candidate gives there that is best on the others."""
    found = goals(rows)
    scenes = list(dict.fromkeys(row['scene'] for row in rows))
    table = []
    for scene in scenes if len(scenes) > 1 else ():
        chosen = max(found, key=lambda name: np.mean(
            [found[name][other] for other in scenes if other != scene]))
        best = max(found, key=lambda name: found[name][scene])
        table.append({
            'left out': scene, 'chosen on the others': chosen, 'goal': found[chosen][scene],
            'best there': best, 'its goal': found[best][scene],
            'regret': found[best][scene] - found[chosen][scene]})
    return table


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, 'defaults.json')
    add_pets(parser)
    parser.add_argument('--data', type=Path, default=DATA, help='folder of the known scenes')
    parser.add_argument('--public', type=Path, metavar='FOLDER',
                        help='MOTChallenge sequences with det/det.txt, tracked without images')
    parser.add_argument('--methods', default=METHODS[0], help=f'tracking methods ({METHODS[0]})')
    for name, default in (('high', '.4'), ('low', '.05'), ('new', '.7')):
        parser.add_argument(f'--{name}', default=default, metavar='P,P',
                            help=f'values of the threshold ({default})')
    parser.add_argument('--appearance', default='', metavar='TYPE[:W],...',
                        help='embeddings to compare, with the weights of each')
    parser.add_argument('--runs', type=int, default=3, metavar='N',
                        help='runs on disturbed detections (3)')
    args = parser.parse_args(argv)
    require(parser, args, 1, 'runs')
    args.methods = args.methods.split(',')
    args.appearance = args.appearance.split(',') if args.appearance else []
    try:
        for name in ('high', 'low', 'new'):
            setattr(args, name, numbers(getattr(args, name), float))
    except ValueError as error:
        parser.error(f'a threshold is no number: {error}')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    args = parse(argv)

    def work() -> None:
        rows = measure(known_scenes(args), args)
        for table in (table_of_candidates(rows), leave_one_out(rows)):
            if table:
                sys.stdout.write(table_of_rows(table, 3) + '\n')
        write_result(args.json, {
            'benchmark': 'defaults', 'noise': NOISE, 'runs': args.runs,
            'candidates': table_of_candidates(rows), 'leave_one_out': leave_one_out(rows),
            'rows': rows})

    return finish('defaults.py', work)


if __name__ == '__main__':
    sys.exit(main())
