# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The bodies by name, as settings and the metadata of weights give it."""

from __future__ import annotations

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.backbones.backbone import Body
from mot_ros.tracking.nets.backbones.dla import Dla
from mot_ros.tracking.nets.backbones.mobilenet_pyramid import MobileNetBody
from mot_ros.tracking.nets.backbones.resnet import ResNet

BODIES = ('dla34', 'dla102', 'dla169', 'resnet50', 'resnet101', 'mobilenetv3')


def make_body(name: str) -> Body:
    """Return the body of one of the names in BODIES, untrained; else raise ConfigError."""
    if name not in BODIES:
        raise ConfigError(f'there is no body {name!r}; the bodies are {", ".join(BODIES)}')
    if name == 'mobilenetv3':
        return MobileNetBody()
    if name.startswith('dla'):
        return Dla(int(name.removeprefix('dla')))
    return ResNet(int(name.removeprefix('resnet')))
