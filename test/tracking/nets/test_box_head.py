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

import pytest
import torch

from mot_ros.tracking.nets import legacy_boxes
from mot_ros.tracking.nets.box_head import BoxHead


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
    probabilities, moved = head.judge(pooled, boxes)
    hidden = head.feature_extractor(pooled)
    deltas = head.predictor.bbox_pred(hidden)
    for label in range(3):
        expected = legacy_boxes.decode(
            deltas[:, 4 * label:4 * label + 4], boxes, (10, 5))
        torch.testing.assert_close(moved[:, label], expected)
    torch.testing.assert_close(probabilities, head.predictor.cls_score(hidden).softmax(1))


@pytest.mark.parametrize('count', [0, 1])
def test_any_number_of_boxes(count):
    probabilities, moved = made().judge(torch.zeros(count, 2, 7, 7), torch.zeros(count, 4))
    assert probabilities.shape == (count, 3) and moved.shape == (count, 3, 4)
