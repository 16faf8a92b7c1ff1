# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Mutated weights and settings: every reader ends with its content or with one of our errors.

`--fuzz-files N` changes how many files are tried in all. A file that fails can be made again from
its kind and number, which the message gives.
"""

import cv2
import numpy as np
import pytest
from safetensors.torch import save_file
import torch

from mot_ros.data.decode import decode_file
from mot_ros.tracking.config.params_file import read_params_file
from mot_ros.tracking.detectors.classes import read_names
from mot_ros.tracking.detectors.onnx_file.session import OnnxSession
from mot_ros.tracking.detectors.wrappers.region import read_mask
from mot_ros.tracking.weights import store, torch_pickle
from mot_ros.tracking.weights.mxnet_params import read_params
from test.fuzz.mutation import try_mutations
from test.tracking.detectors.onnx_file.onnx_files import write_probe
from test.tracking.weights.mxnet_files import params_bytes


def state():
    torch.manual_seed(0)
    return {'a.weight': torch.rand(3, 4), 'a.bias': torch.rand(3)}


def save_pth(path):
    torch.save({'model': state(), 'iteration': 5}, path)


def save_legacy(path):
    torch.save(state(), path, _use_new_zipfile_serialization=False)


def save_network(path):
    torch.save(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)), path)


def save_image(path):
    assert cv2.imwrite(str(path), np.random.default_rng(0).integers(
        0, 255, (24, 32), np.uint8))


def save_onnx(path):
    write_probe(path, (1, 3, 128, 160), np.array([[3, 4], [5, 6]]))


def run_onnx(path):
    session = OnnxSession(str(path), 'cpu')
    session.run(np.zeros((1, 3, 128, 160), session.dtype))


KINDS = {
    'zip.pth': (save_pth, torch_pickle.read_plain),
    'legacy.pth': (save_legacy, torch_pickle.read_plain),
    'network.pt': (save_network, torch_pickle.read_network),
    'x.safetensors': (lambda path: save_file(state(), path, {'kind': 'slm'}), store.load),
    'x.params': (
        lambda path: path.write_bytes(params_bytes({'w': np.ones((2, 3), np.float32)})),
        read_params),
    'net.onnx': (save_onnx, run_onnx),
    'image.png': (save_image, decode_file),
    'mask.png': (save_image, lambda path: read_mask(str(path))),
    'mask.jpg': (save_image, lambda path: read_mask(str(path))),
    'params.yaml': (
        lambda path: path.write_text(
            '/**:\n  ros__parameters:\n    method: sort\n    sort: {min_hits: 3, low: [1, .5]}\n'),
        read_params_file),
    'names.yaml': (
        lambda path: path.write_text('names: {0: person, 1: car}\n'),
        lambda path: read_names(str(path))),
    'names.json': (
        lambda path: path.write_text('{"names": ["person", "car"]}'),
        lambda path: read_names(str(path))),
    'names.txt': (
        lambda path: path.write_text('person\ncar\n'), lambda path: read_names(str(path))),
}


@pytest.mark.parametrize('kind', KINDS)
def test_mutated_files_are_read_or_refused(kind, tmp_path, files_per_kind):
    make, read = KINDS[kind]
    file = tmp_path / kind
    make(file)
    try_mutations(kind, file, read, files_per_kind)
