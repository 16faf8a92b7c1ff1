# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Make the re-ID embedder that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mot_ros.tracking.appearance.concatenated import ConcatenatedEmbedder
from mot_ros.tracking.errors import ConfigError

if TYPE_CHECKING:
    from mot_ros.tracking.appearance.embedder import Embedder
    from mot_ros.tracking.appearance.slm import SlmEmbedder
    from mot_ros.tracking.config import Settings


def embedder_key(settings: Settings) -> tuple[str, ...]:
    """Return a key of all settings that the embedder depends on."""
    wanted, kind = settings.appearance, settings.appearance_type
    if kind not in ('slm', 'both'):
        return (kind,)
    share = str(wanted.share) if kind == 'both' else ''
    return (
        kind, wanted.weights, share, settings.device, settings.backend, settings.precision,
        str(settings.graphs))


def make_embedder(settings: Settings) -> Embedder | None:
    """Make the embedder; None for type none. Raises WeightsError if its weights cannot be used."""
    wanted, kind = settings.appearance, settings.appearance_type
    if kind == 'none':
        return None
    # imported late: OpenCV and torch take a while to load
    from mot_ros.tracking.appearance.colour_histogram import ColourHistogram

    if kind == 'colour':
        return ColourHistogram()
    network = _make_slm(settings)
    network.warm_up()
    if kind == 'slm':
        return network
    return ConcatenatedEmbedder((network, ColourHistogram()), (wanted.share, 1 - wanted.share))


def _make_slm(settings: Settings) -> SlmEmbedder:
    wanted = settings.appearance
    kind: type[SlmEmbedder]
    try:
        if settings.backend == 'onnx':
            from mot_ros.tracking.appearance.slm_onnx import OnnxSlmEmbedder

            kind = OnnxSlmEmbedder
        else:
            from mot_ros.tracking.appearance.slm import SlmEmbedder

            kind = SlmEmbedder
    except ImportError as error:
        raise ConfigError(
            f'appearance.type is {wanted.type!r}, and SLM needs {error.name}, which is not '
            "installed: pip install torch safetensors, or set appearance.type to 'colour'"
        ) from error
    return kind(wanted.weights, settings.device, settings.compute)
