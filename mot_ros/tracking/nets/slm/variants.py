# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The variants of SLM by name, as settings and the metadata of weights give it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.slm import network as slm
from mot_ros.tracking.nets.slm.network import Slm
from mot_ros.tracking.nets.slm.small import SlmSmall

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
