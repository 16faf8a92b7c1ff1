# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import logging

import pytest
import torch

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.ops.precision import lower
from mot_ros.tracking.runtime.device import deterministic_fp32, native_dtype, resolve_device


@pytest.fixture
def gpus(monkeypatch):
    """Pretend that the machine has so many GPUs, which compute or do not."""
    def pretend(count, working=True):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: count > 0)
        monkeypatch.setattr(torch.cuda, 'device_count', lambda: count)

        def ones(*shape, device):
            if not working:
                raise RuntimeError('no kernel image is available for execution on the device')
            return torch.full(shape, 1.0)

        monkeypatch.setattr(torch, 'ones', ones)
    return pretend


def test_the_cpu_is_always_there():
    assert resolve_device('cpu') == torch.device('cpu')


def test_auto_takes_a_gpu_that_computes(gpus):
    gpus(2)
    assert resolve_device('auto') == torch.device('cuda', 0)


@pytest.mark.parametrize('count, working', [(0, True), (1, False)])
def test_auto_falls_back_to_the_cpu(gpus, count, working):
    gpus(count, working)
    assert resolve_device('auto') == torch.device('cpu')


def test_a_gpu_is_chosen_by_number(gpus):
    gpus(2)
    assert resolve_device('cuda') == torch.device('cuda', 0)
    assert resolve_device('cuda:1') == torch.device('cuda', 1)


def test_a_missing_gpu_is_named_with_the_remedy(gpus, monkeypatch):
    gpus(0)
    monkeypatch.setattr(torch.version, 'cuda', None)
    with pytest.raises(ConfigError, match=r"'cuda', but .*built without CUDA.*'auto' or 'cpu'"):
        resolve_device('cuda')
    monkeypatch.setattr(torch.version, 'cuda', '13.0')
    with pytest.raises(ConfigError, match='finds no GPU and driver'):
        resolve_device('cuda:0')
    gpus(2)
    with pytest.raises(ConfigError, match=r"'cuda:2', but there are 2 GPUs.*'cuda:1'"):
        resolve_device('cuda:2')


@pytest.mark.parametrize('name', ['', 'gpu', '0', 'cuda:', 'cuda:-1', 'cuda:one', 'CPU', 'mps'])
def test_other_names_are_refused(name):
    with pytest.raises(ConfigError, match=r"device is .*; choose 'auto', 'cpu'"):
        resolve_device(name)


def flags():
    """Return torch's flags of precision as they are."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    return (products.fp32_precision, convolutions.conv.fp32_precision,
            convolutions.deterministic, convolutions.benchmark,
            products.allow_bf16_reduced_precision_reduction)


@pytest.fixture(params=[None, 'tf32'])
def chosen(request):
    """Choose a precision for all work of the process."""
    owners = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [owner.fp32_precision for owner in owners]
    for owner in owners:
        owner.fp32_precision = request.param or owner.fp32_precision
    yield
    for owner, value in zip(owners, before, strict=True):
        owner.fp32_precision = value


@pytest.mark.skipif(
    not hasattr(torch.backends.cuda.matmul, 'fp32_precision'), reason='a torch before 2.9')
@pytest.mark.usefixtures('chosen')
def test_exact_work_sets_every_flag_and_puts_back_what_was_chosen():
    before = flags()
    gpu = torch.device('cuda', 0)
    exact = ('ieee', 'ieee', True, False, False)
    with deterministic_fp32(gpu):
        assert flags() == exact
        # another thread that begins and ends meanwhile changes nothing
        with deterministic_fp32(gpu):
            pass
        assert flags() == exact
    assert flags() == before
    with deterministic_fp32(torch.device('cpu')):
        assert flags() == before


@pytest.mark.parametrize('capability, wanted, native', [
    ((9, 0), 'bfloat16', 'bfloat16'), ((8, 0), 'bfloat16', 'bfloat16'),
    ((8, 7), 'float16', 'float16'), ((7, 5), 'bfloat16', 'float16'),
    ((7, 0), 'float16', 'float16'), ((6, 1), 'bfloat16', 'float32'),
    ((6, 1), 'float16', 'float32'), ((6, 1), 'float32', 'float32')])
def test_a_gpu_computes_in_what_it_has_units_for(monkeypatch, caplog, capability, wanted, native):
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda device: capability)
    # which emulation makes true on all of them
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda *_: True)
    with caplog.at_level(logging.WARNING):
        found = native_dtype(getattr(torch, wanted), torch.device('cuda', 1))
    assert found == getattr(torch, native)
    numbers = f'{capability[0]}.{capability[1]}'
    assert caplog.messages == ([] if wanted == native else [
        f'precision is {wanted}, for which a GPU of compute capability {numbers} has no units: '
        f'networks run in {native}'])


def test_on_a_cpu_the_precision_is_the_one_chosen():
    network = torch.nn.Linear(2, 2)
    lower(network, torch.bfloat16)
    assert network.weight.dtype == torch.bfloat16
