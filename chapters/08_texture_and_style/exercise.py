# %% [markdown]
# # Exercise 8: Texture and style
#
# Replace each `# YOUR CODE HERE` and the line below it, then run the check that follows: it names the mistake if there is one.
# Hand in this one file. Activations are `(b, c, h, w)`: images, channels, rows, columns.

# %% tags=["setup"]
import torch
from torch.nn.functional import interpolate

from innerview.course import check, small_network
from innerview.models import activations

seed = 0  # the course's seed

# %% [markdown]
# ## 1. Warm-up: the content loss
#
# The content of two images is compared position by position, in the activations $F$ and $P$ of one layer:
#
# $$L_{content} = \frac{1}{2} \sum_{ij} (F_{ij} - P_{ij})^2$$
#
# The sum runs over channels and positions. Each image of a batch has its own loss.


# %% solution="content_loss" kind="warm-up"
def content_loss(made, wanted):
    """Return the content loss of each image. made, wanted: (b, c, h, w). Returns (b,)."""
    ### BEGIN SOLUTION
    return (made - wanted).square().flatten(1).sum(1) / 2
    ### END SOLUTION


# %% check="two images"
made = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]]], [[[0.0, 0.0]], [[0.0, 2.0]]]])
wanted = torch.tensor([[[[0.0, 4.0]], [[0.0, 0.0]]], [[[0.0, 0.0]], [[4.0, 0.0]]]])
check(
    content_loss(made, wanted),
    [7.0, 10.0],
    {
        "one half is missing": [14.0, 20.0],
        "it is the mean of the squares; the equation has half of their sum": [3.5, 5.0],
        "it is half of the mean of the squares; the equation has half of their sum": [1.75, 2.5],
        "differences are added, not their squares": [3.0, 3.0],
    },
    name="content_loss",
)

# %% test="content-values" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 1)
one, other = (torch.randn(1, 3, 4, 5, generator=random) for _ in "ab")
assert torch.allclose(content_loss(one, other).sum(), 0.5 * ((one - other) ** 2).sum(), rtol=1e-4)
### END HIDDEN TESTS

