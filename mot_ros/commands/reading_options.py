# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The options that say what the images of a bag are, where their messages do not."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mot_ros.tracking.config.node import ENCODINGS

if TYPE_CHECKING:
    from mot_ros.data.image_reading import ImageReading


def add(parser: argparse._ActionsContainer) -> None:
    """Declare the options."""
    parser.add_argument(
        '--encoding', choices=ENCODINGS, default='auto', metavar='E',
        help='what the raw images of a bag are, where their messages do not say (8UC3, 16UC1, '
        f'32FC1): {", ".join(ENCODINGS)}')
    parser.add_argument(
        '--range', type=float, nargs=2, default=(0.0, 0.0), metavar=('LOW', 'HIGH'),
        help='values of raw images of 16 or 32 bits that become black and white: thermal, '
        'depth, 10 or 12 bits in 16')


def reading(args: argparse.Namespace) -> ImageReading:
    """Return what the options say; ConfigError if they contradict each other."""
    from mot_ros.data.image_reading import ImageReading

    return ImageReading(args.encoding, *args.range)
