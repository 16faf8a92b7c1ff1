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

"""Many tasks in several processes of this machine, one of which may die without the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import contextlib
import sys
from typing import TypeVar

_Task = TypeVar('_Task')
_Result = TypeVar('_Result')


def map_in_processes(
        function: Callable[[_Task], _Result], tasks: Sequence[_Task], processes: int,
        lost: Callable[[_Task, str], _Result], progress: Callable[[], None]) -> list[_Result]:
    """
    Return function(task) of every task, in order.

    A process that dies takes those down that were under way beside it; they are repeated alone,
    and what dies again gets `lost(task, reason)`.
    """
    if processes == 1:
        results = []
        for task in tasks:
            results.append(function(task))
            progress()
        return results
    found: dict[int, _Result] = {}
    _attempt(function, tasks, range(len(tasks)), processes, found, progress)
    for index in range(len(tasks)):
        if index not in found:
            _attempt(function, tasks, [index], 1, found, progress)
        if index not in found:
            found[index] = lost(tasks[index], 'the process ended abruptly; out of memory?')
            progress()
    return [found[index] for index in range(len(tasks))]


def _attempt(
        function: Callable[[_Task], _Result], tasks: Sequence[_Task], indices: Sequence[int],
        processes: int, found: dict[int, _Result], progress: Callable[[], None]) -> None:
    """Run tasks in a pool of its own and collect what came of them."""
    from concurrent.futures import as_completed, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # spawned and not forked: threads of OpenCV and torch do not survive a fork
    with ProcessPoolExecutor(processes, mp_context=get_context('spawn')) as pool:
        try:
            with _main_hidden():
                futures = {pool.submit(function, tasks[index]): index for index in indices}
        except BrokenProcessPool:
            return
        for future in as_completed(futures):
            with contextlib.suppress(BrokenProcessPool):
                found[futures[future]] = future.result()
                progress()


@contextlib.contextmanager
def _main_hidden() -> Iterator[None]:
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
