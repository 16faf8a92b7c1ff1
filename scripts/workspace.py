# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Bring everything that mot_ros needs where a ROS 2 is installed up to date, step by step.

scripts/setup runs it with the Python of the ROS 2 that is sourced. What it makes lies in
.ros/<distribution>: a virtual environment for the few packages that rosdep does not bring, and
colcon's build and install folders. The system is looked at and never changed.
"""

import os
from pathlib import Path
import shlex
import shutil
import subprocess
import sys

from downloads import downloads
from steps import (
    bring_up_to_date,
    DEFAULT_TORCH,
    Environment,
    fingerprint,
    read,
    ROOT,
    run,
    SCRIPTS,
    set_up,
    SetupError,
    Step,
)

DISTRO = os.environ['ROS_DISTRO']
PLACE = ROOT / '.ros' / DISTRO
VENV = Environment(PLACE / 'venv')
STAMPS = VENV.stamps
DEVELOPMENT = SCRIPTS / 'requirements-dev.txt'
CONSTRAINTS = PLACE / 'constraints.txt'
PATHS = (ROOT, ROOT / 'msg')
SYSTEMS_OWN = ('numpy', 'scipy', 'opencv-python', 'opencv-python-headless', 'PyYAML', 'tqdm')
"""Packages that a second copy of would break what the system has built against its own."""


def underlay() -> str:
    """Return the ROS 2 that is sourced, without what this script itself built."""
    prefixes = os.environ['AMENT_PREFIX_PATH'].split(os.pathsep)
    return os.pathsep.join(
        prefix for prefix in prefixes if not prefix.startswith(str(PLACE)))


def install(*requirements: str | Path) -> None:
    """Install what is missing; the system's own packages stay as they are, or pip says why not."""
    code = (
        'from importlib.metadata import PackageNotFoundError, version\n'
        f'for name in {SYSTEMS_OWN!r}:\n'
        '    try:\n'
        '        print(f"{name}=={version(name)}")\n'
        '    except PackageNotFoundError:\n'
        '        pass\n')
    found = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True)
    CONSTRAINTS.write_text(found.stdout)
    VENV.pip('-c', CONSTRAINTS, *requirements)


def install_packages() -> None:
    """Install what rosdep does not bring, and see that it loads beside what rosdep brought."""
    install('-r', SCRIPTS / 'requirements-ros.txt')
    # without what it asks for: it does with an older numpy and without an OpenCV of its own
    VENV.pip('--no-deps', next(
        line for line in read(DEVELOPMENT).splitlines() if line.startswith('trackeval==')))
    run(VENV.python, '-c', 'import cv2, numpy, rclpy, rosbags, safetensors, scipy, torch')


def check_machine() -> None:
    """Raise SetupError that says what to install first, and how."""
    missing = [name for name in ('colcon', 'rosdep') if not shutil.which(name)]
    packages = ['ros-dev-tools'] if missing else []
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        missing.append('ensurepip, for virtual environments')
        packages.append('python3-venv')
    if missing:
        raise SetupError(
            f'this machine lacks {" and ".join(missing)}. This installs it:\n'
            f'    sudo apt-get update && sudo apt-get install {" ".join(packages)}')
    paths = ['--from-paths', *map(str, PATHS), '--ignore-src', '--rosdistro', DISTRO]
    checked = subprocess.run(['rosdep', 'check', *paths], capture_output=True, text=True)
    if checked.returncode:
        raise SetupError(
            f'{(checked.stdout + checked.stderr).strip()}\n'
            'That is what rosdep says is missing. This installs it, and may ask for a password:\n'
            f'    {shlex.join(["rosdep", "install", *paths, "-y"])}')


def build() -> None:
    """Build both packages."""
    folders = [argument for name in ('build', 'install')
               for argument in (f'--{name}-base', PLACE / name)]
    # CMake would take the first python3 of the path, which need not be the one of ROS.
    run('colcon', '--log-base', PLACE / 'log', 'build', '--base-paths', *PATHS, *folders,
        '--cmake-args', f'-DPython3_EXECUTABLE={sys.executable}', folder=ROOT)


def plan() -> list[Step]:
    """List all steps in their order."""
    version = f'{sys.version_info.major}.{sys.version_info.minor}'
    torch = os.environ.get('MOT_ROS_TORCH') or read(STAMPS / 'torch') or DEFAULT_TORCH
    sources = [file for folder in ('config', 'launch', 'mot_ros', 'msg', 'resource')
               for file in sorted((ROOT / folder).rglob('*'))
               if file.is_file() and '__pycache__' not in file.parts]
    sources += [ROOT / name for name in ('package.xml', 'setup.cfg', 'setup.py')]
    return [
        Step(STAMPS / 'venv', f'a virtual environment beside ROS 2 {DISTRO.capitalize()}',
             f'{ROOT} {sys.executable} {version}',
             lambda: VENV.make(version, '--system-site-packages'), (VENV.python,)),
        Step(STAMPS / 'torch', f'{torch} (1 GB; several where it brings CUDA)', torch,
             lambda: install(*shlex.split(torch))),
        Step(STAMPS / 'packages', 'what else rosdep does not bring',
             fingerprint(SCRIPTS / 'requirements-ros.txt', DEVELOPMENT), install_packages),
        Step(STAMPS / 'build', 'mot_ros and mot_ros_msgs, built with colcon',
             f'{underlay()} {fingerprint(*sources)}', build,
             (PLACE / 'install' / 'local_setup.bash',)),
        *downloads(VENV, STAMPS),
    ]


def main() -> int:
    return set_up(lambda: bring_up_to_date(plan(), check_machine))


if __name__ == '__main__':
    sys.exit(main())
