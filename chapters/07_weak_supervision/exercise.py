# %% [markdown]
# # Exercise 7: Weak supervision
#
# Replace each `# YOUR CODE HERE` and the line below it, then run the check that follows: it names the mistake, if it knows it.
# Hand in this one file. Boxes are `x0, y0, x1, y1`: they cover the pixels from x0 up to, not including, x1, and likewise for y.

# %% tags=["setup"]
import numpy as np
import torch
from scipy import ndimage

from innerview import localization
from innerview.course import check

seed = 0  # the course's seed

# %% [markdown]
# ## 1. Warm-up: how well two boxes agree
#
# $$\mathrm{IoU} = \frac{\text{area of the intersection}}{\text{area of the union}}$$
#
# Compute it for pairs of boxes: the first of `boxes` with the first of `others`, and so on. The intersection of two boxes begins at
# the larger of the two beginnings and ends at the smaller of the two ends. Boxes that do not meet have an IoU of 0.


# %% solution="iou" kind="warm-up"
def iou(boxes, others):
    """Return the intersection over the union of each pair of boxes.

    boxes, others: (n, 4), corners x0, y0, x1, y1 with x0 < x1 and y0 < y1. Returns (n,), in [0, 1].
    """
    ### BEGIN SOLUTION
    begin = torch.maximum(boxes[:, :2], others[:, :2])
    end = torch.minimum(boxes[:, 2:], others[:, 2:])
    both = (end - begin).clamp(min=0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (others[:, 2:] - others[:, :2]).prod(1)
    return both / (areas - both)
    ### END SOLUTION


# %% check="pairs of boxes"
boxes = torch.tensor([[1.0, 1.0, 5.0, 5.0], [0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 6.0, 2.0]])
others = torch.tensor([[3.0, 1.0, 7.0, 5.0], [3.0, 4.0, 5.0, 6.0], [1.0, 0.0, 3.0, 2.0]])
check(
    iou(boxes, others),
    [1 / 3, 0, 1 / 3],
    {
        "the second pair does not meet, yet its sides multiply to something: two negative sides make a positive area; "
        "clamp each side at 0": [1 / 3, 1 / 3, 1 / 3],
        "it is divided by the sum of both areas, which counts the intersection twice": [1 / 4, 0, 1 / 4],
        "it is divided by the area of the smaller box; a small box inside a large one would then be perfect": [
            1 / 2,
            0,
            1,
        ],
        "it is divided by the area of the first box alone": [1 / 2, 0, 1 / 3],
        "one pixel too many a side: the ends x1 and y1 do not belong to the box": [15 / 35, 0, 9 / 21],
        "the area of a box is (x1 - x0) (y1 - y0), not x1 y1": [8 / 52, 0, 4 / 14],
        "it is twice the intersection over the sum of the areas (Dice), not the IoU": [1 / 2, 0, 1 / 2],
    },
    name="iou",
)

# %% test="iou-of-boxes-that-meet" points=2
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 1)
corner, side = torch.rand(20, 2, generator=random), 1 + torch.rand(20, 2, generator=random)
one = torch.cat([corner, corner + side], 1)
corner, side = torch.rand(20, 2, generator=random), 1 + torch.rand(20, 2, generator=random)
other = torch.cat([corner, corner + side], 1)
assert iou(one, other).shape == (20,)
assert torch.allclose(iou(one, other), localization.iou(one, other).diag(), atol=1e-5)
### END HIDDEN TESTS

# %% test="iou-of-boxes-that-do-not-meet" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 2)
corner = torch.rand(10, 2, generator=random)
one = torch.cat([corner, corner + 1], 1)
far = torch.tensor([[3.0, 3.0], [3.0, 0.0], [0.0, -4.0], [-5.0, -5.0], [-3.0, 4.0]]).repeat(2, 1).repeat(1, 2)
assert torch.allclose(iou(one, one + far), torch.zeros(10))
assert torch.allclose(iou(one, one), torch.ones(10))
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Core: a box from a heatmap
#
# Mark the pixels whose value is larger than `threshold` times the largest value of the map. They form components: pixels that touch
# at a side or at a corner belong together. Take the component of most pixels (of
# several, the one with the smallest number), and draw the smallest box that holds all of it.
#
# `ndimage.label(mask, np.ones((3, 3)))` numbers the components of a mask from 1 and returns the numbers, as an array of the mask's
# shape, and how many there are. The nine ones say that corners touch, too. `np.bincount` counts how often each number occurs.


