# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Bring everything that mot_ros needs where no ROS 2 is installed up to date, step by step.

scripts/setup runs it with a bare Python. All of it goes into .venv; with ``--ros jazzy`` the
wheels of another ROS 2 go into .venv-jazzy, which takes torch and all else from .venv.
"""

import argparse
import ctypes
import importlib.metadata
import os
from pathlib import Path
import shlex
import shutil
import sys
import sysconfig

from downloads import downloads
from interfaces import PACKAGES
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

MAIN = Environment(ROOT / '.venv')
REQUIREMENTS = SCRIPTS / 'requirements.txt'
OTHERS = ('jazzy',)


def install_packages() -> None:
    """Install all of ROS 2 and Python that comes from wheels, and see that it loads."""
    MAIN.pip('-r', SCRIPTS / 'requirements-dev.txt')
    run(MAIN.python, '-c', 'import cv2, rclpy, scipy, torch')


def install_mot_ros(environment: Environment) -> None:
    """
    Link the package and its share folder into the environment, as colcon --symlink-install does.

    Not through pip: it would put the ROS executables (camera, demo ...) among the commands, and
    the folders beside mot_ros (launch, test) on the path.
    """
    link(environment.site_packages / 'mot_ros', ROOT / 'mot_ros')
    share = environment.folder / 'share'
    link(share / 'mot_ros' / 'package.xml', ROOT / 'package.xml')
    for name in ('launch', 'config'):
        link_files(share / 'mot_ros' / name, ROOT / name)
    link(share / 'ament_index/resource_index/packages/mot_ros', ROOT / 'resource' / 'mot_ros')
    command = environment.folder / 'bin' / 'mot_ros'
    # Through sh, as a "#!" line takes neither blanks nor more than 127 characters.
    command.write_text(
        '#!/bin/sh\n'
        f"'''exec' {shlex.quote(str(environment.python))} \"$0\" \"$@\"\n"
        "' '''\n"
        'import sys\n\n'
        'from mot_ros.cli import main\n\n'
        # guarded, as spawned processes import it
        'if __name__ == "__main__":\n'
        '    sys.exit(main())\n')
    command.chmod(0o755)


def link_files(place: Path, folder: Path) -> None:
    """
    Make a folder with a link to each file of another one.

    `ros2 launch` looks for launch files by walking through folders, and into no linked one.
    """
    if place.is_symlink():
        place.unlink()
    shutil.rmtree(place, ignore_errors=True)
    for file in folder.iterdir():
        if file.is_file():
            link(place / file.name, file)


def link(place: Path, target: Path) -> None:
    """Make a symbolic link, in place of an older one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def share_packages(source: Environment, environment: Environment) -> None:
    """
    Let an environment import what another one has, except for ROS 2 and the messages built there.

    By links to each package, for not a single file of the one ROS 2 may be found by the other.
    """
    apart = {'mot_ros', 'pip', '__pycache__', *(package.name for package in PACKAGES)}
    for package in importlib.metadata.distributions(path=[str(source.site_packages)]):
        if package.metadata['Name'].startswith(('ros-', 'pip')):
            apart |= {file.parts[0] for file in package.files or ()}
    shared = environment.folder / 'shared'
    shutil.rmtree(shared, ignore_errors=True)
    for place in source.site_packages.iterdir():
        if place.name not in apart and place.suffix != '.pth':
            link(shared / place.name, place)
    (environment.site_packages / 'shared.pth').write_text(f'{shared}\n')


def check_machine() -> None:
    """Raise SetupError that names the Debian packages that this machine lacks."""
    missing = missing_packages()
    if missing:
        names = ' '.join(line.partition(':')[0] for line in missing)
        raise SetupError(
            '\n    '.join(['this machine lacks', *missing]) + '\nThis installs it:\n'
            f'    sudo apt-get update && sudo apt-get install {names}')


