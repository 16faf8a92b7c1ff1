# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SLM, SMILEtrack's similarity learning module: attention between image slices, embedding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import nn, Tensor
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from mot_ros.tracking.nets.ops.precision import suiting

CROP = (80, 224)
"""Width and height of the network's crops."""
DIMENSION = 128
"""Length of an embedding."""
PROJECTED = 32
HEADS = 4
SLICE_ROWS, SLICE_COLUMNS = 14, 5
"""Cells of a quarter of the feature map; a crop has four of them."""
VARIANTS = ('code', 'article')

CHECKPOINT_KEY = 'model_G_state_dict'
"""Key of the network in checkpoints of the published training code."""
UNUSED = ('resnet.layer4.', 'resnet.fc.', 'conv1.')
"""Prefixes of tensors in published files that the network does not use."""


class Residual(nn.Module):
    """ResNet's basic block (arXiv 1512.03385), with the usual tensor names."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if inputs != outputs:
            self.downsample.append(nn.Conv2d(inputs, outputs, 1, stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Compute (B, outputs, H / stride, W / stride)."""
        inplace = not torch.is_grad_enabled()
        inner = F.relu(self.bn1(self.conv1(features)), inplace)
        return F.relu(self.bn2(self.conv2(inner)) + self.downsample(features), inplace)


