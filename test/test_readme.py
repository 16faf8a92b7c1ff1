# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from pathlib import Path
import re

import pytest

from mot_ros.cli import _parser
from test.parameter_table import PAGE, replaced

ROOT = PAGE.parent.parent
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]


def test_the_parameter_table_is_that_of_the_settings():
    text = PAGE.read_text(encoding='utf-8')
    assert text == replaced(text), 'write it anew: python -m test.parameter_table'


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_every_file_that_a_page_names_exists(page: Path):
    text = page.read_text(encoding='utf-8')
    linked = re.findall(r'\]\(([^)#:]+)\)', text)
    named = re.findall(r'`((?:scripts|config|launch|benchmarks|docs|msg)/[\w./-]+)`', text)
    missing = [name for name in linked if not (page.parent / name).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]
    assert not missing


def test_every_page_is_linked_from_the_readme():
    text = PAGES[0].read_text(encoding='utf-8')
    assert [page.name for page in PAGES[1:] if f'(docs/{page.name})' not in text] == []


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_every_command_line_on_a_page_parses(page: Path):
    text = page.read_text(encoding='utf-8').replace('\\\n', '')
    for line in re.findall(r'^(?:\.venv/bin/)?mot_ros (.+)$', text, re.MULTILINE):
        _parser().parse_args(line.split('#')[0].replace('"', '').split())
