# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from torch import nn

from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.training import loss_curve as curve
from mot_ros.training.schedule import Schedule
from mot_ros.training.trainer import make_optimizer, train, TrainingError
from test.training.toy import Plane, recipe

CPU = torch.device('cpu')


def run(folder, task=None, upto=None, **more):
    """Train, or break off after `upto` steps; return the losses and the network."""
    folder.mkdir(exist_ok=True)
    task = task or Plane()
    losses = []
    for loss in train(task, recipe(**more), folder, CPU):
        losses.append(loss)
        if upto is not None and len(losses) == upto:
            break
    return losses, task.network


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_the_loss_falls_and_the_plane_is_found(tmp_path):
    losses, network = run(tmp_path, steps=400)
    assert len(losses) == 400
    assert losses[-1] < losses[0] / 100
    x = torch.randn(20, 3)
    torch.testing.assert_close(
        network(x), x @ torch.tensor([[2.0], [-1.0], [0.5]]), atol=0.1, rtol=0.05)


@pytest.mark.parametrize('broken_off', [1, 7, 20, 59])
def test_one_that_was_broken_off_goes_on_as_if_it_had_not(tmp_path, broken_off):
    whole, network = run(tmp_path / 'whole')
    run(tmp_path / 'parts', upto=broken_off)
    rest, resumed = run(tmp_path / 'parts')
    saved = broken_off // 7 * 7
    assert rest == whole[saved:]
    assert equal(network, resumed)
    assert (tmp_path / 'whole/curve.csv').read_text() == (
        tmp_path / 'parts/curve.csv').read_text()


def test_killing_it_at_any_moment_changes_nothing(tmp_path):
    """SIGKILL to a real process, several times, wherever it happens to be."""
    run(tmp_path / 'whole')
    folder = tmp_path / 'killed'
    folder.mkdir()
    command = [sys.executable, '-m', 'test.training.toy', str(folder), '--pause', '0.02']
    environment = {**os.environ, 'OMP_NUM_THREADS': str(torch.get_num_threads())}
    for _ in range(3):
        done = (folder / 'curve.csv').read_text().count('\n') if (
            folder / 'curve.csv').exists() else 0
        process = subprocess.Popen(command, env=environment)
        while process.poll() is None and not (
                (folder / 'curve.csv').exists()
                and (folder / 'curve.csv').read_text().count('\n') > done + 4):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    subprocess.run(command[:-2], env=environment, check=True)
    assert (folder / 'curve.csv').read_text() == (tmp_path / 'whole/curve.csv').read_text()


def test_two_processes_do_the_work_of_one_with_twice_the_batch(tmp_path):
    """The gradient is the mean over the processes, and so is the loss over the batch."""
    folders = [tmp_path / 'one', tmp_path / 'two']
    for folder, count in zip(folders, (1, 2), strict=True):
        folder.mkdir()
        subprocess.run(
            [sys.executable, '-m', 'torch.distributed.run', f'--nproc-per-node={count}',
             '--standalone', '-m', 'test.training.toy', str(folder),
             f'--batch={16 // count}', '--optimizer=sgd'],
            env={**os.environ, 'OMP_NUM_THREADS': '1'}, check=True, capture_output=True)
    one, two = (list(curve.read(folder / 'curve.csv')) for folder in folders)
    assert len(one) == len(two) == 60
    assert one[0]['rate'] == two[0]['rate']
    # each process shows its own half; and it draws noise of its own
    networks = []
    for folder in folders:
        ends = [torch.load(path, weights_only=True) for path in sorted(folder.glob('end-*.pt'))]
        networks.append(ends)
    for key, tensor in networks[1][0].items():
        assert torch.equal(tensor, networks[1][1][key]), 'processes went apart'
        torch.testing.assert_close(tensor, networks[0][0][key], atol=5e-3, rtol=5e-3)


def test_workers_make_the_same_samples(tmp_path):
    alone, _ = run(tmp_path / 'a', steps=10)
    helped, _ = run(tmp_path / 'b', steps=10, workers=2)
    assert alone == helped


def test_a_loss_that_is_not_finite_stops_it_and_names_its_parts(tmp_path):
    class Broken(Plane):
        def losses(self, batch):
            return {**super().losses(batch), 'part': torch.tensor(float('nan'))}

    with pytest.raises(
            TrainingError, match=r'step 0 cannot be taken \(loss nan, fit .*part nan\)'):
        run(tmp_path, Broken())


def test_a_gradient_that_is_not_finite_stops_it_before_a_step(tmp_path):
    class Steep(Plane):
        def losses(self, batch):
            parts = super().losses(batch)
            # finite itself, but its slope is infinite at 0
            return {**parts, 'part': (parts['fit'] * 0).sqrt()}

    task = Steep()
    before = [parameter.detach().clone() for parameter in task.network.parameters()]
    with pytest.raises(TrainingError, match=r'step 0 cannot be taken \(.*gradient nan\)'):
        run(tmp_path, task)
    assert all(map(torch.equal, before, task.network.parameters()))


