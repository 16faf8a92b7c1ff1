# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Raw images whose messages do not say what their values are."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.types import IMAGE, make_typestore
from mot_ros.data.bags.writer import BagWriter
from mot_ros.data.decode import ImageError, to_bgr
from mot_ros.data.image_reading import ImageReading
from mot_ros.data.sources import open_frames
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.config.node import ENCODINGS
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.errors import ConfigError, SourceError


@dataclass
class Message:
    height: int
    width: int
    encoding: str
    step: int
    data: bytes
    is_bigendian: int = 0


def message(encoding: str, pixels: np.ndarray, padding: int = 4, order: str = '<') -> Message:
    """Return an image whose rows are padded."""
    height, width = pixels.shape[:2]
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    rows = np.frombuffer(stored.tobytes(), np.uint8).reshape(height, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    return Message(height, width, encoding, rows.shape[1], rows.tobytes(), int(order == '>'))


COLOURS = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
DEPTH = np.array([[0, 500, 1000], [2000, 4000, 65535]], np.uint16)
GREY_OF_DEPTH = [[0, 0, 64], [191, 255, 255]]


@pytest.mark.parametrize(('stated', 'encoding', 'order'), [
    ('8UC3', 'bgr8', [0, 1, 2]), ('8UC3', 'rgb8', [2, 1, 0]), ('8UC', 'mono8', None),
    ('bgr8', 'rgb8', [2, 1, 0]), ('unheard of', 'bgr8', [0, 1, 2])])
def test_encoding_says_what_images_are(
        stated: str, encoding: str, order: list[int] | None) -> None:
    pixels = COLOURS if order else COLOURS[:, :, 0]
    found = to_bgr(message(stated, pixels), ImageReading(encoding))
    wanted = COLOURS[:, :, order] if order else np.repeat(pixels[:, :, None], 3, 2)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize('order', '<>')
@pytest.mark.parametrize(('stated', 'encoding'), [
    ('16UC1', 'auto'), ('16UC1', 'mono16'), ('mono16', 'auto'), ('mono16', 'mono16')])
def test_range_turns_depth_into_grey(stated: str, encoding: str, order: str) -> None:
    found = to_bgr(message(stated, DEPTH, order=order), ImageReading(encoding, 500.0, 2500.0))
    assert found[:, :, 0].tolist() == GREY_OF_DEPTH
    assert (found == found[:, :, :1]).all()


@pytest.mark.parametrize('order', '<>')
@pytest.mark.parametrize('encoding', ['auto', '32FC1'])
def test_floats_need_no_more_than_a_range(encoding: str, order: str) -> None:
    metres = np.array([[np.nan, 0.5, 1.0], [2.0, np.inf, -np.inf]], np.float32)
    found = to_bgr(message('32FC1', metres, order=order), ImageReading(encoding, 0.5, 2.5))
    assert found[:, :, 0].tolist() == [[0, 0, 64], [191, 0, 0]]


def test_twelve_bits_of_a_colour_sensor_are_spread() -> None:
    raw = np.full((8, 8), 4095, np.uint16)
    assert to_bgr(message('bayer_rggb16', raw)).max() == 15
    assert to_bgr(message('bayer_rggb16', raw), ImageReading(high=4095.0)).min() == 255


@pytest.mark.parametrize(('stated', 'pixels', 'words'), [
    ('8UC1', COLOURS[:, :, 0], 'set encoding to mono8'),
    ('8UC3', COLOURS, 'set encoding to bgr8 or rgb8'),
    ('16UC1', DEPTH, 'set encoding to mono16, and range'),
    ('32FC1', DEPTH.astype(np.float32), 'set encoding to 32FC1, and range'),
    ('64FC2', DEPTH.astype(np.float64), 'publish one of'),
    ('16SC1', DEPTH.astype(np.int16), 'publish one of')])
def test_auto_refuses_what_is_not_said(stated: str, pixels: np.ndarray, words: str) -> None:
    with pytest.raises(ImageError, match=f'{stated}.*does not say.*{words}'):
        to_bgr(message(stated, pixels))


@pytest.mark.parametrize(('stated', 'pixels', 'encoding'), [
    ('bgr8', COLOURS, 'mono8'), ('8UC3', COLOURS, 'mono8'), ('16UC1', DEPTH, 'mono8'),
    ('32FC1', DEPTH.astype(np.float32), 'mono16'), ('mono8', COLOURS[:, :, 0], 'bgr8')])
def test_pixels_of_another_size_are_refused(
        stated: str, pixels: np.ndarray, encoding: str) -> None:
    with pytest.raises(ImageError, match='bytes a pixel'):
        to_bgr(message(stated, pixels), ImageReading(encoding))


@pytest.mark.parametrize(('arguments', 'words'), [
    (('yellow',), 'one of auto'), (('32FC1',), 'range is not stated'),
    (('auto', 5.0, 1.0), 'low must be below'), (('mono16', 0.0, float('nan')), 'low must be'),
    (('mono16', 0.0, float('inf')), 'low must be')])
def test_contradictions_are_refused(arguments: tuple[str, float, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ImageReading(*arguments)


def test_the_settings_of_the_node_say_the_same() -> None:
    settings = build(NodeSettings, {
        'encoding': 'mono16', 'range.low': 500.0, 'range.high': 2500.0})
    assert ImageReading.of(settings) == ImageReading('mono16', 500.0, 2500.0)
    for values in ({'encoding': '32FC1'}, {'range.low': 2.0, 'range.high': 1.0}):
        with pytest.raises(ConfigError, match='range'):
            build(NodeSettings, values)
    for encoding in ENCODINGS:
        ImageReading(encoding, 0.0, 1.0)


def test_a_bag_of_depth_is_read_with_a_range_only(tmp_path: Path) -> None:
    store = make_typestore()
    with BagWriter(tmp_path / 'bag', {'/i': IMAGE}) as writer:
        header = store.types['std_msgs/msg/Header'](
            store.types['builtin_interfaces/msg/Time'](sec=1, nanosec=0), 'camera')
        writer.write('/i', 1, bytes(store.serialize_cdr(store.types[IMAGE](
            header, 2, 3, '16UC1', 0, 6, np.frombuffer(DEPTH.tobytes(), np.uint8)), IMAGE)))
    with pytest.raises(SourceError, match='set encoding to mono16, and range'):
        open_frames(tmp_path / 'bag')
    ranged = BagSource(tmp_path / 'bag', reading=ImageReading('auto', 500.0, 2500.0))
    frame, = ranged
    assert frame.image is not None and frame.image[:, :, 0].tolist() == GREY_OF_DEPTH
    # kept results of one are not those of the other
    other = BagSource(tmp_path / 'bag', reading=ImageReading('mono16'))
    assert ranged.fingerprint() != other.fingerprint()
    with pytest.raises(SourceError, match='is no bag; encoding and range'):
        open_frames(tmp_path, reading=ImageReading('mono16'))
