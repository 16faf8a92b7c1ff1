# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import json

import pytest
import safetensors.torch
import torch

from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.nets.siammot.network import Architecture
from mot_ros.tracking.nets.slm.variants import make_slm
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.weights import store as weights
from mot_ros.training.config import read_config
from mot_ros.training.datasets import read_datasets
from mot_ros.training.init import init_weights, make_task
from mot_ros.training.model_card import model_card, TrainingRecord, write_weights


def network(motion='emm', seed=0, **more):
    torch.manual_seed(seed)
    values = {'body': 'mobilenetv3', 'width': 16, 'hidden': 32, 'imm_channels': 8,
              'imm_hidden': 16, **more}
    return Architecture(motion=motion, **values).make()


@pytest.fixture(scope='module')
def ssd(tmp_path_factory):
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp('ssd') / 'ssd.safetensors'
    state = SsdMobileNetV3().state_dict()
    safetensors.torch.save_file(state, path)
    return path, state


def test_the_detectors_body_goes_into_bodies_of_its_kind(ssd):
    path, state = ssd
    slm, siammot = make_slm('small'), network()
    assert 'begins with 92 of 117 tensors' in init_weights(slm, str(path))
    init_weights(siammot, str(path))
    for name, tensor in state.items():
        if name.startswith('blocks.3.'):
            assert torch.equal(slm.state_dict()[f'trunk.{name}'], tensor)
            assert torch.equal(siammot.state_dict()[f'backbone.body.{name}'], tensor)


def test_the_detector_of_one_motion_model_goes_on_with_another(tmp_path):
    emm, imm = network('emm', 1), network('imm', 2)
    path = tmp_path / 'emm.safetensors'
    safetensors.torch.save_file(emm.state_dict(), path)
    before = {name: tensor.clone() for name, tensor in imm.state_dict().items()}
    init_weights(imm, str(path))
    for name, tensor in imm.state_dict().items():
        expected = before if 'track.tracker' in name else emm.state_dict()
        assert torch.equal(tensor, expected[name]), name


def test_a_body_that_would_be_half_there_is_refused(ssd, tmp_path):
    with pytest.raises(WeightsError, match=r'of the body .* are not; name other weights'):
        init_weights(network(body='resnet50'), str(ssd[0]))
    with pytest.raises(WeightsError, match='does not fit SlmSmall: 0 of its 117 tensors'):
        path = tmp_path / 'other.safetensors'
        safetensors.torch.save_file(make_slm('article').state_dict(), path)
        init_weights(make_slm('small'), str(path))
    assert init_weights(make_slm('small'), '') == 'begins with random weights'


@pytest.mark.parametrize('wrong', ['width', 'hidden', 'classes'])
def test_a_network_of_no_size_is_refused(wrong):
    with pytest.raises(ConfigError, match='width and hidden at least 1'):
        network(**{wrong: 0})


def test_a_task_can_repeat_what_it_shows():
    config = read_config('slm', 'slm-small', 'cpu', {'init': '', 'repeat': 2})
    task, _ = make_task(config, read_datasets([]))
    assert task.sample(5) is task.sample(1)


def test_weights_tell_how_they_were_made(tmp_path):
    config = read_config('siammot', 'siammot-small', 'cpu', {
        'init': '/home/me/begin.safetensors', 'recipe.seed': 4})
    learner, folder = network(), ['/home/me/images', 'b.odgt=/data/Images/']
    metadata = model_card(
        config, learner, folder, ['mot_ros', 'train', '--data=/home/me/images'], 61.7,
        torch.device('cpu'))
    path = tmp_path / 'weights.safetensors'
    write_weights(path, learner.state_dict(), metadata, half=True)
    found = weights.metadata(path)
    assert (found['kind'], found['body'], found['classes'], found['motion']) == (
        'siammot', 'mobilenetv3', '2', 'emm')
    assert json.loads(found['names']) == ['person']
    assert found['data'] == 'images, b.odgt=Images'
    assert found['command'] == 'mot_ros train --data=images'
    assert (found['seed'], found['steps'], found['seconds']) == (
        '4', str(config.recipe.steps), '62')
    # weights are given away, the names of one's folders are not
    assert not [name for name, value in found.items() if '/home' in value or '/data' in value]
    state = weights.load(path)
    assert {tensor.dtype for tensor in state.values()} == {torch.float16}
    again = network(seed=9)
    weights.fit(again, state)
    for name, tensor in learner.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], tensor, atol=1e-3, rtol=1e-3)


def test_a_folder_goes_on_with_its_own_training_only(tmp_path):
    config = read_config('slm', 'slm-small', 'cpu')
    record = TrainingRecord(tmp_path, config, ['a'])
    record.save()
    # nothing was trained yet
    TrainingRecord(tmp_path, config, ['b']).save()
    (tmp_path / 'last.pt').touch()
    with pytest.raises(ConfigError, match=r"of another data: was \['b'\], and is \['a'\]"):
        TrainingRecord(tmp_path, config, ['a'])
    other = read_config('slm', 'slm-small', 'cpu', {'samples.blur': 0.1})
    with pytest.raises(ConfigError, match=r'another config: samples\.blur was 0.3, and is 0.1'):
        TrainingRecord(tmp_path, other, ['b'])
    helped = read_config('slm', 'slm-small', 'cpu', {'recipe.workers': 2})
    text = json.loads((tmp_path / 'training.json').read_text())
    (tmp_path / 'training.json').write_text(json.dumps({**text, 'seconds': 100.0}))
    assert 100 <= TrainingRecord(tmp_path, helped, ['b']).seconds < 110
    (tmp_path / 'training.json').write_text('{')
    with pytest.raises(WeightsError, match=r'training\.json beside it cannot be read'):
        TrainingRecord(tmp_path, config, ['b'])
