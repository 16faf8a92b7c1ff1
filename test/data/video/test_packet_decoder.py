# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""H.264 and H.265 in messages: decoded one by one, from key frames on, lost ones never hidden."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from rosbags.rosbag2 import Writer
from rosbags.typesys import get_types_from_msg

from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.types import (
    COMPRESSED_IMAGE,
    COMPRESSED_VIDEO,
    make_typestore,
    THEORA,
    VIDEO_PACKET,
)
from mot_ros.data.bags.writer import BagWriter
from mot_ros.data.image_reading import ImageError
from mot_ros.data.sources import open_frames
from mot_ros.data.video.nal_units import is_key
from mot_ros.data.video.packet_decoder import AWAITED, codec_of, PacketDecoder
from mot_ros.tracking.errors import SourceError

FRAMES, GROUP = 15, 5
ENCODERS = {'h264': 'libx264', 'h265': 'libx265'}


def level(number: int) -> int:
    """Return the grey of a frame."""
    return 20 + 12 * number


@cache
def packets(kind: str, b_frames: int = 0, profile: str = 'high') -> tuple[bytes, ...]:
    """Return a stream with a key frame every GROUP frames, one packet each."""
    context = av.CodecContext.create(ENCODERS[kind], 'w')
    context.width, context.height, context.pix_fmt = 64, 48, 'yuv420p'
    context.time_base = Fraction(1, 10)
    context.options = {
        'preset': 'ultrafast', 'g': str(GROUP), 'bf': str(b_frames),
        'x264-params': f'scenecut=0:keyint={GROUP}:min-keyint={GROUP}:b-adapt=0',
        'x265-params': f'keyint={GROUP}:min-keyint={GROUP}:scenecut=0:open-gop=0:'
        f'bframes={b_frames}:log-level=0'}
    if kind == 'h264':
        context.options |= {'profile': profile}
    made = []
    for number in range(FRAMES):
        grey = np.full((48, 64, 3), level(number), np.uint8)
        frame = av.VideoFrame.from_ndarray(grey, format='bgr24').reformat(format='yuv420p')
        frame.pts = number
        made += context.encode(frame)
    made += context.encode(None)
    # presentation times of packets stand in decoding order
    order.update({(kind, b_frames): [packet.pts for packet in made]})
    return tuple(bytes(packet) for packet in made)


order: dict[tuple[str, int], list[int]] = {}


def decoded(kind: str, stream: Sequence[tuple[int, bytes]]) -> tuple[list[int], dict[int, str]]:
    """Return the numbers of the right images in order, and the reasons of those that failed."""
    decoder = PacketDecoder()
    results = [result for number, packet in stream
               for result in decoder.decode(packet, kind, number)] + decoder.flush()
    for result in results:
        if result.frame is not None:
            assert abs(float(decoder.image(result.frame).mean()) - level(result.number)) < 6
    return ([result.number for result in results if result.frame is not None],
            {result.number: result.error.reason for result in results if result.error})


@pytest.mark.parametrize('kind', ENCODERS)
def test_every_packet_gives_its_image_at_once(kind: str) -> None:
    decoder = PacketDecoder()
    for number, packet in enumerate(packets(kind)):
        result, = decoder.decode(packet, kind, number)
        assert result.number == number and result.error is None
        assert is_key(packet, codec_of(kind)) == (number % GROUP == 0)
    assert decoder.flush() == []


