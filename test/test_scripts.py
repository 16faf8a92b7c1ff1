# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The scripts find the ROS 2 to work with and never mix two, on machines that are stood in for.

Stand-ins: a folder tree that a "sourced" ROS 2 consists of; colcon, rosdep and apt-get that note
how they are called; and a Python that notes it when it is to make an environment or run pip, and
is the real one otherwise.
"""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[1]
# What only a sourced ROS 2, or the wheels of these tests' own Python, would set.
FOREIGN = (
    'AMENT_PREFIX_PATH', 'LD_LIBRARY_PATH', 'MOT_ROS_TORCH', 'PYTHON', 'PYTHONHOME', 'PYTHONPATH',
    'ROS_DISTRO', '_ROS_WHEELS_BOOTSTRAP_COMPLETE')
PROCESSES = len(os.sched_getaffinity(0)) + 1
"""Of tests: nodes wait for each other for a good part of theirs."""
VERSION = f'{sys.version_info.major}.{sys.version_info.minor}'
PYTHON = f"""#!/usr/bin/env bash
echo "$0 $*" >> "$CALLS"
case "$*" in
    *'-m venv'*)
        for folder; do :; done
        mkdir -p "$folder/bin" "$folder/lib/python{VERSION}/site-packages"
        echo 'version = {VERSION}.0' > "$folder/pyvenv.cfg"
        cp "$0" "$folder/bin/python" ;;
    *'-m pip install'*'-c '*)
        for word; do [ "$before" = -c ] && sed 's/^/constraint /' "$word" >> "$CALLS"
            before=$word
        done ;;
    *'-m pip'* | *'import cv2'* | *'-m mot_ros'* | *'-m pytest'*)
        echo "ROS_DISTRO=$ROS_DISTRO PYTHONPATH=$PYTHONPATH" >> "$CALLS" ;;
    *interfaces.py) ;;
    # so that these tests run on the Python 3.10 of Humble, too
    *'(3, 11) <= sys.version_info'*) ;;
    # under its own name, so that what it starts as sys.executable is the stand-in again
    *) exec -a "$0" "{Path(sys.base_prefix, 'bin', 'python3')}" "$@" ;;
