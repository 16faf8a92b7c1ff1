# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Evaluations that are broken off: what is finished is taken over, and only if it still holds."""

from collections.abc import Callable
import dataclasses
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from walkers import write_walkers

from mot_ros import cli
from mot_ros.data.datasets.mot_folder import MotFolder
from mot_ros.evaluation import benchmark, resume
from mot_ros.evaluation.benchmark import run_job
from mot_ros.evaluation.job import Job, Outcome
from mot_ros.evaluation.options import Options
from mot_ros.evaluation.outcome_file import from_text, to_text
from mot_ros.evaluation.report.worst_frames import WorstFrame
from mot_ros.evaluation.resume import Kept

ROOT = Path(__file__).resolve().parents[2]
SORT = {'method': 'sort', 'sort.min_hits': 1}
NAMES = ('a', 'b', 'c')


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number, name in enumerate(NAMES):
        write_walkers(tmp_path / 'data' / name, number)
    return tmp_path / 'data'


def words(data: Path, output: Path, *more: str) -> list[str]:
    return ['evaluate', '--mot', str(data), '-o', str(output), '--detections', 'public',
            '--methods', 'bytetrack,sort', *more]


def evaluate(data: Path, output: Path, *more: str) -> int:
    return cli.main(words(data, output, *more))


def report(output: Path) -> bytes:
    return (output / 'report.json').read_bytes()


