# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros train`: a network of one's own, on data of one's own."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
import contextlib
import json
import os
from pathlib import Path
import sys
from typing import Any, TYPE_CHECKING

from mot_ros.commands import INTERRUPTED, say
from mot_ros.tracking.errors import ConfigError

if TYPE_CHECKING:
    from mot_ros.data.datasets.reid_crops import ReidCrop
    from mot_ros.training.config import TrainingConfig
    from mot_ros.training.datasets import Datasets

DEFAULTS = {'siammot': 'siammot-small', 'slm': 'slm-small', 'ssd': 'ssd-person'}
"""The recipe of each kind of network that is taken where none is named."""
WEIGHTS, PICTURE = 'weights.safetensors', 'curve.png'
OPTIONS = {
    'steps': 'recipe.steps', 'batch': 'recipe.batch', 'rate': 'recipe.rate',
    'seed': 'recipe.seed', 'workers': 'recipe.workers', 'motion': 'network.motion',
    'body': 'network.body', 'width': 'network.width', 'hidden': 'network.hidden',
    'variant': 'network.variant'}
"""Options by the name that a recipe has for them."""
OF_KIND = {'siammot': ('motion', 'body', 'width', 'hidden'), 'slm': ('variant',)}
"""Options of one kind of network only."""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        'kind', choices=DEFAULTS, metavar='KIND', help='siammot: detector and motion model; slm: '
        'how people look; ssd: the SSD, fitted to people')
    parser.add_argument(
        '--data', action='append', default=[], metavar='PATH', help='folder with images and '
        'masks/ (as Penn-Fudan), labels/ or polygons/ (YOLO, with or without splits in them; '
        'DIR/images/SPLIT is one), re-ID crops named as in Market-1501 or CUHK (DIR=N: of the '
        'first N people), or an annotation file of '
        'CrowdHuman (.odgt) or COCO (.json), where needed as FILE=FOLDER of its images; may be '
        'repeated; drawn figures by default')
    parser.add_argument(
        '--backgrounds', type=Path, action='append', default=[], metavar='DIR',
        help='images to put cut-out people in front of; by default those of the data on which '
        'there is nobody')
    parser.add_argument(
        '--hold-out', type=int, default=0, metavar='N', help='leave every Nth image of each '
        'folder and annotation file out, to judge by (none)')
    parser.add_argument(
        '-o', '--output', type=Path, required=True, metavar='DIR', help='folder for state, curve '
        'and weights; a training that is in it already goes on where it was left')
    parser.add_argument(
        '--recipe', metavar='R', help='name of a recipe, or a YAML file '
        '(siammot-small, siammot-published, siammot-paper, slm-small, slm-reid-research, '
        'ssd-person)')
    for name, kind, text in (
            ('steps', int, 'steps in all'), ('batch', int, 'samples of a step in each process'),
            ('rate', float, 'learning rate'), ('seed', int, 'seed of everything that is drawn'),
            ('workers', int, 'processes that make samples')):
        parser.add_argument(f'--{name}', type=kind, metavar=name[0].upper(), help=text)
    parser.add_argument('--device', default='auto', metavar='D', help='auto, cpu, cuda')
    parser.add_argument(
        '--init', metavar='W', help="weights to begin with: a name of the manifest, a file, or "
        "'none'")
    parser.add_argument(
        '--set', dest='assignments', action='append', default=[], metavar='NAME=VALUE',
        help='change a value of the recipe, for example samples.composed=0.7; may be repeated')
    parser.add_argument(
        '--half', action='store_true', help='write the weights in half precision')
    siammot = parser.add_argument_group('siammot')
    siammot.add_argument('--motion', choices=('emm', 'imm', 'none'), help='motion model')
    siammot.add_argument('--body', metavar='B', help='dla34, resnet50, mobilenetv3 ...')
    siammot.add_argument('--width', type=int, metavar='C', help='channels of the pyramid')
    siammot.add_argument('--hidden', type=int, metavar='C', help='width of the box head')
    slm = parser.add_argument_group('slm')
    slm.add_argument(
        '--judge', action='append', default=[], metavar='DIR', help='re-ID crops that the report '
        'at the end has rank-1 and mAP of, across cameras (DIR=N: of the last N people); may be '
        'repeated')
    slm.add_argument(
        '--variant', choices=('article', 'code', 'small', 'lite', 'stripes'),
        help='of the network')
    parser.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> int:
    with contextlib.ExitStack() as stack:
        return _train_in(args, stack)


