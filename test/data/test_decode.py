# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Image messages to arrays, without ROS: padded rows, encodings, and what is refused."""

from dataclasses import dataclass
import sys
from typing import Any

import cv2
import numpy as np
import pytest

from mot_ros.data.decode import compressed_to_bgr, ImageError, to_bgr

CHANNELS = {'mono8': 1, 'bgr8': 3, 'rgb8': 3, 'bgra8': 4, 'rgba8': 4}


@dataclass
class Message:
    height: int
    width: int
    encoding: str
    step: int
    data: Any
    is_bigendian: int = 0


def message(encoding: str, pixels: np.ndarray, padding: int = 0) -> Message:
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(height, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    return Message(height, width, encoding, rows.shape[1], rows.tobytes())


def random_pixels(channels: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (5, 7, channels), np.uint8)


@pytest.mark.parametrize('padding', [0, 13])
@pytest.mark.parametrize('encoding', CHANNELS)
def test_every_8_bit_encoding_with_and_without_padded_rows(encoding: str, padding: int) -> None:
    pixels = random_pixels(CHANNELS[encoding])
    order = {'mono8': [0, 0, 0], 'rgb8': [2, 1, 0], 'rgba8': [2, 1, 0]}.get(encoding, [0, 1, 2])
    np.testing.assert_array_equal(
        to_bgr(message(encoding, pixels, padding)), pixels[:, :, order])


@pytest.mark.parametrize('padding', [0, 6])
def test_16_bits_by_the_library_do_not_shear(padding: int) -> None:
    pixels = np.full((8, 12, 1), 32768, np.uint16)
    pixels[:, 6:] = 65535
    result = to_bgr(message('mono16', pixels, padding))
    assert np.abs(result[:, :6].astype(int) - 128).max() <= 3
    assert result[:, 6:].min() >= 250


@pytest.mark.parametrize('change, reason, words', [
    ({'encoding': '32FC1'}, 'encoding', "'32FC1'"),
    ({'width': 0}, 'size', '0x5'),
    ({'step': 20}, 'step', '20 bytes'),
    ({'data': bytes(104)}, 'data length', '104 bytes'),
])
def test_what_does_not_fit_is_refused(change: dict[str, Any], reason: str, words: str) -> None:
    image = message('bgr8', random_pixels(3))
    for name, value in change.items():
        setattr(image, name, value)
    with pytest.raises(ImageError, match=words) as caught:
        to_bgr(image)
    assert caught.value.reason == reason


def test_no_library_is_an_image_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'rosbags.image', None)
    with pytest.raises(ImageError, match='rosbags-image'):
        to_bgr(message('mono16', np.zeros((2, 2, 1), np.uint16)))


def test_compressed_images() -> None:
    pixels = random_pixels(3)
    png = cv2.imencode('.png', pixels)[1]
    np.testing.assert_array_equal(compressed_to_bgr(png, 'png'), pixels)
    for data, kind in ((b'', 'jpeg'), (b'nothing', 'jpeg'), (png, '16UC1; compressedDepth png')):
        with pytest.raises(ImageError):
            compressed_to_bgr(data, kind)
