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
# # Exercise 9: adversarial examples
#
# Replace each `# YOUR CODE HERE` and the line below it by your code, and run the check that follows. A check tells you what is
# probably wrong. Hand in this one file; hidden tests give the points.

# %% tags=["setup"]
import torch
from torch.nn import functional

import innerview as iv
from innerview.adversarial import Attack, AwayFrom, Towards  # used by the tests
from innerview.course import check, random_images, small_network  # the last two are used by the tests
from innerview.replicate.photos import photo

seed = 0  # the course's seed

# %% [markdown]
# ## 1. Warm-up: how large is a change?
#
# An image $x$ has become $x'$. Two norms say how large the change is:
#
# $$\|x' - x\|_\infty = \max_i |x'_i - x_i| \qquad \|x' - x\|_2 = \sqrt{\sum_i (x'_i - x_i)^2}$$
#
# Both run over all values of one image: its colours, rows and columns.


# %% solution="sizes" kind="warm-up"
def sizes(images, changed):
    """Return how large the change of each image is in both norms.

    images, changed: (b, 3, h, w). Returns (b, 2): the largest change of a value, and the Euclidean length.
    """
    ### BEGIN SOLUTION
    moved = (changed - images).flatten(1)
    return torch.stack([moved.abs().amax(1), moved.square().sum(1).sqrt()], dim=1)
    ### END SOLUTION


# %% check="two changes by hand"
images = torch.full((2, 3, 1, 2), 0.5)
moves = torch.tensor([[-0.4, 0.1, 0.1, 0.1, 0.1, 0.2], [0.0, 0.3, 0.0, -0.4, 0.0, 0.0]]).reshape(2, 3, 1, 2)
check(
    sizes(images, images + moves),
    [[0.4, 0.24**0.5], [0.4, 0.5]],
    {
        "the largest change may be one downwards: take absolute values first": [[0.2, 0.24**0.5], [0.3, 0.5]],
        "the squares are summed, but the root is missing": [[0.4, 0.24], [0.4, 0.25]],
        "the squares are averaged; the norm sums them": [[0.4, 0.2], [0.4, (0.25 / 6) ** 0.5]],
        "absolute values are summed; the Euclidean length sums squares": [[0.4, 1.0], [0.4, 0.7]],
        "the batch is taken as one: each image has a size of its own": [[0.4, 0.7], [0.4, 0.7]],
        "the two norms are in the other order": [[0.24**0.5, 0.4], [0.5, 0.4]],
    },
    name="sizes",
)

# %% test="largest-change" points=1
### BEGIN HIDDEN TESTS
first, second = random_images(seed + 1, 3, 6), random_images(seed + 2, 3, 6)
assert sizes(first, second).shape == (3, 2)
assert torch.allclose(sizes(first, second)[:, 0], (second - first).abs().flatten(1).max(1).values)
darker = first * 0.3  # all changes go downwards
assert torch.allclose(sizes(first, darker)[:, 0], 0.7 * first.flatten(1).max(1).values)
### END HIDDEN TESTS

# %% test="euclidean-length" points=1
### BEGIN HIDDEN TESTS
first, second = random_images(seed + 3, 4, 5), random_images(seed + 4, 4, 5)
assert torch.allclose(sizes(first, second)[:, 1], torch.linalg.vector_norm(second - first, dim=(1, 2, 3)))
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Warm-up: which way does the loss rise?
#
# The loss of an image $x$ of class $y$ is the cross entropy of the logits $z(x)$:
#
# $$J(x, y) = -\log \frac{e^{z_y(x)}}{\sum_c e^{z_c(x)}}$$
#
# Return its gradient with respect to the image. Each image has a loss of its own; it must not depend on how many others stand
# in the batch. The images that you are given stay as they are: make a copy that asks for gradients.


