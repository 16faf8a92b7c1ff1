# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Many tasks in several processes of this machine, one of which may die without the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import contextlib
import sys
from typing import TypeVar

from mot_ros.tracking.runtime.threads import take_share_of_threads

_Task = TypeVar('_Task')
_Result = TypeVar('_Result')


def map_in_processes(
        function: Callable[[_Task], _Result], tasks: Sequence[_Task], processes: int,
        lost: Callable[[_Task, str], _Result], arrived: Callable[[int, _Result], None]
        ) -> list[_Result]:
    """
    Return function(task) of every task, in order, and call arrived(index, result) of each.

    A process that dies takes those down that were under way beside it; they are repeated alone,
    and what dies again gets `lost(task, reason)`.
    """
    found: dict[int, _Result] = {}

    def keep(index: int, result: _Result) -> None:
        found[index] = result
        arrived(index, result)

    if processes == 1:
        for index, task in enumerate(tasks):
            keep(index, function(task))
        return [found[index] for index in range(len(tasks))]
    _attempt(function, tasks, range(len(tasks)), processes, keep)
    for index in range(len(tasks)):
        if index not in found:
            _attempt(function, tasks, [index], 1, keep)
        if index not in found:
            keep(index, lost(tasks[index], 'the process ended abruptly; out of memory?'))
    return [found[index] for index in range(len(tasks))]


def _attempt(
        function: Callable[[_Task], _Result], tasks: Sequence[_Task], indices: Sequence[int],
        processes: int, keep: Callable[[int, _Result], None]) -> None:
    """Run tasks in a pool of its own and hand on what came of them."""
    from concurrent.futures import as_completed, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # spawned and not forked: threads of OpenCV and torch do not survive a fork
    with ProcessPoolExecutor(
            processes, get_context('spawn'), take_share_of_threads, (processes,)) as pool:
        try:
            with main_hidden():
                futures = {pool.submit(function, tasks[index]): index for index in indices}
        except BrokenProcessPool:
            return
        for future in as_completed(futures):
            with contextlib.suppress(BrokenProcessPool):
                result = future.result()
                keep(futures[future], result)


@contextlib.contextmanager
def main_hidden() -> Iterator[None]:
    """
    Keep processes that are started meanwhile from running the program's script once more.

    A spawned process imports it, and one without the usual guard, as the installed `mot_ros` may
    be, would start the whole evaluation again. What the processes need has modules of its own.
    """
    main = sys.modules['__main__']
    file = vars(main).pop('__file__', None)
    try:
        yield
    finally:
        if file is not None:
            vars(main)['__file__'] = file
