# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Images and videos: read back, whole or not at all, and without room."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros.data.output import count_frames, VideoWriter, write_image
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.errors import OutputError, SourceError
from test.limits import limited_files


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
def test_video_is_read_back_and_other_sizes_are_fitted(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f'out{suffix}'
    with VideoWriter(path, 12.5) as writer:
        for _ in range(5):
            writer.write(np.full((48, 64, 3), 200, np.uint8))
        writer.write(np.full((100, 50, 3), 200, np.uint8))
        assert not path.exists()
    frames = list(open_source(path))
    assert [frame.size for frame in frames] == [(64, 48)] * 6
    assert frames[1].stamp == pytest.approx(1 / 12.5)
    assert frames[0].image.mean() == pytest.approx(200, abs=4)
    # half as wide as high: a band in the middle on black
    last = frames[-1].image
    assert last[:, 26:38].mean() == pytest.approx(200, abs=12)
    assert last[:, :12].mean() < 12
    assert last[:, -12:].mean() < 12


def test_interrupted_video_is_valid(tmp_path: Path) -> None:
    path = tmp_path / 'out.mp4'
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, 10) as writer:
        for _ in range(3):
            writer.write(np.zeros((48, 64, 3), np.uint8))
        raise KeyboardInterrupt
    assert len(list(open_source(path))) == 3


def test_failed_video_and_empty_video_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='bug'), VideoWriter(tmp_path / 'a.mp4', 10) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
        raise ValueError('bug')
    with VideoWriter(tmp_path / 'b.mp4', 10):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
def test_what_cannot_be_encoded_is_said(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(SourceError, match='cannot encode 1000000x2 pixels'), \
            VideoWriter(tmp_path / f'a{suffix}', 10) as writer:
        writer.write(np.zeros((2, 1000000, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
@pytest.mark.parametrize('room', [0, 3000, 20000])
def test_a_video_for_which_there_is_no_room_is_an_error(
        tmp_path: Path, suffix: str, room: int) -> None:
    path = tmp_path / f'a{suffix}'
    path.write_text('old')
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    with limited_files(room), pytest.raises(OutputError, match='cannot be written: File too l'), \
            VideoWriter(path, 10) as writer:
        for _ in range(30):
            writer.write(noise)
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
def test_frames_that_are_missing_are_noticed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f'a{suffix}'
    writer = VideoWriter(path, 10, whole=True)
    for _ in range(3):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    # as if one had been lost on the way to the disk
    writer._count += 1
    with pytest.raises(OutputError, match='3 of 4 frames can be read back'):
        writer.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
def test_a_video_in_place_is_readable_at_any_moment(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f'a{suffix}'
    writer = VideoWriter(path, 10, in_place=True)
    for number in range(8):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    cut = tmp_path / f'cut{suffix}'
    cut.write_bytes(path.read_bytes())
    assert count_frames(cut, decode=True) >= 7
    writer.close()
    assert count_frames(path, decode=True) == 8
    VideoWriter(tmp_path / f'none{suffix}', 10, in_place=True).close()
    assert sorted(tmp_path.iterdir()) == [path, cut]


@pytest.mark.parametrize(('fps', 'rate'), [
    (29.97, 30000 / 1001), (7.0, 7), (1e9, 65535), (1e-9, 1 / 1001), (59.94, 60000 / 1001)])
def test_rates(tmp_path: Path, fps: float, rate: float) -> None:
    with VideoWriter(tmp_path / 'a.mp4', fps) as writer:
        writer.write(np.zeros((47, 63, 3), np.uint8))
        writer.write(np.zeros((47, 63, 3), np.uint8))
    video = cv2.VideoCapture(str(tmp_path / 'a.mp4'))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(rate, rel=1e-3)
    assert video.read()[1].shape == (46, 62, 3)


def test_unknown_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'\.mp4 or \.avi'):
        VideoWriter(tmp_path / 'a.gif', 10)
    with pytest.raises(SourceError, match='cannot write it'):
        write_image(tmp_path / 'a.xyz', np.zeros((4, 4, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_image_is_written(tmp_path: Path) -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    write_image(tmp_path / 'a.png', image)
    assert np.array_equal(cv2.imread(str(tmp_path / 'a.png')), image)
    with limited_files(20), pytest.raises(OutputError, match='cannot be written'):
        write_image(tmp_path / 'a.png', image)
    assert np.array_equal(cv2.imread(str(tmp_path / 'a.png')), image)
