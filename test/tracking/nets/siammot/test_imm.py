# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mot_ros.tracking.nets.rcnn import boxes_inclusive as legacy_boxes
from mot_ros.tracking.nets.siammot.imm import DELTA_WEIGHTS, Imm, ImmOptions
from mot_ros.tracking.nets.siammot.search_region import Memory, SearchRegion

WIDTH = 8
BOXES = torch.tensor([
    [20.0, 30, 60, 110], [-30, 40, 25, 160], [290, 150, 380, 260], [400, 300, 440, 380],
    [10, 20, 300, 180]])


def pyramid(seed=0, images=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(images, WIDTH, 192 // stride, 320 // stride, generator=generator)
            for stride in (4, 8, 16, 32, 64)]


def imm(**shape):
    torch.manual_seed(0)
    return Imm(WIDTH, **{'cells': 5, 'hidden': 16, **shape}).eval()


def saying(module, outputs):
    """Make a model say the same of every track."""
    last = module.mlp[-1]
    nn.init.zeros_(last.weight)
    last.bias.data = torch.tensor(outputs)
    return module


def test_size_of_the_paper():
    assert sum(tensor.numel() for tensor in Imm().parameters()) == pytest.approx(29.8e6, rel=2e-3)


def test_reduced_model_is_small():
    module = Imm(channels=16)
    assert 2 * sum(tensor.numel() for tensor in module.parameters()) < 8e6
    memory = module.extract_templates(
        [torch.zeros(1, 128, 48 >> level, 80 >> level) for level in range(4)], BOXES)
    assert memory.features.shape == (5, 16, 15, 15)


@torch.no_grad()
def test_deltas_by_hand():
    module = saying(imm(), [0.0, 0.5, -0.25, 0.0, 0.6931472])
    box = torch.tensor([[100.0, 50, 139, 129]])
    boxes, visibility = module.search(pyramid(), module.extract_templates(pyramid(), box))
    # 40 x 80 about (120, 90) goes half a width right, a quarter height up, and doubles in height
    assert boxes[0].tolist() == pytest.approx([120, -10, 159, 149], abs=1e-3)
    assert visibility.item() == pytest.approx(0.5)


@torch.no_grad()
def test_nothing_said_is_nothing_moved():
    module = saying(imm(), [2.0, 0.0, 0.0, 0.0, 0.0])
    boxes, visibility = module.search(pyramid(), module.extract_templates(pyramid(), BOXES))
    assert torch.allclose(boxes, BOXES, atol=1e-4)
    assert visibility.tolist() == pytest.approx([0.880797] * 5, abs=1e-6)


def test_coder_is_that_of_equation_two():
    was = torch.tensor([[0.0, 0, 9, 19]])
    now = torch.tensor([[5.0, -10, 24, 9]])
    deltas = legacy_boxes.encode(now, was, DELTA_WEIGHTS)
    assert deltas[0].tolist() == pytest.approx([1.0, -0.5, 0.6931472, 0.0], abs=1e-6)


@torch.no_grad()
@pytest.mark.parametrize('channels', [None, 3])
def test_together_as_one_by_one(channels):
    module, features, later = imm(channels=channels), pyramid(0), pyramid(1)
    memory = module.extract_templates(features, BOXES)
    boxes, visibility = module.search(later, memory)
    for row in range(len(BOXES)):
        box, seen = module.search(later, module.extract_templates(features, BOXES[row:row + 1]))
        assert torch.allclose(box[0], boxes[row], atol=1e-3)
        assert torch.allclose(seen[0], visibility[row], atol=1e-5)


@torch.no_grad()
def test_both_frames_are_looked_at_in_the_same_region():
    module, features, later = imm(), pyramid(0), pyramid(1)
    memory = module.extract_templates(features, BOXES)
    assert torch.equal(memory.search, SearchRegion().around(BOXES))
    seen = []
    module.mlp.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    module.respond(later, memory)
    first, second = seen[0].chunk(2, dim=1)
    assert torch.equal(first, memory.features.flatten(1))
    assert torch.equal(second, module.extract_templates(later, BOXES).features.flatten(1))


@torch.no_grad()
def test_beyond_the_image_there_is_nothing():
    padded = [F.pad(level, [512 // stride] * 4)
              for level, stride in zip(pyramid(), (4, 8, 16, 32, 64), strict=True)]
    features = imm().extract_templates(pyramid(), BOXES).features
    beyond = imm().extract_templates(padded, BOXES + 512).features
    assert torch.allclose(features, beyond, atol=1e-4)


@torch.no_grad()
def test_options_of_one_call():
    features = pyramid()
    wider = ImmOptions(SearchRegion(scale=3))
    module = imm()
    memory = module.extract_templates(features, BOXES, wider)
    found, visibility = module.search(pyramid(1), memory, wider)
    module.options = wider
    expected, seen = module.search(pyramid(1), module.extract_templates(features, BOXES))
    assert torch.equal(found, expected) and torch.equal(visibility, seen)


@torch.no_grad()
def test_no_tracks():
    module = imm(channels=3)
    memory = module.extract_templates(pyramid(), torch.zeros(0, 4))
    boxes, visibility = module.search(pyramid(), memory)
    assert boxes.shape == (0, 4) and visibility.shape == (0,)
    assert len(Memory.joined([memory, module.extract_templates(pyramid(), BOXES)])) == 5


def test_images_of_a_batch():
    module, pair = imm(), pyramid(images=2)
    batch = torch.tensor([0, 1, 0, 1, 1])
    memory = module.extract_templates(pair, BOXES, batch=batch)
    logits, deltas = module.respond(pair, memory, batch=1 - batch)
    for image in (0, 1):
        own = [level[image:image + 1] for level in pair]
        other = [level[1 - image:2 - image] for level in pair]
        rows = batch == image
        alone = module.respond(other, module.extract_templates(own, BOXES[rows]))
        assert torch.allclose(alone[0], logits[rows], atol=1e-5)
        assert torch.allclose(alone[1], deltas[rows], atol=1e-5)
