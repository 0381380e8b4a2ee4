# %% [markdown]
# # Exercise 2: Saliency
#
# Replace each `# YOUR CODE HERE` and the line below it, and run the check that follows: it names the mistake, if it knows it.
# Hand in this one file. Hidden tests give the points.
#
# You ask a network in three ways which pixels matter: by a gradient, by a changed gradient, and by covering them.

# %% tags=["setup"]
import torch

import innerview as iv
from innerview.course import check, random_images, small_network  # the last two: for the tests
from innerview.evaluation import randomized, rank_correlation
from innerview.models import relu_gradient
from innerview.replicate.photos import photo

seed = 0  # the course's seed: an instructor may choose another

# %% [markdown]
# ## 1. Warm-up: one number a pixel, and covering a square
#
# A gradient at the pixels has three numbers for each of them, one for red, green and blue. The map of Simonyan et al. keeps the largest
# absolute value:
#
# $$M_{ij} = \max_c |g_{c,i,j}|$$


# %% solution="largest_color" kind="warm-up"
def largest_color(gradient):
    """Keep the largest absolute value over the colours.

    gradient: (b, 3, h, w). Returns (b, h, w).
    """
    ### BEGIN SOLUTION
    return gradient.abs().amax(1)
    ### END SOLUTION


# %% check="three pixels"
gradient = torch.tensor([[[[1.0, -3.0, 0.0]], [[-4.0, -2.0, 0.5]], [[2.0, -1.0, 1.0]]]])
check(
    largest_color(gradient),
    [[[4.0, 3.0, 1.0]]],
    {
        "the absolute value is forgotten: it comes before the maximum": [[[2.0, -1.0, 1.0]]],
        "the absolute value comes after the maximum; it belongs before it": [[[2.0, 1.0, 1.0]]],
        "the colours are added; the map keeps the largest": [[[7.0, 6.0, 1.5]]],
        "the mean over the colours is taken; the map keeps the largest": [[[7 / 3, 2.0, 0.5]]],
        "the colours are added with their signs": [[[-1.0, -6.0, 1.5]]],
    },
    name="largest_color",
)

# %% test="largest-color" points=2
### BEGIN HIDDEN TESTS
hidden = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(seed + 1))
red, green, blue = hidden.unbind(1)
assert torch.equal(largest_color(hidden), torch.maximum(torch.maximum(red.abs(), green.abs()), blue.abs()))
### END HIDDEN TESTS

# %% [markdown]
# To cover a square, set all three colours of its pixels to one value. The images that were given must stay as they are: return new ones.


# %% solution="covered" kind="warm-up"
def covered(images, top, left, side, value):
    """Return copies of images with one square covered.

    images: (b, 3, h, w). The square begins at row `top` and column `left`. Returns (b, 3, h, w).
    """
    ### BEGIN SOLUTION
    images = images.clone()
    images[:, :, top : top + side, left : left + side] = value
    return images
    ### END SOLUTION


# %% check="a grey square"
blank = torch.zeros(1, 3, 3, 4)
check(
    covered(blank, 0, 1, 2, 0.5),
    torch.tensor([[0.0, 0.5, 0.5, 0.0], [0.0, 0.5, 0.5, 0.0], [0.0] * 4]).expand(1, 3, 3, 4),
    {
        "row and column are exchanged": torch.tensor([[0.0] * 4, [0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0]]).expand(
            1, 3, 3, 4
        ),
        "it ends at row and column `side`; it ends `side` pixels behind its start": torch.tensor(
            [[0.0, 0.5, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0], [0.0] * 4]
        ).expand(1, 3, 3, 4),
        "the square is one pixel too large": torch.tensor([[0.0, 0.5, 0.5, 0.5]] * 3).expand(1, 3, 3, 4),
        "all but the square is covered": torch.tensor([[0.5, 0.0, 0.0, 0.5], [0.5, 0.0, 0.0, 0.5], [0.5] * 4]).expand(
            1, 3, 3, 4
        ),
    },
    name="covered",
)
check(
    bool(blank.any()),
    False,
    {"the image that was given is changed; change a copy (`clone`) and return that": True},
    name="covered leaves the image that was given",
)

