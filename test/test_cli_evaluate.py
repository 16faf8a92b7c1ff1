# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""`mot_ros evaluate` as a user meets it: files, table, complaints and exit codes."""

import csv
import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

from mot_ros import cli
from mot_ros.tracking.config import BOX_METHODS

ROOT = Path(__file__).resolve().parents[1]


def write_sequence(folder: Path, length: int = 20) -> Path:
    """Two people who pass each other, with exact detections, without images."""
    truth, detections = [], []
    for frame in range(1, length + 1):
        for person, x in ((1, 10 + 8 * frame), (2, 250 - 8 * frame)):
            box = f'{x},{40 * person},24,60'
            truth.append(f'{frame},{person},{box},1,-1,-1,-1')
            detections.append(f'{frame},-1,{box},0.9,-1,-1,-1')
    for name, lines in (('gt', truth), ('det', detections)):
        (folder / name).mkdir(parents=True)
        (folder / name / f'{name}.txt').write_text('\n'.join(lines) + '\n')
    (folder / 'seqinfo.ini').write_text(
        f'[Sequence]\nframeRate=10\nseqLength={length}\nimWidth=320\nimHeight=240\n')
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ('a', 'b'):
        write_sequence(tmp_path / 'data' / name)
    return tmp_path / 'data'


def evaluate(data: Path, output: Path, *words: object) -> int:
    return cli.main([
        'evaluate', '--mot', str(data), '-o', str(output), *map(str, words)])


def public(data: Path, output: Path, *words: object) -> int:
    return evaluate(data, output, '--detections', 'public', *words)


def test_writes_report_and_prints_one_table(
        data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / 'report'
    assert public(data, output, '--methods', 'bytetrack,sort', '--set', 'sort.min_hits=1') == 0
    assert {path.name for path in output.iterdir()} == {
        'report.html', 'report.json', 'report.csv', 'timings.json', 'tracks'}
    assert {str(path.relative_to(output / 'tracks')) for path in output.rglob('*.txt')} == {
        f'{run}/{name}.txt' for run in ('bytetrack', 'sort') for name in 'ab'}
    report = json.loads((output / 'report.json').read_text())
    assert report['runs']['sort']['sort.min_hits'] == 1
    # settings of the other method have no business there
    assert not [name for name in report['runs']['sort'] if name.startswith('bytetrack.')]
    # SORT with its first hit sees everybody in every frame
    assert report['combined']['sort']['scores']['MOTA'] == 1
    assert report['combined']['sort']['scores']['truth boxes'] == 80
    table = capsys.readouterr().out.splitlines()
    assert table[0].split()[:4] == ['run', 'sequence', 'frames', 'HOTA']
    assert [line.split()[:2] for line in table[1:]] == [
        [run, name] for run in ('bytetrack', 'sort') for name in ('a', 'b', 'COMBINED')]
    assert len({len(line) for line in table}) == 1
    with (output / 'report.csv').open() as file:
        assert len(list(csv.DictReader(file))) == 6


def test_the_same_json_in_two_processes_and_in_any_selection(data: Path, tmp_path: Path) -> None:
    assert public(data, tmp_path / 'one') == 0
    assert public(data, tmp_path / 'two', '--jobs', 2) == 0
    one = (tmp_path / 'one' / 'report.json').read_text()
    assert (tmp_path / 'two' / 'report.json').read_text() == one
    assert public(data, tmp_path / 'three', '--sequences', 'b', '--methods', 'sort') == 0
    part = json.loads((tmp_path / 'three' / 'report.json').read_text())
    assert part['results'] == [result for result in json.loads(one)['results']
                               if (result['run'], result['sequence']) == ('sort', 'b')]


def test_ready_results_score_like_the_run_that_made_them(data: Path, tmp_path: Path) -> None:
    assert public(data, tmp_path / 'one', '--methods', 'sort') == 0
    tracks = tmp_path / 'one' / 'tracks' / 'sort'
    assert evaluate(data, tmp_path / 'two', '--tracks', tracks) == 0
    one, two = (json.loads((tmp_path / name / 'report.json').read_text())
                for name in ('one', 'two'))
    assert two['combined'] == one['combined']
    assert two['runs'] == {'sort': {'result': str(tracks)}}
    assert evaluate(data, tmp_path / 'three', '--tracks', f'mine={tracks / "a.txt"}',
                    '--sequences', 'a', '--methods', 'sort', '--detections', 'public') == 0
    three = json.loads((tmp_path / 'three' / 'report.json').read_text())
    assert list(three['runs']) == ['sort', 'mine']
    assert three['combined']['sort']['scores'] == three['combined']['mine']['scores']


def test_a_failed_sequence_is_told_and_exits_1(
        data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / 'a' / 'gt' / 'gt.txt').write_text('1,1,1,1,wide,5,1\n')
    assert public(data, tmp_path / 'report', '--methods', 'sort') == 1
    printed = capsys.readouterr()
    assert 'mot_ros: error: sort on a: ' in printed.err
    assert 'gt.txt, line 1: ' in printed.err and 'wide' in printed.err
    report = json.loads((tmp_path / 'report' / 'report.json').read_text())
    assert (report['combined']['sort']['sequences'], report['combined']['sort']['of']) == (1, 2)
    assert report['combined']['sort']['scores']['truth boxes'] == 40
    assert 'gt.txt, line 1: ' in (tmp_path / 'report' / 'report.html').read_text()


def test_comparison_with_an_earlier_report(data: Path, tmp_path: Path) -> None:
    assert public(data, tmp_path / 'one', '--methods', 'sort') == 0
    assert public(data, tmp_path / 'two', '--methods', 'sort', '--set', 'sort.min_score=0.95',
                  '--compare', tmp_path / 'one' / 'report.json') == 0
    page = (tmp_path / 'two' / 'report.html').read_text()
    assert 'Compared with' in page
    assert 'sort: sort.min_score' in page
    assert 'class="worse"' in page


def test_lower_rate_and_drops(data: Path, tmp_path: Path) -> None:
    assert public(data, tmp_path / 'r', '--methods', 'sort', '--fps', 5, '--drop', 0.2) == 0
    report = json.loads((tmp_path / 'r' / 'report.json').read_text())
    assert (report['options']['fps'], report['options']['drop']) == (5.0, 0.2)
    for result in report['results']:
        assert 0 < result['frames'] < 10
        assert result['scores']['truth boxes'] == 2 * result['frames']


@pytest.mark.parametrize('words, said', [
    (['--methods', 'sort,nothing'],
     "method is 'nothing'; choose one of smiletrack, bytetrack, sort"),
    (['--methods', 'sort,sort'], 'sort is named twice'),
    (['--methods', ''], 'nothing to score'),
    (['--sequences', 'a,z'], 'z is no sequence; there are a, b'),
    (['--set', 'sort.max_agee=2'], 'did you mean sort.max_age'),
    (['--set', 'method=sort'], 'name methods with --methods'),
    (['--preset', 'best'], "preset is 'best'"),
    (['--fps', '0'], 'fps is 0; it must be above 0 Hz'),
    (['--drop', '1'], 'drop is 1'),
    (['--jobs', '0'], 'jobs is 0'),
    (['--tracks', 'nowhere.txt'], 'nowhere.txt does not exist'),
    (['--tracks', 'sort={data}/a/det', '--methods', 'sort'], "'sort' cannot name another run"),
    (['--tracks', '{data}/a/det/det.txt'], 'is one file for 2 sequences'),
    (['--detections', 'nowhere.txt'], 'nowhere.txt does not exist; detections are own'),
    (['--detections', '{data}/a/det/det.txt'], 'is one file for 2 sequences'),
    (['--images', 'a'], "--images is 'a'; say which sequence it is for: --images NAME=a, of a, b"),
    (['--images', 'z={data}'], '--images is for z, which is none of a, b'),
    (['--images', 'a=nowhere'], "--images: 'nowhere' does not exist"),
    (['--images', 'a={data}', '--images', 'a={data}'], 'is given twice for a'),
    (['--video', '{data}/a/seqinfo.ini'], 'needs its truth: --truth seqinfo=FILE'),
    (['--video', 'nowhere.mp4'], "'nowhere.mp4' does not exist"),
    (['--bag', '{data}/a'], 'is no bag'),
    (['--truth', 'x'], "--truth is 'x'; say which sequence it is for: --truth NAME=x, of none"),
    (['--truth-fps', '0'], 'truth-fps is 0'),
    (['--tolerance', 'nan'], 'tolerance is nan'),
    (['--compare', '{data}/a/seqinfo.ini'], 'is no report.json'),
    (['--mot', '{data}'], 'two sequences have the name a'),
    (['--mot', '{data}/a/gt'], 'holds no sequence'),
])
def test_mistakes_are_told_before_the_work(
        data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str],
        said: str) -> None:
    output = tmp_path / 'report'
    assert public(data, output, *(word.format(data=data) for word in words)) == 2
    printed = capsys.readouterr()
    assert printed.out == ''
    assert printed.err.startswith('mot_ros: error: ')
    assert len(printed.err.splitlines()) == 1
    assert said in printed.err
    assert not output.exists()


