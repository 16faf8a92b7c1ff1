# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros bench`: what a method costs on this machine, beside what it must cost at least."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import json
from pathlib import Path
import sys
from typing import Any, TYPE_CHECKING

from mot_ros.commands import setting_options
from mot_ros.tracking.config import METHODS, Settings
from mot_ros.tracking.config.methods.table import ENTRIES
from mot_ros.tracking.config.schema import build, flatten
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.runtime.scratch import scratch_folder

if TYPE_CHECKING:
    from mot_ros.benchmarking.roofline import Roof
    from mot_ros.benchmarking.whole_frames import BenchImages

BY_NETWORK = tuple(name for name, entry in ENTRIES.items() if entry.detector == 'rcnn')
"""Methods that see through the network whose weights and body can be chosen here."""
MOST_IMAGES = 100
"""Images of a video that are kept in memory and shown in turn."""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        'method', metavar='METHOD', choices=METHODS, help=f'one of {", ".join(METHODS)}')
    parser.add_argument(
        '--size', metavar='WxH', help='size of made-up images (1280x720)')
    parser.add_argument(
        '--video', type=Path, metavar='FILE', help=f'the first {MOST_IMAGES} images of this '
        'instead, in turn, for whole frames and --soak')
    parser.add_argument(
        '--tracks', metavar='N,N', help='numbers of tracks, one after the other (0,10,50; with '
        '--video whole frames have those that are found unless told here)')
    parser.add_argument(
        '--crops', type=int, default=50, metavar='N',
        help='crops that are looked at, where a method compares looks (50)')
    parser.add_argument(
        '--rounds', type=int, default=20, metavar='N', help='turns of every stage (20); 0: none')
    parser.add_argument(
        '--frames', type=int, default=50, metavar='N', help='whole frames through the tracker, '
        'from bytes on the host to boxes on the host (50); 0: none')
    parser.add_argument(
        '--streams', type=int, default=1, metavar='N',
        help='so many cameras at once, with one detector (1)')
    parser.add_argument(
        '--soak', type=int, default=0, metavar='N', help='track N frames, and see whether memory '
        'stays where it is; with --video the tracks are those that are found')
    parser.add_argument(
        '--json', type=Path, metavar='FILE', help='write the figures here too')
    parser.add_argument(
        '--png', type=Path, metavar='FILE', help='draw the stages beside their least times')
    network = parser.add_argument_group('the network of siammot and tracktor')
    network.add_argument(
        '--weights', metavar='NAME', help='its weights, in place of rcnn.weights')
    network.add_argument(
        '--random', action='store_true',
        help='random weights instead, which take as long; what they find means nothing')
    network.add_argument(
        '--body', metavar='B', help='the body of a random network (dla34)')
    setting_options.add(parser, params=False, example='precision=bfloat16')
    parser.set_defaults(run=_bench)


