# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from collections import OrderedDict
import io
from pathlib import Path
import pickle
import sys
import types
import warnings
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.weights import torch_pickle as pickled


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.bn = nn.BatchNorm2d(4)
        self.act = nn.SiLU()


class Network(nn.Module):
    """What a published checkpoint holds: modules of foreign classes, buffers, settings."""

    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(Inner(), nn.Sequential(Inner(), nn.Identity()))
        self.register_buffer('stride', torch.tensor([8., 16.]))
        self.register_buffer('grid', torch.zeros(3), persistent=False)
        self.names = ['person', 'car']
        self.yaml = {'nc': 2, 'anchors': [[1, 2]], 'depth': 1.0}
        self.best = np.float64(0.5)
        self.device = torch.device('cpu')
        self.where = Path('runs/x')


class Trap:
    """Runs code when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture
def foreign(monkeypatch):
    """Let the classes be from a module that will not be there when the file is read."""
    module = types.ModuleType('models_of_others')
    monkeypatch.setitem(sys.modules, 'models_of_others', module)
    for kind in (Inner, Network):
        monkeypatch.setattr(kind, '__module__', 'models_of_others')
        setattr(module, kind.__name__, kind)

    def save(content, path):
        torch.save(content, path)
        monkeypatch.delitem(sys.modules, 'models_of_others')
        return path

    return save


def pickle_in_archive(path, program):
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('x/data.pkl', program)
    return path


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name


def test_a_network_is_read_without_its_classes(tmp_path, foreign):
    network = Network().half()
    file = foreign({
        'epoch': 3, 'best_fitness': np.array([0.5]), 'model': network,
        'optimizer': {'state': {0: {'momentum': torch.ones(2)}}}}, tmp_path / 'net.pt')
    with pytest.raises(ModuleNotFoundError, match='models_of_others'):
        torch.load(file, weights_only=False)
    content = pickled.read(file)
    record = content['model']
    assert content['epoch'] == 3 and record.path == 'models_of_others.Network'
    assert record.attributes['names'] == ['person', 'car']
    same(pickled.tensors_of(record), network.state_dict())
    assert torch.equal(content['optimizer']['state'][0]['momentum'], torch.ones(2))


def test_tensors_of_all_kinds_and_views(tmp_path):
    base = torch.arange(24.).reshape(4, 6)
    content = {
        'view': base[1:3, ::2], 'turned': base.T, 'empty': torch.zeros(0, 3),
        'number': torch.tensor(7), 'shared': base, 'ordered': OrderedDict(a=torch.ones(1)),
        'parameter': nn.Parameter(torch.ones(2)), 'flags': torch.tensor([True, False]),
        **{str(kind): torch.ones(3).to(kind) for kind in pickled.TYPES.values()}}
    torch.save(content, tmp_path / 'x.pt')
    found = pickled.read(tmp_path / 'x.pt')
    ordered = found.pop('ordered')
    assert torch.equal(ordered['a'], torch.ones(1))
    same(found, {name: value.data if name == 'parameter' else value
                 for name, value in content.items() if name != 'ordered'})


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
def test_plain_values_of_every_protocol(tmp_path, protocol):
    content = {
        'a': [1, -1, 300, 2 ** 40, 2 ** 80, 0.5, None, True, False], 'b': ('x', b'y', 'ä' * 300),
        (1, 2): {3, 4}, 'c': frozenset((5,)), 'd': (1,), 'e': (1, 2, 3), 'f': (1, 2, 3, 4),
        'g': [{}, [], ()]}
    content['same'] = content['a']
    file = pickle_in_archive(tmp_path / 'x.pt', pickle.dumps(content, protocol))
    found = pickled.read(file)
    # before protocol 3, bytes are the result of a call
    if protocol == 2:
        assert found['b'][1].path == '_codecs.encode'
        found['b'] = content['b']
    assert found == content and found['same'] is found['a']


def traps(canary):
    yield Path.touch, (canary,)
    yield __import__('os').system, (f'touch {canary}',)
    yield eval, (f'open({str(canary)!r}, "w")',)
    yield __import__, ('os',)
    yield getattr, (canary, 'touch')
    yield __import__('subprocess').Popen, (['touch', str(canary)],)


@pytest.mark.parametrize('number', range(6))
@pytest.mark.parametrize('protocol', [2, 4])
def test_code_is_refused_by_name_and_does_not_run(tmp_path, number, protocol):
    canary = tmp_path / 'canary'
    function, arguments = list(traps(canary))[number]
    network = {'model': torch.zeros(1), 'trap': Trap(function, *arguments)}
    file = tmp_path / 'trap.pt'
    torch.save(network, file, pickle_protocol=protocol)
    with pytest.raises(WeightsError, match='nothing of it was run: it wants to call') as caught:
        pickled.read(file)
    # before protocol 4, methods are asked for with getattr
    assert function.__name__ in str(caught.value) or '.getattr,' in str(caught.value)
    assert not canary.exists()


def test_the_traps_are_real(tmp_path):
    canary = tmp_path / 'canary'
    content = io.BytesIO()
    torch.save({'trap': Trap(Path.touch, canary)}, content)
    content.seek(0)
    torch.load(content, weights_only=False)
    assert canary.exists()


class Builder:
    """Would run code in __setstate__."""

    def __init__(self, canary):
        self.canary = canary

    def __setstate__(self, state):
        state['canary'].touch()


def test_state_of_objects_is_kept_and_not_given_to_their_class(tmp_path):
    canary = tmp_path / 'canary'
    torch.save({'x': Builder(str(canary))}, tmp_path / 'x.pt')
    record = pickled.read(tmp_path / 'x.pt')['x']
    assert record.attributes == {'canary': str(canary)} and not canary.exists()


@pytest.mark.parametrize('program, complaint', [
    (b'cos\nsystem\n(S"true"\ntR.', 'wants to call os.system'),
    (b'(S"true"\nios\nsystem\n.', 'the instruction INST'),
    (b'(cos\nsystem\nS"true"\no.', 'the instruction OBJ'),
    (b'\x80\x02\x82\x01.', 'the instruction EXT1'),
    (b'Pstorage\n.', 'the instruction PERSID'),
    (b'\x80\x02K\x01K\x02.', 'is damaged'), (b'.', 'is damaged'), (b'', 'is damaged'),
    (b't.', 'is damaged'), (b'h\x07.', 'is damaged'), (b'K\x01K\x02K\x03a.', 'is damaged'),
    (b'\x80\x02]K\x01K\x02s.', 'is damaged'), (b'K\x01(tR.', "wants to call 'int'")])
def test_other_programs_are_refused(tmp_path, program, complaint):
    file = pickle_in_archive(tmp_path / 'x.pt', program)
    with pytest.raises(WeightsError, match=complaint) as caught:
        pickled.read(file)
    assert '\n' not in str(caught.value) and str(file) in str(caught.value)


def test_every_truncation_and_many_damages_are_refused_or_harmless(tmp_path):
    torch.save({'a': nn.Linear(3, 2).state_dict(), 'b': [1, 'x']}, tmp_path / 'whole.pt')
    whole = (tmp_path / 'whole.pt').read_bytes()
    file = tmp_path / 'cut.pt'
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            pickled.read(file)
    generator = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in generator.integers(0, len(whole), 3):
            damaged[place] = generator.integers(256)
        file.write_bytes(bytes(damaged))
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            try:
                pickled.read(file)
            except WeightsError:
                continue


@pytest.mark.parametrize('size, stride, offset', [
    ((5,), (1,), 0), ((4,), (1,), 1), ((2,), (-1,), 3), ((2,), (1,), -1),
    ((10 ** 12,), (0,), 0), ((2, 2), (3, 1), 0)])
def test_tensors_stay_inside_their_numbers(size, stride, offset):
    with pytest.raises(ValueError, match='reaches beyond its 4 numbers'):
        pickled._tensor(torch.zeros(4), offset, size, stride)


def test_compressed_and_foreign_archives_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / 'x.pt', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('x/data.pkl', pickle.dumps([0] * 10 ** 6))
    with pytest.raises(WeightsError, match='is compressed'):
        pickled.read(tmp_path / 'x.pt')
    with zipfile.ZipFile(tmp_path / 'y.pt', 'w') as archive:
        archive.writestr('readme', 'hello')
    with pytest.raises(WeightsError, match=r'0 files data\.pkl'):
        pickled.read(tmp_path / 'y.pt')
    (tmp_path / 'z.pt').write_bytes(pickle.dumps({}))
    with pytest.raises(WeightsError, match=r'no whole file of torch\.save'):
        pickled.read(tmp_path / 'z.pt')
    with pytest.raises(WeightsError, match=r'none\.pt is damaged, or no file'):
        pickled.read(tmp_path / 'none.pt')


def test_parts_that_hold_each_other_have_an_end():
    record = pickled.Record('a.B')
    record.attributes['_modules'] = {'x': record, 'y': record}
    with pytest.raises(WeightsError, match='hold each other'):
        pickled.tensors_of(record)
    with pytest.raises(WeightsError, match=r'the a\.C in the file holds no tensors'):
        pickled.tensors_of(pickled.Record('a.C', {'_modules': 'none'}))
