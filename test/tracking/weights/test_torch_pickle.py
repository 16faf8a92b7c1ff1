# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from collections import Counter, defaultdict, OrderedDict
import io
import os
from pathlib import Path
import pickle
import sys
import time
import types
import warnings
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.weights import pickle_check
from mot_ros.tracking.weights import torch_pickle as pickled

KINDS = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32,
    torch.int16, torch.int8, torch.uint8, torch.bool)


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
    content = pickled.read_network(file)
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
        **{str(kind): torch.ones(3).to(kind) for kind in KINDS}}
    torch.save(content, tmp_path / 'x.pt')
    found = pickled.read_network(tmp_path / 'x.pt')
    ordered = found.pop('ordered')
    assert torch.equal(ordered['a'], torch.ones(1))
    same(found, {name: value.data if name == 'parameter' else value
                 for name, value in content.items() if name != 'ordered'})


def test_plain_values(tmp_path):
    content = {
        'a': [1, -1, 300, 2 ** 40, 2 ** 80, 0.5, None, True, False], 'b': ('x', b'y', 'ä' * 300),
        1: {3, 4}, 'd': (1,), 'e': (1, 2, 3), 'f': (1, 2, 3, 4), 'g': [{}, [], ()],
        'h': OrderedDict(x=frozenset((1,))), 'i': defaultdict(dict, x={}), 'j': Counter('xyx')}
    content['same'] = content['a']
    torch.save(content, tmp_path / 'x.pt')
    found = pickled.read_network(tmp_path / 'x.pt')
    assert found == content and found['same'] is found['a']


class Settings(dict):
    """A class of theirs that is a dictionary."""


def test_an_object_that_is_a_dictionary_becomes_one(tmp_path):
    torch.save({'x': Settings(a=1)}, tmp_path / 'x.pt')
    assert pickled.read_network(tmp_path / 'x.pt')['x'] == {'a': 1}


def traps(canary):
    yield Path.touch, (canary,)
    yield __import__('os').system, (f'touch {canary}',)
    yield eval, (f'open({str(canary)!r}, "w")',)
    yield __import__, ('os',)
    yield getattr, (canary, 'touch')
    yield __import__('subprocess').Popen, (['touch', str(canary)],)


@pytest.mark.parametrize('number', range(6))
def test_code_is_refused_by_name_and_does_not_run(tmp_path, number):
    canary = tmp_path / 'canary'
    function, arguments = list(traps(canary))[number]
    network = {'model': torch.zeros(1), 'trap': Trap(function, *arguments)}
    file = tmp_path / 'trap.pt'
    torch.save(network, file)
    with pytest.raises(WeightsError, match='nothing of it was run: it wants to call') as caught:
        pickled.read_network(file)
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
    record = pickled.read_network(tmp_path / 'x.pt')['x']
    assert record.attributes == {'canary': str(canary)} and not canary.exists()


@pytest.mark.parametrize('program, complaint', [
    (b'cos\nsystem\n(U\x04truetR.', 'wants to call os.system'),
    (b'cposix\nsystem\n(U\x04truetR.', 'wants to call posix.system'),
    (b'cos\nsystem\n)\x81.', 'it names os.system, which is code|is damaged'),
    (b'(U\x04trueios\nsystem\n.', 'the instruction INST'),
    (b'(cos\nsystem\nU\x04trueo.', 'the instruction OBJ'),
    (b'\x80\x02\x82\x01.', 'the instruction EXT1'),
    (b'Pstorage\n.', 'the instruction PERSID'),
    (b'\x80\x02K\x01K\x02.', 'is damaged'), (b'.', 'is damaged'), (b'', 'is damaged'),
    (b't.', 'is damaged'), (b'h\x07.', 'is damaged'), (b'K\x01K\x02K\x03a.', 'is damaged'),
    (b'\x80\x02]K\x01K\x02s.', 'is damaged'), (b'K\x01(tR.', "wants to call 'constant'")])
