# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The files for contributors agree with the package that they describe."""

from __future__ import annotations

import configparser
import os
from pathlib import Path
import re
from xml.etree import ElementTree

import pytest
import yaml

from mot_ros.tracking.config import METHODS

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / '.github/workflows/tests.yml'
BUG_REPORT = ROOT / '.github/ISSUE_TEMPLATE/bug_report.yml'
DISTROS = ['humble', 'jazzy', 'kilted', 'lyrical', 'rolling']
"""The supported distributions of ROS 2, oldest first."""
DOCUMENTS = ('CONTRIBUTING.md', '.github/pull_request_template.md')


def read(path: Path):
    return yaml.safe_load(path.read_text(encoding='utf-8'))


def manifest() -> ElementTree.Element:
    return ElementTree.parse(ROOT / 'package.xml').getroot()  # noqa: S314 - our own file


def options(form: dict, name: str) -> list[str]:
    field, = (part for part in form['body'] if part.get('id') == name)
    return field['attributes']['options']


def test_the_citation_is_of_this_version():
    citation = read(ROOT / 'CITATION.cff')
    package = manifest()
    assert citation['version'] == package.findtext('version')
    assert citation['license'] == package.findtext('license')
    urls = {url.get('type'): url.text for url in package.findall('url')}
    assert citation['url'] == urls['website']
    assert citation['repository-code'] == urls['repository']


def test_both_packages_name_the_same_pages():
    pages = [[(url.get('type'), url.text) for url in ElementTree.parse(  # noqa: S314 - our own
        ROOT / name).getroot().findall('url')] for name in ('package.xml', 'msg/package.xml')]
    assert pages[0] == pages[1]
    assert {kind for kind, _ in pages[0]} == {'website', 'repository', 'bugtracker'}


def test_the_workflow_runs_on_every_supported_distribution():
    assert read(WORKFLOW)['jobs']['ros']['strategy']['matrix']['distro'] == DISTROS
    guide = (ROOT / 'CONTRIBUTING.md').read_text(encoding='utf-8')
    assert [name for name in DISTROS if name.capitalize() not in guide] == []


def test_the_workflow_starts_scripts_that_exist():
    runs = [step['run'] for job in read(WORKFLOW)['jobs'].values() for step in job['steps']
            if 'run' in step]
    started = re.findall(r'(?:^|\s)((?:scripts|\.ci)/\w+)', '\n'.join(runs))
    assert set(started) == {'scripts/test', '.ci/run'}
    assert all(os.access(ROOT / script, os.X_OK) for script in started)


def test_the_workflow_installs_the_torch_of_the_set_up():
    default = re.search(r"DEFAULT_TORCH = '(.+)'", (ROOT / 'scripts/steps.py').read_text())
    assert read(WORKFLOW)['env']['MOT_ROS_TORCH'].split()[0] == default[1]


def test_the_bug_form_offers_every_method_and_distribution():
    form = read(BUG_REPORT)
    assert sorted(options(form, 'method')) == sorted(METHODS)
    assert options(form, 'distro')[:-1] == DISTROS


def test_the_hooks_are_the_tools_of_the_environment():
    hooks = [hook for repository in read(ROOT / '.pre-commit-config.yaml')['repos']
             for hook in repository['hooks']]
    tools = {re.match(r'\.venv/bin/(\w+)', hook['entry'])[1] for hook in hooks}
    pinned = (ROOT / 'scripts/requirements-dev.txt').read_text()
    assert {'ruff', 'mypy'} <= tools
    assert [tool for tool in tools if f'\n{tool}==' not in pinned] == []


def test_editors_and_ruff_agree():
    text = (ROOT / '.editorconfig').read_text()
    editor = configparser.ConfigParser()
    editor.read_string(f'[top]\n{text}')
    ruff = re.search(r'^line-length = (\d+)', (ROOT / 'ruff.toml').read_text(), re.MULTILINE)
    assert editor['*.py']['max_line_length'] == ruff[1]


@pytest.mark.parametrize('name', DOCUMENTS)
def test_every_file_that_is_named_exists(name: str):
    page = ROOT / name
    text = page.read_text(encoding='utf-8')
    named = re.findall(r'\]\(([^)#:]+)\)', text)
    named += re.findall(r'`((?:scripts|docs|test|benchmarks|mot_ros|\.github)/[\w./-]*)`', text)
    named += re.findall(r'^(scripts/\w+)', text, re.MULTILINE)
    assert [file for file in named if not (ROOT / file).exists()] == []
