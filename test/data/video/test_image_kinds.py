# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Images of every kind in folders: decoded to the same colours, told of, or refused."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image
import pytest

from mot_ros.data.sources import open_frames
from mot_ros.tracking.errors import SourceError

COLOUR = (200, 100, 50)
"""Red, green and blue."""
PLAIN = Image.new('RGB', (60, 40), COLOUR)
HEIC = b'\0\0\0\x18ftypheic' + bytes(100)


def colour_of(folder: Path) -> list[int]:
    """Return red, green and blue in the middle of the only image of a folder."""
    frame, = open_frames(folder)
    assert frame.image is not None and frame.image.shape == (40, 60, 3)
    return [int(value) for value in frame.image[20, 30, ::-1]]


@pytest.mark.parametrize(('name', 'mode', 'kind'), [
    ('A.JPG', 'RGB', 'JPEG'), ('a.Jpeg', 'RGB', 'JPEG'), ('a.jfif', 'RGB', 'JPEG'),
    ('a.jpe', 'RGB', 'JPEG'), ('a.PNG', 'RGB', 'PNG'), ('a.png', 'P', 'PNG'),
    ('a.tiff', 'RGB', 'TIFF'), ('a.webp', 'RGB', 'WEBP'), ('a.bmp', 'RGB', 'BMP'),
    ('a.ppm', 'RGB', 'PPM'), ('a.jpg', 'CMYK', 'JPEG'),
    # the content counts, not the name
    ('a.png', 'RGB', 'JPEG'), ('a.jpg', 'RGB', 'PNG')])
def test_kinds_have_the_same_colours(tmp_path: Path, name: str, mode: str, kind: str) -> None:
    PLAIN.convert(mode).save(tmp_path / name, kind)
    assert np.abs(np.subtract(colour_of(tmp_path), COLOUR)).max() <= 5


def test_alpha_is_left_out(tmp_path: Path) -> None:
    clear = PLAIN.convert('RGBA')
    clear.putalpha(0)
    clear.save(tmp_path / 'a.png')
    assert colour_of(tmp_path) == list(COLOUR)


def test_of_16_bits_the_upper_8_are_used(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((40, 60), 200 * 257, np.uint16))
    assert colour_of(tmp_path) == [200, 200, 200]


@pytest.mark.parametrize('name', ['b.heic', 'b.HEIF', 'b.gif', 'b.dng', 'b.avif'])
def test_images_that_are_left_out_are_told(tmp_path: Path, name: str) -> None:
    PLAIN.save(tmp_path / 'a.jpg')
    (tmp_path / name).write_bytes(HEIC)
    source = open_frames(tmp_path)
    assert len(list(source)) == 1
    sentence, = source.shortcomings
    assert f'the first is {name}' in sentence and 'Convert' in sentence
    (tmp_path / 'a.jpg').unlink()
    with pytest.raises(SourceError, match=f'not decoded only, such as {name}; convert'):
        open_frames(tmp_path)


@pytest.mark.parametrize(('name', 'content', 'words'), [
    ('frames.zip', b'PK\3\4' + bytes(60), 'an archive; unpack it'),
    ('frames.tar.gz', b'\x1f\x8b' + bytes(60), 'an archive; unpack it'),
    ('frames.7z', b'7z\xbc\xaf' + bytes(60), 'an archive; unpack it'),
    ('one.heic', HEIC, 'HEIC, which is not decoded; convert')])
def test_files_that_are_no_video_say_what_they_are(
        tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=words):
        open_frames(tmp_path / name)


def test_animation_is_a_video(tmp_path: Path) -> None:
    more = [Image.new('RGB', PLAIN.size, (0, 0, shade)) for shade in (80, 160)]
    PLAIN.save(tmp_path / 'a.gif', save_all=True, append_images=more, duration=100)
    assert [round(frame.stamp, 3) for frame in open_frames(tmp_path / 'a.gif')] == [0, 0.1, 0.2]
