# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""The report: data that repeats, a page that needs nothing else, and comparisons."""

import copy
import csv
import io
import json
from pathlib import Path
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from mot_ros.data.datasets.mot import MotRows
from mot_ros.evaluation.benchmark import Outcome
from mot_ros.evaluation.options import Options
from mot_ros.evaluation.report.charts import curves, histogram, MOST_ROWS, timeline
from mot_ros.evaluation.report.html import render
from mot_ros.evaluation.report.summary import (
    as_csv,
    as_json,
    compare,
    document,
    load,
    rows,
    timings,
)
from mot_ros.evaluation.report.worst_frames import WorstFrame
from mot_ros.evaluation.scores.scoring import combine, figures, measure
from mot_ros.evaluation.scores.track_events import Change, match_events, NOBODY, Span
from mot_ros.tracking.errors import SourceError

RUNS: dict[str, dict[str, Any]] = {
    'one': {'method': 'sort', 'sort.max_age': 1}, 'two<b>': {'result': 'a&b.txt'}}


def outcome(run: str, sequence: str, switch: bool = True) -> Outcome:
    """Make the outcome of two people in ten frames, whose tracks swap in the middle or not."""
    truth = MotRows(
        np.repeat(np.arange(1, 11), 2), np.tile([1, 2], 10),
        np.tile([[0, 0, 10, 20], [50, 0, 60, 20]], (10, 1)), np.ones(20))
    ids = np.where((truth.frames > 5) & switch, 3 - truth.ids, truth.ids)
    tracks = MotRows(truth.frames, ids, truth.boxes, truth.values)[:19]
    events = match_events(truth, tracks)
    return Outcome(
        run, sequence, raw=measure(truth, tracks, len(events.transfers())), frames=10, rate=5,
        rule='mot15', switches=events.switches(), transfers=events.transfers(),
        spans=events.spans(), worst_frames=[WorstFrame('switch', 6, 'person <1>', b'jpeg')],
        stages_ms={'tracker': [0.1 * number for number in range(1, 11)]},
        checksums={'gt/gt.txt': 'abc'})


@pytest.fixture
def outcomes() -> list[Outcome]:
    failed = Outcome('two<b>', 'b', error='b/gt.txt, line 3: <bad>')
    return [outcome('one', 'a'), outcome('two<b>', 'a', switch=False), outcome('one', 'b'),
            failed]


def parsed(page: str) -> list[ElementTree.Element]:
    """Return every chart of a page as XML."""
    return [ElementTree.fromstring(text)  # noqa: S314 - our own page
            for text in re.findall(r'<svg.*?</svg>', page.replace('&alpha;', 'a'), re.DOTALL)]


def test_document_has_it_all(outcomes: list[Outcome]) -> None:
    report = document(outcomes, Options('public', drop=0.25), RUNS)
    assert report['options']['drop'] == 0.25
    assert report['runs'] == RUNS
    assert [result['error'] for result in report['results']] == [
        '', '', '', 'b/gt.txt, line 3: <bad>']
    first = report['results'][0]
    assert first['scores']['switches'] == 2
    assert first['switches'][0] == {
        'frame': 6, 'whose': 1, 'before': 1, 'after': 2, 'since': 5}
    assert first['sha256'] == {'gt/gt.txt': 'abc'}
    one, two = report['combined']['one'], report['combined']['two<b>']
    assert (one['sequences'], one['of'], one['frames']) == (2, 2, 20)
    assert (two['sequences'], two['of'], two['frames']) == (1, 2, 10)
    assert one['scores'] == figures(combine([outcomes[0].raw, outcomes[2].raw]))
    assert one['scores']['switches'] == 4
    assert len(one['hota_over_alpha']) == len(report['alphas']) == 19
    assert np.mean(one['hota_over_alpha']) == pytest.approx(one['scores']['HOTA'])


def test_document_does_not_depend_on_times(outcomes: list[Outcome]) -> None:
    before = as_json(document(outcomes, Options(), RUNS))
    for each in outcomes:
        each.stages_ms = {name: [3.0] * len(times) for name, times in each.stages_ms.items()}
    assert as_json(document(outcomes, Options(), RUNS)) == before
    assert [row['tracker_ms_median'] for row in timings(outcomes)] == [3.0] * 3


def test_nothing_scored_is_a_report_too() -> None:
    report = document([Outcome('one', 'a', error='no')], Options(), {'one': {}})
    assert report['combined']['one']['scores'] == {}
    page = render(report, [Outcome('one', 'a', error='no')], [])
    assert 'Failures' in page
    assert as_csv(report, []).splitlines()[1].endswith(',no')


