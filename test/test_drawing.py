# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Drawing: what is drawn, what is not, and sizes and places that are out of the ordinary."""

import itertools

import cv2
import numpy as np
import pytest

from mot_ros.contact_sheet import ContactSheet
from mot_ros.drawing import (
    colour_of,
    contact_sheet,
    draw_text,
    draw_tracks,
    fit,
    MAX_TRAIL,
    Trails,
)
from mot_ros.tracking.types import Tracks, TrackState


def tracks_of(
        boxes: list[list[float]], ids: list[int] | None = None,
        states: list[int] | None = None) -> Tracks:
    count = len(boxes)
    zero = np.zeros(count, np.float32)
    return Tracks(
        np.array(boxes, np.float32).reshape(-1, 4), zero + 0.75, np.zeros(count, np.int64),
        np.array(ids if ids is not None else range(1, count + 1), np.int64),
        np.array(states if states is not None else [TrackState.CONFIRMED] * count, np.uint8),
        zero, zero, np.zeros((count, 2), np.float32), zero + 1, np.arange(count))


def blank(height: int = 200, width: int = 300, level: int = 128) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def changed(image: np.ndarray, level: int = 128) -> np.ndarray:
    return (image != level).any(axis=2)


def test_colours_are_stable_and_far_apart() -> None:
    assert colour_of(7) == colour_of(7)
    first = [np.array(colour_of(identity)) for identity in range(1, 13)]
    nearest = min(np.abs(a - b).max() for a, b in itertools.combinations(first, 2))
    assert nearest > 40
    assert len({colour_of(identity) for identity in range(300)}) > 290
    for identity in (0, 1, 2**31, 2**40):
        assert all(0 <= channel <= 255 for channel in colour_of(identity))


def test_box_is_drawn_in_the_colour_of_its_id() -> None:
    image = blank()
    draw_tracks(image, tracks_of([[50, 60, 150, 160]], [5]))
    assert tuple(image[110, 50]) == colour_of(5)
    assert tuple(image[160, 100]) == colour_of(5)
    # nothing inside the box, nothing far from it
    assert not changed(image)[70:150, 60:140].any()
    assert not changed(image)[170:, :].any()


def test_box_and_text_show_on_light_and_on_dark() -> None:
    for level in (0, 255):
        image = blank(level=level)
        draw_tracks(image, tracks_of([[50, 60, 150, 160]], [5]), ['person'])
        label = image[30:58, 40:160].reshape(-1, 3).astype(int)
        assert label.min() < 40
        assert label.max() > 200


def test_only_observed_tracks_are_drawn() -> None:
    image = blank()
    hidden = tracks_of(
        [[50, 60, 150, 160], [20, 20, 60, 60]], [1, 2],
        [TrackState.LOST, TrackState.TENTATIVE])
    draw_tracks(image, hidden)
    assert not changed(image).any()
    draw_tracks(image, hidden, lost=True)
    # dashed: parts of an edge are drawn and parts are not; tentative ones never are
    edge = changed(image)[160, 50:150]
    assert 0.3 < edge.mean() < 0.8
    assert not changed(image)[40:58, 22:45].any()


def test_class_is_written_only_where_there_is_a_name_and_room() -> None:
    def ink(names: list[str], boxes: list[list[float]]) -> int:
        image = blank()
        draw_tracks(image, tracks_of(boxes), names)
        return int(changed(image)[20:57].sum())

    one = [[20.0, 60.0, 60.0, 160.0]]
    assert ink(['person'], one) > ink([], one) > 0
    crowd = [[20.0, 60.0, 40.0, 160.0], [42.0, 60.0, 60.0, 160.0], [62.0, 60.0, 80.0, 160.0]]
    # in a crowd the first two show their id alone
    assert ink(['person'], crowd) < 2 * ink(['person'], one)


@pytest.mark.parametrize(('height', 'width'), [(1, 1), (8, 500), (60, 80), (2160, 3840)])
def test_any_size_and_any_box(height: int, width: int) -> None:
    image = blank(height, width)
    trails = Trails()
    boxes = [
        [0, 0, width, height], [-1e30, -1e30, 1e30, 1e30], [-50, -50, -10, -10],
        [1e9, 1e9, 2e9, 2e9], [width - 1, height - 1, width + 5, height + 5], [0.2, 0.2, 0.3, 0.3]]
    tracks = tracks_of(boxes, [1, 2, 3, 2**31, 5, 6])
    for stamp in (0.0, 0.1, 0.2):
        trails.update(stamp, tracks)
    draw_tracks(image, tracks, ['person'], trails, lost=True)
    assert image.shape == (height, width, 3)
    assert changed(image).any()


