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

"""The variants of SLM by name, as settings and the metadata of weights give it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets import slm
from mot_ros.tracking.nets.slm import Slm
from mot_ros.tracking.nets.slm_small import SlmSmall

AnySlm = Slm | SlmSmall
VARIANTS = (*slm.VARIANTS, 'small')


def make_slm(variant: str) -> AnySlm:
    """Return the network of one of VARIANTS, untrained; else raise ConfigError."""
    if variant not in VARIANTS:
        raise ConfigError(f'there is no SLM {variant!r}; the variants are {", ".join(VARIANTS)}')
    return SlmSmall() if variant == 'small' else Slm(variant)


def variant_of(state: Mapping[str, Tensor]) -> str:
    """Tell by the names in a state_dict, whatever prefix they have, which variant it is of."""
    if any('trunk.blocks.' in name for name in state):
        return 'small'
    learned_position = any(name.endswith('patch_attention.position') for name in state)
    return 'article' if learned_position else 'code'
