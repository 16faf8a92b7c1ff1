# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Output files: whole or not at all, and the video writer."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros.data.output import (
    check_new,
    check_writable,
    new_folder,
    OutputFile,
    VideoWriter,
    write_image,
)
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.errors import SourceError


def test_file_appears_when_closed(tmp_path: Path) -> None:
    path = tmp_path / 'a.txt'
    path.write_text('old')
    output = OutputFile(path)
    output.partial.write_text('new')
    assert path.read_text() == 'old'
    output.close()
    assert path.read_text() == 'new'
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_a_folder_is_whole_or_not_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / 'deep' / 'folder'
    with new_folder(path):
        (path / 'a.txt').write_text('a')
    assert (path / 'a.txt').read_text() == 'a'
    with pytest.raises(SourceError, match='exists already'), new_folder(path):
        pass
    # what was there is kept
    assert (path / 'a.txt').read_text() == 'a'
    with pytest.raises(error), new_folder(other := tmp_path / 'other'):
        (other / 'a.txt').write_text('a')
        raise error
    assert not other.exists()
    check_new(other)


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


def test_missing_codec_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        fourcc = staticmethod(cv2.VideoWriter.fourcc)

        def __init__(self, *_: object) -> None:
            pass

        def isOpened(self) -> bool:
            return False

        def release(self) -> None:
            pass

    monkeypatch.setattr(cv2, 'VideoWriter', Closed)
    with pytest.raises(SourceError, match='cannot write mp4v video of 64x48'), \
            VideoWriter(tmp_path / 'a.mp4', 10) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))


def test_unknown_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'\.mp4 or \.avi'):
        VideoWriter(tmp_path / 'a.gif', 10)
    with pytest.raises(SourceError, match='cannot write it'):
        write_image(tmp_path / 'a.xyz', np.zeros((4, 4, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_unwritable_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match='is a folder'):
        check_writable(tmp_path)
    with pytest.raises(SourceError, match='does not exist'):
        check_writable(tmp_path / 'none' / 'a.txt')
    check_writable(tmp_path / 'a.txt')
    assert list(tmp_path.iterdir()) == []


def test_image_is_written(tmp_path: Path) -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    write_image(tmp_path / 'a.png', image)
    assert np.array_equal(cv2.imread(str(tmp_path / 'a.png')), image)