# %% solution="box_from_heatmap" kind="core"
def box_from_heatmap(heatmap, threshold):
    """Return the box around the largest component above a share of the maximum.

    heatmap: (h, w), with some value above 0. threshold: in [0, 1). Returns (4,), whole numbers: x0, y0, x1, y1.
    """
    ### BEGIN SOLUTION
    mask = heatmap > threshold * heatmap.max()
    labels, _ = ndimage.label(mask.numpy(), np.ones((3, 3)))
    largest = np.bincount(labels.ravel())[1:].argmax() + 1
    rows, columns = np.nonzero(labels == largest)
    return torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    ### END SOLUTION


# %% check="one map with three components"
heatmap = torch.zeros(6, 10)
heatmap[0, 0], heatmap[5, 8] = 0.9, 4.0  # two single pixels, one of which is the largest value
heatmap[1:3, 2:5] = 1.0  # a block of six pixels
heatmap[3, 5:8] = 1.0  # three more, which touch the block at a corner
heatmap[4, 4] = 0.7  # below 20 % of the largest value
print(heatmap)
check(
    box_from_heatmap(heatmap, 0.2),
    [2, 1, 8, 4],
    {
        "the box holds everything above the threshold, not the largest component alone": [0, 0, 9, 6],
        "this is the background: it has the number 0; leave it out of the count": [0, 0, 10, 6],
        "it is the component that holds the highest value; take the one of most pixels": [8, 5, 9, 6],
        "it is the first component; take the one of most pixels (or is the number one too small? Components count from 1)": [
            0,
            0,
            1,
            1,
        ],
        "the threshold is taken as it is, or as a share of the mean; it is a share of the largest value": [2, 1, 8, 5],
        "x and y are exchanged: columns are x, rows are y": [1, 2, 4, 8],
        "x1 and y1 lie one past the last pixel; add 1": [2, 1, 7, 3],
        "pixels that touch at a corner belong together, too; give ndimage.label nine ones": [2, 1, 5, 3],
        "it is x, y, width and height; x1 and y1 are asked for": [2, 1, 6, 3],
    },
    name="box_from_heatmap",
)
signed = torch.full((5, 7), -3.0)
signed[1:3, 2:4], signed[1:3, 4], signed[3, 2:4] = 4.0, 2.0, 1.0
check(
    box_from_heatmap(signed, 0.5),
    [2, 1, 4, 3],
    {
        "a pixel that is just at the threshold is marked; it is to be larger": [2, 1, 5, 3],
        "the threshold is a share of the range from smallest to largest value; it is a share of the largest": [
            2,
            1,
            5,
            4,
        ],
        "absolute values are taken; negative pixels are not marked": [0, 0, 7, 5],
    },
    name="box_from_heatmap of a map with negative values",
)

# %% test="box-of-one-component" points=2
### BEGIN HIDDEN TESTS
random = np.random.default_rng(seed + 3)
for _ in range(10):
    (y0, x0), (down, across) = random.integers(0, 12, 2), random.integers(2, 8, 2)
    one = torch.from_numpy(0.05 * random.random((20, 24)))
    one[y0 : y0 + down, x0 : x0 + across] = torch.from_numpy(2 + random.random((down, across)))
    assert torch.as_tensor(box_from_heatmap(one, 0.4)).tolist() == [x0, y0, x0 + across, y0 + down]
### END HIDDEN TESTS

# %% test="box-of-the-largest-component" points=2
### BEGIN HIDDEN TESTS
random = np.random.default_rng(seed + 4)
for _ in range(10):
    one = 5 * torch.from_numpy(np.kron(random.random((5, 6)), np.ones((4, 3))) ** 2)
    expected = localization.box_from_heatmap(one[None], 0.3)[0]
    assert torch.as_tensor(box_from_heatmap(one, 0.3)).tolist() == expected.tolist()
high = torch.zeros(9, 12)
high[1, 10], high[4:7, 2 + seed % 3 : 7 + seed % 3] = 5.0, 3.0
assert torch.as_tensor(box_from_heatmap(high, 0.5)).tolist() == [2 + seed % 3, 4, 7 + seed % 3, 7]
signed = torch.full((9, 12), -3.0)
signed[3:5, 2 + seed % 3 : 6], signed[3:5, 6], signed[5, 4] = 4.0, 2.0, 1.0
assert torch.as_tensor(box_from_heatmap(signed, 0.5)).tolist() == [2 + seed % 3, 3, 6, 5]
### END HIDDEN TESTS

