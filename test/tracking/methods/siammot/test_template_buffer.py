# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Slots of templates, against a book-keeping by name."""

import numpy as np
import torch

from mot_ros.tracking.methods.siammot.template_buffer import TemplateBuffer
from mot_ros.tracking.runtime import padding as buckets


def test_everybody_keeps_a_slot_while_others_come_and_go(monkeypatch):
    monkeypatch.setattr(buckets, 'BUCKETS', (2, 4))
    rng = np.random.default_rng(0)
    slots, names, book, born, sizes = TemplateBuffer(), [], {}, 0, set()
    for _ in range(60):
        living = rng.random(len(names)) < 0.7
        before = dict(zip(names, slots.of_tracks.tolist(), strict=True))
        names = [name for name, lives in zip(names, living, strict=True) if lives]
        fresh = rng.random(len(names)) < 0.5
        for _ in range(rng.integers(1, 4)):
            born += 1
            names.append(born)
        fresh = np.concatenate([fresh, np.ones(len(names) - len(fresh), np.bool_)])
        slots.allot(living, len(names))
        assert len(slots) == len(names) == len(set(slots.of_tracks.tolist()))
        where = dict(zip(names, slots.of_tracks.tolist(), strict=True))
        assert all(where[name] == before[name] for name in names if name in before)
        values = rng.integers(0, 1000, (int(fresh.sum()), 3))
        for name, value in zip(np.array(names)[fresh].tolist(), values, strict=True):
            book[name] = value.tolist()
        slots.put(
            torch.from_numpy(slots.of_tracks[fresh]), torch.from_numpy(values).float())
        kept = slots.templates[torch.from_numpy(slots.of_tracks)]
        assert kept.tolist() == [book[name] for name in names]
        sizes.add(len(slots.templates))
    assert len(sizes) > 2 and all(size in (2, 4, 8, 12, 16) for size in sizes)


def test_what_was_there_stays_when_nobody_is_seen():
    slots = TemplateBuffer()
    slots.allot(np.zeros(0, np.bool_), 2)
    slots.put(torch.tensor([0, 1]), torch.tensor([[1.0], [2.0]]))
    slots.allot(np.array([False, True]), 1)
    assert slots.templates[slots.of_tracks[0]].tolist() == [2.0]
