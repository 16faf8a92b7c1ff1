# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from dataclasses import replace

import pytest

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.siammot.network import Architecture
from mot_ros.training.config import outcome_values, read_config, recipe_names, SIZES, SlmNetwork


def kind_of(name):
    return name.partition('-')[0]


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize(
    'name', [
        'siammot-paper', 'siammot-published', 'siammot-small', 'slm-reid-research', 'slm-small',
        'ssd-person'])
def test_recipes_of_the_package_can_be_read(name, size):
    assert name in recipe_names()
    config = read_config(kind_of(name), name, size)
    assert config.recipe.steps >= 500
    assert config.recipe.warm_up < config.recipe.steps / 5


def test_the_papers_own_loss_is_all_that_its_recipe_changes():
    paper, published = (
        read_config('siammot', f'siammot-{name}', 'gpu') for name in ('paper', 'published'))
    assert (paper.loss.focal, paper.loss.margin) == (True, 0.0)
    assert (published.loss.focal, published.loss.margin) == (False, 0.8)
    assert replace(paper, loss=published.loss) == published


def test_the_published_values():
    """Specification of SiamMOT's training, section 1.10.5."""
    config = read_config('siammot', 'siammot-published', 'gpu')
    recipe = config.recipe
    assert config.network == Architecture()
    assert (recipe.optimizer, recipe.momentum, recipe.weight_decay) == ('sgd', 0.9, 1e-4)
    assert (recipe.steps, recipe.warm_up, recipe.bias_rate) == (50000, 500, 2.0)
    # eight processes with two pairs each
    rates = [recipe.rate_at(step, 8) for step in (0, 500, 29999, 30000, 40000)]
    assert rates == pytest.approx([0.02 / 3, 0.02, 0.02, 0.002, 0.0002])
    assert (config.samples.composed, config.samples.mosaics, config.samples.images) == (0, 0, 1)


def test_the_size_of_the_machine_decides():
    small, large = (read_config('slm', 'slm-small', size) for size in SIZES)
    assert small.recipe.steps < large.recipe.steps
    assert large.recipe.bf16 and not small.recipe.bf16
    assert small.network == large.network == SlmNetwork('lite')


def test_changes_go_before_the_file():
    config = read_config('siammot', 'siammot-small', 'cpu', {
        'recipe.steps': 7, 'network.motion': 'imm', 'samples.size': [320, 256],
        'loss.rcnn.rois': 9, 'recipe.rate': 1, 'recipe.clip': '1e-3',
        'recipe.slow': {'rpn': 0}, 'init': ''})
    before = read_config('siammot', 'siammot-small', 'cpu')
    assert config.recipe == replace(
        before.recipe, steps=7, rate=1.0, clip=1e-3, slow=(('rpn', 0.0),))
    assert config.network == replace(before.network, motion='imm')
    assert config.samples.size == (320, 256)
    assert config.loss.rcnn == replace(before.loss.rcnn, rois=9)
    assert config.init == ''


def test_values_that_decide_the_outcome_are_compared():
    some = read_config('slm', 'slm-small', 'cpu')
    other = read_config('slm', 'slm-small', 'cpu', {
        'recipe.workers': 3, 'recipe.save_every': 9})
    assert outcome_values(some) == outcome_values(other)
    blurred = read_config('slm', 'slm-small', 'cpu', {'samples.blur': 0.1})
    assert outcome_values(some) != outcome_values(blurred)


@pytest.mark.parametrize(('changes', 'complaint'), [
    ({'recipe.step': 3}, 'there is no step in Schedule; did you mean steps'),
    ({'loss.xyz': 3}, 'there is no xyz in SlmWeights; there are contrastive'),
    ({'recipe.steps': 'many'}, "recipe: steps is 'many'; it must be of type int"),
    ({'recipe.steps': True}, 'recipe: steps is True; it must be of type int'),
    ({'recipe.rate': 'high'}, "recipe: rate is 'high'; it must be of type float"),
    ({'samples': 3}, 'samples is 3; it must have names with values'),
    ({'loss.pairs': -1}, 'weights are not negative'),
    ({'recipe.steps': [1, 2]}, r'recipe: steps is \[1, 2\]; it must be of type int'),
    ({'recipe.steps.more': 1}, "recipe: steps is {'more': 1}; it must be of type int"),
    ({'recipe.drops': 0.5}, 'recipe: drops is 0.5; it must be a list of float'),
    ({'recipe.slow': [1]}, r'recipe: slow is \[1\]; it must have names with values'),
    ({'recipe.slow': {'rpn': 'x'}}, "recipe: slow.rpn is 'x'; it must be of type float"),
    ({'samples.size': 64}, 'samples: size is 64; it must be a list of int, int'),
    ({'samples.size': [64]}, r'samples: size is \[64\]; it must be a list of int, int'),
    ({'samples.heights': [40, 'tall']}, "heights is 'tall'; it must be of type float"),
])
def test_what_cannot_be_is_named(changes, complaint):
    with pytest.raises(ConfigError, match=complaint):
        read_config('slm', 'slm-small', 'cpu', changes)


def test_files_that_are_no_recipes(tmp_path):
    file = tmp_path / 'mine.yaml'
    with pytest.raises(ConfigError, match='there is no recipe'):
        read_config('slm', str(file), 'cpu')
    with pytest.raises(ConfigError, match=r"'mine' is neither a recipe .*slm-small"):
        read_config('slm', 'mine', 'cpu')
    for text, complaint in (
            ('kind: [', 'is no YAML'), ('3', 'holds no names'),
            ('kind: siammot', 'must be "kind: slm"'),
            ('kind: slm', 'needs .*recipe'), ('kind: slm\nrecipe: {steps: 3}', 'needs .*batch')):
        file.write_text(text)
        with pytest.raises(ConfigError, match=complaint):
            read_config('slm', str(file), 'cpu')
    file.write_text('kind: siammot\nrecipe: {steps: 3, batch: 1, rate: 1, rate_batch: 1}\n'
                    'network: {motion: emn}')
    with pytest.raises(ConfigError, match="motion is 'emn'; choose of emm, imm, none"):
        read_config('siammot', str(file), 'cpu')
    file.write_text('kind: slm\nrecipe: {steps: 3, batch: 1, rate: 1, rate_batch: 1}\n'
                    'gpu:\n  recipe: {steps: 9}')
    assert read_config('slm', str(file), 'gpu').recipe.steps == 9
