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

"""`mot_ros export`: the default detector as an ONNX file."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys

from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.errors import ConfigError


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    default = DetectorSettings()
    parser.add_argument(
        '-o', '--output', type=Path, required=True, metavar='FILE',
        help='what to write, an .onnx file')
    parser.add_argument(
        '--width', type=int, default=default.width, metavar='PX',
        help=f'width of its input, fixed from then on ({default.width})')
    parser.add_argument(
        '--height', type=int, default=default.height, metavar='PX',
        help=f'height of its input, likewise ({default.height})')
    parser.add_argument(
        '--classes', metavar='A,B', help='classes that it shall find (all 80 of COCO)')
    parser.add_argument(
        '--weights', default=default.weights, metavar='NAME',
        help=f'name in the weights manifest, or path of a .safetensors file ({default.weights})')
    parser.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> int:
    from mot_ros.data.output import check_writable
    from mot_ros.tracking import weights
    from mot_ros.tracking.config import Settings
    from mot_ros.tracking.detectors.classes import wanted_labels
    from mot_ros.tracking.detectors.coco import CATEGORY_IDS, NAMES
    from mot_ros.tracking.nets.ssd import SsdMobileNetV3
    from mot_ros.tracking.nets.ssd_export import write_onnx
    from mot_ros.tracking.settings import build

    names = [name.strip() for name in (args.classes or '').split(',') if name.strip()]
    wanted = build(Settings, {
        'detector.width': args.width, 'detector.height': args.height,
        'detector.weights': args.weights, 'detector.classes': names}).detector
    if args.output.suffix.lower() != '.onnx':
        raise ConfigError(f'{args.output} must end in .onnx')
    check_writable(args.output)
    labels = wanted_labels(wanted.classes, NAMES)
    network = SsdMobileNetV3()
    weights.fit(network, weights.load(wanted.weights))
    network.keep_columns([CATEGORY_IDS[label] for label in labels])
    # under another name until it is whole
    partial = args.output.with_name(f'.{args.output.name}.part')
    try:
        write_onnx(
            network, (wanted.width, wanted.height), [NAMES[label] for label in labels], partial)
        partial.replace(args.output)
    finally:
        partial.unlink(missing_ok=True)
    sys.stdout.write(f'wrote     {args.output}\n')
    return 0
