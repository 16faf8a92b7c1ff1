# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
import safetensors.torch
import torch

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.backbones.mobilenet_pyramid import MobileNetBackbone
from mot_ros.tracking.nets.rcnn.rpn import Selection
from mot_ros.tracking.nets.siammot.imm import Imm
from mot_ros.tracking.nets.siammot.network import (
    adopt,
    Architecture,
    architecture_of,
    load_network,
    SiamMotNetwork,
)

NORM = ('weight', 'bias', 'running_mean', 'running_var')


def block(name, inputs, outputs):
    return {
        f'{name}.conv1.weight': (outputs, inputs, 3, 3),
        **{f'{name}.bn1.{part}': (outputs,) for part in NORM},
        f'{name}.conv2.weight': (outputs, outputs, 3, 3),
        **{f'{name}.bn2.{part}': (outputs,) for part in NORM}}


def tree(name, inputs, outputs, root, project=True):
    """Return one tree of two blocks; `root` is how many channels its root takes."""
    shapes = {
        **block(f'{name}.tree1', inputs, outputs), **block(f'{name}.tree2', outputs, outputs),
        f'{name}.root.conv.weight': (outputs, root, 1, 1),
        **{f'{name}.root.bn.{part}': (outputs,) for part in NORM}}
    return {**shapes, **projection(name, inputs, outputs)} if project else shapes


def projection(name, inputs, outputs):
    return {
        f'{name}.project.0.weight': (outputs, inputs, 1, 1),
        **{f'{name}.project.1.{part}': (outputs,) for part in NORM}}


def published_shapes(classes=2):
    """Return what a published checkpoint holds, by the tables of its description."""
    shapes = {}
    for name, inputs, outputs, kernel in (
            ('base_layer', 3, 16, 7), ('level0', 16, 16, 3), ('level1', 16, 32, 3)):
        shapes[f'{name}.0.weight'] = (outputs, inputs, kernel, kernel)
        shapes |= {f'{name}.1.{part}': (outputs,) for part in NORM}
    shapes |= tree('level2', 32, 64, 128)
    for name, inputs, outputs, roots in (
            ('level3', 64, 128, (256, 448)), ('level4', 128, 256, (512, 896))):
        shapes |= tree(f'{name}.tree1', inputs, outputs, roots[0])
        shapes |= tree(f'{name}.tree2', outputs, outputs, roots[1], project=False)
        shapes |= projection(name, inputs, outputs)
    shapes |= tree('level5', 256, 512, 1280)
    shapes = {f'backbone.body.{name}': shape for name, shape in shapes.items()}
    for level, inputs in enumerate((64, 128, 256, 512), 1):
        shapes[f'backbone.fpn.fpn_inner{level}.weight'] = (128, inputs, 1, 1)
        shapes[f'backbone.fpn.fpn_inner{level}.bias'] = (128,)
        shapes[f'backbone.fpn.fpn_layer{level}.weight'] = (128, 128, 3, 3)
        shapes[f'backbone.fpn.fpn_layer{level}.bias'] = (128,)
    for level in range(5):
        shapes[f'rpn.anchor_generator.cell_anchors.{level}'] = (3, 4)
    for name, outputs, kernel in (('conv', 128, 3), ('cls_logits', 3, 1), ('bbox_pred', 12, 1)):
        shapes[f'rpn.head.{name}.weight'] = (outputs, 128, kernel, kernel)
        shapes[f'rpn.head.{name}.bias'] = (outputs,)
    for name, outputs, inputs in (
            ('feature_extractor.fc6', 1024, 6272), ('feature_extractor.fc7', 1024, 1024),
            ('predictor.cls_score', classes, 1024), ('predictor.bbox_pred', 4 * classes, 1024)):
        shapes[f'roi_heads.box.{name}.weight'] = (outputs, inputs)
        shapes[f'roi_heads.box.{name}.bias'] = (outputs,)
    for name in ('cls_tower', 'reg_tower'):
        prefix = f'roi_heads.track.tracker.predictor.{name}'
        shapes |= {f'{prefix}.0.weight': (128, 128, 3, 3), f'{prefix}.1.weight': (128,),
                   f'{prefix}.1.bias': (128,)}
    for name, outputs in (('cls', 2), ('center', 1), ('reg', 4)):
        prefix = f'roi_heads.track.tracker.predictor.{name}'
        shapes |= {f'{prefix}.weight': (outputs, 128, 3, 3), f'{prefix}.bias': (outputs,)}
    return shapes


