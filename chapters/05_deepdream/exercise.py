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
# # Exercise 5: DeepDream
#
# Write your code where it says `# YOUR CODE HERE` (delete the line below it, too), then run the check below. If a check fails, it
# says what kind of mistake makes such a result. Hand in this one file. Use PyTorch; do not call `iv.deepdream`. Images are
# `(b, 3, h, w)` with values in [0, 1]; each image of a batch dreams on its own.

# %% tags=["setup"]
import torch
from torch.nn import functional as F

import innerview as iv
from innerview.course import check, random_images
from innerview.replicate.photos import photo

seed = 0  # the course's seed

# %% [markdown]
# ## 1. Warm-up: the objective and the sizes
#
# A dream strengthens whatever is active in a layer. Its objective is half the sum of the squared activations, for each image:
#
# $$E(x) = \tfrac{1}{2} \|A(x)\|^2 = \tfrac{1}{2} \sum_{k} \sum_{ij} A^k_{ij}(x)^2$$


# %% solution="energy" kind="warm-up"
def energy(activations):
    """Return half the sum of the squared activations of each image.

    activations: (b, k, h, w). Returns (b,).
    """
    ### BEGIN SOLUTION
    return activations.flatten(1).square().sum(dim=1) / 2
    ### END SOLUTION


# %% check="two images"
activations = torch.tensor([[[[1.0, 2.0]], [[0.0, 1.0]]], [[[-2.0, 0.0]], [[4.0, 0.0]]]])
check(
    energy(activations),
    [3.0, 10.0],
    {
        "the half is missing": [6.0, 20.0],
        "the mean is taken in place of the sum": [0.75, 2.5],
        "the mean is taken in place of the sum, and the half is missing": [1.5, 5.0],
        "the activations are not squared": [2.0, 1.0],
        "the sum is squared; square each activation first": [8.0, 2.0],
        "a square root is taken; the objective is the square of the length": [6.0**0.5 / 2, 20.0**0.5 / 2],
    },
    name="energy",
)

