# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""
The report as data: what goes into report.json and report.csv, and what differs between two.

The document holds nothing that depends on the machine, on the date or on how the work was shared
out, so that equal results are equal files; times have a place of their own. Only what real time
cost a live run is in it, as that is its result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import csv
import dataclasses
from dataclasses import dataclass
from importlib import metadata
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from mot_ros import __version__
from mot_ros.evaluation import live
from mot_ros.evaluation.job import Outcome, PARTS
from mot_ros.evaluation.options import Options
from mot_ros.evaluation.scores import scoring
from mot_ros.evaluation.scores.scoring import (
    COUNTS,
    FRACTIONS,
    LOWER_IS_BETTER,
    NEITHER,
    TRACK_FRACTIONS,
)
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.user_files import read_text

Document = dict[str, Any]

FORMULA = ('=', '+', '-', '@', '\t', '\r')
"""How cells begin that spreadsheets compute."""
FORMAT = 2
COMBINED = 'COMBINED'
STAGES = ('decode', 'detector', 'tracker')
SAME = 5e-4
"""Fractions closer than this are the same in three digits."""


def document(
        outcomes: Sequence[Outcome], options: Options,
        runs: Mapping[str, Mapping[str, Any]]) -> Document:
    """Return the report; `runs` says what made each run: its settings, or a result file."""
    return {
        'format': FORMAT, 'mot_ros': __version__, 'trackeval': _version_of('trackeval'),
        'options': {name: value for name, value in dataclasses.asdict(options).items()
                    if name != 'worst_frames'},
        'runs': {name: _plain(what) for name, what in runs.items()},
        'alphas': list(scoring.ALPHAS),
        'results': live.with_changes([_result(outcome) for outcome in outcomes]),
        COMBINED.lower(): {run: _combined(
            [outcome for outcome in outcomes if outcome.run == run], options) for run in runs},
    }


def timings(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return median and 99th percentile of the time per frame, in ms."""
    return [
        {'run': outcome.run, 'sequence': outcome.sequence,
         **{f'{stage}_ms_{name}': float(np.percentile(times, share))
            for stage, times in outcome.stages_ms.items() if times
            for name, share in (('median', 50), ('p99', 99))}}
        for outcome in outcomes if not outcome.error]


def overhead(outcomes: Sequence[Outcome], around: float) -> dict[str, float]:
    """
    Return what the work took, in seconds, and which `share` of it was not detector or tracker.

    The parts are added up over all runs, also where they were done side by side; `around` is
    what the evaluation took before and after. `wait` is the loop without detector and tracker:
    waiting for images, and writing tracks.
    """
    found = {part: sum(outcome.parts_ms.get(part, 0.0) for outcome in outcomes) / 1e3
             for part in PARTS}
    for stage in ('detector', 'tracker'):
        found[stage] = sum(
            sum(outcome.stages_ms.get(stage, [])) for outcome in outcomes) / 1e3
    found['wait'] = found.pop('loop') - found['detector'] - found['tracker']
    found['around'] = around
    total = sum(found.values())
    share = 1 - (found['detector'] + found['tracker']) / total
    return {**found, 'total': total, 'share': share}


def stages_of(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the stages that were timed: the known ones in their order, then any others."""
    timed = {stage for outcome in outcomes if not outcome.error
             for stage, times in outcome.stages_ms.items() if times}
    return [*(stage for stage in STAGES if stage in timed), *sorted(timed - set(STAGES))]


def rows(report: Document) -> list[dict[str, Any]]:
    """Return one flat row per result, each run's combined row after its sequences."""
    found = []
    for run, whole in report['combined'].items():
        for result in report['results']:
            if result['run'] == run:
                found.append({
                    'run': run, 'sequence': result['sequence'], 'frames': result['frames'],
                    'scored': result['scored'], 'error': result['error'], **result['scores']})
        found.append({
            'run': run, 'sequence': COMBINED, 'frames': whole['frames'],
            'scored': whole['scored'], 'error': '' if whole['sequences'] == whole['of'] else
            f'{whole["sequences"]} of {whole["of"]} sequences', **whole['scores']})
    return found


def track_fractions(report: Document) -> list[str]:
    """Return which figures of whole tracks there are: none but for sequences of TAO."""
    found = rows(report)
    return [name for name in TRACK_FRACTIONS if any(name in row for row in found)]


def as_json(report: Any) -> str:
    """Return the text of a JSON file."""
    return json.dumps(report, indent=1, allow_nan=False) + '\n'


def as_csv(report: Document, times: Sequence[Mapping[str, Any]]) -> str:
    """
    Return the text of report.csv: every row with its times.

    Text that a spreadsheet would compute has an apostrophe before it, see FORMULA; report.json
    holds it as it is.
    """
    by_name = {(row['run'], row['sequence']): row for row in times}
    costs = live.columns(report['results'])
    timed = (*STAGES, live.STAGE) if costs else STAGES
    stages = [f'{stage}_ms_{name}' for stage in timed for name in ('median', 'p99')]
    stages += next(iter(costs.values()), {})
    fractions = [*FRACTIONS, *track_fractions(report)]
    columns = ['run', 'sequence', 'frames', 'scored', *fractions, *COUNTS, *stages, 'error']
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval='', lineterminator='\n')
    writer.writeheader()
    for row in rows(report):
        writer.writerow({
            name: round(value, 6) if isinstance(value, float) else _harmless(value)
            for name, value in {
                **row, **by_name.get((row['run'], row['sequence']), {}),
                **costs.get((row['run'], row['sequence']), {})}.items()})
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def load(path: Path) -> Document:
    """Read an earlier report.json."""
    try:
        report = json.loads(read_text(path))
        if report['format'] != FORMAT:
            raise ValueError(f'format is {report["format"]}, expected {FORMAT}')
        rows(report)
        dict(report['options'])
        dict(report['runs'])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise SourceError(
            f'{path} is no report.json of mot_ros evaluate ({type(error).__name__}: {error})') \
            from error
    return dict(report)


