# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Variants of SLM by name, as in settings and the metadata of weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.slm import network as slm
from mot_ros.tracking.nets.slm.network import Slm
from mot_ros.tracking.nets.slm.small import SlmLite, SlmSmall
from mot_ros.tracking.nets.slm.stripes import SlmStripes

AnySlm = Slm | SlmSmall | SlmStripes
_SMALL: Mapping[str, type[SlmSmall | SlmStripes]] = {
    'small': SlmSmall, 'lite': SlmLite, 'stripes': SlmStripes}
VARIANTS = (*slm.VARIANTS, *_SMALL)


def make_slm(variant: str) -> AnySlm:
    """Return an untrained network of one of VARIANTS; ConfigError for another."""
    if variant not in VARIANTS:
        raise ConfigError(f'there is no SLM {variant!r}; the variants are {", ".join(VARIANTS)}')
    return _SMALL[variant]() if variant in _SMALL else Slm(variant)


def variant_of(state: Mapping[str, Tensor]) -> str:
    """Return the variant of a state_dict by its tensor names, whatever their prefix."""
    if any('trunk.wide.' in name for name in state):
        return 'stripes'
    if any('trunk.blocks.' in name for name in state):
        # only MobileNetV3 has squeeze-and-excite
        return 'small' if any('.squeeze.' in name for name in state) else 'lite'
    learned_position = any(name.endswith('patch_attention.position') for name in state)
    return 'article' if learned_position else 'code'
