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
# # 3. Class visualization by gradient ascent
#
# A classifier was trained to name what it sees. Turn the question round: what would it like to see, to be as sure as possible of a
# class? The answer is an image, made by climbing the network's own gradient. This lesson makes such images, and shows why the plain
# ones look strange and what helps.
#
# ## Learning goals
#
# After this lesson you can
#
# - write gradient ascent on an image in a few lines of PyTorch,
# - say why one raises the logit and not the probability, and measure the difference,
# - choose a start image and a step size, and say what each does to the result,
# - derive L2 decay from an L2 penalty, and use decay, blur, total variation and jitter,
# - tell what a class image shows about a network, and what it does not.
#
# ## Before you start
#
# You need tensors, `torch.autograd.grad`, and the idea of the gradient of a score with respect to the image (lesson 2). The page takes
# 30 minutes to read and try, the exercises about an hour.
#
# The cell below holds what you may change. Run the whole notebook again after a change.

# %% tags=["parameters"]
network = "googlenet"  # or "efficientnet_lite0", which needs no download
name = "flamingo"  # the class to draw; one of ImageNet's thousand
more = ["goldfish"]  # further classes of the last figure
photograph = "skimage/chelsea"  # a start image: a cat; or skimage/coffee, skimage/astronaut, skimage/rocket
size = 112  # pixels; fewer are faster and hold less
steps = 24  # of each ascent
step_size = 0.02  # how far a typical pixel moves in one step; the range of pixels is 0 to 1
decay = 0.05  # share of the contrast that L2 decay takes away after each step
sigma = 0.5  # standard deviation of the blur, in pixels
smoothness = 0.005  # step against the total variation
jitter = 8  # pixels that the image may be shifted before each look

# %%
# %matplotlib inline
import torch
from scipy.ndimage import gaussian_filter

import innerview as iv
from innerview.core.spectrum import high_frequency_share, radial_spectrum
from innerview.figures import bars, lines, panels
from innerview.models import class_index
from innerview.replicate.photos import photo

torch.manual_seed(0)
model = iv.load_model(network)  # takes images (b, 3, h, w) in [0, 1], gives 1000 logits
c = class_index(model, name)
grey = torch.full((1, 3, size, size), 0.5)
print(f"{network}: class {c} is {name}; its logit for a grey image is {float(model(grey)[0, c]):.1f}")

# %% [markdown]
# ## Climb the score
#
# Let $S_c(I)$ be the score of class $c$ for the image $I$: the logit, before the softmax. Simonyan et al. look for the image of the highest
# score {cite}`simonyan2014deep`:
#
# $$\arg\max_I S_c(I) - \lambda \|I\|_2^2$$
#
# Leave the penalty with its weight $\lambda$ aside for a moment. The network's weights stay as they are. Only the pixels change, in the
# direction in which the score rises fastest:
#
# $$I \leftarrow I + \eta\, \frac{g}{\mathrm{rms}(g)}, \qquad g = \frac{\partial S_c(I)}{\partial I}$$
#
# Dividing by the root mean square, $\mathrm{rms}(g) = \sqrt{\mathrm{mean}(g^2)}$, is our choice, so that the step size $\eta$ means the same
# for every network: a typical pixel moves by $\eta$. The papers take $\eta\, g$ and choose $\eta$ for their network. After each step the image
# is clipped to the range of pixels. That is the whole method:


# %%
def ascend(score, image, regularise=lambda image: image, step_size=step_size):
    """Return the image before the first step and after each: (steps + 1, 1, 3, h, w)."""
    path = [image.clone()]
    for _ in range(steps):
        image = path[-1].requires_grad_()
        (gradient,) = torch.autograd.grad(score(image).sum(), image)
        moved = image.detach() + step_size * gradient / gradient.square().mean().sqrt()
        path.append(regularise(moved).clamp(0, 1))
    return torch.stack(path).detach()


def logit(image):
    return model(image)[:, c]


plain = ascend(logit, grey)

