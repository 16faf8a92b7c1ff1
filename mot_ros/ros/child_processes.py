# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Start child processes, check that they run, and end all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import json
from pathlib import Path
import signal
import subprocess
import sys
import time
from types import TracebackType

from mot_ros.tracking.errors import MotError
from mot_ros.with_parent import with_parent

PATIENCE = 15.0
"""Seconds that a process gets to end after a signal before it is killed."""
TAIL = 25
"""Lines of its log that are shown of a process that failed."""


class ChildError(MotError):
    """Child process that failed, ended too early, or did not get ready."""


class ChildProcesses:
    """
    Processes by name, each with a log file in `folder`.

    A context manager: at the end of the block all are interrupted, the latest first, killed if
    they do not end, and reaped. Ctrl-C of the terminal does not reach them, to keep this order. If
    this process is killed they get SIGTERM.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a process."""
        with self.log_of(name).open('wb') as log:
            self._processes[name] = subprocess.Popen(
                with_parent(command), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True)

    def log_of(self, name: str) -> Path:
        """Return the log file of a process."""
        return self._folder / f'{name}.log'

    def pid_of(self, name: str) -> int:
        """Return the number of a process."""
        return self._processes[name].pid

    def ended(self, name: str) -> bool:
        """Return whether a process has ended by itself; raises ChildError if it failed."""
        status = self._processes[name].poll()
        if status:
            raise self.failure(name, f'ended with status {status}')
        return status is not None

    def check(self, *names: str) -> None:
        """Raise ChildError unless all of these are running."""
        for name in names:
            if self.ended(name):
                raise self.failure(name, 'ended too early')

    def failure(self, name: str, what: str) -> ChildError:
        """Return an error about a process, with the end of its log."""
        log = self.log_of(name)
        lines = log.read_text(encoding='utf-8', errors='replace').splitlines()[-TAIL:]
        return ChildError('\n'.join([f'the {name} process {what}; its log ({log}):', *lines]))

    def until(
            self, done: Callable[[], bool], spin: Callable[[], None], timeout: float,
            complaint: str, measure: Callable[[], object] = lambda: None,
            blamed: str = 'tracker') -> None:
        """
        Spin until `done`.

        Raises ChildError on `blamed` after `timeout` seconds in which `measure` did not change.
        """
        last, since = measure(), time.monotonic()
        while not done():
            spin()
            if measure() != last:
                last, since = measure(), time.monotonic()
            if time.monotonic() - since > timeout:
                raise self.failure(blamed, f'is at fault: {complaint} within {timeout:g} s')

    def stop(self, name: str) -> None:
        """Ask a process to end and wait for it; raises ChildError if it does not end well."""
        process = self._processes[name]
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise self.failure(name, f'did not end within {PATIENCE:g} s') from None
        if status:
            raise self.failure(name, f'ended with status {status}')

    def __enter__(self) -> ChildProcesses:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        for name in reversed(list(self._processes)):
            try:
                self.stop(name)
            except ChildError:
                # a run that goes well has stopped its processes before, and got the error
                continue


def module(name: str) -> list[str]:
    """Return the command that runs a node of mot_ros.ros.nodes."""
    return [sys.executable, '-m', 'mot_ros.entry', name]


def ros_args(*remaps: str, **parameters: object) -> list[str]:
    """Return command-line arguments of a node; a parameter that is None is left out."""
    arguments = ['--ros-args']
    for remap in remaps:
        arguments += ['-r', remap]
    for name, value in parameters.items():
        if value is not None:
            # JSON is YAML, and quoted text stays text
            arguments += ['-p', f'{name}:={json.dumps(value)}']
    return arguments
