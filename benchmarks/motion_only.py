# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Tracking by boxes alone, on MOTChallenge sequences from their public detections, beside peers.

    python benchmarks/motion_only.py MOT15/train --peers-python peers/bin/python

Every tracker gets the same detections, best score first, one setting for all sequences and no
image: ours with `appearance.type: none`, and SMILEtrack's cues (buffer, height, direction) also
one by one; trackers from PyPI with the defaults of their libraries (`motion_peers.py`). All are
scored by the same scorer, over all sequences together, boxes cut to the image.

As a tracker on so few sequences does well or badly by chance, everything is repeated on slightly
disturbed detections (`--disturbed`): edges moved by 2 % of the side and scores by .01 (1 sigma),
3 % dropped. `mean` is over the given detections and these. Prints one table and writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
import json
from pathlib import Path
import subprocess
import sys
import tempfile
from typing import Any

import _start  # noqa: F401 - finds mot_ros in a plain checkout
import numpy as np

from mot_ros.benchmarking.disturbed import disturbed
from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import finish, make_parser, require
from mot_ros.data.annotated import Annotated
from mot_ros.data.datasets.mot import MotRows
from mot_ros.data.datasets.mot_folder import MotFolder, sequence_folders
from mot_ros.evaluation.benchmark import run_all
from mot_ros.evaluation.job import Job
from mot_ros.evaluation.options import Options
from mot_ros.evaluation.scores import scoring
from mot_ros.tracking.errors import SourceError

BLIND = {'appearance.type': 'none'}
CUES = ('smiletrack.biou_buffer', 'smiletrack.height_iou_power', 'smiletrack.direction_weight')
OURS: Mapping[str, Mapping[str, Any]] = {
    'mot_ros smiletrack': {'method': 'smiletrack', **BLIND},
    **{f'mot_ros smiletrack, no {cue.partition(".")[2]}': {
        'method': 'smiletrack', **BLIND, cue: 0.0} for cue in CUES},
    'mot_ros smiletrack, no cue': {
        'method': 'smiletrack', **BLIND, **dict.fromkeys(CUES, 0.0)},
    'mot_ros botsort': {'method': 'botsort', **BLIND},
    'mot_ros bytetrack': {'method': 'bytetrack'},
    'mot_ros sort': {'method': 'sort'},
}
"""Our trackers by the names of their rows: settings that are not the default ones."""
COLUMNS = ('HOTA', 'IDF1', 'MOTA', 'DetA', 'AssA', 'switches', 'FP', 'FN')
GIVEN = 'given'
"""Name of the detections as they were given; the disturbed ones go by their seed."""


def write_detections(path: Path, rows: MotRows) -> None:
    """Write detections as MOTChallenge does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(
        f'{frame},-1,{x1:.3f},{y1:.3f},{x2 - x1:.3f},{y2 - y1:.3f},{score:.6f},-1,-1,-1\n'
        for frame, (x1, y1, x2, y2), score in zip(
            rows.frames.tolist(), rows.boxes.tolist(), rows.values.tolist(), strict=True)),
        encoding='ascii')


def prepare(sequences: Sequence[Annotated], work: Path, count: int) -> dict[str, Path]:
    """Write the detections of all sequences, given and disturbed; return the folders."""
    folders = {name: work / 'detections' / name
               for name in (GIVEN, *map(str, range(1, count + 1)))}
    for sequence in sequences:
        if sequence.public is None:
            raise SourceError(f'{sequence.name} has no det/det.txt; every sequence needs one')
        rows = sequence.public()
        for name, folder in folders.items():
            write_detections(folder / f'{sequence.name}.txt', (
                rows if name == GIVEN else disturbed(rows, int(name))))
    return folders


def run_peers(
        python: Path, sequences: Sequence[Annotated], folders: Mapping[str, Path],
        work: Path) -> tuple[dict[str, str], dict[str, Path]]:
    """Run the peers; return versions by name of those that ran, and where their results are."""
    output = {name: work / 'peers' / name for name in folders}
    job = work / 'job.json'
    job.write_text(json.dumps({
        'sequences': [{'name': s.name, 'size': s.size, 'length': s.length} for s in sequences],
        'detections': {name: str(folder) for name, folder in folders.items()},
        'output': {name: str(folder) for name, folder in output.items()},
        'report': str(work / 'peers.json')}), encoding='utf-8')
    script = Path(__file__).resolve().with_name('motion_peers.py')
    # what the libraries print is of no use to anybody here
    done = subprocess.run([str(python), str(script), str(job)], capture_output=True, text=True)
    if done.returncode:
        raise SourceError(f'{python} {script} failed: {done.stderr.strip()[-500:]}')
    versions = {}
    for peer in json.loads((work / 'peers.json').read_text(encoding='utf-8')):
        if peer['error']:
            sys.stderr.write(f'{peer["name"]} is left out: {peer["error"]}\n')
        else:
            versions[peer['name']] = peer['version']
    return versions, output


def score(
        places: Sequence[MotFolder], folders: Mapping[str, Path], peers: Sequence[str],
        output: Mapping[str, Path], jobs: int) -> dict[str, dict[str, dict[str, Any]]]:
    """Return, by tracker and folder of detections, the figures of all sequences and each."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, folder in folders.items():
        options = Options(detections=str(folder), worst_frames=False)
        outcomes = run_all([
            Job(place, options, OURS, {peer: output[name] / peer for peer in peers})
            for place in places], jobs)
        for outcome in outcomes:
            if outcome.error or outcome.raw is None:
                raise SourceError(f'{outcome.run} on {outcome.sequence}: '
                                  f'{outcome.error or "there is no truth to score it by"}')
        for run in dict.fromkeys(outcome.run for outcome in outcomes):
            mine = {o.sequence: o.raw for o in outcomes if o.run == run and o.raw is not None}
            found.setdefault(run, {})[name] = {
                'combined': scoring.figures(scoring.combine(list(mine.values()))),
                'sequences': {key: scoring.figures(raw) for key, raw in mine.items()}}
    return found


