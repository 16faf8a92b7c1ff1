# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
How well detectors find people, by scene and by the height of the person.

A detection is right that overlaps a person by an IoU of .5. `AP@.5` and `AP@.75` are the areas
under the curve of precision over recall. `precision` and `recall` are those at the one threshold:
`--score`, which is a probability, or `--raw-score` for detectors without a calibration.
`recall@P.85` is that where precision reaches .85, at the score beside it. Heights are parts of the
image's height; bins of a scene with fewer than 100 boxes appear only in `all`, which joins the
scenes that no training has seen; brackets are 90 % intervals by bootstrap over people. All
detectors look at each frame in turn, on one thread; `ms` is the median of their times. Scenes
whose truth is one person of several have no precision. Missing scenes are left out with a word.
Prints tables; writes JSON and, with `--png`, the table of heights as a plot.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import math
from pathlib import Path
import sys
import time
from typing import Any

import _start  # noqa: F401 - must come before torch
import cv2
import numpy as np
import torch
from tqdm import tqdm

from mot_ros.benchmarking.markdown import markdown_table, table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.data.datasets.mot import MotRows
from mot_ros.evaluation.detection_matches import (
    DetectionMatches,
    EDGES,
    match,
    pooled,
    recall_interval,
)
from mot_ros.evaluation.detection_scenes import annotated, DetectionScene, sequence
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.params_file import parse_assignment
from mot_ros.tracking.config.schema import build, catalogue, flatten
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.wrappers.calibrated import CalibratedDetector
from mot_ros.tracking.errors import MotError
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.types import Detections
from mot_ros.tracking.weights import store as weights

ROOT = Path(__file__).resolve().parent.parent
DETECTORS: dict[str, dict[str, Any]] = {
    'ssd-1024x768': {'detector.type': 'ssd'},
    'ssd-512x384': {'detector.type': 'ssd', 'detector.width': 512, 'detector.height': 384},
    'rcnn': {'detector.type': 'rcnn'},
    'nanodet-384': {'detector.type': 'nanodet', 'detector.second_scale': 0.0},
    'nanodet': {'detector.type': 'nanodet'},
}
"""Settings of the detectors compared, by name."""
FLOOR = {'detector.score_floor': 0.01, 'rcnn.score_floor': 0.01}
"""So that curves do not end early."""
BIN_NAMES = ('< .12', '.12-.25', '.25-.45', '.45-.7', '> .7')
FEWEST, FEWEST_POOLED = 100, 10
"""Boxes of which a bin of one scene, and of all together, must have."""
PRECISION = 0.85


