# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Cameras and streams: newest frame first, lost connections, and what cannot be opened."""

from pathlib import Path
import threading
import time

import numpy as np
import pytest

from mot_ros.cli import main
from mot_ros.data.sources import open_frames
from mot_ros.data.video import receiver
from mot_ros.data.video.live_address import is_live, live_address
from mot_ros.data.video.live_source import LiveSource
from mot_ros.tracking.errors import ConfigError, SourceError
from test.data.video.streams import camera
from test.data.video.videos import number_of, write_video


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, 'PAUSE', 0.05)


@pytest.mark.parametrize('kind', ['mjpeg', 'mpegts'])
def test_stream_is_received_live(kind: str) -> None:
    with camera() as served:
        source = open_frames(f'{served.url}/{kind}', frames=5)
        frames = list(source)
    assert isinstance(source, LiveSource)
    assert (source.size, source.length) == ((96, 64), 5)
    assert frames[0].stamp == 0
    stamps = [frame.stamp for frame in frames]
    assert stamps == sorted(set(stamps))
    indices = [source.index_of(frame) for frame in frames]
    assert indices == sorted(set(indices))
    assert all(frame.image.shape == (64, 96, 3) for frame in frames)


def test_newest_frame_comes_first_and_the_others_are_counted() -> None:
    with camera() as served:
        source = LiveSource(f'{served.url}/mjpeg', frames=4)
        seen = []
        for frame in source:
            seen.append((source.index_of(frame), number_of(frame.image), frame.stamp))
            time.sleep(0.12)
    steps = np.diff([index for index, _, _ in seen])
    # about twelve came during each pause, and none of them waited in a queue
    assert (steps > 3).all()
    assert all(index % 20 == number for index, number, _ in seen)
    assert np.diff([stamp for _, _, stamp in seen]) == pytest.approx([0.12] * 3, abs=0.08)
    assert 'were left out, since newer ones had come' in source.shortcomings[0]


def test_lost_connection_is_opened_again() -> None:
    with camera(frames=4) as served:
        source = LiveSource(f'{served.url}/mjpeg', frames=9, patience=20)
        frames = [frame for frame in source if not time.sleep(0.005)]
        assert served.connections > 1
    assert len(frames) == 9
    assert 'lost and opened again' in source.shortcomings[0]


def test_end_of_a_camera_is_said() -> None:
    with camera(frames=4) as served:
        source = LiveSource(f'{served.url}/mjpeg', patience=0.2)
    begin = time.monotonic()
    assert len(list(source)) <= 4
    assert time.monotonic() - begin < 5
    assert any('could not be opened again within 0.2 s' in sentence
               for sentence in source.shortcomings)
    with pytest.raises(SourceError, match='cannot be opened'):
        list(source)


def test_opening_takes_a_bounded_time() -> None:
    begin = time.monotonic()
    with camera() as served:
        with pytest.raises(SourceError, match=r'/silent cannot be opened \(.*; check the addr'):
            LiveSource(f'{served.url}/silent', opening=0.5)
        assert time.monotonic() - begin < 5
        with pytest.raises(SourceError, match='cannot be opened'):
            LiveSource(f'{served.url}/nowhere')
    for url in ('rtsp://127.0.0.1:9/x', 'http://127.0.0.1:9/x', 'tcp://127.0.0.1:9'):
        with pytest.raises(SourceError, match=f'{url} cannot be opened .*refused'):
            open_frames(url)


def test_file_on_a_server_is_used_frame_by_frame(tmp_path: Path) -> None:
    video = write_video(tmp_path / 'a.mkv', [number / 25 for number in range(12)])
    with camera(file=video) as served:
        source = LiveSource(f'{served.url}/file')
        frames = [frame for frame in source if not time.sleep(0.005)]
        assert served.connections == 1
    assert [number_of(frame.image) for frame in frames] == list(range(12))
    assert [frame.stamp for frame in frames] == pytest.approx(
        [number / 25 for number in range(12)], abs=1e-3)
    assert source.shortcomings == []


@pytest.mark.parametrize('source', ['0', '7', '/dev/video97', 'rtsp://a/b', 'http://a:8080/b'])
def test_live_addresses(source: str) -> None:
    assert is_live(source)


def test_what_is_no_live_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / '0').mkdir()
    assert not any(map(is_live, ('0', 'video0', 'a.mp4', '/dev/null', 'C://a', 'img/*.jpg')))


@pytest.mark.parametrize('source', ['/dev/video97', '97'])
def test_camera_that_is_not_there_is_named(source: str) -> None:
    with pytest.raises(SourceError, match='/dev/video97 does not exist; the cameras here are: '):
        open_frames(source)


def test_what_a_live_source_cannot_do() -> None:
    with pytest.raises(ConfigError, match='start is 3, but http://a/b is live'):
        open_frames('http://a/b', start=3)
    with pytest.raises(SourceError, match='is no bag, so there is no topic'):
        open_frames('http://a/b', topic='/x')
    assert str(live_address('rtsp://me:secret@host/x')) == 'rtsp://host/x'
    with camera() as served:
        source = LiveSource(f'{served.url}/mjpeg')
        with pytest.raises(SourceError, match='never the same again'):
            source.fingerprint()
        with pytest.raises(SourceError, match='its stamps come with its frames'):
            source.stamps()
        source.close()
    assert not any(thread.name == 'receiver' for thread in threading.enumerate())


def test_track_follows_a_stream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with camera() as served:
        assert main([
            'track', f'{served.url}/mjpeg', '--frames', '3', '--preset', 'fast', '--mot',
            str(tmp_path / 'tracks.txt'), '-o', str(tmp_path / 'video.mp4')]) == 0
    assert 'frames    3' in capsys.readouterr().out
    assert len(list(open_frames(tmp_path / 'video.mp4'))) == 3