def test_cells_of_the_csv_are_no_formulas() -> None:
    outcomes = [Outcome('=1+1', '@a', error='-2'), Outcome('one', 'plain', error='no')]
    rows = list(csv.DictReader(io.StringIO(as_csv(
        document(outcomes, Options(), {'=1+1': {}, 'one': {}}), []))))
    assert [(row['run'], row['sequence'], row['error']) for row in rows
            if row['sequence'] != 'COMBINED'] == [
        ("'=1+1", "'@a", "'-2"), ('one', 'plain', 'no')]
    # what a program reads is as it was
    assert '"=1+1"' in as_json(document(outcomes, Options(), {'=1+1': {}, 'one': {}}))


def test_csv(outcomes: list[Outcome]) -> None:
    report = document(outcomes, Options(), RUNS)
    found = list(csv.DictReader(io.StringIO(as_csv(report, timings(outcomes)))))
    assert [(row['run'], row['sequence']) for row in found] == [
        ('one', 'a'), ('one', 'b'), ('one', 'COMBINED'), ('two<b>', 'a'), ('two<b>', 'b'),
        ('two<b>', 'COMBINED')]
    assert found[0]['tracker_ms_median'] == '0.55'
    assert found[2]['switches'] == '4'
    assert found[2]['tracker_ms_median'] == ''
    assert float(found[0]['HOTA']) == pytest.approx(report['results'][0]['scores']['HOTA'], 1e-5)
    assert found[4]['error'] == 'b/gt.txt, line 3: <bad>'
    assert found[5]['error'] == '1 of 2 sequences'


def test_page_needs_nothing_else(outcomes: list[Outcome]) -> None:
    page = render(document(outcomes, Options(), RUNS), outcomes, timings(outcomes))
    assert not re.search(r'(src|href)\s*=\s*"(?!data:)', page)
    assert '//' not in re.sub(r'base64,[\w+/=]+', '', page)
    assert '<script' not in page
    # what users name is text, never markup
    assert 'two<b>' not in page
    assert '&lt;bad&gt;' in page
    assert 'person &lt;1&gt;' in page
    assert page.count('data:image/jpeg;base64,anBlZw==') == 3
    for heading in ('All sequences as one', 'Failures and warnings', 'By sequence',
                    'HOTA over the overlap', 'Who was followed', 'Worst moments',
                    'Time per frame', 'What produced this'):
        assert heading in page
    assert 'Compared with' not in page
    assert 'prefers-color-scheme:dark' in page


def test_page_shows_settings_checksums_and_the_best(outcomes: list[Outcome]) -> None:
    report = document(outcomes, Options(), RUNS)
    page = render(report, outcomes, timings(outcomes))
    assert 'sort.max_age' in page
    assert '<code>abc</code>' in page
    best = report['results'][1]['scores']['HOTA']
    assert f'<td class="best">{best:.3f}</td>' in page
    worst = report['results'][0]['scores']['HOTA']
    assert f'<td>{worst:.3f}</td>' in page
    assert f'<td class="best">{worst:.3f}</td>' not in page


def test_charts_are_well_formed(outcomes: list[Outcome]) -> None:
    charts = parsed(render(document(outcomes, Options(), RUNS), outcomes, timings(outcomes)))
    kinds = [chart.get('class') for chart in charts if chart.get('class')]
    assert kinds == ['curve'] * 3 + ['timeline'] * 3 + ['histogram']


def test_timeline() -> None:
    chart, = parsed(timeline(outcome('one', 'a').spans, outcome('one', 'a').switches))
    bars = chart.findall('rect')
    assert [bar.findtext('title') for bar in bars] == [
        'person 1, frames 1 to 5: track 1', 'person 1, frames 6 to 10: track 2',
        'person 2, frames 1 to 5: track 2', 'person 2, frames 6 to 9: track 1',
        'person 2, frames 10 to 10: no track']
    # the same track has the same colour with either person, another one another
    assert bars[0].get('fill') == bars[3].get('fill') != bars[1].get('fill')
    assert bars[4].get('class') == 'miss'
    assert float(bars[0].get('width', 0)) == pytest.approx(
        float(bars[1].get('width', 0)), abs=0.2)
    marks = [mark.findtext('title') for mark in chart.findall('path')]
    assert marks == ['frame 6: person 1 goes from track 1 to 2',
                     'frame 6: person 2 goes from track 2 to 1']


