# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Recognise errors that leave a GPU unusable; without importing torch."""

from __future__ import annotations

LOST = (
    'an illegal memory access', 'device-side assert', 'unspecified launch failure',
    'misaligned address', 'an illegal instruction', 'hardware stack error',
    'uncorrectable ECC error', 'device is lost', 'context is destroyed', 'launch timed out')
"""Errors of CUDA after which every later call of the process fails."""


def is_lost(error: BaseException) -> bool:
    """Return whether an error of a GPU leaves it unusable for the rest of the process."""
    text = str(error)
    return isinstance(error, RuntimeError) and 'CUDA' in text and any(
        words in text for words in LOST)
