# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
import torch

from mot_ros.tracking.nets.rcnn import boxes_inclusive as legacy_boxes
from mot_ros.tracking.nets.rcnn.boxes_inclusive import HEAD_WEIGHTS, RPN_WEIGHTS

BOX = torch.tensor([[100.0, 200, 149, 319]])


def close(found, expected, atol=1e-5):
    torch.testing.assert_close(found, torch.tensor(expected), rtol=0, atol=atol)


def test_sizes_count_pixels():
    assert legacy_boxes.area(BOX).tolist() == [50 * 120]
    assert legacy_boxes.xyxy_to_xywh(BOX).tolist() == [[100, 200, 50, 120]]
    assert legacy_boxes.xywh_to_xyxy(torch.tensor([[3.0, 4, 1, 0]])).tolist() == [[3, 4, 3, 4]]
    assert legacy_boxes.to_exclusive(BOX).tolist() == [[100, 200, 150, 320]]
    assert legacy_boxes.area(torch.tensor([7.0, 7, 7, 7])) == 1


def test_clip_ends_on_the_last_pixel():
    boxes = torch.tensor([[-5.0, -6, 1279.5, 800], [1300, 3, 1400, 9]])
    assert legacy_boxes.clip(boxes, (1280, 704)).tolist() == [
        [0, 0, 1279, 703], [1279, 3, 1279, 9]]


def test_decode_of_the_published_deltas():
    # the height's growth of e ** 6 is held at 62.5
    decoded = legacy_boxes.decode(torch.tensor([[1.0, -2, 0.5, 30]]), BOX, HEAD_WEIGHTS)
    close(decoded, [[102.37073, -3514.00024, 156.62927, 3985.00024]], 5e-4)


def test_encode_of_the_published_target():
    target = torch.tensor([[110.0, 190, 169, 329]])
    close(legacy_boxes.encode(target, BOX, HEAD_WEIGHTS), [[3.0, 0.0, 0.911608, 0.770753]], 1e-6)


def test_no_deltas_leave_the_box():
    assert torch.equal(legacy_boxes.decode(torch.zeros(1, 4), BOX, RPN_WEIGHTS), BOX)


def test_decode_of_several_classes_at_once():
    deltas = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    boxes = torch.cat([BOX, BOX + 7, BOX * 2])
    together = legacy_boxes.decode(deltas, boxes[:, None], HEAD_WEIGHTS)
    for label in range(5):
        assert torch.equal(
            together[:, label], legacy_boxes.decode(deltas[:, label], boxes, HEAD_WEIGHTS))


def boxes_of(count):
    """Draw boxes with whole corners; a side may be a single pixel."""
    pixel = st.integers(0, 200)
    return st.lists(
        st.tuples(pixel, pixel, pixel, pixel), min_size=count, max_size=count).map(
        lambda rows: torch.tensor(
            [[x, y, x + w, y + h] for x, y, w, h in rows], dtype=torch.float64).reshape(-1, 4))


@given(boxes_of(4), boxes_of(4), st.sampled_from([RPN_WEIGHTS, HEAD_WEIGHTS]))
@settings(max_examples=100, deadline=None)
def test_decode_inverts_encode(targets, boxes, weights):
    # sides differ by less than the 62.5 times that decoding allows
    small = legacy_boxes.xyxy_to_xywh(boxes)
    boxes = legacy_boxes.xywh_to_xyxy(torch.cat([small[:, :2], small[:, 2:].clamp(min=4)], 1))
    deltas = legacy_boxes.encode(targets, boxes, weights)
    torch.testing.assert_close(legacy_boxes.decode(deltas, boxes, weights), targets)


def test_iou_of_the_published_pairs():
    box = torch.tensor([[0.0, 0, 9, 9]])
    others = torch.tensor([[5.0, 5, 14, 14], [10, 0, 19, 9], [0, 0, 9, 9]])
    close(legacy_boxes.iou(box, others), [[0.142857, 0, 1]], 1e-6)


@given(boxes_of(2))
@settings(max_examples=100, deadline=None)
def test_iou_counts_pixels(boxes):
    covered = [
        {(x, y) for x in range(int(x1), int(x2) + 1) for y in range(int(y1), int(y2) + 1)}
        for x1, y1, x2, y2 in (boxes / 10).floor().tolist()]
    expected = len(covered[0] & covered[1]) / len(covered[0] | covered[1])
    found = legacy_boxes.iou(*(boxes / 10).floor()[:, None])
    assert found.item() == pytest.approx(expected)


def slow_nms(boxes, scores, labels, threshold):
    """Suppress one box after the other, by the formula with + 1."""
    overlaps = legacy_boxes.iou(boxes, boxes)
    kept = []
    for row in sorted(range(len(boxes)), key=lambda row: -scores[row]):
        if not any(
                labels[row] == labels[better] and overlaps[better, row] > threshold
                for better in kept):
            kept.append(row)
    return kept


@given(boxes_of(12), st.integers(0, 99), st.sampled_from([0.3, 0.5, 0.7]))
@settings(max_examples=100, deadline=None)
def test_nms_equals_suppression_one_by_one(boxes, seed, threshold):
    generator = torch.Generator().manual_seed(seed)
    boxes = (boxes / 4).floor()
    scores = torch.rand(12, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 2, (12,), generator=generator)
    assert legacy_boxes.nms(boxes, scores, labels, threshold).tolist() == slow_nms(
        boxes, scores, labels, threshold)


@pytest.mark.parametrize(('threshold', 'kept'), [(0.5, [0, 1]), (0.4999, [0])])
def test_nms_keeps_what_overlaps_by_the_threshold_exactly(threshold, kept):
    # 100 of 200 pixels: an IoU of one half, also in binary
    boxes = torch.tensor([[0.0, 0, 19, 9], [0, 0, 9, 9]])
    labels = torch.zeros(2, dtype=torch.int64)
    assert legacy_boxes.nms(boxes, torch.tensor([0.9, 0.8]), labels, threshold).tolist() == kept
