# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""`mot_ros evaluate`: methods and ready results over annotated sequences, with a report."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
import contextlib
from pathlib import Path
import sys
import time
from typing import Any, TYPE_CHECKING

from mot_ros.commands import places, say, setting_options
from mot_ros.tracking.config import BOX_METHODS, METHODS, Settings
from mot_ros.tracking.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from mot_ros.evaluation.job import Job, Outcome
    from mot_ros.evaluation.options import Options
    from mot_ros.evaluation.report.summary import Document
    from mot_ros.evaluation.resume import Kept

FAILED = 1
"""Exit status when a sequence could not be scored."""
PRINTED = ('HOTA', 'DetA', 'AssA', 'MOTA', 'IDF1', 'precision', 'recall', 'F1', 'switches',
           'transfers', 'fragments', 'FP', 'FN', 'mostly tracked', 'mostly lost')


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        '-o', '--output', type=Path, required=True, metavar='FOLDER',
        help='where report.html, report.json, report.csv, timings.json and tracks/ go')
    places.add(parser)
    what = parser.add_argument_group('what to score')
    what.add_argument(
        '--methods', metavar='M,M', help=f'tracking methods: {",".join(METHODS)} (all; with '
        'detections given, those that need no images)')
    what.add_argument(
        '--tracks', action='append', default=[], metavar='[NAME=]PATH',
        help="a ready result: a text file in MOTChallenge's or KITTI's columns, a folder with "
        "SEQUENCE.txt, or TAO's list of results (.json); may be repeated")
    what.add_argument(
        '--detections', default='own', metavar='D',
        help='own (the detector of the settings), public (det/det.txt, or the topic of a bag '
        'beside the truth), a det.txt, or a folder with SEQUENCE.txt (own)')
    setting_options.add(what, params=False)
    what.add_argument(
        '--amodal', action='store_true',
        help='do not cut tracks to the image, neither in scoring nor in Faster R-CNN '
        '(rcnn.amodal, unless set): MOT17 and CRP annotate whole people')
    frames = parser.add_argument_group(
        'which frames', 'Frames that are not processed are not scored.')
    frames.add_argument('--frames', type=int, metavar='N', help='only the first N frames')
    frames.add_argument(
        '--fps', type=float, metavar='F',
        help='a lower frame rate in Hz: every k-th frame by time')
    frames.add_argument(
        '--drop', type=float, default=0.0, metavar='P',
        help='leave out each frame with this probability (0)')
    frames.add_argument('--seed', type=int, default=0, metavar='N', help='of --drop (0)')
    frames.add_argument(
        '--sparse', action='store_true',
        help='score only frames that the truth has a box in, as where every tenth was annotated')
    how = parser.add_argument_group('how')
    how.add_argument(
        '--iou', type=float, default=0.5, metavar='F',
        help='least overlap of a match in CLEAR and Identity (0.5)')
    where = how.add_mutually_exclusive_group()
    where.add_argument('--jobs', type=int, default=1, metavar='N', help='processes (1)')
    where.add_argument(
        '--scheduler', metavar='ADDRESS',
        help='a Dask scheduler that you trust, such as tcp://host:8786; it and its workers '
        '(--nthreads 1) have the same mot_ros, and workers see the same files at the same places '
        'on a shared file system; local:N starts N workers here')
    how.add_argument(
        '--fresh', action='store_true',
        help='do everything anew; without, sequences that an earlier start with the same options '
        'finished before it was broken off are taken over')
    how.add_argument(
        '--compare', type=Path, metavar='FILE', help='report.json of an earlier evaluation')
    parser.set_defaults(run=_evaluate)


def _evaluate(args: argparse.Namespace) -> int:
    with contextlib.ExitStack() as stack:
        return _evaluate_in(args, stack)


def _evaluate_in(args: argparse.Namespace, stack: contextlib.ExitStack) -> int:
    """Evaluate; the stack holds the lock of the output folder."""
    start = time.perf_counter()
    from mot_ros.evaluation.options import Options
    from mot_ros.evaluation.report.html import render
    from mot_ros.evaluation.report.summary import (
        as_csv,
        as_json,
        compare,
        document,
        load,
        overhead,
        timings,
    )
    from mot_ros.evaluation.resume import Kept
    from mot_ros.tracking.runtime.output_file import locked_folder, write_text

    if args.jobs < 1:
        raise ConfigError(f'jobs is {args.jobs}; it must be at least 1')
    options = Options(
        detections=args.detections, fps=args.fps, drop=args.drop, seed=args.seed,
        frames=args.frames, iou=args.iou, sparse=args.sparse, amodal=args.amodal)
    runs = _runs(args)
    jobs = _jobs(args, options, runs)
    earlier = load(args.compare) if args.compare else None
    make_folder(args.output)
    stack.enter_context(locked_folder(args.output))
    kept = Kept(args.output, fresh=args.fresh)
    outcomes, inside = _with_progress(jobs, args, kept)
    if kept.taken:
        say(f'{kept.taken} of {len(jobs)} sequences were taken over from an earlier start; '
            '--fresh does them again')
    report = document(outcomes, options, runs)
    times = timings(outcomes)
    comparison = compare(earlier, report) if earlier else None

    def spent() -> dict[str, float]:
        return overhead(outcomes, time.perf_counter() - start - inside)

    texts = {
        'report.json': as_json(report), 'report.csv': as_csv(report, times),
        'report.html': render(
            report, outcomes, times, comparison, str(args.compare or ''), spent()['share'])}
    # the last one, so that it covers the others
    texts['timings.json'] = as_json({'results': times, 'overhead': spent()})
    for name, text in texts.items():
        write_text(args.output / name, text)
    if not any(outcome.error for outcome in outcomes):
        kept.clear()
    sys.stdout.write(table(report, times))
    return complain(outcomes)


