# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""`mot_ros bench`: what the stages of a method cost on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from mot_ros.commands import setting_options
from mot_ros.tracking.config import METHODS, Settings
from mot_ros.tracking.errors import ConfigError

if TYPE_CHECKING:
    from mot_ros.tracking.nets.siammot import SiamMot


TIMED = tuple(method for method in METHODS if method != 'smot')
"""SMOT has no part that could do with given boxes; benchmarks/smot.py --runtime times it."""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        'method', metavar='METHOD', choices=TIMED, help=f'one of {", ".join(TIMED)}')
    parser.add_argument(
        '--size', default='1280x720', metavar='WxH', help='size of the images (1280x720)')
    parser.add_argument(
        '--tracks', default='0,10,50', metavar='N,N',
        help='numbers of tracks, one after the other (0,10,50)')
    parser.add_argument(
        '--rounds', type=int, default=20, metavar='N', help='turns of every stage (20)')
    parser.add_argument(
        '--json', type=Path, metavar='FILE', help='write the figures here too')
    network = parser.add_argument_group('the network of siammot')
    network.add_argument(
        '--weights', metavar='NAME', help='its weights, in place of rcnn.weights')
    network.add_argument(
        '--random', action='store_true',
        help='random weights instead, which take as long; what they find means nothing')
    network.add_argument(
        '--body', metavar='B', help='the body of a random network (dla34)')
    setting_options.add(parser, params=False, example='rcnn.short_side=480')
    parser.set_defaults(run=_bench)


def _bench(args: argparse.Namespace) -> int:
    from mot_ros.data.output import check_writable
    from mot_ros.tracking.settings import build

    settings = build(Settings, setting_options.from_options(args, Settings))
    size, tracks = _numbers('size', args.size, 'x', 1), _numbers('tracks', args.tracks, ',', 0)
    if len(size) != 2:
        raise ConfigError(f'--size is {args.size!r}; give width and height as in 1280x720')
    if args.rounds < 1:
        raise ConfigError(f'--rounds is {args.rounds}; it must be positive')
    if settings.method != 'siammot' and (args.random or args.weights or args.body):
        raise ConfigError(
            '--weights, --random and --body are for siammot and mean nothing for '
            f'{settings.method}; leave them out')
    if args.json:
        check_writable(args.json)

    from mot_ros.data.output import write_text
    from mot_ros.evaluation import method_stages, stages
    from mot_ros.evaluation.markdown import markdown_table
    from mot_ros.tracking.device import resolve_device

    device = resolve_device(settings.device)
    about: dict[str, object] = {'method': settings.method, 'size': size, 'device': str(device)}
    if settings.method == 'siammot':
        network, said = _network(args, settings)
        chosen, inner = method_stages.siammot_stages(
            network, settings, (size[0], size[1]), tracks, device)
        about |= {'network_size': inner, **said}
    else:
        chosen = method_stages.other_stages(settings, (size[0], size[1]), tracks)
    rows = stages.measure(chosen, _with_progress(args.rounds), device)
    most, known = stages.peak(device)
    sys.stdout.write(markdown_table(stages.table(rows, most)))
    if about.get('weights') == 'random':
        sys.stdout.write('The weights are random: the times hold, what is found means nothing.\n')
    sys.stdout.write(f'least ms: GFLOP at {most / 1e12:.2f} TFLOP/s ({known})\n')
    if args.json:
        write_text(args.json, json.dumps({
            'benchmark': 'stages', **about, 'rounds': args.rounds, 'rows': rows,
            'peak': {'flops': most, 'known': known}, **stages.surroundings(device)},
            indent=2) + '\n')
        sys.stdout.write(f'wrote     {args.json}\n')
    return 0


def _network(
        args: argparse.Namespace, settings: Settings) -> tuple[SiamMot, dict[str, str]]:
    """Return the network to time, and what it is."""
    from mot_ros.tracking.nets.siammot import Architecture, load_network

    if args.random and args.weights:
        raise ConfigError('give --weights, or --random, but not both')
    if args.body and not args.random:
        raise ConfigError('--body is that of a network with --random weights')
    if not args.random:
        name = args.weights or settings.rcnn.weights
        return load_network(name), {'weights': name}
    body = args.body or 'dla34'
    return Architecture(body).make(), {'weights': 'random', 'body': body}


def _numbers(option: str, text: str, between: str, least: int) -> list[int]:
    parts = text.split(between)
    if not all(part.strip().isdigit() and int(part) >= least for part in parts):
        raise ConfigError(
            f'--{option} is {text!r}; give whole numbers from {least} on, with {between!r} '
            'between them')
    return [int(part) for part in parts]


def _with_progress(rounds: int) -> Iterator[int]:
    from tqdm import tqdm

    # a log file gets a line now and then instead of ten a second
    interval = 0.2 if sys.stderr.isatty() else 10.0
    with tqdm(range(rounds), unit='round', mininterval=interval, leave=False) as bar:
        yield from bar
