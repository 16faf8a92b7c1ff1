# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

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
