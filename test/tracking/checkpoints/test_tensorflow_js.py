# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import json

import numpy as np
import pytest

from mot_ros.tracking.checkpoints import tensorflow_js
from mot_ros.tracking.checkpoints.nanodet import CARD, convert, import_nanodet, layer_names
from mot_ros.tracking.checkpoints.tensorflow_js import read_arrays
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.weights import store as weights

HALF = {'dtype': 'float16', 'original_dtype': 'float32'}


def written(folder, entries, data, paths=('model.bin',)):
    """Write a graph model and return its two files."""
    graph, binary = folder / 'model.json', folder / 'model.bin'
    graph.write_text(json.dumps({
        'format': 'graph-model', 'weightsManifest': [{'paths': list(paths), 'weights': entries}]}))
    binary.write_bytes(data)
    return graph, binary


def test_reads_what_was_written(tmp_path):
    halves = np.arange(6, dtype=np.float16).reshape(2, 3)
    numbers = np.array([-1, 7], np.int32)
    files = written(tmp_path, [
        {'name': 'a', 'shape': [2, 3], 'dtype': 'float32', 'quantization': HALF},
        {'name': 'b', 'shape': [2], 'dtype': 'int32'},
        {'name': 'c', 'shape': [], 'dtype': 'float32'}],
        halves.tobytes() + numbers.tobytes() + np.float32(2.5).tobytes())
    arrays = read_arrays(*files)
    np.testing.assert_array_equal(arrays['a'], halves)
    np.testing.assert_array_equal(arrays['b'], numbers)
    assert arrays['a'].dtype == np.float16
    assert float(arrays['c']) == 2.5


@pytest.mark.parametrize(('entries', 'data', 'reason'), [
    ([{'name': 'a', 'shape': [2], 'dtype': 'float32'}], b'1234', 'ends at byte 8'),
    ([{'name': 'a', 'shape': [1], 'dtype': 'float32'}], b'12345', 'describes 4 bytes'),
    ([{'name': 'a', 'shape': [-1], 'dtype': 'float32'}], b'', 'shape'),
    ([{'name': 'a', 'shape': [True], 'dtype': 'float32'}], b'1234', 'shape'),
    ([{'name': 'a', 'shape': [2**40], 'dtype': 'uint8'}], b'', 'shape'),
    ([{'name': 'a', 'shape': [1] * 9, 'dtype': 'uint8'}], b'1', 'shape'),
    ([{'name': 'a', 'shape': [4], 'dtype': 'string'}], b'1234', 'type'),
    ([{'name': 'a', 'shape': [4], 'dtype': 'float32',
       'quantization': {'dtype': 'uint8', 'min': 0, 'scale': 1}}], b'1234', 'float16'),
    ([{'name': 'a', 'shape': [4], 'dtype': 'float32', 'quantization': 3}], b'1234', 'float16'),
    ([{'name': 'a', 'shape': [1], 'dtype': 'uint8'}] * 2, b'12', 'twice'),
    (['a'], b'', 'array by'),
])
def test_refuses_what_does_not_fit(tmp_path, entries, data, reason):
    with pytest.raises(WeightsError, match=reason):
        read_arrays(*written(tmp_path, entries, data))


@pytest.mark.parametrize('text', ['', '[]', '{"weightsManifest": 3}', '[' * 100000,
                                  '{"weightsManifest": [{"paths": ["a"]}]}'])
def test_refuses_other_json(tmp_path, text):
    graph, data = written(tmp_path, [], b'')
    graph.write_text(text)
    with pytest.raises(WeightsError, match='graph model'):
        read_arrays(graph, data)


def test_refuses_several_files_large_and_missing_ones(tmp_path, monkeypatch):
    graph, data = written(tmp_path, [], b'', paths=('a', 'b'))
    with pytest.raises(WeightsError, match='2 files'):
        read_arrays(graph, data)
    with pytest.raises(WeightsError, match='cannot be read'):
        read_arrays(graph.with_name('other.json'), data)
    monkeypatch.setattr(tensorflow_js, 'MOST_BYTES', 10)
    with pytest.raises(WeightsError, match='more than'):
        read_arrays(graph, data)


def test_nanodet_is_recognised_by_its_digests(tmp_path):
    graph, data = written(tmp_path, [], b'')
    with pytest.raises(WeightsError, match='SHA-256'):
        import_nanodet(graph, data)
    with pytest.raises(WeightsError, match='cannot be read'):
        import_nanodet(tmp_path / 'none.json', data)
    with pytest.raises(WeightsError, match='not NanoDet-g'):
        convert(graph, data)


def test_nanodet_that_comes_with_the_package_has_its_card():
    assert weights.metadata('nanodet-coco') == dict(CARD)
    names = [f'{name}.{part}' for name in layer_names() for part in ('weight', 'bias')]
    assert sorted(weights.load('nanodet-coco')) == sorted(names)
