# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Make mot_ros importable from a plain checkout; every script of this folder imports it first.

An installed mot_ros, or one on PYTHONPATH, comes first. Threads and memory are then set as the
command `mot_ros` sets them, which must happen before torch is loaded.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
import sys

ROOT = Path(__file__).resolve().parent.parent

if importlib.util.find_spec('mot_ros') is None:
    sys.path.append(str(ROOT))
    # for the processes that a script starts
    os.environ['PYTHONPATH'] = os.pathsep.join(
        filter(None, (os.environ.get('PYTHONPATH'), str(ROOT))))

from mot_ros.tracking.runtime.malloc import keep_memory  # noqa: E402
from mot_ros.tracking.runtime.threads import share_cores  # noqa: E402

share_cores()
keep_memory()
