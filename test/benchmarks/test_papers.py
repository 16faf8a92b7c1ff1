# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The papers' tables: the right protocol for each row, run, resumed and printed beside theirs."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from mot_ros import cli
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from test.benchmarks.scripts import load, ROOT


@pytest.fixture
def papers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('papers', monkeypatch)


def table_of(papers: ModuleType, name: str):
    return next(table for table in papers.TABLES if table.name == name)


def sequence(folder: Path, frames: int = 10) -> None:
    """Write a MOTChallenge sequence with one who walks, found in every frame."""
    for name, score in (('gt', 1), ('det', 0.9)):
        (folder / name).mkdir(parents=True)
        (folder / name / f'{name}.txt').write_text(''.join(
            f'{frame},{1 if name == "gt" else -1},{frame},10,30,60,{score}'
            f'{",1,1" if name == "gt" else ""}\n' for frame in range(1, frames + 1)))
    (folder / 'seqinfo.ini').write_text(
        f'[Sequence]\nframeRate=30\nseqLength={frames}\nimWidth=320\nimHeight=240\n')


def test_the_docs_hold_the_tables_as_printed(
        papers: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert papers.main([]) == 0
    printed = capsys.readouterr().out
    assert printed.count('### ') == len(papers.TABLES)
    assert printed in (ROOT / 'docs' / 'results.md').read_text(encoding='utf-8')


def test_every_row_has_a_figure_for_each_column_or_none(papers: ModuleType) -> None:
    for table in papers.TABLES:
        assert len({row.name for row in table.rows}) == len(table.rows)
        for row in table.rows:
            assert len(row.figures) in (0, len(table.columns)), (table.name, row.name)
            assert row.method or row.figures


def test_every_command_is_one_that_the_program_knows(
        papers: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its settings are valid; the data do not exist, so that is as far as it gets."""
    for table in papers.TABLES:
        for row in table.rows:
            if row.method:
                words = papers.command(table, row, tmp_path / 'none')
                values = dict(text.split('=') for text in row.settings)
                build(Settings, {'method': row.method, 'preset': row.preset})
                assert cli.main([*words, '-o', str(tmp_path / 'out')]) == 2, (row.name, values)
                assert 'none' in capsys.readouterr().err


def test_table_1_has_one_solver_without_patience(papers: ModuleType) -> None:
    for name in ('siammot-1-mot17', 'siammot-1-crp', 'siammot-1-tao'):
        table = table_of(papers, name)
        for row in table.rows:
            s = build(Settings, {'method': row.method, 'preset': row.preset})
            assert (s.siammot.tau, s.siammot.dormant_time, s.tracktor.tau) == (1, 0, 1)
            for mine in (s.siammot, s.tracktor):
                assert (mine.alpha, mine.beta, mine.overlap, mine.suppress) == (
                    0.4, 0.6, 0.5, 'joint')
        # whole people, in the network too, see --amodal
        assert ('--amodal' in table.options) == (name != 'siammot-1-tao')


def test_a_table_is_run_resumed_and_printed_beside_the_published(
        papers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    """Boxes are given, so that nothing is loaded; the table is otherwise as it is."""
    rows = tuple(papers.Row(row.name, row.figures, 'sort', 'paper', ('sort.min_hits=1',))
                 for row in table_of(papers, 'siammot-1-mot17').rows[:1])
    table = papers.Table(
        'siammot-1-mot17', 'made up', ('MOTA', 'precision', 'mostly tracked %', 'transfers'),
        (papers.Row('Tracktor', (58.6, None, 34.6, 3195), *[
            getattr(rows[0], name) for name in ('method', 'preset', 'settings')]),
         papers.Row('other', (1, 2, 3, 4)),
         papers.Row('untrained', (1, 2, 3, 4), 'siammot', 'paper', (), 'ph')),
        ('--mot', '{data}'), ('--detections', 'public'), one_copy=True)
    monkeypatch.setattr(papers, 'TABLES', (table,))
    for name in ('MOT17-02-FRCNN', 'MOT17-02-DPM'):
        sequence(tmp_path / 'data' / name)
    words = [table.name, '--data', str(tmp_path / 'data'), '-o', str(tmp_path / 'out')]
    assert papers.main(words) == 0
    printed = capsys.readouterr()
    cells = [cell.strip() for cell in next(
        line for line in printed.out.splitlines() if '**Tracktor**' in line).split('|')[2:-1]]
    assert cells == ['58.6', '100.0', '-', '100.0', '34.6', '100.0', '3,195', '0']
    assert 'untrained: left out; give --weights ph=FILE' in printed.err
    report = json.loads((tmp_path / 'out/00_sort/report.json').read_text())
    assert {row['sequence'] for row in report['results']} == {'MOT17-02-FRCNN'}
    assert (tmp_path / 'out/siammot-1-mot17.md').read_text() == printed.out[
        printed.out.index('### '):]

    def never(args: list[str]) -> int:
        raise AssertionError('finished rows are taken over')

    monkeypatch.setattr(papers.cli, 'main', never)
    assert papers.main(words) == 0
    assert '100.0' in capsys.readouterr().out
    with pytest.raises(AssertionError, match='taken over'):
        papers.main([*words, '--set', 'sort.max_age=2'])


def test_second_halves(papers: ModuleType, tmp_path: Path) -> None:
    """Of 10 frames 1 to 6 are for training, 7 to 10 become 1 to 4."""
    sequence(tmp_path / 'data' / 'walk')
    images = tmp_path / 'data/walk/img1'
    images.mkdir()
    for frame in range(1, 11):
        (images / f'{frame:06d}.jpg').write_text(str(frame))
    half = papers.second_halves(tmp_path / 'data', tmp_path / 'half') / 'walk'
    lines = (half / 'gt/gt.txt').read_text().splitlines()
    assert [line.split(',')[:3] for line in lines] == [
        [str(n), '1', str(n + 6)] for n in range(1, 5)]
    assert sorted(path.name for path in (half / 'img1').iterdir()) == [
        f'{n:06d}.jpg' for n in range(1, 5)]
    assert (half / 'img1/000001.jpg').read_text() == '7'
    assert 'seqLength=4' in (half / 'seqinfo.ini').read_text()


@pytest.mark.parametrize('words, said', [
    (['siammot-3'], 'give --data FOLDER and -o OUT'),
    (['siammot-3', '--data', '/nowhere', '-o', 'x'], '/nowhere is no folder'),
    (['siammot-3', '--data', '/', '-o', 'x', '--weights', 'a=b'], "--weights is 'a=b'")])
def test_mistakes(
        papers: ModuleType, capsys: pytest.CaptureFixture[str], words: list[str],
        said: str) -> None:
    with pytest.raises(SystemExit):
        papers.main(words)
    assert said in capsys.readouterr().err
