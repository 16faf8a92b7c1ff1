# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Evaluations on a real Dask cluster: the same result, whatever happens to its workers."""

from collections.abc import Iterator
import os
from pathlib import Path
import signal
import socket
import sys
import threading
from typing import Any

import dask
from distributed import Client, LocalCluster
import pytest
from walkers import write_walkers

from mot_ros import cli
from mot_ros.data.datasets.mot_folder import MotFolder
from mot_ros.evaluation import cluster
from mot_ros.evaluation.benchmark import run_all
from mot_ros.evaluation.cluster import map_in_cluster
from mot_ros.evaluation.job import Job, Outcome
from mot_ros.evaluation.options import Options
from mot_ros.evaluation.processes import map_in_processes
from mot_ros.evaluation.report.summary import as_json, document
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.runtime.threads import LIMITS, share_of_threads

METHODS = {'bytetrack': {'method': 'bytetrack'}, 'sort': {'method': 'sort', 'sort.min_hits': 1}}
NAMES = ('a', 'b', 'c', 'd', 'e')


def start(**changes: Any) -> LocalCluster:
    """Start two workers without pages about them."""
    return LocalCluster(**{
        'n_workers': 2, 'threads_per_worker': 1, 'dashboard_address': '127.0.0.1:0',
        'scheduler_kwargs': {'dashboard': False}, **changes})


@pytest.fixture(scope='module')
def workers() -> Iterator[LocalCluster]:
    with dask.config.set({
            'distributed.scheduler.allowed-failures': 1,
            # what a dead worker had finished is asked of it in vain for that long
            'distributed.comm.timeouts.connect': '3s'}), start() as made:
        yield made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number, name in enumerate(NAMES):
        write_walkers(tmp_path / 'data' / name, number, 40 + 30 * number)
    return tmp_path / 'data'


def jobs_of(data: Path, output: Path | None = None) -> list[Job]:
    return [Job(MotFolder(name, data / name), Options('public'), METHODS, output=output)
            for name in NAMES]


def report_of(outcomes: list[Outcome]) -> str:
    return as_json(document(outcomes, Options('public'), METHODS))


def evaluate(data: Path, output: Path, *words: str) -> int:
    return cli.main([
        'evaluate', '--mot', str(data), '-o', str(output), '--detections', 'public', *words])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob('*.*') if path.suffix in ('.txt', '.json')
            and path.name != 'timings.json'}


def test_serial_processes_and_cluster_write_the_same_files(
        data: Path, tmp_path: Path, workers: LocalCluster) -> None:
    arrangements = {
        'serial': [], 'processes': ['--jobs', '2'], 'own_cluster': ['--scheduler', 'local:2'],
        'cluster': ['--scheduler', workers.scheduler_address]}
    for name, words in arrangements.items():
        assert evaluate(data, tmp_path / name, '--methods', 'bytetrack,sort', *words) == 0
    expected = files(tmp_path / 'serial')
    assert len(expected) == 1 + 2 * len(NAMES)
    for name in arrangements:
        assert files(tmp_path / name) == expected


def test_the_work_of_a_killed_worker_is_done_by_another(
        data: Path, workers: LocalCluster) -> None:
    killed: list[int] = []

    def kill_one() -> None:
        """Once the first result is there, end the worker that has most to do."""
        if killed:
            return
        with Client(workers, set_as_default=False) as client:
            busy = client.processing()
            pids = client.run(os.getpid)
        address = max(busy, key=lambda worker: len(busy[worker]))
        assert busy[address]
        killed.append(pids[address])
        os.kill(pids[address], signal.SIGKILL)

    expected = report_of(run_all(jobs_of(data)))
    found = run_all(jobs_of(data), progress=kill_one, scheduler=workers.scheduler_address)
    assert len(killed) == 1
    assert report_of(found) == expected
    # it is gone, and what came in its place can be worked with
    assert killed[0] not in map_in_cluster(
        _pid, [1, 2, 3, 4], workers.scheduler_address, _lost, lambda index, result: None)


def _pid(task: int) -> int:
    return os.getpid()


def _lost(task: int, reason: str) -> str:
    return f'{task}: {reason}'


def _deadly(task: int) -> int:
    if task == 3:
        os._exit(1)
    if task == 5:
        raise RuntimeError('out of order')
    return task ** 2


def test_what_takes_every_worker_down_is_lost_alone(workers: LocalCluster) -> None:
    arrived: list[int] = []
    found = map_in_cluster(
        _deadly, [1, 2, 3, 4, 5, 6], workers.scheduler_address, _lost,
        lambda index, result: arrived.append(index))
    assert found == [
        1, 4, '3: every worker that took it up ended abruptly; out of memory?', 16,
        '5: the cluster failed: RuntimeError: out of order', 36]
    assert sorted(arrived) == [0, 1, 2, 3, 4, 5]


