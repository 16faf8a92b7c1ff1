# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Training from the command line: the default models in small, and what the command refuses."""

import json

import cv2
import numpy as np
import pytest

from mot_ros import cli
from mot_ros.commands import train_defaults
from mot_ros.tracking.appearance.slm import SlmEmbedder
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.nets.siammot.network import load_network
from mot_ros.tracking.weights import store as weights
from mot_ros.training import loss_curve as curve


@pytest.fixture(scope='module')
def smoke(tmp_path_factory):
    """Train all default models for a few steps on drawn figures."""
    folder = tmp_path_factory.mktemp('trained')
    assert train_defaults.main(['--smoke', '--device=cpu', f'--output={folder}']) == 0
    return folder


@pytest.mark.parametrize('name', [
    train_defaults.EMM, train_defaults.IMM, train_defaults.SLM, train_defaults.SSD])
def test_the_loss_of_every_default_model_falls(smoke, name):
    first, last = train_defaults.fell(smoke / name / 'curve.csv')
    assert last < 0.95 * first
    assert (smoke / name / 'curve.png').stat().st_size > 1000


def test_what_was_trained_can_be_used(smoke):
    for name, motion in ((train_defaults.EMM, 'Emm'), (train_defaults.IMM, 'Imm')):
        network = load_network(smoke / name / 'weights.safetensors')
        assert type(network.motion).__name__ == motion
    embedder = SlmEmbedder(
        str(smoke / train_defaults.SLM / 'weights.safetensors'), 'cpu')
    assert embedder.dimension == 128
    file = smoke / train_defaults.SSD / 'weights.safetensors'
    assert weights.metadata(file)['kind'] == 'ssd'
    made = make_detector(build(Settings, {
        'detector.type': 'ssd', 'detector.weights': str(file), 'detector.width': 256,
        'detector.height': 192, 'detector.classes': ()}))
    assert len(made.class_names) == 80


def test_both_motion_models_have_the_same_detector(smoke):
    emm, imm = (weights.load(smoke / name / 'weights.safetensors')
                for name in (train_defaults.EMM, train_defaults.IMM))
    for name, tensor in emm.items():
        if 'track.tracker' not in name:
            assert tensor.equal(imm[name]), name


def test_weights_show_tells_how_they_were_made(smoke, capsys):
    file = smoke / train_defaults.SLM / 'weights.safetensors'
    assert cli.main(['weights', 'show', str(file)]) == 0
    shown = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert (shown['kind'], shown['variant'], shown['data']) == ('slm', 'lite', 'drawn figures')
    assert shown['sha256'] == weights.sha256(file.read_bytes())
    assert shown['steps'] == '16'
    assert shown['command'].startswith('mot_ros train slm --recipe=slm-small ')
    assert str(smoke) not in shown['command']


def test_the_report_tells_how_they_were_made(smoke):
    report = (smoke / train_defaults.SLM / 'report.md').read_text()
    assert report.startswith('# slm lite\n\n    mot_ros train slm --recipe=slm-small ')
    assert 'data: drawn figures; initial weights: none' in report and '16 steps in 0.0' in report
    # the first step, and ten more rows as far as there are steps
    rows = [line for line in report.splitlines() if line.startswith('|')][2:]
    assert len(rows) == 11 and '## Held out' not in report
    steps = [int(row.split('|')[1]) for row in rows]
    assert steps[0] == 0 and steps[-1] == 15


def test_people_kept_aside_judge_the_weights(tmp_path):
    for person in range(1, 4):
        for view in range(1, 5):
            image = np.full((60, 24, 3), 60 * person + view, np.uint8)
            cv2.imwrite(str(tmp_path / f'{person:04d}{view:03d}.jpg'), image)
    assert cli.main(slm(tmp_path / 'out', f'--judge={tmp_path}=2')) == 0
    card = weights.metadata(tmp_path / 'out' / 'weights.safetensors')
    held_out = json.loads(card['held_out'])
    assert set(held_out) == {f'{tmp_path.name} rank-1', f'{tmp_path.name} mAP'}
    assert '## Held out' in (tmp_path / 'out' / 'report.md').read_text()
    assert cli.main(slm(tmp_path / 'none', f'--judge={tmp_path / "out"}')) == 2
    assert cli.main(['train', 'ssd', f'--judge={tmp_path}', f'--output={tmp_path / "a"}']) == 2


def slm(folder, *more):
    return ['train', 'slm', f'--output={folder}', '--init=none', '--device=cpu', '--steps=4',
            '--batch=2', '--set=recipe.warm_up=1', '--set=recipe.save_every=2', '--set=repeat=4',
            '--set=samples.views=2', *more]


def test_the_same_command_goes_on_and_another_does_not(tmp_path, capsys, monkeypatch):
    assert cli.main(slm(tmp_path / 'whole')) == 0
    kept = {}

    def broken_off(losses):
        for number, loss in enumerate(losses):
            if number == 2:
                raise KeyboardInterrupt
            yield loss

    from mot_ros.training import trainer
    whole = trainer.train
    monkeypatch.setattr(trainer, 'train', lambda *args: broken_off(whole(*args)))
    assert cli.main(slm(tmp_path / 'parts')) == 130
    assert 'the same command goes on' in capsys.readouterr().err
    assert not (tmp_path / 'parts/weights.safetensors').exists()
    monkeypatch.undo()
    assert cli.main(slm(tmp_path / 'parts')) == 0
    assert 'goes on from step 2' in capsys.readouterr().err
    for name in ('whole', 'parts'):
        kept[name] = (tmp_path / name / 'curve.csv').read_text()
    assert kept['whole'] == kept['parts']
    assert len(list(curve.read(tmp_path / 'parts/curve.csv'))) == 4
    assert cli.main(slm(tmp_path / 'parts', '--set=samples.blur=0')) == 2
    assert 'samples.blur was 0.3, and is 0' in capsys.readouterr().err


def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path, capsys):
    for words, complaint in (
            (['--motion=imm'], '--motion is no option of train slm'),
            (['--set=samples'], 'sets nothing; give --set NAME=VALUE'),
            (['--set=samples.blurr=1'], 'did you mean blur'),
            (['--recipe=siammot-small'], 'must be "kind: slm"'),
            ([f'--data={tmp_path / "none"}'], 'neither a folder nor a file to train on')):
        assert cli.main(slm(tmp_path / 'out', *words)) == 2
        assert complaint in capsys.readouterr().err
        assert not (tmp_path / 'out').exists()


def test_a_loss_that_did_not_fall_is_an_error(tmp_path, monkeypatch, capsys):
    def rising(words):
        folder = tmp_path / words[-1].rpartition('/')[2]
        folder.mkdir()
        (folder / 'curve.csv').write_text('step,loss\n0,1.0\n1,1.5\n2,2.0\n')
        return 0

    monkeypatch.setattr(cli, 'main', rising)
    assert train_defaults.main([f'--output={tmp_path}', '--only=slm-small']) == 1
    out, err = capsys.readouterr()
    assert 'slm-small: loss 1.000 -> 2.000' in out and 'did not fall' in err