def _train_in(args: argparse.Namespace, stack: contextlib.ExitStack) -> int:
    """Train; the stack holds the lock of the output folder."""
    # before the seconds that loading torch takes
    changes = _changes(args)
    leads = int(os.environ.get('RANK', '0')) == 0

    import torch

    from mot_ros.tracking.runtime.device import resolve_device
    from mot_ros.tracking.runtime.output_file import check_writable, locked_folder
    from mot_ros.training import trainer
    from mot_ros.training.config import read_config
    from mot_ros.training.datasets import read_datasets
    from mot_ros.training.init import make_task
    from mot_ros.training.model_card import model_card, TrainingRecord, write_weights
    from mot_ros.training.report import REPORT, write_report

    device = resolve_device(args.device)
    size = 'gpu' if device.type == 'cuda' else 'cpu'
    if args.judge and args.kind != 'slm':
        raise ConfigError(f'--judge is no option of train {args.kind}')
    judged = [_crops(text) for text in args.judge]
    config = read_config(args.kind, args.recipe or DEFAULTS[args.kind], size, changes)
    datasets = read_datasets(args.data, args.backgrounds, config.recipe.seed, args.hold_out)
    args.output.mkdir(parents=True, exist_ok=True)
    if leads:
        stack.enter_context(locked_folder(args.output))
        # now, not after the first hundred steps
        check_writable(args.output / WEIGHTS)
    data = [*args.data, *map(str, args.backgrounds)]
    if args.hold_out:
        data.append(f'every image but each {args.hold_out}th')
    record = TrainingRecord(args.output, config, data)
    # the network is made of random numbers, too
    torch.manual_seed(config.recipe.seed)
    task, beginning = make_task(config, datasets)
    if leads:
        _say_what(config, datasets, beginning, task.network)
    losses = _with_progress(
        trainer.train(task, config.recipe, args.output, device), config, args.output, leads)
    try:
        if leads:
            record.save()
        for _ in losses:
            pass
    except KeyboardInterrupt:
        if leads:
            say('interrupted: the same command goes on from the last state saved')
        return INTERRUPTED
    finally:
        if leads:
            record.save()
            _draw(args.output / trainer.CURVE, args.output / PICTURE)
    if not leads:
        return 0
    metadata = model_card(
        config, task.network, data, ['mot_ros', *args.words], record.seconds, device)
    weights = args.output / WEIGHTS
    write_weights(weights, task.weights(), metadata, half=args.half)
    held_out = _judge(weights, judged, args.device)
    if held_out:
        metadata['held_out'] = json.dumps(held_out)
        write_weights(weights, task.weights(), metadata, half=args.half)
    write_report(args.output / REPORT, args.output / trainer.CURVE, metadata, held_out)
    for path in (weights, args.output / REPORT, args.output / trainer.CURVE,
                 args.output / PICTURE):
        if path.exists():
            sys.stdout.write(f'wrote     {path}\n')
    return 0


def _crops(text: str) -> tuple[str, list[ReidCrop]]:
    """Read DIR[=N]; return the name of a re-ID data set and the crops of its last N people."""
    from mot_ros.data.datasets.reid_crops import find_crops
    from mot_ros.tracking.errors import SourceError

    folder, _, count = text.partition('=')
    path = Path(folder).expanduser()
    if not path.is_dir() or (count and not count.isdecimal()):
        raise SourceError(f'--judge {text}: give a folder of crops, or DIR=N')
    found = find_crops(path, last=int(count or 0))
    if not found:
        raise SourceError(
            f'--judge {text}: no file there is named as in Market-1501, CUHK03 or CUHK01')
    return path.name, found


def _judge(weights: Path, judged: Sequence[tuple[str, Sequence[ReidCrop]]], device: str
           ) -> dict[str, float]:
    """Return rank-1 and mAP of trained weights across the cameras of re-ID data sets."""
    if not judged:
        return {}
    from mot_ros.benchmarking.cross_camera import cross_camera, embed_crops
    from mot_ros.tracking.appearance.slm import SlmEmbedder

    slm, found = SlmEmbedder(str(weights), device), dict[str, float]()
    for name, crops in judged:
        first, precision, _ = cross_camera(crops, embed_crops(slm, crops))
        found |= {f'{name} rank-1': round(first, 4), f'{name} mAP': round(precision, 4)}
    return found


def _draw(file: Path, picture: Path) -> None:
    """Draw the curve, if there is one and something to draw with."""
    from mot_ros.training import loss_curve as curve

    if not file.exists():
        return
    try:
        curve.plot(file, picture)
    except ImportError as error:
        say(f'no {picture.name}, since {error.name} is not installed; the numbers are in {file}')


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    """Return what options change in the recipe; --set before the rest."""
    from mot_ros.tracking.runtime.yaml_text import load_yaml

    changes: dict[str, Any] = {
        name: getattr(args, option) for option, name in OPTIONS.items()
        if getattr(args, option) is not None}
    own = OF_KIND.get(args.kind, ())
    for option in (option for options in OF_KIND.values() for option in options):
        if option not in own and OPTIONS[option] in changes:
            raise ConfigError(f'--{option} is no option of train {args.kind}')
    if args.init is not None:
        changes['init'] = '' if args.init == 'none' else args.init
    for text in args.assignments:
        name, mark, value = text.partition('=')
        if not mark:
            raise ConfigError(f'{text!r} sets nothing; give --set NAME=VALUE')
        try:
            changes[name.strip()] = load_yaml(value)
        except ValueError as error:
            raise ConfigError(f'--set {text[:80]}: the value is no YAML ({error})') from error
    return changes


def _say_what(config: TrainingConfig, datasets: Datasets, beginning: str, network: Any) -> None:
    """Tell what is about to be trained, on what."""
    for line in datasets.counts:
        say(line)
    size = sum(parameter.numel() for parameter in network.parameters())
    recipe = config.recipe
    say(f'{size / 1e6:.2f} M parameters; {beginning}')
    say(f'{recipe.steps} steps of {recipe.batch} samples, {recipe.optimizer} at {recipe.rate:g}, '
        f'seed {recipe.seed}')


def _with_progress(
        losses: Iterator[float], config: TrainingConfig, folder: Path,
        leads: bool) -> Iterator[float]:
    from tqdm import tqdm

    from mot_ros.training import checkpoint

    state = checkpoint.load(folder, config.recipe.text())
    done = 0 if state is None else int(state['step'])
    del state
    if done and leads:
        say(f'goes on from step {done}')
    # a log file gets a line now and then instead of ten a second
    interval = 0.2 if sys.stderr.isatty() else 10.0
    mean = None
    with tqdm(total=config.recipe.steps, initial=done, unit='step', mininterval=interval,
              leave=False, disable=not leads) as bar:
        for loss in losses:
            mean = loss if mean is None else 0.95 * mean + 0.05 * loss
            bar.set_postfix_str(f'loss {mean:.3g}', refresh=False)
            bar.update()
            yield loss
