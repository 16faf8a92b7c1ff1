# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SlmLite, published weights for its backbone, and the scale of its cosine distances."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional as F

from mot_ros.tracking.appearance.colour_histogram import ColourHistogram
from mot_ros.tracking.appearance.slm import scaled, SlmEmbedder
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.backbones.efficientnet_lite import BLOCKS, EPSILON
from mot_ros.tracking.nets.backbones.packed_conv import pack
from mot_ros.tracking.nets.slm.small import SlmLite
from mot_ros.tracking.nets.slm.variants import make_slm, variant_of
from mot_ros.tracking.types import Frame
from mot_ros.training.init import init_weights
from mot_ros.training.projection import fit_projection


class Published(nn.Module):
    """The first five stages as published: convolutions without bias, BatchNorm, relu6."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, EPSILON)
        self._blocks = nn.ModuleList()
        inputs = 32
        for row in BLOCKS:
            block = nn.Module()
            if row.hidden != inputs:
                block._expand_conv = nn.Conv2d(inputs, row.hidden, 1, bias=False)
                block._bn0 = nn.BatchNorm2d(row.hidden, EPSILON)
            block._depthwise_conv = nn.Conv2d(
                row.hidden, row.hidden, row.kernel, row.stride, groups=row.hidden, bias=False)
            block._bn1 = nn.BatchNorm2d(row.hidden, EPSILON)
            block._project_conv = nn.Conv2d(row.hidden, row.out, 1, bias=False)
            block._bn2 = nn.BatchNorm2d(row.out, EPSILON)
            self._blocks.append(block)
            inputs = row.out
        self._blocks.append(nn.Module())
        self._blocks[-1]._expand_conv = nn.Conv2d(inputs, 672, 1, bias=False)
        self._blocks[-1]._bn0 = nn.BatchNorm2d(672, EPSILON)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -.2, .2)
                nn.init.uniform_(module.running_var, .2, .8)
                nn.init.uniform_(module.weight, .5, 1.5)
                nn.init.uniform_(module.bias, -.3, .3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = F.relu6(self._bn0(same(self._conv_stem, images)))
        for block in self._blocks[:-1]:
            inner = features
            if hasattr(block, '_expand_conv'):
                inner = F.relu6(block._bn0(block._expand_conv(inner)))
            inner = F.relu6(block._bn1(same(block._depthwise_conv, inner)))
            inner = block._bn2(block._project_conv(inner))
            features = inner + features if inner.shape == features.shape else inner
        return features

    def wide(self, images: torch.Tensor) -> torch.Tensor:
        """Return the expansion with which the next stage begins."""
        last = self._blocks[-1]
        return F.relu6(last._bn0(last._expand_conv(self(images))))


def same(conv: nn.Conv2d, features: torch.Tensor) -> torch.Tensor:
    """Convolve with TensorFlow's SAME padding: an odd cell goes after the features."""
    pads = []
    for size in features.shape[:1:-1]:
        whole = max((-(-size // conv.stride[0]) - 1) * conv.stride[0]
                    + conv.kernel_size[0] - size, 0)
        pads += [whole // 2, whole - whole // 2]
    return conv(F.pad(features, pads))


@pytest.fixture(scope='module')
def published() -> Published:
    torch.manual_seed(3)
    return Published().eval().requires_grad_(False)


def test_a_published_file_that_lacks_a_part_is_refused(
        published: Published, tmp_path: Path) -> None:
    torch.save({name: tensor for name, tensor in published.state_dict().items()
                if not name.startswith('_blocks.7.')}, tmp_path / 'cut.pth')
    with pytest.raises(WeightsError, match=r'cut.pth is no whole EfficientNet-Lite0: _blocks.7'):
        init_weights(SlmLite(), str(tmp_path / 'cut.pth'))


@pytest.fixture(scope='module')
def network(published: Published, tmp_path_factory: pytest.TempPathFactory) -> SlmLite:
    path = tmp_path_factory.mktemp('lite') / 'efficientnet.pth'
    torch.save({**published.state_dict(), '_fc.weight': torch.zeros(2, 2)}, path)
    torch.manual_seed(4)
    made = SlmLite()
    assert 'begins with 66 of 91 tensors' in init_weights(made, str(path))
    return made.eval().requires_grad_(False)


def test_its_backbone_computes_what_the_published_one_does(
        network: SlmLite, published: Published) -> None:
    images = torch.randn(2, 3, 96, 48, generator=torch.Generator().manual_seed(1))
    features = network.trunk.stem(images)
    for block in network.trunk.blocks:
        features = block(features)[0]
    expected = published(images)
    assert features.shape == (2, 112, 6, 3)
    assert torch.allclose(features, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_packed_it_embeds_equally(network: SlmLite) -> None:
    packed = SlmLite().eval().requires_grad_(False)
    packed.load_state_dict(network.state_dict())
    assert pack(packed, packed.crop)
    crops = torch.randint(
        0, 256, (3, 3, 96, 48), generator=torch.Generator().manual_seed(1)).float()
    with torch.inference_mode():
        assert torch.allclose(packed(crops.clone()), network(crops.clone()), atol=1e-5)
    assert variant_of(network.state_dict()) == 'lite'


def test_a_scale_shrinks_distances_alone() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[4] = 0
    found = scaled(rows, .4)
    assert found.shape == (5, 9) and not found[4].any()
    assert np.allclose((1 - found @ found.T)[:4, :4], .4 * (1 - rows @ rows.T)[:4, :4], atol=1e-6)
    assert scaled(rows, 1.0) is rows


@pytest.mark.parametrize(('told', 'dimension'), [
    ({}, 128), ({'distance_scale': '1', 'colour_share': '0'}, 128),
    ({'distance_scale': '0.5'}, 129), ({'colour_share': '0.7'}, 704),
    ({'distance_scale': '0.5', 'colour_share': '0.7'}, 705)])
def test_weights_bring_their_scale_and_their_share_of_colours(
        network: SlmLite, tmp_path: Path, told: dict[str, str], dimension: int) -> None:
    path = tmp_path / 'a.safetensors'
    safetensors.torch.save_file(network.state_dict(), path, told)
    embedder = SlmEmbedder(str(path), 'cpu')
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    boxes = np.array([[0, 0, 48, 96], [200, 0, 210, 20]], np.float32)
    found = embedder.embed(Frame.of(image, 0.0), boxes)
    assert found.shape == (2, dimension) == (2, embedder.dimension)
    assert np.linalg.norm(found[0]) == pytest.approx(1, abs=1e-5) and not found[1].any()


def test_a_share_of_colours_is_that_of_a_cosine(network: SlmLite, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    frame, boxes = Frame.of(image, 0.0), np.array([[0, 0, 48, 96], [48, 0, 96, 96]], np.float32)
    found = {}
    for share in ('0', '0.7'):
        path = tmp_path / f'{share}.safetensors'
        safetensors.torch.save_file(network.state_dict(), path, {'colour_share': share})
        embedded = SlmEmbedder(str(path), 'cpu').embed(frame, boxes)
        found[share] = embedded[0] @ embedded[1]
    colours = ColourHistogram().embed(frame, boxes)
    assert found['0.7'] == pytest.approx(
        .3 * found['0'] + .7 * (colours[0] @ colours[1]), abs=1e-5)


@pytest.mark.parametrize(('name', 'text'), [
    ('distance_scale', '0'), ('distance_scale', '1.5'), ('distance_scale', 'nan'),
    ('colour_share', 'half'), ('colour_share', '-0.1')])
def test_numbers_that_cannot_be_are_refused(
        network: SlmLite, tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / 'a.safetensors'
    safetensors.torch.save_file(network.state_dict(), path, {name: text})
    with pytest.raises(WeightsError, match=f'{name} of these weights is'):
        SlmEmbedder(str(path), 'cpu')


def test_stripes_are_the_means_of_their_rows(published: Published, tmp_path: Path) -> None:
    torch.save(published.state_dict(), tmp_path / 'efficientnet.pth')
    stripes = make_slm('stripes').eval().requires_grad_(False)
    assert 'begins with 68 of 70 tensors' in init_weights(
        stripes, str(tmp_path / 'efficientnet.pth'))
    crops = torch.randint(0, 256, (2, 3, 96, 48), generator=torch.Generator().manual_seed(1))
    images = (crops.float().flip(1) - 127.5) / 128
    wide = published.wide(images)
    expected = torch.stack([wide[:, :, row].mean(-1) for row in range(6)], -1).flatten(1)
    found = stripes.pooled(crops.float())
    assert torch.allclose(found, expected, rtol=1e-3, atol=2e-3)
    embedded = stripes(crops.float())
    assert embedded.shape == (2, 512) and variant_of(stripes.state_dict()) == 'stripes'
    assert torch.allclose(embedded.norm(dim=1), torch.ones(2), atol=1e-5)


def test_the_projection_halves_what_varies_most() -> None:
    """Two directions, one with sixteen times the variance: half of it in logarithms is left."""
    network = make_slm('stripes')
    rng = np.random.default_rng(0)
    features = np.zeros((400, 4032), np.float32)
    features[:, 7] = rng.normal(3, .1, 400)
    features[:, 9:11] = rng.normal(1, 1, (400, 1))
    fit_projection(network, features, features[:100])
    with torch.no_grad():
        found = network.embed(torch.from_numpy(features)).numpy()
    assert abs(found.mean(0)).max() < .1
    # standardised, two equal channels have twice the variance of a lone one
    first, second = sorted(found.std(0))[:-3:-1]
    assert first / second == pytest.approx(2 ** .25, rel=.05)
