# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Every script and executable prints help, and sets nothing up."""

from __future__ import annotations

import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest

from mot_ros.node_help import asks_for_help

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ('demo', 'setup', 'test', 'train_defaults')
OF_ROS = ('demo', 'trackers')
"""Executables whose own parser prints their help, which needs ROS."""


def executables():
    return re.findall(r"'(\w+) = mot_ros\.entry:", (ROOT / 'setup.py').read_text())


@pytest.fixture(scope='module')
def printed(tmp_path_factory):
    """Ask everything for help at once; returns status and output by name, and the place."""
    place = tmp_path_factory.mktemp('help')
    scripts = shutil.copytree(ROOT / 'scripts', place / 'checkout' / 'scripts')
    home = place / 'home'
    home.mkdir()
    environment = {
        **os.environ, 'HOME': str(home), 'XDG_CACHE_HOME': str(home), 'PYTHONPATH': str(ROOT),
        'PYTHONDONTWRITEBYTECODE': '1'}
    for name in ('ROS_DISTRO', 'ROS_LOG_DIR'):
        environment.pop(name, None)
    commands = {f'scripts/{name}': [str(scripts / name), '--help'] for name in SCRIPTS}
    commands['scripts/interfaces.py'] = [sys.executable, str(scripts / 'interfaces.py'), '--help']
    for name in executables():
        commands[name] = (
            [sys.executable, '-m', 'mot_ros.cli', '--help'] if name == 'mot_ros'
            else [sys.executable, '-m', 'mot_ros.entry', name, '--help'])
    commands['train_defaults'] = [
        sys.executable, '-m', 'mot_ros.commands.train_defaults', '--help']
    running = {name: subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=home,
        env=environment) for name, command in commands.items()}
    texts = {name: process.communicate(timeout=120)[0] for name, process in running.items()}
    return {name: (running[name].returncode, text) for name, text in texts.items()}, place


@pytest.mark.parametrize('name', executables())
def test_executables_print_help(printed, name):
    if name in OF_ROS:
        pytest.importorskip('rclpy')
    status, text = printed[0][name]
    assert status == 0, text
    assert 'usage:' in text and name in text and 'Traceback' not in text


@pytest.mark.parametrize('name', [*(f'scripts/{name}' for name in SCRIPTS),
                                  'scripts/interfaces.py'])
def test_scripts_print_help(printed, name):
    status, text = printed[0][name]
    assert status == 0, text
    assert len(text.splitlines()) > 4 and '#' not in text and 'set -euo' not in text


def test_nothing_is_set_up(printed):
    _, place = printed
    left = {path.name for path in (place / 'checkout').iterdir()}
    assert left == {'scripts'}
    assert [path for path in (place / 'home').rglob('*') if path.is_file()] == []


@pytest.mark.parametrize('script, command', [
    ('scripts/demo', 'demo'), ('scripts/train_defaults', 'train_defaults')])
def test_the_scripts_list_the_options_that_there_are(printed, script, command):
    pytest.importorskip('rclpy')
    texts, _ = printed

    def options(name):
        return set(re.findall(r'(?<![\w-])--[a-z-]+', texts[name][1]))

    assert options(script) == options(command)


@pytest.mark.parametrize('arguments, wanted', [
    (['--help'], True), (['-h'], True), ([], False), (['--ros-args', '-h'], False),
    (['--ros-args', '-p', 'x:=--help'], False)])
def test_help_is_asked_for_before_the_arguments_of_ros(arguments, wanted):
    assert asks_for_help(arguments) is wanted
