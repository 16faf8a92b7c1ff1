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

"""The bodies by name, as settings and the metadata of weights give it."""

from __future__ import annotations

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.body import Body
from mot_ros.tracking.nets.dla import Dla
from mot_ros.tracking.nets.mobilenet_body import MobileNetBody
from mot_ros.tracking.nets.resnet import ResNet

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
