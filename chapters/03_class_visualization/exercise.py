# %% [markdown]
# # Exercise 3: Class visualisation by gradient ascent
#
# Replace each `# YOUR CODE HERE` and the `raise` below it by your code, and run the check below it: it names typical mistakes.
# The checks give no points; hidden tests do. Hand in this one file.

# %% tags=["setup"]
import torch

import innerview as iv
from innerview.course import check, random_images, small_network

seed = 0  # the course's seed

# %% [markdown]
# ## 1. Warm-up: the gradient of a score
#
# The score $S_c(I)$ of class $c$ is the network's logit, before the softmax. Gradient ascent needs $\partial S_c / \partial I$, for
# each image of a batch. `model(images)` gives the logits, `(b, classes)`.
#
# Hint: the images of a batch do not influence one another. So the gradient of the sum of their scores holds the gradient of each.
# The images that you are given stay as they are: make a copy that asks for gradients.


# %% solution="score_gradient" kind="warm-up"
def score_gradient(model, images, target):
    """Return the gradient of the target's logit with respect to each image.

    images: (b, 3, h, w); target: index of the class. Returns (b, 3, h, w).
    """
    ### BEGIN SOLUTION
    images = images.detach().clone().requires_grad_()
    scores = model(images)[:, target]
    (gradient,) = torch.autograd.grad(scores.sum(), images)
    return gradient
    ### END SOLUTION


# %% check="three-classes-of-two-pixels"
# The logits of this model are sums of pixels with these weights, so the gradient of a logit is a row of them.
rows = torch.tensor([[1.0, -2.0], [0.5, 3.0], [0.0, 1.0]])
few = torch.tensor([0.1, 0.2, 0.3, 0.0]).reshape(2, 1, 1, 2)
shares = (few.flatten(1) @ rows.T).softmax(1)
up = rows[1] - shares @ rows
check(
    score_gradient(lambda images: images.flatten(1) @ rows.T, few, 1),
    rows[1].expand(2, 2).reshape(2, 1, 1, 2),
    {
        "it is the gradient of the probability; the score is the logit, without softmax": (shares[:, 1:2] * up)[
            :, None, None
        ],
        "it is the gradient of the log of the probability; the score is the logit alone": up[:, None, None],
        "the largest logit of each image is taken, not that of the target": rows[[1, 0]].reshape(2, 1, 1, 2),
        "the logits of all classes are summed, not only that of the target": rows.sum(0).expand(2, 2)[:, None, None],
        "the scores are averaged over the batch; each image needs the whole gradient of its own": (rows[1] / 2).expand(
            2, 2
        )[:, None, None],
        "the target is counted from 1; it is an index, counted from 0": rows[0].expand(2, 2)[:, None, None],
    },
    name="score_gradient",
)
check(
    few.requires_grad,
    False,
    {"your function changed them: they ask for gradients now; make a copy": True},
    name="the images that were given to score_gradient",
)

# %% test="gradient-of-one-image" points=2
### BEGIN HIDDEN TESTS
network, one = small_network(seed), random_images(seed + 1, 1)
leaf = one.clone().requires_grad_()
assert score_gradient(network, one, 3).shape == (1, 3, 16, 16)
for wanted in range(5):
    (slope,) = torch.autograd.grad(network(leaf)[0, wanted], leaf)
    assert torch.allclose(score_gradient(network, one, wanted), slope, rtol=1e-6, atol=1e-12)
### END HIDDEN TESTS

# %% test="gradient-of-a-batch" points=1
### BEGIN HIDDEN TESTS
network, several = small_network(seed + 2), random_images(seed + 3, 3)
leaf = several.clone().requires_grad_()
for wanted in (2, 4, 0):
    (slope,) = torch.autograd.grad(network(leaf)[:, wanted].sum(), leaf)
    assert torch.allclose(score_gradient(network, several, wanted), slope, rtol=1e-6, atol=1e-12)
assert not several.requires_grad
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Core: a step with L2 decay
#
# Write one step of the ascent with L2 decay. With $x$ the image's offset from grey, the gradient $g$, the step size $\eta$ and the
# decay $\theta$:
#
# $$x \leftarrow (1 - \theta)\,(x + \eta\, g)$$
#
# The function gets images in [0, 1] and returns images in [0, 1]. Grey is 0.5, so $x$ is `images - 0.5`. At the end, clip the images
# to [0, 1].


