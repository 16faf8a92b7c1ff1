# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Weights out of the package and the cache into files of their own, and the list of them."""

import dataclasses

import pytest
from safetensors import safe_open
import torch

from mot_ros import cli
from mot_ros.commands import weights as command
from mot_ros.tracking.appearance.slm import SlmEmbedder
from mot_ros.tracking.checkpoints import pinned as weights_import
from mot_ros.tracking.checkpoints.export import DTYPES, export_weights, read_tensors
from mot_ros.tracking.checkpoints.pinned import serialize
from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.config.schema import catalogue
from mot_ros.tracking.detectors.ssd.mobilenet import SsdDetector
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.siammot.imm import Imm
from mot_ros.tracking.nets.siammot.network import load_network
from mot_ros.tracking.nets.slm.variants import make_slm
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.weights import store as weights
from mot_ros.tracking.weights.store import Pinned, sha256, State

SMALL = 'siammot-small'


def write_state(path, state, **told):
    """Write a state_dict as safetensors with metadata."""
    path.write_bytes(serialize({name: tensor.numpy() for name, tensor in state.items()}, told))
    return path


@pytest.fixture
def own(tmp_path):
    """Write tensors of several types, and something that they say of themselves."""
    return write_state(tmp_path / 'own.safetensors', {
        'a': torch.linspace(-3, 3, 7), 'n': torch.tensor(9), 'h': torch.ones(2, 3).half()},
        kind='slm', data='nothing much')


def listed(capsys):
    """Return what `weights list` prints, by the name of the weights."""
    assert cli.main(['weights', 'list']) == 0
    parts = capsys.readouterr().out.split('\n\n')
    return {part.split()[0]: part for part in parts}


# what is written

def test_a_copy_of_what_is_shipped_is_the_same_file_and_says_the_same(tmp_path):
    for dtype in (None, 'float16'):
        out = tmp_path / f'{dtype}.safetensors'
        export_weights(SMALL, out, dtype=dtype)
        # it is in half precision as it comes
        assert sha256(out.read_bytes()) == weights.MANIFEST[SMALL].sha256
        assert weights.metadata(out) == weights.metadata(SMALL) != {}


def test_precision_changes_numbers_and_not_what_they_say_of_themselves(own, tmp_path):
    before = weights.load(own)
    for dtype, kind in DTYPES.items():
        out = tmp_path / f'{dtype}.safetensors'
        export_weights(own, out, dtype=dtype)
        found = weights.load(out)
        assert found.keys() == before.keys()
        assert {name: tensor.dtype for name, tensor in found.items()} == {
            'a': kind, 'n': torch.int64, 'h': kind}
        for name, tensor in before.items():
            assert found[name].shape == tensor.shape
            torch.testing.assert_close(
                found[name], tensor, rtol=5e-4, atol=0, check_dtype=False)
        assert weights.metadata(out) == {'kind': 'slm', 'data': 'nothing much'}


@pytest.mark.parametrize('ending', ['.pt', '.pth'])
@pytest.mark.parametrize(('kind', 'key'), [
    ('siammot', 'model'), ('slm', 'model_G_state_dict'), ('prb', None), ('', None)])
def test_torch_files_hold_tensors_alone_under_the_published_keys(
        tmp_path, ending, kind, key):
    state = {'a': torch.arange(3.), 'b': torch.tensor(2)}
    source = write_state(tmp_path / 'x.safetensors', state, **({'kind': kind} if kind else {}))
    out = tmp_path / f'x{ending}'
    export_weights(source, out)
    content = torch.load(out, weights_only=True)
    if key is not None:
        assert list(content) == [key]
        content = content[key]
    assert content.keys() == state.keys()
    assert all(content[name].equal(tensor) for name, tensor in state.items())
    assert all(read_tensors(out)[name].equal(tensor) for name, tensor in state.items())
    # and back, to the same tensors
    export_weights(out, tmp_path / 'back.safetensors')
    back = weights.load(tmp_path / 'back.safetensors')
    assert all(back[name].equal(tensor) for name, tensor in state.items())


def test_a_part_of_a_tensor_is_written_without_the_rest(tmp_path):
    torch.save({'model': {'part': torch.zeros(1000, 1000)[:2].T, 'z': torch.ones(2).bfloat16()},
                'step': 3}, tmp_path / 'x.pt')
    for name in ('y.pt', 'y.safetensors'):
        export_weights(tmp_path / 'x.pt', tmp_path / name)
        assert (tmp_path / name).stat().st_size < 20_000
        found = weights.load(tmp_path / name)
        assert found['part'].shape == (1000, 2) and found['z'].tolist() == [1, 1]


# and used

@pytest.mark.parametrize('name', ['x.safetensors', 'x.pt'])
@pytest.mark.parametrize('dtype', [None, 'float32'])
def test_siammot_goes_on_from_a_file(tmp_path, name, dtype):
    export_weights(SMALL, tmp_path / name, dtype=dtype)
    one, two = (load_network(file).state_dict() for file in (SMALL, tmp_path / name))
    assert one.keys() == two.keys()
    assert all(tensor.equal(two[key]) for key, tensor in one.items())


