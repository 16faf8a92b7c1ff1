# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What the scripts in benchmarks/ share: options, lists of numbers, exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from mot_ros.benchmarking.script import (
    add_pets,
    add_settings,
    finish,
    make_parser,
    numbers,
    require,
    settings_of,
    size_of,
)
from mot_ros.tracking.errors import ConfigError


def test_options_that_many_scripts_have():
    parser = make_parser('About\n\nit.', 'folder/speed.json')
    add_pets(parser)
    add_settings(parser)
    args = parser.parse_args(['--set', 'device=cpu', '--set', 'method=sort'])
    assert args.json == Path('folder/speed.json') and args.video.name == 'vtest.avi'
    assert args.truth.parts[-3:] == ('PETS09-S2L1', 'gt', 'gt.txt')
    assert settings_of(args.changes) == {'device': 'cpu', 'method': 'sort'}
    assert 'About\n\nit.' in parser.format_help()


def test_without_a_result_or_a_truth_there_are_no_such_options():
    parser = make_parser(None)
    add_pets(parser, truth=False)
    assert set(vars(parser.parse_args([]))) == {'video'}


def test_an_option_below_its_least_is_named_with_its_value(capsys):
    parser = make_parser(None)
    parser.add_argument('--warm-up', type=int)
    args = parser.parse_args(['--warm-up', '1'])
    require(parser, args, 1, 'warm_up')
    with pytest.raises(SystemExit, match='2'):
        require(parser, args, 2, 'warm_up')
    assert '--warm-up is 1; it must be at least 2' in capsys.readouterr().err


def test_lists_and_sizes():
    assert numbers('1,2', int) == [1, 2] and numbers('.5', float) == [0.5]
    assert size_of('640x480') == (640, 480)
    for text in ('640', '640x', '1x2x3', 'wide'):
        with pytest.raises(ValueError):
            size_of(text)


def test_an_assignment_without_a_value_is_an_error():
    with pytest.raises(ConfigError, match='device'):
        settings_of(['device'])


def test_the_exit_status_says_how_the_work_ended(capsys):
    def wrong() -> None:
        raise ConfigError('it is wrong')

    def stopped() -> None:
        raise KeyboardInterrupt

    def broken() -> None:
        raise ZeroDivisionError

    assert finish('a.py', lambda: None) == 0 and finish('a.py', lambda: 3) == 3
    assert finish('a.py', wrong) == 2
    assert capsys.readouterr().err == 'a.py: error: it is wrong\n'
    assert finish('a.py', stopped) == 130
    # a fault of the script keeps its trace
    with pytest.raises(ZeroDivisionError):
        finish('a.py', broken)