# %% solution="decayed_step" kind="core"
def decayed_step(images, gradient, step_size, decay):
    """Take one step uphill, then let a share of each pixel's offset from grey decay, then clip.

    images, gradient: (b, 3, h, w). Returns (b, 3, h, w) in [0, 1].
    """
    ### BEGIN SOLUTION
    offsets = images - 0.5
    offsets = (1 - decay) * (offsets + step_size * gradient)
    return (0.5 + offsets).clamp(0, 1)
    ### END SOLUTION


# %% check="three-pixels-by-hand"
pixels = torch.tensor([0.5, 0.7, 0.9]).reshape(1, 1, 1, 3)
slopes = torch.tensor([1.0, -2.0, 4.0]).reshape(1, 1, 1, 3)
told = {
    "the image decays to black; decay takes the offset from grey, 0.5, away": [0.48, 0.4, 1.0],
    "it goes downhill; a step of an ascent adds the gradient": [0.42, 0.82, 0.5],
    "decay comes before the step; the equation lets the sum of offset and step decay": [0.6, 0.46, 1.0],
    "the share decay is what stays; it is what is to be taken away": [0.52, 0.5, 0.66],
    "the images are not clipped to [0, 1], or the offset is clipped in place of the image": [0.58, 0.5, 1.14],
    "the images are clipped before the decay; clip at the end": [0.58, 0.5, 0.9],
    "the decay is forgotten": [0.6, 0.5, 1.0],
    "this is the offset; add the grey again": [0.08, 0.0, 0.64],
}
check(
    decayed_step(pixels, slopes, 0.1, 0.2),
    torch.tensor([0.58, 0.5, 1.0]).reshape(1, 1, 1, 3),
    {hint: torch.tensor(values).reshape(1, 1, 1, 3) for hint, values in told.items()},
    name="decayed_step",
)

# %% test="step-and-decay" points=2
### BEGIN HIDDEN TESTS
inside = 0.4 + 0.2 * random_images(seed + 4)
uphill = random_images(seed + 5) - 0.5
stepped = decayed_step(inside, uphill, 0.1, 0.3)
assert torch.allclose(stepped, 0.5 + 0.7 * (inside + 0.1 * uphill - 0.5), atol=1e-9)
### END HIDDEN TESTS

