# %% [markdown]
# # Exercise 1: What a network computes
#
# Replace each `# YOUR CODE HERE` and the line below it, and run the check that follows: it names the mistake, if it knows it.
# Hand in this one file. Hidden tests give the points.
#
# You compute what one layer puts out, how far it sees, and how alike the network finds two images.

# %% tags=["setup"]
from unittest import mock  # used by the tests

import torch
from torch.nn import functional as F

import innerview as iv
from innerview.course import check
from innerview.replicate.photos import photo

seed = 0  # the course's seed: an instructor may choose another

# %% [markdown]
# ## 1. Warm-up: sizes, ReLU and pooling
#
# A convolution or a pooling lays a window of side $k$ over a line of $n$ numbers, with $p$ zeros added at **each** end, and moves it
# by $s$ from place to place. The window must not stand over the end, so there are
#
# $$\Big\lfloor \frac{n + 2p - k}{s} \Big\rfloor + 1$$
#
# places, where $\lfloor\cdot\rfloor$ rounds down.


# %% solution="output_size" kind="warm-up"
def output_size(size, kernel, stride, padding):
    """Return how many places a window takes along one side, as an `int`.

    size: n, of the input. kernel: k. stride: s. padding: p, at each end.
    """
    ### BEGIN SOLUTION
    return (size + 2 * padding - kernel) // stride + 1
    ### END SOLUTION


# %% check="four sizes"
check(
    [output_size(8, 3, 2, 0), output_size(9, 3, 1, 1), output_size(224, 7, 2, 3), output_size(7, 3, 2, 0)],
    [3, 9, 112, 3],
    {
        "the first place is missing: after n + 2p - k pixels of moves there is one place more than there are moves": [
            2, 8, 111, 2,
        ],
        "the padding counts once, and it stands at both ends": [3, 8, 111, 3],
        "1 is added before the division; add it after rounding down": [3, 9, 112, 2],
        "it is rounded up; a window that does not fit entirely has no place": [4, 9, 113, 3],
        "it is rounded to the nearest number, and the formula rounds down": [3, 9, 113, 3],
        "it is not rounded down": [3.5, 9, 112.5, 3],
        "the kernel is not subtracted": [5, 12, 116, 4],
    },
    name="output_size",
)  # fmt: skip

# %% test="sizes-without-padding" points=1
### BEGIN HIDDEN TESTS
sizes = torch.randint(20, 60, (12,), generator=torch.Generator().manual_seed(seed + 1)).tolist()
for size in sizes:
    for kernel, stride in ((1, 1), (3, 1), (3, 2), (5, 3)):
        places = F.max_pool1d(torch.zeros(1, 1, size), kernel, stride).shape[-1]
        assert isinstance(output_size(size, kernel, stride, 0), int)
        assert output_size(size, kernel, stride, 0) == places
### END HIDDEN TESTS

# %% test="sizes-with-padding" points=1
### BEGIN HIDDEN TESTS
sizes = torch.randint(20, 60, (12,), generator=torch.Generator().manual_seed(seed + 2)).tolist()
for size in sizes:
    for kernel, stride, padding in ((3, 1, 1), (7, 2, 3), (5, 3, 2), (1, 2, 1)):
        places = F.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), None, stride, padding).shape[-1]
        assert output_size(size, kernel, stride, padding) == places
### END HIDDEN TESTS

# %% [markdown]
# A ReLU sets what is negative to zero. A pooling of side 2 and stride 2 then keeps the largest of each square of 2 x 2 positions. You may
# use any function of PyTorch here.


# %% solution="rectify_and_pool" kind="warm-up"
def rectify_and_pool(maps):
    """Apply a ReLU, then the maximum over squares of 2 x 2.

    maps: (b, c, h, w), h and w even. Returns (b, c, h / 2, w / 2).
    """
    ### BEGIN SOLUTION
    return F.max_pool2d(F.relu(maps), 2)
    ### END SOLUTION


