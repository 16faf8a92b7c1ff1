# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The pages for those who build on the package: their examples run as they are printed."""

from __future__ import annotations

import ast
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

import mot_ros.tracking

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / 'docs'
BLOCK = re.compile(r'^```(\w+)\n(.*?)^```\n', re.MULTILINE | re.DOTALL)
STUB = ROOT / 'mot_ros' / 'tracking' / '__init__.pyi'


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Return language, text, and the file named last before it, of each block of a page."""
    text = (DOCS / page).read_text(encoding='utf-8')
    found = []
    for match in BLOCK.finditer(text):
        named = re.findall(r'`((?:mot_ros|test)/[\w/]+\.py)`', text[:match.start()])
        found.append((match[1], match[2], named[-1] if named else ''))
    return found


def run(tree: Path, *arguments: str) -> str:
    """Run Python in a tree of the package; return what it wrote."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=tree, text=True, capture_output=True,
        env={**os.environ, 'PYTHONPATH': str(tree)})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Copy the package, its tests and what is generated, without weights."""
    for name in ('mot_ros', 'test', 'config', 'docs'):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns(
            'models', 'data', '__pycache__', 'images', '*.so'))
    # a package of the code, unlike the data of tests
    shutil.copytree(ROOT / 'mot_ros' / 'data', tmp_path / 'mot_ros' / 'data')
    (tmp_path / 'mot_ros' / 'models').symlink_to(ROOT / 'mot_ros' / 'models')
    return tmp_path


def follow(page: str, tree: Path) -> tuple[int, int]:
    """Do what a how-to says: write, insert, run; return how many files and lines it took."""
    touched, lines = set(), 0
    for language, text, file in blocks(page):
        if language == 'python':
            assert not (tree / file).exists(), file
            (tree / file).write_text(text, encoding='utf-8')
        elif language == 'diff':
            before = ''.join(line[1:] for line in text.splitlines(True) if line[0] != '+')
            after = ''.join(line[1:] for line in text.splitlines(True) if line[0] != '-')
            old = (tree / file).read_text(encoding='utf-8')
            assert old.count(before) == 1, before
            (tree / file).write_text(old.replace(before, after), encoding='utf-8')
        else:
            for command in text.splitlines():
                program, *arguments = command.split()
                assert program == 'python'
                run(tree, *arguments)
            continue
        touched.add(file)
        lines += sum(language == 'python' or line[0] == '+' for line in text.splitlines())
    return len(touched), lines


def test_the_how_to_of_methods_makes_one(tree: Path) -> None:
    files, lines = follow('adding-a-method.md', tree)
    assert (files, lines) < (5, 150), 'adding a method has become more work'
    assert 'method: nearest' in (tree / 'config' / 'nearest.yaml').read_text()
    assert '| `nearest.max_distance` |' in (tree / 'docs' / 'parameters.md').read_text()
    assert '| nearest' in (tree / 'config' / 'tracker.yaml').read_text()
    out = run(
        tree, '-m', 'pytest', '-q', '-p', 'no:cacheprovider',
        'test/tracking/methods/test_nearest.py', 'test/tracking/methods/test_methods.py',
        'test/tracking/config/test_params_file.py', '-k', 'nearest')
    assert ' passed' in out


def test_the_how_to_of_detectors_makes_one(tree: Path) -> None:
    files, lines = follow('adding-a-detector.md', tree)
    assert (files, lines) < (4, 100), 'adding a detector has become more work'
    assert "'blobs': bright regions" in (tree / 'docs' / 'parameters.md').read_text()
    assert '| blobs |' in (tree / 'config' / 'tracker.yaml').read_text().replace('\n      #', '')
    assert ' passed' in run(
        tree, '-m', 'pytest', '-q', '-p', 'no:cacheprovider',
        'test/tracking/detectors/test_blobs.py')


@pytest.mark.parametrize('number', range(3))
def test_the_examples_of_the_library_page_run(
        number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = [block for block in blocks('library.md') if block[0] == 'python'][number]
    assert len(text.splitlines()) <= 12
    monkeypatch.chdir(tmp_path)
    writer = cv2.VideoWriter('people.mp4', cv2.VideoWriter.fourcc(*'mp4v'), 10.0, (320, 240))
    for _ in range(2):
        writer.write(np.full((240, 320, 3), 127, np.uint8))
    writer.release()
    exec(compile(text, 'library.md', 'exec'), {})  # noqa: S102
    out = capsys.readouterr().out.splitlines()
    if number == 0:
        assert out[0] == '[1] [[100.  50. 140. 150.]]'
        assert [line.split()[0] for line in out] == ['[1]'] * 5
    elif number == 1:
        assert [line.partition(' s: ')[2] for line in out] == ['[]', '[]']
    else:
        assert out == ["0 None ['', '']"]


def test_every_public_name_is_there_typed_and_on_the_page() -> None:
    stub = {alias.asname for node in ast.parse(STUB.read_text(encoding='utf-8')).body
            if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert stub == set(mot_ros.tracking.__all__)
    page = (DOCS / 'library.md').read_text(encoding='utf-8')
    for name in mot_ros.tracking.__all__:
        assert getattr(mot_ros.tracking, name) is not None
        assert f'`{name}`' in page, name
    with pytest.raises(AttributeError, match="no attribute 'make_trakcer'"):
        _ = mot_ros.tracking.make_trakcer


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "[name for name in ('torch', 'cv2', 'scipy', 'rclpy') if name in sys.modules]"
    assert run(ROOT, '-c', f'import sys, mot_ros.tracking; print({heavy})') == '[]\n'
    # trackers of boxes do without torch
    assert 'torch' not in run(
        ROOT, '-c', 'import sys\nfrom mot_ros.tracking import build, make_detector, make_tracker, '
        "Settings\ns = build(Settings, {'detector.type': 'external'})\n"
        f'make_tracker(s, make_detector(s))\nprint({heavy})')
