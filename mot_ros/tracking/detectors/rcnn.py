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

"""RcnnDetector: SiamMOT's Faster R-CNN, and Sight: an image as it sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
import copy

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking import weights
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.detectors.classes import Classes, wanted_labels
from mot_ros.tracking.detectors.rcnn_classes import class_table
from mot_ros.tracking.detectors.rcnn_input import images, network_size
from mot_ros.tracking.device import resolve_device
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets import legacy_boxes
from mot_ros.tracking.nets.body import Body
from mot_ros.tracking.nets.emm import Emm
from mot_ros.tracking.nets.imm import Imm
from mot_ros.tracking.nets.mobilenet import Conv
from mot_ros.tracking.nets.packed import pack
from mot_ros.tracking.nets.rpn import Selection
from mot_ros.tracking.nets.siammot import load_network, SiamMot
from mot_ros.tracking.types import Detections, Floats, Frame, Ints

PACKED_SIZES = 4
"""Sizes of input for which a light body on the CPU is kept in the form that suits each best."""


@contextlib.contextmanager
def exactly(device: torch.device) -> Iterator[None]:
    """Run networks without gradients, and on a GPU with the same numbers every time."""
    exact = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with torch.inference_mode(), exact if device.type == 'cuda' else contextlib.nullcontext():
        yield


class Sight:
    """
    The features of one image, and what can be asked of them.

    `features` are P2..P6, each (1, C, H, W); `size` is (width, height) of the network's input
    and `source` that of the image; `network` is what made the features. Boxes on the network's
    side are tensors of inclusive pixels there, those on the outside arrays between edges in the
    image, see inward.
    """

    def __init__(
            self, network: SiamMot, features: Sequence[Tensor], size: tuple[int, int],
            source: tuple[int, int], classes: Classes, wanted: Sequence[int],
            settings: RcnnSettings) -> None:
        self.network = network
        self.features = features
        self.size = size
        self.source = source
        self._numbers = torch.tensor(classes.numbers, device=self.device)
        self._wanted = torch.tensor(wanted, device=self.device, dtype=torch.int64)
        self._settings = settings

    @property
    def device(self) -> torch.device:
        """Where the features are."""
        return self.features[0].device

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the image per pixel of the network's input, across and down."""
        return self.source[0] / self.size[0], self.source[1] / self.size[1]

    def inward(self, boxes: Floats) -> Tensor:
        """
        Return boxes (K, 4) of the image as the network knows them.

        The right edge becomes the last pixel covered, and pixel numbers are scaled: that is how
        boxes were resized in training, so it is what undoes what the network has learnt. It is
        not the same as scaling edges, by up to half a pixel.
        """
        inclusive = legacy_boxes.to_inclusive(torch.from_numpy(np.array(boxes, np.float32)))
        return (inclusive / torch.tensor(self.scale * 2)).to(self.device)

    def outward(self, boxes: Tensor) -> Floats:
        """Return boxes (K, 4) of the network in pixels of the image, the inverse of inward."""
        inclusive = boxes.float().cpu() * torch.tensor(self.scale * 2)
        edges: Floats = legacy_boxes.to_exclusive(inclusive).numpy()
        return edges

    def detections(self, given: Detections | None = None) -> Detections:
        """
        Return the objects in the image, best score first.

        With `given`, those of another detector, its boxes take the place of the network's own
        proposals: scores, classes and exact places are the box head's, and the proposal network
        does not run.
        """
        settings = self._settings
        with exactly(self.device):
            scores, boxes = self._head(self._places(given))
            row, column = torch.nonzero(
                scores[:, self._wanted] > settings.score_floor, as_tuple=True)
            label = self._wanted[column]
            score, box = scores[row, label], boxes[row, label]
            box = box if settings.amodal else legacy_boxes.clip(box, self.size)
            # of one that lies outside only the border is left; NaN, of a damaged image, goes too
            whole = (box[:, 2:] > box[:, :2]).all(dim=1) & box.isfinite().all(dim=1)
            box, score, label = box[whole], score[whole], label[whole]
            kept = legacy_boxes.nms(box, score, label, settings.nms_iou)
            kept = kept[:settings.max_detections]
            edges = self.outward(box[kept])
            score, label = score[kept].cpu(), label[kept].cpu()
        if not settings.amodal:
            # the last pixel of an enlarged image ends less than a pixel beyond it
            np.minimum(edges, np.array(self.source * 2, np.float32), out=edges)
        return Detections(edges, score.numpy(), label.numpy())

    def judge(self, boxes: Floats, labels: Ints) -> tuple[Floats, Floats]:
        """
        Ask the box head about any boxes (K, 4) in the image, as what their labels (K,) say.

        Returns where the objects really are (K, 4), not clipped, and scores (K,) that they are
        of their class.
        """
        with exactly(self.device):
            scores, moved = self._head(self.inward(boxes))
            label = torch.from_numpy(np.asarray(labels, np.int64)).to(self.device)
            row = torch.arange(len(label), device=self.device)
            return self.outward(moved[row, label]), scores[row, label].cpu().numpy()

    def _places(self, given: Detections | None) -> Tensor:
        """Return where objects may be, (P, 4)."""
        if given is not None:
            return self.inward(given.boxes)
        settings = self._settings
        proposals = self.network.proposals(self.features, self.size, Selection(
            settings.per_level, settings.proposals, settings.proposal_overlap, settings.amodal))
        return proposals.boxes[0][proposals.mask[0]]

    def _head(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (K, L) and boxes (K, L, 4) of each label, not clipped."""
        probabilities, moved = self.network.judge(self.features, boxes)
        return probabilities[:, self._numbers].clamp(max=1), moved[:, self._numbers]


class RcnnDetector:
    """
    Finds the classes of a Faster R-CNN in images of any size.

    An image is resized as in training, see network_size. Class names are those in the file,
    else COCO's first where there are as many as in a published network: one, nine or 80;
    `classes` names those to look for, empty for all. Raises WeightsError if the weights are
    missing, altered or of another network, ConfigError for an unknown class or device.
    """

    def __init__(
            self, settings: RcnnSettings, device: str = 'auto',
            classes: Sequence[str] = (), compute: Compute = Compute()) -> None:  # noqa: B008
        if not settings.weights:
            raise WeightsError(
                'Faster R-CNN has no weights, and untrained it finds nothing: set rcnn.weights to '
                f'a file of trained ones, or import a checkpoint with {weights.IMPORT_COMMAND}')
        self._settings = settings
        self.device = resolve_device(device)
        self._compute = compute
        network = load_network(settings.weights)
        self._classes = class_table(
            weights.metadata(settings.weights), network.classes, settings.weights)
        self._wanted = wanted_labels(classes, self._classes.names)
        network.eval().requires_grad_(False).fuse()
        # oneDNN and cuDNN both compute faster with the channels last
        self._network: SiamMot = network.to(  # type: ignore[call-overload]
            self.device, memory_format=torch.channels_last)
        self._packable = self.device.type == 'cpu' and any(
            isinstance(module, Conv) for module in network.body.modules())
        self._packed: dict[tuple[int, int], Body] = {}

    @property
    def class_names(self) -> Sequence[str]:
        """Names by label of all classes, also where only some of them are looked for."""
        return self._classes.names

    @property
    def motion(self) -> Emm | Imm | None:
        """The motion model beside the detector, None if the file has none."""
        return self._network.motion

    def warm_up(self) -> None:
        """Run once on nothing: the first call allocates memory and picks kernels."""
        self.detect([Frame.of(np.zeros((720, 1280, 3), np.uint8), 0.0)])

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """
        Return the objects of each frame, best score first.

        Classes are chosen first, then scores not above `score_floor` go, then of overlapping
        boxes of a class all but the best, then all but the best `max_detections`. Raises
        FrameError for a frame without image.
        """
        return [self.see(frame).detections() for frame in frames]

    def see(self, frame: Frame) -> Sight:
        """Compute the features of a frame, once for all questions; FrameError without image."""
        settings = self._settings
        size = network_size(frame.size, settings.short_side, settings.long_side)
        body = self._network.body
        with exactly(self.device):
            batch = images([frame], size, body.mean, body.std, self.device)
            features = self._network.pyramid(self._body_for(size)(batch))
        return Sight(
            self._network, features, size, frame.size, self._classes, self._wanted, settings)

    def _body_for(self, size: tuple[int, int]) -> Body:
        """Return the body in the form that is fastest for inputs of (width, height)."""
        if not self._packable:
            return self._network.body
        if size not in self._packed:
            if len(self._packed) == PACKED_SIZES:
                self._packed.clear()
            body = copy.deepcopy(self._network.body)
            pack(body, size)
            self._packed[size] = body
        return self._packed[size]
