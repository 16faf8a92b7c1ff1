# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Result file of a benchmark: JSON with the date and the machine of the measurement."""

from __future__ import annotations

from collections.abc import Mapping
import datetime
import json
from pathlib import Path
import sys
from typing import Any

from mot_ros.benchmarking.machine import describe_machine
from mot_ros.tracking.runtime.output_file import write_text


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')


def write_result(path: Path, content: Mapping[str, Any], **machine: Any) -> None:
    """Write the content with date and hardware, `machine` being a part of it; print the path."""
    save_result(path, content, **machine)
    sys.stdout.write(f'wrote {path}\n')


def save_result(path: Path, content: Mapping[str, Any], **machine: Any) -> None:
    """Write the content with date and hardware; make the folder if there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps({
        **content, 'date': now(), 'hardware': {**describe_machine(), **machine}},
        indent=2) + '\n')
