# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Videos as people have them: interlaced, turned, uneven, without a count, damaged."""

from pathlib import Path
import struct

import cv2
import numpy as np
import pytest

from mot_ros import cli
from mot_ros.data.bags.source import BagSource
from mot_ros.data.video import opencv_video, pyav_video, video_file
from mot_ros.data.video.annotated import AnnotatedVideo
from mot_ros.data.video.frames import open_source
from test.data.video.videos import number_of, picture, turn, write_video

EVEN = [number / 25 for number in range(12)]
UNEVEN = [number / 10 for number in range(6)] + [1.5, 2.5, 3.5, 13.25]
STAMPED = [('mpeg4', '.mp4'), ('libx264', '.mp4'), ('libvpx', '.webm'), ('mpeg4', '.mkv')]


@pytest.fixture(params=['pyav', 'opencv'])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Decode with one of both libraries."""
    chosen = {'pyav': pyav_video, 'opencv': opencv_video}[request.param]
    monkeypatch.setattr(video_file, 'decoder', lambda: chosen)
    return str(request.param)


def test_pyav_is_chosen() -> None:
    assert video_file.decoder() is pyav_video


@pytest.mark.parametrize('codec', ['libx264', 'mpeg2video'])
def test_interlaced_video_has_its_pictures(tmp_path: Path, codec: str) -> None:
    video = write_video(tmp_path / 'a.mp4', EVEN, codec, interlaced=True, base=25)
    frames = list(open_source(video))
    assert [number_of(frame.image) for frame in frames] == list(range(12))
    for number, frame in enumerate(frames):
        assert np.abs(frame.image.astype(int) - picture(number)).mean() < 6


def test_interlaced_video_becomes_a_bag_with_its_pictures(tmp_path: Path) -> None:
    video = write_video(tmp_path / 'a.mp4', EVEN, 'libx264', interlaced=True)
    assert cli.main(['convert', str(video), str(tmp_path / 'bag'), '--to', 'bag']) == 0
    assert [number_of(frame.image) for frame in BagSource(tmp_path / 'bag')] == list(range(12))


def test_black_images_of_opencv_are_unreadable(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = write_video(tmp_path / 'a.mp4', EVEN)
    real = cv2.VideoCapture

    class Blackening:
        """Does with some frames as OpenCV 4.14 does with interlaced ones."""

        def __init__(self, path: str) -> None:
            self._real, self._count = real(path), 0

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

        def retrieve(self) -> tuple[bool, np.ndarray]:
            self._count += 1
            intact, image = self._real.retrieve()
            return intact, np.zeros_like(image) if self._count > 8 else image

    monkeypatch.setattr(cv2, 'VideoCapture', Blackening)
    monkeypatch.setattr(opencv_video, 'BLACKENS', True)
    monkeypatch.setattr(video_file, 'decoder', lambda: opencv_video)
    source = open_source(video)
    assert len(list(source)) == 8
    assert source.unreadable == [8, 9, 10, 11]
    assert 'interlaced' in source.shortcomings[0]
    assert 'pip install av' in source.shortcomings[0]


@pytest.mark.parametrize('degrees', [0, 90, 180, 270])
def test_display_matrix_turns_the_images(tmp_path: Path, backend: str, degrees: int) -> None:
    video = turn(write_video(tmp_path / 'a.mp4', EVEN), degrees)
    source = open_source(video)
    frame = next(iter(source))
    wanted = np.rot90(picture(0), -degrees // 90)
    assert source.size == wanted.shape[1::-1]
    assert np.abs(frame.image.astype(int) - wanted).mean() < 6


@pytest.mark.parametrize(('codec', 'suffix'), STAMPED)
def test_uneven_frames_have_their_presentation_times(
        tmp_path: Path, backend: str, codec: str, suffix: str) -> None:
    video = write_video(tmp_path / f'a{suffix}', UNEVEN, codec)
    source = open_source(video)
    frames = list(source)
    np.testing.assert_allclose([frame.stamp for frame in frames], UNEVEN, atol=0.001)
    assert [source.index_of(frame) for frame in frames] == list(range(10))
    assert [round(frame.stamp * 1e9) for frame in frames] == source.stamps()
    # the count of a WebM is an estimate, and no alarm
    assert ['not constant' in sentence for sentence in source.shortcomings] == [True]
    assert '0.1 to 9.75 s' in source.shortcomings[0]


@pytest.mark.parametrize(('codec', 'suffix'), [*STAMPED, ('mjpeg', '.avi')])
def test_both_libraries_give_the_same(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, suffix: str) -> None:
    for times in (EVEN, UNEVEN) if suffix != '.avi' else (EVEN,):
        video = write_video(
            tmp_path / f'a{suffix}', times, codec, base=25 if times is EVEN else 100)
        found = []
        for module in (pyav_video, opencv_video):
            monkeypatch.setattr(video_file, 'decoder', lambda module=module: module)
            source = open_source(video)
            found.append((source.fps, source.stamps(), [
                (frame.stamp, frame.image.tobytes()) for frame in source]))
        assert found[0] == found[1]
        if times is EVEN:
            assert [stamp for stamp, _ in found[0][2]] == EVEN


def test_even_rate_stays_even_in_containers_that_round_to_milliseconds(tmp_path: Path) -> None:
    times = [number / 30 for number in range(15)]
    source = open_source(write_video(tmp_path / 'a.mkv', times, base=30, rate=30))
    assert source.fps == pytest.approx(30)
    assert [frame.stamp for frame in source] == [round(time, 9) for time in times]
    assert source.shortcomings == []


def test_given_rate_overrides_presentation_times(tmp_path: Path, backend: str) -> None:
    source = open_source(write_video(tmp_path / 'a.mp4', UNEVEN), fps=5)
    assert [frame.stamp for frame in source] == [number / 5 for number in range(10)]
    assert source.stamps() == [number * 200_000_000 for number in range(10)]
    assert source.shortcomings == []


def test_start_keeps_the_presentation_times(tmp_path: Path, backend: str) -> None:
    source = open_source(write_video(tmp_path / 'a.mp4', UNEVEN), start=6, frames=2)
    assert [round(frame.stamp, 6) for frame in source] == [1.5, 2.5]
    assert [source.index_of(frame) for frame in source] == [6, 7]


def test_times_that_do_not_advance_are_replaced_by_a_period(tmp_path: Path) -> None:
    video = video_file.VideoFile(write_video(tmp_path / 'a.mp4', EVEN))
    stamps: list[int] = []
    for time in (50, 40_000_050, 40_000_050, None, 10, 500_000_050):
        stamps.append(video._stamp(time, 50, stamps[-1] if stamps else None))
    assert stamps == [0, 40_000_000, 80_000_000, 120_000_000, 160_000_000, 500_000_000]


def test_bag_of_an_uneven_video_has_its_times(tmp_path: Path) -> None:
    video = write_video(tmp_path / 'a.webm', UNEVEN, 'libvpx')
    assert cli.main(['convert', str(video), str(tmp_path / 'bag'), '--to', 'bag']) == 0
    stamps = np.array(BagSource(tmp_path / 'bag').stamps()) / 1e9
    np.testing.assert_allclose(stamps, np.array(UNEVEN) + 1, atol=0.001)


@pytest.mark.parametrize('suffix', ['.webm', '.mp4'])
def test_evaluation_has_the_presentation_times(tmp_path: Path, suffix: str) -> None:
    codec = 'libvpx' if suffix == '.webm' else 'libx264'
    video = write_video(tmp_path / f'a{suffix}', UNEVEN, codec)
    (tmp_path / 'gt.txt').write_text(''.join(
        f'{frame},1,10,10,20,30,1\n' for frame in range(1, 11)))
    sequence = AnnotatedVideo('a', video, tmp_path / 'gt.txt').read()
    assert sequence.length == 10
    np.testing.assert_allclose(sequence.stamps / 1e9, UNEVEN, atol=0.001)


def test_damaged_packets_cost_their_frames(tmp_path: Path) -> None:
    video = write_video(tmp_path / 'a.avi', EVEN, 'mjpeg', base=25)
    content = bytearray(video.read_bytes())
    chunks = [place for place in range(len(content)) if content.startswith(b'00dc', place)]
    # the first is named in the header
    length, = struct.unpack_from('<I', content, chunks[6] + 4)
    content[chunks[6] + 8:chunks[6] + 8 + length] = bytes(length)
    video.write_bytes(content)
    source = open_source(video)
    numbers = [number_of(frame.image) for frame in source]
    assert numbers == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert source.unreadable == [5]
    assert [round(frame.stamp * 25) for frame in source] == numbers


def test_sound_without_images_is_no_video(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / 'a.wav'), 'wb') as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    with pytest.raises(Exception, match=r'a\.wav is not a video that can be opened.*no stream'):
        open_source(tmp_path / 'a.wav')
