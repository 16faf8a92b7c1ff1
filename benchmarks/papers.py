# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The papers' tables: run the protocol of each row, and print published and measured side by side.

`papers.py TABLE --data FOLDER -o OUT` evaluates every row that is a method or variant of ours,
each with its own preset, and writes OUT/TABLE.md. Rows that are finished are taken over from an
earlier start, and a row that was broken off goes on where it was. The data sets may not be passed
on, so whoever has them runs this. Rows of networks that are not shipped need --weights NAME=FILE.
Without an argument all tables are printed as they stand in docs/results.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
import json
from pathlib import Path
import sys

import _start  # noqa: F401 - finds mot_ros in a plain checkout
from _tables_of_papers import Row, Table, TABLES

from mot_ros import cli
from mot_ros.benchmarking.markdown import markdown_table
from mot_ros.tracking.errors import ConfigError, MotError

PERCENT = ('MOTA', 'IDF1', 'HOTA', 'TAP50', 'TAP75', 'IDP', 'IDR', 'precision', 'recall', 'F1')
"""Columns that are printed in percent; reports have fractions."""
SHARES = {'mostly tracked %': 'mostly tracked', 'mostly lost %': 'mostly lost'}
"""Columns that are counts of people in reports and shares of them in the papers."""
Measured = Mapping[str, Mapping[str, float]]
"""Scores by the name of the row."""


