# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros replay`: a bag, live through the ROS 2 node, scored beside the offline run."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
import dataclasses
import importlib.util
import json
from pathlib import Path
import shutil
import signal
import subprocess
import sys
from typing import Any, TYPE_CHECKING

from mot_ros import signals
from mot_ros.commands import evaluate, places, reading_options, say, setting_options
from mot_ros.tracking.config import METHODS, NodeSettings, Settings
from mot_ros.tracking.errors import ConfigError, MotError
from mot_ros.with_parent import with_parent

if TYPE_CHECKING:
    from mot_ros.data.bags.topic_selection import BagPlace
    from mot_ros.data.image_reading import ImageReading
    from mot_ros.evaluation.job import Outcome
    from mot_ros.evaluation.options import Options

LIVE = ' (live)'
"""What follows the name of the method in the name of a live run."""
COMMAND = (sys.executable, '-m', 'mot_ros.ros.playback.live_run')
"""The one pass through the node, a process of its own: nothing here needs ROS."""


class LiveError(MotError):
    """A live run that did not come to its end."""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        'bag', type=Path, metavar='BAG',
        help='a rosbag2 (folder, .mcap or .db3) or a .bag of ROS 1')
    parser.add_argument(
        '-o', '--output', type=Path, required=True, metavar='FOLDER',
        help='where report.html, report.json, report.csv, timings.json, tracks/ and live/ go')
    parser.add_argument(
        '--topic', metavar='T', help='topic of the images, where the bag has several')
    reading_options.add(parser)
    truth = parser.add_argument_group(
        'truth', 'Without truth, times and drops are told and nothing is scored.')
    truth.add_argument(
        '--truth', metavar='T',
        help='a Detection2DArray topic of the bag (/truth, else the only one but /detections), '
        'or a MOT text file')
    truth.add_argument(
        '--truth-fps', type=float, metavar='F',
        help='frames per second in a text file of truth (that of the images)')
    truth.add_argument(
        '--tolerance', type=float, metavar='S',
        help='how far in seconds a frame in a text file may be from its image')
    truth.add_argument(
        '--iou', type=float, default=0.5, metavar='F',
        help='least overlap of a match in CLEAR and Identity (0.5)')
    what = parser.add_argument_group('what to run')
    what.add_argument(
        '--methods', metavar='M,M', default=METHODS[0],
        help=f'tracking methods, one after another: {",".join(METHODS)} ({METHODS[0]})')
    what.add_argument(
        '--detections', choices=('own', 'public'), default='own',
        help='own (the detector of the settings), or public: no detector runs, live and offline; '
        'the boxes are those of a Detection2DArray topic (/detections, else the only one beside '
        'the truth) (own)')
    setting_options.add(what, params=True)
    how = parser.add_argument_group('how to play')
    how.add_argument(
        '--rate', type=float, default=1.0, metavar='F',
        help='speed: 2 is twice as fast as recorded (1); 0: as fast as the images are taken')
    how.add_argument(
        '--queue', choices=('latest', 'all'), default='latest',
        help='latest: the newest image wins, as with a camera; all: every image in order, '
        'however long that takes; images that wait are kept in memory (latest)')
    parser.set_defaults(run=_replay)


def _replay(args: argparse.Namespace) -> int:
    from mot_ros.data.bags.topic_selection import bag_place

    # nothing is imported from there, only asked for
    if importlib.util.find_spec('rclpy') is None:
        raise ConfigError(
            'replay needs ROS 2, and rclpy is not installed for this Python: source your ROS 2 '
            'workspace, or run scripts/setup')
    if not 0 <= args.rate <= 1000:
        raise ConfigError(f'rate is {args.rate:g}; it must lie in [0, 1000]')
    runs = _runs(args)
    place = bag_place(
        args.bag, args.topic, args.truth, args.truth_fps, args.tolerance,
        detections=args.detections == 'public',
        reading=_reading(runs))
    from mot_ros.tracking.runtime.output_file import locked_folder

    evaluate.make_folder(args.output)
    with locked_folder(args.output):
        # else the processes would be left behind
        with signals.interrupting():
            outcomes = _outcomes(args, place, runs)
        return _report(args, runs, outcomes)


