# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""
Bring everything that mot_ros needs on this machine up to date, step by step.

scripts/setup runs it with a bare Python, so it uses the standard library only. Each step has a
stamp in .venv that names what the step was done from; a step whose stamp still fits is not done
again, and an interrupted run goes on where it was.
"""

from collections.abc import Callable
import ctypes
from dataclasses import dataclass
import fcntl
import hashlib
import os
from pathlib import Path
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / 'scripts'
VENV = ROOT / '.venv'
STAMPS = VENV / 'mot_ros_setup'
PYTHON = VENV / 'bin' / 'python'
CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mot_ros'
DEFAULT_TORCH = 'torch==2.13.0'
VIDEO = CACHE / 'videos' / 'vtest.avi'
VIDEO_IN_PACKAGE = 'usr/share/doc/opencv-doc/examples/data/vtest.avi'
VIDEO_SHA256 = '45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf'


class SetupError(Exception):
    """What kept a step from being done, and what to do about it."""


@dataclass(frozen=True)
class Step:
    """One thing to bring up to date: done when the stamp equals the key and results are there."""

    name: str
    title: str
    key: str
    action: Callable[[], None]
    results: tuple[Path, ...] = ()
    required: bool = True

    @property
    def stamp(self) -> Path:
        return STAMPS / self.name

    def done(self) -> bool:
        """Tell whether there is nothing to do."""
        return read(self.stamp) == self.key and all(file.exists() for file in self.results)


def read(file: Path) -> str:
    """Return a text file's content, or nothing where there is no file."""
    return file.read_text() if file.is_file() else ''


def fingerprint(*files: Path) -> str:
    """Hash names and contents."""
    state = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        state.update(f'{file.relative_to(ROOT)} {len(content)}\n'.encode() + content)
    return state.hexdigest()


def run(*command: str | Path, folder: Path | None = None) -> None:
    """Run a command quietly; a dot every five seconds, and its last words if it fails."""
    environment = {
        name: value for name, value in os.environ.items()
        if name not in ('PIP_TARGET', 'PIP_PREFIX', 'PIP_USER')
    }
    with tempfile.TemporaryFile('w+', errors='replace') as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            cwd=folder, env=environment)
        while True:
            try:
                status = process.wait(5)
                break
            except subprocess.TimeoutExpired:
                say('.')
        if status:
            output.seek(0)
            last_words = ''.join(output.readlines()[-30:]).strip()
            raise SetupError(
                f'{last_words}\n{shlex.join(map(str, command))}\nfailed with status {status}')


def say(text: str) -> None:
    """Print at once, without ending the line."""
    sys.stdout.write(text)
    sys.stdout.flush()


def pip(*arguments: str | Path) -> None:
    """Install into the virtual environment."""
    run(PYTHON, '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', *arguments)


def venv_version() -> str:
    """Return the Python version (as in 3.11) of a virtual environment that works, or nothing."""
    for line in read(VENV / 'pyvenv.cfg').splitlines():
        name, _, value = line.partition('=')
        if name.strip() == 'version' and PYTHON.exists():
            return '.'.join(value.strip().split('.')[:2])
    return ''


def make_venv(version: str) -> None:
    """Create the virtual environment, or adopt one that somebody else made here."""
    if venv_version() == version:
        try:
            # In one that was moved or copied, this still points to the old place.
            pip = subprocess.run([VENV / 'bin' / 'pip', '--version'], capture_output=True)
            if f'{VENV}/'.encode() in pip.stdout:
                return
        except OSError:
            pass
    run(sys.executable, '-m', 'venv', '--clear', VENV)


def install_packages() -> None:
    """Install all of ROS 2 and Python that comes from wheels, and see that it loads."""
    pip('-r', SCRIPTS / 'requirements-dev.txt')
    run(PYTHON, '-c', 'import cv2, rclpy, scipy, torch')


def install_mot_ros() -> None:
    """
    Link the package and its share folder into the environment, as colcon --symlink-install does.

    Not through pip: it would put the ROS executables (camera, demo ...) among the commands, and
    the folders beside mot_ros (launch, test) on the path.
    """
    site_packages = VENV / 'lib' / f'python{venv_version()}' / 'site-packages'
    link(site_packages / 'mot_ros', ROOT / 'mot_ros')
    for name in ('package.xml', 'launch', 'config'):
        link(VENV / 'share' / 'mot_ros' / name, ROOT / name)
    link(VENV / 'share/ament_index/resource_index/packages/mot_ros', ROOT / 'resource' / 'mot_ros')
    command = VENV / 'bin' / 'mot_ros'
    # Through sh, as a "#!" line takes neither blanks nor more than 127 characters.
    command.write_text(
        '#!/bin/sh\n'
        f"'''exec' {shlex.quote(str(PYTHON))} \"$0\" \"$@\"\n"
        "' '''\n"
        'import sys\n\n'
        'from mot_ros.cli import main\n\n'
        # guarded, as spawned processes import it
        'if __name__ == "__main__":\n'
        '    sys.exit(main())\n')
    command.chmod(0o755)


def link(place: Path, target: Path) -> None:
    """Make a symbolic link, in place of an older one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def fetch_video() -> None:
    """Take the sample video out of Debian's opencv-doc package; needs no root."""
    if is_sample_video(VIDEO):
        return
    VIDEO.parent.mkdir(parents=True, exist_ok=True)
    installed = Path('/') / VIDEO_IN_PACKAGE
    with tempfile.TemporaryDirectory() as folder:
        copy = VIDEO.with_suffix(f'.{os.getpid()}.part')
        try:
            if installed.exists():
                shutil.copyfile(installed, copy)
            else:
                unpack_video(download_opencv_doc(Path(folder)), copy)
            if not is_sample_video(copy):
                raise SetupError('the video in opencv-doc is not the one expected (SHA-256)')
            copy.replace(VIDEO)
        finally:
            copy.unlink(missing_ok=True)