# %% test="energy-of-images" points=2
### BEGIN HIDDEN TESTS
hidden = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(seed + 1))
assert energy(hidden).shape == (3,)
assert torch.allclose(energy(hidden), 0.5 * torch.einsum("bkij,bkij->b", hidden, hidden), rtol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# A dream changes the photograph at several sizes, its *octaves*. The largest is the photograph itself. Each smaller one is made from
# the next larger one: both sides are divided by the scale and rounded with Python's `round`. This
# helper resizes.


# %%
def resized(images, size):
    """Resize images to (height, width), bilinearly, corner on corner."""
    return F.interpolate(images, tuple(size), mode="bilinear", align_corners=True)


# %% solution="pyramid" kind="warm-up"
def pyramid(images, octaves, scale):
    """Return a list of the images at all octaves, from the smallest to the largest, which is `images` itself.

    images: (b, 3, h, w). octaves: how many, at least 1. scale: each octave's sides over those of the next smaller one.
    """
    ### BEGIN SOLUTION
    made = [images]
    for _ in range(octaves - 1):
        made.append(resized(made[-1], [round(side / scale) for side in made[-1].shape[-2:]]))
    return made[::-1]
    ### END SOLUTION


# %% check="sizes of three octaves"
check(
    [list(octave.shape[-2:]) for octave in pyramid(torch.zeros(1, 3, 42, 63), 3, 1.5)],
    [[19, 28], [28, 42], [42, 63]],
    {
        "the order is from large to small; begin with the smallest": [[42, 63], [28, 42], [19, 28]],
        "the sides are multiplied by the scale; the photograph is the largest octave": [[42, 63], [63, 94], [94, 141]],
        "the sides are cut down to whole numbers; round them": [[18, 28], [28, 42], [42, 63]],
        "height and width are exchanged": [[28, 19], [42, 28], [63, 42]],
        "the area is divided by the scale; divide each side": [[28, 42], [34, 51], [42, 63]],
    },
    name="sizes",
)
stripe = torch.zeros(1, 1, 12, 12)
stripe[..., 5:7] = 1.0
check(
    pyramid(stripe, 3, 2)[0][0, 0, 0],
    [0.0, 0.4, 0.0],
    {"it is resized from the photograph; resize each octave from the next larger one": [0.0, 1.0, 0.0]},
    name="a row of the smallest octave",
)

# %% test="pyramid-of-images" points=2
### BEGIN HIDDEN TESTS
hidden = random_images(seed + 2, count=2, size=(40, 61 + seed % 9))
found, last = pyramid(hidden, 3, 1.4), hidden
assert len(found) == 3
for octave in found[::-1]:
    assert octave.shape == last.shape
    assert torch.allclose(octave, last)
    last = resized(last, [round(last.shape[2] / 1.4), round(last.shape[3] / 1.4)])
assert len(pyramid(hidden, 1, 1.4)) == 1
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Core: one step, the octaves, and a guide
#
# **One step.** The gradient $g$ of the energy is large in some layers and small in others. So a step divides it by the mean of its
# absolute values, for each image on its own:
#
# $$x \leftarrow \mathrm{clip}_{[0, 1]} \Big( x + \frac{s}{255} \, \frac{g}{\mathrm{mean} |g|} \Big)$$
#
# The step size $s$ is then the mean change of a pixel, in levels of 255. The clipping keeps pixels valid.


# %% solution="normalised_step" kind="core"
def normalised_step(images, gradient, step_size):
    """Return the images after one step along the gradient, clipped to [0, 1].

    images, gradient: (b, 3, h, w). step_size: mean change of a pixel, in units of 1/255.
    """
    ### BEGIN SOLUTION
    mean = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
    return (images + step_size / 255 * gradient / mean).clamp(0, 1)
    ### END SOLUTION


# %% check="two images of two pixels"
gradient = torch.tensor([[[[1.0, 1.0]], [[2.0, 0.0]], [[0.0, -2.0]]], [[[2.0, 2.0]], [[-4.0, 4.0]], [[0.0, 12.0]]]])
check(
    normalised_step(torch.full((2, 3, 1, 2), 0.5), gradient, 51)[:, :, 0],
    [[[0.7, 0.7], [0.9, 0.5], [0.5, 0.1]], [[0.6, 0.6], [0.3, 0.7], [0.5, 1.0]]],
    {
        "values leave [0, 1]; clip them": [[[0.7, 0.7], [0.9, 0.5], [0.5, 0.1]], [[0.6, 0.6], [0.3, 0.7], [0.5, 1.1]]],
        "the mean is taken over the whole batch; each image has its own": [
            [[0.58, 0.58], [0.66, 0.5], [0.5, 0.34]],
            [[0.66, 0.66], [0.18, 0.82], [0.5, 1.0]],
        ],
        "the sign is wrong: the step goes down the gradient, the objective is to rise": [
            [[0.3, 0.3], [0.1, 0.5], [0.5, 0.9]],
            [[0.4, 0.4], [0.7, 0.3], [0.5, 0.0]],
        ],
        "the absolute value is forgotten: positive and negative values cancel in the mean": [
            [[1.0, 1.0], [1.0, 0.5], [0.5, 0.0]],
            [[0.65, 0.65], [0.2, 0.8], [0.5, 1.0]],
        ],
        "the gradient is divided by its largest absolute value, not by the mean": [
            [[0.6, 0.6], [0.7, 0.5], [0.5, 0.3]],
            [[0.533333, 0.533333], [0.433333, 0.566667], [0.5, 0.7]],
        ],
        "the gradient is divided by its length, not by the mean of its absolute values": [
            [[0.563246, 0.563246], [0.626491, 0.5], [0.5, 0.373509]],
            [[0.529488, 0.529488], [0.441023, 0.558977], [0.5, 0.676930]],
        ],
        "the gradient is divided by the root of its mean square (RMS), not by the mean of its absolute values": [
            [[0.654919, 0.654919], [0.809839, 0.5], [0.5, 0.190161]],
            [[0.572232, 0.572232], [0.355537, 0.644463], [0.5, 0.933389]],
        ],
        "the gradient is divided by its standard deviation, not by the mean of its absolute values": [
            [[0.646385, 0.646385], [0.792770, 0.5], [0.5, 0.207230]],
            [[0.575234, 0.575234], [0.349533, 0.650467], [0.5, 0.951402]],
        ],
        "the step size is in levels of 255, pixels are in [0, 1]": [
            [[1.0, 1.0], [1.0, 0.5], [0.5, 0.0]],
            [[1.0, 1.0], [0.0, 1.0], [0.5, 1.0]],
        ],
        "each colour channel is normalised on its own; take the mean over colours, rows and columns": [
            [[0.7, 0.7], [0.9, 0.5], [0.5, 0.1]],
            [[0.7, 0.7], [0.3, 0.7], [0.5, 0.9]],
        ],
        "only the sign of the gradient is used": [
            [[0.7, 0.7], [0.7, 0.5], [0.5, 0.3]],
            [[0.7, 0.7], [0.3, 0.7], [0.5, 0.7]],
        ],
        "the gradient is not normalised": [[[0.7, 0.7], [0.9, 0.5], [0.5, 0.1]], [[0.9, 0.9], [0.0, 1.0], [0.5, 1.0]]],
    },
    name="normalised_step",
)

# %% test="step-of-one-image" points=1
### BEGIN HIDDEN TESTS
hidden = 0.25 + 0.5 * random_images(seed + 3, count=1, size=8)
slope = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(seed + 3), dtype=torch.float64) + 0.3
found = normalised_step(hidden, slope, 1.5) - hidden
assert abs(float(found.abs().mean()) - 1.5 / 255) < 1e-6
assert torch.allclose(found / (1.5 / 255), slope / slope.abs().mean(), atol=1e-6)
### END HIDDEN TESTS