@dataclass
class Run:
    """What one detector found in one scene."""

    found: list[tuple[int, Detections]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def measure(self, scene: DetectionScene, heights: Mapping[int, int]) -> list[DetectionMatches]:
        """Return the matches at an IoU of .5 and of .75."""
        truth = scene.truth[np.isin(scene.truth.frames, list(heights))]
        rows = MotRows.of_detections(self.found)
        return [match(truth, rows, heights.__getitem__, iou) for iou in (.5, .75)]


def known_scenes(data: Path, video: Path, thin: int) -> list[DetectionScene]:
    """Return the scenes that are there, with every `thin`th of the frames that they have here."""
    adl, prw = data / 'mot15_images/ADL-Rundle-6', data / 'prw_cam6'
    wanted = [('PETS', video, data / 'mot15/PETS09-S2L1', 2, True),
              ('ADL-6', adl / 'img1', adl, 3, True), ('PRW-6', prw / 'img1', prw, 1, True)]
    for clip in ('DAVIS-dance-twirl', 'DAVIS-parkour'):
        folder = data / 'davis' / clip
        wanted.append((clip, folder / 'img1', folder, 1, False))
    scenes = []
    for name, images, truth, every, whole in wanted:
        if images.exists() and (truth / 'gt/gt.txt').is_file():
            scenes.append(sequence(name, images, truth / 'gt/gt.txt', every * thin, whole=whole))
        else:
            sys.stderr.write(f'detection.py: {name} is left out: {images} is not there\n')
    for name in ('PennFudanPed', 'coco128_train'):
        if (data / name).is_dir():
            scenes.append(annotated(str(data / name), seen=True))
    return scenes


def look(detectors: Mapping[str, Detector], scene: DetectionScene) -> tuple[
        dict[str, Run], dict[int, int]]:
    """Run all detectors on each frame of a scene; return what they found, and image heights."""
    runs, heights = {name: Run() for name in detectors}, {}
    for number, frame in tqdm(
            scene.frames(), desc=scene.name, leave=False, disable=None):
        heights[number] = frame.size[1]
        for name, detector in detectors.items():
            start = time.perf_counter()
            runs[name].found.append((number, detector.detect([frame])[0]))
            runs[name].times.append(time.perf_counter() - start)
    return runs, heights


def row_of(
        scene: DetectionScene, name: str, half: DetectionMatches, tight: DetectionMatches,
        ms: float, score: float) -> dict[
            str, Any]:
    """Return one row of the table of scenes."""
    least = half.score_at(PRECISION)
    whole = scene.whole
    nothing = float('nan')
    return {
        'scene': scene.name + (' (seen)' if scene.seen else ''), 'detector': name,
        'people': len(half.found),
        'AP@.5': half.average_precision() if whole else nothing,
        'AP@.75': tight.average_precision() if whole else nothing,
        'precision': half.precision(score) if whole else nothing, 'recall': half.recall(score),
        'recall@P.85': half.recall(least) if whole else nothing,
        'at score': least if whole else nothing, 'ms': ms * 1000}


def bins_of(
        scene: str, name: str, parts: Sequence[
            tuple[DetectionMatches, float]], fewest: int) -> dict[
            str, Any]:
    """Return the recall of every bin of height, each part at its own least score."""
    joined = pooled([matches for matches, _ in parts])
    hits = np.concatenate([matches.found >= max(least, 0) for matches, least in parts])
    cells: dict[str, Any] = {'scene': scene, 'detector': name}
    for level in range(len(EDGES)):
        chosen = joined.people_of(level)
        if chosen.sum() < fewest:
            cells[BIN_NAMES[level]] = None
            continue
        low, high = recall_interval(joined.ids[chosen], hits[chosen])
        cells[BIN_NAMES[level]] = {
            'boxes': int(chosen.sum()), 'recall': float(hits[chosen].mean()), 'low': low,
            'high': high}
    return cells


def all_bins(
        measured: Mapping[tuple[str, str], DetectionMatches], scenes: Sequence[DetectionScene],
        scores: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """Return the rows of bins at scores by detector, None: where precision reaches PRECISION."""
    rows = []
    for name, score in scores.items():
        scored = [scene for scene in scenes if score is not None or scene.whole]
        parts = {scene.name: (measured[scene.name, name], (
            measured[scene.name, name].score_at(PRECISION) if score is None else score))
            for scene in scored}
        rows += [bins_of(scene.name, name, [parts[scene.name]], FEWEST) for scene in scored]
        unseen = [parts[scene.name] for scene in scored if not scene.seen]
        if unseen:
            rows.append(bins_of('all', name, unseen, FEWEST_POOLED))
    return sorted(rows, key=lambda row: row['scene'] == 'all')


def table_of_bins(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of bins as a table, those without any number left out."""
    lines = [['scene', 'detector', *BIN_NAMES]]
    for row in rows:
        cells = [row[name] for name in BIN_NAMES]
        if any(cells):
            lines.append([row['scene'], row['detector'], *(
                f'{cell["recall"]:.2f} [{cell["low"]:.2f} {cell["high"]:.2f}] of {cell["boxes"]}'
                if cell else '-' for cell in cells)])
    return markdown_table(lines)


def draw(rows: Sequence[Mapping[str, Any]], title: str, path: Path) -> None:
    """Draw the bins of all scenes together into an image file."""
    import matplotlib.figure

    figure = matplotlib.figure.Figure(figsize=(8, 4.5), layout='constrained')
    panel = figure.subplots()
    rows = [row for row in rows if row['scene'] == 'all']
    for number, row in enumerate(rows):
        there = [level for level, name in enumerate(BIN_NAMES) if row[name]]
        cells = [row[BIN_NAMES[level]] for level in there]
        recalls = [cell['recall'] for cell in cells]
        panel.errorbar(
            [level + 0.12 * (number - (len(rows) - 1) / 2) for level in there], recalls,
            yerr=[[max(0, cell['recall'] - cell['low']) for cell in cells],
                  [max(0, cell['high'] - cell['recall']) for cell in cells]],
            marker='o', capsize=3, linestyle='none', label=row['detector'])
    panel.set(
        xticks=range(len(BIN_NAMES)), xticklabels=BIN_NAMES, ylim=(0, 1.02), title=title,
        xlabel='height of the person, as a part of the height of the image', ylabel='recall')
    panel.grid(axis='y', alpha=0.3)
    panel.legend(fontsize='small', loc='lower left')
    figure.savefig(path, dpi=100)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; `detectors` of the result are settings by name."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--detector', action='append', default=[], choices=DETECTORS,
                        help='one to measure; may be repeated (all)')
    parser.add_argument('--set', dest='changes', action='append', default=[],
                        metavar='NAME=VALUE', help='settings of one more detector, `given`, such '
                        'as detector.weights=FILE; may be repeated')
    parser.add_argument('--data', type=Path, default=ROOT.parent / 'shared/data',
                        help='folder of the known scenes; an empty folder leaves them out')
    parser.add_argument('--video', type=Path, default=(
        weights.cache_root().parent / 'videos' / 'vtest.avi'), help='the images of PETS')
    parser.add_argument('--sequence', action='append', type=Path, default=[], metavar='FOLDER',
                        help='one more scene in the layout of MOTChallenge; may be repeated')
    parser.add_argument('--images', action='append', default=[], metavar='PATH',
                        help='annotated images as one more scene; may be repeated')
    parser.add_argument('--hold-out', type=int, default=0, metavar='N',
                        help='of --images only every Nth, as a training leaves them out (all)')
    parser.add_argument('--thin', type=int, default=1, metavar='N',
                        help='look at every Nth only of the frames of sequences (1)')
    parser.add_argument('--score', type=float, default=0.3,
                        help='the one threshold of calibrated scores (0.3)')
    parser.add_argument('--raw-score', type=float, default=0.5,
                        help='the same of detectors whose scores are not calibrated (0.5)')
    parser.add_argument('--json', type=Path, default=Path('detection.json'),
                        help='result (detection.json)')
    parser.add_argument('--png', type=Path, help='plot of the recall by height; needs matplotlib')
    args = parser.parse_args(argv)
    known = catalogue(Settings, next(iter(Settings.presets)))
    given = dict(parse_assignment(text, known) for text in args.changes)
    names = args.detector or ([] if given else list(DETECTORS))
    chosen = {name: DETECTORS[name] for name in names} | ({'given': given} if given else {})
    args.detectors = {name: build(Settings, FLOOR | changes) for name, changes in chosen.items()}
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    try:
        args = parse(argv)
        scenes = known_scenes(args.data, args.video, args.thin)
        scenes += [sequence(path.name, path, path / 'gt/gt.txt', args.thin)
                   for path in args.sequence]
        scenes += [annotated(root, args.hold_out) for root in args.images]
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        detectors = {name: make_detector(one) for name, one in args.detectors.items()}
        scores = {name: args.score if isinstance(one, CalibratedDetector) else args.raw_score
                  for name, one in detectors.items()}
        rows, measured = [], {}
        for scene in scenes:
            runs, heights = look(detectors, scene)
            for name, run in runs.items():
                half, tight = run.measure(scene, heights)
                measured[scene.name, name] = half
                rows.append(row_of(
                    scene, name, half, tight, float(np.median(run.times)), scores[name]))
        if not rows:
            raise MotError('there is no scene; give --data, --sequence or --images')
    except MotError as error:
        sys.stderr.write(f'detection.py: error: {error}\n')
        return 2
    except KeyboardInterrupt:
        return 130
    bins = {'at score': all_bins(measured, scenes, scores),
            'at precision': all_bins(measured, scenes, dict.fromkeys(scores))}
    shown = [{key: '-' if value != value else value for key, value in row.items()}
             for row in rows]
    sys.stdout.write(table_of_rows(shown, 3))
    for title, part in zip(
            ('the one threshold', f'precision {PRECISION}'), bins.values(), strict=True):
        sys.stdout.write(f'\nRecall by height at {title}:\n\n{table_of_bins(part)}')
    if args.png:
        draw(bins['at score'], 'Recall at the one threshold', args.png)
    write_result(args.json, {
        'benchmark': 'detection', 'scores': scores, 'thin': args.thin,
        'rows': [{key: None if isinstance(value, float) and not math.isfinite(value) else value
                  for key, value in row.items()} for row in rows],
        'bins': bins,
        'settings': {name: flatten(one) for name, one in args.detectors.items()}})
    return 0


if __name__ == '__main__':
    sys.exit(main())
