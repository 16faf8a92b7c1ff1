# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SlmEmbedder: re-ID embedding by SMILEtrack's SLM, all boxes of a frame in batches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from mot_ros.tracking.appearance.colour_histogram import ColourHistogram
from mot_ros.tracking.appearance.crops import resized_windows, sampled_windows
from mot_ros.tracking.appearance.embedder import NEED, unit, windows
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.backbones.packed_conv import pack
from mot_ros.tracking.nets.ops.precision import lower
from mot_ros.tracking.nets.slm.network import CHECKPOINT_KEY, running_part
from mot_ros.tracking.nets.slm.variants import AnySlm, make_slm, variant_of
from mot_ros.tracking.runtime.cuda_graph import CudaGraph
from mot_ros.tracking.runtime.device import deterministic_fp32, resolve_device, use_fixed_shapes
from mot_ros.tracking.runtime.padding import bucket, BUCKETS, to_device_padded
from mot_ros.tracking.runtime.upload import Uploads
from mot_ros.tracking.types import Floats, Frame, Ints
from mot_ros.tracking.weights import store as weights

DISTANCE_SCALE, COLOUR_SHARE = 'distance_scale', 'colour_share'
"""Names in the metadata of weights: factor of cosine distances, weight of colour histograms."""


class SlmEmbedder:
    """
    Embed boxes by a trained SLM, whose variant follows from its tensors (nets/slm/variants.py).

    `name` is a name in the weights manifest or a file: safetensors, or a checkpoint of the
    published code. Its metadata may name a `colour_share`, the weight of a colour histogram in
    every cosine (0 without), and a `distance_scale`, by which cosine distances are multiplied (1
    without), so that thresholds chosen for colour histograms suit these weights too.
    Raises WeightsError if it is empty, missing or of another network, ConfigError for a device
    that does not exist. On a GPU crops are cut and embedded there, padded to buckets
    with one CUDA graph each; `fixed` overrides that.
    """

    def __init__(
            self, name: str, device: str, compute: Compute = Compute(),  # noqa: B008
            fixed: bool | None = None) -> None:
        if not name:
            raise WeightsError(
                'SLM has no weights, and cannot be used untrained; name a file of trained '
                "weights, or set appearance.type to 'colour'")
        self.device = resolve_device(device)
        state, self.unused = running_part(weights.load(name, inside=CHECKPOINT_KEY))
        """Names of tensors in the file that the network does not use."""
        network = make_slm(variant_of(state))
        weights.fit(network, state)
        network.eval().requires_grad_(False).fold()
        self._dimension = network.dimension
        self._network = self._ready(network, compute)
        told = weights.metadata(name)
        self._scale, self._colour_share = distance_scale(told), colour_share(told)
        self._colours = ColourHistogram()
        self._fixed = use_fixed_shapes(self.device, fixed)
        self._uploads = Uploads(self.device)
        # a graph of its own, so that images of many sizes share the long graph
        self._cut = CudaGraph(self._crops, self.device, compute.graphs)
        self._graph = CudaGraph(
            lambda crops: (self._embed_fp32(crops),), self.device, compute.graphs)

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        colours = self._colours.dimension if self._colour_share else 0
        return self._dimension + colours + (self._scale < 1)

    def warm_up(self) -> None:
        """Run once on an empty image: the first call allocates memory and selects kernels."""
        width, height = self._network.crop
        black = Frame.of(np.zeros((height, width, 3), np.uint8), 0.0)
        for count in BUCKETS[:2] if self._fixed else (1,):
            self.embed(black, np.full((count, 4), [0, 0, width, height], np.float32))

    def embed(self, frame: Frame, boxes: Floats) -> Floats:
        """Return embeddings (N, D) of boxes (N, 4), see Embedder."""
        image = frame.require_image(NEED)
        whole, enough = windows(boxes, frame.size)
        result = np.zeros((len(boxes), self._dimension), np.float32)
        if enough.any():
            with torch.inference_mode():
                result[enough] = (
                    self._on_device(frame, whole[enough]) if self._fixed
                    else self._in_batches(image, whole[enough]))
        result = unit(result)
        if self._colour_share:
            # a cosine multiplies two embeddings, so each is scaled by the square root
            colours = np.float32(self._colour_share ** .5) * self._colours.embed(frame, boxes)
            learnt = np.float32((1 - self._colour_share) ** .5) * result
            result = unit(np.concatenate([learnt, colours], axis=1))
        return scaled(result, self._scale)

    def _ready(self, network: AnySlm, compute: Compute) -> AnySlm:
        """Prepare a network, given on the CPU, for this embedder's device."""
        # oneDNN and cuDNN are both faster with channels last
        network = network.to(  # type: ignore[call-overload]
            self.device, memory_format=torch.channels_last)
        lower(network, compute.dtype)
        if self.device.type == 'cpu':
            pack(network, network.crop)
        return network

    def _in_batches(self, image: NDArray[np.uint8] | Tensor, whole: Ints) -> Floats:
        """Embed windows (N, 4) of an image in batches, cutting out only the needed part."""
        size = self._network.batch
        return np.concatenate([
            self._embed_fp32(resized_windows(
                image, whole[start:start + size], self._network.crop, self.device)).cpu().numpy()
            for start in range(0, len(whole), size)])

    def _on_device(self, frame: Frame, whole: Ints) -> Floats:
        """Embed windows (N, 4) on the device, padded to buckets."""
        image, most = self._uploads.fetch(frame, NEED), BUCKETS[-1]
        parts = []
        for start in range(0, len(whole), most):
            some = whole[start:start + most].astype(np.float32)
            crops, = self._cut(image, to_device_padded(some, bucket(len(some)), self.device))
            embedded, = self._graph(crops)
            # a copy, since the next batch of this size overwrites the graph's output
            parts.append(embedded[:len(some)].clone())
        # the only synchronisation with the device
        result: Floats = torch.cat(parts).cpu().numpy()
        return result

    def _crops(self, image: Tensor, whole: Tensor) -> tuple[Tensor]:
        return (sampled_windows(image, whole, self._network.crop),)

    def _embed_fp32(self, crops: Tensor) -> Tensor:
        """Embed crops in float32."""
        crops = crops.contiguous(memory_format=torch.channels_last)
        with deterministic_fp32(self.device):
            return self._network(crops)  # type: ignore[no-any-return]


