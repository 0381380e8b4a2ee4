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
# # Exercise 6: CAM and Grad-CAM
#
# Write your code where it says `# YOUR CODE HERE` (delete the line below it, too), then run the check below. If a check fails, it
# says what kind of mistake makes such a result. Hand in this one file. Use PyTorch; do not call `iv.cam`, `iv.grad_cam` or their
# relatives. Letters keep their meaning throughout: maps are `(b, k, h, w)`, for $b$ images, $k$ channels and $h \times w$
# positions.

# %% tags=["setup"]
from collections import OrderedDict

import torch
from torch.nn import functional as F

import innerview as iv
from innerview.course import check, random_images, small_network
from innerview.replicate.photos import photo

seed = 0  # the course's seed

# %% [markdown]
# ## 1. Warm-up: from maps to logits, and from gradients to weights
#
# Many networks end in the same way. They take the mean of each map over all $Z = h w$ positions (global average pooling, GAP), and
# put a linear layer on the $k$ means:
#
# $$y^c = \sum_k w^c_k \, \frac{1}{Z} \sum_{ij} A^k_{ij} + b^c$$
#
# Write this head.


# %% solution="gap_logits" kind="warm-up"
def gap_logits(maps, weights, bias):
    """Return the logits of a network that ends in global average pooling and a linear layer.

    maps: (b, k, h, w). weights: (classes, k). bias: (classes,). Returns (b, classes).
    """
    ### BEGIN SOLUTION
    return maps.mean(dim=(-2, -1)) @ weights.T + bias
    ### END SOLUTION


# %% check="two maps, two classes"
maps = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[0.0, 4.0], [0.0, 0.0]]]])
check(
    gap_logits(maps, torch.tensor([[2.0, 1.0], [3.0, -1.0]]), torch.tensor([0.5, 0.0])),
    [[7.5, 8.0]],
    {
        "the bias is missing": [[7.0, 8.0]],
        "the maps are summed over the positions; GAP takes their mean": [[28.5, 32.0]],
        "each map's largest value is taken; GAP takes the mean": [[16.5, 14.0]],
        "the axes of the weights are exchanged; row c of them belongs to class c": [[9.5, 2.0]],
    },
    name="gap_logits",
)

# %% test="gap-logits" points=2
### BEGIN HIDDEN TESTS
made = torch.Generator().manual_seed(seed + 1)
hidden_maps, hidden_weights = torch.randn(3, 5, 4, 6, generator=made), torch.randn(7, 5, generator=made)
hidden_bias = torch.randn(7, generator=made)
hidden = gap_logits(hidden_maps, hidden_weights, hidden_bias)
assert hidden.shape == (3, 7)
assert torch.allclose(hidden, F.linear(hidden_maps.flatten(2).sum(2) / 24, hidden_weights, hidden_bias), atol=1e-5)
### END HIDDEN TESTS

# %% [markdown]
# Grad-CAM works for other heads, too. It needs one weight for each channel, and takes the mean of the gradient over all positions
# (Eq. 1 of the Grad-CAM paper):
#
# $$\alpha^c_k = \frac{1}{Z} \sum_{ij} \frac{\partial y^c}{\partial A^k_{ij}}$$


# %% solution="channel_weights" kind="warm-up"
def channel_weights(gradient):
    """Return the weight of each channel of each image.

    gradient: (b, k, h, w), of each image's score with respect to the maps. Returns (b, k).
    """
    ### BEGIN SOLUTION
    return gradient.mean(dim=(-2, -1))
    ### END SOLUTION


# %% check="the weights of two channels"
gradient = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[-1.0, 0.0], [0.0, -3.0]]]])
check(
    channel_weights(gradient),
    [[3.0, -1.0]],
    {
        "the gradient is summed; Eq. 1 takes its mean over the Z positions": [[12.0, -4.0]],
        "a ReLU is applied, but Eq. 1 has none: a weight may be negative": [[3.0, 0.0]],
        "absolute values are taken, but Eq. 1 takes none: a weight may be negative": [[3.0, 1.0]],
        "the largest gradient is taken; Eq. 1 takes the mean": [[6.0, 0.0]],
    },
    name="channel_weights",
)