esac
"""
COLCON = """#!/bin/sh
echo "colcon $*" >> "$CALLS"
while [ "$1" != --install-base ]; do shift; done
mkdir -p "$2/mot_ros/lib/mot_ros"
echo 'export AMENT_PREFIX_PATH=our_install:$AMENT_PREFIX_PATH' > "$2/local_setup.bash"
cat > "$2/mot_ros/lib/mot_ros/demo" <<'EOF'
#!/bin/sh
echo "demo $* with $(command -v python) on $AMENT_PREFIX_PATH" >> "$CALLS"
EOF
chmod +x "$2/mot_ros/lib/mot_ros/demo"
"""


class Machine:
    """A copy of the scripts and what they read, and the tools of a machine around them."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / 'a folder' / 'mot_ros'
        self.bin = folder / 'bin'
        self.ros = folder / 'opt' / 'ros' / 'humble'
        self.log = folder / 'calls'
        for name in ('scripts', 'msg', 'config', 'launch', 'resource'):
            shutil.copytree(ROOT / name, self.root / name)
        for name in ('package.xml', 'setup.py', 'setup.cfg'):
            shutil.copy(ROOT / name, self.root)
        (self.root / 'mot_ros/tracking/weights').mkdir(parents=True)
        shutil.copy(
            ROOT / 'mot_ros/tracking/weights/store.py', self.root / 'mot_ros/tracking/weights')
        self.log.touch()
        self.tool('apt-get', '#!/bin/sh\nexit 1\n')
        self.tool('rosdep', '#!/bin/sh\necho "rosdep $*" >> "$CALLS"\n')
        self.tool('colcon', COLCON)
        self.python = self.tool('python', PYTHON)
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in FOREIGN},
            'CALLS': str(self.log), 'HOME': str(folder), 'XDG_CACHE_HOME': str(folder / 'cache'),
            'PATH': f'{self.bin}:/usr/bin:/bin'}
        # what wheels need of a machine is found by the real Python of these tests
        for name in ('python3.11', 'python3.12', 'python3'):
            shutil.copy(self.python, self.bin / name)

    def tool(self, name: str, text: str) -> Path:
        """Put an executable on the path."""
        file = self.bin / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
        return file

    def source_ros(self) -> None:
        """Do what sourcing a ROS 2 does, one with a rclpy for the Python of these tests."""
        site_packages = self.ros / 'lib/python3/site-packages'
        (site_packages / 'rclpy').mkdir(parents=True)
        (site_packages / 'rclpy/__init__.py').touch()
        metadata = site_packages / 'numpy-1.21.5.dist-info/METADATA'
        metadata.parent.mkdir()
        metadata.write_text('Metadata-Version: 2.1\nName: numpy\nVersion: 1.21.5\n')
        self.environment |= {
            'ROS_DISTRO': 'humble', 'AMENT_PREFIX_PATH': str(self.ros), 'PYTHON': str(self.python),
            'PYTHONPATH': str(site_packages)}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts."""
        return subprocess.run(
            [self.root / 'scripts' / command[0], *command[1:]], capture_output=True, text=True,
            env=self.environment, cwd=self.root.parent)

    def calls(self) -> str:
        """Return what the stand-ins noted since the last time."""
        text = self.log.read_text()
        self.log.write_text('')
        return text


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def robot(machine):
    machine.source_ros()
    return machine


def test_beside_ros_a_workspace_is_set_up_and_nothing_of_it_twice(robot):
    done = robot.run('setup')
    assert done.returncode == 0, done.stderr
    calls = robot.calls()
    place = robot.root / '.ros' / 'humble'
    assert f'-m venv --clear --system-site-packages {place}/venv' in calls
    assert (f'rosdep check --from-paths {robot.root} {robot.root}/msg --ignore-src '
            '--rosdistro humble') in calls
    assert (f'colcon --log-base {place}/log build --base-paths {robot.root} {robot.root}/msg '
            f'--build-base {place}/build --install-base {place}/install') in calls
    assert f'-DPython3_EXECUTABLE={robot.python}' in calls
    assert '-m mot_ros.cli weights import' in calls
    assert not (robot.root / '.venv').exists()

    assert robot.run('setup').returncode == 0
    again = robot.calls()
    for word in ('venv', 'pip', 'rosdep', 'colcon', 'weights'):
        assert f'-m {word}' not in again and f'{word} ' not in again, again


def test_a_changed_source_is_built_again_and_nothing_else_done(robot):
    robot.run('setup')
    robot.calls()
    with (robot.root / 'setup.py').open('a') as file:
        file.write('# changed\n')
    assert robot.run('setup').returncode == 0
    calls = robot.calls()
    assert 'colcon ' in calls
    assert 'pip' not in calls


def test_pip_brings_only_what_rosdep_does_not_and_keeps_the_systems_own(robot):
    robot.run('setup')
    installs = [line for line in robot.calls().splitlines()
                if '-m pip install' in line or line.startswith('constraint ')]
    commands = [line for line in installs if '-m pip install' in line]
    assert len(commands) == 3
    for line in commands:
        assert f'-c {robot.root}/.ros/humble/constraints.txt' in line or '--no-deps' in line
    assert 'constraint numpy==1.21.5' in installs
    names = {line.partition('==')[0]
             for line in (ROOT / 'scripts/requirements-ros.txt').read_text().splitlines()}
    assert 'rosbags' in names
    assert not {name for name in names if name.startswith(('ros-', 'numpy', 'scipy', 'opencv'))}


def test_the_demo_runs_what_was_built_on_top_of_ros(robot):
    done = robot.run('demo', '--seconds', '6')
    assert done.returncode == 0, done.stderr
    venv = robot.root / '.ros/humble/venv'
    assert (f'demo --seconds 6 with {venv}/bin/python on our_install:{robot.ros}'
            in robot.calls())


def test_tests_run_on_the_sourced_ros(robot):
    done = robot.run('test', '-k', 'boxes')
    assert done.returncode == 0, done.stderr
    calls = robot.calls()
    assert (f'-m pytest -p xdist.plugin -p pytest_timeout -n {PROCESSES} --dist loadfile '
            '-k boxes\n') in calls
    assert f'ROS_DISTRO=humble PYTHONPATH={robot.environment["PYTHONPATH"]}' in calls


def test_wheels_of_before_are_left_alone_beside_ros(machine):
    assert machine.run('setup').returncode == 0
    wheels = machine.root / '.venv'
    before = sorted(wheels.rglob('*'))
    machine.calls()
    machine.source_ros()
    assert machine.run('demo').returncode == 0
    assert str(wheels) not in machine.calls()
    assert sorted(wheels.rglob('*')) == before


def test_without_ros_the_workspace_of_before_is_left_alone(robot):
    robot.run('setup')
    robot.calls()
    for name in ('ROS_DISTRO', 'AMENT_PREFIX_PATH', 'PYTHON'):
        del robot.environment[name]
    done = robot.run('demo')
    assert done.returncode == 0, done.stderr
    calls = robot.calls()
    assert f'{robot.root}/.venv/bin/python -P -m mot_ros.entry demo' in calls
    assert '.ros/' not in calls
    # what a shell had of a ROS 2 is not handed on to the wheels
    assert str(robot.ros) not in calls


def test_what_rosdep_misses_is_told_with_the_command_and_nothing_is_made(robot):
    robot.tool('rosdep', '#!/bin/sh\n'
               'echo "System dependencies have not been satisfied:"\n'
               'printf "apt\\tros-humble-vision-msgs\\n"\nexit 1\n')
    done = robot.run('setup')
    assert done.returncode == 1
    assert 'ros-humble-vision-msgs' in done.stderr
    assert (f"rosdep install --from-paths '{robot.root}' '{robot.root}/msg' --ignore-src "
            '--rosdistro humble -y') in done.stderr
    assert not (robot.root / '.ros').exists()


def test_missing_tools_are_told_with_their_package(robot):
    (robot.bin / 'colcon').unlink()
    done = robot.run('setup')
    assert done.returncode == 1
    assert 'lacks colcon' in done.stderr
    assert 'apt-get install ros-dev-tools' in done.stderr


def test_a_ros_that_is_named_but_not_sourced_is_refused(machine):
    machine.environment['ROS_DISTRO'] = 'humble'
    for script in ('setup', 'demo', 'test'):
        done = machine.run(script)
        assert done.returncode == 1
        assert 'source /opt/ros/humble/setup.bash' in done.stderr
    assert not machine.calls()


def test_a_python_that_does_not_have_this_ros_is_refused(robot):
    shutil.rmtree(robot.ros / 'lib')
    done = robot.run('setup')
    assert done.returncode == 1
    assert f'PYTHON={robot.python} is no Python that has the rclpy of ROS 2 humble' in done.stderr
    del robot.environment['PYTHON']
    assert 'ros-humble-ros-base' in robot.run('setup').stderr
    assert not (robot.root / '.ros').exists()


def test_the_rclpy_of_somebody_elses_wheels_will_not_do(robot):
    """In an active .venv it could be imported, and would be mixed with the libraries of ROS."""
    elsewhere = robot.root.parent / 'wheels'
    shutil.move(robot.ros / 'lib/python3/site-packages', elsewhere)
    robot.environment['PYTHONPATH'] = str(elsewhere)
    assert 'is no Python that has the rclpy' in robot.run('setup').stderr


def test_a_wrong_python_is_refused(machine):
    machine.environment['PYTHON'] = '/nowhere/python3.9'
    done = machine.run('setup')
    assert done.returncode == 1
    assert 'PYTHON=/nowhere/python3.9 is no Python 3.11 or 3.12' in done.stderr


def test_another_ros_gets_an_environment_beside_the_first(machine):
    done = machine.run('test', '--ros', 'jazzy')
    assert done.returncode == 0, done.stderr
    calls = machine.calls()
    other = machine.root / '.venv-jazzy'
    assert f'-m venv --clear {other}' in calls
    assert f'{other}/bin/python -m pip install' in calls
    assert f'-r {machine.root}/scripts/requirements-jazzy.txt' in calls
    assert (f'{other}/bin/python -m pytest -n {PROCESSES} --dist loadfile test/ros test/launch '
            'test/test_interfaces.py\nROS_DISTRO=jazzy') in calls
    assert machine.run('test', '--ros', 'jazzy', '-k', 'walk').returncode == 0
    again = machine.calls()
    assert f'-m pytest -n {PROCESSES} --dist loadfile -k walk' in again
    assert 'pip' not in again


def test_another_ros_sees_all_of_the_first_environment_but_its_ros(machine):
    assert machine.run('setup').returncode == 0
    packages = next((machine.root / '.venv/lib').iterdir()) / 'site-packages'
    for name, files in {
            'ros_rclpy-9.1.2': ('rclpy/__init__.py', 'ros_rclpy.libs/library.so'),
            'torch-2.13.0': ('torch/__init__.py',)}.items():
        for file in files:
            (packages / file).parent.mkdir(exist_ok=True)
            (packages / file).touch()
        information = packages / f'{name}.dist-info'
        information.mkdir()
        (information / 'METADATA').write_text(
            f'Metadata-Version: 2.1\nName: {name.partition("-")[0].replace("_", "-")}\n'
            f'Version: {name.partition("-")[2]}\n')
        (information / 'RECORD').write_text(
            ''.join(f'{file},,\n' for file in [*files, f'{information.name}/METADATA']))
    # those of the other ROS 2 do not load here, and would stand for built ones
    for name in ('vision_msgs', 'tf2_msgs', 'mot_ros_msgs'):
        (packages / name).mkdir()
    (packages / 'ros_wheels_bootstrapper.pth').touch()
    (packages / 'mot_ros_of_somebody.py').touch()

    assert machine.run('setup', '--ros', 'jazzy').returncode == 0

    shared = machine.root / '.venv-jazzy/shared'
    assert {file.name for file in shared.iterdir()} == {
        'torch', 'torch-2.13.0.dist-info', 'mot_ros_of_somebody.py'}
    assert all(file.resolve().parent == packages for file in shared.iterdir())


def test_wheels_of_another_ros_are_refused_beside_a_sourced_one(robot):
    done = robot.run('test', '--ros', 'jazzy')
    assert done.returncode == 1
    assert 'do not mix' in done.stderr
    assert not robot.calls()


def test_an_unknown_ros_is_refused(machine):
    done = machine.run('setup', '--ros', 'dashing')
    assert done.returncode != 0
    assert "'jazzy'" in done.stderr
    assert not (machine.root / '.venv').exists()


@pytest.mark.parametrize('script', ['setup', 'test', 'demo'])
def test_scripts_are_valid_shell(script):
    subprocess.run(['bash', '-n', ROOT / 'scripts' / script], check=True)
