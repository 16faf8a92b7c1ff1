# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SiamMOT and SLM as ONNX files compute what they compute in torch."""

import copy
import json

import numpy as np
import pytest
import safetensors.torch
import torch

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')
pytest.importorskip('onnxscript')

import onnx
import onnxruntime as ort

from mot_ros import cli
from mot_ros.tracking.nets.rcnn.rpn import Selection
from mot_ros.tracking.nets.siammot.emm import correlate
from mot_ros.tracking.nets.siammot.emm_decode import EmmOptions
from mot_ros.tracking.nets.siammot.network import Architecture
from mot_ros.tracking.nets.siammot.search_region import SearchRegion
from mot_ros.tracking.nets.slm.network import running_part
from mot_ros.tracking.nets.slm.variants import make_slm
from mot_ros.tracking.onnx_backend.export import OPSET
from mot_ros.tracking.onnx_backend.siammot_export import (
    correlated,
    ExportPlan,
    GRAPHS,
    MAPS,
    write_graphs,
)

SIZE = (160, 96)
COUNTS = (1, 2, 9)


def scattered(module, spread=0.3):
    """Give the last layers weights that say different things in different places."""
    for name, tensor in module.state_dict().items():
        if any(part in name for part in ('cls', 'bbox_pred', 'center', 'reg.', 'mlp')):
            torch.nn.init.normal_(tensor, std=spread)
    return module.eval().requires_grad_(False)


def make(motion):
    torch.manual_seed(3)
    return scattered(Architecture(
        'mobilenetv3', 3, 32, 16, motion, imm_cells=5, imm_channels=4, imm_hidden=8).make())


def sessions(files):
    return {
        graph: ort.InferenceSession(str(path), providers=['CPUExecutionProvider'])
        for graph, path in files.items()}


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    """Return a network with EMM, and its files by the command."""
    folder = tmp_path_factory.mktemp('emm')
    network = make('emm')
    safetensors.torch.save_file(
        network.state_dict(), folder / 'random.safetensors', {'names': '["cat", "dog"]'})
    assert cli.main([
        'export', 'siammot', '--weights', str(folder / 'random.safetensors'), '--size', '160x96',
        '-o', str(folder / 'graphs'), '--set', 'rcnn.short_side=96', '--set',
        'rcnn.long_side=160', '--set', 'rcnn.proposal_overlap=0.3']) == 0
    files = {graph: folder / 'graphs' / f'{graph}.onnx' for graph in GRAPHS}
    assert sorted(path.name for path in (folder / 'graphs').iterdir()) == sorted(
        path.name for path in files.values())
    return network, files


@pytest.fixture(scope='module')
def looking(exported):
    """Return the network, its files as sessions, and features in which much is to be seen."""
    network, files = exported
    random = torch.Generator().manual_seed(1)
    features = [
        torch.randn(1, 32, SIZE[1] >> level, SIZE[0] >> level, generator=random)
        for level in range(2, 7)]
    return network, sessions(files), features


def fed(features):
    return {name: level.numpy() for name, level in zip(MAPS, features[:4], strict=True)}


def boxes_of(count):
    """Return boxes of all levels, inside, over the border and far outside."""
    random = np.random.default_rng(count)
    sides = np.exp(random.uniform(0, 7, (count, 1)) + random.uniform(-1, 1, (count, 2)))
    centres = random.uniform([-60, -60], [220, 160], (count, 2))
    return np.concatenate([centres - sides / 2, centres + sides / 2], 1).astype(np.float32)


def same(found, wanted, tolerance):
    wanted = wanted.numpy()
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=tolerance)


def test_an_image_gives_the_same_features_and_proposals(looking):
    network, graphs, _ = looking
    images = torch.randn(1, 3, SIZE[1], SIZE[0], generator=torch.Generator().manual_seed(1))
    *maps, boxes, scores, mask = graphs['image'].run(None, {'images': images.numpy()})
    with torch.inference_mode():
        features = network.features(images)
        wanted = network.proposals(features, SIZE, Selection(overlap=0.3))
    for level, own in zip(features[:4], maps, strict=True):
        same(own, level, 1e-4)
    assert 0 < mask.sum() < len(mask) == 300
    np.testing.assert_array_equal(mask, wanted.mask[0].numpy())
    same(boxes, wanted.boxes[0], 1e-3)
    same(scores, wanted.scores[0], 1e-5)