# %% check="one map by hand"
maps = torch.tensor([[[[1.0, -2.0, -5.0, -1.0], [4.0, 0.0, -3.0, -2.0]]]])
check(
    rectify_and_pool(maps),
    [[[[4.0, 0.0]]]],
    {
        "the mean is taken, not the maximum": [[[[1.25, 0.0]]]],
        "the sum is taken, not the maximum": [[[[5.0, 0.0]]]],
        "the absolute value is taken; a ReLU makes negative values zero": [[[[4.0, 5.0]]]],
    },
    name="rectify_and_pool",
)

# %% test="rectified-and-pooled" points=2
### BEGIN HIDDEN TESTS
hidden = torch.randn(2, 3, 6, 8, generator=torch.Generator().manual_seed(seed + 3)) - 1
squares = hidden.reshape(2, 3, 3, 2, 4, 2).amax((3, 5))
assert torch.equal(rectify_and_pool(hidden), squares.clamp(min=0))
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Core: one layer, how far it sees, and likeness
#
# ### A convolution
#
# Filter $n$ has a weight for each channel $c$ and each place $(i, j)$ of its window. At position $(a, b)$ with stride $s$ it puts out
#
# $$y_{n,a,b} = \beta_n + \sum_c \sum_{i,j} w_{n,c,i,j}\; x_{c,\; s a + i,\; s b + j}$$
#
# with one bias $\beta_n$ a filter, no padding, and no ReLU. Write it without PyTorch's own convolutions: one test takes them away. Loops over
# positions are fine.


# %% solution="convolve" kind="core"
def convolve(image, weights, bias, stride=1):
    """Compute one convolution.

    image: (c, h, w). weights: (n, c, k, k). bias: (n,). Returns (n, h', w').
    """
    ### BEGIN SOLUTION
    kernel = weights.shape[-1]
    windows = image.unfold(1, kernel, stride).unfold(2, kernel, stride)
    return torch.einsum("nckl,cabkl->nab", weights, windows) + bias[:, None, None]
    ### END SOLUTION


# %% check="two filters over two channels"
image = torch.tensor(
    [
        [[1.0, 2.0, 0.0, 1.0], [0.0, 1.0, 3.0, 0.0], [2.0, 0.0, 1.0, 1.0]],
        [[0.0, 1.0, 1.0, 0.0], [2.0, 0.0, 1.0, 3.0], [1.0, 1.0, 0.0, 2.0]],
    ]
)
weights = torch.tensor(
    [[[[1.0, 0.0], [2.0, -1.0]], [[0.0, 1.0], [-1.0, 0.0]]], [[[0.0, 1.0], [-1.0, 0.0]], [[1.0, 1.0], [0.0, 2.0]]]]
)
bias = torch.tensor([1.0, -4.0])
check(
    convolve(image, weights, bias),
    [[[0, 3, 6], [4, 1, 8]], [[-1, -1, 1], [-1, 0, 3]]],
    {
        "the filter is turned upside down and mirrored; here w[i, j] meets x[a + i, b + j]": [
            [[6, 1, 4], [4, 7, -4]], [[-4, 0, 4], [3, -6, 1]],
        ],
        "the filter is transposed: are its rows laid along columns?": [
            [[6, -1, 4], [4, 7, 0]], [[-4, 0, 6], [2, -6, 2]],
        ],
        "the bias is missing": [[[-1, 2, 5], [3, 0, 7]], [[3, 3, 5], [3, 4, 7]]],
        "the bias is added once for each channel; it is added once for each filter": [
            [[1, 4, 7], [5, 2, 9]], [[-5, -5, -3], [-5, -4, -1]],
        ],
        "the bias is added once for each weight; it is added once for each filter": [
            [[7, 10, 13], [11, 8, 15]], [[-29, -29, -27], [-29, -28, -25]],
        ],
        "only the first channel is read; the sum runs over all channels": [
            [[1, 2, 7], [5, 1, 5]], [[-2, -5, -6], [-5, -1, -5]],
        ],
        "the mean over channels is taken, not the sum": [
            [[0.5, 2.0, 3.5], [2.5, 1.0, 4.5]], [[-2.5, -2.5, -1.5], [-2.5, -2.0, -0.5]],
        ],
        "the mean over all weights is taken, not the sum": [
            [[0.875, 1.25, 1.625], [1.375, 1.0, 1.875]], [[-3.625, -3.625, -3.375], [-3.625, -3.5, -3.125]],
        ],
        "a ReLU is applied; here the sum itself is asked for": [[[0, 3, 6], [4, 1, 8]], [[0, 0, 1], [0, 0, 3]]],
    },
    name="convolve",
)  # fmt: skip
check(
    convolve(image, weights, bias, stride=2),
    [[[0, 6]], [[-1, 1]]],
    {"the stride does not move the window: at (a, b) it begins at row s a and column s b": [[[0, 3]], [[-1, -1]]]},
    name="convolve with stride 2",
)

