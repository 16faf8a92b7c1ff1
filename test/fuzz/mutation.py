# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Mutate files and read them: each is read or refused by one of our errors, and soon."""

from collections.abc import Callable
from pathlib import Path
import resource
import time
from typing import Any
import warnings

import numpy as np

from mot_ros.tracking.errors import MotError

MAX_SECONDS = 5
MAX_GROWTH = 1 << 30
"""Bytes of resident memory."""
TOKENS = (
    b'99999999999999999999', b'-1', b'1e308', b'nan', b'\x00', b'\xff\xff\xff\xff', b'[' * 3000,
    b'&a [*a]', b'2001-99-99', b'"', b'{', b'\x85' * 3000, b'9' * 5000, b'1e300', b'null',
    b'9007199254740993.0', b'\xef\xbb\xbf', b'\n\n', b'\x7f\xff\xff\xff')

Read = Callable[[Path], Any]


def mutate(content: bytes, random: np.random.Generator) -> bytes:
    """Return bytes with one to four changes: flips, cuts, repeats, and tokens put in."""
    data = bytearray(content)
    for _ in range(random.integers(1, 5)):
        place = int(random.integers(0, len(data) + 1))
        action = random.integers(5)
        if action == 0 and place < len(data):
            data[place] = random.integers(256)
        elif action == 1:
            data[place:place] = TOKENS[random.integers(len(TOKENS))]
        elif action == 2:
            del data[place:place + int(random.integers(1, 40))]
        elif action == 3:
            data[place:place] = data[place:place + 64] * int(random.integers(1, 30))
        elif action == 4 and place < len(data):
            data[place] ^= 1 << random.integers(8)
    return bytes(data)


def try_mutations(kind: str, file: Path, read: Read, count: int) -> None:
    """Read a file as it is and `count` mutations of it; a number makes each of these again."""
    # the file itself is read, so that refusing everything is no way to pass
    read(file)
    content = file.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        random = np.random.default_rng([number, *kind.encode()])
        file.write_bytes(mutate(content, random))
        start = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                read(file)
        except MotError as error:
            assert len(str(error)) < 5000, (kind, number)
        except Exception as error:
            raise AssertionError(f'{kind}, number {number}: {error!r}') from error
        assert time.process_time() - start < MAX_SECONDS, (kind, number)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < MAX_GROWTH, kind
