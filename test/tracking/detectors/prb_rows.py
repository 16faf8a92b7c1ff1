# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A narrow PRB-FPN6-MSP for tests: the same layers with a sixteenth of the channels."""

import torch

from mot_ros.tracking.nets.prb.network import Prb
from mot_ros.tracking.nets.prb.rows import MSP, Row


def narrow(width: int) -> int:
    """Return a sixteenth, as a multiple of 4."""
    return -(-width // 64) * 4


NARROW = tuple(
    row._replace(width=narrow(row.width), widths=tuple(narrow(w) for w in row.widths))
    for row in MSP)


def random_network(classes: int, rows: tuple[Row, ...] = NARROW, seed: int = 0) -> Prb:
    """Return a network of which every tensor matters, in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    network = Prb(classes, rows, auxiliary=True).eval().requires_grad_(False)
    for name, tensor in network.state_dict().items():
        if tensor.dtype != torch.float32 or 'anchor' in name:
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        if tensor.ndim == 4 and 'implicit' not in name:
            tensor.copy_(noise * (2 / tensor[0].numel()) ** 0.5)
        elif name.endswith(('running_var', 'bn.weight')):
            tensor.copy_(1 + 0.3 * noise.tanh())
        elif '.im.' in name:
            tensor.copy_(1 + 0.1 * noise)
        else:
            tensor.copy_(0.1 * noise)
    return network
