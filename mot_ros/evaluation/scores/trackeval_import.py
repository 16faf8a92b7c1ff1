# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""TrackEval, the reference implementation of the metrics: how it is imported and kept quiet."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import io
from typing import Any

from mot_ros.tracking.errors import ConfigError


@contextlib.contextmanager
def reference() -> Iterator[Any]:
    """
    Give TrackEval's module of metrics, and keep what it prints to ourselves meanwhile.

    It prints when it is imported, configured and asked. Needed for scoring only, so it is
    imported here; raises ConfigError where it cannot be.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            from trackeval import metrics
        except ImportError as error:
            raise ConfigError(
                f'scoring needs TrackEval, which cannot be imported ({error}): '
                'pip install trackeval') from error
        yield metrics
