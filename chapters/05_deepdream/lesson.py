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
# # 5. DeepDream
#
# What does a network see in a photograph, and what if it may have more of it? In lessons 3 and 4 you asked for a class or a channel.
# Here you begin with a photograph and ask for nothing in particular: whatever is active in a layer is to become more active.

# %% [markdown]
# ## Learning goals
#
# After this lesson you can
#
# - write the objective of DeepDream and its gradient;
# - say why a step divides the gradient by the mean of its absolute values;
# - build the octaves, and say what is carried from one to the next;
# - say what jitter does, and measure it;
# - foresee what a low, a middle and a high layer put into a photograph;
# - let a second image say what to dream of.
#
# ## Before you start
#
# You need lesson 1 (layers and activations) and lesson 3 (gradient ascent on pixels). From PyTorch you need `torch.autograd.grad` and
# `torch.nn.functional.interpolate`. Reading takes about 35 minutes, the exercises about 45 more.
#
# The cell below holds what you may change.

# %% tags=["parameters"]
network = "googlenet"  # or "efficientnet_lite0", which needs no download
photograph = "skimage/coffee"  # what is changed
guide = "skimage/chelsea"  # what the guided dream is to look like
width = 208  # of the photograph, in pixels
layer = ""  # where to dream; empty for the usual layer of the network
steps = 8  # at each octave
step_size = 2.0  # mean change of a pixel in a step, in levels of 255; the released notebook has 1.5
octaves = 3  # sizes at which the photograph is changed; the released notebook has 4
octave_scale = 1.4  # each size over the one before
jitter = 16  # pixels by which the photograph is rolled before each step; the released notebook has 32

# %%
# %matplotlib inline
import torch
from torch.nn.functional import interpolate

import innerview as iv
from innerview.figures import bars, lines, panels
from innerview.replicate.photos import photo
from innerview.synthesis.deepdream import guided

layers = {
    "googlenet": ["conv2_3x3", "inception_3b", "inception_4a", "inception_4c"],  # from low to high
    "efficientnet_lite0": ["blocks.1", "blocks.4", "blocks.7", "blocks.9"],
}[network]
guide_layer = layers[2] if network == "googlenet" else layers[3]
layer = layer or layers[-1]
model = iv.load_model(network)
image = photo(photograph, width)
print(f"{network}, layer {layer}, image {tuple(image.shape)}")

# %% [markdown]
# ## More of whatever is there
#
# In June 2015 Mordvintsev, Olah and Tyka of Google showed photographs in which a network had found dogs, birds and pagodas, and soon
# after released a notebook that makes them {cite}`mordvintsev2015deepdream`. They tell the network: "Whatever you see there, I want
# more of it!"
#
# As an equation: let $A(x)$ be the activations of one layer for the image $x$. The objective is half the sum of their squares,
#
# $$E(x) = \tfrac{1}{2} \|A(x)\|^2 .$$
#
# We call it the energy of the layer. Why the half, and why the square? Because its gradient with respect to the activations is the
# activations themselves:
#
# $$\frac{\partial E}{\partial A} = A .$$
#
# So a feature that is a little active is strengthened a little, and a strong one a lot. (In the notebook the objective is just this
# one assignment: the gradient at the layer is set to the layer's values.)


# %%
def energy(images, name):
    """Return half the sum of the squared activations of a layer."""
    return iv.activations(model, images, name)[name].square().sum() / 2


activations = iv.activations(model, image, layer)[layer].detach().requires_grad_()
(slope,) = torch.autograd.grad(activations.square().sum() / 2, activations)
print("the gradient is the activations:", torch.equal(slope, activations.detach()))

# %% [markdown]
# ## One step
#
# PyTorch follows this gradient down to the pixels. Let $g$ be the gradient of $E$ at the pixels. How far should a step go? The chart
# shows how large $g$ is. A pixel's whole range is 1, so $x + g$ would be far outside. And no fixed factor fits: the size depends on the
# layer, on the photograph and above all on the network. GoogLeNet's gradients are about a hundred times those of EfficientNet-Lite0.


# %% mystnb={"figure": {"caption": "The mean absolute gradient of the energy at the pixels, for four layers of the network from low to high. Compared with the range of a pixel, which is 1, all are huge."}, "image": {"alt": "Bar chart of the mean absolute gradient for four layers"}}
def gradient(images, name):
    """Return the gradient of a layer's energy at the pixels."""
    source = images.detach().clone().requires_grad_()
    return torch.autograd.grad(energy(source, name), source)[0]


