# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Many tasks on the workers of a Dask cluster, which may die and come back meanwhile.

Scheduler and workers need the same mot_ros, and workers the same files at the same places. Tasks
and results go between machines as Dask sends them, by pickle: only for clusters whose machines
trust each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
import contextlib
from dataclasses import dataclass
import logging
import os
from pathlib import Path
from queue import Empty, Queue
import socket
import time
from typing import Any, Generic, TypeVar
import uuid

from mot_ros import __version__
from mot_ros.evaluation.job_files import paths_of
from mot_ros.evaluation.processes import main_hidden
from mot_ros.tracking.errors import ConfigError, MotError, SourceError
from mot_ros.tracking.runtime.threads import share_of_threads

_Task = TypeVar('_Task')
_Result = TypeVar('_Result')

LOCAL = 'local:'
PATIENCE = 30.0
"""How many seconds a cluster may be without any worker."""
ANSWER = 10.0
"""How many seconds a scheduler may take to answer."""
LOOK = 1.0
"""Seconds between two looks at the workers."""


@dataclass(frozen=True)
class _AtHome(Generic[_Task, _Result]):
    """A function on a worker, in the folder where the evaluation was started."""

    function: Callable[[_Task], _Result]
    folder: Path

    def __call__(self, task: _Task) -> _Result:
        before = Path.cwd()
        self._check(self.folder)
        os.chdir(self.folder)
        try:
            for path in paths_of(task):
                self._check(path)
            return self.function(task)
        finally:
            os.chdir(before)

    def _check(self, path: Path) -> None:
        if not path.exists():
            raise SourceError(
                f'{path} does not exist on the worker {socket.gethostname()}; workers need the '
                'same files at the same places, on a file system that all of them share')


def map_in_cluster(
        function: Callable[[_Task], _Result], tasks: Sequence[_Task], scheduler: str,
        lost: Callable[[_Task, str], _Result], arrived: Callable[[int, _Result], None]
        ) -> list[_Result]:
    """
    Return function(task) of every task, in order, and call arrived(index, result) of each.

    `scheduler` is the address of a Dask scheduler, or local:N for N processes of this machine.
    What a worker that dies was at is done by another one. Of what takes several workers down, or
    was with them each time, every task is repeated alone, and what does it again gets
    `lost(task, reason)`; so does all that is left when no worker is.
    """
    found: dict[int, _Result] = {}
    with main_hidden(), _connected(scheduler, len(tasks)) as client:
        _check_workers(client, scheduler)
        work = _AtHome(function, Path.cwd())

        def run(indices: Sequence[int], *, alone: bool) -> list[int]:
            """Do some tasks and return which of them are to be repeated."""
            deadly = []
            for index, result in _results(client, work, tasks, indices):
                if isinstance(result, _Failure) and result.deadly and not alone:
                    deadly.append(index)
                    continue
                found[index] = lost(tasks[index], result.reason) \
                    if isinstance(result, _Failure) else result
                arrived(index, found[index])
            return deadly

        for index in sorted(run(range(len(tasks)), alone=False)):
            run([index], alone=True)
    return [found[index] for index in range(len(tasks))]


@dataclass(frozen=True)
class _Failure:
    reason: str
    deadly: bool = False


def _results(
        client: Any, work: Callable[[Any], Any], tasks: Sequence[Any], indices: Sequence[int]
        ) -> Iterator[tuple[int, Any]]:
    """Yield indices with what came of them; all failed that are left once no worker is."""
    name, arrivals = uuid.uuid4().hex, Queue[Any]()
    left = {
        client.submit(work, tasks[index], key=f'mot_ros-{name}-{index}', pure=False): index
        for index in indices}
    for future in left:
        future.add_done_callback(arrivals.put)
    seen = time.monotonic()
    while left:
        try:
            future = arrivals.get(timeout=LOOK)
        except Empty:
            if _workers(client):
                seen = time.monotonic()
            elif time.monotonic() - seen > PATIENCE:
                reason = f'the cluster was without a worker for {PATIENCE:g} s'
                yield from ((index, _Failure(reason)) for index in left.values())
                return
            continue
        seen = time.monotonic()
        yield left.pop(future), _result_of(future)
        # its worker may forget it, and need not do it again when another one dies
        future.release()


def _result_of(future: Any) -> Any:
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker:
        return _Failure('every worker that took it up ended abruptly; out of memory?', True)
    except MotError as error:
        return _Failure(str(error))
    except Exception as error:
        said = ' '.join(str(error).split())
        return _Failure(f'the cluster failed: {type(error).__name__}: {said}')


def _workers(client: Any) -> dict[str, int]:
    """Return the threads of every worker by its address; none if the scheduler is gone."""
    try:
        return dict(client.nthreads())
    except OSError:
        return {}


@contextlib.contextmanager
def _connected(scheduler: str, tasks: int) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine for as long as it is needed."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ConfigError(
            f'scheduler is {scheduler}, which needs Dask, which cannot be imported ({error}): '
            'pip install distributed') from error
    with contextlib.ExitStack() as stack:
        address: Any = scheduler
        if scheduler.startswith(LOCAL):
            count = min(_count(scheduler), tasks)
            # Dask leaves the limits of its workers in this process too
            stack.callback(_restore, dict(os.environ))
            address = stack.enter_context(LocalCluster(
                n_workers=count, threads_per_worker=1,
                # it serves no pages, and its port is none that others want
                dashboard_address='127.0.0.1:0', scheduler_kwargs={'dashboard': False},
                # what happens to workers is told as what becomes of their tasks
                silence_logs=logging.CRITICAL, env=share_of_threads(count)))
        try:
            client = stack.enter_context(Client(address, set_as_default=False, timeout=ANSWER))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f'scheduler is {scheduler}, where none answers ({error}); start one with: '
                'dask scheduler') from error
        yield client


def _restore(environment: Mapping[str, str]) -> None:
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)


def _count(scheduler: str) -> int:
    text = scheduler[len(LOCAL):]
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f'scheduler is {scheduler}; name the number of processes: local:2')
    return int(text)


def _check_workers(client: Any, scheduler: str) -> None:
    """Raise ConfigError unless there are workers on which results come out as they do here."""
    import distributed

    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except distributed.TimeoutError:
        raise ConfigError(
            f'{scheduler} has no workers; start one with: dask worker {scheduler} --nthreads 1') \
            from None
    for address, threads in _workers(client).items():
        if threads != 1:
            raise ConfigError(
                f'worker {address} has {threads} threads, which would share one '
                'process; start it with: --nthreads 1')
    for address, version in client.run(_version, on_error='return').items():
        if version != __version__:
            raise ConfigError(
                f'worker {address} has no mot_ros {__version__} ({version}); install the same '
                'one everywhere')


def _version() -> str:
    return __version__