# %% test="shape-and-values" points=2
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 4)
hidden, kernels = torch.randn(3, 9, 11, generator=random), torch.randn(5, 3, 3, 3, generator=random)
shift = torch.randn(5, generator=random)
assert convolve(hidden, kernels, shift).shape == (5, 7, 9)
assert torch.allclose(convolve(hidden, kernels, shift), F.conv2d(hidden[None], kernels, shift)[0], atol=1e-4)
### END HIDDEN TESTS

# %% test="stride" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 5)
hidden, kernels = torch.randn(2, 12, 11, generator=random), torch.randn(4, 2, 5, 5, generator=random)
shift = torch.randn(4, generator=random)
for stride in (2, 3):
    expected = F.conv2d(hidden[None], kernels, shift, stride)[0]
    assert convolve(hidden, kernels, shift, stride).shape == expected.shape
    assert torch.allclose(convolve(hidden, kernels, shift, stride), expected, atol=1e-4)
### END HIDDEN TESTS

# %% test="by-your-own-sum" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 6)
hidden, kernels = torch.randn(2, 8, 8, generator=random), torch.randn(1, 2, 3, 3, generator=random)
expected = F.conv2d(hidden[None], kernels)[0]
none = mock.Mock(side_effect=AssertionError("write the sum yourself"))
with mock.patch.object(F, "conv2d", none), mock.patch.object(torch, "conv2d", none):
    assert torch.allclose(convolve(hidden, kernels, torch.zeros(1)), expected, atol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ### How far a unit sees
#
# The receptive field of a unit is the square of pixels that it depends on. Let $r$ be its side and $j$ the step, in pixels, from one
# unit's field to its neighbour's. A pixel has $r = 1$ and $j = 1$. From the image upwards, each layer with kernel $k$ and stride $s$ changes
# them, in this order:
#
# $$r \leftarrow r + (k - 1)\, j, \qquad j \leftarrow j\, s$$


# %% solution="receptive_field" kind="core"
def receptive_field(layers):
    """Return side and step of the receptive field, (r, j), in pixels.

    layers: a list of (kernel, stride), the layer next to the image first.
    """
    ### BEGIN SOLUTION
    side, step = 1, 1
    for kernel, stride in layers:
        side, step = side + (kernel - 1) * step, step * stride
    return side, step
    ### END SOLUTION


# %% check="three layers"
check(
    receptive_field([(7, 2), (3, 2), (2, 2)]),
    [15, 8],
    {
        "the step is changed before the side; a layer's own stride sets its units apart, not its inputs": [29, 8],
        "a kernel of k adds k - 1 steps, not k": [22, 8],
        "the steps of the layers below are left out": [10, 8],
        "k - 1 is multiplied by the layer's own stride, not by the step j": [19, 8],
        "the strides are added; they multiply": [18, 7],
        "it begins at 0; a pixel sees itself, so its side is 1": [14, 8],
        "the layers run in the reverse order": [30, 8],
        "only the stride of one layer counts; the step is the product of all strides so far": [13, 2],
        "the kernels are multiplied": [42, 8],
    },
    name="receptive_field",
)

# %% test="stacks-of-layers" points=2
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 7)
for _ in range(5):
    kernels = torch.randint(2, 6, (4,), generator=random).tolist()
    strides = torch.randint(1, 4, (4,), generator=random).tolist()
    side = 1 + sum((kernels[i] - 1) * torch.tensor(strides[:i]).prod().item() for i in range(4))
    found = receptive_field(list(zip(kernels, strides, strict=True)))
    assert tuple(found) == (side, torch.tensor(strides).prod().item())