@dataclass(frozen=True)
class FigureChange:
    """One figure before and now; `better` is None where it is the same or neither."""

    before: float
    now: float
    better: bool | None


@dataclass(frozen=True)
class Comparison:
    """Two reports side by side: settings, figures, and what only one of them has."""

    settings: list[tuple[str, str, str]]
    """Name, value before, value now."""
    figures: list[tuple[str, str, dict[str, FigureChange]]]
    """Run, sequence, figures by name."""
    alone: list[str]
    """What could not be compared."""


def compare(before: Document, now: Document) -> Comparison:
    """
    Compare by run and sequence.

    Where each report has only one run these are compared whatever they are called.
    """
    names = {run: run for run in now['runs'] if run in before['runs']}
    if len(now['runs']) == len(before['runs']) == 1:
        names = {next(iter(now['runs'])): next(iter(before['runs']))}
    settings = _differing('', before['options'], now['options'])
    for run, earlier in names.items():
        settings += _differing(f'{run}: ', before['runs'][earlier], now['runs'][run])
    old = {(row['run'], row['sequence']): row for row in rows(before)}
    found, alone, used = [], [], set()
    for row in rows(now):
        key = (names.get(row['run'], ''), row['sequence'])
        theirs = old.get(key)
        if theirs is None or 'HOTA' not in theirs or 'HOTA' not in row:
            alone.append(f'{row["run"]} on {row["sequence"]}: only now')
            continue
        used.add(key)
        shown = row['run'] if key[0] == row['run'] else f'{key[0]} → {row["run"]}'
        found.append((shown, row['sequence'], {
            name: _difference(name, theirs[name], row[name])
            for name in (*FRACTIONS, *TRACK_FRACTIONS, *COUNTS)
            if name in theirs and name in row}))
    alone += [f'{run} on {sequence}: only before'
              for run, sequence in old if (run, sequence) not in used]
    return Comparison(settings, found, alone)


def _difference(name: str, before: float, now: float) -> FigureChange:
    least = SAME if name in (*FRACTIONS, *TRACK_FRACTIONS) else 0.5
    if abs(now - before) < least or name in NEITHER:
        return FigureChange(before, now, None)
    return FigureChange(before, now, (now > before) != (name in LOWER_IS_BETTER))


def _differing(
        prefix: str, before: Mapping[str, Any], now: Mapping[str, Any]
        ) -> list[tuple[str, str, str]]:
    return [
        (f'{prefix}{name}', str(before.get(name, '')), str(now.get(name, '')))
        for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]


def _result(outcome: Outcome) -> dict[str, Any]:
    return {
        'run': outcome.run, 'sequence': outcome.sequence, 'error': outcome.error,
        'frames': outcome.frames, 'scored': outcome.scored, 'rate': outcome.rate,
        'rule': outcome.rule,
        'scores': {} if outcome.raw is None else scoring.figures(outcome.raw),
        'hota_over_alpha': [] if outcome.raw is None else scoring.curve(outcome.raw),
        **{kind: [dataclasses.asdict(change) for change in changes]
           for kind, changes in (
               ('switches', outcome.switches), ('transfers', outcome.transfers))},
        'sha256': outcome.checksums, 'warnings': outcome.warnings,
        **({} if outcome.live is None else {'live': live.described(outcome.live)})}


def _combined(outcomes: Sequence[Outcome], options: Options) -> dict[str, Any]:
    scored = [outcome for outcome in outcomes if outcome.raw is not None and not outcome.error]
    every = [outcome.raw for outcome in scored if outcome.raw is not None]
    raw = scoring.combine(every, options.iou) if every else None
    return {
        'sequences': len(scored), 'of': len(outcomes),
        'frames': sum(outcome.frames for outcome in scored),
        'scored': sum(outcome.scored for outcome in scored),
        'scores': {} if raw is None else scoring.figures(raw),
        'hota_over_alpha': [] if raw is None else scoring.curve(raw)}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()}


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return 'unknown'