# %% test="box-of-pixels-that-touch-at-corners" points=1
### BEGIN HIDDEN TESTS
steps = 4 + seed % 3
stairs = torch.zeros(10, 11)
stairs[range(1, 1 + steps), range(2, 2 + steps)] = 1.0
stairs[8:10, 10] = 0.9
assert torch.as_tensor(box_from_heatmap(stairs, 0.5)).tolist() == [2, 1, 2 + steps, 1 + steps]
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Core: erase what classifier A saw
#
# Scale A's map of each image to [0, 1], by its own smallest and largest value: $(M - \min M) / (\max M - \min M)$. Set all channels of
# the features to zero at each position where the scaled map is at least $\delta$. Leave all other positions as they
# are. Return a new tensor, and do not change the features that you are given.


# %% solution="erase" kind="core"
def erase(features, map_a, delta):
    """Return the features that are left for classifier B.

    features: (b, k, h, w). map_a: (b, h, w), in logits, of any sign. delta: in (0, 1). Returns (b, k, h, w).
    """
    ### BEGIN SOLUTION
    low, high = map_a.amin((1, 2), keepdim=True), map_a.amax((1, 2), keepdim=True)
    scaled = (map_a - low) / (high - low)
    return features * (scaled < delta)[:, None]
    ### END SOLUTION


# %% check="two images of two channels"
features = torch.tensor([[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]], [[[1.0, 1.0, 1.0]], [[2.0, 2.0, 2.0]]]])
before = features.clone()
map_a = torch.tensor([[[-1.0, 1.2, 3.0]], [[8.0, 6.0, 18.0]]])  # scaled: 0, 0.55, 1 and 0.17, 0, 1
check(
    erase(features, map_a, 0.5),
    [[[[1, 0, 0]], [[4, 0, 0]]], [[[1, 1, 0]], [[2, 2, 0]]]],
    {
        "the strong places are kept and the weak ones erased; it is the other way round": [
            [[[0, 2, 3]], [[0, 5, 6]]],
            [[[0, 0, 1]], [[0, 0, 2]]],
        ],
        "the map is not scaled to [0, 1] before it is cut at delta": [
            [[[1, 0, 0]], [[4, 0, 0]]],
            [[[0, 0, 0]], [[0, 0, 0]]],
        ],
        "the map is divided by its largest value; its smallest value has to become 0, too": [
            [[[1, 2, 0]], [[4, 5, 0]]],
            [[[1, 1, 0]], [[2, 2, 0]]],
        ],
        "smallest and largest value are those of the whole batch; take each image's own": [
            [[[1, 2, 3]], [[4, 5, 6]]],
            [[[1, 1, 0]], [[2, 2, 0]]],
        ],
        "the features fade by one minus the scaled map; they shall be zero or stay as they are": [
            [[[1, 0.9, 0]], [[4, 2.25, 0]]],
            [[[5 / 6, 1, 0]], [[5 / 3, 2, 0]]],
        ],
        "that is the mask; multiply the features by it": [[[[1, 0, 0]], [[1, 0, 0]]], [[[1, 1, 0]], [[1, 1, 0]]]],
        "the mask (b, h, w) is spread over the wrong axis, so that image 1's falls on channel 1; give it an axis of "
        "length 1 for the channels": [[[[1, 0, 0]], [[4, 5, 0]]], [[[1, 0, 0]], [[2, 2, 0]]]],
    },
    name="erase",
)
check(
    torch.equal(features, before),
    True,
    {"your function changed them; make a new tensor": False},
    name="the features that were given to erase",
)
square = torch.tensor([[[4.0, 2.0], [4.8, 6.0]]])  # scaled: 0.5, 0 and 0.7, 1
check(
    erase(torch.ones(1, 1, 2, 2), square, 0.5),
    [[[[0, 1], [0, 0]]]],
    {
        "where the scaled map is just delta it is erased, too: at least, not above": [[[[1, 1], [0, 0]]]],
        "the map less its smallest value is divided by the largest value, not by largest minus smallest": [
            [[[1, 1], [1, 0]]]
        ],
        "each row is scaled on its own; take the smallest and largest value of the whole map": [[[[0, 1], [1, 0]]]],
    },
    name="erase at delta itself",
)