# %% test="step-of-a-batch" points=2
### BEGIN HIDDEN TESTS
hidden = 0.25 + 0.5 * random_images(seed + 4, count=3, size=(6, 9))
slope = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(seed + 4), dtype=torch.float64)
slope = slope * torch.tensor([0.01, 1.0, 50.0]).reshape(3, 1, 1, 1) * torch.tensor([1.0, 2.0, 5.0]).reshape(1, 3, 1, 1)
found = normalised_step(hidden, slope, 2) - hidden
for change, one in zip(found, slope, strict=True):
    assert torch.allclose(change, 2 / 255 * one / one.abs().mean(), atol=1e-6)
### END HIDDEN TESTS

# %% test="step-is-clipped" points=1
### BEGIN HIDDEN TESTS
hidden = random_images(seed + 5, count=2, size=12).round()
slope = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(seed + 5), dtype=torch.float64)
scale = 20 / 255 / slope.abs().mean((1, 2, 3), keepdim=True)
found = normalised_step(hidden, slope, 20)
assert torch.allclose(found, torch.minimum(torch.maximum(hidden + scale * slope, 0 * hidden), 0 * hidden + 1))
### END HIDDEN TESTS

# %% [markdown]
# **Octaves.** Begin with the smallest octave of the pyramid, and no detail. At each octave
#
# 1. enlarge the *detail* found so far to this octave's size and add it to the photograph of this size;
# 2. take all steps: call `ascend` so many times, which takes one step and returns the changed images;
# 3. the new detail is what was added to the photograph of this size in all.
#
# In symbols, with the photograph $p_o$ at octave $o$, the resizing $R$, and $n$ calls of `ascend`, written $\mathrm{ascend}^n$:
#
# $$x_o = \mathrm{ascend}^n \big(p_o + R(d_{o-1})\big), \qquad d_o = x_o - p_o, \qquad d_0 = 0$$
#
# The result is $x$ at the last octave. `ascend` clips by itself, so do not clip.


# %% solution="dream" kind="core"
def dream(images, ascend, octaves, scale, steps):
    """Return the dreamt images, of the size of `images`.

    images: (b, 3, h, w). ascend: takes images, returns them after one step. octaves, scale: see `pyramid`. steps: at each octave.
    """
    ### BEGIN SOLUTION
    bases = pyramid(images, octaves, scale)
    detail = torch.zeros_like(bases[0])
    for base in bases:
        dreamt = base + resized(detail, base.shape[-2:])
        for _ in range(steps):
            dreamt = ascend(dreamt)
        detail = dreamt - base
    return dreamt
    ### END SOLUTION