@pytest.mark.parametrize('count', [0, *COUNTS])
def test_boxes_are_judged_alike(looking, count):
    network, graphs, features = looking
    boxes = boxes_of(count)
    with torch.inference_mode():
        probabilities, refined = network.refine(features, torch.from_numpy(boxes))
    found = graphs['boxes'].run(None, {**fed(features), 'boxes': boxes})
    same(found[0], probabilities, 1e-5)
    same(found[1], refined, 1e-3)
    assert count < 2 or np.ptp(found[0], axis=0).max() > 0.01


@pytest.mark.parametrize('count', COUNTS)
def test_tracks_are_found_alike(looking, count):
    network, graphs, features = looking
    boxes = boxes_of(count)
    later = [level.roll(1, 3) for level in features]
    with torch.inference_mode():
        memory = network.motion.extract_templates(features, torch.from_numpy(boxes))
        wanted, visibility = network.motion.search(later, memory)
    templates, = graphs['remember'].run(None, {**fed(features), 'boxes': boxes})
    same(templates, memory.features, 1e-4)
    found, seen = graphs['search'].run(
        None, {**fed(later), 'templates': templates, 'boxes': boxes})
    same(found, wanted, 1e-3)
    same(seen, visibility, 1e-5)


@pytest.mark.parametrize('values', [
    {'ranking': 'paper', 'template_cells': 9, 'region': SearchRegion(2.5, widen=0.6)},
    {'centerness': False, 'window_weight': 0.1, 'penalty': 0.5,
     'region': SearchRegion(1.5, minimum_side=40.0)}])
def test_options_of_the_search_are_in_the_graph(tmp_path, looking, values):
    network, _, features = looking
    options, boxes = EmmOptions(**values), boxes_of(8)
    with torch.inference_mode():
        memory = network.motion.extract_templates(features, torch.from_numpy(boxes), options)
        wanted, visibility = network.motion.search(features, memory, options)
        usual, _ = network.motion.search(
            features, network.motion.extract_templates(features, torch.from_numpy(boxes)))
    files = {graph: tmp_path / f'{graph}.onnx' for graph in ('remember', 'search')}
    write_graphs(
        copy.deepcopy(network), ExportPlan(SIZE, emm=options), ['cat', 'dog'], files)
    graphs = sessions(files)
    templates, = graphs['remember'].run(None, {**fed(features), 'boxes': boxes})
    same(templates, memory.features, 1e-4)
    found, seen = graphs['search'].run(
        None, {**fed(features), 'templates': templates, 'boxes': boxes})
    same(found, wanted, 1e-3)
    same(seen, visibility, 1e-5)
    # they do make a difference
    assert (wanted - usual).abs().max() > 1


@pytest.mark.parametrize('body', ['dla34', 'resnet50'])
def test_other_kinds_of_bodies_give_the_same_features_and_proposals(tmp_path, body):
    torch.manual_seed(3)
    network = scattered(Architecture(body, 3, 32, 16, 'none').make())
    images = torch.randn(1, 3, SIZE[1], SIZE[0])
    with torch.inference_mode():
        features = network.features(images)
        wanted = network.proposals(features, SIZE)
    path = tmp_path / 'image.onnx'
    write_graphs(network, ExportPlan(SIZE), ['cat', 'dog'], {'image': path})
    *maps, boxes, scores, mask = sessions({'image': path})['image'].run(
        None, {'images': images.numpy()})
    for level, own in zip(features[:4], maps, strict=True):
        same(own, level, 1e-4 * float(level.abs().max()))
    np.testing.assert_array_equal(mask, wanted.mask[0].numpy())
    same(scores, wanted.scores[0], 1e-5)
    # of equal scores either may come first
    apart = np.abs(boxes[:, None] - wanted.boxes[0].numpy()).max(axis=2)
    assert (apart.min(axis=1) < 1e-2).mean() > 0.98 < (apart.min(axis=0) < 1e-2).mean()


