# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What a live run cost: shares, differences, and the part of the page on it."""

import pytest

from mot_ros.evaluation import live
from mot_ros.evaluation.live import described, LiveCost, percentiles, with_changes

COST = LiveCost(
    rate=2.0, queue='latest', images=100, sent=99, received=90, processed=60,
    dropped={'a newer frame came first': 28, 'stamp <old>': 2}, resets={'jump back': 1},
    age_ms={'p50': 10.0, 'p95': 20.0, 'p99': 30.0},
    lag_ms={'p50': 0.1, 'p95': 0.2, 'p99': 0.3, 'max': 9.0}, offline='sort')


def results(cost=COST, **scores):
    return with_changes([
        {'run': 'sort', 'sequence': 'a', 'scores': {'HOTA': 0.5, 'MOTA': 0.6, 'IDF1': 0.7}},
        {'run': 'sort (live)', 'sequence': 'a', 'scores': scores, 'live': described(cost)}])


def test_what_is_missing_adds_up():
    assert COST.lost == 9
    assert COST.share == 0.6
    assert LiveCost(rate=1.0, queue='all', images=0, sent=0, received=0, processed=0).share == 0


def test_percentiles():
    assert percentiles(range(101)) == {'p50': 50, 'p95': 95, 'p99': 99}
    assert percentiles([]) == {}


def test_changes_are_against_the_offline_run_of_the_same_sequence():
    offline, found = results(HOTA=0.4, MOTA=0.6, IDF1=0.8)
    assert 'live' not in offline
    assert found['live']['change'] == pytest.approx({'HOTA': -0.1, 'MOTA': 0, 'IDF1': 0.1})
    assert results()[1]['live']['change'] == {}


def test_the_section_names_every_reason_and_colours_what_changed():
    page = live.section(results(HOTA=0.4, MOTA=0.6, IDF1=0.8))
    assert '1 not sent, 9 lost or overtaken before the node took them' in page
    assert '28 dropped: a newer frame came first' in page
    assert 'stamp &lt;old&gt;' in page
    assert '<td class="worse">-0.100</td><td>+0.000</td><td class="better">+0.100</td>' in page
    assert '10.0 / 20.0 / 30.0' in page
    assert '0.1 / 0.2 / 0.3<' in page
    assert live.section([{'run': 'sort', 'sequence': 'a', 'scores': {}}]) == ''


def test_a_sentence_and_columns_for_each_live_run():
    line, = live.sentences(results(HOTA=0.4, MOTA=0.6, IDF1=0.8))
    assert line.startswith('sort (live): 60 of 100 images processed (1 not sent, ')
    assert line.endswith('against offline HOTA -0.100, MOTA +0.000, IDF1 +0.100')
    (key, found), = live.columns(results()).items()
    assert key == ('sort (live)', 'a')
    assert found['live_dropped'] == 30
    assert found['live_share'] == 0.6
    assert found['live_change_HOTA'] is None
