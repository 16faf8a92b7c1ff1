# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Networks of ours are exported once, kept by what is in them, and run with tensors."""

from concurrent.futures import ThreadPoolExecutor
import logging
import sys
import threading

import pytest
import torch

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')
pytest.importorskip('onnxscript')

from mot_ros.tracking.errors import ConfigError, FrameError, WeightsError
from mot_ros.tracking.onnx_backend import backend as onnx_backend
from mot_ros.tracking.onnx_backend import export as onnx_export
from mot_ros.tracking.onnx_backend.backend import cache_root, digest, OnnxBackend


class Scaled(torch.nn.Module):
    """Rows times a map that all share, and which of them are large."""

    def __init__(self, factor=2.0):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.full((3,), factor))

    def forward(self, shared, rows):
        """Return products (K, 3) and whether their first is above one (K,)."""
        product = rows * self.factor * shared.sum()
        return product, product[:, 0] > 1


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    """Export the module, once as it takes a while."""
    path = tmp_path_factory.mktemp('scaled') / 'scaled.onnx'
    onnx_export.save(
        Scaled(), [torch.zeros(1, 2), torch.zeros(2, 3)], path, ['shared', 'rows'],
        ['product', 'large'], [{}, {0: torch.export.Dim('rows', min=1)}], {})
    return path


@pytest.fixture
def write(exported):
    """Return what writes the graph."""
    return lambda path: path.write_bytes(exported.read_bytes())


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Give each test a cache of its own."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return tmp_path / 'mot_ros' / 'onnx'


def refused(path):
    raise AssertionError(f'{path} was written a second time')


def test_any_number_of_rows_goes_through_in_parts(cache, write):
    assert cache_root() == cache
    graph = OnnxBackend('cpu').graph('scaled', digest(Scaled()), {}, write, most=4)
    assert (graph.provider, graph.device) == ('CPU', torch.device('cpu'))
    shared = torch.tensor([[1.0, 2.0]])
    for count in (0, 1, 3, 4, 5, 11):
        rows = torch.randn(count, 3)
        # a layout that onnxruntime does not know
        product, large = graph(shared, rows.T.contiguous().T)
        torch.testing.assert_close(product, rows * 6)
        assert large.dtype == torch.bool and large.tolist() == (rows[:, 0] * 6 > 1).tolist()


def test_what_cannot_be_run_costs_one_frame(write):
    graph = OnnxBackend('cpu').graph('scaled', digest(Scaled()), {}, write, most=4)
    with pytest.raises(FrameError, match=r'scaled-.*failed on inputs of \(1, 2\), \(2, 5\)'):
        graph(torch.ones(1, 2), torch.ones(2, 5))


def test_a_graph_is_written_once_and_needs_no_package_then(cache, monkeypatch, caplog, write):
    backend = OnnxBackend('cpu')
    backend.graph('scaled', 'a', {'size': (3, 4)}, write)
    assert caplog.text.count('writing') == 1 and f'writing {cache}/scaled-' in caplog.text
    file, = cache.iterdir()
    monkeypatch.setitem(sys.modules, 'onnx', None)
    monkeypatch.setitem(sys.modules, 'onnxscript', None)
    with caplog.at_level(logging.INFO):
        OnnxBackend('cpu').graph('scaled', 'a', {'size': (3, 4)}, refused)
    assert 'scaled runs by CPU on cpu' in caplog.text
    assert list(cache.iterdir()) == [file]
    with pytest.raises(ConfigError, match='pip install onnx onnxscript'):
        backend.graph('scaled', 'b', {'size': (3, 4)}, write)
    assert list(cache.iterdir()) == [file]


def test_all_that_a_graph_follows_from_gives_another_file(cache, monkeypatch, write):
    backend, count = OnnxBackend('cpu'), 0

    def made(network='a', size=3):
        nonlocal count
        backend.graph('scaled', network, {'size': size}, write)
        count += 1
        assert len(list(cache.iterdir())) == count

    made()
    made('b')
    made(size=4)
    monkeypatch.setattr(onnx_backend, 'OPSET', onnx_backend.OPSET + 1)
    made()
    monkeypatch.setattr(torch, '__version__', '1.0')
    made()
    # the code of the networks, changed by a file that was not there
    folder = cache.parent / 'nets'
    folder.mkdir()
    (folder / '__init__.py').write_text('')
    monkeypatch.setattr(onnx_backend.nets, '__file__', str(folder / '__init__.py'))
    made()
    (folder / 'new.py').write_text('x = 1\n')
    made()


def test_a_digest_depends_on_names_shapes_and_numbers():
    one = torch.nn.ParameterDict({'a': torch.zeros(2, 3)})
    others = [
        {'b': torch.zeros(2, 3)}, {'a': torch.zeros(3, 2)}, {'a': torch.full((2, 3), 1e-7)},
        {'a': torch.zeros(2, 3, dtype=torch.float64)}]
    found = {digest(torch.nn.ParameterDict(other)) for other in others}
    assert len(found) == 4 and digest(one) not in found
    assert digest(one) == digest(torch.nn.ParameterDict({'a': torch.zeros(2, 3)}))


def test_a_damaged_file_is_written_again(cache, write):
    backend = OnnxBackend('cpu')
    backend.graph('scaled', 'a', {}, write)
    file, = cache.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    product, _ = backend.graph('scaled', 'a', {}, write)(torch.ones(1, 2), torch.ones(1, 3))
    assert product.tolist() == [[4, 4, 4]]


def test_an_export_that_fails_leaves_nothing(cache):
    def fail(path):
        path.write_bytes(b'half')
        raise ValueError('no disk')

    with pytest.raises(ValueError, match='no disk'):
        OnnxBackend('cpu').graph('scaled', 'a', {}, fail)
    assert not cache.exists() or not list(cache.iterdir())


def test_a_cache_that_cannot_be_written_is_named(cache, write):
    cache.parent.mkdir()
    cache.write_text('a file in its place')
    with pytest.raises(WeightsError, match=r'cannot be written.*XDG_CACHE_HOME'):
        OnnxBackend('cpu').graph('scaled', 'a', {}, write)


def test_two_may_write_it_at_once(cache, write):
    barrier = threading.Barrier(2)

    def slowly(path):
        # neither finds the file of the other
        barrier.wait(60)
        write(path)

    def use(_):
        graph = OnnxBackend('cpu').graph('scaled', 'a', {}, slowly)
        return graph(torch.ones(1, 2), torch.ones(1, 3))[0].tolist()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(use, range(2))) == [[[4, 4, 4]]] * 2
    assert len(list(cache.iterdir())) == 1


def test_a_precision_that_does_not_apply_is_said_once(caplog, write):
    backend = OnnxBackend('cpu', 'bfloat16')
    for name in 'ab':
        backend.graph('scaled', name, {}, write)
    told = [record for record in caplog.records if 'precision bfloat16' in record.message]
    assert len(told) == 1 and 'CPU computes in float32' in told[0].message


def test_without_onnxruntime_or_its_gpu_one_sentence_says_what_to_do(monkeypatch):
    import onnxruntime

    if 'CUDAExecutionProvider' not in onnxruntime.get_available_providers():
        with pytest.raises(ConfigError, match='pip install onnxruntime-gpu'):
            OnnxBackend('cuda')
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ConfigError, match=r'backend onnx needs onnxruntime.*pip install'):
        OnnxBackend('cpu')
