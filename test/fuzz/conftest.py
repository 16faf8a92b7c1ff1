# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import pytest


@pytest.fixture
def fuzz_files(request):
    """Return how many mutated files there are in all."""
    return request.config.getoption('--fuzz-files')
