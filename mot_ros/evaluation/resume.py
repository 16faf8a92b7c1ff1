# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Finished jobs of an evaluation that may be broken off: the next start takes them over.

Each is a file of its own, named by everything that its result depends on: the sequence with its
files, the options, the settings with their weights, and the versions of what computes it.
Something else, another name: nothing old is ever taken for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
import shutil

from mot_ros import __version__
from mot_ros.evaluation.job import Job, Outcome
from mot_ros.evaluation.job_files import Fingerprints
from mot_ros.evaluation.options import OWN, PUBLIC
from mot_ros.evaluation.outcome_file import from_text, to_text
from mot_ros.tracking.runtime.output_file import write_text

FORMAT = 1
FOLDER = '.partial'
PACKAGES = ('numpy', 'opencv-python', 'onnxruntime', 'scipy', 'torch', 'trackeval')
"""What computes results beside mot_ros itself."""


class Kept:
    """
    The results in output/.partial; `fresh` throws away what is there.

    `taken` counts the jobs that were taken over.
    """

    def __init__(self, output: Path, *, fresh: bool = False) -> None:
        self._folder = output / FOLDER
        self._fingerprints = Fingerprints(apart=output)
        self._versions = [_version(package) for package in PACKAGES]
        self.taken = 0
        if fresh:
            self.clear()

    def key(self, job: Job) -> str:
        """Return what tells the result of a job from all others."""
        which, job = job.options.detections, replace(job, output=None)
        given = None if which in (OWN, PUBLIC) else Path(which)
        return self._fingerprints.of(FORMAT, __version__, self._versions, job, given)

    def take(self, key: str) -> list[Outcome] | None:
        """Return the result of a key, None if there is none or if it cannot be read."""
        try:
            outcomes = from_text((self._folder / f'{key}.json').read_text(encoding='ascii'))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        self.taken += 1
        return outcomes

    def keep(self, key: str, outcomes: Sequence[Outcome]) -> None:
        """Write a result down; what failed is not kept, so that it is tried again."""
        if any(outcome.error for outcome in outcomes):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        write_text(self._folder / f'{key}.json', to_text(outcomes))

    def clear(self) -> None:
        """Remove everything that is kept."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ''
