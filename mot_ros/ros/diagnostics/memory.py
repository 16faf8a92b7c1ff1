# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Measure the memory of this process."""

from __future__ import annotations

import os
from pathlib import Path
import sys


def memory_in_use() -> dict[str, str]:
    """Return the memory of this process, and of its GPU if it works with one, in MB."""
    found = {}
    try:
        pages = int(Path('/proc/self/statm').read_text(encoding='ascii').split()[1])
        found['memory [MB]'] = f'{pages * os.sysconf("SC_PAGE_SIZE") / 1e6:.0f}'
    except (OSError, ValueError, IndexError):
        # only Linux has it
        pass
    # not imported for this: it takes seconds
    torch = sys.modules.get('torch')
    if torch is not None and hasattr(torch, 'cuda') and torch.cuda.is_initialized():
        found['GPU memory [MB]'] = f'{torch.cuda.memory_allocated() / 1e6:.0f}'
    return found
