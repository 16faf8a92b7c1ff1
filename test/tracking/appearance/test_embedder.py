# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mot_ros.tracking.appearance.colour_histogram import ColourHistogram
from mot_ros.tracking.appearance.concatenated import ConcatenatedEmbedder
from mot_ros.tracking.appearance.crops import resized_windows
from mot_ros.tracking.appearance.embedder import cosines, unit, windows
from mot_ros.tracking.appearance.slm import SlmEmbedder
from mot_ros.tracking.errors import FrameError, WeightsError
from mot_ros.tracking.nets.slm.network import Slm
from mot_ros.tracking.nets.slm.variants import make_slm, VARIANTS
from mot_ros.tracking.types import Frame

SIZE = (320, 240)


@pytest.fixture(scope='module')
def file(tmp_path_factory):
    """Write an SLM with random numbers to a file."""
    torch.manual_seed(3)
    network = Slm('code')
    # let every unit of the embedding fire for some crop
    torch.nn.init.constant_(network.fc[1].bias, 1.0)
    path = tmp_path_factory.mktemp('weights') / 'slm.pt'
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope='module')
def slm(file):
    return SlmEmbedder(str(file), 'cpu')


@pytest.fixture(params=['slm', 'colour'])
def embedder(request):
    return request.getfixturevalue('slm') if request.param == 'slm' else ColourHistogram()