# %% test="clipped-at-the-end" points=1
### BEGIN HIDDEN TESTS
anywhere = random_images(seed + 6)
steep = 20 * random_images(seed + 7) - 10
stepped = decayed_step(anywhere, steep, 0.2, 0.5)
assert torch.allclose(stepped, (0.5 + 0.5 * (anywhere + 0.2 * steep - 0.5)).clamp(0, 1), atol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Core: total variation
#
# Total variation sums how much neighbouring pixels differ, downwards and to the right, over all colours $k$:
#
# $$\mathrm{TV}(I) = \sum_k \sum_{i,j} |I_{k,i+1,j} - I_{k,i,j}| + |I_{k,i,j+1} - I_{k,i,j}|$$
#
# Pixels at the border have no neighbour outside: the first term has one row less than the image, the second one column less. Return one
# number for each image.


# %% solution="total_variation" kind="core"
def total_variation(images):
    """Return the total variation of each image.

    images: (b, 3, h, w). Returns (b,).
    """
    ### BEGIN SOLUTION
    down = images[:, :, 1:, :] - images[:, :, :-1, :]
    right = images[:, :, :, 1:] - images[:, :, :, :-1]
    return down.abs().sum(dim=(1, 2, 3)) + right.abs().sum(dim=(1, 2, 3))
    ### END SOLUTION


# %% check="two-images-of-2-x-3-pixels"
squares = torch.tensor([[[[0.0, 1.0, 3.0], [2.0, 5.0, 1.0]]], [[[1.0, 1.0, 2.0], [4.0, 0.0, 0.0]]]])
# Downwards: 2, 4, -2 and 3, -1, -2. To the right: 1, 2, 3, -4 and 0, 1, -4, 0.
check(
    total_variation(squares),
    [18.0, 11.0],
    {
        "the absolute values are forgotten: rises and falls cancel": [6.0, -3.0],
        "the absolute value is taken of the sum, not of each difference": [6.0, 3.0],
        "the differences are squared; this one takes absolute values": [54.0, 31.0],
        "only the differences downwards are counted; those to the right are missing": [8.0, 6.0],
        "only the differences to the right are counted; those downwards are missing": [10.0, 5.0],
        "the differences wrap around the border, as those of torch.roll do; a border has no neighbour": [30.0, 22.0],
        "the last row and column are left out; only the differences that leave the image are": [9.0, 5.0],
        "it is the mean of all differences; the equation sums them": [18 / 7, 11 / 7],
        "each sum is averaged; the equation has no mean": [8 / 3 + 10 / 4, 2.0 + 5 / 4],
        "the differences are halved; is a mean of the two directions taken?": [9.0, 5.5],
    },
    name="total_variation",
)

# %% test="one-number-for-each-image" points=1
### BEGIN HIDDEN TESTS
steps_down = torch.arange(5.0, 0.0, -1.0, dtype=torch.float64)[:, None].expand(2, 3, 5, 7) * (seed + 3)
assert total_variation(steps_down).shape == (2,)
assert float(total_variation(torch.full((1, 3, 4, 4), 0.3))[0]) == 0.0
assert torch.allclose(total_variation(steps_down), torch.full((2,), 84.0 * (seed + 3), dtype=torch.float64))
### END HIDDEN TESTS

# %% test="values-of-total-variation" points=2
### BEGIN HIDDEN TESTS
images = random_images(seed + 8, 4, (9, 14))
expected = iv.total_variation()(torch.nn.Identity(), images)
assert torch.allclose(total_variation(images), expected, rtol=1e-6)
### END HIDDEN TESTS

# %% test="gradient-of-total-variation" points=1
### BEGIN HIDDEN TESTS
leaf = random_images(seed + 9, 2, (6, 5)).requires_grad_()
(found,) = torch.autograd.grad(total_variation(leaf).sum(), leaf)
(expected,) = torch.autograd.grad(iv.total_variation()(torch.nn.Identity(), leaf).sum(), leaf)
assert torch.allclose(found, expected)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. Core: the ascent
#
# Now the loop. The objective of an image has three parts, the score and two penalties with weights $\lambda$ and $\mu$:
#
# $$L(I) = S_c(I) - \lambda\, \| I - \tfrac{1}{2} \|_2^2 - \mu\, \mathrm{TV}(I), \qquad I \leftarrow \mathrm{clip}_{[0, 1]}\Big(I + \eta\, \frac{\partial L}{\partial I}\Big)$$
#
# The squared norm $\|\cdot\|_2^2$ is the sum of squares over colours and pixels. Take the given number of steps from `start`. Let
# PyTorch differentiate the whole of $L$. Do not change `start`, and return images that carry no gradient (`detach`). Use your
# `total_variation`.


# %% solution="class_image" kind="core"
def class_image(model, target, start, steps, step_size, l2=0.0, tv=0.0):
    """Ascend from the start: raise the target's logit, lower both penalties.

    start: (b, 3, h, w) in [0, 1]; l2: the weight lambda; tv: the weight mu. Returns (b, 3, h, w) in [0, 1].
    """
    ### BEGIN SOLUTION
    images = start.detach().clone()
    for _ in range(steps):
        images = images.detach().requires_grad_()
        score = model(images)[:, target].sum()
        penalty = l2 * (images - 0.5).square().sum() + tv * total_variation(images).sum()
        (gradient,) = torch.autograd.grad(score - penalty, images)
        images = (images + step_size * gradient).clamp(0, 1)
    return images.detach()
    ### END SOLUTION


# %% check="two-steps-by-hand"
# The logits are weighted sums of four pixels; those of class 1 are always 0.
weights = torch.tensor([[1.0, -2.0, 3.0, 3.0], [0.0, 0.0, 0.0, 0.0]])
begin = torch.tensor([0.5, 0.7, 0.1, 0.9]).reshape(1, 1, 1, 4)
told = {
    "only one step is taken": [0.6, 0.46, 0.48, 1.0],
    "it goes downhill: the gradient is subtracted": [0.28, 1.0, 0.0, 0.416],
    "the penalty raises the objective; it is to be subtracted": [0.72, 0.348, 0.584, 1.0],
    "the penalty with lambda is forgotten": [0.7, 0.3, 0.7, 1.0],
    "the penalty counts from black; it counts the offset from grey, 0.5": [0.5, 0.088, 0.604, 1.0],
    "the gradient of the square lacks its factor 2": [0.69, 0.282, 0.746, 1.0],
    "the penalty is the mean of the squares; the equation has their sum": [0.695, 0.2905, 0.724, 1.0],
    "the penalty is the length of the offset; the equation has its square": [0.68047, 0.27318, 0.77318, 1.0],
    "the images are not clipped": [0.68, 0.268, 0.784, 1.296],
    "the gradients of the steps add up; is the gradient of the first step cleared?": [0.78, 0.028, 1.0, 1.0],
    "the softmax is raised; the score is the logit": [0.51538, 0.59724, 0.29014, 0.80214],
}
check(
    class_image(lambda images: images.flatten(1) @ weights.T, 0, begin, 2, 0.1, l2=1.0),
    torch.tensor([0.68, 0.268, 0.784, 1.0]).reshape(1, 1, 1, 4),
    {hint: torch.tensor(values).reshape(1, 1, 1, 4) for hint, values in told.items()},
    name="class_image with l2",
)

# %% check="two-steps-of-total-variation"
ragged = torch.tensor([0.2, 0.6, 0.9, 0.5]).reshape(1, 1, 1, 4)
told = {
    "the total variation is forgotten, or is your `total_variation` wrong?": [0.2, 0.6, 0.9, 0.5],
    "the total variation is added; it is to be subtracted": [0.1, 0.6, 1.0, 0.4],
    "only one step is taken": [0.25, 0.6, 0.8, 0.55],
}
check(
    class_image(lambda images: images.flatten(1) @ weights.T, 1, ragged, 2, 0.1, tv=0.5),
    torch.tensor([0.3, 0.6, 0.7, 0.6]).reshape(1, 1, 1, 4),
    {hint: torch.tensor(values).reshape(1, 1, 1, 4) for hint, values in told.items()},
    name="class_image with tv",
)

# %% check="a-batch-that-reaches-the-border"
slopes = torch.tensor([[4.0, -1.0], [0.0, 0.0]])
pair = torch.tensor([[0.0, 0.7], [0.5, 0.2]]).reshape(2, 1, 1, 2)
kept = pair.clone()
told = {
    "the images are clipped only at the end; clip after each step": [[0.48, 0.532], [0.66, 0.352]],
    "the mean over the batch is taken; each image needs the whole gradient of its own": [[0.72, 0.448], [0.74, 0.428]],
    "the mean of the scores is taken; each image needs the whole gradient of its own": [[0.4, 0.552], [0.58, 0.372]],
}
check(
    class_image(lambda images: images.flatten(1) @ slopes.T, 0, pair, 2, 0.1, l2=8.0),
    torch.tensor([[0.6, 0.532], [0.66, 0.352]]).reshape(2, 1, 1, 2),
    {hint: torch.tensor(values).reshape(2, 1, 1, 2) for hint, values in told.items()},
    name="class_image of a batch",
)
check(
    pair.requires_grad or not torch.equal(pair, kept),
    False,
    {"your function changed it, or made it ask for gradients; work on a copy": True},
    name="the start that was given to class_image",
)

# %% test="steps-uphill" points=2
### BEGIN HIDDEN TESTS
network, begins = small_network(seed + 10), random_images(seed + 11)
by_hand = begins.clone()
for _ in range(3):
    by_hand.requires_grad_()
    (slope,) = torch.autograd.grad(network(by_hand)[:, 1].sum(), by_hand)
    by_hand = (by_hand.detach() + 0.5 * slope).clamp(0, 1)
assert not torch.equal(by_hand, begins)
assert torch.allclose(class_image(network, 1, begins, 3, 0.5), by_hand, atol=1e-9)
### END HIDDEN TESTS

# %% test="both-penalties" points=2
### BEGIN HIDDEN TESTS
network, begins = small_network(seed + 12), random_images(seed + 13)
by_hand = begins.clone()
for _ in range(4):
    by_hand.requires_grad_()
    objective = network(by_hand)[:, 2] - 0.02 * iv.total_variation()(torch.nn.Identity(), by_hand)
    (slope,) = torch.autograd.grad(objective.sum(), by_hand)
    by_hand = (by_hand.detach() + 0.2 * (slope - 2 * 0.7 * (by_hand.detach() - 0.5))).clamp(0, 1)
assert torch.allclose(class_image(network, 2, begins, 4, 0.2, l2=0.7, tv=0.02), by_hand, atol=1e-9)
### END HIDDEN TESTS

# %% test="leaves-the-start-alone" points=1
### BEGIN HIDDEN TESTS
network, begins = small_network(seed + 14), random_images(seed + 15)
before = begins.clone()
result = class_image(network, 0, begins, 2, 0.5)
assert torch.equal(begins, before) and not begins.requires_grad
assert not result.requires_grad and not torch.equal(result, before)
assert torch.equal(class_image(network, 0, begins, 0, 0.5), before)
assert torch.equal(result, result.clamp(0, 1))
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Open: what does the probability gain by?
#
# With logits $z$, the log odds of class $c$ have two parts, its own logit and what the other classes have together:
#
# $$\log \frac{p_c}{1 - p_c} = z_c - \log \sum_{k \ne c} e^{z_k}$$
#
# An ascent may raise the first part or lower the second. Find out which, with the network, the start and the class below:
#
# 1. Raise the logit with your `class_image`: 20 steps of size 0.1, no penalties.
# 2. Raise the probability from the same start: 20 steps of size 0.4. Its gradient is $p_c (1 - p_c)$ times
#    that of the log odds, at most a quarter; so the step is four times as large. The gap depends on this choice.
#    `class_image` does this, too, if its model returns probabilities (`lambda images: network(images).softmax(1)`).
#
# Give two numbers, each from means over the four images, not rounded:
#
# - `answer_share`: for the ascent of the probability, the fall of the second part divided by the gain of the log odds. It is 1 if the class's
#   own logit adds nothing, 0 if the other classes stay as they were, and negative if they rise.
# - `answer_gap`: the gain of the log odds by raising the probability, minus their gain by raising the logit.

# %%
network, start = small_network(seed + 20), 0.4 + 0.2 * random_images(seed + 21, 4)
target = seed % 5


def others(logits):
    """Return the second part, log of the summed exponentials of all classes but the target: (b,)."""
    return torch.cat([logits[:, :target], logits[:, target + 1 :]], dim=1).logsumexp(1)


# %% solution="answers" kind="open"
### BEGIN SOLUTION
by_logit = class_image(network, target, start, 20, 0.1)
by_probability = class_image(lambda images: network(images).softmax(1), target, start, 20, 0.4)
before, first, second = network(start), network(by_logit), network(by_probability)
fall = others(before).mean() - others(second).mean()
gain = (second - before)[:, target].mean() + fall
gain_by_logit = (first - before)[:, target].mean() - (others(first) - others(before)).mean()
answer_share = float(fall / gain)
answer_gap = float(gain - gain_by_logit)
### END SOLUTION

# %% check="are-these-numbers"
for name, answer in {"answer_share": answer_share, "answer_gap": answer_gap}.items():
    plausible = torch.as_tensor(answer).numel() == 1 and abs(float(answer)) < 100
    check(
        plausible, True, {f"{name} is to be one number, from means over the images": False}, name=f"the form of {name}"
    )

# %% test="the-share" points=2
### BEGIN HIDDEN TESTS
climbed = start.clone()
for _ in range(20):
    climbed.requires_grad_()
    (slope,) = torch.autograd.grad(network(climbed).softmax(1)[:, target].sum(), climbed)
    climbed = (climbed.detach() + 0.4 * slope).clamp(0, 1)
others_of, odds_of = {}, {}
for when, images in {"start": start, "end": climbed}.items():
    p = network(images).softmax(1)[:, target]
    odds_of[when] = (p / (1 - p)).log().mean()
    others_of[when] = network(images)[:, target].mean() - odds_of[when]
share = (others_of["start"] - others_of["end"]) / (odds_of["end"] - odds_of["start"])
assert abs(float(answer_share) - float(share)) < 1e-5 * max(1, abs(float(share)))
### END HIDDEN TESTS

# %% test="the-gap" points=1
### BEGIN HIDDEN TESTS
log_odds, climbs = [], {1: 0.1, 2: 0.4}
for turn, size in climbs.items():
    climbed = start.clone()
    for _ in range(20):
        climbed.requires_grad_()
        logits = network(climbed) if turn == 1 else network(climbed).softmax(1)
        (slope,) = torch.autograd.grad(logits[:, target].sum(), climbed)
        climbed = (climbed.detach() + size * slope).clamp(0, 1)
    p = network(climbed).softmax(1)[:, target]
    log_odds.append(float((p / (1 - p)).log().mean()))
gap = log_odds[1] - log_odds[0]
assert abs(float(answer_gap) - gap) < 1e-5 * max(1, abs(gap))
### END HIDDEN TESTS