def rows_of(
        found: Mapping[str, Mapping[str, Mapping[str, Any]]],
        versions: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return a row per tracker, best HOTA on the given detections first."""
    rows = []
    for run, by_folder in found.items():
        combined = [each['combined'] for each in by_folder.values()]
        rows.append({
            'tracker': run, 'version': versions.get(run),
            **{column: by_folder[GIVEN]['combined'][column] for column in COLUMNS},
            'mean HOTA': float(np.mean([each['HOTA'] for each in combined])),
            'mean IDF1': float(np.mean([each['IDF1'] for each in combined])),
            'sequences': {
                name: {column: figures[column] for column in COLUMNS}
                for name, figures in by_folder[GIVEN]['sequences'].items()}})
    return sorted(rows, key=lambda row: -float(row['HOTA']))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as Markdown, fractions in percent."""
    names = ['tracker', 'version', 'HOTA', 'IDF1', 'mean HOTA', 'mean IDF1', *COLUMNS[2:]]
    return table_of_rows([
        {name: 100 * row[name] if isinstance(row[name], float) else row[name] for name in names}
        for row in rows], 2)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, 'motion_only.json')
    parser.add_argument('mot', type=Path, help='folder of sequences with gt/ and det/')
    parser.add_argument('--peers-python', type=Path, metavar='FILE', help=(
        'Python that has the peers; motion_peers.py --list-peers says how to install them'))
    parser.add_argument('--disturbed', type=int, default=2, metavar='N',
                        help='runs on disturbed detections (2)')
    parser.add_argument('--jobs', type=int, default=1, help='processes for ours and scores (1)')
    args = parser.parse_args(argv)
    require(parser, args, 0, 'disturbed')
    require(parser, args, 1, 'jobs')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run everything."""
    args = parse(argv)

    def work() -> None:
        places = [MotFolder(folder.resolve().name, folder)
                  for folder in sequence_folders(args.mot)]
        sequences = [place.read() for place in places]
        with tempfile.TemporaryDirectory() as scratch:
            folders = prepare(sequences, Path(scratch), args.disturbed)
            versions: dict[str, str] = {}
            output: dict[str, Path] = {}
            if args.peers_python:
                versions, output = run_peers(
                    args.peers_python, sequences, folders, Path(scratch))
            found = score(places, folders, list(versions), output, args.jobs)
        rows = rows_of(found, versions)
        sys.stdout.write(table(rows))
        write_result(args.json, {
            'benchmark': 'motion_only', 'sequences': [s.name for s in sequences],
            'checksums': {s.name: dict(s.checksums) for s in sequences},
            'disturbed': args.disturbed,
            'settings': {run: dict(what) for run, what in OURS.items()}, 'rows': rows})

    return finish('motion_only.py', work)


if __name__ == '__main__':
    sys.exit(main())