def empty(shapes):
    """Return tensors of these shapes that take no memory."""
    return {name: torch.empty(shape, device='meta') for name, shape in shapes.items()}


def small(motion='emm', classes=3, body=None):
    torch.manual_seed(1)
    network = SiamMotNetwork(
        body or MobileNetBackbone(), classes, width=16, hidden=24, motion=motion)
    return network.eval().requires_grad_(False)


def test_the_published_network_has_the_published_tensors():
    network = Architecture().make()
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes == published_shapes()
    assert len(shapes) == 242
    assert sum(tensor.numel() for tensor in network.parameters()) == 23904720


@pytest.mark.parametrize('prefix', ['', 'module.', 'module.detector.'])
def test_adopts_the_published_tensors_with_and_without_prefix(prefix):
    state = empty({prefix + name: shape for name, shape in published_shapes().items()})
    found = adopt(state)
    found.check('file')
    assert len(found.tensors) == 242 and not found.unexpected
    assert found.metadata == {'body': 'dla34', 'classes': '2', 'motion': 'emm'}


def test_a_checkpoint_of_training_loads(tmp_path):
    generator = torch.Generator().manual_seed(0)
    network = small()
    state = {
        f'module.{name}': torch.rand(tensor.shape, generator=generator)
        for name, tensor in network.state_dict().items()}
    path = tmp_path / 'model_final.pth'
    torch.save({'model': state, 'iteration': 7}, path)
    loaded = load_network(path)
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, state[f'module.{name}']), name


@pytest.mark.parametrize('classes', [2, 10, 81])
def test_classes_follow_from_the_predictor(classes):
    found = adopt(empty(published_shapes(classes)))
    assert found.complete
    assert found.metadata['classes'] == str(classes)


def test_other_classes_are_wanted_than_the_file_has():
    found = adopt(empty(published_shapes(81)), classes=2)
    assert len(found.misshaped) == 4 and not found.missing and not found.complete
    assert all('roi_heads.box.predictor' in line for line in found.misshaped)
    assert len(found.tensors) == 238


def test_a_detector_alone_is_whole():
    shapes = {
        name: shape for name, shape in published_shapes(81).items() if '.track.' not in name}
    found = adopt(empty(shapes))
    assert found.complete and found.metadata['motion'] == 'none'
    assert architecture_of(empty(shapes)).make().motion is None


def test_a_missing_predictor_is_told():
    shapes = {name: s for name, s in published_shapes().items() if '.box.predictor.' not in name}
    found = adopt(empty(shapes))
    assert sorted(found.missing) == [
        f'roi_heads.box.predictor.{name}.{part}' for name in ('bbox_pred', 'cls_score')
        for part in ('bias', 'weight')]
    with pytest.raises(WeightsError, match='4 missing'):
        found.check('file.pth')


@pytest.mark.parametrize('architecture', [
    Architecture('mobilenetv3', 5, 32, 48), Architecture('resnet50', 2, 16, 16, 'none'),
    Architecture('resnet101', 2, 16, 16, 'none'), Architecture('dla102', 2, 16, 16),
    Architecture('dla169', 2, 16, 16), Architecture('dla34', 2, 16, 16, 'imm'),
    Architecture('mobilenetv3', 2, 16, 16, 'imm', 7, 4, 20)])
def test_every_architecture_is_read_off_its_tensors(architecture):
    with torch.device('meta'):
        state = architecture.make().state_dict()
    assert architecture_of(state) == architecture
    assert architecture_of({f'a.b.{name}': t for name, t in state.items()}) == architecture


def test_saved_networks_load_as_they_are(tmp_path):
    for motion in ('emm', Imm(16, 3, 4, 8), 'none'):
        network = small(motion)
        path = tmp_path / 'network.safetensors'
        safetensors.torch.save_file(network.state_dict(), path)
        loaded = load_network(path)
        assert type(loaded.motion) is type(network.motion)
        for name, tensor in network.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], tensor)


