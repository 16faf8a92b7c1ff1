# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Frames from videos and images: order, stamps, what is broken, and no thread left over."""

from pathlib import Path
import threading

import cv2
import numpy as np
import pytest

from mot_ros.data.video.frames import open_source
from mot_ros.data.video.image_files import natural_key
from mot_ros.tracking.errors import ConfigError, SourceError


def level_of(image: np.ndarray) -> int:
    """Return the number that `write_video` painted into a frame."""
    return round(float(image.mean()) / 10)


def write_video(path: Path, frames: int = 20, size: tuple[int, int] = (64, 48)) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 25.0, size)
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((size[1], size[0], 3), number * 10, np.uint8))
    writer.release()
    return path


def write_images(folder: Path, numbers: range, suffix: str = 'png') -> None:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        cv2.imwrite(
            str(folder / f'frame{number}.{suffix}'),
            np.full((30, 40 + number, 3), number * 10, np.uint8))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / 'a.avi')


def test_video_gives_every_frame_with_its_stamp(video: Path) -> None:
    source = open_source(video)
    frames = list(source)
    assert (source.length, source.size, source.fps) == (20, (64, 48), 25.0)
    assert [level_of(frame.image) for frame in frames] == list(range(20))
    assert [frame.stamp for frame in frames] == [number / 25.0 for number in range(20)]
    assert [source.index_of(frame) for frame in frames] == list(range(20))
    assert source.shortcomings == []


def test_source_can_be_gone_through_again(video: Path) -> None:
    source = open_source(video)
    assert len(list(source)) == len(list(source)) == 20


def test_given_rate_overrides_that_of_the_container(video: Path) -> None:
    assert [frame.stamp for frame in open_source(video, fps=7)][-1] == 2.714285714


def test_start_and_frames_keep_the_stamps(video: Path) -> None:
    source = open_source(video, start=5, frames=3)
    frames = list(source)
    assert source.length == 3
    assert [level_of(frame.image) for frame in frames] == [5, 6, 7]
    assert frames[0].stamp == 5 / 25
    assert source.shortcomings == []


def test_length_ends_with_the_file(video: Path) -> None:
    source = open_source(video, start=15, frames=100)
    assert source.length == len(list(source)) == 5
    assert source.shortcomings == []


def test_images_come_in_natural_order_and_keep_their_sizes(tmp_path: Path) -> None:
    write_images(tmp_path / 'img', range(1, 13))
    source = open_source(tmp_path / 'img')
    frames = list(source)
    assert [level_of(frame.image) for frame in frames] == list(range(1, 13))
    assert [frame.size for frame in frames] == [(40 + number, 30) for number in range(1, 13)]
    assert (source.fps, source.size, source.length) == (30.0, (41, 30), 12)


def test_pattern_takes_only_what_matches(tmp_path: Path) -> None:
    write_images(tmp_path / 'img', range(4), 'png')
    write_images(tmp_path / 'img', range(4, 6), 'jpg')
    (tmp_path / 'img' / 'notes.txt').write_text('no image')
    assert open_source(str(tmp_path / 'img' / '*.jpg')).length == 2
    assert open_source(str(tmp_path / 'img' / '*')).length == 6
    assert open_source(str(tmp_path / '**' / '*.png')).length == 4


def test_single_image_is_a_source_of_one_frame(tmp_path: Path) -> None:
    write_images(tmp_path / 'img', range(1, 2))
    assert [level_of(f.image) for f in open_source(tmp_path / 'img' / 'frame1.png')] == [1]


@pytest.mark.parametrize('below', ['', 'img1'])
def test_rate_of_images_comes_from_seqinfo(tmp_path: Path, below: str) -> None:
    write_images(tmp_path / 'img1', range(3))
    (tmp_path / 'seqinfo.ini').write_text('[Sequence]\nname=x\nframeRate=14\n')
    assert open_source(tmp_path / below).fps == 14
    assert open_source(tmp_path / below, fps=5).fps == 5


@pytest.mark.parametrize('text', [
    '[Sequence]\nname=x\n', 'frameRate=3', '[Sequence]\nframeRate=fast\n',
    '[Sequence]\nframeRate=0\n', '[Sequence]\nframeRate=nan\n'])
def test_unusable_seqinfo_is_named(tmp_path: Path, text: str) -> None:
    write_images(tmp_path / 'img1', range(2))
    (tmp_path / 'seqinfo.ini').write_text(text)
    with pytest.raises(SourceError, match=r'seqinfo\.ini.*frameRate.*--fps'):
        open_source(tmp_path / 'img1')


