# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What benchmarks leave: rows as a table, and a JSON file with date and machine."""

import json

from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import write_result


def test_a_result_says_when_and_on_what_machine_it_was_measured(tmp_path, capsys):
    path = tmp_path / 'a.json'
    write_result(path, {'benchmark': 'x', 'rows': [{'a': 1}]}, torch='2')
    found = json.loads(path.read_text())
    assert list(found) == ['benchmark', 'rows', 'date', 'hardware']
    assert found['hardware']['torch'] == '2' and found['hardware']['cores'] >= 1
    assert found['date'].endswith('+00:00')
    assert capsys.readouterr().out == f'wrote {path}\n'


def test_fractions_of_rows_have_so_many_digits():
    assert table_of_rows([{'name': 'a', 'x': 0.12345, 'n': 3}], 2).split('\n')[2] == (
        '|    a | 0.12 | 3 |')


def test_columns_have_formats_of_their_own_and_none_is_a_dash():
    rows = [{'name': 'a', 'x': 0.5, 'share': 0.25, 'more': [1]}, {'name': 'b', 'share': None}]
    assert table_of_rows(rows, 2, {'share': '.0%'}, ('name', 'x', 'share')).splitlines() == [
        '| name |    x | share |', '|-----:|-----:|------:|', '|    a | 0.50 |   25% |',
        '|    b |      |     - |']


def test_the_folder_of_a_result_is_made(tmp_path):
    write_result(tmp_path / 'new' / 'a.json', {})
    assert (tmp_path / 'new' / 'a.json').exists()