@pytest.mark.parametrize('kind', ENCODERS)
@pytest.mark.parametrize('lost', [(0,), (0, 1, 2), (7,), (5, 6), (1, 8), (4, 14), (6, 7, 8, 9)])
def test_after_a_loss_a_key_frame_is_awaited(kind: str, lost: tuple[int, ...]) -> None:
    stream = [(number, packet) for number, packet in enumerate(packets(kind))
              if number not in lost]
    good, bad = decoded(kind, stream)
    groups = {number: [place for place in lost if place // GROUP == number // GROUP]
              for number in range(FRAMES)}
    assert good == [number for number, _ in stream
                    if not any(place < number for place in groups[number])]
    assert set(bad) == {number for number, _ in stream} - set(good)
    assert set(bad.values()) <= {AWAITED, 'data'}


@pytest.mark.parametrize('kind', ENCODERS)
def test_damage_costs_up_to_the_next_key_frame(kind: str) -> None:
    stream = list(enumerate(packets(kind)))
    stream[6] = 6, b'no video at all'
    good, bad = decoded(kind, stream)
    assert set(good) >= {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14} and bad[6] == 'data'
    assert not {7, 8, 9} & set(good)


@pytest.mark.parametrize('profile', ['baseline', 'main', 'high'])
def test_numbers_of_frames_are_found_in_every_profile(profile: str) -> None:
    stream = [(number, packet) for number, packet in enumerate(packets('h264', 0, profile))
              if number != 7]
    assert decoded('h264', stream)[0] == [0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14]


def test_images_with_b_frames_come_in_the_order_of_presentation() -> None:
    stream = list(packets('h264', 2, 'main'))
    good, bad = decoded('h264', list(zip(order['h264', 2], stream, strict=True)))
    assert good == list(range(FRAMES)) and not bad


@pytest.mark.parametrize(('data', 'kind', 'words'), [
    (b'\0\0\0\1\x65' + bytes(40), 'vp9', "'vp9'; H.264 and H.265 are read"),
    (b'', 'h264', 'no start code'), (b'\0\0\0\x20\x65' + bytes(40), 'h264', 'no start code')])
def test_what_is_no_such_stream_is_explained(data: bytes, kind: str, words: str) -> None:
    result, = PacketDecoder().decode(data, kind, 0)
    assert isinstance(result.error, ImageError) and words in str(result.error)


@pytest.mark.parametrize(('kind', 'codec'), [
    ('libx264', 'h264'), ('h264_nvenc;yuv420p;bgr8', 'h264'), ('H264', 'h264'),
    ('hevc_vaapi', 'hevc'), ('libx265/x', 'hevc'), ('h265', 'hevc')])
def test_names_of_encoders_are_understood(kind: str, codec: str) -> None:
    assert codec_of(kind) == codec


def write(path: Path, kind: str, stream: Sequence[bytes], encoding: str) -> Path:
    """Write a bag of packets, ten a second."""
    store = make_typestore()
    time, header = (store.types[name] for name in (
        'builtin_interfaces/msg/Time', 'std_msgs/msg/Header'))
    with BagWriter(path, {'/video': kind}) as writer:
        for number, packet in enumerate(stream):
            stamp, data = time(sec=1, nanosec=number * 10**7), np.frombuffer(packet, np.uint8)
            fields = {
                COMPRESSED_VIDEO: (stamp, 'front', data, encoding),
                VIDEO_PACKET: (
                    header(stamp, 'front'), 64, 48, encoding, number, 0, False, data),
                COMPRESSED_IMAGE: (header(stamp, 'front'), encoding, data)}[kind]
            message = store.types[kind](*fields)
            writer.write('/video', number, bytes(store.serialize_cdr(message, kind)))
    return path


@pytest.mark.parametrize(('kind', 'encoding', 'codec'), [
    (COMPRESSED_VIDEO, 'h264', 'h264'), (COMPRESSED_VIDEO, 'h265', 'h265'),
    (COMPRESSED_IMAGE, 'h264', 'h264'), (VIDEO_PACKET, 'libx264', 'h264'),
    (VIDEO_PACKET, 'hevc;yuv420p;bgr8', 'h265')])
def test_bags_of_video_are_read(tmp_path: Path, kind: str, encoding: str, codec: str) -> None:
    source = open_frames(write(tmp_path / 'bag', kind, packets(codec), encoding))
    assert source.size == (64, 48) and source.length == FRAMES and source.fps == 100
    for _ in range(2):
        frames = list(source)
        assert [source.index_of(frame) for frame in frames] == list(range(FRAMES))
    assert [round(frame.stamp, 6) for frame in frames] == [
        round(1 + number / 100, 6) for number in range(FRAMES)]
    assert all(abs(float(np.asarray(frame.image).mean()) - level(number)) < 6
               for number, frame in enumerate(frames))
    late, = BagSource(tmp_path / 'bag', start=8, frames=1)
    assert abs(float(np.asarray(late.image).mean()) - level(8)) < 6
    assert source.shortcomings == []


def test_losses_in_a_bag_are_counted_and_explained(tmp_path: Path) -> None:
    stream = packets('h264')
    bag = write(tmp_path / 'bag', COMPRESSED_VIDEO, [*stream[3:7], *stream[8:]], 'h264')
    source = BagSource(bag)
    assert [source.index_of(frame) for frame in source] == [2, 3, 6, 7, 8, 9, 10]
    assert source.unreadable == [0, 1, 4, 5]
    assert '4 images could not be read' in source.shortcomings[0]
    assert 'up to the next key frame' in source.shortcomings[0]


@pytest.mark.parametrize(('encoding', 'words'), [
    ('av1', "'av1'; H.264 and H.265 are read"), ('h264', 'refers to earlier ones')])
def test_a_bag_without_any_image_says_why(tmp_path: Path, encoding: str, words: str) -> None:
    bag = write(tmp_path / 'bag', VIDEO_PACKET, packets('h264')[1:4], encoding)
    with pytest.raises(SourceError, match=words):
        open_frames(bag)


def test_theora_is_refused_with_what_to_do(tmp_path: Path) -> None:
    store = make_typestore()
    store.register(get_types_from_msg('std_msgs/Header header\nuint8[] data', THEORA))
    with Writer(tmp_path / 'bag', version=9) as writer:
        writer.write(writer.add_connection('/i/theora', THEORA, typestore=store), 1, bytes(40))
    with pytest.raises(SourceError, match=r'is Theora video.*republish theora compressed'):
        open_frames(tmp_path / 'bag')