# %% mystnb={"figure": {"caption": "The image as it grows from grey. With GoogLeNet: first a fine pattern without an object, then eyes, beaks and curved necks at any place, in any size."}, "image": {"alt": "Four stages from plain grey to a noisy picture in which eyes and curved necks can be made out"}}
stages = [0, steps // 8, steps // 2, steps]
panels({f"{stage} steps, logit {float(logit(plain[stage])):.0f}": plain[stage] for stage in stages}, scale=3)

# %% [markdown]
# All that is there was asked for by one number, the score. For comparison: 300 photographs of churches, measured for this book with GoogLeNet,
# have logits of 13 on average for their class. The image passes that by far, and to us it is still mostly noise.
#
# ## Score or probability?
#
# Why the logit, when what we want is a high probability? The log odds of a class tell. With logits $z$ and probabilities $p$,
#
# $$\log \frac{p_c}{1 - p_c} = z_c - \log \sum_{k \ne c} e^{z_k}$$
#
# So a class becomes probable in two ways: its own logit rises, or those of the other classes fall. The second way shows nothing of the class.
# Simonyan et al. give this as their reason to use the score. There is another reason. The gradient of the probability is
#
# $$\frac{\partial p_c}{\partial I} = p_c\, (1 - p_c)\; \frac{\partial}{\partial I} \log \frac{p_c}{1 - p_c}$$
#
# The factor $p_c (1 - p_c)$ is all but zero as long as the class is improbable, and again when it is almost certain. An ascent of the
# probability hardly starts, and soon ends.
#
# Our steps have one length, so for them only the direction of this gradient counts, and that is the direction of the log odds. So raise
# the log odds, and follow both of their parts.


# %%
def rest(logits):
    """The second part: the log of the summed exponentials of all other classes."""
    return torch.cat([logits[:, :c], logits[:, c + 1 :]], dim=1).logsumexp(1)


def log_odds(image):
    return logit(image) - rest(model(image))


probable = ascend(log_odds, grey)
with torch.no_grad():
    outputs = {way: model(path.flatten(0, 1)) for way, path in {"logit": plain, "probability": probable}.items()}

# %% mystnb={"figure": {"caption": "The same start and the same number of steps, raising the logit and raising the probability."}, "image": {"alt": "Two noisy pictures of similar kind side by side"}}
panels({"By logit": plain[-1], "By probability": probable[-1]}, scale=3)

# %% mystnb={"figure": {"caption": "Both parts of the log odds over the steps. The distance between a class's own line and that of the others is the log odds."}, "image": {"alt": "Line chart with four curves over the steps: the class's own logit and the other classes, for both ascents"}}
curves = {f"own, by {way}": z[:, c] for way, z in outputs.items()} | {
    f"others, by {way}": rest(z) for way, z in outputs.items()
}
lines({title: (range(steps + 1), y.numpy()) for title, y in curves.items()}, "Step", "Part of the log odds")

# %%
for way, z in outputs.items():
    odds, rise = z[:, c] - rest(z), z[-1] - z[0]
    factor = odds.double().sigmoid() * (-odds.double()).sigmoid()
    print(
        f"by {way}: own logit {float(rise[c]):+.1f}, others {float(rest(z)[-1] - rest(z)[0]):+.1f}; p(1-p) at the end {factor[-1]:.0e}"
    )

# %% [markdown]
# Look at the lines of the others. Do they fall, when the probability is raised? With GoogLeNet they do not: the other classes rise as well,
# only less than when the logit is raised. Presumably what draws a flamingo draws something of other birds, too. So the first reason names a
# possibility, not a law; the exercise has networks where it does happen. The second reason follows from the equation:
# $p(1-p)$ is printed above. With GoogLeNet it is far below one in a billion at the end. An ascent with steps $\eta\, \partial p_c / \partial I$ would have stopped long before.
#
# ## Where to start
#
# An ascent climbs the hill that it stands on. Another start leads to another image of the same class. Simonyan et al. start from zero, which is
# grey, the mean of the training images. Noise starts with a pattern of its own. A photograph starts with everything.

# %%
whole = photo(photograph, width=round(1.6 * size))
top, left = (side // 2 - size // 2 for side in whole.shape[-2:])
starts = {
    "grey": grey,
    "noise": (0.5 + 0.1 * torch.randn(1, 3, size, size)).clamp(0, 1),
    "photograph": whole[..., top : top + size, left : left + size],
}
ends = {start: plain[-1] if start == "grey" else ascend(logit, image)[-1] for start, image in starts.items()}

# %% mystnb={"figure": {"caption": "Three starts, and below them where the ascent ends. The photograph is still the cat to us. To the network it is the class that was asked for."}, "image": {"alt": "Above a grey square, noise and a cat; below two noisy pictures and the same cat with a coloured pattern"}}
panels(
    {f"Start: {k}": v for k, v in starts.items()}
    | {f"From {k}, logit {float(logit(v)):.0f}": v for k, v in ends.items()},
    columns=3,
    scale=2,
)

# %% [markdown]
# The last picture is an adversarial example: an image that is changed little and named wrongly. Lesson 9 makes them on purpose, with far
# smaller changes. Here it is a warning. What satisfies a network need not look like the class to us.
#
# ## How far to step
#
# A gradient is the slope at one place. With steps too large it is followed far beyond the place for which it holds, and pixels jump from one end of the
# range to the other. Small steps leave the contrast low. They may raise the score nearly as far, or further, but little can be seen.

# %% mystnb={"figure": {"caption": "Step sizes of a fifth, once and ten times the parameter. With large steps most pixels are black, white or a pure colour."}, "image": {"alt": "Three pictures: nearly grey, a medium pattern, and a harsh pattern of saturated pixels"}}
sizes = {step_size / 5: None, step_size: plain[-1], step_size * 10: None}
sizes = {eta: ascend(logit, grey, step_size=eta)[-1] if image is None else image for eta, image in sizes.items()}
panels({f"Step size {eta:g}, logit {float(logit(image)):.0f}": image for eta, image in sizes.items()}, scale=2)

# %% [markdown]
# ## Regularise
#
# Now the penalty. Let $x$ be the offset of the image from grey. The gradient of $-\lambda \|x\|_2^2$ is $-2 \lambda x$, so a step along the
# gradient of score and penalty is
#
# $$x \leftarrow x + \eta\,(g - 2 \lambda x) = (1 - 2 \eta \lambda)\, x + \eta\, g$$
#
# Each step takes the same share $2 \eta \lambda$ of each pixel away. This is called **L2 decay**. Yosinski et al. write all regularisers as an operator
# $r_\theta$ that is applied after the step {cite}`yosinski2015understanding`:
#
# $$x \leftarrow r_\theta(x + \eta\, g)$$
#
# With the decay $\theta$, $r_\theta(x) = (1 - \theta)\, x$. Decay keeps pixels from extremes. It treats all pixels alike, whatever their neighbours are.
# The other three regularisers look at neighbours:
#
# - **Blur**: $r_\theta$ smooths the image with a narrow Gaussian. It was used by Yosinski et al., together with decay.
# - **Total variation**: subtract the sum of the differences of neighbouring pixels from the score
#   {cite}`mahendran2015understanding`. Noise has a large one, an area of one colour has none, and an edge costs only its height:
#
# $$\mathrm{TV}(x) = \sum_{i,j} |x_{i+1,j} - x_{i,j}| + |x_{i,j+1} - x_{i,j}|$$
#
# - **Jitter**: before each look, shift the image by a few random pixels {cite}`mordvintsev2015deepdream`. A pattern that excites the network only at one exact place gains
#   nothing on average.


# %%
def decayed(image):
    return 0.5 + (1 - decay) * (image - 0.5)


def blurred(image):
    return torch.from_numpy(gaussian_filter(image.numpy(), (0, 0, sigma, sigma)))


def smoothed(image):
    image.requires_grad_()
    variation = image.diff(dim=-2).abs().sum() + image.diff(dim=-1).abs().sum()
    return image.detach() - smoothness * torch.autograd.grad(variation, image)[0]


def shaken(image):
    shift = torch.randint(-jitter, jitter + 1, (2,)).tolist()
    return logit(image.roll(shift, dims=(-2, -1)))


made = {
    "None": plain[-1],
    "L2 decay": ascend(logit, grey, decayed)[-1],
    "Blur": ascend(logit, grey, blurred)[-1],
    "Total variation": ascend(logit, grey, smoothed)[-1],
    "Jitter": ascend(shaken, grey)[-1],
    "Blur and jitter": ascend(shaken, grey, blurred, step_size=2 * step_size)[-1],
}

# %% mystnb={"figure": {"caption": "One class, six ways. With GoogLeNet: decay lowers the contrast and leaves the pattern; blur and total variation remove it, and larger shapes come out."}, "image": {"alt": "Six pictures of one class: noisy without regulariser, paler with decay, smooth with blur and with total variation"}}
panels(made, columns=3, scale=3)

# %% [markdown]
# How much fine pattern is left can be measured. The spectrum of an image tells how much of its energy lies at which spatial frequency. The highest is half a
# cycle per pixel: light, dark, light, dark. Count what lies above a quarter of a cycle per pixel, which means shapes narrower than two
# pixels.

# %% mystnb={"figure": {"caption": "Share of each image's energy above a quarter of a cycle per pixel. The last bar is the photograph."}, "image": {"alt": "Bar chart: long bars without regulariser and with decay, short ones with blur and total variation, hardly any for the photograph"}}
shares = {
    title: float(high_frequency_share(image)) for title, image in (made | {"Photograph": starts["photograph"]}).items()
}
bars({"share": shares}, "Share of the energy above 0.25 cycles per pixel")

# %%
for title, image in made.items():
    z = model(image).detach()
    print(
        f"{title:16} logit {float(z[0, c]):6.1f}   log odds {float(z[0, c] - rest(z)[0]):6.1f}   contrast (standard deviation) {image.std():.3f}"
    )

# %% mystnb={"figure": {"caption": "The whole spectrum of four images. Photographs have most of their energy in coarse shapes. A class image without regulariser has it everywhere alike, as noise has."}, "image": {"alt": "Line chart of energy over spatial frequency, logarithmic: steeply falling for the photograph, flatter for class images"}}
curves = {}
for title in ["None", "Blur", "Total variation"]:
    frequencies, energy = radial_spectrum(made[title], bins=16)
    curves[title] = (frequencies.numpy(), (energy / energy.sum())[0].numpy())
frequencies, energy = radial_spectrum(starts["photograph"], bins=16)
lines(
    curves | {"Photograph": (frequencies.numpy(), (energy / energy.sum())[0].numpy())},
    "Spatial frequency, cycles per pixel",
    "Share of the energy",
    log="y",
)

# %% [markdown]
# Compare the logits with the pictures. Their order is not the order in which we recognise the class: with GoogLeNet decay has a higher logit than blur, and it is the blurred picture in which
# we see a bird at once. So the score is no measure of how well an image shows the class. Much of it comes from a fine pattern that means nothing to us. Lesson 4 asks where this pattern
# comes from.
#
# ## The library's way
#
# `iv.class_image` does what this lesson wrote by hand, in the units of the papers. `iv.visualize` goes further: it raises the same logit, but changes the image by its
# spatial frequencies and moves it at random before each look. Lesson 4 explains both.

# %% tags=["gallery"] mystnb={"figure": {"caption": "Two classes by `iv.visualize`, with as many steps as above. The objective is the same logit. The colours and shapes come out because the steps are measured in another way."}, "image": {"alt": "Two pictures with clear shapes and colours, one for each class"}}
names = [name, *more]
found = iv.visualize(model, iv.class_logit(names), size=size, recipe=iv.Recipe(steps=steps, learning_rate=0.1))
panels({title.capitalize(): image[None] for title, image in zip(names, found.images, strict=True)}, scale=3)

# %% [markdown]
# ## Change the figure
#
# Change the cell of parameters and run all cells again.
#
# - `name = "goldfish"`, `"dumbbell"`, `"volcano"`: other classes. On this book's page about the first paper the dumbbell comes with the arm that lifts it.
# - `smoothness = 0.02`: the step against the total variation is now as large as a step uphill. The gradient of an absolute value is a sign, which does not get smaller near zero. So the
#   step overshoots and leaves a fine pattern of its own.
# - `sigma = 1.0`: the blur takes more than fine pattern. The score falls further, and the image turns pale; try it with twice the `step_size`.
# - `decay = 0.3`: the image is only a memory of the last few steps. Contrast falls, the share of high frequencies hardly does.
# - `step_size = 0.005`: the image stays close to grey, and its logit rises all the same. Little contrast is needed to convince a network. The other network, whose
#   plain ascent does badly with the larger step, gains by it.
# - `network = "efficientnet_lite0"`: another network draws the same class in another way, and less clearly. Its plain images are noise to the eye.
#
# ## Common misreadings
#
# - "This is what the network thinks a flamingo looks like." It is one image with a high score. There are countless others, and the start, the step and the
#   regulariser chose this one.
# - "The network is certain, so the image is right." The cat above has a high score too. Certainty off the photographs that a network was trained on means little.
# - "Several birds mean that the network knows flocks." The last layers take the mean over all places. Another bird anywhere raises the score again.
# - "The nicer image is the truer one." It is smoother because we asked for smoothness. What the penalty draws and what the network draws cannot be told apart
#   by looking.
#
# ## Limits
#
# - The result depends on a handful of strengths that are chosen by eye. Yosinski et al. searched theirs at random and kept what looked good.
# - One ascent shows one look of a class. A class with several looks (a church inside and outside) needs several starts {cite}`nguyen2016multifaceted`.
# - Nothing here explains a decision about a photograph. For that see lessons 2 and 6.
# - Images at 112 pixels are smaller than those that the networks were trained on, so shapes come out larger and fewer.
#
# ## Quiz
#
# **1. Why does the ascent leave the weights of the network alone?**
#
# <details><summary>Answer</summary>
#
# The question is about this network. The gradient is taken with respect to the image, and only the image is changed.
#
# </details>
#
# **2. A class has $p_c = 1 - 10^{-8}$. How long is the gradient of the probability, compared with that of the log odds?**
#
# <details><summary>Answer</summary>
#
# $p_c (1 - p_c) \approx 10^{-8}$ times as long. Steps of $\eta\, \partial p_c / \partial I$ no longer move the image.
#
# </details>
#
# **3. With a step size of $\eta = 0.5$ and a penalty with $\lambda = 0.1$: what share does each step take from a pixel's offset?**
#
# <details><summary>Answer</summary>
#
# $2 \eta \lambda = 0.1$, a tenth.
#
# </details>
#
# **4. Why does L2 decay leave fine patterns alone, and total variation not?**
#
# <details><summary>Answer</summary>
#
# Decay multiplies the whole image by one number, so all spatial frequencies shrink alike. Total variation counts differences of neighbours, and a pattern of single
# pixels has one at every pixel.
#
# </details>
#
# **5. A bright square on a dark ground and noise of the same contrast: which has the larger total variation?**
#
# <details><summary>Answer</summary>
#
# The noise. The square has differences only along its edge.
#
# </details>
#
# **6. You start from a photograph of a cat and raise "flamingo" until the network is certain, and still see a cat. Is the ascent broken?**
#
# <details><summary>Answer</summary>
#
# No. It raised what it was told to raise. Small changes all over the image add up in the score, and no part of the objective asks for a bird that we can see.
#
# </details>
#
# ## Exercises
#
# The exercise notebook begins with the gradient of a score for a batch of images (warm-up). You then write a step with L2 decay, the total variation, and the
# whole ascent with both penalties (core). At the end you measure, for a small network of your own seed, how much of a gain in probability comes from pushing other classes down
# (open).
#
# ## Further reading
#
# - {cite}`simonyan2014deep`, Section 2: class images in one equation; Section 3 is the saliency of lesson 2.
# - {cite}`yosinski2015understanding`, Section 3: the operator $r_\theta$, four regularisers, and how their strengths were found.
# - {cite}`mahendran2015understanding`: total variation, there for inverting features.
# - {cite}`nguyen2016multifaceted`: several looks of one class.
# - {cite}`nguyen2015deep`: images that networks are certain of and people cannot recognise.
# - {doc}`/methods` shows this method beside all others; {doc}`/scorecard` lists what we measured of the papers' claims.
