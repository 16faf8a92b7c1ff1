# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What an evaluation spends beside detector and tracker, and where it is told."""

import json
from pathlib import Path

import pytest
from walkers import write_walkers

from mot_ros import cli
from mot_ros.data.datasets.mot_folder import MotFolder
from mot_ros.evaluation.benchmark import run_job
from mot_ros.evaluation.job import Job, Outcome, PARTS
from mot_ros.evaluation.options import Options
from mot_ros.evaluation.report.html import render
from mot_ros.evaluation.report.summary import document, overhead

SORT = {'method': 'sort', 'sort.min_hits': 1}


def outcome(sequence: str, detector: float) -> Outcome:
    return Outcome(
        'sort', sequence, stages_ms={
            'tracker': [1000.0, 500.0], 'detector': [detector, detector], 'decode': [9e9]},
        parts_ms={'read': 100.0, 'load': 400.0, 'loop': 2500.0 + 2 * detector, 'score': 200.0,
                  'gallery': 300.0})


def test_share_by_hand() -> None:
    found = overhead([outcome('a', 1000.0), outcome('b', 2000.0)], 2.0)
    assert found == pytest.approx({
        'read': 0.2, 'load': 0.8, 'wait': 2.0, 'score': 0.4, 'gallery': 0.6, 'detector': 6.0,
        'tracker': 3.0, 'around': 2.0, 'total': 15.0, 'share': 0.4})


def test_a_failed_sequence_is_no_obstacle() -> None:
    assert overhead([Outcome('sort', 'a', error='no')], 2.0)['share'] == 1.0


def test_every_part_is_timed(tmp_path: Path) -> None:
    one, two = run_job(Job(
        MotFolder('a', write_walkers(tmp_path / 'a')), Options('public'), {'s': SORT, 't': SORT}))
    for each in (one, two):
        assert set(each.parts_ms) == set(PARTS)
        assert each.parts_ms['loop'] >= sum(each.stages_ms['tracker']) > 0
    # the truth is read once
    assert one.parts_ms['read'] > two.parts_ms['read'] == 0


def test_it_is_told(tmp_path: Path) -> None:
    write_walkers(tmp_path / 'a')
    assert cli.main([
        'evaluate', '--mot', str(tmp_path / 'a'), '-o', str(tmp_path / 'report'),
        '--detections', 'public', '--methods', 'sort']) == 0
    found = json.loads((tmp_path / 'report' / 'timings.json').read_text())
    assert [row['run'] for row in found['results']] == ['sort']
    assert 0 < found['overhead']['share'] < 1
    assert 'Everything but detector and tracker took' in (
        tmp_path / 'report' / 'report.html').read_text()


def test_the_page_can_do_without() -> None:
    outcomes = [outcome('a', 1000.0)]
    report = document(outcomes, Options(), {'sort': {}})
    assert 'Everything but detector' not in render(report, outcomes, [])
    assert 'Everything but detector and tracker took 12.3% of the time.' in render(
        report, outcomes, [], overhead=0.123)