def test_anchors_come_with_the_weights(tmp_path):
    network = SiamMotNetwork(MobileNetBackbone(), 2, 16, 24, anchor_sizes=(6, 12, 24, 48, 96))
    path = tmp_path / 'network.safetensors'
    safetensors.torch.save_file(network.state_dict(), path)
    anchors = load_network(path).rpn.anchor_generator([torch.zeros(1, 1, 2, 2)])[0]
    # 9 x 4.5 pixels about the middle of the first cell
    assert anchors[0].tolist() == [-2.5, -0.25, 5.5, 3.25]


def test_what_is_no_such_network_is_refused(tmp_path):
    path = tmp_path / 'other.safetensors'
    safetensors.torch.save_file({'fc.weight': torch.zeros(3, 3)}, path)
    with pytest.raises(WeightsError, match=r'backbone\.body.*fc\.weight'):
        load_network(path)
    state = small().state_dict()
    safetensors.torch.save_file({**state, 'mask_head.weight': torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match='mask_head'):
        load_network(path)
    del state['rpn.head.conv.bias']
    safetensors.torch.save_file(state, path)
    with pytest.raises(WeightsError, match=r'rpn\.head\.conv\.bias'):
        load_network(path)


def test_a_batch_equals_one_by_one():
    network, size = small(), (160, 96)
    images = torch.randn(2, 3, 96, 160, generator=torch.Generator().manual_seed(0))
    features = network.features(images)
    assert [tuple(level.shape[1:]) for level in features] == [
        (16, 24, 40), (16, 12, 20), (16, 6, 10), (16, 3, 5), (16, 2, 3)]
    selection = Selection(per_level=50, keep=10)
    together = network.proposals(features, size, selection)
    batch = torch.arange(2).repeat_interleave(10)
    scores, boxes = network.refine(features, together.boxes.flatten(0, 1), batch)
    assert scores.shape == (20, 3) and boxes.shape == (20, 3, 4)
    for image in range(2):
        own = network.features(images[image:image + 1])
        for one, both in zip(own, features, strict=True):
            torch.testing.assert_close(one[0], both[image], rtol=0, atol=1e-5)
        found = network.proposals(own, size, selection)
        torch.testing.assert_close(found.boxes[0], together.boxes[image], rtol=0, atol=1e-3)
        alone = network.refine(own, together.boxes[image])
        torch.testing.assert_close(alone[0], scores[batch == image], rtol=0, atol=1e-5)
        torch.testing.assert_close(alone[1], boxes[batch == image], rtol=0, atol=1e-3)


@pytest.mark.parametrize('motion', ['emm', 'imm', 'none'])
def test_the_network_runs_all_its_parts_one_after_the_other(motion):
    network = small(motion).eval()
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(2, 3, 96, 160, generator=generator)
    boxes = torch.tensor([[10.0, 10, 50, 80], [60, 20, 90, 70]])
    selection = Selection(per_level=50, keep=10)
    with torch.inference_mode():
        features = network.features(images)
        memory = (
            None if network.motion is None else network.motion.extract_templates(features, boxes))
        found = network(images, memory, selection)
        proposals = network.proposals(features, (160, 96), selection)
        assert torch.equal(found.proposals.boxes, proposals.boxes)
        assert torch.equal(found.proposals.mask, proposals.mask)
        assert found.probabilities.shape == (2, 10, 3) and found.boxes.shape == (2, 10, 3, 4)
        probabilities, refined = network.refine(features, proposals.boxes[0])
        torch.testing.assert_close(found.probabilities[0], probabilities, rtol=0, atol=1e-6)
        torch.testing.assert_close(found.boxes[0], refined, rtol=0, atol=1e-3)
        if network.motion is None:
            assert found.tracks is None
        else:
            for one, other in zip(
                    found.tracks, network.motion.search(features, memory), strict=True):
                assert torch.equal(one, other)
    assert network(images).tracks is None


def test_fusing_norms_changes_no_number():
    network = Architecture(width=8, hidden=8).make().eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(2)
    for name, tensor in network.state_dict().items():
        if name.endswith('running_var'):
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
        elif name.endswith('running_mean'):
            tensor.copy_(torch.randn(tensor.shape, generator=generator) / 10)
    images = torch.randn(1, 3, 64, 96, generator=generator)
    plain = network.features(images)
    network.fuse()
    for one, other in zip(plain, network.features(images), strict=True):
        assert one.abs().max() > 1e-3
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