def test_timeline_of_a_crowd_shows_those_in_trouble() -> None:
    spans = [Span(person, 1, 5, person) for person in range(1, 101)]
    spans += [Span(100, 6, 9, NOBODY)]
    text = timeline(spans, [Change(3, 99, 1, 99, 2)])
    chart, = parsed(text)
    labels = {label.text for label in chart.findall('text')}
    assert {'99', '100', '1', str(MOST_ROWS - 2)} <= labels
    assert str(MOST_ROWS - 1) not in labels
    assert f'{MOST_ROWS} of 100 people' in text
    assert 'Nobody' in timeline([], [])


def test_curve_and_histogram_by_hand() -> None:
    chart, = parsed(curves('t', [0.05, 0.5], {'a': [1.0, 0.0], 'failed': []}))
    line, = chart.findall('polyline')
    (x1, y1), (x2, y2) = (tuple(map(float, point.split(',')))
                          for point in (line.get('points') or '').split())
    # up is better; the grid lines for 1 and 0 are where the points are
    grid = {float(each.get('y1', 0)) for each in chart.findall('line')}
    assert x1 < x2
    assert y1 == min(grid)
    assert y2 == max(grid)
    chart, = parsed(histogram('t', {'a': [0.5] * 4}))
    assert chart.find('polyline') is not None
    assert 'nan' not in ElementTree.tostring(chart, 'unicode')


def test_comparison_by_hand(outcomes: list[Outcome]) -> None:
    before = json.loads(as_json(document([outcome('x', 'a')], Options(), {'x': {'k': 1}})))
    now = document(
        [outcome('x', 'a', switch=False), outcome('x', 'new')], Options(fps=3), {'x': {'k': 2}})
    found = compare(before, now)
    assert found.settings == [('fps', 'None', '3'), ('x: k', '1', '2')]
    assert [row[:2] for row in found.figures] == [('x', 'a'), ('x', 'COMBINED')]
    of_a = found.figures[0][2]
    assert (of_a['switches'].before, of_a['switches'].now, of_a['switches'].better) == (2, 0, True)
    assert of_a['HOTA'].better is True
    assert of_a['FN'].better is None
    assert found.alone == ['x on new: only now']
    backwards = compare(now, before)
    assert backwards.figures[0][2]['switches'].better is False
    assert backwards.figures[0][2]['IDF1'].better is False
    assert backwards.alone == ['x on new: only before']


def test_comparison_of_two_single_runs_needs_no_equal_names() -> None:
    before = document([outcome('old', 'a')], Options(), {'old': {}})
    now = document([outcome('new', 'a')], Options(), {'new': {}})
    assert [row[:2] for row in compare(before, now).figures] == [
        ('old → new', 'a'), ('old → new', 'COMBINED')]
    assert not any(difference.better is not None
                   for row in compare(before, now).figures for difference in row[2].values())


def test_comparison_on_the_page() -> None:
    before = document([outcome('x', 'a')], Options(), {'x': {}})
    better = [outcome('x', 'a', switch=False)]
    now = document(better, Options(), {'x': {}})
    page = render(now, better, [], compare(before, now), 'old.json')
    assert 'Compared with old.json' in page
    assert 'No setting differs' in page
    assert '<td class="better" title="before: 2">0<br><small>-2 ▼</small></td>' in page
    assert 'class="worse"' not in page
    worse = [outcome('x', 'a')]
    page = render(before, worse, [], compare(now, before), 'old.json')
    assert '<td class="worse" title="before: 0">2<br><small>+2 ▲</small></td>' in page
    assert 'class="better"' not in page


def test_load(outcomes: list[Outcome], tmp_path: Path) -> None:
    report = document(outcomes, Options(), RUNS)
    file = tmp_path / 'report.json'
    file.write_text(as_json(report))
    assert load(file) == report
    assert rows(load(file)) == rows(report)
    broken: list[tuple[str, str]] = [('', 'JSONDecodeError'), ('[]', 'TypeError'),
                                     ('{}', 'KeyError'), ('{"format": 9}', 'format is 9')]
    without = copy.deepcopy(report)
    del without['options']
    broken.append((as_json(without), 'options'))
    for text, said in broken:
        file.write_text(text)
        with pytest.raises(SourceError, match=f'report.json is no report.json.*{said}'):
            load(file)
    with pytest.raises(SourceError, match='nowhere'):
        load(tmp_path / 'nowhere.json')