### END HIDDEN TESTS

# %% test="as-a-gradient-measures-it" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 8)
stack = [(int(torch.randint(3, 6, (), generator=random)), 2), (2, 1), (2, 2)]
line = torch.zeros(1, 1, 200, requires_grad=True)
top = line
for kernel, stride in stack:
    top = F.conv1d(top, torch.ones(1, 1, kernel), None, stride)
first, second = (torch.autograd.grad(top[0, 0, i], line, retain_graph=True)[0][0, 0].nonzero()[:, 0] for i in (5, 6))
assert tuple(receptive_field(stack)) == (len(first), int(second[0] - first[0]))
assert tuple(receptive_field([])) == (1, 1)
### END HIDDEN TESTS

# %% [markdown]
# ### Likeness in feature space
#
# The features of an image are a vector $f$. Two images are alike to the network if their vectors point the same way, however long they are:
#
# $$\cos(f, g) = \frac{f \cdot g}{\|f\|\, \|g\|}, \qquad \|f\| = \sqrt{\textstyle\sum_k f_k^2}$$
#
# After a ReLU a vector may be all zeros. It points nowhere: let its similarity to everything be 0.


# %% solution="cosine_similarity" kind="core"
def cosine_similarity(features, others):
    """Compare each vector with each of the others.

    features: (n, d). others: (m, d). Returns (n, m), in [-1, 1].
    """
    ### BEGIN SOLUTION
    features, others = (rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-12) for rows in (features, others))
    return features @ others.T
    ### END SOLUTION


# %% check="two vectors against three"
features = torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 2.0]])
others = torch.tensor([[4.0, 3.0, 0.0], [0.0, -1.0, 0.0], [1.0, 2.0, 2.0]])
check(
    cosine_similarity(features, others),
    [[0.96, -0.8, 11 / 15], [0.0, 0.0, 2 / 3]],
    {
        "the vectors are not divided by their lengths": [[24, -4, 11], [0, 0, 4]],
        "the others are not divided by their lengths": [[4.8, -0.8, 2.2], [0, 0, 2]],
        "the features are not divided by their lengths": [[4.8, -4.0, 11 / 3], [0, 0, 4 / 3]],
        "it is divided by the squared lengths; is a square root forgotten?": [
            [0.0384, -0.16, 11 / 225], [0, 0, 1 / 9],
        ],
        "the length is the root of the sum of squares, not the sum of absolute values": [
            [24 / 49, -4 / 7, 11 / 35], [0, 0, 0.4],
        ],
        "this is the distance, 1 minus the similarity": [[0.04, 1.8, 4 / 15], [1, 1, 1 / 3]],
        "this is the Euclidean distance": [
            [1.4142136, 5.8309519, 3.4641016], [5.3851648, 2.2360680, 2.2360680],
        ],
        "each dimension is divided by its length over the images; divide each image's vector": [
            [1.7719262, -0.2672612, 0.7770581], [0, 0, 1],
        ],
        "the mean is taken away first: this is the correlation": [
            [0.8846153, -0.6933752, -0.2773501], [-0.9707253, 0.5, 0.5],
        ],
    },
    name="cosine_similarity",
)  # fmt: skip
check(cosine_similarity(torch.zeros(1, 3), others), [[0.0, 0.0, 0.0]], name="cosine_similarity of a vector of zeros")

