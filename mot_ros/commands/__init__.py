# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The commands of `mot_ros`; what is heavy to import is imported where it is used."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""Exit status after Ctrl-C."""


def say(sentence: str) -> None:
    """Tell the user something that is no result: one line on stderr."""
    sys.stderr.write(f'mot_ros: {sentence}\n')