# %% solution="loss_gradient" kind="warm-up"
def loss_gradient(model, images, classes):
    """Return the gradient of each image's cross entropy with respect to this image.

    model: images to logits (b, classes). images: (b, 3, h, w). classes: (b,), indices. Returns (b, 3, h, w).
    """
    ### BEGIN SOLUTION
    leaf = images.detach().clone().requires_grad_()
    loss = functional.cross_entropy(model(leaf), classes, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, leaf)
    return gradient
    ### END SOLUTION


# %% check="a linear network"
rows = torch.tensor([[1.0, 0.0, 2.0, 0.0, 0.0, 1.0], [0.0, 3.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 2.0, 0.0, 4.0]])


def linear(images):
    """Three logits: each is a sum of the six values of an image, weighted by one of the rows above."""
    return images.flatten(1) @ rows.T


black = torch.zeros(2, 3, 1, 2)  # all logits are 0, so each class has the probability 1/3
thirds = torch.tensor([[-2.0, 3.0, -4.0, 2.0, 1.0, 2.0], [1.0, 3.0, 2.0, -4.0, 1.0, -7.0]]).reshape(2, 3, 1, 2) / 3
check(
    loss_gradient(linear, black, torch.tensor([0, 2])),
    thirds,
    {
        "each gradient is divided by the number of images: sum their losses, do not average them": thirds / 2,
        "it is the gradient of the logit, not of the loss": rows[[0, 2]].reshape(2, 3, 1, 2),
        "it is the gradient of minus the logit; the loss also holds the other classes": -rows[[0, 2]].reshape(
            2, 3, 1, 2
        ),
        "it is the gradient of the probability; the loss is minus its logarithm": -thirds / 3,
        "the softmax is taken twice: cross_entropy wants logits": thirds / 3,
    },
    name="loss_gradient",
)

# %% test="gradient" points=2
### BEGIN HIDDEN TESTS
network, given = small_network(seed + 5), random_images(seed + 5, 3, 8)
labels = torch.tensor([4, 0, 2])
found = loss_gradient(network, given, labels)
assert found.shape == given.shape and not given.requires_grad
along = torch.randn(given.shape, generator=torch.Generator().manual_seed(seed + 6), dtype=given.dtype)
ahead, behind = (functional.cross_entropy(network(given + s * 1e-7 * along), labels, reduction="none") for s in (1, -1))
assert torch.allclose((found * along).flatten(1).sum(1), (ahead - behind) / 2e-7, rtol=1e-3, atol=1e-6)
assert (found.flatten(1).norm(dim=1) > 0).all()
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Core: one step, FGSM
#
# The fast gradient sign method takes one step of $\epsilon$ along the sign of the gradient, so that the loss of the class $y$
# rises:
#
# $$x' = \mathrm{clip}_{[0, 1]}\big(x + \epsilon\, \mathrm{sign}(\nabla_x J(x, y))\big)$$
#
# Use `loss_gradient`. The images that you are given must stay as they are, and the result carries no
# gradient (`detach`).


# %% solution="fgsm" kind="core"
def fgsm(model, images, classes, epsilon):
    """Return images after one step of the fast gradient sign method.

    images: (b, 3, h, w) in [0, 1]. classes: (b,), to lead away from. epsilon: in units of [0, 1]. Returns (b, 3, h, w).
    """
    ### BEGIN SOLUTION
    step = epsilon * loss_gradient(model, images, classes).sign()
    return (images + step).clamp(0, 1)
    ### END SOLUTION


# %% check="two images of the linear network"
grey = torch.tensor([[0.5, 0.5, 0.05, 0.95, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5, 0.95, 0.05]]).reshape(2, 3, 1, 2)
before = grey.clone()


def values(*numbers):
    """Return two images of these values."""
    return torch.tensor(numbers).reshape(2, 3, 1, 2)


