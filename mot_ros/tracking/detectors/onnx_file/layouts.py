# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Recognise the output layout of an ONNX detector by metadata, names and shapes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from mot_ros.tracking.detectors.onnx_file.forms import Array, BOX_COLUMNS, form_of, PLAIN
from mot_ros.tracking.errors import ConfigError

LAYOUTS: Mapping[str, str] = MappingProxyType({
    'yolov5': '(B, N, 5 + C): cx cy w h in pixels of the input, objectness, classes; also '
              'YOLOv6, YOLOv7 and YOLOX with its boxes decoded',
    'yolov8': '(B, 4 + C, N): cx cy w h in pixels of the input, classes; also YOLO11',
    'yolov10': '(B, K, 6): x1 y1 x2 y2 in pixels of the input, score, class; also with masks or '
               'key points after them (YOLO26), as four outputs (YOLOv7 and v9 with '
               'suppression, YOLO-NAS), as boxes, labels and scores (RT-DETR, torchvision), as '
               'dets (B, K, 5) and labels (mmdeploy), as rows of 7 with the image, or of 6 with '
               'class and score first (PaddleDetection), or where chosen (N, 6) without a batch; '
               'suppressed',
    'yolox': '(B, N, 5 + C): offsets in a grid of strides 8, 16, 32, objectness, classes',
    'ssd': '(B, N, 4) x1 y1 x2 y2 from 0 to 1 and (B, N, C) scores',
    'ssd_pixels': '(B, N, 4) x1 y1 x2 y2 in pixels of the input and (B, N, C) scores',
    'nanodet': '(B, N, C + 4 R): scores, then R bins of each distance in strides; NanoDet with '
               'strides 8, 16, 32 and NanoDet-Plus with 64 too',
    'detr': '(B, N, 4) cx cy w h from 0 to 1 and (B, N, C) logits: RT-DETR, D-FINE, RF-DETR; also '
            'as one output with scores (B, N, 4 + C), or with score and class (B, N, 6)',
    'tensorflow': 'boxes (B, K, 4) y1 x1 y2 x2 from 0 to 1, classes (B, K), scores (B, K), '
                  'number (B,); suppressed',
})
"""Layouts by name; B images, N boxes or K objects, C classes."""
SUPPRESSED = ('yolov10', 'tensorflow')
"""Layouts of networks that contain NMS."""
END_TO_END = (*SUPPRESSED, 'detr')
"""Layouts without duplicates, which NMS would only harm."""
YOLOX_STRIDES = (8, 16, 32)
STRIDES = (YOLOX_STRIDES, (8, 16, 32, 64), (4, 8, 16, 32), (16, 32))
"""Strides of the grids of the YOLO family: usual, with large, with small objects, and tiny."""
PLUS_STRIDES = (8, 16, 32, 64)
NANODET_BINS, PLUS_BINS = 11, 8
"""Bins of a distance, one more than the largest distance in strides: NanoDet, NanoDet-Plus."""
MASKS = 32
"""Channels of the prototypes that YOLO's masks are made of: as many coefficients a box."""
FARTHEST_RELATIVE = 2.0
"""Coordinates beyond are pixels: a relative box ends near 1."""
PIXEL_NAMES = ('det_boxes', 'pred_boxes')
"""Names of boxes in pixels among four outputs: EfficientNMS and DAMO-YOLO, YOLO-NAS."""
DETR_NAMES = ('pred_boxes', 'boxes', 'logits', 'pred_logits')
"""Names of the boxes and the logits of a DETR that has further outputs."""
RFDETR_NAMES = ('dets', 'labels')
"""Names of boxes and logits that RF-DETR's export writes."""
OBB, OBB_OBJECTS, TURNED = 'obb', 'obb_objects', 'turned'
"""Forms with angles, without and with suppression, and of an SSD with scores (B, C, N)."""
ANCHORS = 3
"""Boxes per cell of YOLOv5 and v7; later versions have one."""
LARGEST_LOGARITHM = 12.0
"""Bound that tells YOLOX's log sizes from sizes in pixels; e to this power exceeds any size."""

Output = tuple[str, tuple[int, ...]]
"""Name and shape of one output, measured on a trial image."""