def test_imm_finds_them_alike_too(tmp_path):
    network = make('imm')
    images = torch.randn(1, 3, SIZE[1], SIZE[0])
    boxes = boxes_of(6)
    with torch.inference_mode():
        features = network.features(images)
        memory = network.motion.extract_templates(features, torch.from_numpy(boxes))
        wanted, visibility = network.motion.search(features, memory)
    files = {graph: tmp_path / f'{graph}.onnx' for graph in ('remember', 'search')}
    write_graphs(network, ExportPlan(SIZE), ['cat', 'dog'], files)
    graphs = sessions(files)
    templates, = graphs['remember'].run(None, {**fed(features), 'boxes': boxes})
    same(templates, memory.features, 1e-4)
    found, seen = graphs['search'].run(
        None, {**fed(features), 'templates': templates, 'boxes': boxes})
    same(found, wanted, 1e-3)
    same(seen, visibility, 1e-5)


@pytest.mark.parametrize('side, cells', [(30, 15), (9, 9), (12, 5)])
def test_products_correlate_as_the_convolution_does(side, cells):
    searched, templates = torch.randn(3, 4, side, side), torch.randn(3, 4, cells, cells)
    torch.testing.assert_close(
        correlated(searched, templates), correlate(searched, templates), rtol=0, atol=1e-4)


def test_the_files_say_what_a_reader_needs(exported):
    for graph, path in exported[1].items():
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert {entry.version for entry in model.opset_import if not entry.domain} == {OPSET}
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        assert metadata['network'] == 'siammot' and metadata['graph'] == graph
        assert json.loads(metadata['size']) == list(SIZE)
        assert json.loads(metadata['names']) == ['cat', 'dog']
        assert json.loads(metadata['mean']) == [0.5, 0.5, 0.5]
        assert json.loads(metadata['selection'])['overlap'] == 0.3
        assert json.loads(metadata['options'])['window_weight'] == 0.4
        assert b'site-packages' not in path.read_bytes()


@pytest.mark.parametrize('variant', ['code', 'article', 'small'])
def test_slm_embeds_alike(tmp_path, variant):
    torch.manual_seed(2)
    network = make_slm(variant).eval()
    weights, path = tmp_path / 'slm.safetensors', tmp_path / 'slm.onnx'
    safetensors.torch.save_file(running_part(network.state_dict())[0], weights)
    assert cli.main(['export', 'slm', '--weights', str(weights), '-o', str(path)]) == 0
    width, height = network.crop
    crops = torch.rand(3, 3, height, width) * 255
    with torch.inference_mode():
        wanted = network(crops)
    session = sessions({'slm': path})['slm']
    same(session.run(None, {'crops': crops.numpy()})[0], wanted, 1e-4)
    assert session.get_modelmeta().custom_metadata_map == {
        'network': 'slm', 'variant': variant, 'crop': json.dumps(network.crop),
        'pixels': 'bgr255'}


@pytest.mark.parametrize('words, complaint', [
    (['siammot', '-o', 'x', '--weights', 'y'], "'y', which is neither a name"),
    (['slm', '-o', 'x.onnx'], 'name a file with --weights'),
    (['siammot', '-o', 'x', '--size', '12'], "--size is '12'"),
    (['slm', '-o', 'x.pb', '--weights', 'w'], 'must end in .onnx'),
    (['siammot', '-o', 'x', '--width', '9'], '--width is for ssd and means nothing for siammot'),
    (['-o', 'x.onnx', '--set', 'siammot.window=1'], '--set is for siammot'),
    (['siammot', '-o', 'x', '--weights', 'w', '--set', 'siammot.windw=1'], 'siammot.windw')])
def test_wrong_options_are_named(tmp_path, monkeypatch, capsys, words, complaint):
    monkeypatch.chdir(tmp_path)
    assert cli.main(['export', *words]) == 2
    assert complaint in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
