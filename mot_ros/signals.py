# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Handle SIGINT, SIGTERM and SIGHUP alike; imports nothing that takes time."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import os
import signal
import threading
import time
from typing import Any

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FORCE_AFTER = 1.5
"""Seconds after a stop request at which interruptible work that goes on is cut off."""


def handle(handler: Any) -> dict[signal.Signals, Any]:
    """
    Set the handler of all stop signals; return the previous ones.

    An ignored SIGHUP stays ignored: the process was started with nohup.
    """
    before = {}
    for number in STOP_SIGNALS:
        if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue
        before[number] = signal.signal(number, handler)
    return before


def exit_at_once(status: int) -> None:
    """Exit with `status` on a stop signal: for imports, when there is nothing to clean up."""
    handle(lambda *_: os._exit(status))


def interrupt() -> None:
    """Raise KeyboardInterrupt on each stop signal."""
    handle(signal.default_int_handler)


def ignore() -> None:
    """Ignore further stop signals, so that they cannot interrupt the clean-up."""
    handle(signal.SIG_IGN)


@contextlib.contextmanager
def interrupting() -> Iterator[None]:
    """Raise KeyboardInterrupt on each stop signal within the block."""
    before = handle(signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stopped(BaseException):
    """A stop signal came during interruptible work."""


class StopRequest:
    """
    A stop that signals request: a flag, and an exception within `interruptible` blocks.

    Only the first signal raises Stopped, so that the clean-up is never interrupted.
    """

    def __init__(self) -> None:
        self.requested = False
        self._since = 0.0
        self._interruptible = False

    def install(self) -> None:
        """Handle the stop signals from now on; call it in the main thread."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        handle(self._on_signal)
        # the interpreter writes to it at once, also while the main thread is in C code
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(
            target=self._force, args=(reader,), name='stop', daemon=True).start()

    def check(self) -> None:
        """Raise Stopped if a stop was requested."""
        if self.requested:
            raise Stopped

    def left(self, seconds: float, otherwise: float) -> float:
        """Return what is left of so many seconds since the request; `otherwise` without one."""
        if not self.requested:
            return otherwise
        return max(0.0, self._since + seconds - time.monotonic())

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """
        Raise Stopped within the block when a stop is requested, or at its ends.

        If the block swallows the exception or stays in C code, the process exits with status 0
        after FORCE_AFTER seconds: use it only where nothing is lost by that.
        """
        self.check()
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False
        self.check()

    def _on_signal(self, *_: object) -> None:
        if not self.requested:
            self.requested, self._since = True, time.monotonic()
            if self._interruptible:
                raise Stopped

    def _force(self, reader: int) -> None:
        while not set(os.read(reader, 64)) & set(STOP_SIGNALS):
            continue
        time.sleep(FORCE_AFTER)
        if self._interruptible:
            os._exit(0)


STOP = StopRequest()
"""The stop of this process: signals are the process's, so there is one."""
