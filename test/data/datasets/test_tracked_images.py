# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import cv2
import numpy as np
import pytest

from mot_ros.data.datasets.tracked_images import read_tracked, TrackCrops, VideoPairs
from mot_ros.data.synthetic.image_pairs import Augmentation
from mot_ros.data.synthetic.person_crops import CropChoice, MixedCrops
from mot_ros.tracking.errors import ConfigError, SourceError

COLOURS = {1: (0, 0, 255), 2: (0, 255, 0), 7: (255, 0, 0)}
FRAMES, RATE = 12, 4
PLAIN = CropChoice(jitter=0.0, blur=0.0, erase=0.0, views=3)


def box(who, frame):
    """Return x, y, width and height of somebody in a frame."""
    return 20 * who + 3 * frame, 10 + 5 * who, 18, 60


@pytest.fixture
def folder(tmp_path):
    """Write a sequence of three people in different colours, the last one only in six frames."""
    (tmp_path / 'gt').mkdir()
    (tmp_path / 'img1').mkdir()
    (tmp_path / 'seqinfo.ini').write_text(
        f'[Sequence]\nname=x\nimDir=img1\nframeRate={RATE}\nseqLength={FRAMES}\n'
        'imWidth=240\nimHeight=120\nimExt=.png\n')
    lines = []
    for frame in range(1, FRAMES + 1):
        image = np.zeros((120, 240, 3), np.uint8)
        for who, colour in COLOURS.items():
            if who == 7 and frame > 6:
                continue
            x, y, width, height = box(who, frame)
            image[y:y + height, x:x + width] = colour
            lines.append(f'{frame},{who},{x + 1},{y + 1},{width},{height},1,-1,-1,-1\n')
        # not to be considered
        lines.append(f'{frame},9,1,1,50,50,0,-1,-1,-1\n')
        cv2.imwrite(str(tmp_path / f'img1/{frame:06}.png'), image)
    (tmp_path / 'gt/gt.txt').write_text(''.join(lines))
    return tmp_path


def colour_of(views):
    return np.asarray(views, float)[:, 30:100, 20:44].mean((0, 1, 2))


def test_views_of_a_track_show_that_one_and_are_spread_over_time(folder):
    crops = TrackCrops(read_tracked(folder), PLAIN)
    assert crops.people == 3
    seen = set()
    for index in range(6):
        sample = crops.sample(index)
        assert sample.views.shape == (3, 128, 64, 3)
        channel = int(colour_of(sample.views).argmax())
        seen.add((sample.identity, channel))
        np.testing.assert_array_equal(
            TrackCrops(read_tracked(folder), PLAIN).sample(index).views, sample.views)
    # red is the last channel
    assert seen == {(0, 2), (1, 1), (2, 0)}


def test_tracks_too_short_or_too_small_do_not_count(folder):
    # the third one is in six frames
    assert TrackCrops(read_tracked(folder), CropChoice(views=7)).people == 2
    with pytest.raises(ConfigError, match='0 people are 24 pixels tall in 13 frames'):
        TrackCrops(read_tracked(folder), CropChoice(views=13))


def test_pairs_are_in_the_order_of_time_and_at_most_a_second_apart(folder):
    pairs = VideoPairs(read_tracked(folder), 0.5, Augmentation(jitter=0.0, flip=0.0))
    gaps, first = set(), set()
    for index in range(2 * FRAMES):
        pair = pairs.sample(index)
        gaps.add(pair.gap)
        for image, boxes, ids in zip(pair.images, pair.boxes, pair.ids, strict=True):
            assert set(ids.tolist()) <= set(COLOURS)
            for who, (x1, y1, x2, y2) in zip(ids.tolist(), boxes, strict=True):
                # JPEG and the like are not in between: the middle of the box has the colour
                middle = image[int((y1 + y2) / 2), int((x1 + x2) / 2)]
                assert middle.argmax() == np.argmax(COLOURS[who])
        moved = [after[0] - before[0] for who, before in zip(
            pair.ids[0].tolist(), pair.boxes[0], strict=True)
            for other, after in zip(pair.ids[1].tolist(), pair.boxes[1], strict=True)
            if who == other and after[2] < 239]
        assert all(move == pytest.approx(3 * RATE * pair.gap, abs=0.01) for move in moved)
        first.add(round(float(pair.boxes[0][0][0])))
    assert gaps == {0.25, 0.5}
    assert len(first) > 6


def test_both_frames_are_mirrored_together(folder):
    pairs = VideoPairs(read_tracked(folder), 1.0, Augmentation(jitter=0.0, flip=1.0))
    pair = pairs.sample(0)
    for image, boxes, ids in zip(pair.images, pair.boxes, pair.ids, strict=True):
        for who, (x1, y1, x2, y2) in zip(ids.tolist(), boxes, strict=True):
            middle = image[int((y1 + y2) / 2), int((x1 + x2) / 2)]
            assert middle.argmax() == np.argmax(COLOURS[who])
    assert pair.boxes[1][0][0] < pair.boxes[0][0][0]


def test_people_of_two_supplies_are_not_mixed_up(folder):
    tracks = TrackCrops(read_tracked(folder), PLAIN)
    mixed = MixedCrops([tracks, TrackCrops(read_tracked(folder), PLAIN, seed=1)])
    found = [mixed.sample(index).identity for index in range(6)]
    assert len(set(found)) == 6
    np.testing.assert_array_equal(mixed.sample(4).views, tracks.sample(2).views)


def test_what_cannot_be_learned_from_is_named(folder):
    image = folder / 'img1/000003.png'
    image.write_bytes(b'')
    (sequence,) = read_tracked(folder)
    with pytest.raises(SourceError, match=r'000003\.png cannot be read as an image'):
        sequence.read(3)
    image.unlink()
    with pytest.raises(SourceError, match='frame 12, and there are 11 images'):
        read_tracked(folder)
    with pytest.raises(ConfigError, match='0 sequences'):
        VideoPairs([])