# %% test="channel-weights" points=2
### BEGIN HIDDEN TESTS
hidden_gradient = torch.randn(3, 5, 4, 6, generator=torch.Generator().manual_seed(seed + 2))
assert channel_weights(hidden_gradient).shape == (3, 5)
assert torch.allclose(channel_weights(hidden_gradient), hidden_gradient.flatten(2).sum(2) / 24, atol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Core: CAM and Grad-CAM
#
# **CAM.** In the head above, the sum over channels and the mean over positions can change places. What then stands inside the mean
# (without $1/Z$) is a map of the class (Eq. 2 of the CAM paper):
#
# $$M^c_{ij} = \sum_k w^c_k A^k_{ij}$$
#
# It is signed: where it is negative, the position speaks against the class. Each image of the batch has a target class of its own.


# %% solution="class_activation_map" kind="core"
def class_activation_map(maps, weights, targets):
    """Return each image's class activation map for its own target class.

    maps: (b, k, h, w). weights: (classes, k), of the last layer. targets: (b,), whole numbers. Returns (b, h, w).
    """
    ### BEGIN SOLUTION
    return (weights[targets][:, :, None, None] * maps).sum(dim=1)
    ### END SOLUTION


# %% check="two images, two classes"
maps = torch.tensor(
    [[[[1.0, 2.0], [0.0, 4.0]], [[3.0, 1.0], [1.0, 0.0]]], [[[2.0, 0.0], [1.0, 1.0]], [[0.0, 5.0], [1.0, 2.0]]]]
)
check(
    class_activation_map(maps, torch.tensor([[1.0, -1.0], [2.0, 0.5]]), torch.tensor([1, 0])),
    [[[3.5, 4.5], [0.5, 8.0]], [[2.0, -5.0], [0.0, -1.0]]],
    {
        "a ReLU is applied; CAM has none, negative values speak against the class": [
            [[3.5, 4.5], [0.5, 8.0]],
            [[2.0, 0.0], [0.0, 0.0]],
        ],
        "absolute weights are used; a negative weight speaks against the class": [
            [[3.5, 4.5], [0.5, 8.0]],
            [[2.0, 5.0], [2.0, 3.0]],
        ],
        "both images got the class of the first; each has a target of its own": [
            [[3.5, 4.5], [0.5, 8.0]],
            [[4.0, 2.5], [2.5, 3.0]],
        ],
        "columns of the weights are taken in place of rows; row c belongs to class c": [
            [[0.5, -1.5], [0.5, -4.0]],
            [[2.0, 10.0], [3.0, 5.0]],
        ],
        "the mean over the channels is taken; CAM takes the sum": [
            [[1.75, 2.25], [0.25, 4.0]],
            [[1.0, -2.5], [0.0, -0.5]],
        ],
        "each map is divided by its largest absolute value; leave the values as they are, in logits": [
            [[0.4375, 0.5625], [0.0625, 1.0]],
            [[0.4, -1.0], [0.0, -0.2]],
        ],
        "each map is stretched to [0, 1]; leave the values as they are, in logits": [
            [[0.4, 0.533333], [0.0, 1.0]],
            [[1.0, 0.0], [0.714286, 0.571429]],
        ],
        "the maps are averaged over the positions first, so that no map is left": [
            [[4.125, 4.125], [4.125, 4.125]],
            [[-1.0, -1.0], [-1.0, -1.0]],
        ],
    },
    name="class_activation_map",
)

# %% test="cam-positive-weights" points=1
### BEGIN HIDDEN TESTS
made = torch.Generator().manual_seed(seed + 3)
hidden_maps, hidden_weights = torch.rand(1, 5, 4, 6, generator=made), torch.rand(7, 5, generator=made)
for index in range(7):
    hidden = class_activation_map(hidden_maps, hidden_weights, torch.tensor([index]))
    assert hidden.shape == (1, 4, 6)
    assert torch.allclose(hidden[0], torch.einsum("k,kij->ij", hidden_weights[index], hidden_maps[0]), atol=1e-5)
### END HIDDEN TESTS

# %% test="cam-batch" points=2
### BEGIN HIDDEN TESTS
made = torch.Generator().manual_seed(seed + 4)
hidden_maps, hidden_weights = torch.rand(4, 6, 3, 5, generator=made), torch.randn(6, 6, generator=made)
hidden_targets = torch.tensor([(seed + 5 * number) % 6 for number in range(4)])
hidden = class_activation_map(hidden_maps, hidden_weights, hidden_targets)
assert torch.allclose(hidden, torch.einsum("bk,bkij->bij", hidden_weights[hidden_targets], hidden_maps), atol=1e-5)
### END HIDDEN TESTS

# %% test="cam-adds-up" points=1
### BEGIN HIDDEN TESTS
model, images = small_network(seed + 5), random_images(seed + 5, count=5, size=(12, 16))
read, every_class = iv.activations(model, images, ["relu2", ""]), torch.arange(5)
hidden = class_activation_map(read["relu2"], model.linear.weight, every_class)
assert torch.allclose(hidden.mean((1, 2)) + model.linear.bias, read[""][every_class, every_class])
assert torch.allclose(hidden, iv.cam(model, images, every_class, "relu2"))
### END HIDDEN TESTS

# %% [markdown]
# **Grad-CAM.** For any head that can be differentiated, weigh the channels by `channel_weights` and keep what speaks for the class
# (Eq. 2 of the Grad-CAM paper):
#
# $$L^c_{ij} = \mathrm{ReLU}\Big(\sum_k \alpha^c_k A^k_{ij}\Big)$$
#
# The score $y^c$ is the logit of class $c$, before the softmax. This helper returns what you need. An image's logits depend on its
# own maps alone, so one backward pass of a sum serves the whole batch.


# %%
def maps_and_logits(model, images, layer):
    """Return the activations of a layer and the logits; the logits can be differentiated by the activations."""
    read = iv.activations(model, images.detach().clone().requires_grad_(), [layer, ""])
    return read[layer], read[""]


# %% solution="grad_cam" kind="core"
def grad_cam(model, images, targets, layer):
    """Return each image's Grad-CAM map for its own target class.

    images: (b, 3, h, w). targets: (b,), whole numbers. layer: a name, such as "relu2". Returns (b, rows, columns) at the layer's
    own resolution, not rescaled.
    """
    ### BEGIN SOLUTION
    maps, logits = maps_and_logits(model, images, layer)
    scores = logits.gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), maps)
    weights = channel_weights(gradient)
    return torch.relu((weights[:, :, None, None] * maps.detach()).sum(dim=1))
    ### END SOLUTION


