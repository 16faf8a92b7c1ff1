# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mot_ros.tracking.nets.backbones.backbone import Backbone
from mot_ros.tracking.nets.rcnn.boxes_inclusive import iou
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.emm_decode import EmmOptions
from mot_ros.tracking.nets.siammot.imm import Imm
from mot_ros.tracking.nets.siammot.network import SiamMotNetwork
from mot_ros.training.losses.rcnn import RcnnSampling
from mot_ros.training.losses.triplets import TripletSampling
from mot_ros.training.tasks import siammot_step
from mot_ros.training.tasks.siammot_step import FrameTruth, siammot_losses, StepOptions

SIZE = 128
OPTIONS = StepOptions(
    rcnn=RcnnSampling(anchors=64, rois=32), triplets=TripletSampling(count=32), proposals=100)
RPN = {'rpn_objectness', 'rpn_deltas'}
BOX = {'box_classes', 'box_deltas'}


class ToyBody(Backbone):
    """Four convolutions."""

    def __init__(self):
        super().__init__()
        self.channels = (8, 8, 8, 8)
        self.stages = nn.ModuleList(
            [nn.Conv2d(3, 8, 4, 4), *(nn.Conv2d(8, 8, 2, 2) for _ in range(3))])

    def forward(self, images):
        found = []
        for stage in self.stages:
            images = F.relu(stage(images))
            found.append(images)
        return found


def network(motion='emm'):
    torch.manual_seed(0)
    if motion == 'emm':
        motion = Emm(8, EmmOptions(template_cells=7))
    elif motion == 'imm':
        motion = Imm(8, 5, None, 32)
    return SiamMotNetwork(ToyBody(), 2, 8, 32, motion)


