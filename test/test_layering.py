# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The rules that hold the rooms of the house apart, and what no module may do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / 'mot_ros').rglob('*.py'))
HEADER = (ROOT / 'mot_ros' / '__init__.py').read_text().splitlines()[:2]

FLOORS = (
    ('tracking.errors',),
    ('tracking.types',),
    ('tracking.boxes', 'tracking.runtime'),
    ('tracking.config', 'tracking.weights'),
    ('tracking.sequence', 'tracking.nets', 'tracking.association', 'tracking.motion'),
    ('tracking.checkpoints', 'tracking.protocols'),
    ('tracking.onnx_backend',),
    ('tracking.appearance', 'tracking.detectors'),
    ('tracking.tracks',),
    ('tracking.methods',),
    ('tracking', 'drawing', 'node_help', 'signals', 'window', 'with_parent'),
    ('data', 'contact_sheet', 'localisation'),
    ('benchmarking',),
    ('training',),
    ('evaluation',),
    ('commands', 'cli', 'ros'),
    ('entry',),
)
"""The packages of mot_ros, lowest first: one imports itself and what lies on lower floors."""
LOOSE = {'boxes', 'errors', 'protocols', 'sequence', 'types'}
"""The only modules at the top of mot_ros/tracking."""
MOST_ENTRIES = 22
"""Files and folders that a folder of the package may hold."""
HARMLESS_OF_PICKLE = ('pickle.UnpicklingError', 'pickle.PickleError')
"""What torch raises for a file that wants to run code; the rest of pickle runs it."""
MAY_PRINT = ('mot_ros.cli', 'mot_ros.commands', 'mot_ros.ros.nodes.demo')


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f'{package}.')


def imports(tree: ast.AST, module: str) -> Iterator[str]:
    """Yield every imported name, with what is imported from it, wherever in the file it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                above = module.split('.')[:-node.level]
                base = '.'.join([*above, *([base] if base else [])])
            yield base
            yield from (f'{base}.{alias.name}' for alias in node.names)
        elif (isinstance(node, ast.Call) and node.args
              and ast.unparse(node.func) in ('importlib.import_module', '__import__')
              and isinstance(node.args[0], ast.Constant)):
            yield str(node.args[0].value)


def is_of_ros(name: str) -> bool:
    top = name.partition('.')[0]
    return top.startswith(('rclpy', 'rosidl', 'ament_')) or top.endswith(('_msgs', '_srvs')) or (
        top in ('builtin_interfaces', 'cv_bridge', 'launch', 'launch_ros', 'message_filters'))


def package_of(name: str) -> str | None:
    """Return the package of FLOORS that a module is in; None for mot_ros itself."""
    packages = [package for floor in FLOORS for package in floor
                if is_within(name, f'mot_ros.{package}')]
    return max(packages, key=len, default=None)


def floor_of(package: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if package in floor)


def may_import(module: str, name: str) -> bool:
    """Whether a module of the package may import another name of the package."""
    own, other = package_of(module), package_of(name)
    # of `from mot_ros.tracking import nets` both are yielded, and nets is looked at by itself
    if own is None or other is None or name == 'mot_ros.tracking' or own == other:
        return True
    # `mot_ros train-defaults` runs other commands as a user would
    return floor_of(other) < floor_of(own) or {own, other} == {'cli', 'commands'}


def import_graph() -> dict[str, set[str]]:
    """Return the modules that each module imports, wherever in the file it does."""
    names = {name_of(path): path for path in MODULES}
    return {
        name: {imported for imported in imports(ast.parse(path.read_text('utf-8')), name)
               if imported in names and imported != name
               # the package of a module is imported with it
               and not is_within(name, imported)}
        for name, path in names.items()}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the circles: what is left after taking away what imports nothing that is left."""
    left = dict(graph)
    while True:
        done = [name for name in left if not left[name] & left.keys()]
        if not done:
            break
        for name in done:
            del left[name]
    # from below too: what is imported by nothing that is left is in no circle
    while True:
        wanted = {other for others in left.values() for other in others}
        done = [name for name in left if name not in wanted]
        if not done:
            return [sorted(left)] if left else []
        for name in done:
            del left[name]


def breaches(module: str, source: str) -> list[str]:
    """Return what a module does against the rules."""
    tree = ast.parse(source)
    found = []
    for name in imports(tree, module):
        if not is_within(module, 'mot_ros.ros'):
            if is_of_ros(name):
                found.append(f'imports {name}')
            if is_within(name, 'mot_ros.ros'):
                found.append(f'imports {name}')
        if is_within(name, 'mot_ros') and not may_import(module, name):
            found.append(f'imports {name}')
        if name.partition('.')[0] in ('dill', 'marshal', 'shelve', 'torchvision'):
            found.append(f'imports {name}')
        if name.startswith('pickle.') and name not in HARMLESS_OF_PICKLE:
            found.append(f'imports {name}')
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [f'hides {alias.name} as {alias.asname}' for alias in node.names
                      if alias.name == 'pickle' and alias.asname]
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == 'pickle' and (
                ast.unparse(node) not in HARMLESS_OF_PICKLE):
            found.append(f'uses {ast.unparse(node)}')
        if isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            if function in ('eval', 'exec'):
                found.append(f'calls {function}')
            if function == 'print' and not any(is_within(module, name) for name in MAY_PRINT):
                found.append('calls print')
            if function == 'torch.load' and not any(
                    word.arg == 'weights_only' and getattr(word.value, 'value', None) is True
                    for word in node.keywords):
                found.append('calls torch.load without weights_only=True')
    return found


