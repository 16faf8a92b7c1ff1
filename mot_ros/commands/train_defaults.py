# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What `scripts/train_defaults` runs: `mot_ros train` for each of the default models."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

from mot_ros.commands import say

EMM, IMM, SLM = 'siammot-small-emm', 'siammot-small-imm', 'slm-small'
SSD = 'ssd-person'
FROZEN = 'recipe.slow={backbone: 0, rpn: 0, roi_heads.box: 0}'
"""The second motion model learns beside the detector of the first: only they differ."""
FEW = (
    '--batch=1', '--set=recipe.rate_batch=1', '--set=recipe.warm_up=2', '--set=repeat=2',
    '--set=samples.size=[256, 192]', '--set=samples.people=[2, 4]', '--set=samples.sides=[1, 2]')
"""Small images, and only two of them."""
TINY = (
    *FEW, '--width=16', '--hidden=32', '--set=loss.proposals=100',
    '--set=loss.selection.per_level=100', '--set=loss.rcnn.rois=32',
    '--set=loss.triplets.count=32')


def commands(args: argparse.Namespace) -> dict[str, list[str]]:
    """Return the options of `mot_ros train` by the name of the model."""
    given = [f'--data={path}' for path in args.data]
    given += [f'--backgrounds={path}' for path in args.backgrounds]
    given += [f'--device={args.device}', '--half']
    if args.hold_out:
        given.append(f'--hold-out={args.hold_out}')
    if args.workers is not None:
        given.append(f'--workers={args.workers}')
    trained = args.output / EMM / 'weights.safetensors'
    found = {
        EMM: ['siammot', '--recipe=siammot-small', '--motion=emm'],
        IMM: ['siammot', '--recipe=siammot-small', '--motion=imm', f'--init={trained}',
              f'--set={FROZEN}'],
        SLM: ['slm', '--recipe=slm-small'],
        SSD: ['ssd', '--recipe=ssd-person']}
    if args.smoke:
        found[EMM] += [
            *TINY, '--init=none', '--steps=12', '--rate=0.003', '--set=recipe.slow={}']
        found[IMM] += [
            *TINY, '--steps=12', '--rate=0.003', '--set=network.imm_channels=8',
            '--set=network.imm_hidden=32']
        found[SLM] += ['--init=none', '--steps=16', '--batch=6', '--set=recipe.warm_up=2',
                       '--set=repeat=12']
        found[SSD] += [
            *FEW, '--init=none', '--steps=12', '--rate=0.001', '--set=recipe.slow={}']
    return {name: [*options, *given, f'--output={args.output / name}']
            for name, options in found.items()}


def fell(curve: Path) -> tuple[float, float]:
    """Return the mean loss of the first and of the last third of a training."""
    from mot_ros.training.loss_curve import read

    losses = [row['loss'] for row in read(curve)]
    part = max(1, len(losses) // 3)
    return sum(losses[:part]) / part, sum(losses[-part:]) / part


def main(argv: Sequence[str] | None = None) -> int:
    """Train one after the other; 1 if the loss of one did not fall."""
    from mot_ros.cli import main as mot_ros

    parser = argparse.ArgumentParser(
        prog='train_defaults', description='Train the default models: SiamMOT with EMM, with IMM '
        'beside the same detector, SLM, and the SSD fitted to people. What was '
        'broken off goes on when called again.')
    parser.add_argument(
        '-o', '--output', type=Path, default=Path('trained'), metavar='DIR',
        help='folder with a folder for each of them (trained)')
    for name, what in (('data', 'what to train on, see mot_ros train; drawn figures by default'),
                       ('backgrounds', 'images to put cut-out people in front of')):
        parser.add_argument(f'--{name}', action='append', default=[], metavar='PATH', help=what)
    parser.add_argument(
        '--only', action='append', choices=(EMM, IMM, SLM, SSD), default=[],
        help='may be repeated')
    parser.add_argument('--device', default='auto', metavar='D', help='auto, cpu, cuda')
    parser.add_argument(
        '--hold-out', type=int, default=0, metavar='N', help='leave every Nth image out (none)')
    parser.add_argument('--workers', type=int, metavar='W', help='processes that make samples')
    parser.add_argument(
        '--smoke', action='store_true', help='a few steps of tiny networks, in which the loss '
        'falls: whether it works at all')
    args = parser.parse_args(argv)
    for name, options in commands(args).items():
        if args.only and name not in args.only:
            continue
        say(f'{name}: mot_ros train {" ".join(options)}')
        status = mot_ros(['train', *options])
        if status:
            return status
        first, last = fell(args.output / name / 'curve.csv')
        sys.stdout.write(f'{name}: loss {first:.3f} -> {last:.3f}\n')
        if not last < first:
            say(f'error: the loss of {name} did not fall')
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
