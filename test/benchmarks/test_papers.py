# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The papers' tables: they stand in the docs as printed, and a report fills our rows."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from mot_ros import cli
from test.benchmarks.scripts import load, ROOT


@pytest.fixture
def papers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('papers', monkeypatch)


def test_the_docs_hold_the_tables_as_printed(
        papers: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert papers.main([]) == 0
    printed = capsys.readouterr().out
    assert printed.count('### ') == len(papers.TABLES) == 8
    assert printed in (ROOT / 'docs' / 'results.md').read_text(encoding='utf-8')


def test_every_command_is_one_that_the_program_knows(papers: ModuleType) -> None:
    """Paths in them do not exist, so that is as far as they get."""
    for table in papers.TABLES:
        words = ''.join(table.command).split()
        assert words[:2] == ['mot_ros', 'evaluate']
        assert cli.main(words[1:]) == 2


def test_a_report_fills_a_table(
        papers: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / 'walk'
    for name, score in (('gt', 1), ('det', 0.9)):
        (folder / name).mkdir(parents=True)
        (folder / name / f'{name}.txt').write_text(''.join(
            f'{frame},{1 if name == "gt" else -1},{frame},10,30,60,{score}\n'
            for frame in range(1, 11)))
    (folder / 'seqinfo.ini').write_text(
        '[Sequence]\nframeRate=10\nseqLength=10\nimWidth=320\nimHeight=240\n')
    assert cli.main([
        'evaluate', '--mot', str(folder), '--detections', 'public', '--methods', 'sort',
        '--set', 'sort.min_hits=1', '-o', str(tmp_path / 'report')]) == 0
    capsys.readouterr()
    results = tmp_path / 'papers.json'
    assert papers.main([
        '--results', str(results), '--fill', f'crp={tmp_path}/report/report.json']) == 0
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if '**mot_ros sort**' in line)
    assert [cell.strip() for cell in row.split('|')[2:-1]] == ['100.0', '100.0', '0', '0', '0']
    assert printed.count('not run here') == len(papers.TABLES) - 1
    assert json.loads(results.read_text())['crp']['runs']['sort']['MOTA'] == 1
    # it stays there
    assert papers.main(['--results', str(results)]) == 0
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize('text, said', [
    ('nothing=x.json', "--fill is 'nothing=x.json'; write TABLE=report.json with a table of"),
    ('crp', "--fill is 'crp'"), ('crp=nowhere.json', 'nowhere.json is no report.json')])
def test_mistakes(
        papers: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str,
        said: str) -> None:
    with pytest.raises(SystemExit):
        papers.main(['--results', str(tmp_path / 'none.json'), '--fill', text])
    assert said in capsys.readouterr().err
    assert not (tmp_path / 'none.json').exists()
