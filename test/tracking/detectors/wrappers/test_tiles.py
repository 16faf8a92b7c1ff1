# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.wrappers.tiles import TiledDetector, tiles_of
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.types import Detections, Frame


def where(width, height):
    """Return an image whose pixels say where they are."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x % 256, y % 256, x // 256 + y // 256 * 16], axis=-1).astype(np.uint8)


class Planted:
    """Sees of each planted box what lies within the part of the image that it is given."""

    class_names = ('person', 'car')
    device = 'here'

    def __init__(self, boxes, labels=None, scores=None, blur=0.0):
        self.boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        count = len(self.boxes)
        self.labels = np.zeros(count, np.int64) if labels is None else np.asarray(labels)
        self.scores = scores or (lambda part, row, cut: 0.8)
        self.blur = blur
        self.calls = []

    def detect(self, frames):
        self.calls.append(len(frames))
        return [self._see(part, frame) for part, frame in enumerate(frames)]

    def _see(self, part, frame):
        x, y, high = (int(value) for value in frame.image[0, 0])
        corner = np.float32([x + high % 16 * 256, y + high // 16 * 256] * 2)
        shifted = self.boxes - corner
        shifted += np.random.default_rng(part).uniform(-self.blur, self.blur, shifted.shape)
        seen = np.clip(shifted, 0, np.float32([*frame.size, *frame.size]))
        there = (seen[:, 2:] > seen[:, :2]).all(axis=1)
        cut = (seen != shifted).any(axis=1)
        scores = [self.scores(part, row, cut[row]) for row in np.flatnonzero(there)]
        return Detections(seen[there], np.array(scores, np.float32), self.labels[there])


def tiled(detector, columns, rows, overlap=0.2, full=True, **more):
    return TiledDetector(detector, DetectorSettings(
        tile_columns=columns, tile_rows=rows, tile_overlap=overlap, tile_full=full, **more))


def rows_of(boxes):
    return sorted(map(tuple, np.round(np.asarray(boxes, float), 3).tolist()))


def shared(size, columns, rows, overlap):
    """Return how many pixels neighbours share, across and down, at least."""
    tiles = tiles_of(size, columns, rows, overlap)
    across = sorted({(tile.left, tile.right) for tile in tiles})
    down = sorted({(tile.top, tile.bottom) for tile in tiles})
    return tuple(
        min((a[1] - b[0] for a, b in itertools.pairwise(spans)), default=side)
        for spans, side in ((across, size[0]), (down, size[1])))


@st.composite
def scenes(draw, largest):
    """Draw an image size, tiles, and boxes apart, up to `largest(shared, size)` in size."""
    size = draw(st.integers(120, 700)), draw(st.integers(120, 500))
    columns, rows = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    overlap = draw(st.sampled_from([0.1, 0.2, 0.33, 0.5]))
    most = largest(shared(size, columns, rows, overlap), size)
    boxes = []
    for _ in range(draw(st.integers(1, 12))):
        sides = [draw(st.integers(3, max(3, side))) for side in most]
        corner = [draw(st.integers(0, max(0, whole - side)))
                  for whole, side in zip(size, sides, strict=True)]
        box = [*corner, *(a + b for a, b in zip(corner, sides, strict=True))]
        if not boxes or not iou(np.float32([box]), np.float32(boxes)).any():
            boxes.append(box)
    seeds = draw(st.integers(0, 999))
    return size, columns, rows, overlap, boxes, seeds


def random_scores(seed):
    """Return scores that are no hint: a piece may have a higher one than the whole."""
    def score(part, row, cut):
        return float(np.random.default_rng((seed, part, row)).uniform(0.3, 1))
    return score


@given(scenes(lambda shared, size: shared), st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_fits_in_the_overlap_comes_once_and_whole(scene, full):
    size, columns, rows, overlap, boxes, seed = scene
    detector = tiled(
        Planted(boxes, scores=random_scores(seed)), columns, rows, overlap, full)
    found = detector.detect([Frame.of(where(*size), 0.0)])[0]
    assert rows_of(found.boxes) == rows_of(boxes)
    assert (np.diff(found.scores) <= 0).all()


@given(scenes(lambda shared, size: size))
@settings(max_examples=150, deadline=None)
def test_with_the_full_image_what_is_larger_comes_once_and_whole_too(scene):
    size, columns, rows, overlap, boxes, seed = scene
    detector = tiled(Planted(boxes, scores=random_scores(seed)), columns, rows, overlap)
    found = detector.detect([Frame.of(where(*size), 0.0)])[0]
    assert rows_of(found.boxes) == rows_of(boxes)


@given(st.integers(20, 2000), st.integers(20, 2000), st.integers(1, 8), st.integers(1, 8),
       st.floats(0, 0.8))
@settings(max_examples=200, deadline=None)
def test_tiles_cover_the_image_with_the_overlap_asked_for(width, height, columns, rows, overlap):
    tiles = tiles_of((width, height), columns, rows, overlap)
    assert len({tile.size for tile in tiles}) == 1
    seen = np.zeros((height, width), bool)
    for tile in tiles:
        assert 0 <= tile.left < tile.right <= width and 0 <= tile.top < tile.bottom <= height
        seen[tile.top:tile.bottom, tile.left:tile.right] = True
        assert tile.open_sides == (
            tile.left > 0, tile.top > 0, tile.right < width, tile.bottom < height)
    assert seen.all()
    for pixels, side in zip(
            shared((width, height), columns, rows, overlap), tiles[0].size, strict=True):
        assert pixels >= overlap * side - 1.5


def test_uncertain_boxes_at_a_seam_are_one_object_too():
    # every part sees the boxes a little displaced, by 2 of 40 pixels at most
    boxes = [[180, 60, 220, 140], [190, 200, 230, 280], [60, 150, 100, 240], [300, 100, 340, 180]]
    detector = tiled(Planted(boxes, blur=2.0), 2, 2, 0.3)
    found = detector.detect([Frame.of(where(400, 300), 0.0)])[0]
    assert len(found) == len(boxes)
    assert (iou(found.boxes, np.float32(boxes)).max(axis=1) > 0.8).all()


def test_a_whole_object_is_not_taken_for_a_piece_of_its_neighbour():
    # two people, one before the other; where the first tile ends both are cut
    boxes = [[170, 50, 210, 150], [195, 60, 235, 160]]
    found = tiled(Planted(boxes), 2, 1, 0.4, full=False).detect(
        [Frame.of(where(400, 200), 0.0)])[0]
    assert rows_of(found.boxes) == rows_of(boxes)


def test_of_two_boxes_at_an_edge_the_larger_is_the_whole_one():
    # whole in the left tile, 3 pixels before its end, and cut by 3 pixels in the right one
    found = tiled(Planted([[130, 20, 264, 190]]), 2, 1, 0.5, full=False).detect(
        [Frame.of(where(400, 200), 0.0)])[0]
    assert rows_of(found.boxes) == [(130.0, 20.0, 264.0, 190.0)]


def test_what_one_part_sees_as_two_stays_two():
    boxes = [[20, 20, 380, 190], [150, 60, 260, 150]]
    found = tiled(Planted(boxes), 2, 1, 0.0, full=False).detect(
        [Frame.of(where(400, 200), 0.0)])[0]
    assert rows_of(found.boxes) == [
        (20.0, 20.0, 200.0, 190.0), (150.0, 60.0, 200.0, 150.0),
        (200.0, 20.0, 380.0, 190.0), (200.0, 60.0, 260.0, 150.0)]


def test_classes_are_kept_apart():
    boxes = [[150, 50, 200, 100], [150, 50, 200, 100]]
    found = tiled(Planted(boxes, labels=[0, 1]), 2, 1).detect(
        [Frame.of(where(350, 200), 0.0)])[0]
    assert sorted(found.labels.tolist()) == [0, 1]
    assert rows_of(found.boxes) == rows_of(boxes)


def test_without_the_full_image_what_is_too_large_comes_in_its_largest_part():
    found = tiled(Planted([[10, 10, 390, 190]]), 2, 1, 0.5, full=False).detect(
        [Frame.of(where(400, 200), 0.0)])[0]
    assert rows_of(found.boxes) == [(10.0, 10.0, 267.0, 190.0)]


def test_all_parts_of_all_frames_go_in_one_batch_and_come_back_to_their_frame():
    detector = Planted([[20, 20, 60, 60], [300, 100, 350, 190]])
    frames = [Frame.of(where(400, 200), 0.0), Frame.of(where(100, 100), 1.0)]
    ours = tiled(detector, 3, 2)
    first, second = ours.detect(frames)
    assert detector.calls == [14]
    assert rows_of(first.boxes) == rows_of(detector.boxes)
    assert rows_of(second.boxes) == [(20.0, 20.0, 60.0, 60.0)]
    assert ours.detect([]) == []
    assert ours.class_names == ('person', 'car') and ours.device == 'here'
    tensor = Frame(torch.from_numpy(where(400, 200)), 0.0, (400, 200))
    assert rows_of(ours.detect([tensor])[0].boxes) == rows_of(first.boxes)


def test_the_best_are_kept_and_nothing_seen_is_nothing():
    boxes = [[x, 20, x + 15, 60] for x in range(0, 400, 20)]
    scores = [0.3 + 0.03 * row for row in range(len(boxes))]
    detector = Planted(boxes, scores=lambda part, row, cut: scores[row])
    found = tiled(detector, 2, 2, max_detections=5).detect([Frame.of(where(400, 200), 0.0)])[0]
    assert np.allclose(found.scores, scores[:-6:-1])
    assert rows_of(found.boxes) == rows_of(boxes[-5:])
    assert len(tiled(Planted([]), 2, 2).detect([Frame.of(where(400, 200), 0.0)])[0]) == 0


def test_a_frame_without_image_is_refused():
    with pytest.raises(FrameError, match='has no image'):
        tiled(Planted([]), 2, 2).detect([Frame(None, 0.0, (40, 30))])