# %% [markdown]
# The check takes a step that can be followed by hand: it squares each pixel. With a scale of 2 and an image of four by four pixels the
# smaller octave is the four corners.

# %% check="two octaves by hand"
picture = torch.tensor([[[[0.3, 0.9, 0.0, 0.6], [0.0, 0.5, 0.7, 0.2], [1.0, 0.4, 0.2, 0.6], [0.9, 0.1, 0.8, 0.0]]]])
check(
    dream(picture, torch.square, 2, 2, 1)[0, 0],
    [
        [0.0081, 0.4624, 0.0529, 0.1296],
        [0.0289, 0.111111, 0.288011, 0.0016],
        [0.7569, 0.082178, 0.010678, 0.2704],
        [0.6561, 0.0016, 0.5929, 0.0],
    ],
    {
        "the detail of the smaller octave is lost; enlarge it and add it to the larger photograph": [
            [0.09, 0.81, 0.0, 0.36],
            [0.0, 0.25, 0.49, 0.04],
            [1.0, 0.16, 0.04, 0.36],
            [0.81, 0.01, 0.64, 0.0],
        ],
        "the small dream is enlarged and the larger photograph never used; enlarge the detail alone": [
            [0.0081, 0.0324, 0.0729, 0.1296],
            [0.1089, 0.09, 0.0729, 0.0576],
            [0.3249, 0.1764, 0.0729, 0.0144],
            [0.6561, 0.2916, 0.0729, 0.0],
        ],
        "the detail is added after the steps; add it before them": [
            [-0.12, 0.59, -0.23, 0.12],
            [-0.17, 0.083333, 0.326667, -0.12],
            [0.87, 0.046667, -0.056667, 0.28],
            [0.72, -0.05, 0.61, 0.0],
        ],
        "the whole small dream is added; add the detail alone, the dream minus the photograph": [
            [0.1521, 1.1664, 0.0729, 0.9216],
            [0.1089, 0.64, 0.9409, 0.1936],
            [2.4649, 0.6724, 0.2209, 0.5184],
            [2.9241, 0.4096, 1.1449, 0.0],
        ],
        "the last detail is returned; return the dream": [
            [-0.2919, -0.4376, 0.0529, -0.4704],
            [0.0289, -0.388889, -0.411989, -0.1984],
            [-0.2431, -0.317822, -0.189322, -0.3296],
            [-0.2439, -0.0984, -0.2071, 0.0],
        ],
        "the photograph with the detail is clipped; do not clip, `ascend` does where it has to": [
            [0.0081, 0.4624, 0.0, 0.1296],
            [0.0, 0.111111, 0.288011, 0.0016],
            [0.7569, 0.082178, 0.010678, 0.2704],
            [0.6561, 0.0016, 0.5929, 0.0],
        ],
        "the last octave has no steps; take them at each octave": [
            [0.09, 0.68, -0.23, 0.36],
            [-0.17, 0.333333, 0.536667, 0.04],
            [0.87, 0.286667, 0.103333, 0.52],
            [0.81, 0.04, 0.77, 0.0],
        ],
    },
    name="dream",
)

# %% check="three octaves, two steps each"
check(
    dream(torch.zeros(1, 1, 9, 9), lambda images: images + 0.4, 3, 1.5, 2),
    torch.full((1, 1, 9, 9), 2.4),
    {
        "one step at each octave is taken, but two are asked for": torch.full((1, 1, 9, 9), 1.2),
        "the detail of the octave before the last is lost": torch.full((1, 1, 9, 9), 1.6),
        "the detail is lost": torch.full((1, 1, 9, 9), 0.8),
        "details are counted twice; the detail is the dream minus the photograph of its size": torch.full(
            (1, 1, 9, 9), 3.2
        ),
        "the photograph with the detail is clipped; do not clip, `ascend` does where it has to": torch.full(
            (1, 1, 9, 9), 1.8
        ),
        "the result is clipped; do not clip, `ascend` does where it has to": torch.full((1, 1, 9, 9), 1.0),
    },
    name="dream",
)