def _runs(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the settings of the node by method, without those of other methods."""
    values = setting_options.from_file(args)
    values.pop('method', None)
    values |= setting_options.from_options(args, NodeSettings)
    setting_options.refuse_method(values)
    # the command has an option for it, and the published ids are to be those of the tracker
    values |= {'queue': args.queue, 'id_prefix': ''}
    reading = reading_options.reading(args)
    values = {'encoding': reading.encoding, 'range.low': reading.low,
              'range.high': reading.high} | values
    if args.detections == 'public':
        values['detector.type'] = 'external'
    runs = setting_options.by_method(places.names(args.methods), values, NodeSettings)
    if not runs:
        raise ConfigError('there is no method; name one with --methods')
    return runs


def _reading(runs: Mapping[str, Mapping[str, Any]]) -> ImageReading:
    """Return what the settings of the node, equal for every method, say of the images."""
    from mot_ros.data.image_reading import ImageReading

    values = next(iter(runs.values()))
    return ImageReading(
        values['encoding'], float(values['range.low']), float(values['range.high']))


def _outcomes(
        args: argparse.Namespace, place: BagPlace,
        runs: Mapping[str, Mapping[str, Any]]) -> list[Outcome]:
    """Run every method live, then all of them offline, and score both."""
    from mot_ros.evaluation.benchmark import run_job
    from mot_ros.evaluation.job import Job, Outcome
    from mot_ros.evaluation.live import LiveCost, STAGE

    played: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    for method, values in runs.items():
        say(f'{method}: playing {args.bag} through the node ...')
        try:
            played[method] = _play(args, place, method, values)
        except LiveError as error:
            failed[method] = str(error)
    say('the same without real time ...')
    outcomes = run_job(Job(
        place.place, _options(args),
        methods={name: _without_node(values) for name, values in runs.items()},
        results={method + LIVE: args.output / 'live' / method / 'tracks.txt'
                 for method in played}, output=args.output / 'tracks'))
    outcomes += [Outcome(method + LIVE, place.place.name, error=text)
                 for method, text in failed.items()]
    for outcome in outcomes:
        method = outcome.run.removesuffix(LIVE)
        if outcome.run != method and method in played:
            outcome.live = LiveCost(**{**played[method]['cost'], 'offline': method})
            outcome.stages_ms[STAGE] = played[method]['ages_ms']
            outcome.warnings += [f'all tracks were dropped {count} times: {reason}'
                                 for reason, count in outcome.live.resets.items()]
    # the two runs of a method side by side
    return sorted(outcomes, key=lambda outcome: list(runs).index(outcome.run.removesuffix(LIVE)))


def _options(args: argparse.Namespace) -> Options:
    from mot_ros.evaluation.options import Options

    return Options(detections=args.detections, iou=args.iou)


def _without_node(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the settings that only the node has."""
    ours = {field.name for field in dataclasses.fields(Settings)}
    return {key: value for key, value in values.items() if key.partition('.')[0] in ours}


def _play(
        args: argparse.Namespace, place: BagPlace, method: str,
        values: Mapping[str, Any]) -> dict[str, Any]:
    """Let the process do one pass; returns its live.json, or raises LiveError."""
    import yaml

    from mot_ros.tracking.runtime.output_file import write_text

    folder = args.output / 'live' / method
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    params = folder / 'params.yaml'
    write_text(params, yaml.safe_dump({'/**': {'ros__parameters': {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()}}}))
    detections = [] if place.detections is None else ['--detections', place.detections]
    with subprocess.Popen(
            with_parent([
                *COMMAND, str(args.bag), str(folder), '--topic', place.images, *detections,
                '--rate', str(args.rate), '--queue', args.queue, '--params', str(params),
                '--encoding', values['encoding'],
                '--range', str(values['range.low']), str(values['range.high'])]),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True) as process:
        try:
            _, complaint = process.communicate()
        except KeyboardInterrupt:
            # it stops its own processes, in their order
            process.send_signal(signal.SIGINT)
            process.communicate()
            raise
    if process.returncode:
        raise LiveError(complaint.strip() or f'the replay ended with {process.returncode}')
    found: dict[str, Any] = json.loads((folder / 'live.json').read_text(encoding='utf-8'))
    return found


def _report(
        args: argparse.Namespace, runs: Mapping[str, Mapping[str, Any]],
        outcomes: Sequence[Outcome]) -> int:
    """Write the report and print the results; returns the exit status."""
    from mot_ros.evaluation.live import sentences
    from mot_ros.evaluation.report.html import render
    from mot_ros.evaluation.report.summary import as_csv, as_json, document, timings
    from mot_ros.tracking.runtime.output_file import write_text

    report = document(outcomes, _options(args), {
        outcome.run: _without_node(runs[outcome.run]) if outcome.run in runs
        else runs[outcome.run.removesuffix(LIVE)] for outcome in outcomes})
    times = timings(outcomes)
    texts = {
        'report.json': as_json(report), 'report.csv': as_csv(report, times),
        'report.html': render(report, outcomes, times),
        'timings.json': as_json({'results': times})}
    for name, text in texts.items():
        write_text(args.output / name, text)
    sys.stdout.write(evaluate.table(report, times))
    sys.stdout.write(''.join(f'{line}\n' for line in sentences(report['results'])))
    return evaluate.complain(outcomes)
