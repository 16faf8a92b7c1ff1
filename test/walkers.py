# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Made-up sequences of people who walk across each other, with noisy detections of them."""

from pathlib import Path

import numpy as np


def write_walkers(folder: Path, seed: int = 0, length: int = 40, people: int = 6) -> Path:
    """Write a MOTChallenge folder without images."""
    generator = np.random.default_rng(seed)
    truth, detections = [], []
    for frame in range(1, length + 1):
        for person in range(people):
            x = 150 + (frame - length / 2) * (person + 1) * (-1) ** person
            y = 20 + 12 * person
            truth.append(f'{frame},{person + 1},{x:.2f},{y},24,60,1,-1,-1,-1')
            if generator.random() < 0.85:
                dx, dy = generator.normal(0, 3, 2)
                detections.append(
                    f'{frame},-1,{x + dx:.2f},{y + dy:.2f},24,60,'
                    f'{generator.uniform(0.4, 1):.3f},-1,-1,-1')
    for name, lines in (('gt', truth), ('det', detections)):
        (folder / name).mkdir(parents=True)
        (folder / name / f'{name}.txt').write_text('\n'.join(lines) + '\n')
    (folder / 'seqinfo.ini').write_text(
        f'[Sequence]\nframeRate=10\nseqLength={length}\nimWidth=320\nimHeight=240\n')
    return folder
