# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Files that a user names: what is no regular file, or too large, is refused at once."""

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
import torch

from mot_ros.data.decode import decode_file
from mot_ros.tracking.config.params_file import read_params_file
from mot_ros.tracking.detectors.classes import read_names
from mot_ros.tracking.detectors.wrappers.region import read_mask
from mot_ros.tracking.errors import ConfigError, MotError, WeightsError
from mot_ros.tracking.runtime.user_files import read_bytes, UserFileError
from mot_ros.tracking.weights import store
from mot_ros.tracking.weights.mxnet_params import read_params

READERS = (
    read_mask, read_names, read_params_file, store.load, store.metadata, read_params, decode_file)


@pytest.fixture
def odd_paths(tmp_path):
    """Return paths that no reader opens, by the word for them."""
    os.mkfifo(tmp_path / 'fifo')
    return {'a FIFO': tmp_path / 'fifo', 'a device': '/dev/zero', 'a folder': tmp_path}


@pytest.mark.parametrize('read', READERS, ids=lambda read: read.__name__)
def test_readers_refuse_special_files_and_unknown_users(read, odd_paths, tmp_path):
    named = (str, os.fspath) if read not in (read_params, decode_file) else (type(tmp_path),)
    for path in (*odd_paths.values(), '~no_such_user_here/x', 'a\0b', 'x' * 5000):
        with pytest.raises(MotError) as caught:
            read(named[0](path))
        assert '\n' not in str(caught.value)


def test_the_kind_is_said(odd_paths):
    for kind, path in odd_paths.items():
        with pytest.raises(UserFileError, match=f'it is {kind}, not a regular file'):
            read_bytes(path, 10)


def test_a_file_has_a_bound(tmp_path):
    file = tmp_path / 'x'
    file.write_bytes(b'12345')
    assert read_bytes(file, 5) == b'12345'
    with pytest.raises(UserFileError, match='no more than'):
        read_bytes(file, 4)


def bomb(path, side=30_000):
    """Write a grey PNG of side x side pixels in a few hundred kB."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))

    packer = zlib.compressobj()
    rows = b''.join(packer.compress(b'\0' + b'\xff' * side) for _ in range(side)) + packer.flush()
    path.write_bytes(
        b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0))
        + chunk(b'IDAT', rows) + chunk(b'IEND', b''))


def test_an_image_with_too_many_pixels_is_not_decoded(tmp_path, monkeypatch):
    bomb(tmp_path / 'x.png')
    monkeypatch.setattr(cv2, 'imdecode', None)
    with pytest.raises(ConfigError, match=r'mask .* has 30000x30000 pixels'):
        read_mask(str(tmp_path / 'x.png'))
    with pytest.raises(MotError, match='has 30000x30000 pixels'):
        decode_file(tmp_path / 'x.png')


LAUGHS = 'a0: &a0 [x]\n' + ''.join(
    f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 9)}]\n' for n in range(1, 12))


@pytest.mark.parametrize('text', [
    'when: 2001-99-99', 'n: ' + '9' * 5000, '[' * 5000, '&a {ros__parameters: &b {x: *b}}',
    '&a {x: *a}', LAUGHS, '? [1, 2]\n: {a'])
def test_yaml_that_yields_no_parameters_is_refused(tmp_path, text):
    (tmp_path / 'x.yaml').write_text(text)
    for read in (read_params_file, lambda path: read_names(str(path))):
        with pytest.raises(ConfigError) as caught:
            read(tmp_path / 'x.yaml')
        assert '\n' not in str(caught.value) and len(str(caught.value)) < 7000


def test_weights_that_are_nan_are_refused():
    module = torch.nn.Linear(2, 1)
    state = {'weight': torch.full((1, 2), np.nan), 'bias': torch.zeros(1)}
    with pytest.raises(WeightsError, match='1 with numbers that are NaN: weight'):
        store.fit(module, state)