def pair(seed=0):
    """Return two frames with two bright objects that move, and what is true of them."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(2, 3, SIZE, SIZE, generator=generator) * 0.2
    boxes = torch.tensor([[20.0, 24, 51, 71], [70, 40, 101, 91]])
    moves = torch.tensor([[8.0, 4, 8, 4], [-6, 2, -6, 2]])
    truth = []
    for frame in range(2):
        here = boxes + frame * moves
        for number, (x1, y1, x2, y2) in enumerate(here.long().tolist()):
            images[frame, number, y1:y2 + 1, x1:x2 + 1] += 2
        truth.append(FrameTruth(here, torch.tensor([1, 1]), torch.tensor([11, 12])))
    return images, truth


def losses(module, images, truth, options=OPTIONS):
    return siammot_losses(module, images, truth, options, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(('motion', 'parts'), [
    ('emm', {'motion_classes', 'motion_sides', 'motion_centerness'}),
    ('imm', {'motion_visibility', 'motion_deltas'}), ('none', set())])
def test_parts(motion, parts):
    total, found = losses(network(motion), *pair())
    assert found.keys() == RPN | BOX | parts
    assert total.item() == pytest.approx(sum(part.item() for part in found.values()), rel=1e-5)
    assert total.isfinite()


@pytest.mark.parametrize('motion', ['emm', 'imm'])
def test_every_parameter_learns(motion):
    module = network(motion)
    total, _ = losses(module, *pair())
    total.backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # no object here is so large that the coarser levels are pooled from
        assert parameter.grad.any() or 'fpn_layer' in name, name


@pytest.mark.parametrize(('motion', 'learned'), [
    ('emm', ['motion_classes', 'motion_sides']), ('imm', ['motion_visibility'])])
def test_a_few_steps_reduce_the_loss(motion, learned):
    module = network(motion)
    images, truth = pair()
    optimizer = torch.optim.AdamW(module.parameters(), lr=5e-3)
    seen = []
    for _ in range(25):
        total, parts = losses(module, images, truth)
        seen.append({'total': total.item(), **{name: parts[name].item() for name in learned}})
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    for name, first in seen[0].items():
        assert seen[-1][name] < 0.7 * first, name


def test_frames_of_a_pair_look_at_each_other():
    """Two pairs at once are searched within themselves: a strange neighbour changes nothing."""
    module = network('emm')
    sampling = replace(OPTIONS, triplets=TripletSampling(count=32, least_objectness=2.0))
    images, truth = pair()
    absent = [replace(each, ids=each.ids + 100) for each in truth]
    strange = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(5))
    empty = FrameTruth(torch.zeros(0, 4), *torch.zeros(2, 0, dtype=torch.long))
    _, alone = losses(module, images, truth, sampling)
    _, together = losses(
        module, torch.cat([images, strange]), [*truth, empty, empty], sampling)
    # without background, an empty pair gives no triplets; the drawing differs a little
    for name in ('motion_classes', 'motion_sides', 'motion_centerness'):
        assert together[name].item() == pytest.approx(alone[name].item(), rel=0.1)
    _, apart = losses(module, images, [truth[0], absent[1]], sampling)
    assert apart['motion_sides'].item() == 0


def listened(monkeypatch, name):
    """Let a function of the step be called as ever, and return with what it was."""
    heard, function = [], getattr(siammot_step, name)

    def listening(*args, **named):
        heard.append(args)
        return function(*args, **named)

    monkeypatch.setattr(siammot_step, name, listening)
    return heard


@pytest.mark.parametrize('motion', ['emm', 'imm'])
def test_targets_are_those_of_the_other_frame(monkeypatch, motion):
    module = network(motion)
    images, truth = pair()
    heard = listened(monkeypatch, f'{motion}_losses')
    batches, extract, respond = {}, module.motion.extract_templates, module.motion.respond

    def extracting(features, boxes, batch):
        batches['source'] = batch, boxes
        return extract(features, boxes, batch=batch)

    def responding(features, memory, *options, batch):
        batches['searched'] = batch, memory
        return respond(features, memory, *options, batch=batch)

    monkeypatch.setattr(module.motion, 'extract_templates', extracting)
    # IMM's third argument is the batch already
    monkeypatch.setattr(
        module.motion, 'respond', responding if motion == 'emm' else
        lambda features, memory, batch: responding(features, memory, batch=batch))
    losses(module, images, truth)
    source, template = batches['source']
    searched, memory = batches['searched']
    assert set(source.tolist()) == {0, 1} and torch.equal(searched, source ^ 1)
    targets = heard[0][2] if motion == 'emm' else heard[0][3]
    there = targets[:, 0] >= 0
    assert there.any() and not there.all()
    for frame in (0, 1):
        rows = there & (source == frame)
        _, which = iou(template[rows], truth[frame].boxes).max(1)
        assert torch.equal(targets[rows], truth[frame ^ 1].boxes[which])
    around = module.motion.options.region.around(template)
    elsewhere = ~torch.isclose(memory.search, around).all(1)
    # hard negatives, of which IMM has none
    assert elsewhere.any() == (motion == 'emm')


def test_hard_negatives_are_not_for_imm():
    images, truth = pair()
    only_hard = TripletSampling(count=32, positive_share=0, least_objectness=2.0)
    options = replace(OPTIONS, triplets=only_hard)
    _, parts = losses(network('imm'), images, truth, options)
    assert parts['motion_visibility'].item() == 0
    _, parts = losses(network('emm'), images, truth, options)
    assert parts['motion_classes'].item() > 0


def test_proposals_are_the_best_of_all_frames(monkeypatch):
    images, truth = pair()
    heard = listened(monkeypatch, 'sample_rois')
    module = network('none')
    # the second frame is much surer of itself
    images[0] *= 0.01
    nn.init.normal_(module.rpn.head.cls_logits.weight, std=3)
    losses(module, images, truth, replace(OPTIONS, proposals=20))
    numbers = [len(args[0]) - 2 for args in heard]
    assert sum(numbers) == 20 and numbers[0] != numbers[1]
    for args, true in zip(heard, truth, strict=True):
        assert torch.equal(args[0][-2:], true.boxes)


def test_rows_that_mean_nothing_are_no_proposals(monkeypatch):
    heard = listened(monkeypatch, 'sample_rois')
    losses(network('none'), *pair(), replace(OPTIONS, proposals=100000))
    for args in heard:
        assert len(args[0]) > 2
        assert args[0].any(dim=1).all()


def test_nothing_to_see():
    module = network('emm')
    empty = FrameTruth(torch.zeros(0, 4), *torch.zeros(2, 0, dtype=torch.long))
    options = replace(OPTIONS, triplets=TripletSampling(least_objectness=2.0))
    total, parts = losses(module, pair()[0], [empty, empty], options)
    assert total.isfinite()
    assert parts['motion_classes'].item() == 0
    total.backward()


def test_weight_of_the_motion_model():
    module = network('emm')
    _, once = losses(module, *pair())
    _, tenth = losses(module, *pair(), replace(OPTIONS, motion_weight=0.1))
    assert tenth['motion_classes'].item() == pytest.approx(once['motion_classes'].item() / 10)
    assert tenth['box_classes'].item() == pytest.approx(once['box_classes'].item())


def test_only_pairs():
    images, truth = pair()
    with pytest.raises(ValueError, match='1 images with 1 truths are not pairs'):
        losses(network(), images[:1], truth[:1])