@dataclass(frozen=True)
class Layout:
    """
    Output layout, and the index of each output in it.

    `places`: boxes and scores of an SSD; boxes, classes, scores and number of TensorFlow's, and of
    a YOLOv10 that has four outputs; those of its form; the one output of the others. `columns` is
    the number of classes, None if the outputs name their classes by number. `form` is one of
    forms.py, OBB where the last row of a YOLOv8 is an angle, OBB_OBJECTS where boxes cx cy w h of
    a YOLO26 have score, class and angle after them, or TURNED.
    """

    kind: str
    places: tuple[int, ...]
    columns: int | None
    form: str = ''
    name: str = ''
    """Name of the first output, where the form depends on it."""


def recognise(
        arrays: Sequence[Array], names: Sequence[str], size: tuple[int, int],
        chosen: str, path: object, metadata: Mapping[str, str] = MappingProxyType({}),
        inputs: Collection[str] = ()) -> Layout:
    """
    Return the layout of the outputs for an input of (width, height).

    `chosen` is the name of a layout, whose shapes the outputs must have, or 'auto'; `inputs` the
    names of all inputs. Raises
    ConfigError with all outputs and all layouts if none fits, or more than one.
    """
    outputs = [(name, array.shape) for name, array in zip(names, arrays, strict=True)]
    if chosen in ('auto', 'detr') and len(outputs) == 1:
        detr = _joined_detr(outputs[0][1], metadata, chosen)
        if detr is not None:
            return detr
    form = form_of(arrays, names, inputs)
    if form is not None and chosen in ('auto', 'yolov10'):
        if chosen == 'auto':
            boxes = arrays[form[1][0]][..., BOX_COLUMNS.get(form[0], slice(4))]
            _refuse_relative(boxes, path, described(outputs))
        return Layout('yolov10', form[1], None, form[0], names[form[1][0]])
    if chosen == 'yolov10' and len(outputs) == 1 and len(outputs[0][1]) == 2 and (
            outputs[0][1][1] == 6):
        return Layout('yolov10', (0,), None, PLAIN)
    if chosen in ('auto', 'yolov10') and metadata.get('task') == 'obb' and (
            metadata.get('end2end', '').lower() == 'true') and [
            shape[2:] for _, shape in outputs] == [(7,)]:
        return Layout('yolov10', (0,), None, OBB_OBJECTS)
    if chosen != 'auto':
        found = [layout for layout in _possible(outputs, size, chosen, metadata)
                 if layout.kind == chosen]
        if found:
            return found[0]
        raise ConfigError(
            f'detector.layout is {chosen}, {LAYOUTS[chosen]}; this does not fit the outputs of '
            f'{path} for an input of {size[0]}x{size[1]}: {described(outputs)}')
    found = [_by_reach(layout, arrays, outputs)
             for layout in _possible(outputs, size, chosen, metadata)]
    if [layout.kind for layout in found] == ['yolov10']:
        _refuse_relative(arrays[found[0].places[0]], path, described(outputs))
    if {layout.kind for layout in found} == {'yolov5', 'yolox'}:
        sides = np.asarray(arrays[found[0].places[0]][..., 2:4], np.float32)
        raw = bool(np.max(sides, initial=0.0) <= LARGEST_LOGARITHM)
        found = [layout for layout in found if (layout.kind == 'yolox') == raw]
    if len(found) == 1:
        return found[0]
    kinds = ' or '.join(layout.kind for layout in found)
    problem = f'may be {kinds}' if found else 'are of no layout that can be recognised'
    if kinds == 'ssd or ssd_pixels':
        reach = float(np.max(arrays[found[0].places[0]], initial=0.0))
        problem += f' (the boxes of a grey image reached {reach:.4g})'
    every = '; '.join(f'{kind} {meaning}' for kind, meaning in LAYOUTS.items())
    raise ConfigError(
        f'the outputs of {path} {problem}: {described(outputs)} for an input of '
        f'{size[0]}x{size[1]}. Set detector.layout to what they are: {every}')


def described(outputs: Sequence[Output]) -> str:
    """Format names and shapes in one line."""
    return ', '.join(f'{name} {shape}' for name, shape in outputs)