def missing_packages() -> list[str]:
    """Return the Debian packages that this machine lacks, each with what needs it."""
    # A Python that is not the system's own has its parts in packages of its version.
    system = Path('/usr/bin/python3').resolve().name
    own = f'python3.{sys.version_info.minor}'
    debian_python = 'python3' if system in ('python3', own) else own
    found = []
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        found.append(f'{debian_python}-venv: virtual environments')
    if not Path(sysconfig.get_path('include'), 'Python.h').exists():
        found.append(f'{debian_python}-dev: Python.h, to compile the message packages')
    if not shutil.which('g++'):
        found.append('g++: to compile the message packages')
    for library, package in (('libGL.so.1', 'libgl1'), ('libgthread-2.0.so.0', 'libglib2.0-0')):
        try:
            ctypes.CDLL(library)
        except OSError:
            found.append(f'{package}: {library}, for OpenCV')
    return found


def install_interfaces(environment: Environment, requirements: Path) -> list[Step]:
    """List the steps that build the messages and install mot_ros."""
    script = SCRIPTS / 'interfaces.py'
    messages = [*sorted(ROOT.glob('msg/*.msg')), *sorted(ROOT.glob('msg/srv/*.srv')),
                *sorted(SCRIPTS.glob('*_msgs/msg/*.msg'))]
    return [
        Step(environment.stamps / 'interfaces',
             ', '.join(package.name for package in PACKAGES) + ', generated and compiled',
             fingerprint(requirements, script, *messages),
             lambda: run(environment.python, script)),
        Step(environment.stamps / 'mot_ros', 'mot_ros and its command',
             fingerprint(Path(__file__).resolve()) + repr(sorted(
                 file.name for name in ('launch', 'config') for file in (ROOT / name).iterdir())),
             lambda: install_mot_ros(environment),
             (environment.folder / 'bin' / 'mot_ros',)),
    ]


def plan() -> list[Step]:
    """List the steps to .venv in their order."""
    own_version = f'{sys.version_info.major}.{sys.version_info.minor}'
    # An environment that is there already is kept, unless another Python is asked for.
    version = own_version if os.environ.get('PYTHON') else MAIN.version() or own_version
    torch = os.environ.get('MOT_ROS_TORCH') or read(MAIN.stamps / 'torch') or DEFAULT_TORCH
    return [
        Step(MAIN.stamps / 'venv', f'.venv with Python {version}', f'{ROOT} {version}',
             lambda: MAIN.make(version), (MAIN.python,)),
        Step(MAIN.stamps / 'torch', f'{torch} (1 GB; several where it brings CUDA)', torch,
             lambda: MAIN.pip(*shlex.split(torch))),
        Step(MAIN.stamps / 'packages', 'ROS 2 Kilted, OpenCV and the development tools',
             fingerprint(REQUIREMENTS, SCRIPTS / 'requirements-dev.txt'), install_packages),
        *install_interfaces(MAIN, REQUIREMENTS),
        *downloads(MAIN, MAIN.stamps),
    ]


def plan_other(distro: str) -> list[Step]:
    """List the steps to the environment of another ROS 2, beside a complete .venv."""
    other = Environment(ROOT / f'.venv-{distro}')
    requirements = SCRIPTS / f'requirements-{distro}.txt'
    version = MAIN.version()

    def install() -> None:
        other.pip('-r', requirements)
        run(other.python, '-c', 'import cv2, rclpy, torch')

    return [
        Step(other.stamps / 'venv', f'{other.folder.name} with Python {version}',
             f'{ROOT} {version}', lambda: other.make(version, python=MAIN.python),
             (other.python,)),
        # before its own packages, so that pip finds what those need
        Step(other.stamps / 'shared', 'torch and all else that is in .venv',
             read(MAIN.stamps / 'torch') + read(MAIN.stamps / 'packages')
             + repr([package.name for package in PACKAGES]),
             lambda: share_packages(MAIN, other), (other.folder / 'shared',)),
        Step(other.stamps / 'packages', f'ROS 2 {distro.capitalize()}',
             fingerprint(requirements), install),
        *install_interfaces(other, requirements),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog='setup', description=(
        'Set up .venv, and with --ros the environment of another ROS 2 beside it.'))
    parser.add_argument('--ros', choices=OTHERS)
    distro = parser.parse_args().ros

    def work() -> None:
        bring_up_to_date(plan(), check_machine)
        if distro:
            bring_up_to_date(plan_other(distro), check_machine)

    return set_up(work)


if __name__ == '__main__':
    sys.exit(main())
