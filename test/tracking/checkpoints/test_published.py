# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import json
import os
import struct
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from mot_ros import cli
from mot_ros.commands import weights as command
from mot_ros.tracking.checkpoints.published import import_checkpoint, KINDS
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.prb import network as prb
from mot_ros.tracking.nets.slm.network import Slm
from mot_ros.tracking.weights import store as weights
from mot_ros.tracking.weights.key_matching import MatchedWeights
from test.tracking.detectors.prb_rows import NARROW, random_network
from test.tracking.weights.test_torch_pickle import Trap


@pytest.fixture
def narrow(monkeypatch):
    """Let files of a sixteenth of the width be those of PRB-FPN6-MSP."""
    published = prb.adopt
    monkeypatch.setattr(prb, 'adopt', lambda state: published(state, NARROW))


def slm_state():
    torch.manual_seed(0)
    state = Slm('code').state_dict()
    return {**state, 'resnet.fc.weight': torch.zeros(10, 4), 'conv1.bn1.bias': torch.zeros(2)}


def yolo(network, authors, names):
    """Return the network as a module of classes that only its authors have."""
    def rebuilt(module, name='Model'):
        kind = getattr(authors, name, None)
        if kind is None:
            kind = type(name, (nn.Module,), {'__module__': 'models_of_authors'})
            setattr(authors, name, kind)
        copy = kind()
        for key, value in module.named_parameters(recurse=False):
            copy.register_parameter(key, value)
        for key, value in module.named_buffers(recurse=False):
            copy.register_buffer(key, value)
        for key, child in module.named_children():
            copy.add_module(key, rebuilt(child, type(child).__name__))
        return copy

    result = rebuilt(network)
    result.names = list(names)
    return result


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Save networks as YOLOv7 does; their classes are gone afterwards."""
    def save(path, names=('person',), **content):
        authors = types.ModuleType('models_of_authors')
        entries = {key: yolo(network, authors, names) for key, network in content.items()}
        monkeypatch.setitem(sys.modules, 'models_of_authors', authors)
        torch.save({'epoch': 9, 'best_fitness': np.array([0.5]), **entries}, path)
        monkeypatch.delitem(sys.modules, 'models_of_authors')
        return path

    return save


# what is written

def test_slm_out_of_its_checkpoint(tmp_path):
    state = slm_state()
    file = tmp_path / 'ver12.pt'
    torch.save({'epoch_id': 3, 'model_G_state_dict': {
        f'module.{name}': tensor for name, tensor in state.items()}}, file)
    path, found = import_checkpoint('slm', file)
    assert path == tmp_path / 'ver12.safetensors'
    assert found.unused == ('resnet.fc.weight', 'conv1.bn1.bias') and found.unexpected == ()
    network = Slm('code')
    weights.fit(network, weights.load(path))
    assert torch.equal(network.conv_pred.weight, state['conv_pred.weight'])
    assert weights.metadata(path) == {
        'kind': 'slm', 'variant': 'code', 'source': 'ver12.pt',
        'source_sha256': weights.sha256(file.read_bytes())}


def test_slm_of_the_article_is_recognised(tmp_path):
    file = tmp_path / 'mine.safetensors'
    torch.save(Slm('article').state_dict(), tmp_path / 'mine.pth')
    path, found = import_checkpoint('slm', tmp_path / 'mine.pth', file)
    assert path == file and found.metadata['variant'] == 'article' and found.complete


def test_prb_out_of_a_pickled_network(tmp_path, published, narrow):
    model, averaged = random_network(1, seed=1).half(), random_network(1, seed=2).half()
    file = published(tmp_path / 'PRB.pt', model=model, ema=averaged)
    with pytest.raises(WeightsError, match='--trust-pickle reads the tensors out of it') as caught:
        import_checkpoint('prb', file)
    assert '\n' not in str(caught.value)
    said = []
    path, found = import_checkpoint('prb', file, trust_pickle=True, progress=said.append)
    assert [line.startswith(f'warning: {file} is a whole pickled') for line in said] == [True]
    state = weights.load(path)
    expected = averaged.state_dict()
    assert found.unused and state.keys() == expected.keys() - set(found.unused)
    for name, tensor in state.items():
        assert tensor.dtype == expected[name].dtype and torch.equal(tensor, expected[name])
    assert weights.metadata(path) == {
        'kind': 'prb', 'body': 'PRB-FPN6-MSP', 'classes': '1', 'names': '["person"]',
        'source': 'PRB.pt', 'source_sha256': weights.sha256(file.read_bytes())}


def test_without_an_average_the_network_itself_is_taken(tmp_path, published, narrow):
    network = random_network(2)
    file = published(tmp_path / 'x.pt', ('person', 'car'), model=network)
    path, _ = import_checkpoint('prb', file, trust_pickle=True)
    name = 'model.0.conv.weight'
    assert torch.equal(weights.load(path)[name], network.state_dict()[name])
    assert json.loads(weights.metadata(path)['names']) == ['person', 'car']


def test_names_that_are_not_as_many_as_classes_are_not_kept(tmp_path, published, narrow):
    file = published(tmp_path / 'x.pt', ('person', 'car'), model=random_network(1))
    path, _ = import_checkpoint('prb', file, trust_pickle=True)
    assert 'names' not in weights.metadata(path)


def test_plain_tensors_of_prb_need_no_trust(tmp_path, narrow):
    torch.save({'model': random_network(1).state_dict()}, tmp_path / 'x.pt')
    said = []
    path, _ = import_checkpoint(
        'prb', tmp_path / 'x.pt', trust_pickle=True, progress=said.append)
    assert said == [] and 'names' not in weights.metadata(path)


def test_unusual_tensors(tmp_path):
    state = slm_state()
    state['fc.0.bias'] = nn.Parameter(torch.linspace(0, 1, 128))
    state['conv_pred.bias'] = torch.full((32,), 1.5).bfloat16()
    torch.save(state, tmp_path / 'a.pt')
    path, _ = import_checkpoint('slm', tmp_path / 'a.pt')
    found = weights.load(path)
    assert torch.equal(found['fc.0.bias'], torch.linspace(0, 1, 128))
    assert found['conv_pred.bias'].dtype == torch.float32 and found['conv_pred.bias'][3] == 1.5
    for odd in (torch.zeros(128).to_sparse(), torch.zeros(128, dtype=torch.complex64)):
        torch.save({**state, 'fc.0.bias': odd}, tmp_path / 'b.pt')
        with pytest.raises(WeightsError, match=r'fc\.0\.bias in .*weights are dense real'):
            import_checkpoint('slm', tmp_path / 'b.pt')


def test_the_same_file_gives_the_same_bytes(tmp_path):
    torch.save(slm_state(), tmp_path / 'a.pt')
    one, _ = import_checkpoint('slm', tmp_path / 'a.pt', tmp_path / 'one.safetensors')
    two, _ = import_checkpoint('slm', tmp_path / 'a.pt', tmp_path / 'two.safetensors')
    assert one.read_bytes() == two.read_bytes()


def test_siammot_goes_to_its_own_reader(tmp_path, monkeypatch):
    from mot_ros.tracking.nets.siammot import network as siammot

    monkeypatch.setattr(
        siammot, 'adopt', lambda state: MatchedWeights(
            dict(state), {'body': 'dla34', 'classes': '2'}))
    torch.save({'model': {'a': torch.ones(2)}, 'iteration': 5}, tmp_path / 'x.pth')
    path, _ = import_checkpoint('siammot', tmp_path / 'x.pth')
    assert weights.load(path)['a'].tolist() == [1, 1]
    assert weights.metadata(path)['body'] == 'dla34'


def test_arrays_of_mxnet_go_to_theirs(tmp_path, monkeypatch):
    from mot_ros.tracking.checkpoints import gluon_ssd as ssd_gluon_import

    seen = []
    monkeypatch.setattr(
        ssd_gluon_import, 'adopt', lambda state: seen.append(state) or MatchedWeights(
        dict(state), {'body': 'mobilenet1.0', 'classes': '20'}))
    # one array (2,) of float32, called w
    data = struct.pack('<QQQ', 0x112, 0, 1) + struct.pack(
        '<IiIqiiiff', 0xF993FAC9, 0, 1, 2, 1, 0, 0, 0.5, 2.0) + struct.pack(
        '<QQ', 1, 5) + b'arg:w'
    (tmp_path / 'x.params').write_bytes(data)
    path, _ = import_checkpoint('ssd', tmp_path / 'x.params')
    assert weights.load(path)['w'].tolist() == [0.5, 2.0] and seen[0].keys() == {'w'}
    assert weights.metadata(path)['kind'] == 'ssd'
    (tmp_path / 'cut.params').write_bytes(data[:-3])
    with pytest.raises(WeightsError, match=r'cut\.params .*is no whole file of MXNet'):
        import_checkpoint('ssd', tmp_path / 'cut.params')


# what is refused

def test_code_never_runs_with_or_without_trust(tmp_path):
    canary = tmp_path / 'canary'
    for number, trap in enumerate((
            Trap(os.system, f'touch {canary}'), Trap(eval, f'open({str(canary)!r}, "w")'))):
        for content in ({'model': trap}, {'model': {'a': torch.ones(1), 'b': trap}}, trap):
            file = tmp_path / f'{number}.pt'
            torch.save(content, file)
            for kind in KINDS:
                for trust in (False, True):
                    with pytest.raises(WeightsError):
                        import_checkpoint(kind, file, trust_pickle=trust)
    assert not canary.exists() and not list(tmp_path.glob('*.safetensors'))


@pytest.mark.parametrize('trust', [False, True])
@pytest.mark.parametrize('content', [b'', b'\xff' * 100, b'PK\x03\x04', b'no weights at all\n'])
def test_garbage_is_refused(tmp_path, content, trust):
    file = tmp_path / 'x.pt'
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=r'x\.pt'):
        import_checkpoint('prb', file, trust_pickle=trust)
    assert not list(tmp_path.glob('*.safetensors'))


@pytest.mark.parametrize('trust', [False, True])
def test_a_truncated_checkpoint_is_refused(tmp_path, trust):
    torch.save(slm_state(), tmp_path / 'whole.pt')
    whole = (tmp_path / 'whole.pt').read_bytes()
    file = tmp_path / 'cut.pt'
    for part in (1, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:part])
        with pytest.raises(WeightsError, match=r'cut\.pt'):
            import_checkpoint('slm', file, trust_pickle=trust)


def test_tensors_of_another_network_are_refused_with_a_list(tmp_path):
    state = slm_state()
    del state['fc.0.bias']
    state['conv_pred.bias'] = torch.zeros(31)
    torch.save(state, tmp_path / 'x.pt')
    with pytest.raises(WeightsError, match=(
            r'1 missing: fc\.0\.bias \| 1 of another shape: conv_pred\.bias is \(31,\)')):
        import_checkpoint('slm', tmp_path / 'x.pt')
    with pytest.raises(WeightsError, match=r'x\.pt is not of the kind prb: no tensor is called'):
        import_checkpoint('prb', tmp_path / 'x.pt')


@pytest.mark.parametrize('arguments, complaint', [
    (('yolo', 'x.pt'), "'yolo' is no kind of checkpoint; choose of siammot, slm, prb, ssd"),
    (('slm', 'none.pt'), r'none\.pt cannot be read: No such file'),
    (('slm', 'x.pt', 'out.pt'), r'out\.pt must end in \.safetensors'),
    (('slm', 'x.safetensors'), 'would be written over; name another file with --out'),
    (('slm', 'y.pt', 'x.safetensors/z.safetensors'), 'name another file with --out')])
def test_wrong_arguments(tmp_path, arguments, complaint):
    for name in ('x.pt', 'x.safetensors'):
        (tmp_path / name).write_bytes(b'x')
    torch.save(slm_state(), tmp_path / 'y.pt')
    kind, *paths = arguments
    with pytest.raises(WeightsError, match=complaint):
        import_checkpoint(kind, *(tmp_path / path for path in paths))


# the command

def test_the_command_has_the_same_kinds():
    assert tuple(KINDS) == command.KINDS


def test_the_command_prints_the_report_and_the_file(tmp_path, published, narrow, capsys):
    file = published(tmp_path / 'PRB.pt', model=random_network(1))
    out = tmp_path / 'deep' / 'prb.safetensors'
    arguments = ['weights', 'import', 'prb', str(file), '--out', str(out)]
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == '' and '--trust-pickle' in said.err and said.err.count('\n') == 1
    assert cli.main([*arguments, '--trust-pickle']) == 0
    said = capsys.readouterr()
    assert said.err.startswith('mot_ros: warning: ')
    lines = said.out.splitlines()
    assert lines[0].startswith('1470 tensors taken: kind prb, body PRB-FPN6-MSP, classes 1')
    assert lines[1].startswith('32 left out, the network does not run them: model.43.conv')
    assert lines[2] == f'wrote     {out}'
    assert len(weights.load(out)) == 1470


@pytest.mark.parametrize('arguments, complaint', [
    (['slm'], 'slm takes one file, not 0'), (['slm', 'a', 'b'], 'takes one file, not 2'),
    (['--trust-pickle'], 'go with a checkpoint'), (['--out', 'x'], 'go with a checkpoint'),
    (['slm', 'a', '--force'], 'go with the entries of the list'),
    (['resnet'], "'resnet' is not in the manifest")])
def test_the_command_refuses_in_one_line(arguments, complaint, capsys):
    assert cli.main(['weights', 'import', *arguments]) == 2
    said = capsys.readouterr().err
    assert complaint in said and said.count('\n') == 1


# metadata

def test_metadata_of_files(tmp_path):
    torch.save({'a': torch.zeros(1)}, tmp_path / 'x.pt')
    assert weights.metadata(tmp_path / 'x.pt') == {}
    (tmp_path / 'x.safetensors').write_bytes(b'x' * 50)
    with pytest.raises(WeightsError, match='is no whole safetensors file'):
        weights.metadata(tmp_path / 'x.safetensors')
