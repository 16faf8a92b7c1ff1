# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Conversion between messages and mot_ros' types."""

from __future__ import annotations

import array

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

pytest.importorskip('rclpy')

from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from mot_ros.ros.conversion import (
    ImageError,
    to_bgr,
    to_detections,
    to_image,
    to_label_info,
    to_seconds,
    to_stamp,
    to_track_array,
    to_tracks,
)
from mot_ros.tracking.types import Tracks, TrackState

CHANNELS = {'mono8': 1, 'bgr8': 3, 'rgb8': 3, 'bgra8': 4, 'rgba8': 4}


def message(encoding: str, pixels: np.ndarray, padding: int = 0) -> Image:
    """Return (H, W, C) pixels of any type as a message whose rows are padded."""
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(height, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    return Image(
        header=Header(stamp=Time(sec=3), frame_id='optical'), height=height, width=width,
        encoding=encoding, step=rows.shape[1], data=array.array('B', rows.tobytes()))


def random_pixels(channels: int, height: int = 5, width: int = 7) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, channels), np.uint8)


def tracks(*boxes: tuple[float, ...], states: list[int] | None = None) -> Tracks:
    count = len(boxes)
    return Tracks(
        np.array(boxes, np.float32).reshape(-1, 4), np.linspace(0.5, 0.9, count, dtype=np.float32),
        np.arange(count), np.arange(count) + 11,
        np.array(states or [TrackState.CONFIRMED] * count, np.uint8),
        np.full(count, 2.5, np.float32), np.full(count, 0.25, np.float32),
        np.full((count, 2), (3.0, -4.0), np.float32), np.full(count, 0.75, np.float32),
        np.arange(count))


@pytest.mark.parametrize('padding', [0, 1, 13])
@pytest.mark.parametrize('encoding', CHANNELS)
def test_every_8_bit_encoding_with_and_without_padded_rows(encoding, padding):
    pixels = random_pixels(CHANNELS[encoding])
    blue_green_red = {
        'mono8': [0, 0, 0], 'bgr8': [0, 1, 2], 'bgra8': [0, 1, 2], 'rgb8': [2, 1, 0],
        'rgba8': [2, 1, 0]}[encoding]

    result = to_bgr(message(encoding, pixels, padding))

    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, pixels[:, :, blue_green_red])


@pytest.mark.parametrize('padding', [0, 5])
def test_bgr8_is_not_copied(padding):
    image = message('bgr8', random_pixels(3), padding)
    result = to_bgr(image)
    image.data[0] = 255 - image.data[0]
    assert result[0, 0, 0] == image.data[0]


@pytest.mark.parametrize('padding', [0, 6])
@pytest.mark.parametrize('encoding, kind, channels', [
    ('mono16', np.uint16, 1), ('bgr16', np.uint16, 3), ('rgba16', np.uint16, 4),
    ('bayer_rggb8', np.uint8, 1), ('bayer_gbrg16', np.uint16, 1), ('yuv422', np.uint8, 2),
    ('yuv422_yuy2', np.uint8, 2)])