# %% [markdown]
# The check takes a network whose numbers can be followed by hand. Its layer `maps` is the red and the green of a picture of two by two
# pixels. Its logits are a linear layer on these eight numbers, so that the gradient of a logit is a row of that layer.

# %%
by_hand = torch.nn.Sequential(
    OrderedDict(maps=torch.nn.Conv2d(3, 2, 1, bias=False), flatten=torch.nn.Flatten(), linear=torch.nn.Linear(8, 2))
).requires_grad_(requires_grad=False)
by_hand.maps.weight.data = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])[:, :, None, None]
by_hand.linear.bias.data = torch.zeros(2)
by_hand.linear.weight.data = torch.tensor(
    [
        [1.0, 3.0, 2.0, 2.0, -1.0, -3.0, 0.0, 0.0],  # class 0: red speaks for it, green against it
        [-2.0, 0.0, 0.0, -2.0, 4.0, 0.0, 2.0, 2.0],  # class 1: the other way round
    ]
)
red = torch.tensor([[[0.2, 0.8], [0.6, 0.4]], [[0.6, 0.2], [0.4, 0.8]]])
green = torch.tensor([[[0.8, 0.2], [0.6, 0.4]], [[0.2, 0.4], [0.8, 0.0]]])
pictures = torch.stack([red, green, torch.zeros(2, 2, 2)], dim=1)

