# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from dataclasses import replace

import numpy as np
import pytest
import torch

from mot_ros.data.synthetic.frame_pairs import PairSample
from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.ssd.mobilenet import SsdDetector
from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights
from mot_ros.training.config import read_config
from mot_ros.training.datasets import read_datasets
from mot_ros.training.init import make_task
from mot_ros.training.model_card import model_card, write_weights
from mot_ros.training.tasks.ssd import PERSON, SsdTask
from mot_ros.training.trainer import train

SIZE = (96, 64)


class TwoPeople:
    """Pairs of a bright person, who is in the right half in the second frame; one hardly seen."""

    def sample(self, index):
        images, boxes = [], []
        for x in (10, 60):
            image = np.full((SIZE[1], SIZE[0], 3), 40 + index, np.uint8)
            image[10:50, x:x + 16] = 230
            images.append(image)
            boxes.append(np.array([[x, 10, x + 16, 50], [30, 0, 40, 20]], np.float32))
        one, region = np.arange(2), np.array([[0, 50, 300, 300]], np.float32)
        return PairSample(
            tuple(images), tuple(boxes), (one, one), (one * 0, one * 0),
            (np.array([1, .1], np.float32),) * 2, regions=(region[:0], region))


@pytest.fixture(scope='module')
def whole():
    torch.manual_seed(0)
    return SsdMobileNetV3().state_dict()


def task(whole, **more):
    network = SsdMobileNetV3()
    network.load_state_dict(whole)
    return SsdTask(network, TwoPeople(), **more)


def test_samples_are_the_frames_of_pairs_in_turn(whole):
    first, second = (task(whole).sample(index) for index in (0, 1))
    assert first.boxes.tolist() == [[10, 10, 26, 50]] and second.boxes[0, 0] == 60
    assert (first.image[20, 15] == 230).all() and (second.image[20, 65] == 230).all()
    # who is hardly visible, and regions where nobody looked
    assert first.ignored.tolist() == [[30, 0, 40, 20]]
    assert second.ignored.tolist() == [[30, 0, 40, 20], [0, 50, 300, 300]]
    assert len(task(whole, least=0.05).sample(0).boxes) == 2


def test_a_batch_is_what_the_detector_would_see(whole):
    made = task(whole)
    batch = made.collate([made.sample(0), made.sample(1)])
    assert batch.images.shape == (2, 3, SIZE[1], SIZE[0])
    assert batch.images[1, :, 20, 65].tolist() == pytest.approx([(230 - 127.5) / 127.5] * 3)
    assert batch.truth[1].boxes.tolist() == [[60, 10, 76, 50]]
    # regions end where the image does
    assert batch.truth[1].ignored[1].tolist() == [0, 50, *SIZE]
    odd = replace(made.sample(0), image=np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(ConfigError, match='cannot be trained on together; give all one size'):
        made.collate([made.sample(0), odd])


def test_a_box_of_no_width_is_no_number_to_learn(whole):
    made = task(whole)
    sample = made.sample(0)

    class Thin:
        def sample(self, index):
            boxes = np.array([[10, 10, 10, 50]], np.float32)
            return PairSample(
                (sample.image,) * 2, (boxes,) * 2, (np.ones(1, int),) * 2, (np.zeros(1, int),) * 2,
                (np.ones(1, np.float32),) * 2)

    made = SsdTask(SsdMobileNetV3(), Thin())
    losses = made.losses(made.collate([made.sample(0)]))
    assert all(torch.isfinite(part) for part in losses.values()) and losses['boxes'] == 0


def test_only_people_are_learned_and_all_classes_come_back(whole, tmp_path):
    made = task(whole)
    config = read_config('ssd', 'ssd-person', 'cpu', {
        'recipe.steps': 6, 'recipe.batch': 2, 'recipe.warm_up': 1, 'recipe.rate': 1e-3,
        'recipe.weight_decay': 0.1})
    losses = list(train(made, config.recipe, tmp_path, torch.device('cpu')))
    assert min(losses[3:]) < losses[0]
    after = made.weights()
    assert after.keys() == whole.keys()
    for name, tensor in whole.items():
        assert after[name].shape == tensor.shape
        same = torch.isclose(after[name], tensor, rtol=0, atol=0)
        body = name.split('.')
        if body[0] == 'stem' or (body[0] == 'blocks' and int(body[1]) <= 5):
            assert same.all(), name
        elif name.startswith('class_heads') and 'pointwise' in name:
            rows = torch.arange(len(tensor)) % 91 != PERSON
            assert same[rows].all(), name
            assert not same[~rows].all(), name
        elif name.endswith('weight'):
            assert not same.all(), name


def test_the_detector_takes_what_was_trained(whole, tmp_path):
    made = task(whole)
    with torch.no_grad():
        for parameter in made.network.parameters():
            parameter.mul_(1.01)
    config = read_config('ssd', 'ssd-person', 'cpu')
    path = tmp_path / 'weights.safetensors'
    found = model_card(config, made.network, ['a'], ['mot_ros'], 1.0, torch.device('cpu'))
    write_weights(path, made.weights(), found)
    assert weights.metadata(path)['kind'] == 'ssd'
    frame = Frame.of(made.sample(0).image, 0.0)
    settings = DetectorSettings(weights=str(path), width=SIZE[0], height=SIZE[1])
    raw = SsdDetector(settings, 'cpu').raw([frame])
    logits, _ = made.network.eval()(made.collate([made.sample(0)]).images)
    assert torch.allclose(raw.scores[0, :, 0], logits[0, :, 0].sigmoid(), atol=1e-5)
    everything = SsdDetector(replace(settings, classes=()), 'cpu').raw([frame])
    assert everything.scores.shape[2] == 80


def test_a_plan_begins_with_the_weights_that_it_names(whole, tmp_path):
    path = tmp_path / 'begin.safetensors'
    write_weights(path, whole, {})
    figures = read_datasets([])
    made, said = make_task(read_config('ssd', 'ssd-person', 'cpu', {'init': str(path)}), figures)
    assert said == f'begins with {path}'
    for name, tensor in made.weights().items():
        assert torch.equal(tensor, whole[name]), name
    assert made.sample(0).image.shape == (480, 640, 3)
    write_weights(path, {'stem.weight': whole['stem.weight']}, {})
    with pytest.raises(WeightsError, match='do not fit SsdMobileNetV3'):
        make_task(read_config('ssd', 'ssd-person', 'cpu', {'init': str(path)}), figures)