def _bench(args: argparse.Namespace) -> int:
    from mot_ros.tracking.runtime.output_file import check_writable, write_text

    settings = build(Settings, setting_options.from_options(args, Settings))
    _check(args)
    for file in (args.json, args.png):
        if file:
            check_writable(file)
    if args.png:
        from mot_ros.benchmarking import stage_chart

        # not after minutes
        stage_chart.check()
    with scratch_folder() as folder:
        settings, about = _network(args, settings, Path(folder))
        found = _measured(args, settings, about)
    if args.json:
        write_text(args.json, json.dumps(found, indent=2) + '\n')
        sys.stdout.write(f'wrote     {args.json}\n')
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raise ConfigError for options that cannot be, or do not go together."""
    for name, least in (('rounds', 0), ('frames', 0), ('soak', 0), ('crops', 0), ('streams', 1)):
        if getattr(args, name) < least:
            raise ConfigError(f'--{name} is {getattr(args, name)}; it must be at least {least}')
    if not (args.rounds or args.frames or args.soak):
        raise ConfigError('--rounds, --frames and --soak are 0; there is nothing to measure')
    if args.png and not args.rounds:
        raise ConfigError('--png draws the stages, and --rounds is 0; leave one of them out')
    if args.size and args.video:
        raise ConfigError('--size is that of made-up images; leave it out, or --video')
    if args.method not in BY_NETWORK and (args.random or args.weights or args.body):
        raise ConfigError(
            '--weights, --random and --body are for siammot and tracktor and mean nothing for '
            f'{args.method}; leave them out')
    if args.random and args.weights:
        raise ConfigError('give --weights, or --random, but not both')
    if args.body and not args.random:
        raise ConfigError('--body is that of a network with --random weights')


def _network(
        args: argparse.Namespace, settings: Settings, folder: Path
        ) -> tuple[Settings, dict[str, Any]]:
    """Return the settings with the network to time, random ones in a file, and what it is."""
    if settings.method not in BY_NETWORK:
        return settings, {}
    if not args.random:
        name = args.weights or settings.rcnn.weights
        return _with(settings, {'rcnn.weights': name}), {'weights': name}
    from mot_ros.benchmarking.untrained import write_siammot

    body = args.body or 'dla34'
    file = write_siammot(folder, body)
    return _with(settings, {'rcnn.weights': str(file)}), {'weights': 'random', 'body': body}


def _measured(
        args: argparse.Namespace, settings: Settings, about: dict[str, Any]) -> dict[str, Any]:
    """Measure what is asked for, say it, and return all of it."""
    from mot_ros.benchmarking.machine import surroundings
    from mot_ros.benchmarking.roofline import Roof
    from mot_ros.benchmarking.whole_frames import BenchImages
    from mot_ros.tracking.detectors.rcnn.factory import check_rcnn_backend
    from mot_ros.tracking.runtime.device import resolve_device

    if settings.method in BY_NETWORK:
        check_rcnn_backend(settings)
    width, height = _size(args.size or '1280x720')
    tracks = _numbers('tracks', args.tracks or '0,10,50', ',', 0)
    footage = (
        BenchImages.of(
            args.video, MOST_IMAGES) if args.video else BenchImages.made_up((width, height)))
    device = resolve_device(settings.device)
    roof = Roof.of(device, settings.precision)
    found = {
        'benchmark': 'bench', 'method': settings.method, 'size': footage.size,
        'video': str(args.video) if args.video else None, 'device': str(device), **about,
        'settings': {name: value for name, value in flatten(settings).items()
                     if value != flatten(build(Settings, {}))[name] and name != 'rcnn.weights'},
        'rounds': args.rounds, 'peak': vars(roof.peaks), **surroundings(device)}
    if args.rounds:
        found |= _stages(args, settings, footage.size, tracks, roof)
    if args.frames or args.soak:
        planted: list[int | None] = [None] if args.video and not args.tracks else [*tracks]
        found |= _whole(args, settings, footage, planted, roof)
    if about.get('weights') == 'random':
        sys.stdout.write('The weights are random: the times hold, what is found means nothing.\n')
    sys.stdout.write(
        f'least ms: layers at {roof.peaks.flops / 1e12:.2f} TFLOP/s and '
        f'{roof.peaks.bandwidth / 1e9:.0f} GB/s ({roof.peaks.known})\n')
    return found


def _stages(
        args: argparse.Namespace, settings: Settings, size: tuple[int, int], tracks: list[int],
        roof: Roof) -> dict[str, Any]:
    """Time the stages one by one."""
    from mot_ros.benchmarking import method_stages, stages
    from mot_ros.benchmarking.markdown import markdown_table
    from mot_ros.benchmarking.roofline import counted
    from mot_ros.tracking.runtime.device import resolve_device

    device = resolve_device(settings.device)
    known: dict[str, Any] = {}

    def made(settings: Settings) -> list[stages.Stage]:
        if settings.method not in BY_NETWORK:
            return method_stages.other_stages(settings, size, tracks, args.crops)
        from mot_ros.tracking.nets.siammot.network import load_network

        chosen, known['network_size'] = method_stages.siammot_stages(
            load_network(settings.rcnn.weights), settings, size, tracks,
            resolve_device(settings.device))
        return chosen

    layers = stages.count(made(counted(settings)))
    rows = stages.measure(
        made(settings), _with_progress('stages', args.rounds), device, roof, layers)
    sys.stdout.write(markdown_table(stages.table(rows)) + '\n')
    if args.png:
        from mot_ros.benchmarking.stage_chart import draw

        draw(rows, settings.method, args.png)
        sys.stdout.write(f'wrote     {args.png}\n')
    return {**known, 'rows': rows}


def _whole(
        args: argparse.Namespace, settings: Settings, footage: BenchImages,
        planted: list[int | None], roof: Roof) -> dict[str, Any]:
    """Time whole frames, and watch memory over many."""
    from mot_ros.benchmarking import soak, whole_frames
    from mot_ros.benchmarking.markdown import markdown_table

    found: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    if args.frames:
        for count in planted:
            layers = whole_frames.layers_of_frame(settings, footage, count)
            name = 'frames' if count is None else f'frames with {count} tracks'
            rows.append(whole_frames.measure(
                settings, footage, count, _with_progress(name, args.frames), roof, layers,
                args.streams))
        sys.stdout.write(markdown_table(whole_frames.table(rows)) + '\n')
        found['whole_frames'] = rows
    if args.soak:
        update = whole_frames.make(settings, footage, None if args.video else planted[-1])
        found['soak'] = soak.measure(
            update, iter(footage), _with_progress('soak', args.soak), args.soak)
        sys.stdout.write(soak.lines(found['soak']))
    return found


def _with(settings: Settings, values: dict[str, Any]) -> Settings:
    return build(Settings, {**flatten(settings), **values})


def _size(text: str) -> tuple[int, int]:
    sides = _numbers('size', text, 'x', 1)
    if len(sides) != 2:
        raise ConfigError(f'--size is {text!r}; give width and height as in 1280x720')
    return sides[0], sides[1]


def _numbers(option: str, text: str, between: str, least: int) -> list[int]:
    parts = text.split(between)
    if not all(part.strip().isdigit() and int(part) >= least for part in parts):
        raise ConfigError(
            f'--{option} is {text!r}; give whole numbers from {least} on, with {between!r} '
            'between them')
    return [int(part) for part in parts]


def _with_progress(what: str, count: int) -> Iterator[int]:
    from tqdm import tqdm

    # a log file gets a line now and then instead of ten a second
    interval = 0.2 if sys.stderr.isatty() else 10.0
    with tqdm(range(count), desc=what, mininterval=interval, leave=False) as bar:
        yield from bar
