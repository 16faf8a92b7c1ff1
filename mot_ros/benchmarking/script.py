# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Command line, default data and errors of the scripts in benchmarks/."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
import sys
from typing import Any, TypeVar

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.params_file import parse_assignment
from mot_ros.tracking.config.schema import catalogue
from mot_ros.tracking.errors import MotError
from mot_ros.tracking.weights import store as weights

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / 'benchmarks' / 'results'
DATA = ROOT.parent / 'shared' / 'data'
"""Data sets beside the repository."""
INTERRUPTED = 130
Number = TypeVar('Number', int, float)


def make_parser(about: str | None, result: str | Path | None = None) -> argparse.ArgumentParser:
    """Return a parser that shows `about` as it is; `result` is the default of --json."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    if result is not None:
        parser.add_argument(
            '--json', type=Path, default=Path(result), help=f'result ({Path(result).name})')
    return parser


def add_pets(parser: argparse.ArgumentParser, *, truth: bool = True) -> None:
    """Add --video, by default that of `mot_ros demo`, and --truth, the ground truth of it."""
    parser.add_argument('--video', type=Path, help='(that of mot_ros demo)', default=(
        weights.cache_root().parent / 'videos' / 'vtest.avi'))
    if truth:
        parser.add_argument(
            '--truth', type=Path, default=DATA / 'mot15/PETS09-S2L1/gt/gt.txt',
            help='its gt.txt (PETS09-S2L1 in shared/data beside the repository)')


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add --set, which collects assignments for settings_of."""
    parser.add_argument('--set', dest='changes', action='append', default=[],
                        metavar='NAME=VALUE', help='change a setting; may be repeated')


def settings_of(assignments: Sequence[str]) -> dict[str, Any]:
    """Return the values of NAME=VALUE assignments by name; ConfigError for a bad one."""
    known = catalogue(Settings, next(iter(Settings.presets)))
    return dict(parse_assignment(text, known) for text in assignments)


def require(parser: argparse.ArgumentParser, args: argparse.Namespace, least: float,
            *names: str) -> None:
    """End with a usage error if one of the options is below `least`."""
    for name in names:
        if getattr(args, name) < least:
            parser.error(f'--{name.replace("_", "-")} is {getattr(args, name)}; '
                         f'it must be at least {least:g}')


def numbers(text: str, kind: Callable[[str], Number], between: str = ',') -> list[Number]:
    """Return the numbers of a list such as 1,2,3; ValueError if one is none."""
    return [kind(part) for part in text.split(between)]


def size_of(text: str) -> tuple[int, int]:
    """Return (width, height) of a text such as 640x480; ValueError for another."""
    width, height = numbers(text, int, 'x')
    return width, height


def finish(name: str, work: Callable[[], int | None]) -> int:
    """Do the work of a script; return its exit status: 2 for a MotError, which is printed."""
    try:
        return work() or 0
    except MotError as error:
        sys.stderr.write(f'{name}: error: {error}\n')
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED


def with_torch() -> dict[str, Any]:
    """Return versions and devices that results of torch depend on, for write_result."""
    import torch

    return {
        'torch': torch.__version__, 'torch_threads': torch.get_num_threads(),
        'gpu': torch.cuda.get_device_name() if torch.cuda.is_available() else None}