# %% test="covered-square" points=1
### BEGIN HIDDEN TESTS
hidden = random_images(seed + 2, 2, (8, 10))
found = covered(hidden.clone(), 2, 5, 3, 0.25)
inside = torch.zeros(8, 10, dtype=torch.bool)
inside[2:5, 5:8] = True
assert (found[..., inside] == 0.25).all()
assert torch.equal(found[..., ~inside], hidden[..., ~inside])
### END HIDDEN TESTS

# %% test="covered-copies" points=1
### BEGIN HIDDEN TESTS
hidden = random_images(seed + 3, 1, 6)
before = hidden.clone()
assert (covered(hidden, 0, 0, 2, 0.75)[..., :2, :2] == 0.75).all()
assert torch.equal(hidden, before)
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Core: saliency, guided backpropagation, occlusion
#
# ### Saliency
#
# Let $S_t$ be the logit of class $t$: what the network puts out for it, before any softmax. The saliency map of an image is
#
# $$M_{ij} = \max_c \left| \frac{\partial S_t}{\partial x_{c,i,j}} \right|$$
#
# Each image has a class of its own. `torch.autograd.grad(score, pixels)` differentiates one number; the sum of the images' scores will do,
# since no image changes the score of another. Leave the images that were given as they are, without `requires_grad`.


# %% solution="saliency" kind="core"
def saliency(model, images, targets):
    """Return the saliency map of each image for its class.

    images: (b, 3, h, w). targets: (b,), class indices. Returns (b, h, w).
    """
    ### BEGIN SOLUTION
    pixels = images.detach().clone().requires_grad_()
    scores = model(pixels).gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), pixels)
    return gradient.abs().amax(1)
    ### END SOLUTION


# %% check="a network with one layer"
weights = torch.tensor(  # one row a class: the weights of four pixels for red, for green, for blue
    [[1.0, -2, 0, 3, -4, 1, 2, 0, 2, 1, -1, -1], [0, 1, 1, -1, 1, -1, -2, 2, -2, -1, 3, 1]], dtype=torch.float64
)
line = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2, bias=False)).double().requires_grad_(False)
line[1].weight.copy_(weights)
images = torch.tensor([0.5, 0.25], dtype=torch.float64)[:, None, None, None].expand(2, 3, 2, 2)
targets = torch.tensor([0, 1])
check(
    saliency(line, images, targets),
    [[[4, 2], [2, 3]], [[2, 1], [3, 2]]],
    {
        "the absolute value is forgotten, or it comes after the maximum": [[[2, 1], [2, 3]], [[1, 1], [3, 2]]],
        "the colours are added; the map keeps the largest": [[[7, 4], [3, 4]], [[3, 3], [6, 4]]],
        "the mean over the colours is taken; the map keeps the largest": [
            [[7 / 3, 4 / 3], [1, 4 / 3]], [[1, 1], [2, 4 / 3]],
        ],
        "the length over the colours is taken; the map keeps the largest": [
            [[4.5825757, 2.4494897], [2.2360680, 3.1622777]], [[2.2360680, 1.7320508], [3.7416574, 2.4494897]],
        ],
        "a probability or a loss is differentiated; the score is the logit, before the softmax": [
            [[1.25, 0.75], [1, 1]], [[1.25, 0.75], [1, 1]],
        ],
        "the logarithm of a probability is differentiated; the score is the logit, before the softmax": [
            [[2.5, 1.5], [2, 2]], [[2.5, 1.5], [2, 2]],
        ],
        "every image is asked for the classes of all; `logits[:, targets]` picks both columns in both rows": [
            [[3, 1], [2, 2]], [[3, 1], [2, 2]],
        ],
        "the largest logit is differentiated, that of the class that the network predicts; take that of the target": [
            [[1.5, 0.5], [1, 1]], [[1.5, 0.5], [1, 1]],
        ],
        "each image is asked for the class of the other": [[[2, 1], [3, 2]], [[4, 2], [2, 3]]],
        "every image is asked for one class (the first image's), or for the class that the network predicts; ask each for its own": [
            [[4, 2], [2, 3]], [[4, 2], [2, 3]],
        ],
        "the gradient is multiplied by the image": [[[2, 1], [1, 1.5]], [[0.5, 0.25], [0.75, 0.5]]],
    },
    name="saliency",
)  # fmt: skip
check(
    images.requires_grad,
    False,
    {"the images that were given require a gradient now; differentiate with respect to a copy": True},
    name="saliency leaves the images that were given",
)