# %% test="dream-of-one-octave" points=1
### BEGIN HIDDEN TESTS
hidden, calls = random_images(seed + 6, count=2, size=(20, 26)), []


def counted(images):
    """Count the calls and brighten dark pixels."""
    calls.append(images.shape)
    return 0.9 * images + 0.1


assert torch.allclose(dream(hidden, counted, 1, 1.4, 3), 1 - 0.9**3 * (1 - hidden))
assert calls == [hidden.shape] * 3
### END HIDDEN TESTS

# %% test="dream-of-two-octaves" points=2
### BEGIN HIDDEN TESTS
hidden = random_images(seed + 7, count=2, size=(21 + seed % 4, 30))
low = resized(hidden, [round(hidden.shape[2] / 1.5), 20])
carried = hidden + resized(torch.sin(3 * low) - low, hidden.shape[-2:])
assert torch.allclose(dream(hidden, lambda images: torch.sin(3 * images), 2, 1.5, 1), torch.sin(3 * carried))
### END HIDDEN TESTS

# %% test="dream-of-three-octaves" points=2
### BEGIN HIDDEN TESTS
hidden = random_images(seed + 8, count=1, size=(96, 80 + 8 * (seed % 3)), dtype=torch.float32)
recipe = iv.DreamRecipe(octaves=3, octave_scale=1.3, steps=2, step_size=3, jitter=0)


def pulled(images):
    """Take the step that the library takes, for an energy that is the squared pixels of one colour."""
    slope = images * torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    return (images + 3 / 255 * slope / slope.abs().mean((1, 2, 3), keepdim=True)).clamp(0, 1)


class Red(torch.nn.Module):
    """A network of one layer, which lets red through."""

    def __init__(self):
        super().__init__()
        self.red = torch.nn.Conv2d(3, 1, 1, bias=False)
        self.red.weight = torch.nn.Parameter(torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1), requires_grad=False)

    def forward(self, images):
        return self.red(images)


expected = iv.deepdream(Red(), hidden, iv.layer("red"), recipe=recipe)
assert torch.allclose(dream(hidden, pulled, 3, 1.3, 2), expected, atol=1e-5)
### END HIDDEN TESTS

# %% [markdown]
# **A guide.** A second image, the guide, can say what to dream of. Its layer gives one vector $G_q$ of $k$ numbers for each position
# $q$. At each position $p$ of the dream, the objective counts the best match with any of them, and adds these up:
#
# $$E(x) = \sum_p \max_q \sum_k A^k_p(x) \, G^k_q$$


# %% solution="guided_energy" kind="core"
def guided_energy(activations, guide):
    """Return how well each image's activations match the guide's.

    activations: (b, k, h, w), of the dream. guide: (k, rows, columns), of one guide, of any size. Returns (b,).
    """
    ### BEGIN SOLUTION
    products = torch.einsum("bkp,kq->bpq", activations.flatten(2), guide.flatten(1))
    return products.amax(dim=2).sum(dim=1)
    ### END SOLUTION


# %% check="two positions, three of the guide"
activations = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])  # at the two positions: (1, 3) and (2, -1)
guide = torch.tensor([[[1.0, 0.0, 2.0]], [[0.0, 2.0, 1.0]]])  # at the three positions: (1, 0), (0, 2) and (2, 1)
check(
    guided_energy(activations, guide),
    [9.0],
    {
        "all matches are added; take the best one of each position": [15.0],
        "the mean of the matches is taken; take the best one of each position": [5.0],
        "the best position of the dream is taken for each of the guide; it is the other way round": [13.0],
        "only the best match of all is counted; add the best ones of all positions of the dream": [6.0],
        "the mean over the positions of the dream is taken; take the sum": [4.5],
        "the vectors are divided by their lengths; take the product as it is": [1.84311],
        "the best match is taken for each channel; sum over the channels first, then take the best": [12.0],
        "the worst match is taken: that is a minimum": [-1.0],
    },
    name="guided_energy",
)