def _runs(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return what makes each run: the settings of a method, or {'result': path}."""
    values = setting_options.from_options(args, Settings)
    setting_options.refuse_method(values)
    if args.amodal:
        values.setdefault('rcnn.amodal', True)
    if args.detections != 'own':
        # they may come without images
        values.setdefault('detector.type', 'external')
    methods = args.methods
    if methods is None:
        fitting = METHODS if args.detections == 'own' else BOX_METHODS
        methods = '' if args.tracks else ','.join(fitting)
    runs = setting_options.by_method(places.names(methods), values, Settings)
    for text in args.tracks:
        name, sign, rest = text.partition('=')
        path = Path(rest if sign and not Path(text).exists() else text)
        name = name if path != Path(text) else path.resolve().stem
        if not path.exists():
            raise SourceError(f'{path} does not exist; give a result file or a folder of them')
        if name in runs or not name or '/' in name:
            raise ConfigError(f'{name!r} cannot name another run; give --tracks NAME={path}')
        runs[name] = {'result': str(path)}
    if not runs:
        raise ConfigError('nothing to score; give --methods or --tracks')
    return runs


def _jobs(
        args: argparse.Namespace, options: Options,
        runs: Mapping[str, Mapping[str, Any]]) -> list[Job]:
    """Return one job per sequence; raise before the work if it cannot be done at all."""
    from mot_ros.evaluation.job import Job
    from mot_ros.evaluation.options import OWN, PUBLIC

    chosen = places.chosen(args)
    results = {name: Path(what['result']) for name, what in runs.items() if 'result' in what}
    # a list of results, as for TAO, holds those of every video
    files = [path for path in results.values()
             if path.is_file() and path.suffix.lower() != '.json']
    if options.detections not in (OWN, PUBLIC):
        given = Path(options.detections)
        if not given.exists():
            raise SourceError(
                f'{given} does not exist; detections are own, public, a file or a folder')
        files += [given] if given.is_file() else []
    if files and len(chosen) > 1:
        raise ConfigError(
            f'{files[0]} is one file for {len(chosen)} sequences; choose one with --sequences, '
            'or give a folder with SEQUENCE.txt')
    methods = {run: what for run, what in runs.items() if run not in results}
    return [Job(place, options, methods, results, args.output / 'tracks') for place in chosen]


def make_folder(path: Path) -> None:
    """Make the folder of the report; raise if nothing can be written there."""
    from mot_ros.tracking.runtime.output_file import check_writable

    if not path.exists() and path.parent.is_dir():
        path.mkdir()
    check_writable(path / 'report.json')


def _with_progress(
        jobs: Sequence[Job], args: argparse.Namespace, kept: Kept
        ) -> tuple[list[Outcome], float]:
    """Do the work; return what came of it and how many seconds it took."""
    from tqdm import tqdm

    from mot_ros.evaluation.benchmark import run_all

    interval = 0.2 if sys.stderr.isatty() else 10.0
    with contextlib.closing(tqdm(
            total=len(jobs), unit='sequence', mininterval=interval, leave=False)) as bar:
        start = time.perf_counter()
        outcomes = run_all(jobs, args.jobs, bar.update, scheduler=args.scheduler, kept=kept)
        return outcomes, time.perf_counter() - start


def complain(outcomes: Sequence[Outcome]) -> int:
    """Tell what went wrong; returns the exit status."""
    for outcome in outcomes:
        for text in outcome.warnings:
            say(f'warning: {outcome.run} on {outcome.sequence}: {text}')
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        say(f'error: {outcome.run} on {outcome.sequence}: {outcome.error}')
    return FAILED if failed else 0


def table(report: Document, times: Sequence[Mapping[str, Any]]) -> str:
    """Return the results as text, a row per run and sequence."""
    from mot_ros.evaluation.report.summary import rows, track_fractions

    by_name = {(row['run'], row['sequence']): row for row in times}
    printed = (*PRINTED, *track_fractions(report))
    lines = [['run', 'sequence', 'frames', *printed, 'ms', 'p99']]
    for row in rows(report):
        time = by_name.get((row['run'], row['sequence']), {})
        lines.append([
            row['run'], row['sequence'], str(row['frames']),
            *(_text(row.get(name)) for name in printed),
            *(f'{time[name]:.2f}' if name in time else '-'
              for name in ('tracker_ms_median', 'tracker_ms_p99'))])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ''.join(
        '  '.join(cell.ljust(width) if number < 2 else cell.rjust(width)
                  for number, (cell, width) in enumerate(zip(line, widths, strict=True)))
        + '\n' for line in lines)


def _text(value: float | None) -> str:
    if value is None:
        return '-'
    return f'{value:.3f}' if isinstance(value, float) else str(value)
