# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import contextlib
import logging
import types

import pytest
import torch

from mot_ros.tracking.runtime import cuda_device
from mot_ros.tracking.runtime import cuda_graph as captured
from mot_ros.tracking.runtime.cuda_graph import CudaGraph, same
from mot_ros.tracking.runtime.lost_gpu import is_lost
from mot_ros.tracking.runtime.upload import Uploads

CPU, CUDA = torch.device('cpu'), torch.device('cuda', 0)


class Gpu:
    """Stands in for CUDA graphs where there are none: a replay does the recorded work again."""

    def __init__(self, monkeypatch, harm=None, refuse=None, refuse_end=None):
        self.recorded, self.replays, self.harm, self.refuse = 0, 0, harm, refuse
        self.calls, self.streams, self.entered, self.ended = [], ['current'], [], []
        gpu = self

        class Graph:
            def replay(self):
                assert gpu.streams == ['current'] and gpu.entered
                gpu.replays += 1
                for place, now in zip(self.outputs, self.work(*self.inputs), strict=True):
                    place.copy_(now)
                    if gpu.harm:
                        gpu.harm(place)

            def capture_begin(self, pool, capture_error_mode):
                assert (pool, capture_error_mode) == ('pool', 'thread_local')
                assert gpu.streams[-1] != 'current' and gpu.entered
                self.before = len(gpu.calls)
                if gpu.refuse:
                    raise RuntimeError(gpu.refuse)

            def capture_end(self):
                if refuse_end or gpu.refuse:
                    raise RuntimeError(refuse_end or 'nothing is being captured')
                gpu.recorded += 1
                self.work, self.inputs, self.outputs = gpu.calls[self.before]

        class Stream:
            def __init__(self, device=None):
                self.waited = []

            def wait_stream(self, other):
                pass

            def wait_event(self, event):
                pass

        class Event:
            def record(self, stream):
                pass

        @contextlib.contextmanager
        def entered(device):
            gpu.entered.append(device)
            try:
                yield
            finally:
                gpu.entered.pop()

        @contextlib.contextmanager
        def restored(stream):
            gpu.streams.append(stream)
            try:
                yield
            finally:
                gpu.streams.pop()

        for name, stand_in in {
                'CUDAGraph': Graph, 'Stream': Stream, 'Event': Event, 'stream': restored,
                'device': entered, 'current_stream': lambda device=None: Stream(),
                'graph_pool_handle': lambda: 'pool', 'synchronize': lambda device=None: None,
                'empty_cache': lambda: None}.items():
            monkeypatch.setattr(torch.cuda, name, stand_in)
        monkeypatch.setattr(
            torch._C, '_cuda_endAllocateToPool', lambda *which: self.ended.append(which),
            raising=False)
        cuda_device._of_index.cache_clear()

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
    # one after each recording, to compare, and one in every call but the first
    assert gpu.replays == 2 + 6


def test_types_and_strides_are_part_of_a_signature(monkeypatch):
    gpu = Gpu(monkeypatch)
    work = CudaGraph(gpu.watched(lambda a: [a + 1]), CUDA)
    a = torch.zeros(3, 2)
    for other in (a, a.T.contiguous().T, a.to(torch.float64), a) * 2:
        assert torch.equal(work(other)[0], other + 1)
    assert gpu.recorded == 3


def test_the_number_of_graphs_is_bounded_and_the_least_used_goes(monkeypatch):
    monkeypatch.setattr(captured, 'MOST_GRAPHS', 2)
    gpu = Gpu(monkeypatch)
    work = CudaGraph(gpu.watched(lambda a: [a + 1]), CUDA)
    for length in (1, 2, 1, 2, 1, 3, 3, 1):
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


def test_sizes_that_come_once_are_not_captured(monkeypatch):
    gpu = Gpu(monkeypatch)
    work = CudaGraph(gpu.watched(lambda a: [a + 1]), CUDA)
    for length in range(1, 40):
        assert torch.equal(work(torch.zeros(length))[0], torch.ones(length))
    assert gpu.recorded == 0
    for length in (10, 20, 10, 20, 10):
        work(torch.zeros(length))
    assert gpu.recorded == 2