# %% test="erased-features" points=2
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 5)
hidden, seen = torch.randn(1, 4, 6, 7, generator=random), torch.randn(1, 6, 7, generator=random)
for delta in (0.3, 0.6, 0.8):
    kept = (seen - seen.min()) / (seen.max() - seen.min()) < delta
    assert torch.equal(torch.where(kept[:, None], hidden, 0.0), erase(hidden, seen, delta) + 0.0)
### END HIDDEN TESTS

# %% test="erased-by-each-images-own-map" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 6)
hidden, seen = torch.randn(3, 2, 5, 5, generator=random), torch.randn(3, 5, 5, generator=random)
seen = seen * torch.tensor([1.0, 50.0, 0.1])[:, None, None] + torch.tensor([0.0, -90.0, 40.0])[:, None, None]
heads = localization.AcolHeads(2, 2, width=1, delta=0.6)
assert torch.allclose(erase(hidden, seen, 0.6), heads.erased(hidden, seen))
### END HIDDEN TESTS

# %% test="erased-at-delta-itself" points=1
### BEGIN HIDDEN TESTS
ramp = (torch.arange(5.0)[None, None] + 8) * 2 ** (seed % 4)
ones = torch.ones(1, 3, 1, 5)
assert erase(ones, ramp, 0.5).tolist() == [3 * [[[1, 1, 0, 0, 0]]]]
assert torch.equal(ones, torch.ones(1, 3, 1, 5))
### END HIDDEN TESTS

# %% [markdown]
# ## 4. Core: put both maps together
#
# Scale the maps of A and of B to [0, 1], each image's map by its own smallest and largest value. At each position take the larger of
# both. No map here is the same everywhere.


# %% solution="fuse" kind="core"
def fuse(map_a, map_b):
    """Return the fused map. map_a, map_b: (b, h, w), of any sign. Returns (b, h, w), in [0, 1]."""
    ### BEGIN SOLUTION
    scaled = []
    for maps in (map_a, map_b):
        low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
        scaled.append((maps - low) / (high - low))
    return torch.maximum(*scaled)
    ### END SOLUTION


# %% check="two images"
map_a = torch.tensor([[[0.0, 1.0], [2.0, 4.0]], [[-1.0, -2.0], [1.0, 0.0]]])
map_b = torch.tensor([[[10.0, 30.0], [14.0, 18.0]], [[0.0, 1.0], [0.5, 0.0]]])
check(
    fuse(map_a, map_b),
    [[[0, 1], [0.5, 1]], [[1 / 3, 1], [1, 2 / 3]]],
    {
        "the maps are not scaled, so the one in larger units decides": [[[10, 30], [14, 18]], [[0, 1], [1, 0]]],
        "the maximum is taken first and scaled then; scale each map before": [[[0, 1], [0.2, 0.4]], [[0, 1], [1, 0]]],
        "it is the mean of both maps; take the larger value": [
            [[0, 0.625], [0.35, 0.7]],
            [[1 / 6, 0.5], [0.75, 1 / 3]],
        ],
        "it is the sum of both maps; take the larger value": [[[0, 1.25], [0.7, 1.4]], [[1 / 3, 1], [1.5, 2 / 3]]],
        "it is the smaller value of both, what A and B agree on; take the larger": [
            [[0, 0.25], [0.2, 0.4]],
            [[0, 0], [0.5, 0]],
        ],
        "it is the product of both maps; take the larger value": [[[0, 0.25], [0.1, 0.4]], [[0, 0], [0.5, 0]]],
        "smallest and largest value are those of the whole batch; take each image's own": [
            [[1 / 3, 1], [2 / 3, 1]],
            [[1 / 6, 1 / 30], [0.5, 1 / 3]],
        ],
        "the maps are divided by their largest values; their smallest have to become 0, too": [
            [[1 / 3, 1], [0.5, 1]],
            [[0, 1], [1, 0]],
        ],
        "each row is scaled on its own; take the smallest and largest value of the whole map": [
            [[0, 1], [0, 1]],
            [[1, 1], [1, 0]],
        ],
    },
    name="fuse",
)

# %% test="fused-map-of-one-image" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 7)
one, other = torch.randn(1, 6, 5, generator=random) * 3, torch.randn(1, 6, 5, generator=random) - 9
found = fuse(one, other)
assert torch.allclose(found, localization.BranchMaps(one, other).fused, atol=1e-5)
### END HIDDEN TESTS