def main(args: Sequence[str] | None = None) -> int:
    """Print the tables, or run one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'table', nargs='?', choices=[table.name for table in TABLES], help='the table to run')
    parser.add_argument('--data', type=Path, metavar='FOLDER', help='the data set')
    parser.add_argument('-o', '--output', type=Path, metavar='OUT', help='where results go')
    parser.add_argument(
        '--weights', action='append', default=[], metavar='NAME=FILE',
        help='weights of the rows that need them; may be repeated')
    parser.add_argument(
        '--set', action='append', default=[], metavar='NAME=VALUE',
        help='a setting for all rows, which makes it another protocol; may be repeated')
    options = parser.parse_args(args)
    if options.table is None:
        sys.stdout.write('\n'.join(markdown(table, {}) for table in TABLES))
        return 0
    try:
        if options.data is None or options.output is None:
            raise ConfigError('give --data FOLDER and -o OUT with a table')
        if not options.data.is_dir():
            raise ConfigError(f'{options.data} is no folder; give --data FOLDER with the data set')
        table = next(table for table in TABLES if table.name == options.table)
        status, measured = run(
            table, options.data, options.output, weights_of(options.weights), options.set)
    except (MotError, OSError) as error:
        parser.error(str(error))
    text = markdown(table, measured, ours=True)
    (options.output / f'{table.name}.md').write_text(text, encoding='utf-8')
    sys.stdout.write(text)
    return status


def weights_of(texts: Sequence[str]) -> dict[str, str]:
    """Return files by the names of weights, from NAME=FILE."""
    known = sorted({row.weights for table in TABLES for row in table.rows if row.weights})
    found = {}
    for text in texts:
        name, _, file = text.partition('=')
        if name not in known or not file:
            raise ConfigError(f'--weights is {text!r}; write NAME=FILE with a name of '
                              f'{", ".join(known)}')
        found[name] = file
    return found


def run(
        table: Table, data: Path, output: Path, weights: Mapping[str, str],
        changes: Sequence[str]) -> tuple[int, Measured]:
    """Evaluate the rows of a table; return the exit status and the scores of those that ran."""
    output.mkdir(parents=True, exist_ok=True)
    if table.half:
        data = second_halves(data, output / 'second_halves')
    status, measured = 0, {}
    for number, row in enumerate(table.rows):
        if not row.method:
            continue
        file = weights.get(row.weights, row.shipped)
        if row.weights and not file:
            sys.stderr.write(f'{row.name}: left out; give --weights {row.weights}=FILE\n')
            continue
        folder = output / f'{number:02d}_{row.method}'
        words = command(table, row, data, [*changes, *([f'rcnn.weights={file}'] if file else [])])
        if not finished(folder, words):
            # mot_ros evaluate itself takes over the sequences that an earlier start finished
            status = max(status, cli.main([*words, '-o', str(folder)]))
            if status == 0:
                (folder / 'command.json').write_text(json.dumps(words), encoding='utf-8')
        if (folder / 'report.json').exists():
            report = json.loads((folder / 'report.json').read_text(encoding='utf-8'))
            measured[row.name] = report['combined'].get(row.method, {}).get('scores', {})
    return status, measured


def command(
        table: Table, row: Row, data: Path, changes: Sequence[str] = ()) -> list[str]:
    """Return the words of the evaluation of a row, but for where its results go."""
    words = ['evaluate', *(word.format(data=data) for word in table.source)]
    if table.one_copy and data.is_dir():
        copies = sorted(path.name for path in data.iterdir() if path.name.endswith('-FRCNN'))
        words += ['--sequences', ','.join(copies)] if copies else []
    words += [*table.options, '--methods', row.method, '--preset', row.preset]
    for text in (*row.settings, *changes):
        words += ['--set', text]
    return words


def finished(folder: Path, words: Sequence[str]) -> bool:
    """Return whether an earlier start finished the same command in a folder."""
    path = folder / 'command.json'
    return path.exists() and json.loads(path.read_text(encoding='utf-8')) == list(words)


def second_halves(data: Path, target: Path) -> Path:
    """
    Make a folder with the second half of each sequence, the split of SMILEtrack's ablations.

    ByteTrack's split, which its successors use: of n frames the first n // 2 + 1 are for training,
    the rest is scored. Images are links, frames count from 1 again.
    """
    for source in sorted(path for path in data.iterdir() if (path / 'gt' / 'gt.txt').exists()):
        text = (source / 'seqinfo.ini').read_text(encoding='utf-8')
        values = dict(line.split('=', 1) for line in text.splitlines() if '=' in line)
        length = int(values['seqLength'])
        first = length // 2 + 1
        folder = target / source.name
        (folder / 'gt').mkdir(parents=True, exist_ok=True)
        (folder / 'seqinfo.ini').write_text(
            text.replace(f'seqLength={values["seqLength"]}', f'seqLength={length - first}'),
            encoding='utf-8')
        for kind in ('gt/gt.txt', 'det/det.txt'):
            if (source / kind).exists():
                (folder / kind).parent.mkdir(exist_ok=True)
                lines = (source / kind).read_text(encoding='utf-8').splitlines()
                (folder / kind).write_text(''.join(
                    f'{int(frame) - first},{rest}\n' for frame, _, rest in (
                        line.partition(',') for line in lines if line.strip())
                    if int(frame) > first), encoding='utf-8')
        images = source / values.get('imDir', 'img1').strip()
        if images.is_dir():
            (folder / images.name).mkdir(exist_ok=True)
            for path in images.iterdir():
                place = folder / images.name / (
                    f'{int(path.stem) - first:0{len(path.stem)}d}{path.suffix}')
                if int(path.stem) > first and not place.exists():
                    place.symlink_to(path.resolve())
    return target


def markdown(table: Table, measured: Measured, *, ours: bool = False) -> str:
    """Return a table as text, with two columns a figure if `ours` are wanted."""
    names = [cell for name in table.columns for cell in ((name, 'ours') if ours else (name,))]
    lines = [['method', *names]]
    for row in table.rows:
        cells = []
        for column, name in enumerate(table.columns):
            cells.append(_published(row.figures[column] if row.figures else None))
            if ours:
                cells.append(_measured(measured.get(row.name, {}), name))
        lines.append([f'**{row.name}**' if row.method else row.name, *cells])
    bold = 'Rows in bold are run. ' if any(row.method for row in table.rows) else 'None is run. '
    how = '' if not any(row.method for row in table.rows) else (
        f'\n```\npython benchmarks/papers.py {table.name} --data {table.example} -o report\n```\n')
    submitted = ('The truth is not public: tracks are written for the server to score. '
                 if table.submission else '')
    return (f'### {table.title}\n\n{markdown_table(lines)}\n{bold}{submitted}{table.note}\n{how}')


def _published(value: float | None) -> str:
    if value is None:
        return '-'
    return f'{value:,}'


def _measured(scores: Mapping[str, float], name: str) -> str:
    if name in SHARES and scores.get('people'):
        return f'{100 * scores[SHARES[name]] / scores["people"]:.1f}'
    if name not in scores:
        return '-'
    return f'{100 * scores[name]:.1f}' if name in PERCENT else f'{scores[name]:,.0f}'


if __name__ == '__main__':
    raise SystemExit(main())