def _possible(
        outputs: Sequence[Output], size: tuple[int, int], chosen: str,
        metadata: Mapping[str, str]) -> list[Layout]:
    """Return the layouts that shapes and names allow; a chosen one needs less evidence."""
    tensorflow = _tensorflow(outputs)
    if tensorflow is not None:
        return [tensorflow]
    found = _ssd(outputs, chosen)
    planes = [place for place, (_, shape) in enumerate(outputs) if len(shape) == 3]
    # further outputs may be masks or raw grids
    if len(planes) == 1:
        rows, columns = outputs[planes[0]][1][1:]
        masks = MASKS if any(
            len(shape) == 4 and shape[1] == MASKS for _, shape in outputs) else 0
        classes = {'yolov5': columns - 5, 'yolox': columns - 5, 'yolov8': rows - 4}
        bins = _bins(rows, columns, size, chosen)
        if bins is not None:
            found.append(Layout('nanodet', (planes[0],), columns - 4 * bins))
            if chosen == 'auto':
                return found
        if metadata.get('task') == 'obb' and metadata.get('end2end', '').lower() != 'true' and (
                rows > 5):
            return [Layout('yolov8', (planes[0],), rows - 5, OBB)]
        found += [
            Layout(kind, (planes[0],), None if kind not in classes
                   else classes[kind] - (masks if classes[kind] > masks else 0))
            for kind in _yolo_kinds(rows, columns, size, chosen, metadata)]
    return found


def _bins(rows: int, columns: int, size: tuple[int, int], chosen: str) -> int | None:
    """
    Return the bins of a distance if an output of (B, rows, columns) is a NanoDet's, else None.

    With three strides YOLOX has as many rows; there only COCO's 80 classes tell, unless `chosen`.
    """
    if rows == cells_of(size, PLUS_STRIDES) and columns > 4 * PLUS_BINS:
        return PLUS_BINS
    if rows != cells_of(size, YOLOX_STRIDES):
        return None
    of_coco = [bins for bins in (PLUS_BINS, NANODET_BINS) if columns - 4 * bins == 80]
    if of_coco:
        return of_coco[0]
    return NANODET_BINS if chosen == 'nanodet' and columns > 4 * NANODET_BINS else None


def _by_reach(
        layout: Layout, arrays: Sequence[Array], outputs: Sequence[Output]) -> Layout:
    """Return TensorFlow's layout as YOLOv10's where its boxes are in pixels."""
    if layout.kind != 'tensorflow' or 'detection_boxes' in outputs[layout.places[0]][0]:
        return layout
    boxes, _, _, number = (arrays[place] for place in layout.places)
    count = int(np.nan_to_num(np.max(np.asarray(number, np.float64), initial=0.0)))
    reach = np.max(np.abs(np.asarray(boxes, np.float64)[:, :count]), initial=0.0)
    named = any(name in outputs[layout.places[0]][0] for name in PIXEL_NAMES)
    return Layout('yolov10', layout.places, None) if (
        named or reach > FARTHEST_RELATIVE) else layout


def _joined_detr(
        shape: tuple[int, ...], metadata: Mapping[str, str], chosen: str) -> Layout | None:
    """
    Return the layout of an RT-DETR of Ultralytics in one output, None for any other.

    Its metadata names it. Six columns may be those of two classes: then the number of names tells.
    """
    named = any('rtdetr' in metadata.get(key, '').lower().replace('-', '')
                for key in ('head', 'description'))
    if len(shape) != 3 or shape[2] < 5 or not (named or chosen == 'detr'):
        return None
    classes = None if 'names' not in metadata else metadata['names'].count(':')
    if shape[2] == 6 and classes != 2:
        return Layout('detr', (0,), None)
    return None if shape[2] == 6 and metadata.get('end2end', '').lower() == 'true' else Layout(
        'detr', (0,), shape[2] - 4)


def _refuse_relative(boxes: Array, path: object, outputs: str) -> None:
    """Raise ConfigError where what has YOLOv10's shape is relative, as a DETR's boxes are."""
    reach = float(np.max(np.abs(np.asarray(boxes, np.float64)[..., :4]), initial=0.0))
    if 0 < reach <= FARTHEST_RELATIVE:
        raise ConfigError(
            f'the outputs of {path} have the shape of yolov10, but the boxes of a grey image '
            f'reach {reach:.3g} only: they are relative, as those of RT-DETR (cx cy w h): '
            f'{outputs}. Set detector.layout to detr, or to yolov10 if they are pixels '
            '(x1 y1 x2 y2)')