def test_unreadable_image_costs_one_frame(tmp_path: Path) -> None:
    write_images(tmp_path / 'img', range(1, 6))
    (tmp_path / 'img' / 'frame3.png').write_bytes(b'\x89PNG but not really')
    source = open_source(tmp_path / 'img', fps=10)
    frames = list(source)
    assert [level_of(frame.image) for frame in frames] == [1, 2, 4, 5]
    assert [frame.stamp for frame in frames] == [0.0, 0.1, 0.3, 0.4]
    assert source.unreadable == [2]
    assert '1 images could not be read' in source.shortcomings[0]


def test_first_image_may_be_unreadable(tmp_path: Path) -> None:
    write_images(tmp_path / 'img', range(1, 4))
    (tmp_path / 'img' / 'frame1.png').write_bytes(b'')
    source = open_source(tmp_path / 'img')
    assert source.size == (42, 30)
    assert len(list(source)) == 2


def test_cut_off_video_is_read_up_to_the_cut(tmp_path: Path, video: Path) -> None:
    whole = video.read_bytes()
    cut = tmp_path / 'cut.avi'
    chunks = [place for place in range(len(whole)) if whole.startswith(b'00dc', place)]
    cut.write_bytes(whole[:chunks[12] + 20])
    source = open_source(cut)
    read = len(list(source))
    assert source.length == 20
    # the frame that is cut in two may come or not, and the header names a chunk too
    assert 10 <= read <= 13
    assert source.shortcomings == [
        f'{cut} announces 20 frames, but ends after {read}: is the file cut off?']
    with pytest.raises(SourceError, match=f'ends after {read} frames'):
        list(open_source(cut, start=19))


def test_leaving_early_is_no_shortcoming(video: Path) -> None:
    source = open_source(video)
    for _ in source:
        break
    assert source.shortcomings == []


@pytest.mark.parametrize('content', [b'', b'not a video at all' * 50, bytes(4096)])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'movie.mp4'
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r'movie\.mp4 is not a video'):
        open_source(path)


def test_video_without_frames_is_refused(tmp_path: Path, video: Path) -> None:
    path = tmp_path / 'header.avi'
    path.write_bytes(video.read_bytes()[:video.read_bytes().index(b'movi') + 4])
    with pytest.raises(SourceError, match=r'header\.avi (holds no image|is not a video)'):
        open_source(path)


def test_missing_and_empty_sources_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match='does not exist'):
        open_source(tmp_path / 'nothing.mp4')
    with pytest.raises(SourceError, match='holds no images'):
        open_source(tmp_path)
    with pytest.raises(SourceError, match='no image matches'):
        open_source(str(tmp_path / '*.png'))
    (tmp_path / 'a.png').write_bytes(b'nothing')
    with pytest.raises(SourceError, match='holds no image that can be read'):
        open_source(tmp_path)


@pytest.mark.parametrize('fps', [0.0, -1.0, float('nan'), float('inf'), 1e6])
def test_impossible_rate_is_refused(video: Path, fps: float) -> None:
    with pytest.raises(ConfigError, match='fps is'):
        open_source(video, fps=fps)


@pytest.mark.parametrize(('start', 'frames'), [(-1, None), (0, 0), (0, -5)])
def test_impossible_range_is_refused(video: Path, start: int, frames: int | None) -> None:
    with pytest.raises(ConfigError, match='start is'):
        open_source(video, start=start, frames=frames)


def test_start_beyond_the_end_is_refused(video: Path) -> None:
    with pytest.raises(SourceError, match='20 frames; start'):
        open_source(video, start=20)


def test_no_thread_is_left_over(video: Path) -> None:
    before = threading.active_count()
    for number, _ in enumerate(open_source(video)):
        if number == 2:
            assert threading.active_count() == before + 1
            break
    assert threading.active_count() == before
    list(open_source(video))
    assert threading.active_count() == before


def test_fingerprint_tells_content_rate_and_order(tmp_path: Path, video: Path) -> None:
    same = open_source(video).fingerprint()
    assert same == open_source(video, start=3).fingerprint()
    assert same != open_source(video, fps=7).fingerprint()
    changed = bytearray(video.read_bytes())
    changed[-1] ^= 1
    video.write_bytes(changed)
    assert same != open_source(video).fingerprint()
    write_images(tmp_path / 'img', range(3))
    images = open_source(tmp_path / 'img').fingerprint()
    (tmp_path / 'img' / 'frame1.png').unlink()
    assert images != open_source(tmp_path / 'img').fingerprint()


def test_natural_key_orders_numbers_by_value() -> None:
    names = ['b2', 'a10', 'a9', 'a', '10', '9', 'a9b']
    assert sorted(names, key=natural_key) == ['9', '10', 'a', 'a9', 'a9b', 'a10', 'b2']