class Trunk(nn.Module):
    """
    ResNet-18 up to its third stage, without that stage's stride: stride 8 in all.

    The published code passes a dilation instead of the stride, but the basic block ignores it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Residual(64, 64), Residual(64, 64))
        self.layer2 = nn.Sequential(Residual(64, 128, 2), Residual(128, 128))
        self.layer3 = nn.Sequential(Residual(128, 256), Residual(256, 256))

    def forward(self, crops: Tensor) -> Tensor:
        """Turn crops (B, 3, 224, 80) into features (B, 256, 28, 10)."""
        crops = suiting(crops, self.conv1)
        features = F.relu(self.bn1(self.conv1(crops)), not torch.is_grad_enabled())
        features = F.max_pool2d(features, 3, 2, 1)
        return cast(Tensor, self.layer3(self.layer2(self.layer1(features))))


class SliceAttention(nn.Module):
    """
    Self- and cross-attention of four slices: F_i = sum over j of W attended(i, j) + b.

    Queries, keys and values are 1 x 1 convolutions, computed for the tokens of all slices at once.
    Queries and keys are both divided by the fourth root of a head's width, as in the published
    code. A map has C `channels`, here 32, and slices of T cells, here 70.
    """

    def __init__(self, channels: int = PROJECTED) -> None:
        super().__init__()
        width = HEADS * (DIMENSION // HEADS)
        self.to_q = nn.Conv2d(channels, width, 1)
        self.to_k = nn.Conv2d(channels, width, 1)
        self.to_v = nn.Conv2d(channels, width, 1)
        self.to_out = nn.Conv2d(width, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Convert a map (B, C, 28, 10) to its slices (B, 4, C, T): LU, RU, LD, RD."""
        tokens = slices(self.placed(features)).mT
        projections = self.to_q, self.to_k, self.to_v
        weight = torch.cat([project.weight for project in projections]).flatten(1)
        bias = torch.cat([cast(Tensor, project.bias) for project in projections])
        q, k, v = _split(_split(F.linear(tokens, weight, bias), 3, 3), 4, HEADS).permute(
            3, 0, 1, 4, 2, 5)
        scale = (DIMENSION // HEADS) ** -0.25
        joined = self.attended(q * scale, k * scale, v).transpose(2, 3).flatten(3)
        # each of the four pairs adds the bias once
        return F.linear(
            joined, self.to_out.weight.flatten(1), 4 * cast(Tensor, self.to_out.bias)).mT

    def placed(self, features: Tensor) -> Tensor:
        """Add a positional embedding to features (B, C, 28, 10), in variants that have one."""
        return features

    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Sum the attention of each slice to all slices, from and to (B, 4, heads, T, width)."""
        raise NotImplementedError


class LinearAttention(SliceAttention):
    """
    Attention of the published code: softmax of queries over channels, of keys over tokens.

    Since only products follow, sum over j of q_i (k_j v_j') = q_i (sum over j of k_j v_j'): four
    small products replace sixteen calls, exactly.
    """

    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Sum the attention of each slice to all slices, see SliceAttention."""
        context = (k.softmax(-2).mT @ v).sum(1, keepdim=True)
        return q.softmax(-1) @ context


class SoftmaxAttention(SliceAttention):
    """Attention of the article: learned positional embedding, softmax over a slice's tokens."""

    def __init__(
            self, channels: int = PROJECTED,
            cells: tuple[int, int] = (SLICE_ROWS, SLICE_COLUMNS)) -> None:
        super().__init__(channels)
        self.position = nn.Parameter(torch.empty(4, channels, *cells))
        nn.init.normal_(self.position, std=0.02)

    def placed(self, features: Tensor) -> Tensor:
        """Add the learned positional embedding."""
        upper, lower = (torch.cat(list(half), -1) for half in self.position.chunk(2))
        return features + torch.cat([upper, lower], -2)

    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Sum the attention of each slice to all slices, see SliceAttention."""
        # (B, heads, tokens of all slices, width)
        q, k, v = (part.transpose(1, 2).flatten(2, 3) for part in (q, k, v))
        # the softmax is over one slice j at a time; the product after it sums over all slices
        weights = _split(q @ k.mT, 3, 4).softmax(-1).flatten(-2)
        return _split(weights @ v, 2, 4).transpose(1, 2)


class Slm(nn.Module):
    """
    Map crops to embeddings: SLM as published (`code`) or as in its article (`article`).

    Crops are (B, 3, 224, 80) float32 BGR from 0 to 255, not normalised. Embeddings (B, 128) are
    non-negative and not of unit length. Tensors have the published names.
    """

    crop = CROP
    dimension = DIMENSION
    batch = 16
    """Crops per batch: with more, features exceed a CPU's cache, and memory is unbounded."""

    def __init__(self, variant: str) -> None:
        super().__init__()
        self.resnet = Trunk()
        self.conv_pred = nn.Conv2d(256, PROJECTED, 3, 1, 1)
        self.patch_attention = LinearAttention() if variant == 'code' else SoftmaxAttention()
        self.fc = nn.Sequential(
            nn.Linear(DIMENSION, DIMENSION), nn.BatchNorm1d(DIMENSION), nn.ReLU())

    def forward(self, crops: Tensor) -> Tensor:
        """Embed crops (B, 3, 224, 80), (B, 128)."""
        features = self.conv_pred(self.resnet(crops))
        strongest = self.patch_attention(features).amax(-1).flatten(1)
        return cast(Tensor, self.fc(strongest)).float()

    def fold(self) -> None:
        """Fold every BatchNorm into the layer before it; for inference only, in eval mode."""
        for parent in self.resnet.modules():
            for conv, norm in (('conv1', 'bn1'), ('conv2', 'bn2'), ('0', '1')):
                if isinstance(getattr(parent, norm, None), nn.BatchNorm2d):
                    folded = fuse_conv_bn_eval(getattr(parent, conv), getattr(parent, norm))
                    setattr(parent, conv, folded)
                    setattr(parent, norm, nn.Identity())
        if isinstance(self.fc[1], nn.BatchNorm1d):
            self.fc[0] = fuse_linear_bn_eval(cast(nn.Linear, self.fc[0]), self.fc[1])
            self.fc[1] = nn.Identity()


def slices(features: Tensor) -> Tensor:
    """Cut a map (B, C, H, W) into quarters (B, 4, C, T): left and right, upper row first."""
    cut = _split(_split(features, 3, 2), 2, 2)
    return cut.permute(0, 2, 4, 1, 3, 5).flatten(1, 2).flatten(3)


def running_part(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """
    Return the tensors of a published file that Slm has, and the names of those it drops.

    A leading `module.` of multi-GPU training is removed. Unknown tensors stay, so that strict
    loading reports them.
    """
    named = {name.removeprefix('module.'): tensor for name, tensor in state.items()}
    unused = [name for name in named if name.startswith(UNUSED)]
    return {name: tensor for name, tensor in named.items() if name not in unused}, unused


def _split(tensor: Tensor, dim: int, parts: int) -> Tensor:
    """Split a dimension in two: part and position in it."""
    return tensor.reshape(*tensor.shape[:dim], parts, -1, *tensor.shape[dim + 1:])
