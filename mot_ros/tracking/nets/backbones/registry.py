# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Backbones by name, as in settings and the metadata of weights."""

from __future__ import annotations

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.backbones.backbone import Backbone
from mot_ros.tracking.nets.backbones.dla import Dla
from mot_ros.tracking.nets.backbones.mobilenet_pyramid import MobileNetBackbone
from mot_ros.tracking.nets.backbones.resnet import ResNet

BACKBONES = ('dla34', 'dla102', 'dla169', 'resnet50', 'resnet101', 'mobilenetv3')


def make_backbone(name: str) -> Backbone:
    """Return an untrained backbone of one of the names in BACKBONES; ConfigError for another."""
    if name not in BACKBONES:
        raise ConfigError(
            f'there is no backbone {name!r}; the backbones are {", ".join(BACKBONES)}')
    if name == 'mobilenetv3':
        return MobileNetBackbone()
    if name.startswith('dla'):
        return Dla(int(name.removeprefix('dla')))
    return ResNet(int(name.removeprefix('resnet')))