def test_other_programs_are_refused(tmp_path, program, complaint):
    file = pickle_in_archive(tmp_path / 'x.pt', program)
    with pytest.raises(WeightsError, match=complaint) as caught:
        pickled.read_network(file)
    assert '\n' not in str(caught.value) and str(file) in str(caught.value)


def test_every_truncation_and_many_damages_are_refused_or_harmless(tmp_path):
    torch.save({'a': nn.Linear(3, 2).state_dict(), 'b': [1, 'x']}, tmp_path / 'whole.pt')
    whole = (tmp_path / 'whole.pt').read_bytes()
    file = tmp_path / 'cut.pt'
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            pickled.read_network(file)
    generator = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in generator.integers(0, len(whole), 3):
            damaged[place] = generator.integers(256)
        file.write_bytes(bytes(damaged))
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            try:
                pickled.read_network(file)
            except WeightsError:
                continue


NESTED_KEY = b'\x80\x02}K\x01' + b'\x85' * 300_000 + b'K\x01s.'
DOUBLED = b'\x80\x02K\x01' + b'q\x01h\x01\x86' * 60 + b'.'


@pytest.mark.parametrize('program, complaint', [
    (NESTED_KEY, 'neither text nor number'),
    (b'\x80\x02}(K\x01' + b'\x85' * 300_000 + b'K\x01u.', 'neither text nor number'),
    (b'\x80\x02ccollections\nOrderedDict\n]K\x01\x85K\x01\x86a\x85R.', 'neither text nor'),
    (b'\x80\x02c__builtin__\nset\n]K\x01\x85a\x85R.', 'neither text nor number'),
    (b'\x80\x02c__builtin__\nset\ncx\ny\n\x85R.', 'of what is no list'),
    (b'\x80\x02ccollections\nOrderedDict\n)R]K\x01\x85K\x01\x86ab.', 'a state that is none'),
    (b'\x80\x02cUserList\nCounter\n)\x81]K\x01ab.', 'a state that is none'),
    (DOUBLED, 'stand in each other more than'),
    (b'\x80\x02K\x01' + b'\x85' * 300 + b'.', 'nest deeper than 200'),
    (b'\x80\x02]q\x01h\x01a.', 'holds itself'),
    (b'\x80\x02}q\x01X\x01\x00\x00\x00ah\x01s.', 'holds itself'),
    (b'\x80\x02c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R.', 'wants to call builtins.bytear'),
    (b'\x80\x02ctorch\nFloatTensor\nJ\xff\xff\xff\x7f\x85\x81.', 'wants to call torch.FloatT'),
    (b'\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x08\x00\x00\x00punycode\x86R.',
     'wants to call _codecs.encode')])
def test_programs_that_would_crash_or_hang_torch_are_refused(tmp_path, program, complaint):
    file = pickle_in_archive(tmp_path / 'x.pt', program)
    for read in (pickled.read_network, pickled.read_plain):
        start = time.process_time()
        with pytest.raises(WeightsError, match=complaint) as caught:
            read(file)
        assert time.process_time() - start < 5 and len(str(caught.value)) < 1000
    # the same in the format before torch 1.6
    begin = b''.join(pickle.dumps(part, 2) for part in (
        torch.serialization.MAGIC_NUMBER, torch.serialization.PROTOCOL_VERSION, {}))
    file.write_bytes(begin + program + pickle.dumps([], 2))
    with pytest.raises(WeightsError, match=complaint):
        pickled.read_plain(file)


def test_the_format_before_torch_1_6(tmp_path):
    state = {**nn.Linear(3, 2).state_dict(), 'x': torch.arange(6.).reshape(2, 3).T}
    file = tmp_path / 'old.pth'
    torch.save(state, file, _use_new_zipfile_serialization=False)
    for read in (pickled.read_plain, pickled.read_network):
        same(read(file), state)
    data = file.read_bytes()
    for length in range(0, len(data), 9):
        file.write_bytes(data[:length])
        with pytest.raises(WeightsError):
            pickled.read_plain(file)


