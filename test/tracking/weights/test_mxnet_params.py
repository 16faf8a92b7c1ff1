# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""MXNet's files of arrays: read as written, and refused wherever they are damaged."""

import struct

from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.weights.mxnet_params import read_params
from test.tracking.weights.mxnet_files import array_bytes, FLAGS, params_bytes

EXAMPLE = {
    'features.stage1.0.weight': np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    'features.stage1.1.gamma': np.array([1.5, -2.0], np.float32)}
REUSED = settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(data, folder):
    path = folder / 'some.params'
    path.write_bytes(data)
    return read_params(path)


@REUSED
@given(arrays=st.dictionaries(st.text(max_size=12), st.sampled_from(sorted(FLAGS)).flatmap(
    lambda name: hnp.arrays(name, hnp.array_shapes(max_dims=5, max_side=3))), max_size=5),
    version=st.sampled_from([0, 1, 2]))
def test_what_is_written_is_read(tmp_path, arrays, version):
    arrays = {name.replace(':', ''): array for name, array in arrays.items()}
    found = read(params_bytes(arrays, version), tmp_path)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_the_bytes_of_a_small_file(tmp_path):
    # written out by hand: the list, one array of the shape (2,), its name
    data = bytes.fromhex(
        '1201000000000000' '0000000000000000' '0100000000000000'
        'c9fa93f9' '00000000' '01000000' '0200000000000000' '01000000' '00000000' '00000000'
        '0000803f' '000000c0'
        '0100000000000000' '0100000000000000' '77')
    found = read(data, tmp_path)
    assert {name: array.tolist() for name, array in found.items()} == {'w': [1.0, -2.0]}
    assert data == params_bytes({'w': np.array([1, -2], np.float32)})


def test_arrays_can_be_changed_and_names_lose_what_symbols_put_before(tmp_path):
    one = np.ones(2, np.float32)
    found = read(params_bytes({'arg:conv0_weight': one, 'aux:bn0_moving_var': one}), tmp_path)
    assert list(found) == ['conv0_weight', 'bn0_moving_var']
    found['conv0_weight'] += 1
    assert found['bn0_moving_var'].tolist() == [1, 1]


def test_every_shorter_file_is_refused(tmp_path):
    data = params_bytes(EXAMPLE)
    for length in range(len(data)):
        with pytest.raises(WeightsError, match='no whole file of MXNet arrays'):
            read(data[:length], tmp_path)


@REUSED
@given(st.data())
def test_damage_is_refused_or_changes_numbers_only(tmp_path, data):
    content = bytearray(params_bytes(EXAMPLE))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    try:
        found = read(bytes(content), tmp_path)
    except WeightsError:
        return
    assert sum(array.nbytes for array in found.values()) <= len(content)


ONE = np.ones(1, np.float32)
HEAD = struct.pack('<QQQ', 0x112, 0, 1)
NAMES = struct.pack('<QQ', 1, 1) + b'w'


@pytest.mark.parametrize('data, complaint', [
    (b'', r'\(0 bytes\).*ends inside the beginning'),
    (b'PK\x03\x04' + bytes(60), 'begins with 0x4034b50 and not with 0x112'),
    (b'\x80\x02}q\x00.' + bytes(60), 'not with 0x112'),
    (struct.pack('<QQQ', 0x112, 0, 1 << 60), 'too short for the 1152921504606846976 arrays'),
    (HEAD + array_bytes(ONE, storage=1) + NAMES, r'at byte 24 is sparse \(type 1\)'),
    (HEAD + array_bytes(ONE, flag=7) + NAMES, 'numbers of type 7'),
    (HEAD + array_bytes(ONE, flag=-1) + NAMES, 'numbers of type -1'),
    (HEAD + array_bytes(np.float32(1)) + NAMES, 'has 0 dimensions'),
    (HEAD + struct.pack('<III', 0xF993FACA, 0, 0) + NAMES, 'has 4187224778 dimensions'),
    (HEAD + struct.pack('<IiIqqiii', 0xF993FAC9, 0, 2, -1, 4, 1, 0, 0), r'shape \[-1, 4\]'),
    (HEAD + struct.pack('<IiIqqiii', 0xF993FAC9, 0, 2, 1 << 62, 1 << 62, 1, 0, 0),
     'ends inside the array at byte 24'),
    (params_bytes(EXAMPLE, names=['only one']), 'has 2 arrays, but 1 names'),
    (params_bytes(EXAMPLE, names=['same', 'same']), 'two arrays have the same name'),
    (params_bytes(EXAMPLE) + b'!', '1 bytes follow the last name'),
    (params_bytes({'w': ONE})[:-1] + b'\xff', 'is no text')])
def test_what_is_wrong_is_said(tmp_path, data, complaint):
    with pytest.raises(WeightsError, match=complaint):
        read(data, tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r'none\.params cannot be read: No such file'):
        read_params(tmp_path / 'none.params')
