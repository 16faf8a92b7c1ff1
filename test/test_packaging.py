# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What package.xml, setup.py and the scripts say is what the package has."""

import ast
import configparser
import os
from pathlib import Path
import re
import runpy
import sys
from xml.etree import ElementTree

import pytest

import mot_ros

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = (
    'scripts/setup', 'scripts/demo', 'scripts/test', 'scripts/train_defaults', '.ci/run')
ROSDEP_KEYS = {
    'cv2': 'python3-opencv',
    'matplotlib': 'python3-matplotlib',
    'numpy': 'python3-numpy',
    'scipy': 'python3-scipy',
    'tqdm': 'python3-tqdm',
    'yaml': 'python3-yaml',
}
# What pip brings, with or without ROS, and the message package that is only used where it is.
NOT_IN_ROSDEP = {
    'av', 'distributed', 'lz4', 'mot_ros_msgs', 'onnx', 'onnxruntime', 'onnxscript', 'rosbags',
    'safetensors', 'torch', 'trackeval'}


def manifest(path='package.xml'):
    return ElementTree.parse(ROOT / path).getroot()  # noqa: S314 - our own file


@pytest.fixture
def setup_arguments(monkeypatch):
    """Run setup.py and return what it tells setuptools."""
    setuptools = pytest.importorskip('setuptools')
    arguments = {}
    monkeypatch.setattr(setuptools, 'setup', arguments.update)
    monkeypatch.chdir(ROOT)
    runpy.run_path('setup.py')
    return arguments


@pytest.fixture
def scripts(monkeypatch):
    """Let the test import the modules of scripts/, which are no package's."""
    monkeypatch.syspath_prepend(str(ROOT / 'scripts'))
    yield
    for name in ('downloads', 'provision', 'steps'):
        sys.modules.pop(name, None)


@pytest.fixture
def steps(scripts):
    """Load scripts/steps.py."""
    import steps
    return steps


@pytest.fixture
def provision(scripts):
    """Load scripts/provision.py."""
    import provision
    return provision


def imported_packages(file):
    """Return the top-level names of all absolute imports in a file, wherever they stand."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.partition('.')[0])
    return names


def names_defined(file):
    """Return the names that a module's top level defines or imports."""
    names = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
    return names


def test_package_xml_has_the_right_build_types():
    assert manifest().findtext('export/build_type') == 'ament_python'
    assert manifest('msg/package.xml').findtext('export/build_type') == 'ament_cmake'


def test_names_and_versions_agree(setup_arguments):
    package, messages = manifest(), manifest('msg/package.xml')
    assert package.findtext('name') == setup_arguments['name'] == 'mot_ros'
    assert messages.findtext('name') == 'mot_ros_msgs'
    versions = {package.findtext('version'), messages.findtext('version'), mot_ros.__version__}
    assert versions == {setup_arguments['version']}


def test_package_xml_lists_every_import():
    files = [*(ROOT / 'mot_ros').rglob('*.py'), *(ROOT / 'launch').glob('*.py')]
    imports = set().union(*map(imported_packages, files))
    imports -= sys.stdlib_module_names | NOT_IN_ROSDEP | {'mot_ros'}
    needed = {ROSDEP_KEYS.get(name, name) for name in imports}
    listed = {element.text for element in manifest().findall('exec_depend')}
    assert needed <= listed


def test_messages_depend_on_what_their_fields_are():
    text = '\n'.join(file.read_text() for file in (ROOT / 'msg').glob('*.msg'))
    needed = set(re.findall(r'^(\w+)/\w+', text, re.MULTILINE))
    assert {element.text for element in manifest('msg/package.xml').findall('depend')} == needed


def test_every_message_is_built_by_cmake():
    listed = re.findall(r'\$\{parent\}:msg/(\w+\.msg)', (ROOT / 'msg/CMakeLists.txt').read_text())
    assert sorted(listed) == sorted(file.name for file in (ROOT / 'msg').glob('*.msg'))
    listed = re.findall(r'"(srv/\w+\.srv)"', (ROOT / 'msg/CMakeLists.txt').read_text())
    assert sorted(listed) == sorted(f'srv/{file.name}' for file in ROOT.glob('msg/srv/*.srv'))


def test_every_executable_has_a_main(setup_arguments):
    for entry in setup_arguments['entry_points']['console_scripts']:
        name, module, function = re.fullmatch(r'(\w+) = ([\w.]+):(\w+)', entry).groups()
        file = ROOT / (module.replace('.', '/') + '.py')
        assert file.is_file(), f'{name}: no {file}'
        assert function in names_defined(file), f'{name}: no {function} in {file}'


def test_every_package_is_installed(setup_arguments):
    found = {file.parent for file in (ROOT / 'mot_ros').rglob('*.py')}
    packages = {'.'.join(folder.relative_to(ROOT).parts) for folder in found}
    assert packages == set(setup_arguments['packages'])