def test_without_workers_the_rest_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, 'PATIENCE', 1.0)
    monkeypatch.setattr(cluster, 'LOOK', 0.1)
    with start(n_workers=1) as lonely:
        found = map_in_cluster(
            _wait_for_end, [1, 2, 3], lonely.scheduler_address, _lost,
            lambda index, result: lonely.scale(0) if index == 0 else None)
    assert found == [1, *(f'{task}: the cluster was without a worker for 1 s' for task in (2, 3))]


def _wait_for_end(task: int) -> int:
    if task > 1:
        threading.Event().wait(60)
    return task


def test_a_missing_file_names_the_host_and_costs_its_sequence(
        data: Path, workers: LocalCluster) -> None:
    jobs = jobs_of(data)[:2]
    jobs[0] = Job(MotFolder('a', data / 'nowhere'), Options('public'), METHODS)
    lost, also, *sound = run_all(jobs, scheduler=workers.scheduler_address)
    assert lost.error == also.error
    assert lost.error.startswith(
        f'{data}/nowhere does not exist on the worker {socket.gethostname()}; workers need')
    assert [outcome.error for outcome in sound] == ['', '']
    assert [outcome.tracks for outcome in sound] == [
        outcome.tracks for outcome in run_all(jobs[1:])]


def test_relative_paths_mean_the_same_on_workers(
        data: Path, workers: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    # the workers were started elsewhere
    monkeypatch.chdir(data.parent)
    found = run_all(jobs_of(Path('data')), scheduler=workers.scheduler_address)
    assert report_of(found) == report_of(run_all(jobs_of(data)))


def test_a_failed_sequence_is_told_as_without_a_cluster(
        data: Path, workers: LocalCluster) -> None:
    (data / 'c' / 'gt' / 'gt.txt').write_text('1,1,1,1,wide,5,1\n')
    found = run_all(jobs_of(data), scheduler=workers.scheduler_address)
    assert [outcome.sequence for outcome in found if outcome.error] == ['c', 'c']
    assert report_of(found) == report_of(run_all(jobs_of(data)))


@pytest.mark.parametrize('address, said', [
    ('tcp://127.0.0.1:1', 'scheduler is tcp://127.0.0.1:1, where none answers'),
    ('nonsense://x', 'scheduler is nonsense://x, where none answers'),
    ('local:none', 'scheduler is local:none; name the number of processes: local:2')])
def test_a_wrong_address_is_told_in_one_line(
        data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str], address: str, said: str) -> None:
    monkeypatch.setattr(cluster, 'ANSWER', 0.5)
    assert evaluate(data, tmp_path / 'report', '--scheduler', address) == 2
    printed = [line for line in capsys.readouterr().err.splitlines() if 'mot_ros:' in line]
    assert len(printed) == 1
    assert said in printed[0]


def test_without_dask_the_command_to_get_it_is_told(
        data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, 'distributed', None)
    assert evaluate(data, tmp_path / 'report', '--scheduler', 'local:2') == 2
    assert 'pip install distributed' in capsys.readouterr().err


def test_workers_must_have_one_thread_and_the_same_version(
        workers: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, '__version__', '9.9')
    with pytest.raises(ConfigError, match=r'has no mot_ros 9\.9 \(0\.1\.0\); install the same'):
        map_in_cluster(
            _pid, [1], workers.scheduler_address, _lost, lambda index, result: None)
    with start(threads_per_worker=2, processes=False) as crowded, \
            pytest.raises(ConfigError, match=r'has 2 threads, .* start it with: --nthreads 1'):
        map_in_cluster(
            _pid, [1], crowded.scheduler_address, _lost, lambda index, result: None)


def _threads(task: int) -> int:
    import torch

    return torch.get_num_threads()


def _limit(task: int) -> str:
    return os.environ['OMP_NUM_THREADS']


def test_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LIMITS:
        monkeypatch.delenv(name, raising=False)
    cores = len(os.sched_getaffinity(0))
    assert share_of_threads(1)['OMP_NUM_THREADS'] == str(cores)
    assert share_of_threads(2)['OMP_NUM_THREADS'] == str(max(1, cores // 2))
    assert share_of_threads(1000)['OMP_NUM_THREADS'] == '1'
    before = dict(os.environ)
    assert map_in_processes(_threads, [1, 2], 2, _lost, lambda index, result: None) == [
        max(1, cores // 2)] * 2
    assert map_in_cluster(_limit, [1, 2], 'local:2', _lost, lambda index, result: None) == [
        str(max(1, cores // 2))] * 2
    assert dict(os.environ) == before
    # a user's own number stays, for those too who have a variable of their own
    monkeypatch.setenv('OMP_NUM_THREADS', '3')
    assert set(share_of_threads(2).values()) == {'3'}
