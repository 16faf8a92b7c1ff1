# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Limits of this process, for a while."""

from collections.abc import Iterator
import contextlib
import resource


@contextlib.contextmanager
def limited_files(size: int) -> Iterator[None]:
    """Let files grow to `size` bytes only, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
