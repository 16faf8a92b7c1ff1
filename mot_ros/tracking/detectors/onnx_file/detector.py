# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""OnnxDetector: any detector of the YOLO or SSD family in an ONNX file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
import contextlib
import warnings

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.detectors.classes import find_classes, wanted_labels
from mot_ros.tracking.detectors.letterbox import batch, draw, GREY, place, Placement
from mot_ros.tracking.detectors.onnx_file.cells import cell_squares
from mot_ros.tracking.detectors.onnx_file.decode import candidates, every_place, score_range
from mot_ros.tracking.detectors.onnx_file.forms import ONE_IMAGE, PADDLE, SCORED, THREE
from mot_ros.tracking.detectors.onnx_file.layouts import (
    END_TO_END,
    LAYOUTS,
    OBB,
    OBB_OBJECTS,
    recognise,
    RFDETR_NAMES,
)
from mot_ros.tracking.detectors.onnx_file.session import OnnxSession
from mot_ros.tracking.detectors.postprocess.selection import (
    candidate_floor,
    finished,
    strongest,
    suppressed,
)
from mot_ros.tracking.detectors.ssd.raw_outputs import RawDetections
from mot_ros.tracking.errors import ConfigError, FrameError
from mot_ros.tracking.types import Detections, Frame

SCORE_TOLERANCE = 0.01
"""Rounding by which scores may leave [0, 1]."""