# %% test="content-of-each-image" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 2)
one, other = (torch.randn(4, 2, 3, 3, generator=random) for _ in "ab")
assert content_loss(one, other).shape == (4,)
assert torch.allclose(content_loss(one, other), 0.5 * ((one - other) ** 2).sum((1, 2, 3)), rtol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Core: the Gram matrix
#
# Let $k$ run over all $M = h w$ positions of a layer. The Gram matrix correlates channel $i$ with channel $j$:
#
# $$G_{ij} = \frac{1}{M} \sum_k F_{ik} F_{jk}$$


# %% solution="gram_matrix" kind="core"
def gram_matrix(features):
    """Return the Gram matrix of each image. features: (b, c, h, w). Returns (b, c, c)."""
    ### BEGIN SOLUTION
    rows = features.flatten(2)
    return rows @ rows.transpose(1, 2) / rows.shape[2]
    ### END SOLUTION


# %% check="two channels at four positions"
features = torch.tensor([[[[1.0, 2.0], [3.0, 2.0]], [[0.0, 1.0], [-1.0, 4.0]]]])
check(
    gram_matrix(features),
    [[[4.5, 1.75], [1.75, 4.5]]],
    {
        "the batch has one matrix, are its images mixed? Each has a matrix of its own, (b, c, c)": [
            [4.5, 1.75],
            [1.75, 4.5],
        ],
        "the batch has one matrix, are its images mixed? Each has its own, (b, c, c), divided by positions alone": [
            [2.25, 0.875],
            [0.875, 2.25],
        ],
        "the sum is not divided by the number of positions": [[[18.0, 7.0], [7.0, 18.0]]],
        "it is divided by channels times positions; divide by the positions alone": [[[2.25, 0.875], [0.875, 2.25]]],
        "it is divided by the number of rows; divide by rows times columns": [[[9.0, 3.5], [3.5, 9.0]]],
        "the means of the channels are taken away; that is the covariance": [[[0.5, -0.25], [-0.25, 3.5]]],
        "each channel is scaled to length 1 first; these are cosines": [[[1.0, 7 / 18], [7 / 18, 1.0]]],
        "channels and positions are mixed: after moving the channels to the end, `reshape` cannot bring them back": [
            [[1.5, 2.75], [2.75, 7.5]]
        ],
        "each matrix of rows and columns is multiplied by itself and the products are averaged over the channels": [
            [[3.0, 5.5], [5.5, 15.0]]
        ],
    },
    name="gram_matrix of one image",
)
scales = torch.tensor([1.0, 2.0, -1.0])[:, None, None, None]
check(
    gram_matrix(scales * features),
    [[[4.5, 1.75], [1.75, 4.5]], [[18.0, 7.0], [7.0, 18.0]], [[4.5, 1.75], [1.75, 4.5]]],
    {
        "it is divided by the number of images, too; divide by the positions alone": [
            [[1.5, 7 / 12], [7 / 12, 1.5]],
            [[6.0, 7 / 3], [7 / 3, 6.0]],
            [[1.5, 7 / 12], [7 / 12, 1.5]],
        ],
        "the images are taken together; each has a matrix of its own": [[[9.0, 3.5], [3.5, 9.0]]],
    },
    name="gram_matrix of three images",
)

# %% test="gram-values" points=2
### BEGIN HIDDEN TESTS
hidden = torch.randn(1, 4, 3, 5, generator=torch.Generator().manual_seed(seed + 3))
expected = torch.tensor([[(hidden[0, i] * hidden[0, j]).mean() for j in range(4)] for i in range(4)])
assert torch.allclose(gram_matrix(hidden)[0], expected, atol=1e-5)
### END HIDDEN TESTS

# %% test="gram-of-each-image" points=1
### BEGIN HIDDEN TESTS
hidden = torch.randn(3, 2, 6, 4, generator=torch.Generator().manual_seed(seed + 4))
assert gram_matrix(hidden).shape == (3, 2, 2)
assert torch.allclose(gram_matrix(hidden), torch.einsum("bihw,bjhw->bij", hidden, hidden) / 24, atol=1e-5)
### END HIDDEN TESTS

# %% test="gram-forgets-positions" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 5)
hidden = 1 + torch.randn(1, 3, 4, 4, generator=random)
mixed = hidden.flatten(2)[..., torch.randperm(16, generator=random)].reshape(1, 3, 2, 8)
assert torch.allclose(gram_matrix(hidden), gram_matrix(mixed), atol=1e-5)
assert torch.allclose(gram_matrix(3 * hidden), 9 * gram_matrix(hidden), rtol=1e-4)
assert (gram_matrix(hidden) > 0).any()
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Core: the style loss
#
# In layer $l$ with $N_l$ channels, $G^l$ is the Gram matrix of the picture and $A^l$ that of the painting:
#
# $$E_l = \frac{1}{4 N_l^2} \sum_{ij} (G^l_{ij} - A^l_{ij})^2, \qquad L_{style} = \sum_l w_l E_l$$
#
# (Our Gram matrices are divided by the number of positions already; the paper divides here.)


# %% solution="style_loss" kind="core"
def style_loss(grams, targets, weights):
    """Return the style loss of each picture.

    grams: a list with G of each layer, (b, N, N), where N differs from layer to layer. targets: a list with A of each layer,
    (1, N, N). weights: a list of numbers w. Returns (b,).
    """
    ### BEGIN SOLUTION
    total = 0
    for made, target, weight in zip(grams, targets, weights, strict=True):
        total = total + weight * (made - target).square().sum((1, 2)) / (4 * made.shape[1] ** 2)
    return total
    ### END SOLUTION


# %% check="two layers, two pictures"
grams = [torch.tensor([[[4.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]), torch.tensor([[[6.0]], [[2.0]]])]
targets = [torch.tensor([[[0.0, 4.0], [4.0, 0.0]]]), torch.tensor([[[4.0]]])]
check(
    style_loss(grams, targets, [2.0, 3.0]),
    [9.0, 7.0],
    {
        "1/4 is missing": [36.0, 28.0],
        "it is divided by N; the equation has the square of N": [15.0, 11.0],
        "it is not divided by the square of N": [27.0, 19.0],
        "N is the number of channels, not of images": [6.75, 4.75],
        "the weights of the layers are not used": [4.0, 3.0],
        "the weights are scaled to sum to 1; the equation takes them as they are": [1.8, 1.4],
        "differences are taken without their sign, but not squared": [3.0, 2.5],
        "differences are added, not their squares": [1.0, -2.5],
        "the mean over the layers is taken; the equation has their sum": [4.5, 3.5],
        "only the last layer counts; add up the layers": [3.0, 3.0],
        "only the entries off the diagonal count; take all": [4.0, 4.0],
    },
    name="style_loss",
)

# %% test="style-of-one-layer" points=2
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 6)
one, other = torch.randn(1, 3, 3, generator=random), torch.randn(1, 3, 3, generator=random)
expected = sum(float(one[0, i, j] - other[0, i, j]) ** 2 for i in range(3) for j in range(3)) / 36
assert abs(float(style_loss([one], [other], [1.0]).sum()) - expected) < 1e-4 * expected
### END HIDDEN TESTS

# %% test="style-of-several-layers" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 7)
sizes, factors = (2, 5, 4), (0.5, 2.0, 7.0)
made, wanted = ([torch.randn(1, n, n, generator=random) for n in sizes] for _ in "ab")
expected = sum(w * ((g - a) ** 2).mean() / 4 for g, a, w in zip(made, wanted, factors, strict=True))
assert torch.allclose(style_loss(made, wanted, list(factors)).sum(), expected, rtol=1e-4)
### END HIDDEN TESTS

# %% test="style-of-each-picture" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 8)
made, wanted = torch.randn(3, 4, 4, generator=random), torch.randn(1, 4, 4, generator=random)
assert style_loss([made], [wanted], [1.0]).shape == (3,)
assert torch.allclose(style_loss([made], [wanted], [2.0]), ((made - wanted) ** 2).mean((1, 2)) / 2, rtol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. Core: total variation
#
# The prior that keeps neighbouring pixels alike, for each colour of each image:
#
# $$R = \sum_{i=1}^{h-1} \sum_{j=1}^{w-1} \big((x_{i,j+1} - x_{ij})^2 + (x_{i+1,j} - x_{ij})^2\big)^{\beta/2}$$
#
# The last row and the last column have no neighbour below or to the right, so no term of the sum begins at them. Add up the colours.


# %% solution="total_variation" kind="core"
def total_variation(images, beta):
    """Return the total variation of each image. images: (b, 3, h, w). beta: at least 1. Returns (b,)."""
    ### BEGIN SOLUTION
    here = images[..., :-1, :-1]
    squares = (images[..., :-1, 1:] - here).square() + (images[..., 1:, :-1] - here).square()
    return squares.pow(beta / 2).flatten(1).sum(1)
    ### END SOLUTION


# %% check="a red image of three by three"
images = torch.zeros(1, 3, 3, 3)
images[0, 0] = torch.tensor([[0.0, 3.0, 3.0], [4.0, 0.0, 0.0], [4.0, 12.0, 1.0]])
check(
    total_variation(images, 1),
    [24.0],
    {
        "each difference is raised alone; add both squares before the power": [26.0],
        "the power is beta; it is half of it": [194.0],
        "it is the mean; the equation has the sum": [2.0],
        "the mean over the colours is taken; add them up": [8.0],
        "the differences to the right lose the first row, not the last: both differences begin at the same pixel": [
            32.935677
        ],
        "the differences downwards lose the first column, not the last: both differences begin at the same pixel": [
            20.891750
        ],
        "the first row and the first column are left out of the differences, not the last": [33.467567],
        "the last row and column are neighbours of the first: `roll` goes around the image": [59.128237],
    },
    name="total_variation with beta = 1",
)
check(
    total_variation(images, 2),
    [194.0],
    {
        "the power is beta; it is half of it": [21698.0],
        "the last row and the last column count, too": [389.0],
        "the power is missing or does not depend on beta": [24.0],
    },
    name="total_variation with beta = 2",
)

# %% test="variation-with-beta-2" points=2
### BEGIN HIDDEN TESTS
hidden = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(seed + 9))
right, down = hidden[..., :-1, 1:] - hidden[..., :-1, :-1], hidden[..., 1:, :-1] - hidden[..., :-1, :-1]
assert torch.allclose(total_variation(hidden, 2).sum(), (right**2 + down**2).sum(), rtol=1e-4)
### END HIDDEN TESTS

# %% test="variation-with-other-beta" points=1
### BEGIN HIDDEN TESTS
for beta in (1, 1.5, 3):
    expected = ((right**2 + down**2) ** (beta / 2)).sum()
    assert torch.allclose(total_variation(hidden, beta).sum(), expected, rtol=1e-4)
### END HIDDEN TESTS

# %% test="variation-of-each-image" points=1
### BEGIN HIDDEN TESTS
several = torch.rand(4, 3, 4, 3, generator=torch.Generator().manual_seed(seed + 10))
several[2] = 0.5
found = total_variation(several, 2)
assert found.shape == (4,)
assert float(found[2]) == 0 and (found[[0, 1, 3]] > 0).all()
assert torch.allclose(total_variation(several + 1, 2), found, atol=1e-3)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Open: what a Gram matrix forgets
#
# Here are an image, the same image moved by eight pixels (what leaves it at the right comes in at the left), and the same image with all
# its pixels in another order. All three hold the same pixels. `activations(network, images, layer)[layer]` gives the activations.
#
# For the layer `relu2`, how far is the Gram matrix $G'$ of each changed image from $G$, that of the image? Measure by
#
# $$\frac{\|G' - G\|}{\|G\|}, \qquad \|G\| = \sqrt{\sum_{ij} G_{ij}^2}$$
#
# - `answer_moved`: for the moved image.
# - `answer_shuffled`: for the image in another order.

# %%
random = torch.Generator().manual_seed(seed + 11)
network = small_network(seed)
coarse = torch.rand(1, 3, 10, 10, generator=random, dtype=torch.float64)
image = interpolate(coarse, (32, 32), mode="bicubic").clamp(0, 1)
moved = image.roll(8, dims=3)
shuffled = image.flatten(2)[..., torch.randperm(32 * 32, generator=random)].reshape(image.shape)

# %% solution="answers" kind="open"
### BEGIN SOLUTION
gram, gram_moved, gram_shuffled = (
    gram_matrix(activations(network, one, "relu2")["relu2"]) for one in (image, moved, shuffled)
)
answer_moved = float((gram_moved - gram).norm() / gram.norm())
answer_shuffled = float((gram_shuffled - gram).norm() / gram.norm())
### END SOLUTION

# %% check="two relative distances"
for name, answer in {"answer_moved": answer_moved, "answer_shuffled": answer_shuffled}.items():
    assert isinstance(answer, (int, float)) or answer.numel() == 1, f"{name} is one number"
    assert float(answer) >= 0, f"{name} is a distance, so not negative"
    print(name, "is possible")

# %% test="answer-moved" points=2
### BEGIN HIDDEN TESTS
seen = activations(network, torch.cat([image, moved, shuffled]), "relu2")["relu2"]
true = torch.einsum("bihw,bjhw->bij", seen, seen)
distances = [float((one - true[0]).norm() / true[0].norm()) for one in true]
assert abs(float(answer_moved) - distances[1]) < 1e-3 * distances[1]
### END HIDDEN TESTS

# %% test="answer-shuffled" points=2
### BEGIN HIDDEN TESTS
assert abs(float(answer_shuffled) - distances[2]) < 1e-3 * distances[2]
### END HIDDEN TESTS
