# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Configure threads of the numeric libraries so that they share cores with other processes."""

from __future__ import annotations

import os

LIMITS = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENCV_FOR_THREADS_NUM')
"""Environment variables from which libraries read their number of threads."""


def share_cores() -> None:
    """
    Make idle OpenMP threads sleep instead of spin; call it before torch is imported.

    By default they spin while they wait for each other, which stalls the network when other
    processes need the cores: on two cores beside one busy process, 850 ms per frame became 37 ms.
    A user's own OMP_WAIT_POLICY stays.
    """
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')


def share_of_threads(processes: int) -> dict[str, str]:
    """
    Return the environment of one of several equal processes, to be set before numpy is imported.

    Together they get as many threads as there are cores; otherwise each would start one per core.
    A user's own numbers stay. Results do not depend on the number of threads.
    """
    fair = str(max(1, len(os.sched_getaffinity(0)) // processes))
    # most libraries read this one if their own is not set
    threads = os.environ.get('OMP_NUM_THREADS', fair)
    return {name: os.environ.get(name, threads) for name in LIMITS}


def take_share_of_threads(processes: int) -> None:
    """Apply share_of_threads to this process, before numpy is imported."""
    os.environ.update(share_of_threads(processes))
