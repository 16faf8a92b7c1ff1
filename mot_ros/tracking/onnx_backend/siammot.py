# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SiamMOT's network in onnxruntime: the graphs of siammot_export in the place of its modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import copy
from dataclasses import asdict
from pathlib import Path

from torch import nn, Tensor

from mot_ros.tracking.nets.backbones.backbone import Body
from mot_ros.tracking.nets.rcnn.roi_align import CellTable
from mot_ros.tracking.nets.rcnn.rpn import Proposals, Selection
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.emm_decode import EmmOptions, Grid
from mot_ros.tracking.nets.siammot.imm import Imm, ImmOptions
from mot_ros.tracking.nets.siammot.network import SiamMotNetwork
from mot_ros.tracking.nets.siammot.search_region import Memory
from mot_ros.tracking.onnx_backend.backend import digest, OnnxBackend
from mot_ros.tracking.onnx_backend.module import OnnxGraph
from mot_ros.tracking.onnx_backend.siammot_export import ExportPlan, write_graphs

Maps = Sequence[Tensor] | CellTable
"""What a motion model takes; here always OnnxFeatures."""
BOXES, TRACKS = 512, 256
"""Proposals and tracks that are looked at together at most."""
SIZES = 4
"""Sizes of input whose graphs are kept in memory."""


class OnnxFeatures(list[Tensor]):
    """P2 to P5 of one image, each (1, C, H, W), and the proposals that were made of them."""

    def __init__(
            self, maps: Sequence[Tensor], size: tuple[int, int], proposals: Proposals) -> None:
        super().__init__(maps)
        self.size = size
        """Width and height of the network's input, for which the graphs are made."""
        self.proposals = proposals


class OnnxSiamMot:
    """
    What a SiamMot is for the one who asks it, one image at a time.

    Graphs are made when they are first needed, for each size of input, out of a network in
    torch, which is kept for that on the CPU. `selection` is how proposals are chosen, which is
    in the graph too.
    """

    def __init__(
            self, network: SiamMotNetwork, selection: Selection, backend: OnnxBackend) -> None:
        self._network = network.eval().requires_grad_(False)
        self._digest = digest(network)
        self._backend = backend
        self._graphs: dict[tuple[str, ExportPlan], OnnxGraph] = {}
        self._sizes: set[tuple[int, int]] = set()
        self.selection = selection
        self.motion: OnnxEmm | OnnxImm | None = None
        """The motion model, None without one."""
        if isinstance(network.motion, Emm):
            self.motion = OnnxEmm(self)
        elif isinstance(network.motion, Imm):
            self.motion = OnnxImm(self)

    @property
    def classes(self) -> int:
        """How many classes there are, with the background."""
        return self._network.classes

    @property
    def body(self) -> Body:
        """What knows how images are normalised."""
        return self._network.body

    @property
    def provider(self) -> str:
        """What runs the graphs, empty as long as there are none."""
        return next((graph.provider for graph in self._graphs.values()), '')

    def features(self, images: Tensor) -> OnnxFeatures:
        """Return the features of a normalised image (1, 3, H, W), sides multiples of 32."""
        size = images.shape[3], images.shape[2]
        graph = self.graph(
            'image', ExportPlan(size, self.selection), {'selection': asdict(self.selection)})
        *maps, boxes, scores, mask = graph(images)
        return OnnxFeatures(maps, size, Proposals(boxes[None], scores[None], mask[None]))

    def proposals(
            self, features: Maps, size: tuple[int, int],
            selection: Selection | None = None) -> Proposals:
        """Return where objects may be, as it was found with the features."""
        del size, selection  # those of the graph
        return seen(features).proposals

    def judge(self, features: Maps, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Return class probabilities (K, C) of boxes (K, 4), and each class's box (K, C, 4)."""
        maps = seen(features)
        probabilities, moved = self.graph('boxes', ExportPlan(maps.size), {}, BOXES)(*maps, boxes)
        return probabilities, moved

    def graph(
            self, name: str, plan: ExportPlan, fixed: Mapping[
                str, object], most: int = 1) -> OnnxGraph:
        """Return one of GRAPHS by a plan, of which `fixed` is what matters to it but the size."""
        key = name, plan
        if key not in self._graphs:
            width, height = plan.size
            self._sizes.add(plan.size)
            if len(self._sizes) > SIZES:
                self._sizes = {plan.size}
                self._graphs.clear()

            def write(path: Path) -> None:
                write_graphs(copy.deepcopy(self._network), plan, (), {name: path})

            self._graphs[key] = self._backend.graph(
                f'siammot-{name}-{width}x{height}', self._digest,
                {'graph': name, 'size': plan.size, **fixed}, write, min(most, 64), most)
        return self._graphs[key]


class OnnxEmm(Emm):
    """An EMM whose weights are in the graphs; it looks at one image at a time."""

    def __init__(self, network: OnnxSiamMot) -> None:
        nn.Module.__init__(self)
        self.options = EmmOptions()
        self._network = network

    def remember(
            self, features: Maps, boxes: Tensor, options: EmmOptions | None = None,
            batch: Tensor | None = None) -> Memory:
        """Return templates of boxes (K, 4), see Emm."""
        options = options or self.options
        # of the options only this counts here
        cells = options.template_cells
        maps = seen(features)
        templates, = self._network.graph(
            'remember', ExportPlan(
                maps.size, emm=EmmOptions(template_cells=cells)), {'cells': cells},
            TRACKS)(*maps, boxes)
        return Memory(templates, options.region.around(boxes), boxes)

    def search(
            self, features: Maps, memory: Memory, options: EmmOptions | None = None,
            grid: Grid | None = None) -> tuple[Tensor, Tensor]:
        """Return where tracks are, around their template boxes, see Emm."""
        options, maps = options or self.options, seen(features)
        boxes, visibility = self._network.graph(
            'search', ExportPlan(maps.size, emm=options), asdict(options), TRACKS)(
                *maps, memory.features, memory.template)
        return boxes, visibility


class OnnxImm(Imm):
    """An IMM whose weights are in the graphs; it looks at one image at a time."""

    def __init__(self, network: OnnxSiamMot) -> None:
        nn.Module.__init__(self)
        self.options = ImmOptions()
        self._network = network

    def remember(
            self, features: Maps, boxes: Tensor, options: ImmOptions | None = None,
            batch: Tensor | None = None) -> Memory:
        """Return what is around boxes (K, 4), see Imm."""
        options, maps = options or self.options, seen(features)
        around, = self._graph('remember', maps, options)(*maps, boxes)
        return Memory(around, options.region.around(boxes), boxes)

    def search(
            self, features: Maps, memory: Memory, options: ImmOptions | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return where tracks are, around their template boxes, see Imm."""
        options, maps = options or self.options, seen(features)
        boxes, visibility = self._graph('search', maps, options)(
            *maps, memory.features, memory.template)
        return boxes, visibility

    def _graph(self, name: str, maps: OnnxFeatures, options: ImmOptions) -> OnnxGraph:
        return self._network.graph(
            name, ExportPlan(maps.size, imm=options), asdict(options), TRACKS)


def seen(features: Maps) -> OnnxFeatures:
    """Return features as what they are, which the type of a RoiHeads does not tell."""
    assert isinstance(features, OnnxFeatures)  # noqa: S101
    return features