def test_another_recipe_does_not_go_on_with_it(tmp_path):
    run(tmp_path, upto=10)
    with pytest.raises(ConfigError, match=r'made by another recipe.*name another folder'):
        run(tmp_path, rate=2e-2)
    # how often it is saved, and by how many it is helped, is no part of it
    run(tmp_path, save_every=5)


@pytest.mark.parametrize('damage', [b'', b'garbage', None])
def test_a_damaged_state_is_refused(tmp_path, damage):
    run(tmp_path, upto=10)
    path = tmp_path / 'last.pt'
    path.write_bytes(path.read_bytes()[:-400] if damage is None else damage)
    with pytest.raises(WeightsError, match=r'is no state of a training.*remove it'):
        run(tmp_path)


def test_what_is_frozen_stays_and_what_is_slow_moves_less(tmp_path):
    before = Plane().network
    moved = {}
    for name, slow in (('all', ()), ('frozen', (('0', 0.0),)), ('slow', (('0', 0.1),))):
        _, network = run(tmp_path / name, steps=5, ema=0.0, slow=slow)
        moved[name] = float((network[0].weight - before[0].weight).detach().abs().max())
        assert not torch.equal(network[1].weight, before[1].weight)
    assert moved['frozen'] == 0
    assert moved['slow'] == pytest.approx(moved['all'] / 10, rel=0.3)
    with pytest.raises(TrainingError, match='every part of the network is frozen'):
        run(tmp_path / 'none', slow=(('', 0.0),))


def test_biases_are_not_decayed_and_learn_at_their_own_rate():
    optimizer = make_optimizer(Plane().network, recipe(optimizer='sgd', bias_rate=2.0))
    found = {(group['share'], group['weight_decay'], len(group['params']))
            for group in optimizer.param_groups}
    assert found == {(1.0, 1e-4, 2), (2.0, 0.0, 2)}


def test_the_average_is_that_of_the_weights(tmp_path):
    task = Plane()
    weights = [task.network[1].bias.detach().clone()]
    (tmp_path / 'x').mkdir()
    for _ in train(task, recipe(steps=12, ema=0.8), tmp_path / 'x', CPU):
        weights.append(task.network[1].bias.detach().clone())
    average = weights[0]
    for step, weight in enumerate(weights[1:13]):
        keep = min(0.8, (1 + step) / (10 + step))
        average = keep * average + (1 - keep) * weight
    torch.testing.assert_close(task.network[1].bias.detach(), average)


def test_rates():
    sgd = Schedule(steps=100, batch=4, rate=0.02, rate_batch=16, optimizer='sgd', warm_up=10,
                 drops=(0.6, 0.8))
    assert sgd.rate_at(0) == pytest.approx(0.005 / 3)
    assert sgd.rate_at(0, processes=4) == pytest.approx(0.02 / 3)
    np.testing.assert_allclose(
        [sgd.rate_at(step) for step in (10, 59, 60, 79, 80, 99)],
        [0.005, 0.005, 5e-4, 5e-4, 5e-5, 5e-5])
    adamw = Schedule(steps=110, batch=4, rate=1e-3, rate_batch=16, warm_up=10)
    np.testing.assert_allclose(
        [adamw.rate_at(step) for step in (10, 60, 110)], [5e-4, 2.5e-4, 0], atol=1e-12)
    assert max(adamw.rate_at(step) for step in range(110)) == adamw.rate_at(10)


@pytest.mark.parametrize(('wrong', 'complaint'), [
    ({'steps': 0}, 'steps is 0; it must be at least 1'),
    ({'rate': 0.0}, 'rate is 0.0; it must be positive'),
    ({'optimizer': 'adam'}, "optimizer is 'adam'; choose one of"),
    ({'ema': 1.0}, 'ema is 1.0'),
])
def test_recipes_without_sense_are_refused(wrong, complaint):
    with pytest.raises(ConfigError, match=complaint):
        recipe(**wrong)


def test_a_curve_can_be_seen(tmp_path):
    run(tmp_path)
    curve.plot(tmp_path / 'curve.csv', tmp_path / 'curve.png')
    assert (tmp_path / 'curve.png').read_bytes().startswith(b'\x89PNG')
    assert curve.smoothed([1.0, 3.0, 5.0], 1) == [1.0, 3.0, 5.0]
    assert curve.smoothed([2.0] * 9, 4) == pytest.approx([2.0] * 9)


def test_buffers_of_the_average_are_those_of_the_network(tmp_path):
    class Normed(Plane):
        def __init__(self):
            super().__init__()
            self.network = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))

    task = Normed()
    run(tmp_path, task, steps=5)
    assert int(task.network[1].num_batches_tracked) == 5
