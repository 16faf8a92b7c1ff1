# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Run a command that gets SIGTERM when its parent process dies, however that dies.

`python -m mot_ros.with_parent PID COMMAND ...`; PID is the parent's.
"""

from __future__ import annotations

from collections.abc import Sequence
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h; the setting survives exec."""


def with_parent(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` no longer than this process lives."""
    return [sys.executable, '-m', 'mot_ros.with_parent', str(os.getpid()), *command]


def main(args: Sequence[str]) -> None:
    """Ask the kernel for SIGTERM at the parent's death, then become the command."""
    parent, *command = args
    # only Linux has it
    if sys.platform == 'linux':
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(parent):
            # it died before the request
            os._exit(128 + signal.SIGTERM)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == '__main__':
    main(sys.argv[1:])
