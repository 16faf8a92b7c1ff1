# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The reason why nothing of a bag can be read is the one that is printed."""

from pathlib import Path

import numpy as np
import pytest

from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.types import COMPRESSED_IMAGE, IMAGE, make_typestore
from mot_ros.data.bags.writer import BagWriter
from mot_ros.data.image_reading import ImageReading
from mot_ros.data.sources import open_frames
from mot_ros.tracking.errors import SourceError


def write(path: Path, kind: str, *content: object) -> Path:
    """Write a bag of two equal messages; `content` follows their header."""
    store = make_typestore()
    with BagWriter(path, {'/i': kind}) as writer:
        for number in (1, 2):
            header = store.types['std_msgs/msg/Header'](
                store.types['builtin_interfaces/msg/Time'](sec=number, nanosec=0), 'camera')
            message = store.types[kind](header, *content)
            writer.write('/i', number, bytes(store.serialize_cdr(message, kind)))
    return path


@pytest.mark.parametrize(('encoding', 'pixel'), [
    ('8UC3', 3), ('16UC1', 2), ('32FC1', 4), ('8UC1', 1)])
def test_unknown_encoding_is_named(tmp_path: Path, encoding: str, pixel: int) -> None:
    bag = write(tmp_path / 'bag', IMAGE, 4, 6, encoding, 0, 6 * pixel,
                np.zeros(24 * pixel, np.uint8))
    with pytest.raises(SourceError, match=rf"bag holds no image.*image encoding is '{encoding}'"):
        BagSource(bag)


@pytest.mark.parametrize(('kind', 'content', 'why'), [
    ('h264', bytes(40), 'holds no start code'),
    ('vp9', b'\0\0\0\1\x67' + bytes(40), 'not WebP, nor another video format than H.264'),
    ('16UC1; compressedDepth png', bytes(40), 'a depth image'),
    ('jpeg', bytes.fromhex('ffd8ffe0'), 'end within the header'),
    ('png', b'', 'is no picture')])
def test_unusable_compressed_image_is_explained(
        tmp_path: Path, kind: str, content: bytes, why: str) -> None:
    bag = write(tmp_path / 'bag', COMPRESSED_IMAGE, kind, np.frombuffer(content, np.uint8))
    with pytest.raises(SourceError, match=f'bag holds no image that can be read; .*{why}'):
        open_frames(bag)


def test_row_of_no_bytes_is_explained(tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', IMAGE, 4, 6, 'bgr8', 0, 0, np.zeros(72, np.uint8))
    with pytest.raises(SourceError, match=r'a row takes 0 bytes \(step\)'):
        BagSource(bag)


def test_sixteen_bits_with_values_in_the_lowest_are_told(tmp_path: Path) -> None:
    pixels = np.full(24, 4000, '<u2')
    source = BagSource(write(tmp_path / 'bag', IMAGE, 4, 6, 'mono16', 0, 12,
                             pixels.view(np.uint8)))
    assert [int(frame.image.max()) for frame in source] == [15, 15]
    assert 'no value above 4095' in source.shortcomings[0]
    assert 'set range to 0 to 1023' in source.shortcomings[0]
    source = BagSource(source.path, reading=ImageReading(low=0, high=4095))
    assert [int(frame.image.max()) for frame in source] == [249, 249]
    assert source.shortcomings == []
