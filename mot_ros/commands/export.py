# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros export`: a network as ONNX files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
import contextlib
from pathlib import Path
import sys

from mot_ros.commands import places, setting_options
from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.config.detectors import DETECTORS
from mot_ros.tracking.errors import ConfigError, SourceError

MEANT_FOR = {
    'width': 'ssd', 'height': 'ssd', 'classes': 'ssd', 'size': 'siammot', 'preset': 'siammot',
    'assignments': 'siammot'}
"""The only network that an option means something for."""
SPELLED = {'assignments': 'set'}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    default = DetectorSettings()
    parser.add_argument(
        'network', nargs='?', choices=('ssd', 'siammot', 'slm'), default='ssd',
        help='ssd, the SSD (if none is named); siammot, as four graphs with its '
        'solver outside; slm, the appearance of SMILEtrack')
    parser.add_argument(
        '-o', '--output', type=Path, required=True, metavar='PLACE',
        help='what to write, an .onnx file; of siammot a folder')
    parser.add_argument(
        '--weights', metavar='NAME',
        help='name in the weights manifest, or path of a .safetensors file '
        f'({DETECTORS["ssd"].weights} for ssd)')
    ssd = parser.add_argument_group('ssd')
    ssd.add_argument(
        '--width', type=int, metavar='PX',
        help=f'width of its input, fixed from then on ({default.width})')
    ssd.add_argument(
        '--height', type=int, metavar='PX',
        help=f'height of its input, likewise ({default.height})')
    ssd.add_argument(
        '--classes', metavar='A,B', help='classes that it shall find (all 80 of COCO)')
    siammot = parser.add_argument_group('siammot')
    siammot.add_argument(
        '--size', metavar='WxH',
        help='size of the images that will come; that of its input follows from rcnn.short_side '
        'and rcnn.long_side (1280x720)')
    siammot.add_argument(
        '--preset', metavar='P', help='starting point of its settings')
    siammot.add_argument(
        '--set', dest='assignments', action='append', metavar='NAME=VALUE',
        help='change a setting of the groups rcnn and siammot, for example siammot.window=0.1; '
        'may be repeated')
    parser.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> int:
    for name, network in MEANT_FOR.items():
        if getattr(args, name) is not None and args.network != network:
            raise ConfigError(
                f'--{SPELLED.get(name, name)} is for {network} and means nothing for '
                f'{args.network}; leave it out')
    files = {'ssd': _ssd, 'siammot': _siammot, 'slm': _slm}[args.network](args)
    sys.stdout.write(''.join(f'wrote     {file}\n' for file in files))
    return 0


def _ssd(args: argparse.Namespace) -> Sequence[Path]:
    from mot_ros.tracking.config.schema import build
    from mot_ros.tracking.detectors.classes import COCO_CATEGORY_IDS, COCO_NAMES, wanted_labels
    from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
    from mot_ros.tracking.onnx_backend.ssd_export import write_onnx
    from mot_ros.tracking.weights import store as weights

    values = {
        f'detector.{name}': getattr(args, name) for name in ('width', 'height', 'weights')
        if getattr(args, name) is not None}
    names = places.names(args.classes or '')
    settings = build(Settings, {**values, 'detector.type': 'ssd', 'detector.classes': names})
    wanted = settings.detector
    _check_file(args.output)
    labels = wanted_labels(wanted.classes, COCO_NAMES)
    network = SsdMobileNetV3()
    weights.fit(network, weights.load(settings.detector_weights))
    network.keep_columns([COCO_CATEGORY_IDS[label] for label in labels])
    with _whole([args.output]) as [partial]:
        write_onnx(
            network, (wanted.width, wanted.height), [COCO_NAMES[label] for label in labels],
            partial)
    return [args.output]


def _siammot(args: argparse.Namespace) -> Sequence[Path]:
    from mot_ros.tracking.config.schema import build
    from mot_ros.tracking.detectors.rcnn.classes import class_table
    from mot_ros.tracking.detectors.rcnn.preprocess import network_size
    from mot_ros.tracking.methods.siammot.template_memory import emm_options, imm_options
    from mot_ros.tracking.nets.rcnn.rpn import Selection
    from mot_ros.tracking.nets.siammot.network import load_network
    from mot_ros.tracking.onnx_backend.siammot_export import ExportPlan, GRAPHS, write_graphs
    from mot_ros.tracking.weights import store as weights

    args.assignments = args.assignments or []
    settings = build(Settings, setting_options.from_options(args, Settings))
    rcnn, image = settings.rcnn, _size(args.size or '1280x720')
    name = args.weights or rcnn.weights
    network = load_network(name)
    classes = class_table(weights.metadata(name), network.classes, name)
    plan = ExportPlan(
        network_size(image, rcnn.short_side, rcnn.long_side),
        Selection(rcnn.per_level, rcnn.proposals, rcnn.proposal_overlap, rcnn.amodal),
        emm_options(settings.siammot), imm_options(settings.siammot))
    _make_folder(args.output)
    graphs = GRAPHS if network.motion is not None else GRAPHS[:2]
    files = [args.output / f'{graph}.onnx' for graph in graphs]
    with _whole(files) as partials:
        write_graphs(network, plan, classes.names, dict(zip(graphs, partials, strict=True)))
    return files


def _slm(args: argparse.Namespace) -> Sequence[Path]:
    from mot_ros.tracking.nets.slm.network import CHECKPOINT_KEY, running_part
    from mot_ros.tracking.nets.slm.variants import make_slm, variant_of
    from mot_ros.tracking.onnx_backend.slm_export import write_onnx
    from mot_ros.tracking.weights import store as weights

    if not args.weights:
        raise ConfigError('slm has no weights of its own; name a file with --weights')
    _check_file(args.output)
    state, _ = running_part(weights.load(args.weights, inside=CHECKPOINT_KEY))
    variant = variant_of(state)
    network = make_slm(variant)
    weights.fit(network, state)
    with _whole([args.output]) as [partial]:
        write_onnx(network, variant, partial)
    return [args.output]


def _check_file(path: Path) -> None:
    from mot_ros.tracking.runtime.output_file import check_writable

    if path.suffix.lower() != '.onnx':
        raise ConfigError(f'{path} must end in .onnx')
    check_writable(path)


def _make_folder(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise SourceError(f'{path} is a file; name a folder for the four files')
    path.mkdir(parents=True, exist_ok=True)


def _size(text: str) -> tuple[int, int]:
    """Read 'WxH'."""
    width, _, height = text.partition('x')
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise ConfigError(f'--size is {text!r}; give width and height as in 1280x720')
    return int(width), int(height)


@contextlib.contextmanager
def _whole(files: Sequence[Path]) -> Iterator[list[Path]]:
    """Give other names to write to, which become those of the files when all of it is done."""
    from mot_ros.tracking.runtime.output_file import written

    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(written(file)) for file in files]