def _yolo_kinds(
        rows: int, columns: int, size: tuple[int, int], chosen: str,
        metadata: Mapping[str, str]) -> list[str]:
    """Return the YOLO layouts that an output of (B, rows, columns) may be."""
    grids = {cells_of(size, strides) for strides in STRIDES}
    with_anchors = {ANCHORS * cells for cells in grids}
    yolox = columns >= 6 and rows == cells_of(size, YOLOX_STRIDES)
    kinds = {
        'yolov5': columns >= 6 and (chosen == 'yolov5' or rows in with_anchors or yolox),
        'yolox': yolox,
        'yolov8': rows >= 5 and (chosen == 'yolov8' or columns in grids),
        'yolov10': (columns == 6 and chosen == 'yolov10') or (
            # a raw grid stays refused, also where it is chosen
            (columns == 6 or (columns > 6 and chosen == 'yolov10'))
            and rows not in grids | with_anchors)
        or (columns > 6 and metadata.get('end2end', '').lower() == 'true'
            and metadata.get('task') in ('segment', 'pose'))}
    return [kind for kind, possible in kinds.items() if possible]


def cells_of(size: tuple[int, int], strides: Sequence[int]) -> int:
    """Return the number of cells of the grids of these strides."""
    return sum(-(-size[0] // stride) * -(-size[1] // stride) for stride in strides)


def _ssd(outputs: Sequence[Output], chosen: str) -> list[Layout]:
    """
    Return the two kinds of SSD if there is one output of boxes and one of their scores.

    Names of logits tell a DETR, and so do those of RF-DETR.
    """
    planes = [(place, name, shape) for place, (name, shape) in enumerate(outputs)
              if len(shape) == 3]
    if len(planes) == 3:
        # hidden states, which Hugging Face adds
        named = [plane for plane in planes if plane[1].lower() in DETR_NAMES]
        if len(named) == 2 and sum('logits' in name.lower() for _, name, _ in named) == 1:
            planes = named
    form = ''
    if len(planes) == 2 and _are_turned(planes[0][2], planes[1][2]):
        planes = [(place, name, shape if shape[2] == 4 else (shape[0], shape[2], shape[1]))
                  for place, name, shape in planes]
        form = TURNED
    if len(planes) != 2 or planes[0][2][1] != planes[1][2][1]:
        return []
    boxes = [plane for plane in planes if plane[2][2] == 4]
    if len(boxes) == 2:
        boxes = [plane for plane in boxes if 'box' in plane[1].lower()]
    if len(boxes) != 1:
        return []
    scores = next(plane for plane in planes if plane is not boxes[0])
    detr = 'logits' in scores[1].lower() or (boxes[0][1], scores[1]) == RFDETR_NAMES
    if (detr or chosen == 'detr') and not form:
        return [Layout('detr', (boxes[0][0], scores[0]), scores[2][2], name=boxes[0][1])]
    return [Layout(kind, (boxes[0][0], scores[0]), scores[2][2], form)
            for kind in ('ssd', 'ssd_pixels')]


def _are_turned(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    """Say whether one output is boxes (B, N, 4) and the other scores (B, C, N), as PP-YOLOE's."""
    return first[1] != second[1] and (
        (first[2] == 4 and second[2] == first[1]) or (second[2] == 4 and first[2] == second[1]))


def _tensorflow(outputs: Sequence[Output]) -> Layout | None:
    """Return TensorFlow's four outputs, by name or, if the names do not help, by shape."""
    by_name = [
        [place for place, (name, _) in enumerate(outputs) if part in name]
        for part in ('detection_boxes', 'detection_classes', 'detection_scores',
                     'num_detections')]
    # raw_detection_boxes may exist beside detection_boxes
    by_name = [
        [place for place in places if not outputs[place][0].startswith('raw_')]
        for places in by_name]
    if all(len(places) == 1 for places in by_name):
        return Layout('tensorflow', tuple(places[0] for places in by_name), None)
    if len(outputs) != 4:
        return None
    boxes, others, number = (
        [place for place, (_, shape) in enumerate(outputs) if fits(shape)] for fits in (
            lambda shape: len(shape) == 3 and shape[2] == 4,
            lambda shape: len(shape) == 2 and shape[1] != 1,
            lambda shape: len(shape) == 1 or shape[1:] == (1,)))
    if (len(boxes), len(others), len(number)) != (1, 2, 1):
        return None
    first, second = (outputs[place][0].lower() for place in others)
    # without helpful names the order is TensorFlow Lite's: classes, then scores
    if 'score' in first or ('class' in second and 'class' not in first):
        others.reverse()
    return Layout('tensorflow', (boxes[0], *others, number[0]), None)