# %% test="guided-energy-of-one" points=1
### BEGIN HIDDEN TESTS
made = torch.Generator().manual_seed(seed + 9)
hidden, wanted = torch.rand(1, 3, 2, 4, generator=made), torch.rand(3, 3, 2, generator=made)
expected = sum(
    max(float(hidden[0, :, i, j] @ wanted[:, m, n]) for m in range(3) for n in range(2))
    for i in range(2)
    for j in range(4)
)
assert guided_energy(hidden, wanted).shape == (1,)
assert abs(float(guided_energy(hidden, wanted)) - expected) < 1e-3
### END HIDDEN TESTS

# %% test="guided-energy-of-a-batch" points=2
### BEGIN HIDDEN TESTS
made = torch.Generator().manual_seed(seed + 10)
hidden, wanted = torch.randn(3, 5, 4, 4, generator=made), torch.randn(5, 4, 4, generator=made)
match = (hidden.permute(0, 2, 3, 1) @ wanted.flatten(1)).amax(-1).sum((1, 2))
assert torch.allclose(guided_energy(hidden, wanted), match, rtol=1e-4, atol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Open: how much more, and does it stay?
#
# Dream on the photograph below with your functions: at layer `blocks.4` of the network, two octaves of scale 1.4, six steps each, with
# a step size of 2 and no jitter (no random shifts).
#
# - `answer_growth`: the dream's energy divided by the photograph's.
# - `answer_kept`: roll the dream by 3 pixels down and 5 to the right (`torch.roll`). What share of the dream's energy does the rolled
#   dream still have? A layer with a stride sees the image on a grid, and a dream without jitter fits this grid.

# %%
model = iv.load_model("efficientnet_lite0")
top, start = 10 * (seed % 4), 60 + 15 * (seed % 7)
photograph = F.interpolate(photo("skimage/chelsea")[..., top : top + 240, start : start + 240], (128, 128), mode="area")


def energy_of(images):
    """Return the energy of layer blocks.4 for images, with gradients."""
    return energy(iv.activations(model, images, "blocks.4")["blocks.4"])


# %% solution="growth" kind="open"
### BEGIN SOLUTION
def ascended(images):
    """Take one step up the energy of the layer."""
    source = images.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(energy_of(source).sum(), source)
    return normalised_step(images, slope, 2)


dreamt = dream(photograph, ascended, 2, 1.4, 6)
with torch.no_grad():
    before, after = float(energy_of(photograph)), float(energy_of(dreamt))
    rolled = float(energy_of(dreamt.roll((3, 5), (-2, -1))))
answer_growth = after / before
answer_kept = rolled / after
### END SOLUTION

# %% check="two positive numbers"
check(
    float(answer_growth) > 1,
    True,
    {"a dream raises the energy, so the ratio of dream to photograph is above 1": False},
    name="the form of answer_growth",
)
check(
    0 < float(answer_kept) < 1,
    True,
    {"it is a share of the dream's energy, so it lies between 0 and 1": False},
    name="the form of answer_kept",
)

# %% test="growth-of-the-energy" points=2
### BEGIN HIDDEN TESTS
recipe = iv.DreamRecipe(octaves=2, octave_scale=1.4, steps=6, step_size=2, jitter=0)
expected = iv.deepdream(model, photograph, iv.layer("blocks.4"), recipe=recipe)
hidden = iv.activations(model, torch.cat([photograph, expected]), "blocks.4")["blocks.4"].square().sum((1, 2, 3))
assert abs(float(answer_growth) / float(hidden[1] / hidden[0]) - 1) < 0.02
### END HIDDEN TESTS

# %% test="kept-when-rolled" points=2
### BEGIN HIDDEN TESTS
recipe = iv.DreamRecipe(octaves=2, octave_scale=1.4, steps=6, step_size=2, jitter=0)
expected = iv.deepdream(model, photograph, iv.layer("blocks.4"), recipe=recipe)
rolled_too = torch.cat([expected, torch.roll(expected, (3, 5), (2, 3))])
hidden = iv.activations(model, rolled_too, "blocks.4")["blocks.4"].square().sum((1, 2, 3))
assert abs(float(answer_kept) / float(hidden[1] / hidden[0]) - 1) < 0.02
### END HIDDEN TESTS