class OnnxDetector:
    """
    Detect the classes of an ONNX file in images of any size.

    The file gives the size, type and channel order of its input, and in its metadata `names`,
    `layout`, `resize` and `pixels`; a setting other than 'auto' overrides them. Whatever neither
    gives is inferred from the outputs for a grey image. Raises ConfigError if that is ambiguous,
    for an unknown class or device, and if onnxruntime is missing; WeightsError if the file is.
    """

    def __init__(self, settings: DetectorSettings, device: str = 'auto') -> None:
        self._settings = settings
        self.session = session = OnnxSession(settings.weights, device)
        self.device = session.device
        self.input_size = session.size_for((settings.width, settings.height))
        self._batch, outputs = self._trial()
        self.recognised = layout = recognise(
            outputs, session.output_names, self.input_size,
            _stated(settings.layout, session.metadata.get('layout'), LAYOUTS), session.path,
            session.metadata, session.input_names)
        if layout.form in ONE_IMAGE:
            self._batch = 1
        if layout.form in (OBB, OBB_OBJECTS):
            warnings.warn(
                f'{session.path} finds turned boxes; the smallest upright ones around them are '
                'tracked', stacklevel=2)
        self.resize = self._choose_resize()
        self.pixels = self._choose_pixels()
        self._classes = find_classes(session.path, session.metadata, layout, settings.names)
        labels = wanted_labels(settings.classes, self._classes.names)
        self._labels = torch.tensor(labels)
        self._numbers = [self._classes.numbers[label] for label in labels]
        least, most = score_range(layout, outputs, self.input_size, self._classes.numbers)
        if least < -SCORE_TOLERANCE or most > 1 + SCORE_TOLERANCE:
            raise ConfigError(
                f'{session.path}, read as {layout.kind}, gives scores from {least:.3g} to '
                f'{most:.3g} instead of 0 to 1: choose another detector.layout, or export it '
                'with the sigmoid or softmax that turns logits into scores')
        squares = cell_squares(layout, outputs, self.input_size)
        self._squares = None if isinstance(squares, str) else torch.from_numpy(squares)
        self._no_squares = squares if isinstance(squares, str) else None

    @property
    def class_names(self) -> Sequence[str]:
        """Names of all classes by label, also of unwanted ones."""
        return self._classes.names

    @property
    def layout(self) -> str:
        """Name of the layout of the outputs."""
        return self.recognised.kind

    @property
    def why_not_dense(self) -> str | None:
        """Why `detect_densely` is impossible with these outputs, or None."""
        return self._no_squares and f'{self.session.path} {self._no_squares}'

    def warm_up(self) -> None:
        """Run once on an empty image: the first call allocates memory and selects kernels."""
        width, height = self.input_size
        self.detect([Frame.of(np.zeros((height, width, 3), np.uint8), 0.0)])

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """
        Return the detections of each frame, best score first.

        As in the SSD: class selection, `score_floor`, NMS with `box_voting` (except for networks
        with their own NMS), clipping to the image and `max_detections`. Raises FrameError for a
        frame without image.
        """
        return [
            found for part in self._parts(frames)
            for found in self._select(part, self._outputs(part))]

    def detect_densely(
            self, frames: Sequence[Frame]) -> tuple[list[Detections], RawDetections]:
        """
        Return the detections of each frame and the raw outputs of the same network run.

        Anchors are the squares of `cell_squares`; all is on the CPU. Raises ConfigError with the
        reason of `why_not_dense`.
        """
        if self._squares is None:
            raise ConfigError(str(self.why_not_dense))
        found: list[Detections] = []
        rows: list[tuple[Tensor, Tensor, Tensor]] = []
        for part in self._parts(frames):
            outputs = self._outputs(part)
            found += self._select(part, outputs)
            for row, frame in enumerate(part):
                placement = self._placement(frame)
                boxes, scores = every_place(
                    self.recognised, outputs, row, self.input_size, self._numbers)
                rows.append((
                    # rounding may leave [0, 1]
                    torch.from_numpy(scores).clamp(0, 1),
                    placement.to_image(torch.from_numpy(boxes)),
                    placement.to_image(self._squares)))
        scored, boxed, anchors = (torch.stack(column) for column in zip(*rows, strict=True))
        return found, RawDetections(scored, self._labels, boxed, anchors)

    def _parts(self, frames: Sequence[Frame]) -> list[Sequence[Frame]]:
        """Split the frames into batches for the network."""
        most = self._batch or max(1, len(frames))
        return [frames[start:start + most] for start in range(0, len(frames), most)]

    def _placement(self, frame: Frame) -> Placement:
        """Return the placement of the image on the network's input."""
        return place(frame.size, self.input_size, self.resize)

    def _outputs(self, frames: Sequence[Frame]) -> list[NDArray[np.generic]]:
        """Return the outputs for one batch of frames."""
        return self._run([
            draw(frame, self._placement(frame), self.input_size) for frame in frames], self.pixels)

    def _select(
            self, frames: Sequence[Frame],
            outputs: Sequence[NDArray[np.generic]]) -> list[Detections]:
        """Convert the outputs for a batch of frames to their detections."""
        settings, layout = self._settings, self.recognised
        whole = layout.kind in END_TO_END
        floor = settings.score_floor if whole else candidate_floor(settings)
        results = []
        for row, frame in enumerate(frames):
            found = candidates(layout, outputs, row, self.input_size, self._numbers, floor)
            scores = torch.from_numpy(found.scores)
            # the network's own NMS bounds their number, but not their order
            best = (torch.sort(scores, descending=True, stable=True).indices if whole
                    else strongest(scores, settings))
            boxes = self._placement(frame).to_image(torch.from_numpy(found.boxes)[best])
            kept = boxes, scores[best], self._labels[torch.from_numpy(found.classes)[best]]
            if not whole:
                kept = suppressed(*kept, settings)
            results.append(finished(*kept, frame.size, settings))
        return results

    def _run(
            self, canvases: Sequence[NDArray[np.uint8]],
            pixels: str) -> list[NDArray[np.generic]]:
        """Return the outputs for canvases; for a fixed batch size the last batch repeats some."""
        session = self.session
        filled = [*canvases, *[canvases[-1]] * ((session.batch or 0) - len(canvases))]
        return session.run(
            batch(filled, pixels, session.dtype, channels_last=session.channels_last))

    def _trial(self) -> tuple[int | None, list[NDArray[np.generic]]]:
        """
        Return the batch size, None for any, and the outputs for grey images.

        Some files declare an open batch size but run only with one image. On a CPU one image at a
        time is faster anyway, since its features fit in the cache. Pixels in [0, 1] suit every
        network well enough for this.
        """
        session = self.session
        width, height = self.input_size
        canvas = np.full((height, width, 3), GREY, np.uint8)
        pixels = 'byte' if session.dtype == np.uint8 else 'unit'
        if session.batch is None and self.device.type != 'cpu':
            with contextlib.suppress(FrameError):
                outputs = self._run([canvas, canvas], pixels)
                if all(len(output) == 2 for output in outputs if output.ndim == 3):
                    return None, outputs
        try:
            return session.batch or 1, self._run([canvas], pixels)
        except FrameError as error:
            raise ConfigError(
                f'{error}; choose another detector.width and height, or export it with a fixed '
                'size of input') from error

    def _choose_resize(self) -> str:
        stated = _stated(
            self._settings.resize, self.session.metadata.get('resize'),
            ('letterbox', 'corner', 'stretch'))
        if stated != 'auto':
            return stated
        kind, form = self.recognised.kind, self.recognised.form
        if kind == 'yolox' or form == SCORED:
            return 'corner'
        if form in (THREE, PADDLE):
            return 'stretch'
        return 'letterbox' if kind.startswith('yolo') or kind == 'nanodet' else 'stretch'

    def _choose_pixels(self) -> str:
        session, kind = self.session, self.recognised.kind
        stated = _stated(
            self._settings.pixels, session.metadata.get('pixels'),
            ('unit', 'signed', 'imagenet', 'imagenet_bgr', 'byte', 'byte_bgr'))
        byte = session.dtype == np.uint8
        if byte and stated not in ('auto', 'byte', 'byte_bgr'):
            raise ConfigError(
                f'detector.pixels is {stated}, but {session.path} takes whole numbers (uint8): '
                'choose byte or byte_bgr')
        if stated != 'auto':
            return stated
        if kind == 'yolox':
            return 'byte_bgr'
        if byte:
            return 'byte'
        if kind == 'nanodet':
            return 'imagenet_bgr'
        if kind == 'detr' and self.recognised.name == RFDETR_NAMES[0]:
            return 'imagenet'
        if kind == 'detr' and len(self.recognised.places) == 1:
            return 'unit'
        if kind.startswith('yolo') and self.recognised.form not in (SCORED, PADDLE):
            return 'unit'
        raise ConfigError(
            f'{session.path} does not say how its input is scaled, and networks of its layout, '
            f'{kind}, differ in it: set detector.pixels to unit, signed, imagenet, '
            'imagenet_bgr, byte or byte_bgr')


def _stated(setting: str, metadata: str | None, known: Collection[str]) -> str:
    """Return the setting, else the file's value if it is known, else 'auto'."""
    if setting == 'auto' and metadata is not None and metadata in known:
        return metadata
    return setting


def make(settings: Settings) -> OnnxDetector:
    """Load the detector that the settings name."""
    return OnnxDetector(settings.detector, settings.device)
