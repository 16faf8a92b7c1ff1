# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Steps that bring something up to date, each with a stamp that names what it was done from.

A step whose stamp still fits is not done again, and an interrupted run goes on where it was. The
scripts run this with a bare Python, so it uses the standard library only; 3.10 is enough.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import fcntl
import hashlib
import os
from pathlib import Path
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / 'scripts'
DEFAULT_TORCH = 'torch==2.13.0'


class SetupError(Exception):
    """What kept a step from being done, and what to do about it."""


@dataclass(frozen=True)
class Step:
    """One thing to bring up to date: done when the stamp equals the key and results are there."""

    stamp: Path
    title: str
    key: str
    action: Callable[[], None]
    results: tuple[Path, ...] = ()
    required: bool = True

    def done(self) -> bool:
        """Tell whether there is nothing to do."""
        return read(self.stamp) == self.key and all(file.exists() for file in self.results)


@dataclass(frozen=True)
class Environment:
    """A virtual environment in its folder."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / 'bin' / 'python'

    @property
    def stamps(self) -> Path:
        return self.folder / 'mot_ros_setup'

    @property
    def site_packages(self) -> Path:
        return self.folder / 'lib' / f'python{self.version()}' / 'site-packages'

    def version(self) -> str:
        """Return the Python version (as in 3.11) of one that works, or nothing."""
        for line in read(self.folder / 'pyvenv.cfg').splitlines():
            name, _, value = line.partition('=')
            if name.strip() == 'version' and self.python.exists():
                return '.'.join(value.strip().split('.')[:2])
        return ''

    def make(self, version: str, *options: str, python: str | Path = sys.executable) -> None:
        """Create it, or adopt one that somebody else made here."""
        if self.version() == version:
            try:
                # In one that was moved or copied, this still points to the old place.
                pip = subprocess.run([self.folder / 'bin' / 'pip', '--version'],
                                     capture_output=True)
                if f'{self.folder}/'.encode() in pip.stdout:
                    return
            except OSError:
                pass
        run(python, '-m', 'venv', '--clear', *options, self.folder)

    def pip(self, *arguments: str | Path) -> None:
        """Install into it."""
        run(self.python, '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input',
            *arguments)


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
    step.stamp.parent.mkdir(parents=True, exist_ok=True)
    step.stamp.write_text(step.key)
    say(f'{time.monotonic() - started:.1f} s\n')


def bring_up_to_date(steps: Sequence[Step], check: Callable[[], None]) -> None:
    """Do all steps that are not done, once `check` has found that the machine can."""
    # Without its environment no other step is done, whatever an old stamp says.
    if steps[0].done():
        steps = [step for step in steps if not step.done()]
    if any(step.required for step in steps):
        check()
    for number, step in enumerate(steps, 1):
        perform(step, f'setup {number}/{len(steps)}:')


def set_up(work: Callable[[], None]) -> int:
    """Do the work with the folder locked; returns the exit status."""
    started = time.monotonic()
    try:
        lock()
        work()
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