@pytest.fixture
def worked_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the sequences that are worked on in this process, as they come."""
    names: list[str] = []

    def note(job: Job) -> list[Outcome]:
        names.append(job.place.name)
        return run_job(job)

    monkeypatch.setattr(benchmark, 'run_job', note)
    return names


def same(one: Any, two: Any) -> bool:
    """Say whether two values have the same types and, bit for bit, the same numbers."""
    if type(one) is not type(two):
        return False
    if dataclasses.is_dataclass(one):
        return same(vars(one), vars(two))
    if isinstance(one, dict):
        return same(list(one.items()), list(two.items()))
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, np.ndarray | np.generic):
        return (one.dtype, one.shape, one.tobytes()) == (two.dtype, two.shape, two.tobytes())
    return repr(one) == repr(two)


def test_an_outcome_comes_back_exactly(data: Path) -> None:
    outcomes = run_job(Job(MotFolder('a', data / 'a'), Options('public'), {'s': SORT}))
    outcome, = outcomes
    assert outcome.error == ''
    assert outcome.switches
    outcome.worst_frames = [WorstFrame('miss', 3, 'person <1> — "x"', bytes(range(256)))]
    outcome.raw['odd'] = {
        1: (np.float64(0.1), np.int64(-3), np.bool_(True)), 'none': None,
        'floats': [0.1 + 0.2, -0.0, float('inf'), float('nan'), 5e-324],
        'array': np.array([[0.1, -0.0], [np.nan, np.inf]], np.float32),
        'empty': np.zeros((0, 3), np.int32), 'flags': np.array([True, False])}
    text = to_text(outcomes)
    assert same(from_text(text), outcomes)
    # the comparison itself sees small differences
    changed = from_text(text)
    changed[0].raw['odd']['array'][0, 1] = 0.0
    assert not same(changed, outcomes)
    assert not same(from_text(to_text([Outcome('s', 'a', frames=1)])), [
        Outcome('s', 'a', frames=True)])


def test_what_is_no_number_is_refused(data: Path) -> None:
    with pytest.raises(TypeError, match='an array of object cannot be written'):
        to_text([Outcome('s', 'a', raw={'x': {'y': np.array([None])}})])
    text = to_text([Outcome('s', 'a', raw={'x': {'y': np.array([1.0])}})])
    with pytest.raises(ValueError, match=r"'\|O' is no type of numbers"):
        from_text(text.replace('<f8', '|O'))
    with pytest.raises(ValueError, match="'code' is no type of value"):
        from_text(text.replace('array', 'code'))


def test_after_a_kill_only_the_rest_is_done(data: Path, tmp_path: Path) -> None:
    # whoever opens this file waits, for nobody ever writes to it
    detections = data / 'c' / 'det' / 'det.txt'
    whole = detections.read_bytes()
    detections.unlink()
    os.mkfifo(detections)
    output, kept = tmp_path / 'report', tmp_path / 'report' / resume.FOLDER
    command = [sys.executable, '-m', 'mot_ros.cli', *words(data, output)]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        while len(list(kept.glob('[!.]*.json'))) < 2 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert len(list(kept.iterdir())) == 2
    assert not (output / 'report.json').exists()
    detections.unlink()
    detections.write_bytes(whole)
    # whose tracks were lost on the way gets them back
    (output / 'tracks' / 'sort' / 'a.txt').unlink()
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert 'mot_ros: 2 of 3 sequences were taken over from an earlier start' in done.stderr
    assert not kept.exists()
    assert evaluate(data, tmp_path / 'undisturbed') == 0
    assert report(output) == report(tmp_path / 'undisturbed')
    for name in NAMES:
        assert (output / 'tracks' / 'sort' / f'{name}.txt').read_bytes() == (
            tmp_path / 'undisturbed' / 'tracks' / 'sort' / f'{name}.txt').read_bytes()
    times = json.loads((output / 'timings.json').read_text())
    assert [row['sequence'] for row in times['results']] == ['a', 'a', 'b', 'b', 'c', 'c']


def test_what_failed_is_done_anew_and_the_rest_taken_over(
        data: Path, tmp_path: Path, worked_on: list[str],
        capsys: pytest.CaptureFixture[str]) -> None:
    truth = data / 'b' / 'gt' / 'gt.txt'
    whole = truth.read_text()
    truth.write_text('1,1,1,1,wide,5,1\n')
    assert evaluate(data, tmp_path / 'one') == 1
    assert 'taken over' not in capsys.readouterr().err
    truth.write_text(whole)
    worked_on.clear()
    assert evaluate(data, tmp_path / 'one') == 0
    assert worked_on == ['b']
    assert '2 of 3 sequences were taken over' in capsys.readouterr().err
    worked_on.clear()
    # a report that is complete is made anew
    assert evaluate(data, tmp_path / 'one') == 0
    assert worked_on == ['a', 'b', 'c']


@pytest.mark.parametrize('more', [['--jobs', '2'], ['--scheduler', 'local:1']])
def test_the_arrangement_may_change_meanwhile(
        data: Path, tmp_path: Path, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    truth = data / 'b' / 'gt' / 'gt.txt'
    whole = truth.read_text()
    truth.write_text('1,1,1,1,wide,5,1\n')
    assert evaluate(data, tmp_path / 'one', *more) == 1
    truth.write_text(whole)
    assert evaluate(data, tmp_path / 'one') == 0
    assert '2 of 3 sequences were taken over' in capsys.readouterr().err
    assert evaluate(data, tmp_path / 'two') == 0
    assert report(tmp_path / 'one') == report(tmp_path / 'two')


@pytest.mark.parametrize('more', [
    ['--fresh'], ['--set', 'bytetrack.track_high_thresh=0.55'], ['--fps', '5'], ['--iou', '0.6']])
def test_other_options_take_nothing_over(
        data: Path, tmp_path: Path, worked_on: list[str], more: list[str]) -> None:
    (data / 'c' / 'gt' / 'gt.txt').write_text('1,1,1,1,wide,5,1\n')
    assert evaluate(data, tmp_path / 'one') == 1
    worked_on.clear()
    assert evaluate(data, tmp_path / 'one', *more) == 1
    assert worked_on == ['a', 'b', 'c']


def test_a_file_that_cannot_be_read_is_none(
        data: Path, tmp_path: Path, worked_on: list[str]) -> None:
    (data / 'c' / 'gt' / 'gt.txt').write_text('1,1,1,1,wide,5,1\n')
    assert evaluate(data, tmp_path / 'one') == 1
    one, two = sorted((tmp_path / 'one' / resume.FOLDER).iterdir())
    one.write_text(one.read_text()[:-10])
    two.write_text('{"outcomes": 1}')
    worked_on.clear()
    assert evaluate(data, tmp_path / 'one') == 1
    assert worked_on == ['a', 'b', 'c']


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


CHANGES: dict[str, Callable[[Job, Path], Job | None]] = {
    'truth': lambda job, data: touch(data / 'a' / 'gt' / 'gt.txt'),
    'images': lambda job, data: (data / 'images' / 'inner' / '2.png').write_bytes(b'') and None,
    'removed image': lambda job, data: (data / 'images' / 'inner' / '1.png').unlink(),
    'result': lambda job, data: touch(data / 'result.txt'),
    'weights': lambda job, data: touch(data / 'weights.bin'),
    'detections': lambda job, data: touch(data / 'detections' / 'a.txt'),
    'name': lambda job, data: dataclasses.replace(
        job, place=dataclasses.replace(job.place, name='x')),
    'classes': lambda job, data: dataclasses.replace(
        job, place=dataclasses.replace(job.place, classes=('car',))),
    'options': lambda job, data: dataclasses.replace(
        job, options=dataclasses.replace(job.options, seed=1)),
    'a setting': lambda job, data: dataclasses.replace(
        job, methods={'s': {**job.methods['s'], 'sort.max_age': 2}}),
    'a run': lambda job, data: dataclasses.replace(job, methods={'t': job.methods['s']}),
}


@pytest.mark.parametrize('change', CHANGES)
def test_the_key_depends_on(change: str, data: Path) -> None:
    (data / 'images' / 'inner').mkdir(parents=True)
    (data / 'detections').mkdir()
    for name in ('images/inner/1.png', 'images/inner/2.png', 'result.txt', 'weights.bin',
                 'detections/a.txt'):
        (data / name).write_bytes(b'x')
    job = Job(
        MotFolder('a', data / 'a', data / 'images'), Options(str(data / 'detections')),
        {'s': {**SORT, 'detector.weights': str(data / 'weights.bin')}},
        {'r': data / 'result.txt'}, data / 'a' / 'report')
    before = Kept(data / 'a' / 'report').key(job)
    changed = CHANGES[change](job, data) or job
    assert Kept(data / 'a' / 'report').key(changed) != before


def test_the_key_does_not_depend_on_the_output(data: Path, tmp_path: Path) -> None:
    job = Job(MotFolder('a', data / 'a'), Options('public'), {'s': SORT})
    key = Kept(tmp_path / 'one').key(job)
    inside = data / 'a' / 'report'
    (inside / 'tracks').mkdir(parents=True)
    (inside / 'tracks' / 'a.txt').write_text('')
    assert Kept(inside).key(dataclasses.replace(job, output=inside / 'tracks')) == key


def test_the_key_depends_on_the_versions(
        data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(MotFolder('a', data / 'a'), Options('public'), {'s': SORT})
    keys = {Kept(tmp_path).key(job)}
    for name, value in (('__version__', '9.9'), ('FORMAT', 99), ('_version', lambda package: '')):
        with monkeypatch.context() as patch:
            patch.setattr(resume, name, value)
            keys.add(Kept(tmp_path).key(job))
    assert len(keys) == 4


def test_folders_that_link_to_each_other_are_walked_once(data: Path, tmp_path: Path) -> None:
    (data / 'a' / 'again').symlink_to(data / 'a')
    job = Job(MotFolder('a', data / 'a'), Options('public'), {'s': SORT})
    assert Kept(tmp_path).key(job) == Kept(tmp_path).key(job)