# %% test="fused-maps-of-a-batch" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 8)
factor = torch.tensor([1.0, 20.0, 0.1, 5.0])[:, None, None]
one, other = (factor * torch.randn(4, 5, 7, generator=random) + factor for _ in "ab")
assert torch.allclose(fuse(one, other), localization.BranchMaps(one, other).fused, atol=1e-5)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Open: how much is won?
#
# Here are 30 objects with a head and a body, and maps as two classifiers might make them: A's is strong on the head and weak on the
# body, B's on the body and on something beside the object. No network made them; what you find holds for these maps alone. `true`
# are the boxes around head and body, `fused` the larger of both maps. All maps reach from 0 to 1.
#
# For a threshold, take the mean IoU of the boxes from all 30 maps with the true boxes. Answer two questions:
#
# - `answer_fixed`: both kinds of maps are cut at 0.2. By how much is the mean IoU of `fused` above that of A's maps?
# - `answer_tuned`: each kind is cut at the one of `thresholds` that is best for it, the same for all 30 maps. By how much is the
#   mean IoU of `fused` above that of A's maps now?
#
# A negative number says that A's maps are better. You may use your own functions, or `localization.box_from_heatmap`, which takes maps
# `(b, h, w)` and gives boxes `(b, 4)`, and `localization.iou`, which gives the IoU of each box with each other one, `(n, m)`.


# %%
def bump(center, width, side=40):
    """Return (b, side, side): a smooth hill around each center (b, 2), x and y; widths (b, 2)."""
    grid = torch.arange(side) + 0.5
    across, down = ((grid - center[:, i, None]) / width[:, i, None] for i in (0, 1))
    return torch.exp(-(across[:, None, :] ** 4) - down[:, :, None] ** 4)


def draw(low, high, *shape):
    """Return uniform random numbers between low and high."""
    return low + (high - low) * torch.rand(*shape, generator=random)


random = torch.Generator().manual_seed(seed + 9)
head, head_width = draw(8, 16, 30, 2), draw(3, 4.5, 30, 2)
body_width = draw(4, 8, 30, 2)
body = head + torch.stack([head_width[:, 0] + body_width[:, 0] - 1, draw(0, 5, 30)], 1)
beside, beside_width = torch.stack([draw(6, 34, 30), draw(33, 37, 30)], 1), draw(2, 5, 30, 2)
true = torch.cat(
    [torch.minimum(head - head_width, body - body_width), torch.maximum(head + head_width, body + body_width)], 1
)
strength = draw(0.1, 0.4, 30)[:, None, None]
maps_a = bump(head, head_width) + strength * bump(body, body_width) + draw(0, 0.2, 30, 40, 40)
maps_b = (
    bump(body, body_width) + draw(0.2, 0.9, 30)[:, None, None] * bump(beside, beside_width) + draw(0, 0.2, 30, 40, 40)
)
fused = localization.BranchMaps(maps_a, maps_b).fused
maps_a = localization.BranchMaps(maps_a).fused
thresholds = [step / 20 for step in range(1, 20)]


# %% solution="answers" kind="open"
### BEGIN SOLUTION
def mean_iou(maps, threshold):
    boxes = localization.box_from_heatmap(maps, threshold)
    return float(localization.iou(boxes, true).diag().mean())


answer_fixed = mean_iou(fused, 0.2) - mean_iou(maps_a, 0.2)
answer_tuned = max(mean_iou(fused, one) for one in thresholds) - max(mean_iou(maps_a, one) for one in thresholds)
### END SOLUTION

# %% check="two differences of mean IoU"
for name, answer in {"answer_fixed": answer_fixed, "answer_tuned": answer_tuned}.items():
    assert isinstance(answer, (int, float)) or answer.numel() == 1, f"{name} is one number"
    assert -1 < float(answer) < 1, f"{name} is a difference of two IoUs in [0, 1], not in %"
    print(name, "is possible")

# %% test="answer-at-a-fixed-threshold" points=2
### BEGIN HIDDEN TESTS
means = {}
for kind, maps in {"a": maps_a, "fused": fused}.items():
    for threshold in thresholds:
        found = localization.box_from_heatmap(maps, threshold)
        means[kind, threshold] = float(localization.iou(found, true).diag().mean())
assert abs(float(answer_fixed) - (means["fused", 0.2] - means["a", 0.2])) < 1e-3
### END HIDDEN TESTS

# %% test="answer-at-tuned-thresholds" points=2
### BEGIN HIDDEN TESTS
best = {kind: max(means[kind, threshold] for threshold in thresholds) for kind in ("a", "fused")}
assert abs(float(answer_tuned) - (best["fused"] - best["a"])) < 1e-3
### END HIDDEN TESTS