def test_outputs_stay_what_they_are(monkeypatch):
    gpu = Gpu(monkeypatch)
    work = CudaGraph(gpu.watched(lambda a: [a + 1]), CUDA)
    found = [work(torch.full((2,), float(number)))[0] for number in range(4)]
    assert [each.tolist() for each in found] == [[n + 1.0] * 2 for n in range(4)]


@pytest.mark.parametrize('where', ['begin', 'work', 'end'])
def test_a_capture_that_fails_leaves_stream_and_allocator_as_they_were(monkeypatch, caplog, where):
    gpu = Gpu(monkeypatch, refuse='the first cause' if where == 'begin' else None,
              refuse_end='the capture was invalidated' if where != 'begin' else None)
    calls = []

    def work(a):
        calls.append(gpu.streams[-1])
        # the plain call, then those that warm up
        if where == 'work' and len(calls) == 2 + captured.WARM_UPS:
            raise RuntimeError('the first cause')
        return [a + 1]

    graph = CudaGraph(gpu.watched(work), CUDA)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert graph(torch.zeros(2))[0].tolist() == [1, 1]
    assert gpu.streams == ['current']
    assert not gpu.entered
    assert gpu.ended == [(0, 'pool')]
    cause = 'the first cause' if where != 'end' else 'the capture was invalidated'
    assert [cause in message for message in caplog.messages] == [True]
    assert calls[-1] == 'current'


def test_without_memory_it_goes_on_plainly_and_tries_again(monkeypatch, caplog):
    gpu = Gpu(monkeypatch, refuse='CUDA out of memory. Tried to allocate 2 GiB')
    now = [1000.0]
    monkeypatch.setattr(captured.time, 'monotonic', lambda: now[0])
    work = CudaGraph(gpu.watched(lambda a: [a + 1]), CUDA)
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            assert work(torch.zeros(2))[0].tolist() == [1, 1]
    assert [message[:38] for message in caplog.messages] == [
        'CUDA graphs are not used for 60 s, sin']
    gpu.refuse = None
    now[0] += captured.RETRY - 1
    work(torch.zeros(2))
    assert gpu.recorded == 0
    now[0] += 2
    work(torch.zeros(2))
    assert gpu.recorded == 1


@pytest.mark.parametrize('words', [
    'CUDA error: an illegal memory access was encountered',
    'CUDA error: device-side assert triggered'])
def test_a_lost_gpu_is_raised(monkeypatch, words):
    gpu = Gpu(monkeypatch, refuse=words)
    work = CudaGraph(gpu.watched(lambda a: [a + 1]), CUDA)
    work(torch.zeros(2))
    with pytest.raises(RuntimeError, match=words) as caught:
        work(torch.zeros(2))
    assert is_lost(caught.value)


@pytest.mark.parametrize('error', [
    RuntimeError('CUDA out of memory'), RuntimeError('a blue corner'),
    ValueError('CUDA error: an illegal memory access was encountered'),
    RuntimeError('an illegal memory access of somebody')])
def test_other_errors_leave_the_gpu_usable(error):
    assert not is_lost(error)


def test_another_gpu_has_streams_and_memory_of_its_own(monkeypatch):
    Gpu(monkeypatch)
    one, other = (cuda_device.cuda_device(torch.device('cuda', number)) for number in (0, 1))
    assert one is cuda_device.cuda_device(CUDA)
    assert one is not other
    assert len({id(stream) for each in (one, other) for stream in (
        each.capture_stream, each.upload_stream)}) == 4


@pytest.mark.parametrize('integrated', [0, 1])
def test_uploads_lock_memory_only_where_there_are_two(monkeypatch, integrated):
    Gpu(monkeypatch)
    monkeypatch.setattr(torch.cuda, 'get_device_properties', lambda device: types.SimpleNamespace(
        is_integrated=integrated))
    stream = Uploads(CUDA)._stream
    assert stream is (None if integrated else cuda_device.cuda_device(CUDA).upload_stream)
    assert Uploads(CUDA)._stream is stream


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