# %% test="similarities" points=2
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 9)
hidden, queries = torch.randn(6, 20, generator=random) + 0.3, 5 * torch.randn(4, 20, generator=random)
expected = F.cosine_similarity(hidden[:, None], queries[None], dim=2)
assert cosine_similarity(hidden, queries).shape == (6, 4)
assert torch.allclose(cosine_similarity(hidden, queries), expected, atol=1e-5)
### END HIDDEN TESTS

# %% test="a-vector-of-zeros" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 10)
hidden = torch.randn(3, 7, generator=random)
hidden[1] = 0
found = cosine_similarity(hidden, hidden)
assert torch.equal(found[1], torch.zeros(3)) and torch.equal(found[:, 1], torch.zeros(3))
assert torch.allclose(found.diagonal(), torch.tensor([1.0, 0.0, 1.0]), atol=1e-5)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Open: where does the network tell photographs apart?
#
# Below are 16 crops, four from each of four photographs. `features` holds, for each of three layers of EfficientNet-Lite0 from the image
# up, one vector a crop: the layer's activations, averaged over its positions.
#
# In which layer do crops of one photograph stand out as alike? Compute for each layer the **gap**
#
# $$\text{mean of } \cos(f, g) \text{ over pairs from one photograph} \;-\; \text{mean over pairs from two photographs}.$$
#
# A crop and itself are no pair. Put the three gaps into `answer_gaps`, in the order of `layers`, and do not round them. Then look at them: is the last layer the
# one with the largest gap?

# %%
layers = ["relu0", "blocks.4", "pool"]
random = torch.Generator().manual_seed(seed + 11)
crops = []
for name in ("astronaut", "chelsea", "coffee", "rocket"):
    whole = photo(f"skimage/{name}", 160)
    for _ in range(4):
        top, left = (int(torch.randint(side - 63, (), generator=random)) for side in whole.shape[2:])
        crops.append(whole[..., top : top + 64, left : left + 64])
crops = torch.cat(crops)
origin = torch.arange(16) // 4  # the photograph of each crop
with torch.no_grad():
    maps = iv.activations(iv.load_model("efficientnet_lite0"), crops, layers)
features = {name: maps[name].mean((2, 3)) for name in layers}

# %% solution="answer_gaps" kind="open"
### BEGIN SOLUTION
same = origin[:, None] == origin
pairs = ~torch.eye(16, dtype=torch.bool)
answer_gaps = []
for name in layers:
    likeness = cosine_similarity(features[name], features[name])
    answer_gaps.append(float(likeness[same & pairs].mean() - likeness[~same].mean()))
### END SOLUTION

# %% check="type and range"
assert len(answer_gaps) == 3, "answer_gaps holds one number for each of the three layers"
assert all(-2 <= float(gap) <= 2 for gap in answer_gaps), "a gap of two cosines lies between -2 and 2"
print("answer_gaps:", [round(float(gap), 3) for gap in answer_gaps])

# %% test="gap-of-the-first-layer" points=1
### BEGIN HIDDEN TESTS
likeness = F.cosine_similarity(features["relu0"][:, None], features["relu0"][None], dim=2)
one = [likeness[a, b].item() for a in range(16) for b in range(16) if a != b and a // 4 == b // 4]
two = [likeness[a, b].item() for a in range(16) for b in range(16) if a // 4 != b // 4]
assert abs(float(answer_gaps[0]) - (sum(one) / len(one) - sum(two) / len(two))) < 2e-4
### END HIDDEN TESTS

# %% test="gaps-of-the-upper-layers" points=2
### BEGIN HIDDEN TESTS
for place in (1, 2):
    vectors = features[layers[place]]
    likeness = F.cosine_similarity(vectors[:, None], vectors[None], dim=2)
    one = [likeness[a, b].item() for a in range(16) for b in range(16) if a != b and a // 4 == b // 4]
    two = [likeness[a, b].item() for a in range(16) for b in range(16) if a // 4 != b // 4]
    assert abs(float(answer_gaps[place]) - (sum(one) / len(one) - sum(two) / len(two))) < 1e-3
### END HIDDEN TESTS
