# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import pytest

from test.fuzz import data_files, test_files


@pytest.fixture
def files_per_kind(request):
    """Return how many mutated files there are of each kind."""
    kinds = len(data_files.KINDS) + len(test_files.KINDS)
    return -(-request.config.getoption('--fuzz-files') // kinds)