@pytest.mark.parametrize('zipped', [True, False])
def test_a_tensor_larger_than_its_numbers_is_refused(tmp_path, zipped):
    """Torch itself reads what lies behind the numbers in memory."""
    file = tmp_path / 'x.pt'
    torch.save({'a': torch.zeros(0x1234)}, file, _use_new_zipfile_serialization=zipped)
    data = file.read_bytes()
    assert data.count(b'\x4d\x34\x12') >= 1
    huge = data.replace(b'M\x34\x12', b'M\xff\xff')
    file.write_bytes(_with_right_sums(huge) if zipped else huge)
    with pytest.raises(WeightsError, match=r'fewer than 262140 bytes|larger than its \d+ bytes'):
        pickled.read_plain(file)


def _with_right_sums(data):
    """Return an archive with its program's checksum made anew."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = []
        for entry in archive.infolist():
            # the checksum is wrong where the program was changed
            archive.NameToInfo[entry.filename].CRC = 0
            with archive.open(entry) as member:
                member._expected_crc = None
                parts.append((entry.filename, member.read()))
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w') as archive:
        for name, part in parts:
            archive.writestr(name, part)
    return content.getvalue()


def test_a_fifo_a_device_and_a_folder_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / 'fifo.pt')
    for path, kind in ((tmp_path / 'fifo.pt', 'a FIFO'), (Path('/dev/zero'), 'a device'),
                       (tmp_path, 'a folder')):
        for read in (pickled.read_plain, pickled.read_network):
            with pytest.raises(WeightsError, match=f'it is {kind}, not a regular file'):
                read(path)


def test_entries_that_lie_over_each_other_are_refused(tmp_path):
    torch.save({'a': torch.zeros(5000)}, tmp_path / 'x.pt')
    with zipfile.ZipFile(tmp_path / 'x.pt', 'a') as archive:
        entry = next(each for each in archive.infolist() if each.filename.endswith('data/0'))
        for number in range(30):
            copy = zipfile.ZipInfo(f'x/data/{number + 1}')
            for name in ('header_offset', 'CRC', 'compress_size', 'file_size'):
                setattr(copy, name, getattr(entry, name))
            archive.filelist.append(copy)
        archive._didModify = True
    with pytest.raises(WeightsError, match='unpacks to more than its'):
        pickled.read_plain(tmp_path / 'x.pt')


def test_a_torch_without_stand_ins_is_named(tmp_path, monkeypatch):
    torch.save(nn.Linear(1, 1), tmp_path / 'x.pt')
    monkeypatch.delattr(torch.serialization, 'safe_globals')
    with pytest.raises(WeightsError, match=r'install torch 2\.6 or newer'):
        pickled.read_network(tmp_path / 'x.pt')


def test_opcodes_have_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(pickle_check, 'MAX_OPCODES', 10)
    torch.save([1] * 20, tmp_path / 'x.pt')
    with pytest.raises(WeightsError, match='more than 10 opcodes'):
        pickled.read_plain(tmp_path / 'x.pt')


def test_compressed_and_foreign_archives_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / 'x.pt', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('x/data.pkl', pickle.dumps([0] * 10 ** 6))
    with pytest.raises(WeightsError, match='is compressed'):
        pickled.read_network(tmp_path / 'x.pt')
    with zipfile.ZipFile(tmp_path / 'y.pt', 'w') as archive:
        archive.writestr('readme', 'hello')
    with pytest.raises(WeightsError, match=r'0 files data\.pkl'):
        pickled.read_network(tmp_path / 'y.pt')
    (tmp_path / 'z.pt').write_bytes(pickle.dumps({}))
    with pytest.raises(WeightsError, match=r'does not begin as such a file does'):
        pickled.read_network(tmp_path / 'z.pt')
    with pytest.raises(WeightsError, match=r'none\.pt is damaged, or no file'):
        pickled.read_network(tmp_path / 'none.pt')


def test_modules_without_end_or_tensors_are_refused():
    record = pickled.StandIn()
    record.attributes['_modules'] = {'x': record, 'y': record}
    with pytest.raises(WeightsError, match='hold each other'):
        pickled.tensors_of(record)
    record.attributes['_modules'] = 'none'
    with pytest.raises(WeightsError, match='in the file holds no tensors'):
        pickled.tensors_of(record)
