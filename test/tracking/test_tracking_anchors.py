# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

from mot_ros.tracking.boxes import iou
from mot_ros.tracking.detectors.dense import RawDetections
from mot_ros.tracking.nets.anchors import anchor_shapes, decode, make_anchors
from mot_ros.tracking.tracking_anchors import (
    compared_with_all,
    Nearest,
    redetect,
    TrackingAnchors,
)

SHAPES = anchor_shapes()
EVERYWHERE = ['cpu', pytest.param('cuda', marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason='no CUDA device'))]


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
def test_the_few_anchors_looked_at_hold_the_best_of_all(rows, count):
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


def raw_of(anchors, classes=2, seed=0):
    """Return outputs of chance: scores, and boxes near the anchors."""
    random = torch.manual_seed(seed)
    scores = torch.rand(1, len(anchors), classes, generator=random)
    boxes = anchors + torch.rand(len(anchors), 4, generator=random) * 4
    return RawDetections(scores, torch.arange(classes) * 10, boxes[None], anchors[None])


BOXES = np.array([
    [41.3, 43.1, 80.2, 139.4], [203.7, 101.9, 290.6, 251.2], [100.3, 61.7, 131.1, 99.2]],
    np.float32)
LABELS = np.array([0, 10, 10])


@pytest.mark.parametrize('count', [1, 5, 20])
def test_score_and_box_are_means_over_the_anchors(count):
    raw = raw_of(SSD)
    found = redetect(raw, INDEX, BOXES, LABELS, count)
    for row, (box, label) in enumerate(zip(BOXES, LABELS, strict=True)):
        overlaps = iou(box[None], SSD.numpy())[0]
        # of several anchors that overlap it equally any may be the last one
        best = INDEX.nearest(torch.from_numpy(box[None]), count).rows[0].numpy()
        weights = overlaps[best] / overlaps[best].sum()
        scores = raw.scores[0, best, label // 10].numpy()
        assert found.scores[row] == pytest.approx((weights * scores).sum(), abs=1e-5)
        np.testing.assert_allclose(
            found.boxes[row], weights @ raw.boxes[0, best].numpy(), atol=1e-3)
        assert found.overlaps[row] == pytest.approx(overlaps.max(), abs=1e-6)


def test_one_anchor_is_the_best_anchor_exactly():
    raw = raw_of(SSD)
    found = redetect(raw, INDEX, BOXES, LABELS, 1)
    best = iou(BOXES, SSD.numpy()).argmax(axis=1)
    assert (found.boxes == raw.boxes[0, best].numpy()).all()
    assert (found.scores == raw.scores[0, best, torch.tensor([0, 1, 1])].numpy()).all()


def test_a_track_is_judged_by_its_own_class_alone():
    raw = raw_of(SSD)
    raw.scores[:, :, 1] = 0
    found = redetect(raw, INDEX, BOXES, LABELS, 5)
    assert (found.scores > 0).tolist() == [True, False, False]
    # a class that the detector does not look for is not seen
    assert redetect(raw, INDEX, BOXES, np.array([0, 7, 20]), 5).scores[1:].tolist() == [0, 0]


def test_faint_scores_count_as_they_are():
    """The published code takes probabilities below .01 for 0, which pulls tracks down."""
    raw = raw_of(SSD)
    raw.scores[:] = 0.009
    found = redetect(raw, INDEX, BOXES, LABELS, 5)
    np.testing.assert_allclose(found.scores, 0.009, rtol=1e-5)


def test_outputs_that_are_not_finite_are_not_seen():
    raw = raw_of(SSD)
    raw.boxes[:, INDEX.nearest(torch.from_numpy(BOXES[:1]), 1).rows[0]] = torch.nan
    raw.boxes[:, INDEX.nearest(torch.from_numpy(BOXES[1:2]), 1).rows[0]] = torch.inf
    found = redetect(raw, INDEX, BOXES, LABELS, 3)
    assert found.scores[:2].tolist() == [0, 0] and found.overlaps[:2].tolist() == [0, 0]
    assert (found.boxes[:2] == BOXES[:2]).all()
    assert found.scores[2] > 0


def test_nothing_is_seen_of_a_box_far_outside():
    found = redetect(raw_of(SSD), INDEX, BOXES[:1] + 5000, LABELS[:1], 5)
    assert found.overlaps.tolist() == [0]


@pytest.mark.parametrize('device', EVERYWHERE)
def test_every_device_gives_the_same(device):
    raw = raw_of(SSD)
    there = RawDetections(*(
        column.to(device) for column in (raw.scores, raw.labels, raw.boxes, raw.anchors)))
    found = redetect(there, TrackingAnchors(there.anchors[0]), BOXES, LABELS, 5)
    known = redetect(raw, INDEX, BOXES, LABELS, 5)
    np.testing.assert_allclose(found.boxes, known.boxes, atol=1e-3)
    np.testing.assert_allclose(found.scores, known.scores, atol=1e-5)
