# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 10: the activation atlas
#
# Replace each `# YOUR CODE HERE` and the line below it by your code, and run the check that follows. A check tells you what is
# probably wrong. Hand in this one file; hidden tests give the points.

# %% tags=["setup"]
import torch

import innerview as iv
from innerview.atlas import grid, whitening  # `grid`: for the tests
from innerview.core.images import square
from innerview.course import check
from innerview.replicate.photos import photo

seed = 0  # the course's seed

# %% [markdown]
# ## 1. Warm-up: random positions
#
# A layer of `rows` times `columns` positions is read at `count` of them. Rows and columns at the border, `edge` of them on each side, are
# left out: padding speaks along there. The positions are drawn at random, each as likely as any other, and none twice.
#
# Hint: number the positions inside, draw numbers with `torch.randperm(..., generator=draws)`, and turn them into rows and columns.


# %% solution="random_positions" kind="warm-up"
def random_positions(rows, columns, edge, count, draws):
    """Return different random positions inside the edges.

    draws: a torch.Generator. Returns (count, 2) whole numbers: row and column, counted from 0 in the whole layer.
    """
    ### BEGIN SOLUTION
    inside = columns - 2 * edge
    numbers = torch.randperm((rows - 2 * edge) * inside, generator=draws)[:count]
    return torch.stack([numbers // inside + edge, numbers % inside + edge], dim=1)
    ### END SOLUTION


# %% check="all positions of a small layer"
found = random_positions(4, 5, 1, 6, torch.Generator().manual_seed(3))
check(
    sorted(torch.as_tensor(found).tolist()),
    [[1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]],
    {
        "the edge at the left and at the top is to be added": [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]],
        "rows and columns are in the other order": [[1, 1], [1, 2], [2, 1], [2, 2], [3, 1], [3, 2]],
    },
    name="the six positions, sorted",
)

# %% test="inside-and-different" points=1
### BEGIN HIDDEN TESTS
for number in range(20):
    found = random_positions(7, 9, 2, 6, torch.Generator().manual_seed(seed + number))
    assert found.shape == (6, 2) and not found.is_floating_point()
    assert len({tuple(place) for place in found.tolist()}) == 6
    assert found[:, 0].min() >= 2 and found[:, 0].max() <= 4 and found[:, 1].min() >= 2 and found[:, 1].max() <= 6
### END HIDDEN TESTS

# %% test="random-and-everywhere" points=1
### BEGIN HIDDEN TESTS
draws = torch.Generator().manual_seed(seed + 30)
seen = torch.zeros(6, 8)
for _ in range(600):
    places = random_positions(6, 8, 1, 2, draws)
    seen[places[:, 0], places[:, 1]] += 1
inner = seen[1:-1, 1:-1]  # 24 positions, 50 times each on average
assert seen.sum() == 1200 and inner.sum() == 1200
assert inner.min() > 15 and inner.max() < 100
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Warm-up: what a cell adds to the classes
#
# Activation $h_i$ adds $h_i \cdot \partial y_c / \partial h_i$ to the logit of class $c$, to first order. The attribution of a cell
# with the members $i = 1, \dots, N$ is the mean:
#
# $$R_c = \frac{1}{N} \sum_i \sum_k h_{ik} \, \frac{\partial y_c}{\partial h_{ik}}$$


# %% solution="cell_attribution" kind="warm-up"
def cell_attribution(activations, gradients):
    """Return what a cell adds to each class.

    activations: (n, channels), of the cell's members. gradients: (n, classes, channels). Returns (classes,), in logits.
    """
    ### BEGIN SOLUTION
    return torch.einsum("nk,nck->nc", activations, gradients).mean(dim=0)
    ### END SOLUTION


# %% check="a cell of two members"
members = torch.tensor([[1.0, 2.0, 0.0], [3.0, 0.0, 1.0]])
slopes = torch.tensor([[[1.0, 1.0, 5.0], [0.0, -2.0, 1.0]], [[2.0, 7.0, -1.0], [1.0, 1.0, 1.0]]])
check(
    cell_attribution(members, slopes),
    [4.0, 0.0],
    {
        "it is the sum over the members; take their mean": [8.0, 0.0],
        "the mean activation is multiplied by the mean gradient; multiply first, then average": [8.0, 1.0],
        "the gradient alone is averaged; multiply it by the activations": [7.5, 1.0],
        "the channels are averaged; sum them": [4 / 3, 0.0],
        "negative parts are cut off; they count": [4.5, 2.0],
        "absolute values are taken; what speaks against a class counts as negative": [5.0, 4.0],
    },
    name="cell_attribution",
)

# %% test="attribution" points=2
### BEGIN HIDDEN TESTS
draws = torch.Generator().manual_seed(seed + 1)
members = torch.randn(7, 5, generator=draws, dtype=torch.float64)
slopes = torch.randn(7, 4, 5, generator=draws, dtype=torch.float64)
wanted = sum(slopes[i] @ members[i] for i in range(7)) / 7
assert cell_attribution(members, slopes).shape == (4,)
assert torch.allclose(cell_attribution(members, slopes), wanted)
assert torch.allclose(cell_attribution(members[:1], slopes[:1]), slopes[0] @ members[0])
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Core: cells
#
# Each activation $h_i$ has a place $(x_i, y_i)$ on the plane: $x$ to the right and $y$ *downwards*, both from 0 to 1, the 1 included. The plane is
# cut into $d \times d$ cells. Activation $i$ lies in the cell of
#
# $$\text{row} = \min(\lfloor d\, y_i \rfloor, d - 1) \qquad \text{column} = \min(\lfloor d\, x_i \rfloor, d - 1)$$
#
# A cell that holds `minimum` activations or more (`minimum` is at least 1) gets the mean of its activations. The others get zeros.


# %% solution="cell_means" kind="core"
def cell_means(layout, activations, density, minimum):
    """Return the mean activation of each cell.

    layout: (n, 2), x and y in [0, 1]. activations: (n, channels). density: cells along each side. minimum: at least 1.
    Returns (density, density, channels): rows from the top, columns from the left; zeros where there are too few.
    """
    ### BEGIN SOLUTION
    columns, rows = (layout * density).long().clamp(max=density - 1).unbind(1)
    means = torch.zeros(density, density, activations.shape[1], dtype=activations.dtype)
    for row in range(density):
        for column in range(density):
            inside = (rows == row) & (columns == column)
            if inside.sum() >= minimum:
                means[row, column] = activations[inside].mean(dim=0)
    return means
    ### END SOLUTION


# %% check="eight activations in four cells"
places = torch.tensor([[0.1, 0.1], [0.2, 0.4], [0.9, 0.2], [0.7, 0.6], [1.0, 1.0], [0.3, 0.6], [0.1, 0.9], [0.45, 0.8]])
numbers = torch.tensor([[1.0], [3.0], [50.0], [6.0], [10.0], [20.0], [30.0], [70.0]])
check(
    cell_means(places, numbers, density=2, minimum=2),
    [[[2.0], [0.0]], [[40.0], [8.0]]],
    {
        "x and y are exchanged: x says the column, y the row": [[[2.0], [40.0]], [[0.0], [8.0]]],
        "y points downwards: row 0 is where y is small": [[[40.0], [8.0]], [[2.0], [0.0]]],
        "the activations of a cell are summed; take their mean": [[[4.0], [0.0]], [[120.0], [16.0]]],
        "the sum is divided by the number of all activations, not of the cell's": [[[0.5], [0.0]], [[15.0], [2.0]]],
        "a cell with fewer activations than the minimum has to stay zero": [[[2.0], [50.0]], [[40.0], [8.0]]],
        "what lies at 1.0 is lost: it belongs to the last cell": [[[2.0], [0.0]], [[40.0], [0.0]]],
        "what lies at 1.0 was lost, and the minimum, too: both count": [[[2.0], [50.0]], [[40.0], [6.0]]],
        "a cell with exactly the minimum counts, too": [[[0.0], [0.0]], [[40.0], [0.0]]],
        "places are rounded to the nearest border; a cell begins at its left border: round down": [
            [[0.0], [0.0]],
            [[16.5], [26.5]],
        ],
        "x and y are multiplied by d - 1; multiply by d, and then take d - 1 where that is d": [
            [[180 / 7], [0.0]],
            [[0.0], [0.0]],
        ],
        "the largest activation of each cell is taken, not the mean": [[[3.0], [0.0]], [[70.0], [10.0]]],
    },
    name="cell_means",
)

# %% test="means" points=2
### BEGIN HIDDEN TESTS
draws = torch.Generator().manual_seed(seed + 2)
places = torch.rand(200, 2, generator=draws, dtype=torch.float64)
vectors = torch.randn(200, 3, generator=draws, dtype=torch.float64)
found = cell_means(places, vectors, 4, 1)
assert found.shape == (4, 4, 3)
for row, column in ((0, 0), (0, 3), (2, 1), (3, 2)):
    inside = [i for i, (x, y) in enumerate(places.tolist()) if column <= 4 * x < column + 1 and row <= 4 * y < row + 1]
    assert torch.allclose(found[row, column], vectors[inside].mean(0))
### END HIDDEN TESTS

# %% test="edges-and-minimum" points=2
### BEGIN HIDDEN TESTS
draws = torch.Generator().manual_seed(seed + 3)
places = torch.rand(60, 2, generator=draws, dtype=torch.float64)
places[:4], places[4] = 1, 0  # the borders are included
vectors = torch.randn(60, 2, generator=draws, dtype=torch.float64)
cells = grid(places, 5, minimum=3, clip=(0, 100))
wanted = torch.zeros(5, 5, 2, dtype=torch.float64)
wanted[cells.rows, cells.columns] = cells.mean(vectors)
assert len(cells) < 25  # some have too few
assert torch.allclose(cell_means(places, vectors, 5, 3), wanted)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. Core: whitened directions
#
# Channels that fire together, and strongly, would draw the same into every icon. So a cell's mean $v$ is **whitened**:
#
# $$S = \Big(\frac{1}{N} A^\top A + \lambda I\Big)^{-1} \qquad v \leftarrow S v$$
#
# $A$ has a row for each of $N$ activations. They are not centred. $\lambda$ keeps channels that never fire from having an infinite
# weight.


# %% solution="whitened_directions" kind="core"
def whitened_directions(activations, directions, ridge):
    """Return directions, whitened by what activations have in common.

    activations: (n, channels), the rows of A. directions: (m, channels), a v in each row. ridge: lambda.
    Returns (m, channels).
    """
    ### BEGIN SOLUTION
    moments = activations.T @ activations / len(activations)
    inverse = torch.linalg.inv(moments + ridge * torch.eye(len(moments), dtype=moments.dtype))
    return directions @ inverse
    ### END SOLUTION


# %% check="two channels that go together"
rows = torch.tensor([[2.0, 1.0], [1.0, 1.0], [0.0, 1.0], [1.0, 3.0]])  # their second moments are 1.5, 1.5 and 3
wanted = torch.tensor([[1.0, 0.0], [2.0, 4.0]])
check(
    whitened_directions(rows, wanted, 0.5),
    [[14 / 19, -6 / 19], [4 / 19, 20 / 19]],
    {
        "A transposed times A is to be divided by the number of activations": [
            [0.276243, -0.132597],
            [0.022099, 0.309392],
        ],
        "A transposed times A is divided by N - 1; divide by N": [[18 / 29, -8 / 29], [4 / 29, 24 / 29]],
        "the second moments are taken as they are, not about the mean: do not centre": [[1.0, 0.0], [2.0, 3.2]],
        "lambda is missing": [[4 / 3, -2 / 3], [0.0, 4 / 3]],
        "the matrix is not inverted": [[2.0, 1.5], [10.0, 17.0]],
        "it is the root of S: that whitens activations, S whitens directions": [
            [0.829937, -0.219195],
            [0.783095, 2.00458],
        ],
        "each number of the matrix is inverted on its own; take the inverse of the matrix": [
            [0.5, 1 / 1.5],
            [1 + 4 / 1.5, 2 / 1.5 + 4 / 3.5],
        ],
        "lambda is added to all numbers of the matrix; it belongs on the diagonal": [[7 / 6, -2 / 3], [-1 / 3, 4 / 3]],
        "only the diagonal is inverted: channels that go together are taken as if they did not": [
            [0.5, 0.0],
            [1.0, 4 / 3.5],
        ],
    },
    name="whitened_directions",
)

# %% test="whitened" points=3
### BEGIN HIDDEN TESTS
draws = torch.Generator().manual_seed(seed + 4)
mixed = torch.rand(50, 6, generator=draws, dtype=torch.float64) @ torch.rand(6, 6, generator=draws, dtype=torch.float64)
wanted = torch.randn(3, 6, generator=draws, dtype=torch.float64)
found = whitened_directions(mixed, wanted, 0.2)
back = found @ (sum(torch.outer(row, row) for row in mixed) / 50 + 0.2 * torch.eye(6, dtype=torch.float64))
assert torch.allclose(back, wanted, atol=1e-8)
### END HIDDEN TESTS

# %% test="as-in-the-library" points=1
### BEGIN HIDDEN TESTS
draws = torch.Generator().manual_seed(seed + 5)
sparse = torch.randn(40, 5, generator=draws).relu() * torch.tensor([1.0, 3.0, 0.5, 2.0, 0.0])  # one never fires
scale = float(sparse.square().sum() / sparse.numel())
found = whitened_directions(sparse, sparse[:4], 0.3 * scale)
assert torch.allclose(found, whitening(sparse, ridge=0.3).directions(sparse[:4]), rtol=1e-3, atol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Core: the objective of an icon
#
# An icon is an image that drives the layer along the direction $v$ of its cell. With $h_p$, the activations at position $p$, and
# $P$ positions the objective is
#
# $$\frac{1}{P} \sum_p\, (h_p \cdot v)\, \max\big(0.1, \cos(h_p, v)\big)^n \qquad \cos(h, v) = \frac{h \cdot v}{\|h\|\, \|v\|}$$
#
# Where $h_p$ is zero the term is zero, not NaN.


# %% solution="icon_objective" kind="core"
def icon_objective(maps, direction, power):
    """Return how far each image goes along a direction.

    maps: (b, channels, h, w). direction: (channels,). power: n. Returns (b,).
    """
    ### BEGIN SOLUTION
    dots = torch.einsum("bkij,k->bij", maps, direction)
    lengths = maps.norm(dim=1) * direction.norm()
    cosines = dots / lengths.clamp(min=1e-8)
    return (dots * cosines.clamp(min=0.1) ** power).mean(dim=(1, 2))
    ### END SOLUTION


# %% check="four positions by hand"
towards = torch.tensor([0.0, 2.0])
four = torch.tensor([[[[3.0, 4.0], [5.0, 3.0]], [[4.0, 3.0], [0.0, -4.0]]]])  # dot products 8, 6, 0, -8
black = torch.zeros(1, 2, 2, 2)
check(
    icon_objective(torch.cat([four, black]), towards, power=2),
    [1.8, 0.0],
    {
        "a cosine below 0.1 counts as 0.1, before the power": [0.54, 0.0],
        "a negative cosine counts as 0.1, not as 0": [1.82, 0.0],
        "the positions are summed; take their mean": [7.2, 0.0],
        "the power is n + 1: the dot product is there already, besides the cosine to the power of n": [1.346, 0.0],
        "the length of the direction is missing in the cosine": [7.26, 0.0],
        "the length of the activations is missing in the cosine": [45.48, 0.0],
        "the cosine is missing": [1.5, 0.0],
        "the dot product is missing: it is the cosine alone": [0.255, 0.01],
        "the positions are averaged first; each has a cosine of its own": [1.5 * 0.5625 / 14.625, 0.0],
        "the dot product is that with the direction brought to length 1": [0.9, 0.0],
    },
    name="icon_objective",
)

# %% test="objective" points=3
### BEGIN HIDDEN TESTS
draws = torch.Generator().manual_seed(seed + 6)
maps = torch.randn(3, 6, 4, 5, generator=draws, dtype=torch.float64)
towards = torch.randn(6, generator=draws, dtype=torch.float64)
for power in (1, 4):
    wanted = torch.zeros(3, dtype=torch.float64)
    for b in range(3):
        for place in maps[b].flatten(1).T:
            dot = place @ towards
            wanted[b] += dot * max(0.1, float(dot / place.norm() / towards.norm())) ** power / 20
    assert torch.allclose(icon_objective(maps, towards, power), wanted, rtol=1e-3, atol=1e-6)
### END HIDDEN TESTS

# %% test="nothing-is-nan" points=1
### BEGIN HIDDEN TESTS
draws = torch.Generator().manual_seed(seed + 7)
maps = torch.rand(2, 3, 2, 2, generator=draws) + 0.1
towards = torch.rand(3, generator=draws) + 0.1
halved = maps.clone()
halved[:, :, 0] = 0  # half of the positions see nothing
below = maps.clone()
below[:, :, 0] = maps[:, :, 1]
assert torch.allclose(icon_objective(halved, towards, 2), icon_objective(below, towards, 2) / 2, rtol=1e-3)
assert (icon_objective(halved, towards, 2) > 0).all()
### END HIDDEN TESTS

# %% [markdown]
# ## 6. Open: how much does the plane keep?
#
# An atlas lies on a plane, its activations in a space of hundreds of axes. Below are 160 activations of EfficientNet-Lite0 at random positions of four photographs:
# as they are (`plain`), and whitened (`white`). Lay them out by their principal axes: subtract the mean, and take the first two
# axes. Which share of all the variance do these two keep? With the singular values $\sigma_1 \geq \sigma_2 \geq \dots$ of the centred
# activations it is
#
# $$\frac{\sigma_1^2 + \sigma_2^2}{\sum_k \sigma_k^2}$$
#
# Set `answer_kept` to the two shares, first of `plain`, then of `white`. (And think: what does the distance of two icons on
# such a map tell you?)

# %%
names = ("chelsea", "coffee", "rocket", "astronaut")
photographs = torch.cat([square(photo(f"skimage/{name}"), 160) for name in names]).clamp(0, 1)
model = iv.load_model("efficientnet_lite0")
with torch.no_grad():
    maps = iv.activations(model, photographs, "blocks.4")["blocks.4"]
draws = torch.Generator().manual_seed(seed)
plain = torch.cat([one.flatten(1).T[torch.randperm(one[0].numel(), generator=draws)[:40]] for one in maps])
white = whitening(plain).activations(plain)
print("activations, channels:", tuple(plain.shape))

# %% solution="answer_kept" kind="open"
### BEGIN SOLUTION
answer_kept = []
for vectors in (plain, white):
    squares = torch.linalg.svdvals(vectors - vectors.mean(dim=0)).square()
    answer_kept.append(float(squares[:2].sum() / squares.sum()))
### END SOLUTION

# %% check="two shares"
check(
    [0 < float(share) < 1 for share in answer_kept],
    [True, True],
    {"a share of all the variance lies between 0 and 1; both do not": [False, False]},
    name="answer_kept",
)

# %% test="kept-plain" points=1
### BEGIN HIDDEN TESTS
spread = torch.linalg.eigvalsh(torch.cov(plain.double().T))
assert abs(float(answer_kept[0]) - float(spread[-2:].sum() / spread.sum())) < 3e-4
### END HIDDEN TESTS

# %% test="kept-white" points=1
### BEGIN HIDDEN TESTS
spread = torch.linalg.eigvalsh(torch.cov(white.double().T))
assert abs(float(answer_kept[1]) - float(spread[-2:].sum() / spread.sum())) < 3e-4
### END HIDDEN TESTS
