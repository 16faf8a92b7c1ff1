# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Mutated bags, annotations, images and videos; `--fuzz-files` says how many in all."""

import pytest

from test.fuzz import data_files
from test.fuzz.mutation import try_mutations


@pytest.mark.parametrize('kind', data_files.KINDS)
def test_mutated_data_are_read_or_refused(kind, tmp_path, monkeypatch, files_per_kind):
    monkeypatch.chdir(tmp_path)
    make, read = data_files.KINDS[kind]
    try_mutations(kind, make(), read, files_per_kind)
