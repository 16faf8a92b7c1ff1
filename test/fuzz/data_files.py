# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Small files of every kind of bag, annotation, image and video, and how each is read."""

import itertools
import json
from pathlib import Path

import cv2
import numpy as np

from mot_ros.data.bags.boxes import boxes_of_topic
from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.types import DETECTIONS, IMAGE
from mot_ros.data.bags.writer import BagWriter
from mot_ros.data.datasets.coco import read_coco, read_results
from mot_ros.data.datasets.coco_source import boxes_of, CocoFrames
from mot_ros.data.datasets.crp import crp_places
from mot_ros.data.datasets.kitti import KittiLabels, read_kitti_tracks
from mot_ros.data.datasets.labelled_images import crowdhuman_images, yolo_images
from mot_ros.data.datasets.mot import MotRows, read_detections, read_tracks
from mot_ros.data.datasets.mot_folder import read_sequence
from mot_ros.data.datasets.tao import tao_places
from mot_ros.data.decode import decode_file
from mot_ros.data.photographs import read_mask_file
from mot_ros.data.synthetic.cutouts import read_outlines
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.detectors.wrappers import recorded
from mot_ros.tracking.types import Detections
from test.data.bags.ros1_bags import Ride
from test.data.video.videos import write_video
from test.fuzz.mutation import Read

SIZE = (32, 24)
GT = ''.join(f'{frame},{track},{5 * track},4,6.5,12,1,1,0.9\n'
             for frame in range(1, 5) for track in (1, 2))
KITTI = ''.join(f'{frame} 1 Pedestrian 0 0 -1.5 5.5 4 12 20 1 1 1 1 1 1 1 .9\n'
                for frame in range(4)) + '1 -1 DontCare -1 -1 -10 1 1 4 4\n'
SIDES = {'width': SIZE[0], 'height': SIZE[1]}
COCO = {
    'info': {'fps': 30}, 'videos': [{'id': 1, 'name': 'a', 'fps': 10, **SIDES}],
    'categories': [{'id': 1, 'name': 'person', 'merged': [{'id': 2, 'name': 'baby'}]}],
    'images': [{'id': number, 'video_id': 1, 'frame_index': number, **SIDES,
                'file_name': f'a/{number}.png'} for number in range(3)],
    'annotations': [{'id': number, 'image_id': number, 'category_id': 1, 'track_id': 4,
                     'bbox': [1, 2, 10, 20.5], 'iscrowd': 0} for number in range(3)]}
RESULTS = [{'image_id': number, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'score': .5}
           for number in range(3)]
CRP = {'samples': {'a': {
    'metadata': {'fps': 10, 'number_of_frames': 5, 'resolution': SIDES, 'data_path': 'a.mp4'},
    'entities': [{'bb': [1, 2, 10, 20], 'id': 3, 'labels': {'person': 1},
                  'blob': {'frame_idx': frame}} for frame in range(3)]}}}
ODGT = '{"ID": "a", "gtboxes": [{"tag": "person", "fbox": [1, 2, 9, 8], "vbox": [1, 2, 3, 4]}]}\n'
SEQINFO = ('[Sequence]\nname=a\nimDir=img1\nframeRate=30\nseqLength=4\nimWidth=32\n'
           'imHeight=24\nimExt=.jpg\n')


def image() -> np.ndarray:
    """Return a picture that compresses to some hundred bytes."""
    return np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)


