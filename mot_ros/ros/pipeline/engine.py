# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Hold detector, tracker and sequence guard, and rebuild them when settings change."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import gc
import sys
from typing import Any, TYPE_CHECKING

from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.config.schema import flatten
from mot_ros.tracking.protocols import Detector, Tracker
from mot_ros.tracking.sequence import SequenceGuard
from mot_ros.tracking.types import Frame

if TYPE_CHECKING:
    from mot_ros.tracking.runtime.upload import Uploads


SWITCH_INTERVAL = 5e-4
"""Seconds after which a thread that waits for the interpreter gets it, while a GPU is used."""


class Engine:
    """
    Detector, tracker and sequence guard, made by two factories.

    One thread uses and changes these parts, between two frames.
    """

    def __init__(
            self, settings: NodeSettings, make_detector: Callable[[NodeSettings], Detector],
            make_tracker: Callable[[NodeSettings, Detector], Tracker]) -> None:
        self._make_detector = make_detector
        self.settings = settings
        self._uploads: Uploads | None = None
        self.detector = self._made(settings)
        self.tracker = make_tracker(settings, self.detector)
        self.guard = SequenceGuard(settings.sequence)

    @property
    def device(self) -> str:
        """Device of the detector, with the provider where onnxruntime runs it."""
        where = str(getattr(self.detector, 'device', '') or self.settings.device)
        provider = getattr(self.detector, 'provider', '')
        return f'{where}, onnxruntime {provider}' if provider else where

    def configure(self, settings: NodeSettings) -> None:
        """Take other settings; nothing changes if this raises."""
        same = detector_key(settings) == detector_key(self.settings)
        detector = self.detector if same else self._made(settings)
        self.tracker.configure(settings, detector)
        self.guard.configure(settings.sequence)
        self.settings, self.detector = settings, detector

    def prefetch(self, frame: Frame) -> None:
        """Start the upload of an image if the detector runs on a GPU, without waiting for it."""
        device: Any = getattr(self.detector, 'device', None)
        if getattr(device, 'type', '') != 'cuda' or frame.image is None:
            return
        if self._uploads is None or self._uploads.device != device:
            # here and not above: torch takes seconds to load
            from mot_ros.tracking.runtime.upload import Uploads

            self._uploads = Uploads(device)
        # no memory, say: the tracker will try again, and that it fails is then counted
        with contextlib.suppress(RuntimeError):
            self._uploads.prefetch(frame)

    def _made(self, settings: NodeSettings) -> Detector:
        detector = self._make_detector(settings)
        # else the first image would wait for what the first runs set up: on a GPU the second one
        # captures graphs
        gpu = getattr(getattr(detector, 'device', None), 'type', '') == 'cuda'
        for _ in range(2 if gpu else 1):
            getattr(detector, 'warm_up', lambda: None)()
        if gpu:
            _do_not_disturb()
        return detector


def _do_not_disturb() -> None:
    """
    Keep other threads and the collection of garbage from a frame that takes a GPU few ms.

    Python switches threads every 5 ms, which is all the time there is. What was made until now
    lives as long as the process, so that no collection needs to look at it.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.collect()
    gc.freeze()


def changes(before: NodeSettings, after: NodeSettings) -> str:
    """Return the settings that differ, in one line."""
    old, new = flatten(before), flatten(after)
    return ', '.join(
        f'{name} {old[name]!r} -> {value!r}' for name, value in new.items()
        if value != old[name])


def detector_key(settings: NodeSettings) -> tuple[Any, ...]:
    """Return the settings that a detector depends on."""
    network = settings.rcnn if settings.detector_type == 'rcnn' else None
    return (settings.detector_type, settings.detector, settings.calibrated, network,
            settings.roi, settings.mask,
            settings.device, settings.backend, settings.compute)