@pytest.mark.parametrize('name', ['x.safetensors', 'x.pt'])
def test_the_detector_goes_on_from_a_file(tmp_path, name):
    torch.manual_seed(0)
    state = SsdMobileNetV3().state_dict()
    export_weights(
        write_state(tmp_path / 'own.safetensors', state), tmp_path / name, dtype='float16')
    detector = SsdDetector(DetectorSettings(weights=str(tmp_path / name)), 'cpu')
    assert 'person' in detector.class_names
    assert weights.load(tmp_path / name).keys() == state.keys()


@pytest.mark.parametrize('name', ['x.safetensors', 'x.pt'])
def test_embeddings_are_equal_from_an_exported_file(tmp_path, name):
    source = write_state(
        tmp_path / 'own.safetensors', make_slm('small').state_dict(), kind='slm')
    export_weights(source, tmp_path / name)
    assert SlmEmbedder(str(tmp_path / name), 'cpu').dimension == 128


# what cannot be

@pytest.mark.parametrize(('out', 'complaint'), [
    ('own.safetensors', 'would be written over'), ('x.onnx', 'must end in one of'),
    ('folder.pt', 'is a folder'), ('there.pt', 'is there already; .*--force')])
def test_what_is_there_is_kept(own, tmp_path, out, complaint):
    (tmp_path / 'folder.pt').mkdir()
    (tmp_path / 'there.pt').write_text('mine')
    before = own.read_bytes()
    for force in (False, *((True,) if out == 'own.safetensors' else ())):
        with pytest.raises(WeightsError, match=complaint):
            export_weights(own, tmp_path / out, force=force)
    assert own.read_bytes() == before
    assert (tmp_path / 'there.pt').read_text() == 'mine'
    assert {path.name for path in tmp_path.iterdir()} == {
        'own.safetensors', 'folder.pt', 'there.pt'}
    export_weights(own, tmp_path / 'there.pt', force=True)
    assert read_tensors(tmp_path / 'there.pt').keys() == {'a', 'n', 'h'}


def test_a_break_leaves_the_old_file_and_no_other(own, tmp_path, monkeypatch):
    (tmp_path / 'there.pt').write_text('mine')

    def broken(*_, **__):
        raise OSError('disk full')

    monkeypatch.setattr(weights_import.Path, 'replace', broken)
    with pytest.raises(WeightsError, match='disk full'):
        export_weights(own, tmp_path / 'there.pt', force=True)
    assert (tmp_path / 'there.pt').read_text() == 'mine'
    assert {path.name for path in tmp_path.iterdir()} == {'own.safetensors', 'there.pt'}


def test_numbers_beyond_half_precision_are_not_made_infinite(tmp_path):
    source = write_state(tmp_path / 'x.safetensors', {'a': torch.tensor([1., -70000.])})
    with pytest.raises(WeightsError, match='a has numbers up to 70000, more than float16'):
        export_weights(source, tmp_path / 'y.safetensors', dtype='float16')
    assert not (tmp_path / 'y.safetensors').exists()
    # what is infinite already is the affair of others
    source = write_state(tmp_path / 'z.safetensors', {'a': torch.tensor([1., float('inf')])})
    export_weights(source, tmp_path / 'y.safetensors', dtype='float16')


def test_altered_weights_are_not_handed_on(own, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, 'MANIFEST', {
        'mine': Pinned('own.safetensors', '0' * 64, 'none', 'here', shipped=True)})
    monkeypatch.setattr(weights, 'SHIPPED', tmp_path)
    for dtype in (None, 'float32'):
        with pytest.raises(WeightsError, match=f'but mine has {"0" * 64}'):
            export_weights('mine', tmp_path / 'out.safetensors', dtype=dtype)
    assert not (tmp_path / 'out.safetensors').exists()


# the commands

def test_the_command_has_the_same_precisions_and_settings():
    assert tuple(DTYPES) == command.DTYPES
    assert set(command.SETTINGS) == set(command.KINDS)
    assert set(command.SETTINGS.values()) <= catalogue(
        Settings, next(iter(Settings.presets))).keys()


def test_the_command_writes_says_what_is_lost_and_shows_it(own, tmp_path, capsys):
    out = tmp_path / 'deep' / 'x.pt'
    words = ['weights', 'export', str(own), '--out', str(out), '--dtype', 'float16']
    assert cli.main(words) == 0
    said = capsys.readouterr()
    assert said.out == f'wrote     {out}\n'
    assert 'holds tensors alone' in said.err and 'kind' in said.err
    assert cli.main(['weights', 'show', str(out)]) == 0
    shown = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert shown['tensors'] == '3 of float16, int64, 0.00 M numbers'
    assert shown['sha256'] == sha256(out.read_bytes())
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert '--force' in said and said.count('\n') == 1
    assert cli.main([*words, '--force']) == 0