def test_box_outside_leaves_no_mark() -> None:
    image = blank()
    draw_tracks(image, tracks_of([[400, 50, 500, 100], [-90, -90, -20, -20]]))
    assert not changed(image).any()


def test_lines_grow_with_the_image() -> None:
    def thickness(scale: int) -> int:
        image = blank(200 * scale, 300 * scale)
        draw_tracks(image, tracks_of([[50 * scale, 60 * scale, 150 * scale, 160 * scale]]))
        return int(changed(image)[110 * scale, :100 * scale].sum())

    assert thickness(10) > 2 * thickness(1)


def test_trails_fade_and_end() -> None:
    trails = Trails(seconds=2.0)
    for step in range(21):
        trails.update(step / 10, tracks_of([[10 * step, 50, 10 * step + 20, 100]], [1]))
    image = blank()
    trails.draw(image)
    strength = np.abs(image.astype(int) - 128).max(axis=(0, 2))
    # along x from old to new; the foot is at the middle of the lower edge
    assert strength[200] > strength[120] > strength[40] > 0
    assert changed(image)[97:104].any()
    assert not changed(image)[:95].any()
    trails.update(3.5, tracks_of([]))
    assert len(trails) == 1
    trails.update(4.1, tracks_of([]))
    assert len(trails) == 0
    image = blank()
    trails.draw(image)
    assert not changed(image).any()


def test_trails_are_bounded_in_number_and_length() -> None:
    trails = Trails(seconds=1.0)
    for step in range(5000):
        # a new id every 10 ms, one that stays, at 100 kHz and then slower
        stamp = step * 1e-5 if step < 2500 else 0.025 + (step - 2500) * 0.01
        trails.update(stamp, tracks_of([[0, 0, 9, 9], [5, 5, 20, 20]], [1, 10 + step]))
    assert len(trails) <= 102
    assert max(len(points) for points in trails._points.values()) <= MAX_TRAIL


def test_trails_start_anew_when_time_goes_back() -> None:
    trails = Trails()
    trails.update(10.0, tracks_of([[0, 0, 9, 9]], [1]))
    trails.update(9.0, tracks_of([[5, 5, 20, 20]], [2]))
    assert len(trails) == 1


def test_fit_keeps_proportions() -> None:
    image = blank(50, 100, 255)
    assert fit(image, (100, 50)) is image
    square = fit(image, (60, 60))
    assert square.shape == (60, 60, 3)
    assert square[15:45].min() == 255
    assert square[:15].max() == square[45:].max() == 0


def test_contact_sheet_lays_out_rows() -> None:
    images = [blank(60, 80, level) for level in (10, 90, 170)]
    sheet = contact_sheet(images, 2, ['0.0 s', '1.0 s', '2.0 s'], cell_width=160)
    assert sheet.shape == (2 * (120 + 6) + 6, 2 * (160 + 6) + 6, 3)
    assert sheet[20, 20, 0] == 10
    assert sheet[20, 200, 0] == 90
    assert sheet[150, 20, 0] == 170
    assert sheet[150, 200, 0] == 32
    with pytest.raises(ValueError, match='zip'):
        contact_sheet(images, 2, ['too few'])


def test_contact_sheet_of_nothing_is_an_image() -> None:
    assert ContactSheet().render().ndim == 3


@pytest.mark.parametrize('count', [1, 5, 12, 13, 47, 48, 795, 5000])
def test_contact_sheet_is_evenly_spread_and_bounded(count: int) -> None:
    sheet = ContactSheet(wanted=12, width=16)
    most = 0
    for number in range(count):
        sheet.add(blank(9, 16, number % 256) if sheet.wants_next else None, str(number))
        most = max(most, len(sheet._kept))
    chosen = [int(caption) for _, caption in sheet.chosen]
    assert len(chosen) == min(count, 12)
    assert chosen[0] == 0
    if count > 12:
        assert most <= 48
        assert chosen[-1] >= 0.9 * count - 1
        steps = np.diff(chosen)
        assert steps.max() <= 2 * steps.min()


def test_text_outside_the_image_is_harmless() -> None:
    image = blank(20, 20)
    draw_text(image, 'far away', (1000, 1000))
    assert not changed(image).any()
    draw_text(image, 'x' * 500, (0, 15))
    assert changed(image).any()
    assert cv2.countNonZero(image[:, :, 0]) > 0