# %% check="two pictures by hand"
check(
    grad_cam(by_hand, pictures, torch.tensor([0, 1]), "maps"),
    [[[0.0, 1.4], [0.6, 0.4]], [[0.0, 0.6], [1.2, 0.0]]],
    {
        "the gradient is summed over the positions; Eq. 1 takes its mean": [
            [[0.0, 5.6], [2.4, 1.6]],
            [[0.0, 2.4], [4.8, 0.0]],
        ],
        "the sign is wrong: it shows what speaks against the class": [
            [[0.4, 0.0], [0.0, 0.0]],
            [[0.2, 0.0], [0.0, 0.8]],
        ],
        "channels of negative weight are lost; the ReLU comes after the sum over channels": [
            [[0.4, 1.6], [1.2, 0.8]],
            [[0.4, 0.8], [1.6, 0.0]],
        ],
        "absolute weights are used; a channel of negative weight speaks against the class": [
            [[1.2, 1.8], [1.8, 1.2]],
            [[1.0, 1.0], [2.0, 0.8]],
        ],
        "the absolute value is taken; Eq. 2 has a ReLU": [[[0.4, 1.4], [0.6, 0.4]], [[0.2, 0.6], [1.2, 0.8]]],
        "each position is weighed by its own gradient; Eq. 1 takes the mean over all positions first": [
            [[0.0, 1.8], [1.2, 0.8]],
            [[0.0, 0.0], [1.6, 0.0]],
        ],
        "the mean over the channels is taken (Eq. 2 takes the sum), or that over the batch's scores (take their sum)": [
            [[0.0, 0.7], [0.3, 0.2]],
            [[0.0, 0.3], [0.6, 0.0]],
        ],
        "each map is divided by its largest value; leave the values as they are": [
            [[0.0, 1.0], [0.428571, 0.285714]],
            [[0.0, 0.5], [1.0, 0.0]],
        ],
        "the probability is differentiated; the score is the logit, before the softmax": [
            [[0.0, 0.385030], [0.0, 0.0]],
            [[0.0, 0.038622], [0.077243, 0.0]],
        ],
        "the logarithm of the probability is differentiated; the score is the logit, before the softmax": [
            [[0.0, 1.241954], [0.0, 0.0]],
            [[0.0, 0.558517], [1.117034, 0.0]],
        ],
        "the logits of other classes are differentiated, too; take for each image only that of its target": [
            [[1.0, 1.0], [1.2, 0.8]],
            [[0.8, 0.6], [1.2, 0.8]],
        ],
        "the predicted class is explained, not the target": [[[1.4, 0.0], [0.6, 0.4]], [[1.0, 0.0], [0.0, 1.6]]],
        "the gradient is averaged over the batch, too; each image has weights of its own": [
            [[0.5, 0.5], [0.6, 0.4]],
            [[0.4, 0.3], [0.6, 0.4]],
        ],
        "both images got the target of the first; each has its own": [
            [[0.0, 1.4], [0.6, 0.4]],
            [[1.0, 0.0], [0.0, 1.6]],
        ],
    },
    name="grad_cam",
)

# %% test="grad-cam-after-gap" points=2
### BEGIN HIDDEN TESTS
model, image, every_class = small_network(seed + 6), random_images(seed + 6, count=1, size=(12, 16)), range(5)
hidden = [grad_cam(model, image, torch.tensor([index]), "relu2") for index in every_class]
expected = [iv.grad_cam(model, image, index, "relu2") for index in every_class]
assert torch.stack(expected).any()
assert all(one.shape == (1, 6, 8) for one in hidden)
assert torch.allclose(torch.stack(hidden), torch.stack(expected))
### END HIDDEN TESTS

# %% test="grad-cam-other-layer" points=2
### BEGIN HIDDEN TESTS
model, images = small_network(seed + 7), random_images(seed + 7, count=5, size=(12, 16))
hidden = [grad_cam(model, images[index : index + 1], torch.tensor([index]), "relu1") for index in range(5)]
expected = [iv.grad_cam(model, images[index : index + 1], index, "relu1") for index in range(5)]
assert torch.stack(expected).any()
assert torch.allclose(torch.stack(hidden), torch.stack(expected))
### END HIDDEN TESTS

# %% test="grad-cam-batch" points=1
### BEGIN HIDDEN TESTS
model, images = small_network(seed + 8), random_images(seed + 8, count=6, size=16)
hidden_targets = torch.tensor([(seed + 2 * number) % 5 for number in range(6)])
expected = iv.grad_cam(model, images, hidden_targets, "relu2")
assert expected.any()
assert torch.allclose(grad_cam(model, images, hidden_targets, "relu2"), expected)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Open: what the two maps have to do with one another
#
# For a network that ends in GAP and a linear layer, $\mathrm{ReLU}(M^c)$ and $L^c$ are the same picture. One is a constant times the
# other. Find this constant, $\mathrm{ReLU}(M^c) = f \, L^c$, for the network and the images below: by your functions, or on paper.
# The layer is `relu2` of `network`, whose last layer is `network.linear`. Take a class whose map is not all zero: 0 / 0 tells nothing.
#
# Set `answer_factor` to $f$. (And think, this is not graded: does it depend on the class? On the image? On the size of the image?)