def test_output_must_have_a_place(
        data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert public(data, tmp_path / 'no' / 'where') == 2
    assert 'does not exist; make it first' in capsys.readouterr().err


def test_a_script_without_a_guard_can_have_several_processes(data: Path, tmp_path: Path) -> None:
    script = tmp_path / 'mot_ros'
    script.write_text('import sys\nfrom mot_ros.cli import main\nsys.exit(main())\n')
    words = ['evaluate', '--mot', data, '-o', tmp_path / 'r', '--detections', 'public',
             '--methods', 'sort', '--jobs', 2]
    done = subprocess.run(
        [sys.executable, *map(str, [script, *words])], capture_output=True, text=True,
        check=False, timeout=120, cwd=ROOT, env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 4), done.stderr


def test_as_a_command(data: Path, tmp_path: Path) -> None:
    words = ['evaluate', '--mot', data, '-o', tmp_path / 'r', '--detections', 'public']
    done = subprocess.run(
        [sys.executable, '-m', 'mot_ros.cli', *map(str, words)], capture_output=True, text=True,
        check=False, timeout=120, cwd=ROOT, env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0
    # a head, and each method of boxes on both sequences and on all
    assert len(done.stdout.splitlines()) == 1 + 3 * len(BOX_METHODS)
    assert 'mot_ros:' not in done.stderr
    # public detections need neither weights nor torch
    code = ('import sys; from mot_ros import cli; cli.main(sys.argv[1:]);'
            'assert "torch" not in sys.modules')
    subprocess.run(
        [sys.executable, '-c', code, *map(str, words)], check=True, timeout=120, cwd=ROOT,
        capture_output=True)
