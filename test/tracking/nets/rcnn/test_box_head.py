# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
import torch

from mot_ros.tracking.nets.rcnn import boxes_inclusive as legacy_boxes
from mot_ros.tracking.nets.rcnn.box_head import BoxHead


def made(classes=3, width=2, hidden=5):
    torch.manual_seed(0)
    head = BoxHead(classes, width, hidden).eval().requires_grad_(False)
    for tensor in head.parameters():
        tensor.normal_()
    return head


def test_published_names_and_shapes():
    shapes = {name: tuple(tensor.shape) for name, tensor in BoxHead(2).state_dict().items()}
    assert shapes == {
        'feature_extractor.fc6.weight': (1024, 6272), 'feature_extractor.fc6.bias': (1024,),
        'feature_extractor.fc7.weight': (1024, 1024), 'feature_extractor.fc7.bias': (1024,),
        'predictor.cls_score.weight': (2, 1024), 'predictor.cls_score.bias': (2,),
        'predictor.bbox_pred.weight': (8, 1024), 'predictor.bbox_pred.bias': (8,)}


def test_features_are_flattened_by_channel_then_row_then_column():
    head = made()
    pooled = torch.zeros(1, 2, 7, 7)
    pooled[0, 1, 2, 3] = 1
    # in any order in memory
    for layout in (torch.contiguous_format, torch.channels_last):
        logits, _ = head(pooled.contiguous(memory_format=layout))
        extractor = head.feature_extractor
        first = (extractor.fc6.weight[:, 49 + 2 * 7 + 3] + extractor.fc6.bias).relu()
        hidden = extractor.fc7(first).relu()
        torch.testing.assert_close(logits[0], head.predictor.cls_score(hidden))


def test_each_class_moves_the_box_its_own_way():
    head = made()
    pooled = torch.randn(4, 2, 7, 7, generator=torch.Generator().manual_seed(1)) / 10
    corner = torch.tensor([[10.0, 20], [0, 0], [5, 5], [100, 3]])
    boxes = torch.cat([corner, corner + 30], dim=1)
    probabilities, moved = head.refine(pooled, boxes)
    hidden = head.feature_extractor(pooled)
    deltas = head.predictor.bbox_pred(hidden)
    for label in range(3):
        expected = legacy_boxes.decode(
            deltas[:, 4 * label:4 * label + 4], boxes, (10, 5))
        torch.testing.assert_close(moved[:, label], expected)
    torch.testing.assert_close(probabilities, head.predictor.cls_score(hidden).softmax(1))


@pytest.mark.parametrize('count', [0, 1])
def test_any_number_of_boxes(count):
    probabilities, moved = made().refine(torch.zeros(count, 2, 7, 7), torch.zeros(count, 4))
    assert probabilities.shape == (count, 3) and moved.shape == (count, 3, 4)
