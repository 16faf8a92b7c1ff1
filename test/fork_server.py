# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Start Python processes in a tenth of the time: fork them from one that has imported what they need.

Importing torch, rclpy and scipy takes a process some seconds, which is most of what a test of a
node cost. A server, one for each process of pytest, imports them once and runs nothing; each
process of a test is a fork of it, with its own session, environment, working folder, arguments,
output and exit status, and runs its script or module as `__main__`. Tests of what happens while a
process imports mark themselves `fresh_interpreter` and start an interpreter.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping, Sequence
import contextlib
import functools
import importlib
import json
import os
from pathlib import Path
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from typing import NoReturn

MODULES = (
    'rclpy', 'rclpy.lifecycle', 'sensor_msgs.msg', 'vision_msgs.msg', 'diagnostic_msgs.msg',
    'lifecycle_msgs.srv', 'std_srvs.srv', 'numpy', 'scipy.linalg', 'scipy.optimize', 'yaml',
    'tqdm', 'rosbags.highlevel', 'cv2', 'torch')
"""
Imported by the server; nothing of this package, which each process imports by itself.

rclpy comes before torch, as in the nodes: the other way round Fast DDS can crash at the exit.
"""


def can_start(command: Sequence[str]) -> bool:
    """Return whether a command runs a script or a module by this interpreter."""
    return command[0] == sys.executable and len(command) > 1 and (
        command[1] == '-m' or not command[1].startswith('-'))


class ForkedProcess:
    """A process forked from the server, with what tests use of `subprocess.Popen`."""

    def __init__(
            self, command: Sequence[str], output: Path, environment: Mapping[str, str]) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(_server())
        request = {'argv': list(command)[1:], 'output': str(output), 'cwd': str(Path.cwd()),
                   'environment': dict(environment)}
        self._connection.sendall(json.dumps(request).encode() + b'\n')
        self.pid = int(self._line())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal, or None while the process runs."""
        return self._status(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; return the exit status or raise `subprocess.TimeoutExpired`."""
        status = self._status(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _line(self) -> bytes:
        # byte by byte, since the status may lie right behind it
        line = b''
        while not line.endswith(b'\n'):
            byte = self._connection.recv(1)
            if not byte:
                raise RuntimeError('the server of processes has ended')
            line += byte
        return line

    def _status(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                # so short that it arrives whole
                word = self._connection.recv(64)
            except (TimeoutError, BlockingIOError):
                return None
            finally:
                self._connection.settimeout(None)
            if not word:
                raise RuntimeError(f'the server that forked process {self.pid} has ended')
            self.returncode = int(word)
            self._connection.close()
        return self.returncode


@functools.cache
def _server() -> str:
    """Start the server of this process; return the address of its socket."""
    folder = tempfile.TemporaryDirectory(prefix='fork_server_')
    address = str(Path(folder.name) / 'socket')
    process = subprocess.Popen(
        [sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        start_new_session=True)

    def end() -> None:
        process.kill()
        process.wait()
        folder.cleanup()

    atexit.register(end)
    assert process.stdout is not None
    if process.stdout.readline() != b'ready\n':
        raise RuntimeError('the server of processes did not start')
    return address


def _serve(address: str) -> dict | None:
    """Fork a process for each request; return the request in the process, None in the server."""
    for name in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    os.write(1, b'ready\n')
    os.dup2(2, 1)
    import selectors

    waiting = selectors.DefaultSelector()
    waiting.register(listening, selectors.EVENT_READ)
    waiting.register(0, selectors.EVENT_READ)
    # who forked them needs not be waited for
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while not any(key.fileobj == 0 for key, _ in waiting.select()):
        connection, _ = listening.accept()
        if os.fork():
            connection.close()
            continue
        waiting.close()
        listening.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        request = json.loads(connection.makefile('r').readline())
        pid = os.fork()
        if not pid:
            connection.close()
            return request
        # the one that waits: tells the process id, then the status
        connection.sendall(f'{pid}\n'.encode())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(str(status).encode())
        os._exit(0)
    return None


def _become(request: dict) -> list[str]:
    """Take on the session, environment, folder and output of a request; return its arguments."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(request['output'], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(output)
    os.chdir(request['cwd'])
    os.environ.clear()
    os.environ.update(request['environment'])
    time.tzset()
    return request['argv']


def _main() -> None:
    request = _serve(sys.argv[1])
    if request is None:
        return
    argv = _become(request)
    here = str(Path(__file__).resolve().parent)
    sys.path[:] = [*request['environment'].get('PYTHONPATH', '').split(os.pathsep),
                   *(path for path in sys.path if path != here)]
    status: object = 0
    try:
        if argv[0] == '-m':
            sys.path.insert(0, request['cwd'])
            sys.argv[:] = argv[1:]
            runpy.run_module(argv[1], run_name='__main__', alter_sys=True)
        else:
            sys.path.insert(0, str(Path(argv[0]).resolve().parent))
            sys.argv[:] = argv
            runpy.run_path(argv[0], run_name='__main__')
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
        status = 1
    _end(status)


def _end(status: object) -> NoReturn:
    """
    End as an interpreter does, up to where it takes itself down.

    Libraries that were loaded before the fork crash there now and then. An interpreter of its own
    ends in the tests that start one, of signals and of the demo.
    """
    if not isinstance(status, int):
        if status is not None:
            sys.stderr.write(f'{status}\n')
        status = 0 if status is None else 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status & 0xff)


if __name__ == '__main__':
    _main()
