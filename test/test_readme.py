# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

from pathlib import Path
import re

from mot_ros.cli import _parser
from test.readme_table import README, replaced

ROOT = README.parent


def test_the_parameter_table_is_that_of_the_settings():
    text = README.read_text(encoding='utf-8')
    assert text == replaced(text), 'write it anew: python -m test.readme_table'


def test_every_file_that_the_readme_names_exists():
    text = README.read_text(encoding='utf-8')
    named = re.findall(r'\]\(([^)#:]+)\)', text)
    named += re.findall(r'`((?:scripts|config|launch|benchmarks|docs|msg)/[\w./-]+)`', text)
    assert len(named) > 5
    missing = [name for name in named if not (ROOT / Path(name)).exists()]
    assert not missing


def test_every_command_line_in_the_readme_parses():
    text = README.read_text(encoding='utf-8')
    lines = re.findall(r'^(?:\.venv/bin/)?mot_ros (.+)$', text, re.MULTILINE)
    assert lines
    for line in lines:
        _parser().parse_args(line.split('#')[0].replace('"', '').split())
