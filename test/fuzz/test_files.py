# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Mutated input files: every reader ends with its content or with one of our errors.

`--fuzz-files N` changes how many files are tried in all. A file that fails can be made again from
its kind and number, which the message gives.
"""

import resource
import time
import warnings

import cv2
import numpy as np
import pytest
from safetensors.torch import save_file
import torch

from mot_ros.data.decode import decode_file
from mot_ros.tracking.config.params_file import read_params_file
from mot_ros.tracking.detectors.classes import read_names
from mot_ros.tracking.detectors.wrappers.region import read_mask
from mot_ros.tracking.errors import MotError
from mot_ros.tracking.weights import store, torch_pickle
from mot_ros.tracking.weights.mxnet_params import read_params
from test.tracking.weights.mxnet_files import params_bytes

MAX_SECONDS = 5
MAX_GROWTH = 1 << 30
"""Bytes of resident memory."""
TOKENS = (
    b'99999999999999999999', b'-1', b'1e308', b'nan', b'\x00', b'\xff\xff\xff\xff', b'[' * 3000,
    b'&a [*a]', b'2001-99-99', b'"', b'{', b'\x85' * 3000, b'9' * 5000)


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


KINDS = {
    'zip.pth': (save_pth, torch_pickle.read_plain),
    'legacy.pth': (save_legacy, torch_pickle.read_plain),
    'network.pt': (save_network, torch_pickle.read_network),
    'x.safetensors': (lambda path: save_file(state(), path, {'kind': 'slm'}), store.load),
    'x.params': (
        lambda path: path.write_bytes(params_bytes({'w': np.ones((2, 3), np.float32)})),
        read_params),
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


def mutate(content, random):
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


@pytest.mark.parametrize('kind', KINDS)
def test_mutated_files_are_read_or_refused(kind, tmp_path, fuzz_files):
    make, read = KINDS[kind]
    file = tmp_path / kind
    make(file)
    # the file itself is read, so that refusing everything is no way to pass
    read(file)
    whole = file.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(-(-fuzz_files // len(KINDS))):
        random = np.random.default_rng([number, *kind.encode()])
        file.write_bytes(mutate(whole, random))
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