def test_other_encodings_keep_grey_grey_and_do_not_shear(encoding, kind, channels, padding):
    # a grey half and a white half: sheared rows would not be equal
    top = 65535 if kind == np.uint16 else 255
    luma = {'yuv422': 1, 'yuv422_yuy2': 0}.get(encoding, slice(None))
    pixels = np.full((8, 12, channels), top // 2 + 1, kind)
    pixels[:, 6:, luma] = top

    result = to_bgr(message(encoding, pixels, padding))

    assert result.shape == (8, 12, 3)
    assert np.ptp(result[:, 2:4], axis=0).max() == 0
    assert np.abs(result[:, 2:4].astype(int) - 128).max() <= 3
    assert result[:, 9:11].min() >= 250


def test_big_endian_means_nothing_to_8_bits_but_swaps_16():
    grey = message('mono8', random_pixels(1))
    grey.is_bigendian = 1
    assert (to_bgr(grey)[:, :, 0] == random_pixels(1)[:, :, 0]).all()
    deep = message('mono16', np.full((4, 4, 1), 0x00ff, np.uint16))
    assert to_bgr(deep).max() <= 1
    deep.is_bigendian = 1
    assert to_bgr(deep).min() >= 254


@pytest.mark.parametrize('change, reason, words', [
    ({'encoding': 'jpeg'}, 'encoding', ["'jpeg'", 'bgr8']),
    ({'encoding': ''}, 'encoding', ["''", 'bgr8']),
    ({'encoding': '32FC1'}, 'encoding', ["'32FC1'", 'set encoding to']),
    ({'width': 0}, 'size', ['0x5']),
    ({'height': 0}, 'size', ['7x0']),
    ({'step': 20}, 'step', ['20 bytes', '21']),
    ({'step': 0}, 'step', ['0 bytes', '21']),
    ({'data': array.array('B', bytes(104))}, 'data length', ['104 bytes', '105']),
    ({'data': array.array('B', bytes(106))}, 'data length', ['106 bytes', '105']),
    ({'data': array.array('B')}, 'data length', ['0 bytes', '105']),
    ({'height': 4000000000}, 'data length', ['105 bytes']),
])
def test_what_does_not_fit_is_refused_with_values_and_reason(change, reason, words):
    image = message('bgr8', random_pixels(3))
    for name, value in change.items():
        setattr(image, name, value)
    with pytest.raises(ImageError) as caught:
        to_bgr(image)
    assert caught.value.reason == reason
    for word in words:
        assert word in str(caught.value)


@given(
    encoding=st.sampled_from([*CHANNELS, 'mono16', 'bayer_bggr8', 'yuv422', 'nv12', 'x']),
    width=st.integers(0, 9), height=st.integers(0, 9), step=st.integers(0, 40),
    size=st.integers(0, 400))
def test_any_header_gives_an_image_of_its_size_or_an_image_error(
        encoding, width, height, step, size):
    image = Image(
        encoding=encoding, width=width, height=height, step=step,
        data=array.array('B', bytes(size)))
    try:
        assert to_bgr(image).shape == (height, width, 3)
    except ImageError as error:
        assert error.reason
    else:
        assert size == height * step * (3 if encoding == 'nv12' else 2) // 2


def test_image_survives_the_way_there_and_back():
    pixels = random_pixels(3)
    header = Header(stamp=Time(sec=5, nanosec=6), frame_id='x')
    image = to_image(pixels, header)
    assert (image.width, image.height, image.step, image.encoding) == (7, 5, 21, 'bgr8')
    assert image.header == header
    np.testing.assert_array_equal(to_bgr(image), pixels)
    # a view that is not contiguous, as OpenCV makes them
    np.testing.assert_array_equal(to_bgr(to_image(pixels[:, 2:5], header)), pixels[:, 2:5])


@given(st.integers(0, 2**31 - 1), st.integers(0, 10**9 - 1))
def test_stamps_survive_to_a_microsecond(sec, nanosec):
    stamp = to_stamp(to_seconds(Time(sec=sec, nanosec=nanosec)))
    difference = (stamp.sec - sec) * 10**9 + stamp.nanosec - nanosec
    assert abs(difference) < 1000


def test_a_stamp_just_below_a_second_carries_over():
    assert to_stamp(1.9999999999) == Time(sec=2, nanosec=0)
    assert to_stamp(-0.25) == Time(sec=-1, nanosec=750000000)


def test_detections_field_by_field():
    header = Header(stamp=Time(sec=7, nanosec=8), frame_id='optical')
    result = to_detections(tracks((10, 20, 30, 60)), header, (100, 100), id_prefix='front/')
    assert result.header == header
    detection, = result.detections
    assert detection.header == header
    assert detection.id == 'front/11'
    assert (detection.bbox.center.position.x, detection.bbox.center.position.y) == (20.0, 40.0)
    assert (detection.bbox.size_x, detection.bbox.size_y) == (20.0, 40.0)
    assert detection.bbox.center.theta == 0.0
    hypothesis, = detection.results
    assert hypothesis.hypothesis.class_id == '0'
    assert hypothesis.hypothesis.score == pytest.approx(0.5)


def test_only_what_was_observed_is_published():
    states = [TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.LOST]
    message = to_detections(tracks(*[(0, 0, 9, 9)] * 3, states=states), Header(), (100, 100))
    assert [detection.id for detection in message.detections] == ['12']
    assert to_detections(tracks(), Header(), (100, 100)).detections == []


def test_boxes_are_cut_to_the_image_unless_amodal():
    shown = tracks((-10, -10, 20, 20), (90, 90, 300, 300), (200, 0, 250, 50), (-30, 5, 0, 9))
    cut = to_detections(shown, Header(), (100, 80))
    assert [detection.id for detection in cut.detections] == ['11']
    assert cut.detections[0].bbox.center.position.x == 10.0
    assert cut.detections[0].bbox.size_x == 20.0
    whole = to_detections(shown, Header(), (100, 100), amodal=True)
    # what lies wholly outside the image is not published even so
    assert [detection.id for detection in whole.detections] == ['11', '12']
    assert whole.detections[0].bbox.size_x == 30.0
    assert whole.detections[1].bbox.center.position.y == 195.0


def test_detections_are_read_back():
    shown = tracks((10, 20, 30, 60), (1, 2, 3, 4))
    back = to_tracks(to_detections(shown, Header(), (100, 100), id_prefix='cam2_'))
    np.testing.assert_array_equal(back.boxes, shown.boxes)
    assert back.ids.tolist() == [11, 12]
    assert back.labels.tolist() == [0, 1]
    np.testing.assert_allclose(back.scores, shown.scores)
    assert len(back.observed) == 2


@pytest.mark.parametrize('identity, class_id, label', [
    ('a name', 'person', -1), ('', '', -1), ('9' * 40, '7', 7)])
def test_foreign_detections_are_read_too(identity, class_id, label):
    foreign = to_detections(tracks((10, 20, 30, 60)), Header(), (100, 100))
    foreign.detections[0].id = identity
    foreign.detections[0].results[0].hypothesis.class_id = class_id
    back = to_tracks(foreign)
    assert back.labels.tolist() == [label]
    assert back.ids[0] >= 0
    foreign.detections[0].results = []
    assert to_tracks(foreign).scores.tolist() == [0.0]


def test_track_array_holds_every_track_uncut():
    pytest.importorskip('mot_ros_msgs')
    states = [TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.LOST]
    header = Header(frame_id='optical')
    result = to_track_array(
        tracks(*[(-10, 0, 10, 8)] * 3, states=states), header, id_prefix='p')
    assert result.header == header
    assert [track.state for track in result.tracks] == [
        result.tracks[0].TENTATIVE, result.tracks[0].CONFIRMED, result.tracks[0].LOST]
    track = result.tracks[2]
    assert (track.id, track.class_id, track.score) == ('p13', '2', pytest.approx(0.9))
    assert (track.bbox.center.position.x, track.bbox.size_x) == (0.0, 20.0)
    assert (track.velocity_x, track.velocity_y) == (3.0, -4.0)
    assert (track.age, track.time_since_seen, track.visibility) == (2.5, 0.25, 0.75)


def test_label_info():
    info = to_label_info(['person', 'bicycle'], Header(frame_id='x'), 0.25)
    assert [(entry.class_id, entry.class_name) for entry in info.class_map] == [
        (0, 'person'), (1, 'bicycle')]
    assert info.threshold == 0.25


def test_opencv_takes_the_view_of_a_padded_image():
    pixels = random_pixels(3, 40, 31)
    view = to_bgr(message('bgr8', pixels, padding=3))
    np.testing.assert_array_equal(
        cv2.resize(view, (20, 20)), cv2.resize(pixels, (20, 20)))