def test_the_list_describes_weights(own, tmp_path, monkeypatch, capsys):
    parts = listed(capsys)
    assert parts.keys() == weights.MANIFEST.keys()
    card, part = weights.metadata(SMALL), parts[SMALL]
    assert part.startswith(f'{SMALL}  present\n')
    rows = ' '.join(part.split())
    for name in ('kind', 'data', 'accuracy', 'limits', 'licence'):
        assert card[name] in rows, name
    assert 'used as rcnn.weights, by default' in rows
    assert f'{weights.locate(SMALL)}, 5.5 MB' in part
    assert weights.MANIFEST[SMALL].sha256 in part
    for name, place in (('ssd-coco', 'detector'), ('slm-small', 'appearance')):
        assert f'used as {place}.weights, by default' in ' '.join(parts[name].split())
    assert max(len(line) for line in part.splitlines() if '/' not in line) <= command.WIDTH


@pytest.mark.parametrize('state', State)
def test_the_list_shows_the_card_of_valid_weights(
        own, tmp_path, monkeypatch, capsys, state):
    pinned = Pinned('own.safetensors', sha256(own.read_bytes()), 'free', 'here', shipped=True)
    if state is State.ALTERED:
        own.write_bytes(b'broken')
    if state is State.MISSING:
        pinned = dataclasses.replace(pinned, file='other.safetensors')
    monkeypatch.setattr(weights, 'MANIFEST', {'mine': pinned})
    monkeypatch.setattr(weights, 'SHIPPED', tmp_path)
    part = listed(capsys)['mine']
    first = part.splitlines()[0]
    if state is State.PRESENT:
        assert first == 'mine  present'
        assert 'nothing much' in part and 'appearance.weights\n' in part
    else:
        assert first == f'mine  {state.value}; install the package again'
        assert 'nothing much' not in part
    assert ' MB' in part or state is State.MISSING
    assert pinned.sha256 in part and str(pinned.path) in part


# parts

@pytest.fixture
def imm(tmp_path):
    """Write the shipped detector with another motion model beside it."""
    torch.manual_seed(0)
    state = {name: tensor for name, tensor in weights.load(SMALL).items()
             if 'roi_heads.track' not in name}
    model = Imm(64, 5, 4, 8).half()
    state |= {f'roi_heads.track.tracker.{name}': tensor
              for name, tensor in model.state_dict().items()}
    return write_state(tmp_path / 'imm.safetensors', state, kind='siammot', motion='imm')


def test_a_part_is_small_and_comes_back_whole(imm, tmp_path):
    out = tmp_path / 'part.safetensors'
    export_weights(imm, out, beside=SMALL)
    with safe_open(out, 'pt') as file:
        names = list(file.keys())
        assert all(name.startswith('roi_heads.track.tracker.') for name in names)
    assert weights.metadata(out) == {
        'kind': 'siammot', 'motion': 'imm', 'base': SMALL, 'part': 'roi_heads.track.tracker.'}
    whole, found = weights.load(imm), weights.load(out)
    assert found.keys() == whole.keys()
    assert all(found[name].equal(tensor) for name, tensor in whole.items())
    assert type(load_network(out).motion) is Imm
    # written again it stands by itself
    export_weights(out, tmp_path / 'again.safetensors')
    assert weights.metadata(tmp_path / 'again.safetensors') == weights.metadata(imm)
    with safe_open(tmp_path / 'again.safetensors', 'pt') as file:
        names = list(file.keys())
        assert set(names) == whole.keys()


def test_only_a_part_is_written_as_one(imm, tmp_path):
    other = {name: tensor + 1 if name.startswith('rpn.') else tensor
             for name, tensor in weights.load(imm).items()}
    changed = write_state(tmp_path / 'changed.safetensors', other, kind='siammot')
    out = tmp_path / 'x.safetensors'
    for file, base, reason in (
            (changed, SMALL, "prefix ''"), (SMALL, SMALL, '0 tensors differ'),
            (imm, 'nothing', "'nothing' is no name in the manifest"),
            (imm, 'siammot-small-imm', 'itself a part; name siammot-small')):
        with pytest.raises(WeightsError, match=reason):
            export_weights(file, out, beside=base)
    with pytest.raises(WeightsError, match=r'only a \.safetensors file can say'):
        export_weights(imm, tmp_path / 'x.pt', beside=SMALL)
    assert not out.exists()


@pytest.mark.parametrize('told', [
    {'base': '../x.safetensors', 'part': 'a.'}, {'base': SMALL}, {'base': SMALL, 'part': ''}])
def test_a_file_is_completed_by_whole_weights_of_the_manifest_alone(tmp_path, told):
    file = write_state(tmp_path / 'x.safetensors', {'a.b': torch.zeros(2)}, **told)
    with pytest.raises(WeightsError, match='is to be completed by'):
        weights.load(file)
