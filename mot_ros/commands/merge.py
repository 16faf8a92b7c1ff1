# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros merge`: tracks of a finished result joined by their looks (SiamMOT+), or left out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
import re
import sys
from typing import TYPE_CHECKING

from mot_ros.commands import reading_options, say, setting_options
from mot_ros.tracking.config import Settings
from mot_ros.tracking.errors import ConfigError

if TYPE_CHECKING:
    from mot_ros.data.datasets.mot import MotRows

BETWEEN = re.compile(r'\s*[;,\t]\s*|\s+')
"""Stands between the columns of a result."""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        'tracks', type=Path, metavar='TRACKS', help='result as MOTChallenge text')
    parser.add_argument(
        'source', nargs='?', metavar='SOURCE',
        help='the images that were tracked: a video, a folder, a pattern or a rosbag2; without '
        'them nothing is joined')
    parser.add_argument(
        '-o', '--output', type=Path, required=True, metavar='FILE', help='what to write')
    parser.add_argument('--topic', metavar='T', help='topic of the images in a bag')
    parser.add_argument('--fps', type=float, metavar='F', help='frame rate in Hz of the images')
    reading_options.add(parser)
    parser.add_argument(
        '--similarity', type=float, default=0.8, metavar='C',
        help='least cosine of the looks of two tracklets that are joined (0.8)')
    parser.add_argument(
        '--gap', type=float, default=10.0, metavar='S',
        help='most seconds between the end of one and the beginning of the next (10)')
    parser.add_argument(
        '--speed', type=float, default=0.0, metavar='V',
        help='most heights of its box that somebody gets on in a second out of sight; 0: any, '
        'as for a moving camera (0)')
    parser.add_argument(
        '--least-boxes', type=int, default=1, metavar='N',
        help="leave out tracks with fewer boxes; 5 in the evaluation of SiamMOT's code (1)")
    parser.add_argument(
        '--least-score', type=float, default=0.0, metavar='S',
        help='leave out tracks with a lower mean score; 0.7 there (0)')
    setting_options.add(parser, params=False, example='appearance.type=slm')
    parser.set_defaults(run=_merge)


def _merge(args: argparse.Namespace) -> int:
    from mot_ros.data.datasets.mot import NO_ID, read_tracks
    from mot_ros.evaluation.tracklet_merge import lasting
    from mot_ros.tracking.runtime.output_file import check_writable, write_text

    check_writable(args.output)
    rows = read_tracks(args.tracks)
    names = {identity: identity for identity in sorted(set(rows.ids.tolist()) - {NO_ID})}
    if args.source is not None:
        names |= _joined(args, rows)
    kept = lasting(rows, names, args.least_boxes, args.least_score)
    write_text(args.output, renamed(args.tracks.read_text(encoding='utf-8-sig'), {
        old: new if new in kept else None for old, new in names.items()}))
    sys.stdout.write(
        f'tracks    {len(names)} ids became {len(set(names.values()))}, {len(kept)} are left\n'
        f'wrote     {args.output}\n')
    return 0


def _joined(args: argparse.Namespace, rows: MotRows) -> dict[int, int]:
    """Return the new id of every track that was seen in the images."""
    from mot_ros.data.sources import open_frames
    from mot_ros.evaluation.tracklet_merge import merge, MergeRules
    from mot_ros.tracking.appearance.factory import make_embedder
    from mot_ros.tracking.config.schema import build

    settings = build(Settings, setting_options.from_options(args, Settings))
    embedder = make_embedder(settings)
    if embedder is None:
        raise ConfigError('appearance.type is none; tracks are joined by looks: name another')
    source = open_frames(
        args.source, args.fps, topic=args.topic, reading=reading_options.reading(args))
    names = merge(
        rows, source, source.index_of, embedder, MergeRules(args.similarity, args.gap, args.speed))
    for sentence in source.shortcomings:
        say(f'warning: {sentence}')
    return names


def renamed(text: str, names: Mapping[int, int | None]) -> str:
    """Return MOTChallenge text with other ids, without those for None; the rest as it was."""
    from mot_ros.data.datasets.text_table import whole_number

    lines = []
    for line in text.splitlines():
        fields = BETWEEN.split(line.strip())
        identity = whole_number(fields[1]) if len(fields) > 1 else None
        if identity is not None:
            name = names.get(identity, identity)
            if name is None:
                continue
            fields[1] = str(name)
        lines.append(','.join(fields))
    return ''.join(f'{line}\n' for line in lines)
