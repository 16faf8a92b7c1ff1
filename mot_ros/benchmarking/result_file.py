# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What a benchmark leaves: a JSON file that says when and on what machine it was measured."""

from __future__ import annotations

from collections.abc import Mapping
import datetime
import json
from pathlib import Path
import sys
from typing import Any

from mot_ros.benchmarking.machine import describe_machine


def write_result(path: Path, content: Mapping[str, Any], **machine: Any) -> None:
    """Write the content with date and hardware, of which `machine` tells more; say so."""
    path.write_text(json.dumps({
        **content,
        'date': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        'hardware': {**describe_machine(), **machine}}, indent=2) + '\n')
    sys.stdout.write(f'wrote {path}\n')
