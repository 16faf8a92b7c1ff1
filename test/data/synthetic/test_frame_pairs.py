# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Pairs to train on: the same for a number, and boxes go where the pixels go."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros.data.datasets.labelled_images import LabelledImage
from mot_ros.data.synthetic.figures import draw_figures
from mot_ros.data.synthetic.frame_pairs import FramePairs, PairChoice, PairSample, SyntheticPairs
from mot_ros.data.synthetic.image_pairs import (
    Augmentation,
    blurred,
    FrameView,
    ImagePairs,
    inside,
    jittered,
    mirrored,
    moved,
    pair_of,
    resized,
    view_of,
)
from mot_ros.data.synthetic.mosaics import cut_tile, mosaic, MosaicPairs
from mot_ros.tracking.boxes import iou
from mot_ros.tracking.errors import ConfigError

BOXES = [(40, 30, 80, 120), (150, 60, 190, 170), (230, 20, 290, 150)]
SIZE = (320, 200)
GEOMETRY = Augmentation(jitter=0, blur=0, compression=0, scales=())


def marked(boxes: list[tuple[int, ...]] = BOXES, size: tuple[int, int] = SIZE) -> FrameView:
    """Return a view in which box k is filled with a colour of its own."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for number, (x1, y1, x2, y2) in enumerate(boxes, 1):
        image[y1:y2, x1:x2] = colour(number)
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    return FrameView(image, rows, rows, np.arange(1, len(rows) + 1), np.zeros(len(rows), np.int64))


def colour(number: int) -> tuple[int, int, int]:
    return 255 * (number & 1), 255 * (number >> 1 & 1), 255 * (number >> 2 & 1)


def found(image: np.ndarray, number: int) -> list[float]:
    """Return the box of the pixels that are nearest to a colour."""
    near = (np.abs(image.astype(int) - colour(number)) < 120).all(axis=2).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(near)
    return [x, y, x + width, y + height]


def assert_boxes_are_where_colours_are(view: FrameView, atol: float = 1.0) -> None:
    size = np.array(view.size * 2)
    for identity, box in zip(view.ids.tolist(), view.boxes, strict=True):
        seen = np.clip(box, 0, size)
        if min(seen[2:] - seen[:2]) < 3:
            # hardly anything of it is in the image
            continue
        np.testing.assert_allclose(found(view.image, identity), seen, atol=atol)


@pytest.mark.parametrize('seed', range(12))
@pytest.mark.parametrize('change', [
    lambda view, generator: moved(view, generator, .1),
    lambda view, generator: moved(view, generator, .4),
    lambda view, generator: resized(view, int(generator.integers(64, 400)), 500),
    lambda view, generator: mirrored(view)])
def test_boxes_go_where_pixels_go(change: Callable[..., FrameView], seed: int) -> None:
    assert_boxes_are_where_colours_are(change(marked(), np.random.default_rng(seed)), atol=1.2)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('change', [
    lambda view, generator: moved(view, generator, .4),
    lambda view, generator: resized(view, int(generator.integers(64, 400)), 500),
    lambda view, generator: mirrored(view),
    lambda view, generator: mosaic([view] * 4, (400, 300), (80, 80), generator)])
def test_regions_go_where_boxes_go(change: Callable[..., FrameView], seed: int) -> None:
    one = marked(BOXES[1:2])
    view = change(replace(one, regions=one.boxes), np.random.default_rng(seed))
    assert len(view.regions) and not np.array_equal(view.regions, one.boxes)
    np.testing.assert_array_equal(view.regions, view.boxes)


def test_motion_keeps_three_quarters_of_the_largest() -> None:
    big = marked([(0, 0, 300, 190), (305, 20, 318, 100)])
    for seed in range(40):
        view = moved(big, np.random.default_rng(seed), .4)
        x1, y1, x2, y2 = view.boxes[0]
        width, height = view.size
        for cut, side in ((-x1, x2 - x1), (-y1, y2 - y1), (x2 - width, x2 - x1),
                          (y2 - height, y2 - y1)):
            # whole pixels are cropped
            assert cut <= .25 * side + 3


def test_motion_looks_closer_and_keeps_the_shape() -> None:
    for seed in range(20):
        view = moved(marked([]), np.random.default_rng(seed), .1)
        assert view.size == SIZE
        before, after = marked(), moved(marked(), np.random.default_rng(seed), .1)
        growth = (after.boxes[:, 2:] - after.boxes[:, :2]) / (
            before.boxes[:, 2:] - before.boxes[:, :2])
        assert (growth >= 1).all() and (growth < 1.35).all()


@pytest.mark.parametrize('size, short, longest, expected', [
    ((1280, 720), 800, 1280, (1280, 704)), ((1920, 1080), 800, 1280, (1280, 704)),
    ((640, 480), 800, 1280, (1056, 800)), ((480, 640), 800, 1280, (800, 1056)),
    ((1280, 720), 800, 1500, (1408, 800))])
def test_sizes_are_those_of_siammot(
        size: tuple[int, int], short: int, longest: int, expected: tuple[int, int]) -> None:
    view = resized(marked([(10, 10, 110, 60)], size), short, longest)
    assert view.size == expected
    np.testing.assert_allclose(
        view.boxes[0], np.array([10, 10, 110, 60]) * (
            np.array(expected * 2) / np.array(size * 2)), rtol=1e-5)


def test_amodal_boxes_are_not_cut_and_modal_ones_are() -> None:
    view = marked()
    boxes = view.boxes + np.array([-60, 0, -60, 0], np.float32)
    view = FrameView(view.image, boxes, boxes, view.ids, view.labels)
    assert inside(view, amodal=True).boxes[0].tolist() == [-20, 30, 20, 120]
    gone = FrameView(view.image, view.boxes - np.array([100, 0, 100, 0], np.float32), view.boxes,
                view.ids, view.labels)
    assert inside(gone, amodal=True).ids.tolist() == [2, 3]
    assert inside(view, amodal=False).boxes[0].tolist() == [0, 30, 20, 120]
    # regions are cut either way
    around = replace(view, regions=gone.boxes)
    # of 40 to 80, 150 to 190 and 230 to 290, all 160 further to the left
    assert inside(around, amodal=True).regions[:, [0, 2]].tolist() == [[0, 30], [70, 130]]


@pytest.mark.parametrize('seed', range(6))
def test_a_pair_has_one_frame_that_moved(seed: int) -> None:
    sample = pair_of(marked(), np.random.default_rng(seed), GEOMETRY)
    still = [np.array_equal(boxes, marked().boxes) or np.array_equal(
        boxes, mirrored(marked()).boxes) for boxes in sample.boxes]
    assert sorted(still) == [False, True]
    assert sample.images[0].shape == sample.images[1].shape
    for image, boxes, ids in zip(sample.images, sample.boxes, sample.ids, strict=True):
        view = FrameView(image, boxes, boxes, ids, ids)
        assert_boxes_are_where_colours_are(view, 1.5)


def test_colours_and_blur_change_pixels_only() -> None:
    image = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    assert np.abs(jittered(image, np.random.default_rng(1), 0).astype(int) - image).mean() < 3
    strong = jittered(image, np.random.default_rng(1), .5)
    assert strong.shape == image.shape and np.abs(strong.astype(int) - image).mean() > 8
    grey = np.full((50, 50, 3), 100, np.uint8)
    for seed in range(8):
        assert np.abs(blurred(grey, np.random.default_rng(seed)).astype(int) - 100).max() <= 1
        assert blurred(image, np.random.default_rng(seed)).std() <= image.std()


def test_a_tile_shows_one_person_at_the_wanted_height() -> None:
    for seed in range(20):
        part = cut_tile(marked(), (160, 160), (30, 60), np.random.default_rng(seed))
        assert part.size[0] <= 160 and part.size[1] <= 160
        assert len(part.boxes)
        tall = part.boxes[:, 3] - part.boxes[:, 1]
        assert ((tall > 25) & (tall < 61)).any()
        assert_boxes_are_where_colours_are(part, 1.5)


def test_a_mosaic_has_every_tile_in_its_place() -> None:
    view = mosaic([marked([box]) for box in BOXES[:2] * 2], (400, 300), (40, 90),
                  np.random.default_rng(0))
    assert view.size == (400, 300)
    assert view.ids.tolist() == [1, 2, 3, 4]
    for number, box in enumerate(view.boxes):
        corner = np.array([200 * (number % 2), 150 * (number // 2)])
        assert (box[:2] >= corner).all() and (box[2:] <= corner + np.array([200, 150])).all()
        tile = np.zeros_like(view.image)
        region = np.s_[corner[1]:corner[1] + 150, corner[0]:corner[0] + 200]
        tile[region] = view.image[region]
        np.testing.assert_allclose(found(tile, 1), box, atol=1.5)
    with pytest.raises(ConfigError, match='3 views'):
        mosaic([marked()] * 3, (400, 300), (40, 90), np.random.default_rng(0))


@pytest.fixture(scope='module')
def labelled(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    """Write three images; the second has a box twice, and one to ignore."""
    folder, images = tmp_path_factory.mktemp('images'), []
    for number in range(3):
        view = marked(BOXES[:number + 1])
        path = folder / f'{number}.png'
        cv2.imwrite(str(path), view.image)
        boxes = np.concatenate([view.boxes, view.boxes[:1], view.boxes[:1] + 3])
        hard = np.zeros(len(boxes), bool)
        hard[-1] = True
        images.append(LabelledImage(
            path, boxes, boxes, np.zeros(len(boxes), np.int64), hard))
    return images


def test_equal_boxes_are_left_out_and_those_to_ignore_are_regions(
        labelled: list[LabelledImage]) -> None:
    view = view_of(labelled[1])
    assert view.boxes.tolist() == [list(box) for box in BOXES[:2]]
    assert view.regions.tolist() == [[side + 3 for side in BOXES[0]]]


def composed(seed: int) -> SyntheticPairs:
    choice = PairChoice(size=(160, 120), people=(3, 6), driving=.5, per_scene=2)
    return SyntheticPairs(draw_figures(8), (), choice, seed)


@pytest.mark.parametrize('make', ['composed', 'image', 'mosaic'])
def test_a_sample_is_the_same_whenever_it_is_asked_for(
        make: str, labelled: list[LabelledImage]) -> None:
    def pairs(seed: int) -> FramePairs:
        if make == 'composed':
            return composed(seed)
        if make == 'image':
            return ImagePairs(labelled, Augmentation(scales=(128,), longest=320), seed)
        return MosaicPairs(labelled, (320, 256), (2, 3), (20, 60), seed=seed,
                           augmentation=Augmentation(scales=()))

    def content(sample: PairSample) -> list[bytes]:
        return [part.tobytes() for pair in (
            sample.images, sample.boxes, sample.ids, sample.labels, sample.visibilities)
            for part in pair]

    source = pairs(1)
    in_order = [content(source.sample(index)) for index in range(6)]
    again = pairs(1)
    for index in (5, 0, 3, 3):
        assert content(again.sample(index)) == in_order[index]
    assert len({joined[0] for joined in in_order}) > 3
    assert content(pairs(2).sample(0)) != in_order[0]


def test_every_image_comes_once_in_a_round(labelled: list[LabelledImage]) -> None:
    pairs = ImagePairs(labelled, GEOMETRY)
    for start in (0, 3):
        counts = sorted(max(len(ids) for ids in pairs.sample(index).ids)
                        for index in range(start, start + 3))
        assert counts == [1, 2, 3]


def test_composed_pairs_show_the_same_people_a_while_later() -> None:
    pairs, gaps, common = composed(4), [], 0
    for index in range(12):
        sample = pairs.sample(index)
        gaps.append(sample.gap)
        assert all(image.shape == (120, 160, 3) for image in sample.images)
        for side in range(2):
            count = len(sample.boxes[side])
            assert count == len(sample.ids[side]) == len(sample.labels[side])
            assert (sample.visibilities[side] >= .1).all()
        shared = np.intersect1d(*sample.ids)
        common += len(shared)
    assert min(gaps) > 0 and max(gaps) <= 1
    assert common > 12


@pytest.mark.parametrize('longest', [0.2, 3.0])
def test_the_longest_gap_is_that_of_the_choice(longest: float) -> None:
    choice = PairChoice(size=(64, 64), people=(1, 1), driving=0, gap=longest, per_scene=40)
    pairs = SyntheticPairs(draw_figures(2), (), choice, 1)
    gaps = [pairs.sample(index).gap for index in range(40)]
    assert longest / 2 < max(gaps) <= longest
    # half of them are a frame apart, and none of the rest is cut to the longest
    assert len(set(gaps)) == len(gaps)


def test_modal_boxes_lie_in_amodal_ones() -> None:
    choice = {'size': (160, 120), 'people': (5, 5), 'driving': 0}
    whole, seen = (SyntheticPairs(draw_figures(8), (), PairChoice(amodal=amodal, **choice), 1)
                   for amodal in (True, False))
    for index in range(4):
        one, two = whole.sample(index), seen.sample(index)
        assert one.ids[0].tolist() == two.ids[0].tolist()
        inner, outer = two.boxes[0], one.boxes[0]
        assert (inner[:, :2] >= outer[:, :2]).all() and (inner[:, 2:] <= outer[:, 2:]).all()
        assert (np.diag(iou(inner, outer)) > 0).all()


@pytest.mark.parametrize('make', [
    lambda: PairChoice(gap=0), lambda: PairChoice(people=(3, 2)), lambda: Augmentation(motion=.9),
    lambda: Augmentation(scales=(3,)), lambda: ImagePairs([]), lambda: MosaicPairs([])])
def test_what_cannot_be_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigError):
        make()


def test_unreadable_images_are_named(tmp_path: Path) -> None:
    from mot_ros.tracking.errors import SourceError
    empty = np.zeros((0, 4), np.float32)
    image = LabelledImage(tmp_path / 'none.jpg', empty, empty, np.zeros(0, np.int64),
                          np.zeros(0, bool))
    with pytest.raises(SourceError, match=r'none\.jpg'):
        image.read()