def distance_scale(metadata: Mapping[str, str]) -> float:
    """Return the factor of cosine distances in the metadata; WeightsError if not in (0, 1]."""
    factor = _number(metadata, DISTANCE_SCALE, '1')
    if factor == 0:
        raise WeightsError(
            f'{DISTANCE_SCALE} of these weights is 0, which makes everybody alike: calibrate them '
            'anew')
    return factor


def colour_share(metadata: Mapping[str, str]) -> float:
    """Return the weight of the colour histogram; WeightsError if not in [0, 1]."""
    return _number(metadata, COLOUR_SHARE, '0')


def _number(metadata: Mapping[str, str], name: str, default: str) -> float:
    text = metadata.get(name, default)
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise WeightsError(
            f'{name} of these weights is {text!r}; it must be a number from 0 to 1: calibrate '
            'them anew')
    return number


def scaled(embeddings: Floats, factor: float) -> Floats:
    """
    Multiply the cosine distances of unit embeddings (N, D) by a factor up to 1.

    A constant component is added that all share; zero embeddings, which have no distance, stay
    zero. Below 1 the result is (N, D + 1), of unit length.
    """
    if factor == 1:
        return embeddings
    shared = np.float32((1 - factor) ** .5) * embeddings.any(axis=1, keepdims=True)
    result: Floats = np.concatenate(
        [np.float32(factor ** .5) * embeddings, shared.astype(np.float32)], axis=1)
    return result
