# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The papers' tables with our rows beside them, as far as the data was at hand.

The data sets may not be passed on, so whoever has them fills our rows: the command under each
table makes a report, `--fill TABLE=report.json` takes its rows over into the results file.
Without an argument the tables are printed as they stand in docs/results.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import datetime
import json
from pathlib import Path
import sys
from typing import Any

import _start  # noqa: F401 - finds mot_ros in a plain checkout

from mot_ros.benchmarking.machine import describe_machine
from mot_ros.benchmarking.markdown import markdown_table
from mot_ros.evaluation.report.summary import load
from mot_ros.tracking.errors import ConfigError, MotError

RESULTS = Path(__file__).resolve().parent / 'results' / 'papers.json'
PERCENT = ('MOTA', 'IDF1', 'HOTA', 'TAP50', 'TAP75')
"""Columns that the papers give in percent and our reports as fractions."""


@dataclass(frozen=True)
class Table:
    """A published table: its rows by name, and the command that makes ours."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]
    command: tuple[str, ...]
    """In pieces, one a line."""
    note: str = ''
    submission: bool = False
    """The truth is not public: a server scores the tracks."""


MOT17_TRAIN = (
    'mot_ros evaluate --mot MOT17/train --amodal --preset paper -o report '
    '--sequences MOT17-02-FRCNN,MOT17-04-FRCNN,',
    'MOT17-05-FRCNN,MOT17-09-FRCNN,MOT17-10-FRCNN,MOT17-11-FRCNN,MOT17-13-FRCNN')

TABLES = (
    Table(
        'mot17-train', 'MOT17 train, private detections (SiamMOT, table 1)',
        ('MOTA', 'IDF1', 'FP', 'FN', 'switches'), (
            ('Tracktor', (58.6, 53.0, 3195, 42488, 858)),
            ('Tracktor + flow', (60.3, 54.8, 3518, 40387, 716)),
            ('SiamMOT, IMM', (61.5, 57.5, 5730, 36863, 678)),
            ('SiamMOT, EMM', (63.3, 58.4, 5726, 34833, 671))),
        MOT17_TRAIN,
        'One copy of the seven sequences: 112,300 boxes.'),
    Table(
        'crp', 'Caltech Roadside Pedestrians (SiamMOT, table 1)',
        ('MOTA', 'IDF1', 'FP', 'FN', 'switches'), (
            ('Tracktor', (15.9, 25.1, 632, 21238, 1126)),
            ('Tracktor + flow', (41.8, 56.4, 2381, 11934, 1594)),
            ('SiamMOT, IMM', (76.8, 81.2, 2583, 2391, 1377)),
            ('SiamMOT, EMM', (76.4, 81.1, 2548, 2575, 1311))),
        ('mot_ros evaluate --crp caltech_roadside_pedestrians --amodal --preset paper -o report',),
        'Sparse truth: only annotated frames are scored, 27,300 boxes.'),
    Table(
        'tao-person', 'TAO, people, validation (SiamMOT, tables 1 and 6)', ('TAP50', 'TAP75'), (
            ('Tracktor', (29.1, None)), ('Tracktor + flow', (32.8, None)),
            ('SiamMOT, DLA-34, IMM', (34.7, None)), ('SiamMOT, DLA-34, EMM', (35.3, None)),
            ('Tracktor++', (36.7, None)), ('SiamMOT, ResNet-101', (41.1, 23.0)),
            ('SiamMOT, DLA-169', (42.1, 24.3))),
        ('mot_ros evaluate --tao annotations/validation.json --images TAO/frames '
         '--classes person --preset paper -o report',)),
    Table(
        'mot17-train-smot', 'MOT17 train (SMOT, without linker)',
        ('MOTA', 'IDF1', 'switches', 'transfers'), (
            ('Tracktor++', (58.8, 62.3, 1425, None)), ('SMOT', (52.9, 47.7, 2491, 690)),
            ('SMOT + Farneback', (55.4, 53.8, 743, 89)),
            ('SMOT + PWC-Net', (56.0, 53.9, 620, 69))),
        ('mot_ros evaluate --mot MOT17/train --sequences MOT17-02-FRCNN,MOT17-04-FRCNN,'
         'MOT17-05-FRCNN,MOT17-09-FRCNN,MOT17-10-FRCNN,MOT17-11-FRCNN,MOT17-13-FRCNN '
         '--preset paper -o report',)),
    Table(
        'mot17-test-public', 'MOT17 test, public detections', ('MOTA', 'IDF1'), (
            ('Tracktor++v2', (56.5, 55.1)), ('NeuralSolver', (58.8, 61.7)),
            ('CenterTrack', (61.5, 59.6)), ('SiamMOT, DLA-34, EMM', (65.9, 63.3))),
        ('mot_ros evaluate --mot MOT17/test --amodal --detections public --preset paper '
         '-o report',),
        submission=True),
    Table(
        'mot17-test', 'MOT17 test, private detections', ('MOTA', 'IDF1', 'HOTA'), (
            ('ByteTrack', (80.3, 77.3, 63.1)), ('BoT-SORT', (80.6, 79.5, 64.6)),
            ('BoT-SORT-ReID', (80.5, 80.2, 65.0)), ('SMILEtrack', (81.06, 80.5, 65.28))),
        ('mot_ros evaluate --mot MOT17/test --amodal --preset paper -o report',),
        'The published figures include thresholds chosen per sequence and offline interpolation.',
        submission=True),
    Table(
        'mot20-test', 'MOT20 test, private detections', ('MOTA', 'IDF1', 'HOTA'), (
            ('ByteTrack', (77.8, 75.2, 61.3)), ('BoT-SORT', (77.7, 76.3, 62.6)),
            ('BoT-SORT-ReID', (77.8, 77.5, 63.3)), ('SMILEtrack', (78.19, 77.53, None))),
        ('mot_ros evaluate --mot MOT20/test --amodal --preset paper -o report',), submission=True),
    Table(
        'hieve-test', 'HiEve test, public detections (SiamMOT, table 7)',
        ('MOTA', 'IDF1', 'FP', 'FN', 'switches'), (
            ('DeepSORT', (27.1, 28.6, None, None, None)),
            ('SiamMOT, DLA-34', (51.5, 47.9, 3509, 28667, 1866)),
            ('SiamMOT, DLA-169', (53.2, 51.7, 2837, 28485, 1730))),
        ('mot_ros evaluate --mot HIE20/test --detections public --preset paper -o report',),
        submission=True),
)


def markdown(results: Mapping[str, Any]) -> str:
    """Return all tables; `results` are our rows by table and run."""
    parts = []
    for table in TABLES:
        ours = results.get(table.name, {})
        lines = [['method', *table.columns]]
        lines += [[name, *map(_text, table.columns, row)] for name, row in table.rows]
        lines += [[f'**mot_ros {run}**', *(_of_ours(row, name) for name in table.columns)]
                  for run, row in ours.get('runs', {}).items()]
        where = (
            f'Ours: {ours["date"]}, {ours["hardware"]["cpu"]}.' if ours
            else 'Ours: **not run here**, the data set is missing.')
        how = ('writes one text file per sequence to `report/tracks`, for the server to score'
               if table.submission else 'then `python benchmarks/papers.py --fill '
               f'{table.name}=report/report.json`')
        command = '\\\n'.join(table.command)
        parts.append(
            f'### {table.title}\n\n{markdown_table(lines)}\n'
            f'{table.note + " " if table.note else ""}{where} To fill it:\n\n'
            f'```\n{command}\n```\n\n{how[0].upper()}{how[1:]}.\n')
    return '\n'.join(parts)


def fill(text: str, results: dict[str, Any]) -> None:
    """Take the combined rows of a report over, for TABLE=report.json."""
    name, _, path = text.partition('=')
    table = next((table for table in TABLES if table.name == name), None)
    if table is None or not path:
        raise ConfigError(
            f'--fill is {text!r}; write TABLE=report.json with a table of '
            f'{", ".join(table.name for table in TABLES)}')
    report = load(Path(path))
    results[name] = {
        'date': datetime.date.today().isoformat(),
        'hardware': describe_machine(), 'options': report['options'], 'settings': report['runs'],
        'runs': {run: whole['scores'] for run, whole in report['combined'].items()}}


def _text(column: str, value: float | None) -> str:
    if value is None:
        return '-'
    # as precise as it was published
    return f'{value:,.0f}' if column not in PERCENT else str(float(value))


def _of_ours(row: Mapping[str, float], name: str) -> str:
    if name not in row:
        return '-'
    return f'{100 * row[name]:.1f}' if name in PERCENT else f'{row[name]:,.0f}'


def main(args: Sequence[str] | None = None) -> int:
    """Print the tables, or take a report over first."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--fill', action='append', default=[], metavar='TABLE=FILE',
        help='take the rows of a report.json over; may be repeated')
    parser.add_argument(
        '--results', type=Path, default=RESULTS, metavar='FILE', help='where our rows are kept')
    options = parser.parse_args(args)
    results: dict[str, Any] = (
        json.loads(options.results.read_text(encoding='utf-8'))
        if options.results.exists() else {})
    try:
        for text in options.fill:
            fill(text, results)
    except (MotError, OSError) as error:
        parser.error(str(error))
    if options.fill:
        options.results.write_text(json.dumps(results, indent=1) + '\n', encoding='utf-8')
    sys.stdout.write(markdown(results))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
