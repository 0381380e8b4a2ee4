# %% [markdown]
# Typical wrong answers to exercise 7. `innerview course check 7` tries them out.

# %% wrong="sides of boxes that do not meet are not clamped" of="iou" loses=1 hint="two negative sides"
def iou(boxes, others):
    begin = torch.maximum(boxes[:, :2], others[:, :2])
    end = torch.minimum(boxes[:, 2:], others[:, 2:])
    both = (end - begin).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (others[:, 2:] - others[:, :2]).prod(1)
    return both / (areas - both)


# %% wrong="divided by the sum of areas" of="iou" loses=3 hint="counts the intersection twice"
def iou(boxes, others):
    begin = torch.maximum(boxes[:, :2], others[:, :2])
    end = torch.minimum(boxes[:, 2:], others[:, 2:])
    both = (end - begin).clamp(min=0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (others[:, 2:] - others[:, :2]).prod(1)
    return both / areas


# %% wrong="both ends counted" of="iou" loses=2 hint="one pixel too many"
def iou(boxes, others):
    begin = torch.maximum(boxes[:, :2], others[:, :2])
    end = torch.minimum(boxes[:, 2:], others[:, 2:])
    both = torch.where((end > begin).all(1), (end - begin + 1).prod(1), 0)
    areas = (boxes[:, 2:] - boxes[:, :2] + 1).prod(1) + (others[:, 2:] - others[:, :2] + 1).prod(1)
    return both / (areas - both)


# %% wrong="divided by the smaller area" of="iou" loses=2 hint="area of the smaller box"
def iou(boxes, others):
    begin = torch.maximum(boxes[:, :2], others[:, :2])
    end = torch.minimum(boxes[:, 2:], others[:, 2:])
    both = (end - begin).clamp(min=0).prod(1)
    return both / torch.minimum((boxes[:, 2:] - boxes[:, :2]).prod(1), (others[:, 2:] - others[:, :2]).prod(1))


# %% wrong="the area from the far corner" of="iou" loses=3 hint="not x1 y1"
def iou(boxes, others):
    begin = torch.maximum(boxes[:, :2], others[:, :2])
    end = torch.minimum(boxes[:, 2:], others[:, 2:])
    both = (end - begin).clamp(min=0).prod(1)
    return both / (boxes[:, 2:].prod(1) + others[:, 2:].prod(1) - both)


# %% wrong="a box around everything" of="box_from_heatmap" loses=3 hint="everything above the threshold"
def box_from_heatmap(heatmap, threshold):
    rows, columns = torch.nonzero(heatmap > threshold * heatmap.max(), as_tuple=True)
    return torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


# %% wrong="the component of the peak" of="box_from_heatmap" loses=2 hint="holds the highest value"
def box_from_heatmap(heatmap, threshold):
    labels, _ = ndimage.label((heatmap > threshold * heatmap.max()).numpy(), np.ones((3, 3)))
    rows, columns = np.nonzero(labels == labels.ravel()[heatmap.argmax()])
    return torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


# %% wrong="the threshold is absolute" of="box_from_heatmap" loses=2 hint="share of the largest value"
def box_from_heatmap(heatmap, threshold):
    labels, _ = ndimage.label((heatmap > threshold).numpy(), np.ones((3, 3)))
    rows, columns = np.nonzero(labels == np.bincount(labels.ravel())[1:].argmax() + 1)
    return torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


# %% wrong="rows are taken for x" of="box_from_heatmap" loses=5 hint="columns are x, rows are y"
def box_from_heatmap(heatmap, threshold):
    labels, _ = ndimage.label((heatmap > threshold * heatmap.max()).numpy(), np.ones((3, 3)))
    rows, columns = np.nonzero(labels == np.bincount(labels.ravel())[1:].argmax() + 1)
    return torch.tensor([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])


# %% wrong="the last pixel is the end" of="box_from_heatmap" loses=5 hint="one past the last pixel"
def box_from_heatmap(heatmap, threshold):
    labels, _ = ndimage.label((heatmap > threshold * heatmap.max()).numpy(), np.ones((3, 3)))
    rows, columns = np.nonzero(labels == np.bincount(labels.ravel())[1:].argmax() + 1)
    return torch.tensor([columns.min(), rows.min(), columns.max(), rows.max()])


# %% wrong="corners do not touch" of="box_from_heatmap" loses=3 hint="nine ones"
def box_from_heatmap(heatmap, threshold):
    labels, _ = ndimage.label((heatmap > threshold * heatmap.max()).numpy())
    rows, columns = np.nonzero(labels == np.bincount(labels.ravel())[1:].argmax() + 1)
    return torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


# %% wrong="width and height" of="box_from_heatmap" loses=5 hint="width and height"
def box_from_heatmap(heatmap, threshold):
    labels, _ = ndimage.label((heatmap > threshold * heatmap.max()).numpy(), np.ones((3, 3)))
    rows, columns = np.nonzero(labels == np.bincount(labels.ravel())[1:].argmax() + 1)
    return torch.tensor([columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1])


# %% wrong="the background counts as a component" of="box_from_heatmap" loses=5 hint="this is the background"
def box_from_heatmap(heatmap, threshold):
    labels, _ = ndimage.label((heatmap > threshold * heatmap.max()).numpy(), np.ones((3, 3)))
    rows, columns = np.nonzero(labels == np.bincount(labels.ravel()).argmax())
    return torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


# %% wrong="the number is one too small" of="box_from_heatmap" loses=5 hint="the number one too small"
def box_from_heatmap(heatmap, threshold):
    labels, _ = ndimage.label((heatmap > threshold * heatmap.max()).numpy(), np.ones((3, 3)))
    rows, columns = np.nonzero(labels == np.bincount(labels.ravel())[1:].argmax())
    return torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


# %% wrong="at the threshold itself" of="box_from_heatmap" loses=2 hint="just at the threshold"
def box_from_heatmap(heatmap, threshold):
    labels, _ = ndimage.label((heatmap >= threshold * heatmap.max()).numpy(), np.ones((3, 3)))
    rows, columns = np.nonzero(labels == np.bincount(labels.ravel())[1:].argmax() + 1)
    return torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


# %% wrong="a share of the range" of="box_from_heatmap" loses=2 hint="share of the range"
def box_from_heatmap(heatmap, threshold):
    low, high = heatmap.min(), heatmap.max()
    labels, _ = ndimage.label(((heatmap - low) / (high - low) > threshold).numpy(), np.ones((3, 3)))
    rows, columns = np.nonzero(labels == np.bincount(labels.ravel())[1:].argmax() + 1)
    return torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


# %% wrong="absolute values" of="box_from_heatmap" loses=2 hint="absolute values are taken"
def box_from_heatmap(heatmap, threshold):
    heatmap = heatmap.abs()
    labels, _ = ndimage.label((heatmap > threshold * heatmap.max()).numpy(), np.ones((3, 3)))
    rows, columns = np.nonzero(labels == np.bincount(labels.ravel())[1:].argmax() + 1)
    return torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


# %% wrong="weak places erased" of="erase" loses=4 hint="the other way round"
def erase(features, map_a, delta):
    low, high = map_a.amin((1, 2), keepdim=True), map_a.amax((1, 2), keepdim=True)
    return features * ((map_a - low) / (high - low) >= delta)[:, None]


# %% wrong="the map is not scaled" of="erase" loses=4 hint="not scaled"
def erase(features, map_a, delta):
    return features * (map_a < delta)[:, None]


# %% wrong="divided by the largest value" of="erase" loses=4 hint="smallest value has to become 0"
def erase(features, map_a, delta):
    return features * (map_a / map_a.amax((1, 2), keepdim=True) < delta)[:, None]


# %% wrong="scaled over the batch" of="erase" loses=1 hint="whole batch"
def erase(features, map_a, delta):
    scaled = (map_a - map_a.min()) / (map_a.max() - map_a.min())
    return features * (scaled < delta)[:, None]


# %% wrong="only above delta" of="erase" loses=1 hint="at least, not above"
def erase(features, map_a, delta):
    low, high = map_a.amin((1, 2), keepdim=True), map_a.amax((1, 2), keepdim=True)
    return features * ((map_a - low) / (high - low) <= delta)[:, None]


# %% wrong="features fade" of="erase" loses=4 hint="features fade"
def erase(features, map_a, delta):
    low, high = map_a.amin((1, 2), keepdim=True), map_a.amax((1, 2), keepdim=True)
    return features * (1 - (map_a - low) / (high - low))[:, None]


# %% wrong="no axis for the channels" of="erase" loses=1 hint="axis of length 1"
def erase(features, map_a, delta):
    low, high = map_a.amin((1, 2), keepdim=True), map_a.amax((1, 2), keepdim=True)
    return features * ((map_a - low) / (high - low) < delta)


# %% wrong="the range is not the divisor" of="erase" loses=4 hint="not by largest minus smallest"
def erase(features, map_a, delta):
    low, high = map_a.amin((1, 2), keepdim=True), map_a.amax((1, 2), keepdim=True)
    return features * ((map_a - low) / high < delta)[:, None]


# %% wrong="each row on its own" of="erase" loses=3 hint="each row is scaled"
def erase(features, map_a, delta):
    low, high = map_a.amin(2, keepdim=True), map_a.amax(2, keepdim=True)
    return features * ((map_a - low) / (high - low) < delta)[:, None]


# %% wrong="changes the given features" of="erase" loses=1 hint="your function changed them"
def erase(features, map_a, delta):
    low, high = map_a.amin((1, 2), keepdim=True), map_a.amax((1, 2), keepdim=True)
    features *= ((map_a - low) / (high - low) < delta)[:, None]
    return features


# %% wrong="nothing erased" of="erase" loses=4 hint=""
def erase(features, map_a, delta):
    return features


# %% wrong="not scaled" of="fuse" loses=2 hint="not scaled"
def fuse(map_a, map_b):
    return torch.maximum(map_a, map_b)


# %% wrong="scaled after the maximum" of="fuse" loses=2 hint="scale each map before"
def fuse(map_a, map_b):
    fused = torch.maximum(map_a, map_b)
    low, high = fused.amin((1, 2), keepdim=True), fused.amax((1, 2), keepdim=True)
    return (fused - low) / (high - low)


# %% wrong="the mean" of="fuse" loses=2 hint="the mean of both maps"
def fuse(map_a, map_b):
    a, b = (
        (maps - maps.amin((1, 2), True)) / (maps.amax((1, 2), True) - maps.amin((1, 2), True))
        for maps in (map_a, map_b)
    )
    return (a + b) / 2


# %% wrong="the smaller value" of="fuse" loses=2 hint="agree on"
def fuse(map_a, map_b):
    a, b = (
        (maps - maps.amin((1, 2), True)) / (maps.amax((1, 2), True) - maps.amin((1, 2), True))
        for maps in (map_a, map_b)
    )
    return torch.minimum(a, b)


# %% wrong="scaled over the batch" of="fuse" loses=1 hint="whole batch"
def fuse(map_a, map_b):
    a, b = ((maps - maps.min()) / (maps.max() - maps.min()) for maps in (map_a, map_b))
    return torch.maximum(a, b)


# %% wrong="divided by the largest value" of="fuse" loses=2 hint="smallest have to become 0"
def fuse(map_a, map_b):
    return torch.maximum(map_a / map_a.amax((1, 2), True), map_b / map_b.amax((1, 2), True))


# %% wrong="each row on its own" of="fuse" loses=2 hint="each row is scaled"
def fuse(map_a, map_b):
    a, b = (
        (maps - maps.amin(2, keepdim=True)) / (maps.amax(2, keepdim=True) - maps.amin(2, keepdim=True))
        for maps in (map_a, map_b)
    )
    return torch.maximum(a, b)


# %% wrong="the best threshold of each map" of="answers" loses=2 hint=""
def each(maps, threshold):
    return localization.iou(localization.box_from_heatmap(maps, threshold), true).diag()


def best(maps):
    return float(torch.stack([each(maps, threshold) for threshold in thresholds]).amax(0).mean())


answer_fixed = float(each(fused, 0.2).mean() - each(maps_a, 0.2).mean())
answer_tuned = best(fused) - best(maps_a)


# %% wrong="IoU with the boxes of all images" of="answers" loses=4 hint=""
def mean_iou(maps, threshold):
    return float(localization.iou(localization.box_from_heatmap(maps, threshold), true).mean())


answer_fixed = mean_iou(fused, 0.2) - mean_iou(maps_a, 0.2)
answer_tuned = max(mean_iou(fused, one) for one in thresholds) - max(mean_iou(maps_a, one) for one in thresholds)

# %% wrong="a constant" of="answers" loses=4 hint=""
answer_fixed, answer_tuned = 0.1, 0.0