def is_sample_video(file: Path) -> bool:
    """Tell whether a file is there and is the video that the tests and figures are about."""
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == VIDEO_SHA256


def download_opencv_doc(folder: Path) -> Path:
    """Fetch the Debian package (96 MB) into a folder."""
    if not (shutil.which('apt-get') and shutil.which('dpkg-deb')):
        raise SetupError('the sample video comes from a Debian package, and there is no apt-get')
    try:
        run('apt-get', '-q', 'download', 'opencv-doc', folder=folder)
    except SetupError as error:
        raise SetupError(
            f'{error}\nIf the package lists are missing: sudo apt-get update') from None
    return next(folder.glob('opencv-doc_*.deb'))


def unpack_video(package: Path, target: Path) -> None:
    """Copy that one file out of the package, which unpacks to 295 MB."""
    command = ['dpkg-deb', '--fsys-tarfile', package]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode='r|') as archive,
    ):
        for member in archive:
            if member.name.removeprefix('./') == VIDEO_IN_PACKAGE:
                with target.open('wb') as file:
                    shutil.copyfileobj(archive.extractfile(member), file)
                break
        else:
            raise SetupError(f'no {VIDEO_IN_PACKAGE} in {package.name}')
        process.kill()


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


def plan() -> list[Step]:
    """List all steps in their order."""
    own_version = f'{sys.version_info.major}.{sys.version_info.minor}'
    # An environment that is there already is kept, unless another Python is asked for.
    version = own_version if os.environ.get('PYTHON') else venv_version() or own_version
    torch = os.environ.get('MOT_ROS_TORCH') or read(STAMPS / 'torch') or DEFAULT_TORCH
    requirements = SCRIPTS / 'requirements.txt'
    messages = [*sorted(ROOT.glob('msg/*.msg')), *sorted(SCRIPTS.glob('vision_msgs/msg/*.msg'))]
    interfaces = SCRIPTS / 'interfaces.py'
    weights_files = STAMPS / 'weights_files'
    return [
        Step('venv', f'.venv with Python {version}', f'{ROOT} {version}',
             lambda: make_venv(version), (PYTHON,)),
        Step('torch', f'{torch} (1 GB; several where it brings CUDA)', torch,
             lambda: pip(*shlex.split(torch))),
        Step('packages', 'ROS 2 Kilted, OpenCV and the development tools',
             fingerprint(requirements, SCRIPTS / 'requirements-dev.txt'), install_packages),
        Step('interfaces', 'vision_msgs and mot_ros_msgs, generated and compiled',
             fingerprint(requirements, interfaces, *messages), lambda: run(PYTHON, interfaces)),
        Step('mot_ros', 'mot_ros and its command', fingerprint(Path(__file__).resolve()),
             install_mot_ros, (VENV / 'bin' / 'mot_ros',)),
        Step('weights', "the detector's weights",
             f'{CACHE} {fingerprint(ROOT / "mot_ros" / "tracking" / "weights.py")}',
             import_weights, tuple(map(Path, read(weights_files).splitlines()))),
        Step('video', 'the sample video, from the Debian package opencv-doc', VIDEO_SHA256,
             fetch_video, (VIDEO,), required=False),
    ]


def import_weights() -> None:
    """Fetch and convert the default detector's weights; at once where they are there."""
    run(VENV / 'bin' / 'mot_ros', 'weights', 'import')
    files = sorted(CACHE.rglob('*.safetensors'))
    (STAMPS / 'weights_files').write_text('\n'.join(map(str, files)))


def lock() -> None:
    """Keep a second set-up of this folder waiting until this process ends."""
    descriptor = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say('setup: another one is at work here, waiting for it ...\n')
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def perform(step: Step, label: str) -> None:
    """Do one step and stamp it, on one line of output."""
    say(f'{label} {step.title} ')
    started = time.monotonic()
    try:
        step.action()
    except SetupError as error:
        if step.required:
            raise
        say(f'not to be had\n{error}\nGoing on without it.\n')
        return
    STAMPS.mkdir(exist_ok=True)
    step.stamp.write_text(step.key)
    say(f'{time.monotonic() - started:.1f} s\n')


def bring_up_to_date() -> None:
    """Do all steps that are not done, once it is sure that the machine has what they take."""
    steps = plan()
    # Without its environment no other step is done, whatever an old stamp says.
    if steps[0].done():
        steps = [step for step in steps if not step.done()]
    missing = missing_packages() if any(step.required for step in steps) else []
    if missing:
        names = ' '.join(line.partition(':')[0] for line in missing)
        raise SetupError(
            '\n    '.join(['this machine lacks', *missing]) + '\nThis installs it:\n'
            f'    sudo apt-get update && sudo apt-get install {names}')
    for number, step in enumerate(steps, 1):
        perform(step, f'setup {number}/{len(steps)}:')


def main() -> int:
    started = time.monotonic()
    try:
        lock()
        bring_up_to_date()
    except SetupError as error:
        say('\n')
        sys.stderr.write(f'setup: {error}\n')
        return 1
    except KeyboardInterrupt:
        say('\n')
        sys.stderr.write('setup: interrupted; run it again to go on from here\n')
        return 130
    say(f'setup: ready after {time.monotonic() - started:.1f} s\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