check(
    fgsm(linear, grey, torch.tensor([0, 2]), 0.1),
    values([0.4, 0.6, 0.0, 1.0, 0.6, 0.6], [0.6, 0.6, 0.6, 0.4, 1.0, 0.0]),
    {
        "the step goes down: it makes the loss of the class smaller, not larger": values(
            [0.6, 0.4, 0.15, 0.85, 0.4, 0.4], [0.4, 0.4, 0.4, 0.6, 0.85, 0.15]
        ),
        "values leave [0, 1]: clip the result": values(
            [0.4, 0.6, -0.05, 1.05, 0.6, 0.6], [0.6, 0.6, 0.6, 0.4, 1.05, -0.05]
        ),
        "values leave [0, 1] at the bottom: clip there, too": values(
            [0.4, 0.6, -0.05, 1.0, 0.6, 0.6], [0.6, 0.6, 0.6, 0.4, 1.0, -0.05]
        ),
        "each value takes a step of the same size: the sign of the gradient is missing": values(
            [0.405024, 0.537072, 0.0, 1.0, 0.512357, 0.735499], [0.524014, 0.677192, 0.548027, 0.333844, 1.0, 0.0]
        ),
        "the gradient is brought to length 1, which is the step under L2; here its sign is wanted": values(
            [0.473597, 0.510306, 0.0, 0.995936, 0.503435, 0.565469],
            [0.505995, 0.54424, 0.511991, 0.458516, 0.964746, 0.0],
        ),
        "only the class's logit is lowered; the loss also raises the others": values(
            [0.4, 0.5, 0.0, 0.95, 0.5, 0.4], [0.5, 0.5, 0.5, 0.4, 0.95, 0.0]
        ),
        "the step has the sign only where it is positive; negative ones count, too": values(
            [0.5, 0.6, 0.05, 1.0, 0.6, 0.6], [0.6, 0.6, 0.6, 0.5, 1.0, 0.05]
        ),
        "only the step is returned; add it to the image": values(
            [-0.1, 0.1, -0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, -0.1, 0.1, -0.1]
        ),
        "only the step is returned; add it to the image, before you clip": values(
            [0.0, 0.1, 0.0, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.0, 0.1, 0.0]
        ),
        "epsilon is in units of [0, 1] already; why divide it by 255?": values(
            [0.499608, 0.500392, 0.049608, 0.950392, 0.500392, 0.500392],
            [0.500392, 0.500392, 0.500392, 0.499608, 0.950392, 0.049608],
        ),
    },
    name="fgsm",
)
edges = values([0.98, 0.03, 0.5, 0.5, 0.5, 0.5], [0.03, 0.5, 0.5, 0.98, 0.5, 0.5])
check(
    fgsm(linear, edges, torch.tensor([0, 2]), 0.1),
    values([0.88, 0.13, 0.4, 0.6, 0.6, 0.6], [0.13, 0.6, 0.6, 0.88, 0.6, 0.4]),
    {
        "the image is clipped before the step; clip the result": values(
            [0.8, 0.2, 0.4, 0.6, 0.6, 0.6], [0.2, 0.6, 0.6, 0.8, 0.6, 0.4]
        )
    },
    name="fgsm, values that leave the border",
)
check(
    torch.equal(grey, before),
    True,
    {"your function changed it; make a new tensor": False},
    name="the image that was given to fgsm",
)
check(fgsm(linear, grey, torch.tensor([0, 2]), 0.1).requires_grad, False, name="requires_grad of fgsm's result")

# %% test="step" points=2
### BEGIN HIDDEN TESTS
network, labels = small_network(seed + 7), torch.tensor([3, 0, 1])
inner = 0.3 + 0.4 * random_images(seed + 7, 3, 16)  # far from black and white
wanted = iv.adversarial.fgsm(network, inner, AwayFrom(labels), epsilon=0.02).images
assert torch.allclose(fgsm(network, inner, labels, 0.02), wanted, atol=1e-9)
### END HIDDEN TESTS

# %% test="range" points=1
### BEGIN HIDDEN TESTS
network, labels = small_network(seed + 8), torch.tensor([2, 4])
outer = (2 * random_images(seed + 8, 2, 12) - 0.5).clamp(0, 1)  # a quarter of the values is black, one white
wanted = iv.adversarial.fgsm(network, outer, AwayFrom(labels), epsilon=0.1).images
found = fgsm(network, outer, labels, 0.1)
assert found.min() >= 0 and found.max() <= 1
assert torch.allclose(found, wanted, atol=1e-9)
### END HIDDEN TESTS

