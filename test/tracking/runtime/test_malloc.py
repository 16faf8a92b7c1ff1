# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Memory that is freed stays with the process, however large, in every thread."""

import os
from pathlib import Path
import subprocess
import sys

ROOT = Path(__file__).resolve().parents[3]

CODE = """
import resource, threading
import numpy as np
from mot_ros.tracking.runtime.malloc import keep_memory
if {keep}:
    keep_memory()

def layers():
    for _ in range(5):
        np.ones(40 << 20, np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(40 << 20, np.uint8)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

layers()
thread = threading.Thread(target=layers)
thread.start()
thread.join()
"""


def pages(*, keep: bool) -> list[int]:
    """Return how many new pages 20 arrays take, in the first thread and in another."""
    done = subprocess.run(
        [sys.executable, '-c', CODE.format(keep=keep)], capture_output=True, text=True,
        check=True, timeout=60,
        # what Dask gives to its workers
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'MALLOC_TRIM_THRESHOLD_': '65536'})
    return [int(line) for line in done.stdout.split()]


def test_freed_memory_is_used_again() -> None:
    # huge pages are few, but even they come anew each time
    assert min(pages(keep=False)) >= 20
    assert max(pages(keep=True)) < 20


RELEASE = """
from pathlib import Path
from mot_ros.tracking.runtime.malloc import keep_memory, release_memory
keep_memory()

def megabytes():
    return int(Path('/proc/self/statm').read_text().split()[1]) * 4096 >> 20

frames, pins = [], []
for _ in range(600):
    # what is allocated between the frames keeps the heap from shrinking
    frames.append(bytearray(b'x') * 500_000)
    pins.append(bytearray(5000))
full = megabytes()
frames.clear()
release_memory()
print(full, megabytes())
"""


def test_memory_of_a_deep_queue_is_returned() -> None:
    done = subprocess.run(
        [sys.executable, '-c', RELEASE], capture_output=True, text=True, check=True, timeout=60,
        env={**os.environ, 'PYTHONPATH': str(ROOT)})
    full, left = map(int, done.stdout.split())
    assert full > 280
    assert left < full / 4