sizes = {name: gradient(image, name).abs().mean().item() for name in layers}
bars({"gradient": sizes}, "Mean absolute gradient at the pixels")

# %% [markdown]
# So the gradient is divided by the mean of its absolute values. The step size $s$ then means the same for every layer and network:
# it is the mean change of a pixel, in levels of 255.
#
# $$x \leftarrow \mathrm{clip}_{[0, 1]} \Big( x + \frac{s}{255} \, \frac{g}{\mathrm{mean} |g|} \Big)$$
#
# Clipping keeps the pixels valid. Note what does *not* happen: the energy is not normalised, and no step size is lowered near the goal.
# A dream has no goal. It is stopped when it looks good.


# %%
def step(images):
    """Take one step up the energy."""
    slope = gradient(images, layer)
    return (images + step_size / 255 * slope / slope.abs().mean()).clamp(0, 1)


frames = [image]
for _ in range(octaves * steps):
    frames.append(step(frames[-1]))

# %% mystnb={"figure": {"caption": "The photograph, and the dream at one size after a sixth, half and all of the steps. What grows is small and covers everything, like the hairs of a fur."}, "image": {"alt": "Four stages of a dream on a photograph of a cup of coffee"}}
chosen = [0, len(frames) // 6, len(frames) // 2, len(frames) - 1]
panels({f"{count} steps" if count else "The photograph": frames[count] for count in chosen}, columns=2, scale=2)

# %% mystnb={"figure": {"caption": "The energy after each step, as a multiple of the photograph's. It keeps rising."}, "image": {"alt": "A rising curve of energy over steps"}}
with torch.no_grad():
    curve = [energy(frame, layer).item() for frame in frames]
lines(
    {layer: (list(range(len(curve))), [one / curve[0] for one in curve])}, "Step", "Energy / energy of the photograph"
)

# %% [markdown]
# ## Octaves
#
# A neuron sees a window of fixed size, its receptive field. At one size of the photograph, therefore, shapes of one size grow. The
# cure: dream on a small copy first, where the window covers a larger part of the scene. Then enlarge what was found, and dream on.
#
# Each size is an **octave**. Only the *detail* is carried over, that is, what the dream has added. If the small dream itself were
# enlarged, the result would be blurred: the photograph's fine structure was lost when it was shrunk. With the photograph $p_o$ at
# octave $o$ and the resizing $R$,
#
# $$x_o = \text{steps from } p_o + R(d_{o-1}), \qquad d_o = x_o - p_o, \qquad d_0 = 0 .$$


# %%
def resized(images, size):
    """Resize images, bilinearly, corner on corner."""
    return interpolate(images, size, mode="bilinear", align_corners=True)


photographs = [image]
for _ in range(octaves - 1):
    photographs.insert(0, resized(photographs[0], [round(side / octave_scale) for side in photographs[0].shape[-2:]]))

details, dream = [torch.zeros_like(photographs[0])], image
for original in photographs:
    dream = original + resized(details[-1], original.shape[-2:])
    for _ in range(steps):
        dream = step(dream)
    details.append(dream - original)
print("sizes:", ", ".join(f"{one.shape[-1]} x {one.shape[-2]}" for one in photographs))

# %% mystnb={"figure": {"caption": "The detail after each octave, from small to large, all enlarged to the size of the photograph, and drawn 1.5 times as strong as they are. Grey is no change. Large shapes come first; later octaves put fine lines into them."}, "image": {"alt": "Three grey pictures with coloured lines, from coarse to fine"}}
shown = [(0.5 + 1.5 * resized(one, image.shape[-2:])).clamp(0, 1) for one in details[1:]]
panels({f"After octave {o}": one for o, one in enumerate(shown, start=1)}, scale=2)

# %% mystnb={"figure": {"caption": "As many steps in all, at one size and at three. With octaves there are larger shapes, which carry details of their own. With GoogLeNet something like an animal grows out of the table at the upper right."}, "image": {"alt": "A dream at one size beside a dream with octaves"}}
panels({"The photograph": image, "One octave": frames[-1], f"{octaves} octaves": dream}, scale=2)

# %% [markdown]
# The library does the same in one call. Without jitter, which comes next, both agree.

# %%
plain = iv.DreamRecipe(octaves, octave_scale, steps, step_size, jitter=0)
found = iv.deepdream(model, image, iv.layer(layer), recipe=plain)
print(f"largest difference: {(found - dream).abs().max().item():.1e} of a range of 1")

# %% [markdown]
# ## Jitter
#
# A network with strides looks at the image on a grid. The layers here step by 4, 8 or 16 pixels from one position to the next. Without
# a countermeasure the same pixels fall on the same places of this grid at each step, and the dream tunes itself to them. So before
# each step the image is rolled by a random number of pixels in both directions, and rolled back afterwards:
#
# $$x \leftarrow \mathrm{roll}^{-1}\Big(\mathrm{step}\big(\mathrm{roll}(x)\big)\Big)$$
#
# Rolled means that what leaves at the right comes in at the left.

# %% mystnb={"figure": {"caption": "The same dream without and with jitter. They differ in details; by eye it is hard to say what jitter is good for."}, "image": {"alt": "A dream without jitter beside a dream with jitter"}}
recipe = iv.DreamRecipe(octaves, octave_scale, steps, step_size, jitter)
jittered = iv.deepdream(model, image, iv.layer(layer), recipe=recipe)
panels({"No jitter": dream, f"Jitter of {jitter} pixels": jittered}, scale=2)

# %% [markdown]
# The eye cannot tell, but a number can. Shift each dream by a few pixels and ask for its energy again.

# %%
shifts = [(3, 5), (5, -3), (-7, 2)]
with torch.no_grad():
    for title, one in (("no jitter", dream), ("jitter", jittered)):
        here = energy(one, layer).item()
        there = [energy(one.roll(shift, (-2, -1)), layer).item() for shift in shifts]
        kept = sum(there) / len(there) / here
        print(f"{title:10} energy {here / curve[0]:5.2f} times the photograph's, {kept:.0%} of it left when shifted")

# %% [markdown]
# The dream without jitter reaches more, and loses more when it is shifted. Lesson 4 has the same thought under the name of transformation
# robustness.
#
# ## Deep and shallow layers
#
# What comes out depends most on the layer. Lower layers answer to edges, strokes and textures. Higher layers answer to parts of
# objects, and build only where there is something to build on.

# %% tags=["gallery"] mystnb={"figure": {"caption": "One photograph dreamt at four layers, from low to high. With GoogLeNet: strokes, then fur, then eyes, then something like an animal at the upper right."}, "image": {"alt": "Four dreams of one photograph, from strokes at a low layer to animals at a high one"}}
dreams = {name: iv.deepdream(model, image, iv.layer(name), recipe=recipe) for name in layers if name != layer}
dreams = {name: dreams.get(name, jittered) for name in layers}
panels(dreams, columns=2, scale=2)

# %% [markdown]
# A dream at one layer is no private matter of this layer. The chart shows what each dream does to the energy of every layer.

# %% mystnb={"figure": {"caption": "The energy of each layer in each dream, as a multiple of the photograph's. Each layer gains most from the dream that was made for it. With GoogLeNet the dream at the lowest layer takes a little from the highest."}, "image": {"alt": "Grouped bar chart: layers by row, dreams by colour"}}
with torch.no_grad():
    at_first = {name: energy(image, name).item() for name in layers}
    gains = {
        f"dream at {made_at}": {name: energy(one, name).item() / at_first[name] for name in layers}
        for made_at, one in dreams.items()
    }
bars(gains, "Energy of the layer / its energy in the photograph", width=7.5)

# %% [markdown]
# ## A guided dream
#
# A second image, the guide, can say what to dream of. Its layer has a vector $G_q$ of one number a channel at each of its positions
# $q$. At each position $p$ of the dream we look for the best match among them, and add the matches up:
#
# $$E(x) = \sum_p \max_q A_p(x) \cdot G_q$$
#
# The gradient with respect to $A_p$ is the vector $G_q$ that matches best. So each place is pulled towards that part of the guide
# to which it is nearest already. Where the parts lie in the guide does not count.

# %% mystnb={"figure": {"caption": "The guide, a free dream at a layer, and the dream at the same layer that is guided. With GoogLeNet eyes like the cat's grow in the cup and beside it, and fur on the saucer."}, "image": {"alt": "A cat, a free dream of a cup, and a dream of a cup with the cat's eyes"}}
cat = photo(guide, 160)
led = iv.deepdream(model, image, guided(model, cat, guide_layer), recipe=recipe)
free = dreams[guide_layer]
panels({"The guide": photo(guide, width), f"Free, {guide_layer}": free, f"Guided, {guide_layer}": led}, scale=2)

# %% [markdown]
# ## Change the figure
#
# Change the cell at the top and run everything again.
#
# - `photograph = "skimage/chelsea"`: a cat dreams. Eyes and fur are there already, and the network makes more of them.
# - `photograph = "skimage/rocket"`: a dark, empty sky. Low layers fill it with strokes at once. Higher ones begin where there is an edge.
# - `layer = "inception_3b"` (or `"blocks.4"`): smaller, simpler shapes, and more of them.
# - `octaves = 1`: the large shapes are gone. `octaves = 2` with `octave_scale = 2.0` has the same smallest size as three octaves of 1.4, nearly,
#   but a leap between them.
# - `step_size = 8`: too much. Colours become harsh, and many pixels are clipped.
# - `jitter = 0`: the number for jitter and the one for none become equal.
# - `width = 512` with `octaves = 4`: a larger dream, with room for more. It takes several times as long.
#
# ## Common misreadings
#
# - **"The network believes that it sees dogs."** Nothing is classified. The dream strengthens features of a layer in the middle.
# - **"It shows what the network looks at."** It shows what the layer can be driven to. A place where much grows need not matter for any
#   prediction.
# - **"The dog comes from this photograph."** The photograph decides where and in which pose, the training set decides what: ImageNet
#   has 398 classes of animals, more than a hundred of them dogs. Networks with other training sets dream other things.
# - **"Octaves are a way to save time."** They decide how large shapes become.
# - **"Jitter removes noise."** With the released settings the share of fine detail is the same with and without it
#   ({doc}`/scorecard`). It makes the dream depend less on its exact place.
#
# ## Limits
#
# - The objective has no maximum to be found. Steps, step size and octaves are chosen by eye.
# - The strongest features win, since their gradient is largest. Features that are rare or weak do not show.
# - The result depends on the size of the photograph, on the random rolls and on the network, in ways nobody predicts in detail.
# - There is no ground truth for a dream. What can be measured is the energy, its spread over layers and frequencies, and its robustness.
#
# ## Quiz
#
# **1. At some position all channels of the layer are exactly 0. How does the energy's gradient treat it?**
#
# <details><summary>Answer</summary>
#
# The gradient with respect to the activations is the activations, 0 there. This position asks for nothing. It can change only since
# its neighbours change pixels that it sees, too.
#
# </details>
#
# **2. All weights of a layer's last convolution are multiplied by 10 (no bias; a ReLU follows). What happens to the energy, to the gradient
# and to the dream?**
#
# <details><summary>Answer</summary>
#
# The activations become 10 times as large, the energy and its gradient at the pixels 100 times. The normalised step divides by the mean
# absolute gradient, so the dream stays the same.
#
# </details>
#
# **3. Why is the detail carried over, and not the dream itself?**
#
# <details><summary>Answer</summary>
#
# The dream at a small octave consists of the shrunk photograph plus the detail. Enlarged, the shrunk photograph is blurred. The
# photograph of the next size is sharp and at hand; only the detail is new.
#
# </details>
#
# **4. A step has $s = 1.5$. By how much can one pixel change in ten steps, at most?**
#
# <details><summary>Answer</summary>
#
# By the whole range. $s$ bounds the *mean* change, not that of one pixel: where the gradient is twenty times its mean, one step changes
# the pixel by 30 levels. Only the clipping bounds it.
#
# </details>
#
# **5. A smaller octave has 100 pixels a side, the layer's neurons have a receptive field of 50 pixels. The photograph has 200 pixels a side.
# How large, in pixels of the photograph, are shapes that one neuron can shape at this octave?**
#
# <details><summary>Answer</summary>
#
# Up to 100 pixels: the field covers half of the octave's side, and the octave covers the whole photograph.
#
# </details>
#
# **6. In the guided objective you replace the maximum over $q$ by the sum. What does the dream lose?**
#
# <details><summary>Answer</summary>
#
# $\sum_q A_p \cdot G_q = A_p \cdot \sum_q G_q$: every position is pulled towards the same vector, the sum over the guide. The dream can no
# longer put eyes here and fur there.
#
# </details>
#
# ## Exercises
#
# The exercise notebook has three parts. To warm up, you write the energy and the pyramid of octaves. The core is the normalised step for
# a batch of images, the dream over octaves with the detail carried over, and the guided objective. In the open part you dream with your
# own functions, and measure how much the energy grows and which part of it survives a shift.
#
# ## Further reading
#
# - {cite}`mordvintsev2015deepdream`: the post and the notebook. Read the post for the pictures and the notebook for its few lines of code.
# - {cite}`simonyan2014deep`: gradient ascent for a class, which came before.
# - {cite}`olah2017feature`: what became of it: objectives, regularisers and parameterizations, compared.
# - {cite}`szegedy2015going`: GoogLeNet, the network that dreams.
# - {doc}`/scorecard`: what was claimed of DeepDream and what this book measured. {doc}`/methods`: all methods.