def _write(name: str, content: object) -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _image(name: str) -> Path:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    grey = Path(name).stem == 'mask'
    assert cv2.imwrite(name, image()[..., 0] // 80 if grey else image())
    return Path(name)


def _video(name: str) -> Path:
    return write_video(Path(name), [number / 25 for number in range(4)], size=SIZE)


def _mot(name: str) -> Path:
    _write('mot/gt/gt.txt', GT)
    _write('mot/seqinfo.ini', SEQINFO)
    return Path('mot', name)


def _bag(storage: str, name: str) -> Path:
    """Write a bag; return its storage file, or with a whole name that file."""
    with BagWriter(Path(f'bag_{storage}'), {'/i': IMAGE, '/truth': DETECTIONS}, storage) as writer:
        for number in range(3):
            stamp = 10**9 + number * 10**8
            writer.write_image('/i', stamp, image()[:6, :8], 'camera')
            writer.write_boxes('/truth', stamp, MotRows([1], [7], [[1, 2, 5, 6]], [1]))
    folder = Path(f'bag_{storage}')
    return next(folder.glob(f'*{name}'))


def _ros1_bag() -> Path:
    """Write a bag of ROS 1, packed."""
    Path('a.bag').unlink(missing_ok=True)
    return Ride().write(Path('a.bag'), {'/i': IMAGE, '/truth': DETECTIONS}, 3, 'BZ2', 4000)


def read_bag(path: Path) -> None:
    """Read all that a bag says: topics, images, stamps and boxes."""
    source = BagSource(path)
    for _ in source:
        pass
    boxes_of_topic(source, '/truth')


def read_video(path: Path) -> None:
    """Decode a video, and go through its stamps."""
    source = open_source(path)
    # a repeated header may announce any number
    for _ in itertools.islice(source, 50):
        pass


def read_coco_set(path: Path) -> None:
    """Read annotations with their images."""
    for number in range(3):
        _image(f'a/{number}.png')
    file = read_coco(path)
    for video in file.videos:
        boxes_of(file, video)
        for _ in CocoFrames(file, video):
            pass


def read_results_file(path: Path) -> None:
    """Read results for the annotations above."""
    read_results(path, read_coco(_write('truth.json', COCO)).videos[0])


def read_yolo(path: Path) -> None:
    """Read a folder of YOLO, of which the file is a part."""
    _image('yolo/images/a.png')
    if path.suffix == '.yaml':
        _write('yolo/labels/a.txt', '0 .5 .5 .2 .2 .1 .1 2 .2 .2 2\n')
    yolo_images(Path('yolo'))


def read_crowdhuman(path: Path) -> None:
    """Read lines of CrowdHuman."""
    _image('crowd/a.jpg')
    crowdhuman_images(path, Path('crowd'))


def read_places(places: Read) -> Read:
    """Return a function that reads every sequence of a file."""
    def read(path: Path) -> None:
        for place in places(path):
            place.read()
    return read


def _recorded() -> Path:
    """Write detections of three frames, as evaluate caches them."""
    boxes = np.tile(np.float32([1, 2, 5, 6]), (2, 1))
    found = Detections(boxes, np.ones(2, np.float32), np.zeros(2, np.int64))
    recorded.save(Path('a.npz'), {'k': 1}, ['person'], {stamp / 10: found for stamp in range(3)})
    return Path('a.npz')


KINDS = {
    'detections.npz': (_recorded, lambda path: recorded.load(path, {'k': 1})),
    'gt.txt': (lambda: _mot('gt/gt.txt'), lambda path: read_sequence('mot')),
    'seqinfo.ini': (lambda: _mot('seqinfo.ini'), lambda path: read_sequence('mot')),
    'tracks.txt': (lambda: _write('tracks.txt', GT), read_tracks),
    'det.txt': (lambda: _write('det.txt', GT), read_detections),
    'kitti': (lambda: _write('0000.txt', KITTI), lambda path: KittiLabels('a', path).read()),
    'kitti results': (lambda: _write('0001.txt', KITTI), read_kitti_tracks),
    'coco.json': (lambda: _write('coco.json', COCO), read_coco_set),
    'results.json': (lambda: _write('results.json', RESULTS), read_results_file),
    'tao.json': (lambda: _write('tao.json', COCO), read_places(tao_places)),
    'anno.json': (lambda: _write('anno.json', CRP), read_places(crp_places)),
    'crowdhuman.odgt': (lambda: _write('crowd.odgt', ODGT), read_crowdhuman),
    'yolo.txt': (
        lambda: _write('yolo/labels/a.txt', '0 .5 .5 .2 .2\n0 .1 .1 .2 .1 .3 .3\n'), read_yolo),
    'data.yaml': (lambda: _write('yolo/data.yaml', 'kpt_shape: [2, 3]\n'), read_yolo),
    'outline.txt': (
        lambda: _write('outline.txt', '0 .1 .1 .2 .1 .3 .3\n'),
        lambda path: list(read_outlines(path))),
    **{f'image.{kind}': (lambda kind=kind: _image(f'image.{kind}'), decode_file)
       for kind in ('jpg', 'png', 'bmp', 'tif', 'webp', 'ppm')},
    'mask.png': (lambda: _image('mask.png'), read_mask_file),
    'video.mp4': (lambda: _video('video.mp4'), read_video),
    'video.avi': (lambda: _video('video.avi'), read_video),
    'video.mkv': (lambda: _video('video.mkv'), read_video),
    'bag.mcap': (lambda: _bag('mcap', '.mcap'), read_bag),
    'bag.db3': (lambda: _bag('sqlite3', '.db3'), read_bag),
    'ros1.bag': (_ros1_bag, read_bag),
    'metadata.yaml': (lambda: _bag('mcap', 'metadata.yaml'), lambda path: read_bag(path.parent)),
}
