# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

from mot_ros.tracking.boxes import iou
from mot_ros.tracking.methods.smot.tracking_anchors import (
    compared_with_all,
    Nearest,
    TrackingAnchors,
)
from mot_ros.tracking.nets.ssd.anchors import anchor_shapes, decode, make_anchors
from test.tracking.waiting import no_waiting

SHAPES = anchor_shapes()


def ssd_anchors(size=(320, 256), scale=(1.0, 1.0)):
    """Return all anchors of the SSD for an input of this size, scaled to a source image."""
    cells = [(-(-size[1] // step), -(-size[0] // step)) for step in (16, 32, 64, 128, 256, 512)]
    anchors = make_anchors(SHAPES, cells, size)
    return decode(torch.zeros_like(anchors), anchors) * torch.tensor([*scale, *scale])


def slow(anchors, boxes, count):
    """Return the largest IoUs (N, count), by comparing everything in NumPy."""
    return -np.sort(-iou(boxes, anchors.numpy()), axis=1)[:, :count]


def corners(rows):
    return np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32).reshape(-1, 4)


SSD = ssd_anchors()
INDEX = TrackingAnchors(SSD)
places = st.tuples(
    st.floats(-100, 400, width=32), st.floats(-100, 300, width=32),
    st.floats(2, 500, width=32), st.floats(2, 500, width=32))


@settings(deadline=None)
@given(st.lists(places, min_size=1, max_size=6), st.sampled_from([1, 2, 5, 10, 20, 64]))
def test_the_few_compared_anchors_contain_the_best(rows, count):
    boxes = corners(rows)
    found = INDEX.nearest(torch.from_numpy(boxes), count)
    expected = slow(SSD, boxes, count)
    np.testing.assert_allclose(found.overlaps.numpy(), expected, atol=1e-5)
    # the rows are those of the anchors with these overlaps, each once
    for box, row, overlaps in zip(boxes, found.rows.numpy(), found.overlaps.numpy(), strict=True):
        assert len(set(row.tolist())) == count
        np.testing.assert_allclose(iou(box[None], SSD.numpy()[row])[0], overlaps, atol=1e-5)


@pytest.mark.parametrize('size, scale', [
    ((1024, 768), (0.75, 0.75)), ((333, 517), (1.7, 0.6)), ((64, 64), (1.0, 1.0))])
@pytest.mark.parametrize('count', [1, 7, 20])
def test_it_holds_for_every_size_of_input_and_image(size, scale, count):
    anchors = ssd_anchors(size, scale)
    index = TrackingAnchors(anchors)
    random = np.random.default_rng(1)
    start = random.uniform(-50, 0.9 * max(size), (60, 2))
    boxes = np.concatenate([start, start + random.uniform(5, 300, (60, 2))], 1).astype(np.float32)
    found = index.nearest(torch.from_numpy(boxes), count)
    np.testing.assert_allclose(found.overlaps.numpy(), slow(anchors, boxes, count), atol=1e-5)


def test_one_grid_cell_per_object_does_as_well():
    """Detectors without anchors have the cells of their grids, one square per cell."""
    cells = []
    for step in (8, 16, 32):
        y, x = np.mgrid[:240 // step, :320 // step]
        cells.append(corners(zip(
            x.ravel() * step, y.ravel() * step, [step] * x.size, [step] * x.size, strict=True)))
    anchors = torch.from_numpy(np.concatenate(cells))
    boxes = np.array([[100, 100, 130, 140], [3, 7, 15, 20]], np.float32)
    found = TrackingAnchors(anchors).nearest(torch.from_numpy(boxes), 4)
    np.testing.assert_allclose(found.overlaps.numpy(), slow(anchors, boxes, 4), atol=1e-6)


@pytest.mark.parametrize('spoil', ['shuffled sizes', 'one missing', 'one twice'])
def test_anchors_in_no_grid_are_compared_one_and_all(spoil):
    anchors = SSD.clone()
    if spoil == 'shuffled sizes':
        anchors[:, 2:] += torch.rand(len(anchors), 2, generator=torch.manual_seed(0)) * 40
    elif spoil == 'one missing':
        anchors = anchors[1:]
    else:
        anchors = torch.cat([anchors, anchors[:1]])
    boxes = np.array([[30, 30, 60, 90], [200, 100, 290, 250]], np.float32)
    found = TrackingAnchors(anchors).nearest(torch.from_numpy(boxes), 5)
    np.testing.assert_allclose(found.overlaps.numpy(), slow(anchors, boxes, 5), atol=1e-5)


def test_the_order_of_anchors_does_not_matter():
    order = torch.randperm(len(SSD), generator=torch.manual_seed(0))
    boxes = torch.tensor([[30.0, 30, 60, 90], [200, 100, 290, 250]])
    found, known = TrackingAnchors(SSD[order]).nearest(boxes, 5), INDEX.nearest(boxes, 5)
    torch.testing.assert_close(found.overlaps, known.overlaps)
    torch.testing.assert_close(SSD[order][found.rows], SSD[known.rows])


def by_definition(anchors, box, count):
    """Return the numbers of the best anchors by IoU, distance of the centres, number, exactly."""
    def exact(values):
        return [Fraction(float(value)) for value in values]

    def key(number):
        (x1, y1, x2, y2), (u1, v1, u2, v2) = exact(box), exact(anchors[number])
        shared = (max(min(x2, u2) - max(x1, u1), 0) * max(min(y2, v2) - max(y1, v1), 0))
        union = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - shared
        away = (x1 + x2 - u1 - u2) ** 2 + (y1 + y2 - v1 - v2) ** 2
        return -shared / union, away, number
    return sorted(range(len(anchors)), key=key)[:count]


@pytest.mark.parametrize('box', [
    [40, 40, 200, 220], [0, 0, 320, 256], [96, 64, 128, 128], [100.5, 80.25, 180.5, 239.75]])
def test_equal_overlap_is_decided_by_distance_and_number(box):
    """A box that holds many anchors of a shape overlaps each of them equally."""
    boxes = torch.tensor([box], dtype=torch.float32)
    expected = by_definition(SSD.numpy(), boxes[0].numpy(), 20)
    assert INDEX.nearest(boxes, 20).rows[0].tolist() == expected
    assert compared_with_all(SSD, boxes, 20).rows[0].tolist() == expected
    # beside others, in whatever places a processor computes several at once
    many = torch.cat([torch.rand(12, 4) * 50 + torch.tensor([0.0, 0, 60, 60]), boxes])
    assert INDEX.nearest(many, 20).rows[-1].tolist() == expected


def test_no_more_anchors_are_given_than_there_are():
    anchors = SSD[:4]
    boxes = torch.tensor([[0.0, 0, 40, 40]])
    assert TrackingAnchors(anchors).nearest(boxes, 20).overlaps.shape == (1, 4)
    assert compared_with_all(anchors, boxes, 20).rows.shape == (1, 4)


def test_no_boxes_are_no_trouble():
    assert INDEX.nearest(torch.zeros(0, 4), 5).rows.shape == (0, 5)


@pytest.mark.parametrize('count', [1, 5, 20])
def test_weights_sum_to_one_and_follow_the_overlap(count):
    found = INDEX.nearest(torch.tensor([[40.0, 40, 80, 140], [10, 10, 30, 30]]), count)
    torch.testing.assert_close(found.weights.sum(dim=1), torch.ones(2))
    torch.testing.assert_close(
        found.weights * found.overlaps.sum(dim=1, keepdim=True), found.overlaps)


def test_weights_of_what_no_anchor_overlaps_are_zero():
    none = Nearest(torch.zeros(1, 3), torch.zeros(1, 3, dtype=torch.long))
    assert none.weights.tolist() == [[0, 0, 0]]


def test_nothing_synchronises():
    boxes = torch.tensor([[40.0, 40, 80, 140], [0, 0, 0, 0]])
    INDEX.nearest(boxes, 5)
    with torch.inference_mode(), no_waiting():
        found = INDEX.nearest(boxes, 5)
        assert found.weights.shape == (2, 5)