# %% test="saliency-values" points=2
### BEGIN HIDDEN TESTS
classes = torch.tensor([4, 0, 2])
for number in range(3):
    model, hidden = small_network(seed + 4 + 100 * number), random_images(seed + 4, 3, (12, 16))
    found = saliency(model, hidden.clone(), classes)
    assert found.shape == (3, 12, 16)
    assert torch.allclose(found, iv.saliency(model, hidden, classes), atol=1e-9)
### END HIDDEN TESTS

# %% test="saliency-one-image" points=1
### BEGIN HIDDEN TESTS
for number in range(3):
    model, hidden = small_network(seed + 5 + 100 * number, classes=7), random_images(seed + 5, 1, 10)
    for one in (1, 6):
        found = saliency(model, hidden.clone(), torch.tensor([one]))
        assert torch.allclose(found, iv.saliency(model, hidden, one), atol=1e-9)
### END HIDDEN TESTS

# %% test="saliency-leaves-images" points=1
### BEGIN HIDDEN TESTS
model, hidden = small_network(seed + 6), random_images(seed + 6, 2, 8)
least = model(hidden).argmin(1)  # not the classes that the network predicts
assert torch.allclose(saliency(model, hidden, least), iv.saliency(model, hidden.clone(), least), atol=1e-9)
assert not hidden.requires_grad and hidden.grad is None
### END HIDDEN TESTS

# %% [markdown]
# ### Guided backpropagation
#
# A ReLU $y = \max(x, 0)$ gets a gradient $g$ from above and passes one down. The derivative passes $g$ where $x > 0$. Guided
# backpropagation asks for two things: the input was positive, **and** the gradient that arrives is positive.
#
# $$\text{guided}(g, x) = g \cdot 1[x > 0] \cdot 1[g > 0]$$


# %% solution="guided_relu" kind="core"
def guided_relu(gradient, source):
    """Return what a ReLU passes down under guided backpropagation.

    gradient: g, of any shape. source: x, the ReLU's input, of the same shape. Returns the same shape.
    """
    ### BEGIN SOLUTION
    return gradient * (source > 0) * (gradient > 0)
    ### END SOLUTION


# %% check="six numbers"
source = torch.tensor([-1.0, 2.0, 3.0, 0.0, -2.0, 5.0])
gradient = torch.tensor([4.0, -3.0, 2.0, 6.0, -1.0, 0.5])
check(
    guided_relu(gradient, source),
    [0.0, 0.0, 2.0, 0.0, 0.0, 0.5],
    {
        "this is the plain gradient: a negative gradient must stop, too": [0, -3, 2, 0, 0, 0.5],
        "this is the deconvnet's rule: where the input was not positive nothing may pass": [4, 0, 2, 6, 0, 0.5],
        "one of the two conditions is enough here; guided backpropagation asks for both": [4, -3, 2, 6, 0, 0.5],
        "an input of exactly 0 passes the gradient; x > 0 is asked for": [0, 0, 2, 6, 0, 0.5],
        "the gradient is multiplied by the input; the input only decides whether it passes": [0, 0, 6, 0, 0, 2.5],
        "a negative gradient passes with its sign turned; it must stop": [0, 3, 2, 0, 0, 0.5],
        "this is the input where both hold; what passes is the gradient": [0, 0, 3, 0, 0, 5],
        "this is 1 where both hold; what passes is the gradient": [0, 0, 1, 0, 0, 1],
        "the negative gradients pass, and the positive ones stop": [0, -3, 0, 0, 0, 0],
        "only the product g x is asked to be positive; it is so, too, where both are negative": [0, 0, 2, 0, -1, 0.5],
    },
    name="guided_relu",
)