def noise(seed=0, size=SIZE):
    """Make an image with structure at every scale."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image[:, :size[0] // 2] //= 4
    return image


def random_boxes(count, seed=0, size=SIZE):
    """Make boxes of all sizes, some across the border."""
    rng = np.random.default_rng(seed)
    sides = rng.uniform(4, 120, (count, 2))
    corner = rng.uniform(-sides / 2, np.array(size) - sides / 2)
    return np.concatenate([corner, corner + sides], axis=1).astype(np.float32)


# what boxes hold

def test_windows_are_rounded_and_cut():
    boxes = np.array([
        [10.4, 20.6, 30.5, 41.5], [-7, -3, 5.2, 500], [300, 230, 400, 300], [-1e30, 0, 1e30, 9],
        [10, 10, 11.4, 50], [400, 10, 500, 50], [np.nan, 0, 10, 10], [0, 0, np.inf, 10],
        [30, 30, 20, 20]], np.float32)
    whole, enough = windows(boxes, SIZE)
    assert whole[:4].tolist() == [
        [10, 21, 30, 42], [0, 0, 5, 240], [300, 230, 320, 240], [0, 0, 320, 9]]
    assert enough.tolist() == [True] * 4 + [False] * 5


@pytest.mark.parametrize('size', [SIZE, (1919, 1079)])
@pytest.mark.parametrize('on_device', [False, True])
def test_crops_equal_resizing_them_one_by_one(size, on_device):
    image, boxes = noise(size=size), random_boxes(60, size=size)
    boxes[0] = [10, 10, 12, 12]
    boxes[1] = [0, 0, *size]
    whole, enough = windows(boxes, size)
    assert enough.all()
    crops = resized_windows(
        torch.from_numpy(image) if on_device else image, whole, (80, 224), torch.device('cpu'))
    assert crops.shape == (60, 3, 224, 80)
    for crop, (x1, y1, x2, y2) in zip(crops, whole, strict=True):
        cut = torch.from_numpy(image[y1:y2, x1:x2].copy()).permute(2, 0, 1)[None].float()
        slow = F.interpolate(cut, (224, 80), mode='bilinear', align_corners=False)[0]
        # a thousandth of 255, as against the 255 that such noise jumps from pixel to pixel
        assert (crop - slow).abs().max() < 0.255
        assert (crop - slow).abs().mean() < 0.01


def test_crops_of_views_that_torch_does_not_know():
    image = noise()
    for view in (image[:, ::-1], image[::-1], np.broadcast_to(image[:1], image.shape)):
        view.flags.writeable = False
        boxes = np.array([[5, 5, 60, 90]])
        crops = resized_windows(view, boxes, (80, 224), torch.device('cpu'))
        plain = resized_windows(view.copy(), boxes, (80, 224), torch.device('cpu'))
        assert torch.equal(crops, plain)


# zero

def test_a_zero_embedding_has_cosine_zero():
    vectors = np.array([[3, 4], [0, 0], [np.nan, 1], [np.inf, 1], [1e-30, 0]], np.float32)
    lengths = unit(vectors)
    assert lengths[:2].tolist() == [[np.float32(0.6), np.float32(0.8)], [0, 0]]
    assert lengths[2:4].tolist() == [[0, 0], [0, 0]]
    table = cosines(lengths, lengths)
    assert np.isfinite(table).all()
    assert (table[1] == 0).all() and (table[:, 1] == 0).all()
    assert table[0, 0] == pytest.approx(1) and table.max() <= 1
    assert cosines(lengths[:0], lengths).shape == (0, 5)


# both embedders

def test_embeddings_are_of_unit_length_or_zero(embedder):
    boxes = random_boxes(Slm.batch + 5)
    boxes[3] = [400, 10, 500, 90]
    boxes[7] = np.nan
    embedded = embedder.embed(Frame.of(noise(), 0.0), boxes)
    assert embedded.shape == (Slm.batch + 5, embedder.dimension) and embedded.dtype == np.float32
    lengths = np.linalg.norm(embedded, axis=1)
    expected = np.ones(Slm.batch + 5)
    expected[[3, 7]] = 0
    np.testing.assert_allclose(lengths, expected, atol=1e-5)
    assert embedder.embed(Frame.of(noise(), 0.0), boxes[:0]).shape == (0, embedder.dimension)


def test_all_at_once_equals_one_by_one(embedder):
    frame, boxes = Frame.of(noise(), 0.0), random_boxes(Slm.batch + 3)
    whole = embedder.embed(frame, boxes)
    single = np.concatenate([embedder.embed(frame, box[None]) for box in boxes])
    np.testing.assert_allclose(whole, single, atol=2e-4)


def test_an_image_on_a_device_gives_the_same(embedder):
    image, boxes = noise(), random_boxes(9)
    frame = Frame(torch.from_numpy(image), 0.0, SIZE)
    np.testing.assert_array_equal(
        embedder.embed(frame, boxes), embedder.embed(Frame.of(image, 0.0), boxes))


def test_frames_without_a_usable_image_are_refused(embedder):
    with pytest.raises(FrameError, match='no image'):
        embedder.embed(Frame(None, 0.0, SIZE), random_boxes(1))
    with pytest.raises(FrameError, match='uint16; convert it'):
        embedder.embed(Frame.of(noise().astype(np.uint16), 0.0), random_boxes(1))


def test_a_reset_of_the_image_is_seen(embedder):
    """The same boxes of two pictures differ, those of one picture do not."""
    boxes = random_boxes(6)
    image = noise()
    inverted = 255 - image
    first, again, other = (
        embedder.embed(Frame.of(of.copy(), 0.0), boxes) for of in (image, image, inverted))
    np.testing.assert_array_equal(first, again)
    assert (np.abs(first - other).max(axis=1) > 1e-3).all()


# colours

def people(image, corners, shirts, trousers):
    """Paint people of two colours, 40 x 100 pixels."""
    boxes = []
    for (x, y), shirt, trouser in zip(corners, shirts, trousers, strict=True):
        image[y:y + 50, x:x + 40] = shirt
        image[y + 50:y + 100, x:x + 40] = trouser
        boxes.append([x, y, x + 40, y + 100])
    return np.array(boxes, np.float32)


def test_colours_distinguish_people_wherever_they_stand():
    red, green, blue = (0, 0, 200), (0, 200, 0), (200, 0, 0)
    outfits = ((red, green, blue, green), (green, red, green, blue))
    rng = np.random.default_rng(0)
    images = [np.clip(rng.normal(120, 20, (240, 320, 3)), 0, 255).astype(np.uint8)
              for _ in range(2)]
    first = people(images[0], [(10, 10), (80, 20), (150, 30), (230, 5)], *outfits)
    later = people(images[1], [(230, 100), (150, 90), (80, 110), (10, 80)], *outfits)
    a, b = (ColourHistogram().embed(Frame.of(image, 0.0), boxes)
            for image, boxes in zip(images, (first, later), strict=True))
    table = cosines(a, b)
    assert table.argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert np.diag(table).min() > 0.95
    # whose colours are the same, the other way up, is another one
    assert table[0, 1] < 0.1


def test_what_is_beside_a_person_counts_less_than_the_middle():
    images = [np.full((240, 320, 3), 60, np.uint8) for _ in range(3)]
    for image in images:
        people(image, [(100, 50)], [(0, 0, 200)], [(200, 0, 0)])
    images[1][:, 95:110] = (0, 200, 0)
    images[2][:, 110:125] = (0, 200, 0)
    plain, beside, middle = (
        ColourHistogram().embed(Frame.of(image, 0.0), np.array([[100, 50, 140, 150]]))
        for image in images)
    assert cosines(plain, beside) > 0.9 > 0.8 > cosines(plain, middle)


def test_a_box_across_the_border_is_embedded_by_its_visible_part():
    image = np.full((240, 320, 3), 60, np.uint8)
    whole = people(image, [(100, 100)], [(0, 0, 200)], [(200, 0, 0)])
    embedded = ColourHistogram().embed(Frame.of(image, 0.0), whole)
    cut = ColourHistogram().embed(Frame.of(image[:150].copy(), 0.0), whole)
    # the upper half is the same, nothing is known of the lower one
    assert cosines(embedded, cut) == pytest.approx(np.sqrt(0.5), abs=0.01)


# SLM

def test_slm_is_never_used_untrained(tmp_path):
    with pytest.raises(WeightsError, match=r'SLM has no weights.*name a file of trained'):
        SlmEmbedder('', 'cpu')
    with pytest.raises(WeightsError, match='neither a name in the manifest nor a file'):
        SlmEmbedder(str(tmp_path / 'none.pt'), 'cpu')


@pytest.mark.parametrize('variant', VARIANTS)
def test_slm_is_of_the_variant_that_its_weights_are(variant, tmp_path):
    torch.manual_seed(0)
    network = make_slm(variant)
    state = network.state_dict()
    torch.save(state, tmp_path / 'whole.pt')
    assert SlmEmbedder(str(tmp_path / 'whole.pt'), 'cpu').dimension == network.dimension
    lost = 'embed.weight' if variant == 'stripes' else 'to_k.weight'
    del state[next(name for name in state if name.endswith(lost))]
    torch.save(state, tmp_path / 'part.pt')
    with pytest.raises(WeightsError, match=rf'1 missing: .*{lost}'):
        SlmEmbedder(str(tmp_path / 'part.pt'), 'cpu')


# both

def test_the_cosine_of_concatenated_embeddings_is_the_mean_of_the_cosines(slm):
    image, boxes = noise(), random_boxes(6)
    frame, colours = Frame.of(image, 0.0), ColourHistogram()
    joined = ConcatenatedEmbedder((slm, colours), (0.3, 0.7))
    embedded = joined.embed(frame, boxes)
    assert embedded.shape == (6, joined.dimension) and embedded.dtype == np.float32
    first, second = (part.embed(frame, boxes) for part in (slm, colours))
    np.testing.assert_allclose(
        cosines(embedded, embedded),
        .3 * cosines(first, first) + .7 * cosines(second, second), atol=1e-5)


def test_a_concatenated_embedding_of_a_box_outside_is_zero(slm):
    joined = ConcatenatedEmbedder((slm, ColourHistogram()), (0.5, 0.5))
    outside = np.array([[-50, -50, -10, -10]], np.float32)
    assert not joined.embed(Frame.of(noise(), 0.0), outside).any()


class Silent:
    """Tells nothing of any box."""

    dimension = 3

    def embed(self, frame, boxes):
        return np.zeros((len(boxes), 3), np.float32)


def test_where_one_part_has_no_embedding_the_other_takes_its_weight():
    frame, boxes = Frame.of(noise(), 0.0), random_boxes(3)
    colours = ColourHistogram()
    embedded = ConcatenatedEmbedder((Silent(), colours), (0.8, 0.2)).embed(frame, boxes)
    np.testing.assert_allclose(embedded[:, 3:], colours.embed(frame, boxes), atol=1e-6)


def test_slm_sees_the_crop_as_published(slm, file):
    """BGR from 0 to 255, the plain network, one crop at a time."""
    image, boxes = noise(), random_boxes(4)
    network = Slm('code').eval()
    network.load_state_dict(torch.load(file, weights_only=True))
    slow = []
    for x1, y1, x2, y2 in windows(boxes, SIZE)[0]:
        crop = torch.from_numpy(image[y1:y2, x1:x2].copy()).permute(2, 0, 1)[None].float()
        crop = F.interpolate(crop, (224, 80), mode='bilinear', align_corners=False)
        with torch.inference_mode():
            slow.append(F.normalize(network(crop))[0].numpy())
    np.testing.assert_allclose(
        slm.embed(Frame.of(image, 0.0), boxes), np.stack(slow), atol=1e-4)
    assert slm.unused == []
    slm.warm_up()