# %% test="nothing-else" points=1
### BEGIN HIDDEN TESTS
network, labels = small_network(seed + 9), torch.tensor([1, 3, 0, 2])
given = 0.3 + 0.4 * random_images(seed + 9, 4, 10)
kept = given.clone()
found = fgsm(network, given, labels, 0.03)
assert not found.requires_grad and not given.requires_grad
assert torch.equal(given, kept)
assert torch.allclose(found[2:3], fgsm(network, given[2:3], labels[2:3], 0.03), atol=1e-9)
assert torch.allclose(found, iv.adversarial.fgsm(network, kept, AwayFrom(labels), epsilon=0.03).images, atol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. Core: back into the ball
#
# An attack of many steps must not leave the ball of radius $\epsilon$ around the original image $x$. After each step it is
# brought back to the nearest point of the ball. For a change $d = x' - x$ that is
#
# $$\Pi_\infty(d)_i = \min(\max(d_i, -\epsilon), \epsilon) \qquad \Pi_2(d) = d \cdot \min\Big(1, \frac{\epsilon}{\|d\|_2}\Big)$$
#
# Return $x + \Pi(d)$, clipped to [0, 1] at the end. What lies in the ball stays where it is. Mind $d = 0$.


# %% solution="project" kind="core"
def project(changed, images, epsilon, norm):
    """Bring changed images back into the ball around the original ones, and into [0, 1].

    changed, images: (b, 3, h, w), `images` in [0, 1]. epsilon: the radius. norm: "linf" or "l2". Returns (b, 3, h, w).
    """
    ### BEGIN SOLUTION
    change = changed - images
    if norm == "linf":
        change = change.clamp(-epsilon, epsilon)
    else:
        lengths = change.flatten(1).norm(dim=1).clamp(min=1e-12)
        change = change * (epsilon / lengths).clamp(max=1)[:, None, None, None]
    return (images + change).clamp(0, 1)
    ### END SOLUTION


# %% check="the box of the largest norm"
origin = values([0.5, 0.5, 0.5, 0.5, 0.02, 0.98], [0.2, 0.2, 0.2, 0.2, 0.2, 0.2])
moved = values([0.9, 0.1, 0.53, 0.47, -0.3, 1.3], [0.2, 0.2, 0.2, 0.2, 0.2, 0.21])
check(
    project(moved, origin, 0.1, "linf"),
    values([0.6, 0.4, 0.53, 0.47, 0.0, 1.0], [0.2, 0.2, 0.2, 0.2, 0.2, 0.21]),
    {
        "the image itself is clipped to the radius; clip its change": values(
            [0.1, 0.1, 0.1, 0.1, 0.0, 0.1], [0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
        ),
        "the change is returned; add it to the original image": values(
            [0.1, -0.1, 0.03, -0.03, -0.1, 0.1], [0.0, 0.0, 0.0, 0.0, 0.0, 0.01]
        ),
        "the change is returned; add it to the original image, then clip": values(
            [0.1, 0.0, 0.03, 0.0, 0.0, 0.1], [0.0, 0.0, 0.0, 0.0, 0.0, 0.01]
        ),
        "values leave [0, 1]: clip the result": values(
            [0.6, 0.4, 0.53, 0.47, -0.08, 1.08], [0.2, 0.2, 0.2, 0.2, 0.2, 0.21]
        ),
        "every value is brought to the border of the box; those inside stay where they are": values(
            [0.6, 0.4, 0.6, 0.4, 0.0, 1.0], [0.2, 0.2, 0.2, 0.2, 0.2, 0.3]
        ),
        "the change is clipped above, but not below": values(
            [0.6, 0.1, 0.53, 0.47, 0.0, 1.0], [0.2, 0.2, 0.2, 0.2, 0.2, 0.21]
        ),
        "this clips to [0, 1] alone; the ball is missing": values(
            [0.9, 0.1, 0.53, 0.47, 0.0, 1.0], [0.2, 0.2, 0.2, 0.2, 0.2, 0.21]
        ),
        "the clipped change was added to the changed image, not to the original": values(
            [1.0, 0.0, 0.56, 0.44, 0.0, 1.0], [0.2, 0.2, 0.2, 0.2, 0.2, 0.22]
        ),
    },
    name="project, linf",
)

# %% check="the ball of the Euclidean norm"
origin = torch.cat([torch.full((3, 3, 1, 2), 0.5), torch.tensor([[[[0.95, 0.5]], [[0.5, 0.5]], [[0.5, 0.5]]]])])
moves = torch.zeros(4, 3, 1, 2)
moves[0, :2, 0, 0] = torch.tensor([0.3, -0.4])  # of length 0.5: too long
moves[1, 0, 0] = torch.tensor([0.06, 0.08])  # of length 0.1: inside
moves[3, 0, 0] = torch.tensor([0.6, 0.8])  # of length 1, towards white; the third image has not changed
right = torch.zeros(4, 3, 1, 2)
right[0, :2, 0, 0] = torch.tensor([0.15, -0.2])
right[1, 0, 0] = torch.tensor([0.06, 0.08])
right[3, 0, 0] = torch.tensor([0.05, 0.2])
unclipped, longer, batch, boxed, squared, bordered, early = (right.clone() for _ in range(7))
unclipped[3, 0, 0, 0] = 0.15
longer[1, 0, 0] = torch.tensor([0.15, 0.2])
batch[0, :2, 0, 0], batch[1, 0, 0] = torch.tensor([0.3, -0.4]) * 0.2227, torch.tensor([0.06, 0.08]) * 0.2227
batch[3, 0, 0] = torch.tensor([0.05, 0.8 * 0.2227])
boxed[0, :2, 0, 0], boxed[3, 0, 0, 1] = torch.tensor([0.25, -0.25]), 0.25
squared[0, :2, 0, 0] = torch.tensor([0.3, -0.4])  # the square of 0.5 is 0.25, which is no more than the radius
bordered[3, 0, 0, 1] = 0.25
early[3, 0, 0] = torch.tensor([0.05, 0.5]) * 0.25 / 0.2525**0.5
check(
    project(origin + moves, origin, 0.25, "l2"),
    origin + right,
    {
        "values leave [0, 1]: clip the result": origin + unclipped,
        "the image is clipped to [0, 1] before its change is made shorter; clip last": origin + early,
        "every change is brought to the length of the radius, also one that is shorter": origin + longer,
        "the length is that of the whole batch; each image has its own": origin + batch,
        "each value is clipped, as under linf; under l2 the whole change is made shorter": origin + boxed,
        "the length is squared: take its root": origin + squared,
        "the length is taken over the colours alone; it runs over all values of an image": origin + bordered,
        "the change is returned; add it to the original image": unclipped,
        "the change is returned; add it to the original image, then clip": unclipped.clamp(0, 1),
        "this clips to [0, 1] alone; the ball is missing": (origin + moves).clamp(0, 1),
    },
    name="project, l2",
)

# %% test="box" points=1
### BEGIN HIDDEN TESTS
start, far = 0.35 + 0.3 * random_images(seed + 10, 3, 7), random_images(seed + 11, 3, 7)
wanted = torch.maximum(torch.minimum(far, start + 0.15), start - 0.15)
assert torch.allclose(project(far, start, 0.15, "linf"), wanted)
### END HIDDEN TESTS

# %% test="ball" points=2
### BEGIN HIDDEN TESTS
start = 0.4 + 0.2 * random_images(seed + 12, 4, 7)
turned = torch.randn(start.shape, generator=torch.Generator().manual_seed(seed + 13), dtype=start.dtype)
turned = turned / turned.flatten(1).norm(dim=1)[:, None, None, None]
lengths = torch.tensor([0.1, 0.29, 0.31, 0.5], dtype=start.dtype)[:, None, None, None]
wanted = start + lengths.clamp(max=0.3) * turned
assert torch.allclose(project(start + lengths * turned, start, 0.3, "l2"), wanted)
### END HIDDEN TESTS

# %% test="range-and-rest" points=1
### BEGIN HIDDEN TESTS
start = (3 * random_images(seed + 14, 2, 6) - 1).clamp(0, 1)
far = start + torch.randn(start.shape, generator=torch.Generator().manual_seed(seed + 15), dtype=start.dtype)
length = (far - start).flatten(1).norm(dim=1)[:, None, None, None]
for norm, wanted in {
    "linf": (start + (far - start).clamp(-0.2, 0.2)).clamp(0, 1),
    "l2": (start + (far - start) * 2 / length).clamp(0, 1),
}.items():
    assert torch.allclose(project(far, start, 2.0 if norm == "l2" else 0.2, norm), wanted)
    assert torch.equal(project(start, start, 0.2, norm), start)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Core: many steps, PGD
#
# Projected gradient descent takes $T$ small steps of $\alpha$, and goes back into the ball around the *original* image after
# each. Under $L_\infty$:
#
# $$x^0 = x \qquad x^{t+1} = \Pi_\infty\big(x^t \pm \alpha\, \mathrm{sign}(\nabla_x J(x^t, y))\big)$$
#
# The sign is plus if $y$ is a class to lead away from: its loss rises. It is minus if $y$ is a target: its loss falls. Use your
# `loss_gradient` and `project`. (Madry and others start at a random point of the ball; here it is the image itself, so that the result
# can be compared.)


# %% solution="pgd" kind="core"
def pgd(model, images, classes, epsilon, steps, step_size, targeted=False):
    """Return images after an attack by projected gradient under the largest norm, which starts at the images.

    images: (b, 3, h, w) in [0, 1]. classes: (b,), to lead away from; or to lead to, if `targeted`. Returns (b, 3, h, w).
    """
    ### BEGIN SOLUTION
    changed = images.clone()
    side = -1 if targeted else 1
    for _ in range(steps):
        step = side * step_size * loss_gradient(model, changed, classes).sign()
        changed = project(changed + step, images, epsilon, "linf")
    return changed
    ### END SOLUTION


# %% check="a network that likes one grey, followed by hand"
def likes_grey(images):
    """Logit 0 is the higher the closer all values are to 0.537; logit 1 is 0."""
    score = -10 * (images - 0.537).square().flatten(1).sum(1)
    return torch.stack([score, torch.zeros_like(score)], 1)


one = torch.tensor([0.5, 0.58, 0.515, 0.7, 0.99, 0.02]).reshape(1, 3, 1, 2)


def image(*numbers):
    """Return one image of these values."""
    return torch.tensor(numbers).reshape(1, 3, 1, 2)


check(
    pgd(likes_grey, one, torch.tensor([0]), epsilon=0.05, steps=3, step_size=0.02),
    image(0.45, 0.63, 0.465, 0.75, 1.0, 0.0),
    {
        "the loss of the class falls; without a target it has to rise": image(0.52, 0.53, 0.535, 0.65, 0.94, 0.07),
        "it is the result of a single step; does each start at the original image?": image(
            0.48, 0.6, 0.495, 0.72, 1.0, 0.0
        ),
        "the ball is left: project after each step, around the original image": image(
            0.44, 0.64, 0.455, 0.76, 1.0, 0.0
        ),
        "values leave [0, 1]": image(0.45, 0.63, 0.465, 0.75, 1.04, -0.03),
        "values leave the ball and [0, 1]: project after each step": image(0.44, 0.64, 0.455, 0.76, 1.05, -0.04),
        "the loop makes one step too few": image(0.46, 0.62, 0.475, 0.74, 1.0, 0.0),
    },
    name="pgd",
)
check(
    pgd(likes_grey, one, torch.tensor([0]), epsilon=0.05, steps=4, step_size=0.03, targeted=True),
    image(0.55, 0.53, 0.515, 0.65, 0.94, 0.07),
    {
        "the loss of the target rises; it has to fall": image(0.45, 0.63, 0.465, 0.75, 1.0, 0.0),
        "the gradient is that at the original image; compute it again after each step": image(
            0.55, 0.53, 0.565, 0.65, 0.94, 0.07
        ),
        "it is the result of a single step; does each start at the original image?": image(
            0.53, 0.55, 0.545, 0.67, 0.96, 0.05
        ),
        "the ball is left: project after each step, around the original image": image(
            0.56, 0.52, 0.515, 0.58, 0.87, 0.14
        ),
        "the steps have the size of the radius, not of step_size": image(0.5, 0.58, 0.515, 0.65, 0.94, 0.07),
        "the steps have the size of the radius divided by their number, not of step_size": image(
            0.525, 0.53, 0.54, 0.65, 0.94, 0.07
        ),
        "the loop makes one step too many or too few": image(0.52, 0.56, 0.545, 0.65, 0.94, 0.07),
    },
    name="pgd with a target",
)
check(
    pgd(likes_grey, one, torch.tensor([0]), epsilon=0.05, steps=3, step_size=0.03, targeted=True),
    image(0.52, 0.56, 0.545, 0.65, 0.94, 0.07),
    {"the ball is entered only once, at the end: project after each step": image(0.53, 0.55, 0.545, 0.65, 0.94, 0.07)},
    name="pgd with a target, three steps",
)

# %% test="untargeted" points=2
### BEGIN HIDDEN TESTS
network, labels = small_network(seed + 16), torch.tensor([0, 3, 4])
inner = 0.3 + 0.4 * random_images(seed + 16, 3, 12)
wanted = iv.adversarial.pgd(network, inner, AwayFrom(labels), Attack(0.05, steps=6, step_size=0.02, seed=None)).images
assert torch.allclose(pgd(network, inner, labels, 0.05, 6, 0.02), wanted, atol=1e-9)
wanted = iv.adversarial.pgd(network, inner, AwayFrom(labels), Attack(0.05, steps=2, step_size=0.01, seed=None)).images
assert torch.allclose(pgd(network, inner, labels, 0.05, 2, 0.01), wanted, atol=1e-9)  # not to the border
### END HIDDEN TESTS

# %% test="targeted" points=1
### BEGIN HIDDEN TESTS
network, labels = small_network(seed + 17), torch.tensor([1, 2])
inner = 0.3 + 0.4 * random_images(seed + 17, 2, 12)
wanted = iv.adversarial.pgd(network, inner, Towards(labels), Attack(0.08, steps=9, step_size=0.03, seed=None)).images
found = pgd(network, inner, labels, 0.08, 9, 0.03, targeted=True)
assert torch.allclose(found, wanted, atol=1e-9)
loss = functional.cross_entropy(network(found), labels)
assert loss < functional.cross_entropy(network(inner), labels)


def towards_half(images):
    """Logit 0 is the higher the closer all values are to 0.5; logit 1 is 0."""
    score = -10 * (images - 0.5).square().flatten(1).sum(1)
    return torch.stack([score, torch.zeros_like(score)], 1)


walked = inner.clone()
for _ in range(3):
    walked = walked + 0.03 * (0.5 - walked).sign()
    walked = torch.maximum(torch.minimum(walked, inner + 0.05), inner - 0.05)
found = pgd(towards_half, inner, torch.tensor([0, 0]), 0.05, 3, 0.03, targeted=True)
assert torch.allclose(found, walked, atol=1e-9)
### END HIDDEN TESTS

# %% test="edges" points=1
### BEGIN HIDDEN TESTS
network, labels = small_network(seed + 18), torch.tensor([2, 2])
outer = (2 * random_images(seed + 18, 2, 10) - 0.5).clamp(0, 1)
wanted = iv.adversarial.pgd(network, outer, AwayFrom(labels), Attack(0.1, steps=4, step_size=0.04, seed=None)).images
found = pgd(network, outer, labels, 0.1, 4, 0.04)
assert torch.allclose(found, wanted, atol=1e-9) and found.min() >= 0 and found.max() <= 1
assert torch.equal(pgd(network, outer, labels, 0.1, 0, 0.04), outer)  # no steps
### END HIDDEN TESTS

# %% [markdown]
# ## 6. Open: how little is enough?
#
# Below are three cuts of one photograph, and what EfficientNet-Lite0 sees in each. Attack them with one step of FGSM, of
# $\epsilon$ = 0.1, 0.2, ..., 1.0 levels of 255, each from the cut itself. Find for each cut the smallest of these $\epsilon$ at
# which the network no longer predicts the class that it predicted before. Set `answer_levels` to the mean over the three cuts,
# in levels.

# %%
network = iv.load_model("efficientnet_lite0")
cat = photo("skimage/chelsea", 200)
draws = torch.Generator().manual_seed(seed)
tops = torch.randint(cat.shape[2] - 112, (3,), generator=draws).tolist()
lefts = torch.randint(cat.shape[3] - 112, (3,), generator=draws).tolist()
cuts = torch.cat([cat[..., top : top + 112, left : left + 112] for top, left in zip(tops, lefts, strict=True)])
with torch.no_grad():
    seen = network(cuts).argmax(1)
levels = [step / 10 for step in range(1, 11)]

# %% solution="answer_levels" kind="open"
### BEGIN SOLUTION
fooled = torch.stack([network(fgsm(network, cuts, seen, level / 255)).argmax(1) != seen for level in levels])
first = fooled.int().argmax(0)  # of each cut, the place of the first success among the levels
answer_levels = sum(levels[place] for place in first.tolist()) / 3
### END SOLUTION

# %% check="a plausible number"
check(
    0.1 <= float(answer_levels) <= 1.0,
    True,
    {"it is no mean of levels from 0.1 to 1.0. Is it in units of [0, 1], or a place in the list?": False},
    name="the form of answer_levels",
)

# %% test="levels" points=2
### BEGIN HIDDEN TESTS
leaf = cuts.clone().requires_grad_()
(steep,) = torch.autograd.grad(functional.cross_entropy(network(leaf), seen, reduction="sum"), leaf)
stepped = [(cuts + step / 2550 * steep.sign()).clamp(0, 1) for step in range(1, 11)]
with torch.no_grad():
    hits = torch.stack([network(one).argmax(1) != seen for one in stepped])
smallest = (hits.int().argmax(0) + 1) / 10
assert abs(float(answer_levels) - float(smallest.mean())) < 0.04  # one cut may be one step aside
### END HIDDEN TESTS

# %% [markdown]
# ## 7. Open: why so little?
#
# To first order, a change $d$ moves the loss by $g \cdot d$, where $g$ is the gradient. Along its sign, $d = \epsilon\,
# \mathrm{sign}(g)$, that is $\epsilon \|g\|_1$. If each sign is drawn at random, the mean of $g \cdot d$ is 0 and its standard
# deviation $\epsilon \|g\|_2$. So the sign of the gradient is $\|g\|_1 / \|g\|_2$ times as strong as chance. Measure this ratio for the
# first of the three cuts and its class `seen[0]`, and set `answer_gain` to it. (Compare it with the root of the number of values,
# which it cannot exceed.)

# %% solution="answer_gain" kind="open"
### BEGIN SOLUTION
slope = loss_gradient(network, cuts[:1], seen[:1])
answer_gain = float(slope.abs().sum() / slope.square().sum().sqrt())
### END SOLUTION

# %% check="a plausible gain"
check(
    1 <= float(answer_gain) <= (3 * 112 * 112) ** 0.5,
    True,
    {"for d values this ratio lies between 1 and the root of d. Is the root in the Euclidean length missing?": False},
    name="the form of answer_gain",
)

# %% test="gain" points=2
### BEGIN HIDDEN TESTS
leaf = cuts[:1].clone().requires_grad_()
(steep,) = torch.autograd.grad(functional.cross_entropy(network(leaf), seen[:1]), leaf)
assert abs(float(answer_gain) / float(steep.norm(p=1) / steep.norm(p=2)) - 1) < 2e-3
### END HIDDEN TESTS
