# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
SiamMOT: what its stages cost on a CPU, and how that grows with the number of tracks.

Made-up images of 1280x720 and random weights, which take as long as trained ones: DLA-34, and the
light body. `FPN + RPN + heads + EMM` is all after the body but the solver; `heads + EMM` of it is
what the tracks make longer, with the box head's 300 proposals. Prints tables and writes them and
JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import copy
import json
from pathlib import Path
import sys
from typing import Any

# flake8: noqa: E402
from mot_ros.tracking.runtime.malloc import keep_memory
from mot_ros.tracking.runtime.threads import share_cores

share_cores()  # before anything loads torch
keep_memory()

import torch
from tqdm import tqdm

from mot_ros.benchmarking import stages
from mot_ros.benchmarking.machine import surroundings
from mot_ros.benchmarking.markdown import markdown_table
from mot_ros.benchmarking.method_stages import siammot_stages
from mot_ros.benchmarking.roofline import counted, Roof
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.nets.backbones.registry import BODIES
from mot_ros.tracking.nets.siammot.network import Architecture
from mot_ros.tracking.runtime.device import resolve_device

RESULTS = Path(__file__).resolve().parent / 'results' / 'siammot_stages.json'
GROUPS = {
    'FPN + RPN + heads + EMM': (
        'FPN', 'RPN', 'selection', 'box head', 'remember', 'search', 'judge',
        'follow'),
    'heads + EMM': ('box head', 'remember', 'search', 'judge', 'follow')}
Row = dict[str, Any]


def growth(rows: Sequence[Row], tracks: Sequence[int], kind: str) -> list[Row]:
    """Return the time of each group of stages by the number of tracks, in ms of a `kind`."""
    found = []
    for group, members in GROUPS.items():
        times = [sum(
            row[kind] for row in rows
            if row['stage'] in members and row['tracks'] in (None, count)) for count in tracks]
        # against ten tracks, or the fewest there are
        first = tracks.index(10) if 10 in tracks else 0
        found += [
            {'group': group, 'tracks': count, kind: time, 'ratio': time / times[first]}
            for count, time in zip(tracks, times, strict=True)]
    return found


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', type=int, nargs=2, default=(1280, 720), metavar=('W', 'H'),
                        help='of the images (1280 720)')
    parser.add_argument('--tracks', type=int, nargs='+', default=[0, 10, 50, 200],
                        help='numbers of tracks (0 10 50 200)')
    parser.add_argument('--bodies', nargs='+', choices=BODIES, default=['dla34', 'mobilenetv3'],
                        help='bodies (dla34 mobilenetv3)')
    parser.add_argument('--rounds', type=int, default=20, help='turns of every stage (20)')
    parser.add_argument('--threads', type=int, help="torch's threads (as many as it wants)")
    parser.add_argument('--device', default='cpu', help="'cpu', 'cuda' (cpu)")
    parser.add_argument('--short-side', type=int, default=800,
                        help="of the network's input, see rcnn.short_side (800)")
    parser.add_argument('--long-side', type=int, default=1280,
                        help='likewise, see rcnn.long_side (1280)')
    parser.add_argument('--json', type=Path, default=RESULTS,
                        help='result; the tables go beside it as .md (benchmarks/results)')
    args = parser.parse_args(argv)
    if min(args.rounds, *args.size) < 1 or min(args.tracks) < 0:
        parser.error('--rounds and --size must be positive, --tracks not negative')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    args = parse(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    device = resolve_device(args.device)
    settings = build(Settings, {
        'method': 'siammot', 'rcnn.short_side': args.short_side,
        'rcnn.long_side': args.long_side})
    kind = 'ms' if device.type == 'cuda' else 'cpu_ms'
    roof = Roof.of(device)
    text, result = '', []
    for body in args.bodies:
        torch.manual_seed(0)
        network, size = Architecture(body).make(), tuple(args.size)
        layers = stages.count(siammot_stages(
            copy.deepcopy(network), counted(settings), size, args.tracks, torch.device('cpu'))[0])
        chosen, inner = siammot_stages(network, settings, size, args.tracks, device)
        rounds = tqdm(range(args.rounds), desc=body, leave=False, mininterval=1)
        rows = stages.measure(chosen, rounds, device, roof, layers)
        grown = growth(rows, args.tracks, kind)
        result.append({'body': body, 'network_size': inner, 'rows': rows, 'growth': grown})
        text += (
            f'{body}, {args.size[0]}x{args.size[1]} seen as {inner[0]}x{inner[1]}, random '
            f'weights\n\n{markdown_table(stages.table(rows))}\n'
            + markdown_table([['group', 'tracks', kind.replace('_', ' '), 'of 10 tracks']] + [
                [row['group'], str(row['tracks']), f'{row[kind]:.1f}', f'{row["ratio"]:.2f}']
                for row in grown]) + '\n')
    peaks = roof.peaks
    text += (
        f'least ms: layers at {peaks.flops / 1e12:.2f} TFLOP/s and {peaks.bandwidth / 1e9:.0f} '
        f'GB/s ({peaks.known})\n')
    sys.stdout.write(text)
    args.json.write_text(json.dumps({
        'benchmark': 'siammot_stages', 'size': args.size, 'weights': 'random',
        'device': str(device), 'rounds': args.rounds, 'bodies': result,
        'peak': vars(peaks), **surroundings(device)}, indent=2) + '\n')
    args.json.with_suffix('.md').write_text(text)
    sys.stdout.write(f'wrote {args.json} and {args.json.with_suffix(".md")}\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