# %% test="guided-values" points=2
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 7)
arriving, given = torch.randn(4, 6, 6, generator=random), torch.randn(4, 6, 6, generator=random)
expected = torch.where((arriving > 0) & (given > 0), arriving, torch.zeros(()))
assert torch.equal(guided_relu(arriving.clone(), given.clone()), expected)
### END HIDDEN TESTS

# %% test="guided-at-zero" points=1
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(seed + 8)
arriving = torch.rand(20, generator=random) + 0.1
assert torch.equal(guided_relu(arriving, torch.zeros(20)), torch.zeros(20))
assert torch.equal(guided_relu(arriving, torch.full((20,), 1e-6)), arriving)
### END HIDDEN TESTS

# %% [markdown]
# The next cell puts your rule into the ReLUs of a whole network, and takes the gradient at the pixels.


# %%
def guided_gradient(model, images, targets):
    """Differentiate the logits of the targets with your rule in every ReLU: (b, 3, h, w)."""
    with relu_gradient(model, lambda gradient, source, _ceiling: guided_relu(gradient, source)):
        return iv.input_gradient(model, images, targets)


# %% test="guided-in-a-network" points=1
### BEGIN HIDDEN TESTS
classes = torch.tensor([0, 3, 1, 4])
for number in range(4):
    model, hidden = small_network(seed + 9 + 100 * number), random_images(seed + 9, 4, 12)
    found = guided_gradient(model, hidden, classes).abs().amax(1)
    assert torch.allclose(found, iv.guided_backprop(model, hidden, classes), atol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
# ### Occlusion
#
# Lay squares of side $p$ beside one another over the image, cover one at a time, and see how far the logit falls:
#
# $$L_{ab} = S_t(x) - S_t(x \text{ with square } (a, b) \text{ covered})$$
#
# Square $(a, b)$ begins at row $p\,a$ and column $p\,b$. Height and width are multiples of $p$. Your `covered` may help.


# %% solution="occlusion" kind="core"
def occlusion(model, images, targets, side, value=0.5):
    """Return how far the logit of each image's class falls, for each square.

    images: (b, 3, h, w). targets: (b,). side: p, in pixels. value: what covers. Returns (b, h / p, w / p).
    """
    ### BEGIN SOLUTION
    rows, columns = images.shape[2] // side, images.shape[3] // side
    score = model(images).gather(1, targets[:, None])[:, 0]
    fall = score.new_zeros(len(images), rows, columns)
    for row in range(rows):
        for column in range(columns):
            altered = covered(images, row * side, column * side, side, value)
            fall[:, row, column] = score - model(altered).gather(1, targets[:, None])[:, 0]
    return fall
    ### END SOLUTION


# %% check="four squares of one pixel"
images = torch.tensor([1.0, 0.0, 0.5], dtype=torch.float64)[:, None, None].expand(2, 3, 2, 2)
check(
    occlusion(line, images, targets, 1),
    [[[2.5, -1.5], [-1, 1.5]], [[-0.5, 1], [1.5, -1.5]]],
    {
        "this is the rise of the score; the map shows its fall": [[[-2.5, 1.5], [1, -1.5]], [[0.5, -1], [-1.5, 1.5]]],
        "black covers the squares, not `value`": [[[2, -1.5], [-0.5, 2.5]], [[-1, 0.5], [2.5, -0.5]]],
        "this is the score of the covered image; the map shows how far it fell": [[[0, 4], [3.5, 1]], [[2, 0.5], [0, 3]]],
        "squares stay covered; does each begin from the original image?": [[[2.5, 1], [0, 1.5]], [[-0.5, 0.5], [2, 0.5]]],
        "only red is covered; a square has three colours": [[[0.5, -1], [0, 1.5]], [[0, 0.5], [0.5, -0.5]]],
        "the absolute value is taken; where the score rises the map is negative": [
            [[2.5, 1.5], [1, 1.5]], [[0.5, 1], [1.5, 1.5]],
        ],
        "a ReLU is applied; where the score rises the map is negative": [[[2.5, 0], [0, 1.5]], [[0, 1], [1.5, 0]]],
        "the fall of the probability is measured; the score is the logit": [
            [[0.6118557, -0.2396292], [-0.2396292, 0.6118557]],
            [[-0.6118557, 0.2396292], [0.2396292, -0.6118557]],
        ],
        "every image is asked for one class (the first image's), or for the class that the network predicts; ask each for its own": [
            [[2.5, -1.5], [-1, 1.5]], [[2.5, -1.5], [-1, 1.5]],
        ],
    },
    name="occlusion",
)  # fmt: skip
twice = torch.nn.Sequential(torch.nn.AvgPool2d(2), line)  # the same network for images of twice the height and width
check(
    occlusion(twice, images[..., :1, :1].expand(2, 3, 4, 4), targets, 2),
    [[[2.5, -1.5], [-1, 1.5]], [[-0.5, 1], [1.5, -1.5]]],
    {
        "square (a, b) begins at row a and column b; it begins at row p a and column p b": [
            [[2.5, 0.5], [0.75, 0.375]],
            [[-0.5, 0.25], [0.5, 0.125]],
        ]
    },
    name="occlusion by squares of two by two pixels",
)

# %% test="occlusion-values" points=2
### BEGIN HIDDEN TESTS
classes = torch.tensor([2, 1, 4])
for number in range(2):
    model, hidden = small_network(seed + 10 + 100 * number), random_images(seed + 10, 3, (12, 16))
    found = occlusion(model, hidden.clone(), classes, 4)
    assert found.shape == (3, 3, 4)
    assert torch.allclose(found, iv.occlusion(model, hidden, classes, patch=4, stride=4), atol=1e-9)
### END HIDDEN TESTS

# %% test="occlusion-value" points=1
### BEGIN HIDDEN TESTS
model, hidden = small_network(seed + 11), random_images(seed + 11, 1, (6, 4))
for shade in (0.0, 1.0):
    expected = iv.occlusion(model, hidden, 3, patch=2, stride=2, baseline=shade)
    assert torch.allclose(occlusion(model, hidden.clone(), torch.tensor([3]), 2, shade), expected, atol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Open: does the map know the network?
#
# `trained` is EfficientNet-Lite0. `forgetful` is the same network, but the weights of its last layer, which turns features into
# logits, are random: it knows no class any more. A map that explains why the network sees an Egyptian cat (class 285) should change.
#
# For `iv.saliency(model, image, 285)` and for `iv.guided_backprop(model, image, 285)`, compute the map of either network, and compare
# the two by `rank_correlation(map, other)` (1: the same order of pixels; 0: none in common). Put the two correlations into
# `answer_correlations`, saliency first, and do not round them. (And think, this is not graded: which of the methods passes?)

# %%
random = torch.Generator().manual_seed(seed + 12)
whole = photo("skimage/chelsea", 200)
top, left = (int(torch.randint(side - 127, (), generator=random)) for side in whole.shape[2:])
image = whole[..., top : top + 128, left : left + 128]
trained = iv.load_model("efficientnet_lite0")
_, forgetful = next(randomized(trained, ["fc"], seed=seed + 12))

# %% solution="answer_correlations" kind="open"
### BEGIN SOLUTION
answer_correlations = [
    float(rank_correlation(method(trained, image, 285), method(forgetful, image, 285)))
    for method in (iv.saliency, iv.guided_backprop)
]
### END SOLUTION

# %% check="type and range"
assert len(answer_correlations) == 2, "answer_correlations holds two numbers, of saliency and of guided backpropagation"
assert all(-1 <= float(one) <= 1 for one in answer_correlations), "a correlation lies between -1 and 1"
print("answer_correlations:", [round(float(one), 3) for one in answer_correlations])

# %% test="correlation-of-saliency" points=1
### BEGIN HIDDEN TESTS
first, second = (iv.input_gradient(model, image, 285).abs().amax(1) for model in (trained, forgetful))
assert abs(float(answer_correlations[0]) - float(rank_correlation(first, second))) < 2e-5
### END HIDDEN TESTS

# %% test="correlation-of-guided-backprop" points=2
### BEGIN HIDDEN TESTS
first, second = (iv.input_gradient(model, image, 285, "guided").abs().amax(1) for model in (trained, forgetful))
assert abs(float(answer_correlations[1]) - float(rank_correlation(first, second))) < 2e-5
### END HIDDEN TESTS
