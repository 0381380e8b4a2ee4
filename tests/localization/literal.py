"""Localization written down word by word: flood fill, boxes as sets of pixels."""

import torch


def components(above):
    """Sets of pixels (row, column) that touch at sides or corners, in reading order of their first."""
    left = {(int(row), int(column)) for row, column in above.nonzero().tolist()}
    found = []
    for start in sorted(left):
        if start not in left:
            continue
        left.remove(start)
        component, waiting = set(), [start]
        while waiting:
            row, column = waiting.pop()
            component.add((row, column))
            for neighbour in [(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)]:
                if neighbour in left:
                    left.remove(neighbour)
                    waiting.append(neighbour)
        found.append(component)
    return found


def box_of(component):
    rows, columns = zip(*component, strict=True)
    return [min(columns), min(rows), max(columns) + 1, max(rows) + 1]


def largest(found):
    return max(found, key=len)  # the first of equal ones


def pixels(box):
    x0, y0, x1, y1 = (int(corner) for corner in box)
    return {(row, column) for row in range(y0, y1) for column in range(x0, x1)}


def iou(box, other):
    either = pixels(box) | pixels(other)
    return len(pixels(box) & pixels(other)) / len(either) if either else 0.0


def random_maps(count, height=9, width=11, seed=0, values=None):
    """Maps with several components at most thresholds."""
    random = torch.Generator().manual_seed(seed)
    if values is not None:
        return torch.randint(values, (count, height, width), generator=random).double()
    return torch.rand(count, height, width, generator=random, dtype=torch.float64)


def random_boxes(count, most, height=9, width=11, seed=0):
    """One to `most` boxes for each image, whole pixels."""
    random = torch.Generator().manual_seed(seed)
    sets = []
    for _ in range(count):
        number = int(torch.randint(1, most + 1, (), generator=random))
        boxes = []
        for _ in range(number):
            x = torch.randperm(width + 1, generator=random)[:2].sort().values.tolist()
            y = torch.randperm(height + 1, generator=random)[:2].sort().values.tolist()
            boxes.append([x[0], y[0], x[1], y[1]])
        sets.append(torch.tensor(boxes, dtype=torch.float32))
    return sets