# %%
network = small_network(seed + 9)
noise = random_images(seed + 9, count=5, size=(12 + 2 * (seed % 7), 20 + 2 * (seed % 5)))

# %% solution="factor" kind="open"
### BEGIN SOLUTION
maps, logits = maps_and_logits(network, noise, "relu2")
targets = logits.argmax(dim=1)
positive = class_activation_map(maps, network.linear.weight, targets).relu()
by_gradient = grad_cam(network, noise, targets, "relu2")
answer_factor = float(positive.detach().sum() / by_gradient.sum())
### END SOLUTION

# %% check="a positive number"
check(
    0 < float(answer_factor) < float("inf"),
    True,
    {"answer_factor is one positive number; if it is NaN or infinite, a map is all zero: take another class": False},
    name="the form of answer_factor",
)

# %% test="factor-value" points=2
### BEGIN HIDDEN TESTS
rows, columns = iv.activations(network, noise, "relu2")["relu2"].shape[-2:]
assert abs(float(answer_factor) - rows * columns) < 0.01 * rows * columns
### END HIDDEN TESTS

# %% [markdown]
# ## 4. Open: two things in one picture
#
# Half of the picture below is a cat, half is a cup of coffee. Make the Grad-CAM map of class 285, Egyptian cat, and that of class
# 967, espresso, at the network's layer `relu1`. Which share of each map, as a part of its sum, lies on the half that shows the
# class? Set `answer_cat` to the share of the cat's map on the cat's half, and `answer_cup` to that of the cup's map on the cup's
# half: two numbers between 0 and 1.

# %%
model = iv.load_model("efficientnet_lite0")
start = 90 + 10 * (seed % 7)
cat = F.interpolate(photo("skimage/chelsea")[..., start : start + 150], (256, 128), mode="area")
cup = F.interpolate(photo("skimage/coffee")[..., 20:380, start + 40 : start + 220], (256, 128), mode="area")
cat_is_left = seed % 2 == 0
picture = torch.cat([cat, cup] if cat_is_left else [cup, cat], dim=-1)
print("left half:", "cat" if cat_is_left else "cup")

# %% solution="shares" kind="open"
### BEGIN SOLUTION
both = grad_cam(model, torch.cat([picture, picture]), torch.tensor([285, 967]), "relu1")
halves = torch.stack([half.sum((1, 2)) for half in both.chunk(2, dim=-1)]) / both.sum((1, 2))
left_cat, left_cup = halves[0].tolist()
answer_cat = left_cat if cat_is_left else 1 - left_cat
answer_cup = 1 - left_cup if cat_is_left else left_cup
### END SOLUTION

# %% check="two shares"
plausible = all(-1e-4 <= float(share) <= 1 + 1e-4 for share in (answer_cat, answer_cup))  # rounding may pass the ends
check(
    plausible,
    True,
    {"each is a part of its map's sum, so between 0 and 1; is it divided by the sum of its own map?": False},
    name="the form of answer_cat and answer_cup",
)

# %% test="share-of-the-cat" points=2
### BEGIN HIDDEN TESTS
hidden = iv.grad_cam(model, picture, 285, "relu1")[0].sum(0)
columns = slice(0, 4) if cat_is_left else slice(4, 8)
assert abs(float(answer_cat) - float(hidden[columns].sum() / hidden.sum())) < 0.002
### END HIDDEN TESTS

# %% test="share-of-the-cup" points=1
### BEGIN HIDDEN TESTS
hidden = iv.grad_cam(model, picture, 967, "relu1")[0].sum(0)
columns = slice(4, 8) if cat_is_left else slice(0, 4)
assert abs(float(answer_cup) - float(hidden[columns].sum() / hidden.sum())) < 0.002
### END HIDDEN TESTS
