# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""By what onnxruntime runs a file, told by a runtime that only pretends to have GPUs."""

from types import SimpleNamespace

import pytest
import torch

from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.onnx_backend.session import (
    CPU,
    CUDA,
    gpu_of,
    open_file,
    TENSORRT,
    TensorRt,
    tensorrt_options,
)


class Failure(Exception):  # noqa: N818
    """What the runtime raises, of no common base."""


class Runtime:
    """An onnxruntime with some providers, of which some are missing or fail at a closer look."""

    __version__ = '1.0'
    capi = SimpleNamespace(onnxruntime_pybind11_state=SimpleNamespace(Failure=Failure))
    SessionOptions = staticmethod(lambda: SimpleNamespace(
        add_session_config_entry=lambda *entry: None))

    def __init__(self, providers, absent=(), failing=()):
        self.providers, self.absent, self.failing = providers, absent, failing
        self.opened = []

    def get_available_providers(self):
        return ['AzureExecutionProvider', *self.providers]

    def InferenceSession(self, path, options, providers, enable_fallback):
        assert enable_fallback == 0
        names = [entry if isinstance(entry, str) else entry[0] for entry in providers]
        self.opened.append(names)
        for name in names:
            if name in self.failing:
                raise Failure(f'{name} does not work\nwith a trace')
        inputs = [SimpleNamespace(name='maps', shape=[1, 8, 4, 4]),
                  SimpleNamespace(name='boxes', shape=['boxes', 4])]
        self.options = dict(entry for entry in providers if not isinstance(entry, str))
        return SimpleNamespace(
            get_inputs=lambda: inputs,
            get_providers=lambda: [name for name in names if name not in self.absent])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / 'net.onnx'
    path.write_bytes(b'anything')
    return path


ALL = (TENSORRT, CUDA, CPU)


@pytest.mark.parametrize('device, providers, absent, provider, where', [
    ('auto', ALL, (), 'TensorRT', 'cuda:0'), ('cuda:1', ALL, (), 'TensorRT', 'cuda:1'),
    ('cpu', ALL, (), 'CPU', 'cpu'), ('auto', (CUDA, CPU), (), 'CUDA', 'cuda:0'),
    ('auto', (CPU,), (), 'CPU', 'cpu'), ('auto', ALL, (TENSORRT,), 'CUDA', 'cuda:0'),
    ('auto', ALL, (TENSORRT, CUDA), 'CPU', 'cpu')])
def test_the_best_provider_runs_it_and_is_named(
        file, device, providers, absent, provider, where):
    opened = open_file(Runtime(providers, absent), file, device, TensorRt(file.parent))
    assert (opened.provider, opened.device) == (provider, torch.device(where))


def test_tensorrt_is_only_for_those_who_ask_for_it(file):
    assert open_file(Runtime(ALL), file, 'auto').provider == 'CUDA'


@pytest.mark.parametrize('failing, provider, tried', [
    ((TENSORRT,), 'CUDA', [[CPU], [TENSORRT, CUDA, CPU], [CUDA, CPU]]),
    ((TENSORRT, CUDA), 'CPU', [[CPU], [TENSORRT, CUDA, CPU], [CUDA, CPU], [CPU]])])
def test_what_fails_is_named_and_the_next_takes_over(file, failing, provider, tried, caplog):
    runtime = Runtime(ALL, failing=failing)
    assert open_file(runtime, file, 'auto', TensorRt(file.parent)).provider == provider
    assert runtime.opened == tried
    assert len(caplog.records) == len(failing)
    assert 'has TensorRT, but' in caplog.text and 'does not work' in caplog.text
    assert 'trace' not in caplog.text


@pytest.mark.parametrize('providers, absent, complaint', [
    ((CPU,), (), 'built without CUDA.*pip install onnxruntime-gpu'),
    (ALL, (TENSORRT, CUDA), 'cannot use it')])
def test_a_gpu_asked_for_by_name_must_be_used(file, providers, absent, complaint):
    with pytest.raises(ConfigError, match=complaint):
        open_file(Runtime(providers, absent), file, 'cuda', TensorRt(file.parent))


def test_a_file_that_no_provider_runs_is_named(file):
    with pytest.raises(WeightsError, match=r'net.onnx \(8 bytes\) is no ONNX file .* 1.0 can run'):
        open_file(Runtime(ALL, failing=ALL), file, 'auto')


def test_devices_are_distinguished():
    assert gpu_of(Runtime(ALL), 'cuda:3') == 3
    assert gpu_of(Runtime((CPU,)), 'auto') is None
    with pytest.raises(ConfigError, match="device is 'gpu'"):
        gpu_of(Runtime(ALL), 'gpu')


def test_numbers_are_the_cpus_on_cuda(file):
    runtime = Runtime(ALL)
    open_file(runtime, file, 'cuda:2')
    assert runtime.options[CUDA] == {
        'device_id': 2, 'use_tf32': 0, 'cudnn_conv_algo_search': 'DEFAULT'}


@pytest.mark.parametrize('precision, wanted', [
    ('float32', set()), ('float16', {'trt_fp16_enable'}), ('bfloat16', {'trt_bf16_enable'})])
def test_tensorrt_gets_precision_and_cache_folder(tmp_path, precision, wanted):
    shapes = {'maps': [1, 8, 4, 4], 'boxes': ['boxes', 4], 'templates': ['boxes', 8, 5, 5]}
    options = tensorrt_options(TensorRt(tmp_path, precision, 16, 64), shapes)
    assert {name for name in options if name.endswith(('fp16_enable', 'bf16_enable'))} == wanted
    assert options['trt_engine_cache_enable']
    assert options['trt_engine_cache_path'] == str(tmp_path)
    assert options['trt_profile_min_shapes'] == 'boxes:1x4,templates:1x8x5x5'
    assert options['trt_profile_opt_shapes'] == 'boxes:16x4,templates:16x8x5x5'
    assert options['trt_profile_max_shapes'] == 'boxes:64x4,templates:64x8x5x5'
    fixed = tensorrt_options(TensorRt(tmp_path), {'images': [1, 3, 64, 64]})
    assert not any('profile' in name for name in fixed)
