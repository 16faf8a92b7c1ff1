# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import contextlib
import logging

import pytest
import torch

from mot_ros.tracking.runtime import cuda_graph as captured
from mot_ros.tracking.runtime.cuda_graph import CudaGraph, same

CPU, CUDA = torch.device('cpu'), torch.device('cuda', 0)


class Gpu:
    """Stands in for CUDA graphs where there are none: a replay does the recorded work again."""

    def __init__(self, monkeypatch, harm=None, refuse=None):
        self.recorded, self.replays, self.harm, self.refuse = 0, 0, harm, refuse
        self.calls = []
        gpu = self

        class Graph:
            def replay(self):
                gpu.replays += 1
                for place, now in zip(self.outputs, self.work(*self.inputs), strict=True):
                    place.copy_(now)
                    if gpu.harm:
                        gpu.harm(place)

        class Stream:
            def __init__(self, device=None):
                pass

            def wait_stream(self, other):
                pass

        @contextlib.contextmanager
        def recording(graph, stream, capture_error_mode):
            if gpu.refuse:
                raise RuntimeError(gpu.refuse)
            gpu.recorded += 1
            before = len(gpu.calls)
            yield
            graph.work, graph.inputs, graph.outputs = gpu.calls[before]

        monkeypatch.setattr(torch.cuda, 'CUDAGraph', Graph)
        monkeypatch.setattr(torch.cuda, 'Stream', Stream)
        monkeypatch.setattr(torch.cuda, 'current_stream', lambda device=None: Stream())
        monkeypatch.setattr(torch.cuda, 'stream', lambda stream: contextlib.nullcontext())
        monkeypatch.setattr(torch.cuda, 'graph', recording)

    def watched(self, work):
        """Return the work, of which every call is noted."""
        def noted(*inputs):
            outputs = work(*inputs)
            self.calls.append((work, inputs, outputs))
            return outputs
        return noted


def sum_and_product(a, b):
    return a + b, a * b


def test_on_the_cpu_it_is_a_plain_call():
    a, b = torch.arange(3.0), torch.ones(3)
    work = CudaGraph(sum_and_product, CPU)
    for _ in range(3):
        assert torch.equal(work(a, b)[0], a + b)
    assert not work(a, b)[0].requires_grad


def test_each_signature_is_recorded_once_and_replayed_with_new_numbers(monkeypatch):
    gpu = Gpu(monkeypatch)
    work = CudaGraph(gpu.watched(sum_and_product), CUDA)
    for number in range(4):
        for length in (2, 3):
            a, b = torch.full((length,), float(number)), torch.arange(float(length))
            total, product = work(a, b)
            assert torch.equal(total, a + b)
            assert torch.equal(product, a * b)
    assert gpu.recorded == 2
    # one after each recording, to compare, and one in every call
    assert gpu.replays == 2 + 8


def test_types_and_strides_are_part_of_a_signature(monkeypatch):
    gpu = Gpu(monkeypatch)
    work = CudaGraph(gpu.watched(lambda a: [a + 1]), CUDA)
    a = torch.zeros(3, 2)
    for other in (a, a.T.contiguous().T, a.to(torch.float64), a):
        assert torch.equal(work(other)[0], other + 1)
    assert gpu.recorded == 3


def test_the_number_of_graphs_is_bounded_and_the_least_used_goes(monkeypatch):
    monkeypatch.setattr(captured, 'MOST_GRAPHS', 2)
    gpu = Gpu(monkeypatch)
    work = CudaGraph(gpu.watched(lambda a: [a + 1]), CUDA)
    for length in (1, 2, 1, 3, 1):
        work(torch.zeros(length))
    assert gpu.recorded == 3
    work(torch.zeros(2))
    assert gpu.recorded == 4


def test_a_replay_that_differs_is_not_used(monkeypatch, caplog):
    gpu = Gpu(monkeypatch, harm=lambda place: place.add_(0.5))
    work = CudaGraph(gpu.watched(sum_and_product), CUDA)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            a = torch.full((2,), float(number))
            assert torch.equal(work(a, a)[0], a + a)
    assert len(caplog.messages) == 1
    assert 'output 0 of a replay is not' in caplog.messages[0]
    assert 'set graphs to false' in caplog.messages[0]


def test_what_cannot_be_recorded_is_called_plainly(monkeypatch, caplog):
    gpu = Gpu(monkeypatch, refuse='operation not permitted when stream is capturing')
    work = CudaGraph(gpu.watched(sum_and_product), CUDA)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            a = torch.full((2,), float(number))
            assert torch.equal(work(a, a)[1], a * a)
    assert len(caplog.messages) == 1
    assert 'not permitted' in caplog.messages[0]


def test_an_error_of_the_work_itself_is_raised(monkeypatch):
    def broken(a):
        raise ValueError('a bad input')

    Gpu(monkeypatch)
    with pytest.raises(ValueError, match='a bad input'):
        CudaGraph(broken, CUDA)(torch.zeros(1))


def test_switched_off_nothing_is_recorded(monkeypatch):
    gpu = Gpu(monkeypatch)
    CudaGraph(gpu.watched(lambda a: [a + 1]), CUDA, on=False)(torch.zeros(1))
    assert gpu.recorded == 0


def test_same_allows_rounding_only():
    one = torch.tensor([1000.0, float('nan'), 0.5])
    assert same(one, one * (1 + 1e-5))
    assert not same(one, one * 1.01)
    assert not same(one, one.nan_to_num())
    assert not same(torch.arange(3), torch.tensor([0, 1, 3]))
    assert not same(one, one[:2])
    half = torch.tensor([1.0, 2.0], dtype=torch.bfloat16)
    assert same(half, half + torch.tensor([0.0078, 0.0], dtype=torch.bfloat16))
    assert not same(half, half * 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU that CUDA can use')
def test_on_a_gpu_it_gives_what_a_plain_call_gives_without_waiting():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 2, 3)).to(CUDA)
    work = CudaGraph(lambda images: [network(images)], CUDA)
    images = torch.randn(4, 1, 3, 32, 32, device=CUDA)
    work(images[0])
    torch.cuda.set_sync_debug_mode('error')
    try:
        found = [work(image)[0].clone() for image in images]
    finally:
        torch.cuda.set_sync_debug_mode('default')
    with torch.inference_mode():
        expected = [network(image) for image in images]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