@pytest.mark.parametrize('path', MODULES, ids=name_of)
def test_module_keeps_to_the_rules(path):
    assert breaches(name_of(path), path.read_text(encoding='utf-8')) == []


def test_there_is_no_circle_of_imports():
    assert circles(import_graph()) == []


def test_a_circle_is_found():
    assert circles({'a': {'b'}, 'b': {'c'}, 'c': {'b'}, 'd': set()}) == [['b', 'c']]
    assert circles({'a': {'b'}, 'b': {'c'}, 'c': set()}) == []


def test_every_module_has_a_floor():
    assert [name for name in map(name_of, MODULES)
            if package_of(name) is None and name != 'mot_ros'] == []


def test_only_five_modules_are_loose_in_tracking():
    files = {path.stem for path in (ROOT / 'mot_ros' / 'tracking').glob('*.py')}
    assert files - {'__init__'} == LOOSE


@pytest.mark.parametrize(
    'folder', sorted({path.parent for path in MODULES}),
    ids=lambda folder: str(folder.relative_to(ROOT)))
def test_no_folder_is_a_heap(folder):
    entries = [entry for entry in folder.iterdir() if entry.name != '__pycache__']
    assert len(entries) <= MOST_ENTRIES


@pytest.mark.parametrize(
    'path', [path for folder in ('mot_ros', 'test', 'launch', 'benchmarks', 'scripts')
             for path in sorted((ROOT / folder).rglob('*.py')) if path.stat().st_size],
    ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_begins_with_the_licence(path):
    assert path.read_text(encoding='utf-8').splitlines()[:2] == HEADER


@pytest.mark.parametrize('module, source', [
    ('mot_ros.tracking.x', 'import rclpy'),
    ('mot_ros.tracking.x', 'def f():\n    from sensor_msgs.msg import Image'),
    ('mot_ros.data.x', 'from std_srvs import srv'),
    ('mot_ros.evaluation.x', 'from builtin_interfaces.msg import Time'),
    ('mot_ros.cli', 'from mot_ros.ros import node'),
    ('mot_ros.cli', 'from mot_ros import ros'),
    ('mot_ros.cli', 'from . import ros'),
    ('mot_ros.commands.x', 'from ..ros.node import main'),
    ('mot_ros.tracking.x', 'from mot_ros.data.video.frames import open_source'),
    ('mot_ros.tracking.x', 'import mot_ros.evaluation'),
    ('mot_ros.tracking.methods.x', 'from mot_ros import training'),
    ('mot_ros.tracking.nets.x', 'from mot_ros.tracking.methods.sort import Sort'),
    ('mot_ros.tracking.detectors.x', 'from mot_ros.tracking.methods import make_tracker'),
    ('mot_ros.tracking.runtime.x', 'from mot_ros.tracking.config import Settings'),
    ('mot_ros.tracking.motion.x', 'from mot_ros.tracking.association import assignment'),
    ('mot_ros.data.x', 'from mot_ros.evaluation.scores import metrics'),
    ('mot_ros.training.x', 'from mot_ros.evaluation.runner import Run'),
    ('mot_ros.tracking.x', 'import importlib\nimportlib.import_module("rclpy")'),
    ('mot_ros.tracking.x', 'import pickle\npickle.load(file)'),
    ('mot_ros.tracking.x', 'from pickle import loads'),
    ('mot_ros.tracking.x', 'import pickle as p\np.load(file)'),
    ('mot_ros.tracking.x', 'from torchvision.ops import nms'),
    ('mot_ros.tracking.x', 'eval("1")'),
    ('mot_ros.ros.x', 'exec("1")'),
    ('mot_ros.ros.nodes.tracker', 'print(1)'),
    ('mot_ros.tracking.x', 'torch.load(path)'),
    ('mot_ros.tracking.x', 'torch.load(path, weights_only=False)'),
])
def test_a_breach_is_found(module, source):
    assert breaches(module, source)


@pytest.mark.parametrize('module, source', [
    ('mot_ros.ros.nodes.tracker',
     'import rclpy\nfrom mot_ros.tracking.methods import make_tracker'),
    ('mot_ros.ros.nodes.demo', 'print(1)'),
    ('mot_ros.tracking.x', 'import pickle\ntry: x\nexcept pickle.UnpicklingError: y'),
    ('mot_ros.evaluation.x', 'from mot_ros.data.video.frames import open_source'),
    ('mot_ros.tracking.x', 'torch.load(path, weights_only=True)\nmodel.eval()'),
    ('mot_ros.tracking.methods.x', 'from mot_ros.tracking.nets.ssd.network import Ssd'),
])
def test_what_is_allowed_is_no_breach(module, source):
    assert breaches(module, source) == []


def test_the_walk_saw_the_package():
    names = {name_of(path) for path in MODULES}
    assert {'mot_ros', 'mot_ros.tracking.sequence', 'mot_ros.ros.nodes.tracker'} <= names
