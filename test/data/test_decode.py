# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Image messages to arrays, without ROS: padded rows, encodings, and what is refused."""

from dataclasses import dataclass
from typing import Any

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from mot_ros.data.decode import compressed_size, compressed_to_bgr, ImageError, to_bgr

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
def test_16_bits_do_not_shear(padding: int) -> None:
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


def smooth_picture() -> np.ndarray:
    """Return a picture (48, 64, 3) BGR without sharp edges, as YUV needs it."""
    x, y = np.meshgrid(np.linspace(0, 1, 64), np.linspace(0, 1, 48))
    return np.stack([40 + 150 * x, 60 + 120 * y, 200 - 90 * x * y], axis=2).astype(np.uint8)


def yuv_of(bgr: np.ndarray) -> np.ndarray:
    """Return Y, U, V (H, W, 3) of BT.601 with 16 to 235."""
    b, g, r = np.moveaxis(bgr.astype(float), 2, 0) / 255
    return np.stack([
        16 + 65.481 * r + 128.553 * g + 24.966 * b,
        128 - 37.797 * r - 74.203 * g + 112 * b,
        128 + 112 * r - 93.786 * g - 18.214 * b], axis=2).round().astype(np.uint8)


def encoded(encoding: str, bgr: np.ndarray, padding: int = 0) -> Message:
    """Return a picture as a message of any encoding, as cameras send it."""
    b, g, r = np.moveaxis(bgr, 2, 0)
    name, bits = encoding.rstrip('0123456789'), encoding[len(encoding.rstrip('0123456789')):]
    y, u, v = np.moveaxis(yuv_of(bgr), 2, 0)
    if encoding in ('uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2'):
        colour = np.where(np.arange(bgr.shape[1]) % 2 == 0, u, v)
        first, second = (colour, y) if encoding in ('uyvy', 'yuv422') else (y, colour)
        return message(encoding, np.stack([first, second], axis=2), padding)
    if encoding in ('nv12', 'nv21'):
        pair = [u[::2, ::2], v[::2, ::2]][::1 if encoding == 'nv12' else -1]
        below = np.stack(pair, axis=2).reshape(bgr.shape[0] // 2, -1)
        made = message(encoding, np.vstack([y, below])[:, :, None], padding)
        made.height = bgr.shape[0]
        return made
    if name.startswith('bayer_'):
        pixels = np.empty(bgr.shape[:2], np.uint8)
        for place, letter in enumerate(name[-4:]):
            rows, columns = slice(place // 2, None, 2), slice(place % 2, None, 2)
            pixels[rows, columns] = {'r': r, 'g': g, 'b': b}[letter][rows, columns]
        pixels = pixels[:, :, None]
    else:
        grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
        full = np.full_like(b, 255)
        pixels = np.stack({
            'mono': [grey], 'bgr': [b, g, r], 'rgb': [r, g, b], 'bgra': [b, g, r, full],
            'rgba': [r, g, b, full]}[name], axis=2)
    if bits == '16':
        pixels = (pixels.astype(np.uint16) << 8) + 99
    return message(encoding, pixels, padding)


YUV = ('yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv', 'nv12', 'nv21')
BAYER = tuple(f'bayer_{order}' for order in ('rggb', 'bggr', 'gbrg', 'grbg'))
TOLERANCE = {
    **dict.fromkeys(YUV, 8), **{f'{name}{bits}': 5 for name in BAYER for bits in (8, 16)},
    **{f'{name}16': 0 for name in ('mono', 'bgr', 'rgb', 'bgra', 'rgba')}}
"""Levels of 255 by which a pixel may differ from bgr8 on a smooth picture."""


@pytest.mark.parametrize('padding', [0, 14])
@pytest.mark.parametrize('encoding', TOLERANCE)
def test_every_encoding_is_the_same_picture(encoding: str, padding: int) -> None:
    picture = smooth_picture()
    wanted = picture
    if encoding.startswith('mono'):
        wanted = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    result = to_bgr(encoded(encoding, picture, padding)).astype(int)
    # at the border some of the colours of a Bayer pattern have no neighbours
    inner = np.abs(result - wanted)[2:-2, 2:-2]
    assert inner.max() <= TOLERANCE[encoding]


@pytest.mark.parametrize('encoding', [name for name in TOLERANCE if name.endswith('16')])
def test_big_endian_16_bits_are_the_same_picture(encoding: str) -> None:
    little = encoded(encoding, smooth_picture())
    big = encoded(encoding, smooth_picture())
    big.data = np.frombuffer(big.data, np.uint16).byteswap().tobytes()
    big.is_bigendian = 1
    np.testing.assert_array_equal(to_bgr(big), to_bgr(little))


@pytest.mark.parametrize('encoding', YUV)
def test_odd_sides_of_shared_colours_are_refused(encoding: str) -> None:
    odd = encoded(encoding, smooth_picture())
    odd.width -= 1
    with pytest.raises(ImageError, match='even') as caught:
        to_bgr(odd)
    assert caught.value.reason == 'size'


def test_compressed_images() -> None:
    pixels = random_pixels(3)
    png = cv2.imencode('.png', pixels)[1]
    np.testing.assert_array_equal(compressed_to_bgr(png, 'png'), pixels)
    picture = smooth_picture()
    jpeg = cv2.imencode('.jpg', picture)[1].tobytes()
    assert compressed_size(jpeg, 'bgr8; jpeg compressed bgr8') == (64, 48)
    assert np.abs(compressed_to_bgr(jpeg, 'jpeg').astype(int) - picture).max() < 12
    # drivers fill up to the size of their buffers
    assert compressed_to_bgr(jpeg + bytes(1000), 'jpeg').shape == picture.shape


def jpeg_of(width: int, height: int) -> bytes:
    """Return a JPEG of 16x16 that says it is of another size."""
    made = bytearray(cv2.imencode('.jpg', np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    place = made.index(b'\xff\xc0')
    made[place + 5:place + 9] = height.to_bytes(2, 'big') + width.to_bytes(2, 'big')
    return bytes(made)


def png_of(width: int, height: int) -> bytes:
    made = bytearray(cv2.imencode('.png', np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    made[16:24] = width.to_bytes(4, 'big') + height.to_bytes(4, 'big')
    return bytes(made)


WHOLE = cv2.imencode('.jpg', np.random.default_rng(1).integers(0, 255, (40, 40, 3), np.uint8)
                     )[1].tobytes()
WHOLE_PNG = cv2.imencode('.png', random_pixels(3))[1].tobytes()


@pytest.mark.parametrize('data, kind, reason, words', [
    (b'', 'jpeg', 'data', '0 bytes'),
    (b'Lorem ipsum dolor sit amet', 'jpeg', 'data', 'Lorem'),
    (WHOLE_PNG, '16UC1; compressedDepth png', 'encoding', 'depth'),
    (jpeg_of(60000, 60000), 'jpeg', 'too large', '60000x60000'),
    (png_of(60000, 60000), 'png', 'too large', '60000x60000'),
    (jpeg_of(0, 16), 'jpeg', 'too large', '0x16'),
    (WHOLE[:len(WHOLE) // 2], 'jpeg', 'truncated', '40x40'),
    (WHOLE[:30], 'jpeg', 'data', 'header'),
    (WHOLE_PNG[:-20], 'png', 'truncated', '7x5'),
    (WHOLE_PNG[:20], 'png', 'data', 'header'),
    (jpeg_of(60, 16), 'jpeg', None, ''),
    (png_of(60, 16), 'png', 'data', '60x16'),
    (b'\xff\xd8' + b'\xff' * 3_000_000, 'jpeg', 'data', 'markers'),
    (b'\xff\xd8\xff\xda' + bytes(100), 'jpeg', 'data', 'before its pixels'),
    (b'\xff\xd8\x00\x00', 'jpeg', 'data', 'marker'),
    (b'RIFF\x00\x00\x00\x00WEBPVP8 ', 'webp', 'data', 'RIFF'),
])
def test_bombs_and_ruins_are_told_before_they_are_decoded(
        data: bytes, kind: str, reason: str | None, words: str) -> None:
    if reason is None:
        # the JPEG library fills up what is missing: an image of the size that it says
        assert compressed_to_bgr(data, kind).shape == (16, 60, 3)
        return
    with pytest.raises(ImageError, match=words) as caught:
        compressed_to_bgr(data, kind)
    assert caught.value.reason == reason


@settings(deadline=None)
@given(
    content=st.sampled_from([WHOLE, WHOLE_PNG]), place=st.floats(0, 1), cut=st.floats(0, 1),
    byte=st.integers(0, 255))
def test_any_damage_gives_an_image_of_its_size_or_an_image_error(
        content: bytes, place: float, cut: float, byte: int) -> None:
    damaged = bytearray(content)
    damaged[int(place * (len(damaged) - 1))] = byte
    data = bytes(damaged[:int(cut * len(damaged)) if cut < 0.9 else None])
    try:
        size = compressed_size(data, 'jpeg')
        assert compressed_to_bgr(data, 'jpeg').shape == (size[1], size[0], 3)
    except ImageError as error:
        assert error.reason
