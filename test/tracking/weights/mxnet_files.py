# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Writes files of named arrays in MXNet's format, from its description."""

import struct

import numpy as np

FLAGS = {'float32': 0, 'float64': 1, 'float16': 2, 'uint8': 3, 'int32': 4, 'int8': 5, 'int64': 6}


def array_bytes(array, version=2, storage=0, flag=None):
    """Return one array; version 0 is the oldest, which has no magic and 32-bit shapes."""
    head = b'' if version == 0 else struct.pack('<I', (0, 0xF993FAC8, 0xF993FAC9)[version])
    if version == 2:
        head += struct.pack('<i', storage)
    head += struct.pack('<I', array.ndim)
    head += struct.pack(f'<{array.ndim}{"I" if version == 0 else "q"}', *array.shape)
    # device 1 is the CPU, its number 0
    head += struct.pack('<iii', 1, 0, FLAGS[array.dtype.name] if flag is None else flag)
    return head + np.ascontiguousarray(array).astype(array.dtype.newbyteorder('<')).tobytes()


def params_bytes(named, version=2, magic=0x112, names=None):
    """Return a file of arrays by name."""
    names = list(named) if names is None else names
    data = struct.pack('<QQQ', magic, 0, len(named))
    data += b''.join(array_bytes(array, version) for array in named.values())
    data += struct.pack('<Q', len(names))
    for name in names:
        text = name.encode()
        data += struct.pack('<Q', len(text)) + text
    return data
