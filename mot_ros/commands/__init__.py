# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The commands of `mot_ros`; what is heavy to import is imported where it is used."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""Exit status after Ctrl-C."""


def say(sentence: str) -> None:
    """Write one line to stderr, for what is no result."""
    sys.stderr.write(f'mot_ros: {sentence}\n')
