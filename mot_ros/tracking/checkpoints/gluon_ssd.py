# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Convert tensor names of GluonCV's published SSDs to those of nets/ssd/gluon.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
import re

import torch
from torch import nn, Tensor

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.backbones.gluon import MobileNetV1, ResNetV1
from mot_ros.tracking.nets.ops.frozen_batch_norm import FrozenBatchNorm
from mot_ros.tracking.nets.ssd.gluon import GluonSsd, PLANS, RATIOS
from mot_ros.tracking.weights import key_matching
from mot_ros.tracking.weights.key_matching import MatchedWeights

NORM_PARTS = {
    'weight': 'gamma', 'bias': 'beta', 'running_mean': 'running_mean',
    'running_var': 'running_var'}
"""Suffixes, ours and theirs; `moving_` of symbols is read as `running_`."""
EPSILON, SYMBOL_EPSILON = 1e-5, 1e-3
"""Epsilon of BatchNorm in blocks and in symbols; it is added to FrozenBatchNorm's variances."""
SYMBOLS = 'features.expand.'
"""Prefix of the parts that GluonCV builds from symbols, whose `gamma` is fixed at 1."""
ANCHORS = 'anchor_generators.'
FLAT = re.compile(r'(?:.*\.)?(?:.*?(?:resnetv1|mobilenet)\d+_)?(?=conv|batchnorm|stage|expand)')
"""Prefix of a flat name; its number counts networks and is ignored."""


def adopt(state: Mapping[str, Tensor]) -> MatchedWeights:
    """
    Match the tensors of a `.params` file to those of a GluonSsd.

    Backbone and classes follow from the tensors, anchor sizes from the anchors in published files,
    or else from the backbone. Norms get their epsilon. Raises WeightsError for a file of another
    network.
    """
    body = _backbone_of(state)
    first = next((
        tensor for name, tensor in state.items()
        if name.endswith('class_predictors.0.predictor.bias')), None)
    if first is None or len(first) % (len(RATIOS[0]) + 1):
        raise WeightsError(
            'class_predictors.0.predictor.bias is not there, or of no length that it can have: '
            'these are not the weights of a whole SSD')
    classes = len(first) // (len(RATIOS[0]) + 1) - 1
    sizes = _sizes_of(state) or PLANS[body].sizes
    with torch.device('meta'):
        network = GluonSsd(body, classes)
    names = {theirs: ours for ours, theirs in published_names(network)}
    named: dict[str, Tensor] = {}
    for name, tensor in state.items():
        ours = names.get(_bare(name), name)
        if ours in named:
            raise WeightsError(f'there are two tensors for {ours}; one is {name}')
        named[ours] = _without_epsilon(ours, tensor)
    return key_matching.match_keys(named, network.state_dict(), {
        'body': body, 'classes': str(classes), 'sizes': ','.join(f'{side:g}' for side in sizes),
    }, unused=(ANCHORS,))


def published_names(network: GluonSsd) -> Iterator[tuple[str, str]]:
    """
    Yield pairs of our tensor name and theirs, without the parts that differ between files.

    Names of blocks follow the structure, like ours. Networks built from symbols have flat names:
    convolutions and norms are numbered within a stage in order of creation, which is our order.
    """
    flat = dict(_flat_names(network.features))
    for path, module in network.named_modules():
        if isinstance(module, (nn.Conv2d, FrozenBatchNorm)):
            inner = path.removeprefix('features.')
            base = f'{flat[inner]}_' if inner in flat else f'{path}.'
            for part in module.state_dict():
                theirs = NORM_PARTS[part] if isinstance(module, FrozenBatchNorm) else part
                yield f'{path}.{part}', f'{base}{theirs}'


def _flat_names(features: nn.Module) -> Iterator[tuple[str, str]]:
    """Yield path and flat name of the convolutions and norms of networks with flat names."""
    if isinstance(features, ResNetV1):
        yield from _counted(features.stem, 'stem', '')
        for index, stage in enumerate(features.stages):
            yield from _counted(stage, f'stages.{index}', f'stage{index + 1}_')
    elif isinstance(features, MobileNetV1):
        yield from _counted(features.units, 'units', '')
    else:
        return
    for index in range(len(features.expand)):
        for place, name in enumerate(('trans_conv', 'trans_bn', '', 'conv', 'bn')):
            yield f'expand.{index}.{place}', f'expand_{name}{index}'


def _counted(module: nn.Module, path: str, prefix: str) -> Iterator[tuple[str, str]]:
    counts: Counter[str] = Counter()
    for name, child in module.named_modules():
        if isinstance(child, (nn.Conv2d, FrozenBatchNorm)):
            kind = 'conv' if isinstance(child, nn.Conv2d) else 'batchnorm'
            yield f'{path}.{name}', f'{prefix}{kind}{counts[kind]}'
            counts[kind] += 1


def _bare(name: str) -> str:
    """Return a published name without prefixes that differ between files."""
    name = name.replace('moving_', 'running_')
    # structural names contain a number between dots
    return name if re.search(r'\.\d+\.', name) else FLAT.sub('', name, count=1)


def _without_epsilon(name: str, tensor: Tensor) -> Tensor:
    """Return a tensor, by our name, with the epsilon that FrozenBatchNorm lacks."""
    tensor = tensor.float()
    if name.endswith('.running_var'):
        return tensor + (SYMBOL_EPSILON if name.startswith(SYMBOLS) else EPSILON)
    if name.startswith(SYMBOLS) and tensor.dim() == 1 and name.endswith('.weight'):
        return torch.ones_like(tensor)
    return tensor


def _backbone_of(state: Mapping[str, Tensor]) -> str:
    """Return the name of the backbone of a state's tensors."""
    names = {_bare(name): name for name in state}
    if 'features.more_stages.0.0.weight' in names:
        return 'resnet34_v1b'
    if any('mobilenet' in name for name in state):
        return 'mobilenet1.0'
    kernel = names.get('stage1_conv0_weight')
    if kernel is None:
        raise WeightsError(
            f'these are not the weights of an SSD on {", ".join(PLANS)}, but '
            f'{key_matching.abbreviate(list(state))}')
    return 'resnet50_v1' if state[kernel].shape[-1] == 1 else 'resnet18_v1'


def _sizes_of(state: Mapping[str, Tensor]) -> list[float]:
    """Return the anchor sizes behind the anchors in a file; empty if one is missing."""
    sizes = []
    for level in range(len(RATIOS)):
        anchors = state.get(f'{ANCHORS}{level}.anchors')
        if anchors is None or anchors.dim() != 5 or anchors.shape[-1] < 8:
            return []
        # centre, width and height of the first two anchors of the first cell, both squares
        side, between = (float(anchors[0, 0, 0, 0, place]) for place in (2, 6))
        sizes.append(side)
    return [round(side, 4) for side in (*sizes, between * between / side)]
