# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""How the networks' threads share the processor with the rest of the machine."""

from __future__ import annotations

import os

LIMITS = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENCV_FOR_THREADS_NUM')
"""Environment variables from which libraries read how many threads to start."""


def share_cores() -> None:
    """
    Let waiting OpenMP threads sleep instead of spin; to be called before torch is loaded.

    By default they burn their core while they wait for each other. On a robot whose other
    processes want the same cores that stalls the network: measured on two cores beside one busy
    process, 850 ms a frame became 37 ms. A user's own OMP_WAIT_POLICY stays.
    """
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')


def share_of_threads(processes: int) -> dict[str, str]:
    """
    Return the environment of one of several equal processes, to be set before numpy is loaded.

    Together they get as many threads as there are cores; without, each would take all of them,
    and they would stand in each other's way. A user's own numbers stay. What the networks find
    does not depend on them.
    """
    fair = str(max(1, len(os.sched_getaffinity(0)) // processes))
    # most libraries take this one where their own is missing
    threads = os.environ.get('OMP_NUM_THREADS', fair)
    return {name: os.environ.get(name, threads) for name in LIMITS}


def take_share_of_threads(processes: int) -> None:
    """Make this process, which has just begun, one of several equal ones."""
    os.environ.update(share_of_threads(processes))