def test_launch_and_config_files_are_installed(setup_arguments):
    installed = {name for _, names in setup_arguments['data_files'] for name in names}
    present = {
        str(file.relative_to(ROOT))
        for folder in ('launch', 'config') for file in (ROOT / folder).iterdir()
        if file.is_file() and not file.name.startswith('.')}
    assert present <= installed
    assert {'package.xml', 'resource/mot_ros'} <= installed


def test_recipes_are_installed(setup_arguments):
    patterns = setup_arguments['package_data']['mot_ros']
    installed = {file for pattern in patterns for file in (ROOT / 'mot_ros').glob(pattern)}
    present = set((ROOT / 'mot_ros/training/recipes').iterdir())
    assert present <= installed and len(present) >= 3


def test_every_python_file_carries_the_licence():
    header = (ROOT / 'setup.py').read_text().splitlines()[:2]
    folders = [ROOT / name for name in ('mot_ros', 'launch', 'scripts', 'test', 'benchmarks')]
    for file in [file for folder in folders for file in folder.rglob('*.py')]:
        assert file.read_text().splitlines()[:2] == header, file


def test_requirements_are_pinned():
    for file in (ROOT / 'scripts').glob('requirements*.txt'):
        for line in file.read_text().splitlines():
            assert re.fullmatch(r'(#.*|-r .*|[\w.\[\]-]+==[\w.]+|)', line), line


@pytest.mark.parametrize('script', SCRIPTS)
def test_scripts_are_executable(script):
    file = ROOT / script
    assert os.access(file, os.X_OK)
    assert file.read_text().startswith('#!/usr/bin/env bash\n')


def test_the_command_is_installed_where_a_shell_finds_it(setup_arguments):
    file = ROOT / 'scripts/mot_ros'
    assert ('bin', ['scripts/mot_ros']) in setup_arguments['data_files']
    assert os.access(file, os.X_OK)
    # not the Python that colcon runs with: torch is in a virtual environment beside ROS
    assert file.read_text().startswith('#!/usr/bin/env python3\n')
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / 'setup.cfg')
    assert configuration['build_scripts']['executable'] == '/usr/bin/env python3'


def test_beside_ros_pip_installs_the_same_versions():
    def pins(*names):
        text = '\n'.join((ROOT / 'scripts' / name).read_text() for name in names)
        return dict(re.findall(r'^([\w-]+)==(\S+)$', text, re.MULTILINE))

    tested = pins('requirements.txt', 'requirements-dev.txt')
    # the newest that Humble's Python 3.10 can run
    beside_ros = pins('requirements-ros.txt') | {'hypothesis': tested['hypothesis']}
    assert beside_ros.items() <= tested.items()


def test_a_step_is_done_while_key_and_results_stay(steps, tmp_path):
    result, stamp = tmp_path / 'result', tmp_path / 'stamps' / 'one'
    step = steps.Step(stamp, 'a step', 'key', result.touch, (result,))
    assert not step.done()
    steps.perform(step, '')
    assert step.done()
    assert not steps.Step(stamp, 'a step', 'other key', result.touch).done()
    result.unlink()
    assert not step.done()


def test_only_an_optional_step_may_fail(steps, capsys, tmp_path):
    def fail():
        raise steps.SetupError('no network')

    optional = steps.Step(tmp_path / 'two', 'a luxury', 'key', fail, required=False)
    steps.perform(optional, '')
    assert 'no network' in capsys.readouterr().out
    assert not optional.done()
    with pytest.raises(steps.SetupError, match='no network'):
        steps.perform(steps.Step(tmp_path / 'three', 'a need', 'key', fail), '')


def test_a_failed_command_tells_its_last_words(steps):
    with pytest.raises(steps.SetupError, match='out of luck'):
        steps.run('sh', '-c', 'echo out of luck; exit 3')


def test_launch_files_are_linked_one_by_one(provision, tmp_path):
    folder, place = tmp_path / 'launch', tmp_path / 'share' / 'launch'
    folder.mkdir()
    (folder / 'a.launch.py').write_text('')
    (folder / '__pycache__').mkdir()
    place.parent.mkdir()
    # as an older setup left it
    place.symlink_to(folder)
    for _ in range(2):
        provision.link_files(place, folder)
        # what ros2 launch does
        assert [names for _, _, names in os.walk(tmp_path / 'share')] == [[], ['a.launch.py']]
        assert (place / 'a.launch.py').resolve() == folder / 'a.launch.py'
    assert (folder / 'a.launch.py').exists()


def test_a_missing_tool_is_named_with_its_package(provision, monkeypatch):
    monkeypatch.setattr(provision.shutil, 'which', lambda name: None)
    assert any(line.startswith('g++:') for line in provision.missing_packages())
