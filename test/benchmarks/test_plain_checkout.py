# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Benchmarks run from a plain checkout: mot_ros is not installed, PYTHONPATH does not name it."""

from __future__ import annotations

import ast
from importlib import metadata
import os
from pathlib import Path
import re
import subprocess
import sys

import pytest

from test.benchmarks.scripts import load, ROOT

FOLDER = ROOT / 'benchmarks'
ELSEWHERE = ('motion_peers.py',)
"""Scripts that run in an environment of other trackers and import nothing of mot_ros."""
SCRIPTS = [path for path in sorted(FOLDER.glob('[!_]*.py')) if path.name not in ELSEWHERE]
OF_ROS = ('pipeline.py', 'soak.py', 'transport.py')
"""Scripts that measure nodes, and need a ROS 2."""
LIBRARIES = ('opencv-python', 'PyYAML', 'safetensors', 'scipy', 'torch', 'tqdm')
"""What mot_ros needs where there is no ROS."""
DRIVER = """
import runpy, sys
scripts = sys.argv[1:]
for script in scripts:
    sys.argv = [script, '--help']
    try:
        runpy.run_path(script, run_name='__main__')
    except SystemExit as end:
        assert not end.code, script
print(sys.modules['mot_ros'].__file__)
"""


def site_of(folder: Path, *names: str) -> Path:
    """Make a folder of links to distributions and what they require, without their extras."""
    folder.mkdir()
    open_, seen = list(names), set()
    while open_:
        name = open_.pop()
        if name.lower() in seen:
            continue
        seen.add(name.lower())
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            # required on other platforms, or under another name by the system
            continue
        open_ += [re.match(r'[\w.-]+', line)[0] for line in found.requires or ()
                  if 'extra' not in line]
        for top in {file.parts[0] for file in found.files or ()} - {'..', '__pycache__'}:
            link = folder / top
            if not link.exists():
                link.symlink_to(found.locate_file(top))
    return folder


def run(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python with nothing but its standard library and a folder of packages."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(('PYTHON', '_ROS'))}
    return subprocess.run(
        [sys.executable, '-S', *words], cwd=site, capture_output=True, text=True, check=False,
        env={**environment, 'PYTHONPATH': str(site), 'PYTHONDONTWRITEBYTECODE': '1'})


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.stem)
def test_mot_ros_is_found_before_anything_of_it_is_imported(script: Path):
    imported = [name for node in ast.parse(script.read_text(encoding='utf-8')).body
                if isinstance(node, ast.Import | ast.ImportFrom)
                for name in ([node.module] if isinstance(node, ast.ImportFrom)
                             else [alias.name for alias in node.names])]
    others = [name for name in imported if name.partition('.')[0] not in sys.stdlib_module_names]
    assert others[0] == '_start'


def test_the_first_day_of_a_gpu_needs_torch_numpy_and_safetensors_alone(tmp_path: Path):
    site = site_of(tmp_path / 'site', 'torch', 'numpy', 'safetensors')
    done = run(site, str(FOLDER / 'gpu_first_day.py'), '--help')
    assert done.returncode == 0, done.stderr
    assert 'Two minutes on a new GPU' in done.stdout


def test_the_others_need_no_ros(tmp_path: Path):
    site = site_of(tmp_path / 'site', *LIBRARIES)
    done = run(site, '-c', f'import sys\nsys.path.insert(0, {str(FOLDER)!r})\n{DRIVER}', *(
        str(script) for script in SCRIPTS if script.name not in OF_ROS))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(ROOT / 'mot_ros' / '__init__.py')


def test_without_a_gpu_the_first_day_says_how_to_try_it(monkeypatch, capsys):
    benchmark = load('gpu_first_day', monkeypatch)
    monkeypatch.setattr(benchmark.torch.cuda, 'is_available', lambda: False)
    with pytest.raises(SystemExit, match='2'):
        benchmark.main([])
    assert 'gpu_first_day.py cpu' in capsys.readouterr().err


def test_a_measurement_that_fails_is_a_line_and_the_next_one_runs(monkeypatch, capsys):
    benchmark = load('gpu_first_day', monkeypatch)
    bench = benchmark.Bench(benchmark.torch.device('cpu'))

    def broken():
        raise RuntimeError('no such kernel\nin so many words')

    bench.attempt('first', lambda: broken)
    bench.attempt('second', benchmark.suppression, bench, 1, 8, 4)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith('first ') and first.endswith('FAILED RuntimeError: no such kernel')
    assert second.startswith('second ') and second.endswith(' ms')


def test_both_ways_to_correlate_and_to_decode_agree(monkeypatch):
    benchmark = load('gpu_first_day', monkeypatch)
    torch = benchmark.torch
    with torch.inference_mode():
        parts = benchmark.Emm(
            benchmark.Bench(torch.device('cpu')), 2, torch.float32)
        torch.testing.assert_close(
            parts.correlate(), parts.correlate_by_product(), rtol=1e-4, atol=1e-2)
        (boxes, _), = parts.decode()
        assert boxes.shape == (2, 4) and bool(torch.isfinite(boxes).all())
