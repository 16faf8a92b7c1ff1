# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""From the names of GluonCV's published SSDs to those of nets/ssd_gluon.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
import re

import torch
from torch import nn, Tensor

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.backbones.gluon import MobileNetV1, ResNetV1
from mot_ros.tracking.nets.ops.frozen_batch_norm import FrozenNorm
from mot_ros.tracking.nets.ssd.gluon import GluonSsd, PLANS, RATIOS
from mot_ros.tracking.weights import key_matching as adoption
from mot_ros.tracking.weights.key_matching import MatchedWeights

NORM_PARTS = {
    'weight': 'gamma', 'bias': 'beta', 'running_mean': 'running_mean',
    'running_var': 'running_var'}
"""Ours and theirs; `moving_` of symbols is read as `running_`."""
EPSILON, SYMBOL_EPSILON = 1e-5, 1e-3
"""BatchNorm's, in blocks and in symbols; FrozenNorm has none, so the variances get it."""
SYMBOLS = 'features.expand.'
"""Where our network has what they make of symbols, which leave `gamma` fixed at 1."""
ANCHORS = 'anchor_generators.'
FLAT = re.compile(r'(?:.*\.)?(?:.*?(?:resnetv1|mobilenet)\d+_)?(?=conv|batchnorm|stage|expand)')
"""What stands before a flat name; the number in it counts networks and means nothing."""


def adopt(state: Mapping[str, Tensor]) -> MatchedWeights:
    """
    Find the tensors of a GluonSsd in those of a `.params` file.

    Body and classes follow from the tensors, the sizes of the anchors from the anchors that
    published files hold; without them they are the body's. Norms get their epsilon. Raises
    WeightsError if it is the file of another network.
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
    return adoption.match_keys(named, network.state_dict(), {
        'body': body, 'classes': str(classes), 'sizes': ','.join(f'{side:g}' for side in sizes),
    }, unused=(ANCHORS,))


def published_names(network: GluonSsd) -> Iterator[tuple[str, str]]:
    """
    Yield our name of every tensor and theirs, without what differs between their files.

    Blocks go by structure, like ours. Networks that they cut out of symbols have flat names:
    convolutions and norms are numbered within a stage as they were made, which is the order
    of ours.
    """
    flat = dict(_flat_names(network.features))
    for path, module in network.named_modules():
        if isinstance(module, (nn.Conv2d, FrozenNorm)):
            inner = path.removeprefix('features.')
            base = f'{flat[inner]}_' if inner in flat else f'{path}.'
            for part in module.state_dict():
                theirs = NORM_PARTS[part] if isinstance(module, FrozenNorm) else part
                yield f'{path}.{part}', f'{base}{theirs}'


def _flat_names(features: nn.Module) -> Iterator[tuple[str, str]]:
    """Yield path and flat name of the convolutions and norms of networks that have such."""
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
        if isinstance(child, (nn.Conv2d, FrozenNorm)):
            kind = 'conv' if isinstance(child, nn.Conv2d) else 'batchnorm'
            yield f'{path}.{name}', f'{prefix}{kind}{counts[kind]}'
            counts[kind] += 1


def _bare(name: str) -> str:
    """Return a published name without prefixes that differ between files."""
    name = name.replace('moving_', 'running_')
    # structural names hold a number between dots
    return name if re.search(r'\.\d+\.', name) else FLAT.sub('', name, count=1)


def _without_epsilon(name: str, tensor: Tensor) -> Tensor:
    """Return a tensor of our network, by our name, in what FrozenNorm computes with."""
    tensor = tensor.float()
    if name.endswith('.running_var'):
        return tensor + (SYMBOL_EPSILON if name.startswith(SYMBOLS) else EPSILON)
    if name.startswith(SYMBOLS) and tensor.dim() == 1 and name.endswith('.weight'):
        return torch.ones_like(tensor)
    return tensor


def _backbone_of(state: Mapping[str, Tensor]) -> str:
    """Return the name of the body whose names the state has."""
    names = {_bare(name): name for name in state}
    if 'features.more_stages.0.0.weight' in names:
        return 'resnet34_v1b'
    if any('mobilenet' in name for name in state):
        return 'mobilenet1.0'
    kernel = names.get('stage1_conv0_weight')
    if kernel is None:
        raise WeightsError(
            f'these are not the weights of an SSD on {", ".join(PLANS)}, but '
            f'{adoption.abbreviate(list(state))}')
    return 'resnet50_v1' if state[kernel].shape[-1] == 1 else 'resnet18_v1'


def _sizes_of(state: Mapping[str, Tensor]) -> list[float]:
    """Return the sides that the anchors in a file were made of; nothing if one is missing."""
    sizes = []
    for level in range(len(RATIOS)):
        anchors = state.get(f'{ANCHORS}{level}.anchors')
        if anchors is None or anchors.dim() != 5 or anchors.shape[-1] < 8:
            return []
        # centre, width and height of the first two anchors of the first cell, both squares
        side, between = (float(anchors[0, 0, 0, 0, place]) for place in (2, 6))
        sizes.append(side)
    return [round(side, 4) for side in (*sizes, between * between / side)]
