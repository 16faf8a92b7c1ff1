# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The table in docs/parameters.md, made from the settings: run this as a script to write it anew.

A test compares them, so that no default and no explanation drifts.
"""

from pathlib import Path
import sys

from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.config.schema import catalogue, Setting, Value

PAGE = Path(__file__).resolve().parent.parent / 'docs' / 'parameters.md'
BEGIN = '<!-- parameters: test/parameter_table.py writes this -->\n'
END = '<!-- end of parameters -->\n'


def table() -> str:
    """Return the parameters of the node as a Markdown table."""
    presets = list(NodeSettings.presets)
    rows = [
        f'| parameter | {presets[0]} | other presets | range | live | meaning |',
        '|---|---|---|---|---|---|']
    for name, setting in catalogue(NodeSettings, presets[0]).items():
        others = [
            f'{preset} {_code(value)}' for preset in presets[1:] if name != 'preset'
            and (value := catalogue(NodeSettings, preset)[name].default) != setting.default]
        rows.append(
            f'| `{name}` | {_code(setting.default)} | {", ".join(others)}'
            f' | {_range(setting)} | {"no" if setting.fixed else "yes"} | {setting.help} |')
    return '\n'.join(rows) + '\n'


def _code(value: Value) -> str:
    if isinstance(value, bool):
        return f'`{str(value).lower()}`'
    if isinstance(value, tuple):
        return f'`[{", ".join(value)}]`'
    return f'`{value}`' if value != '' else '`""`'


def _range(setting: Setting) -> str:
    if setting.choices:
        return ', '.join(f'`{choice}`' for choice in setting.choices)
    unit = f' {setting.unit}' if setting.unit else ''
    if setting.minimum == -sys.float_info.max:
        return unit.strip()
    if setting.maximum == sys.float_info.max:
        return f'≥ {setting.minimum:g}{unit}'
    return f'{setting.minimum:g} to {setting.maximum:g}{unit}'


def replaced(text: str) -> str:
    """Return the text of the page with the table as it should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


if __name__ == '__main__':
    PAGE.write_text(replaced(PAGE.read_text(encoding='utf-8')), encoding='utf-8')
