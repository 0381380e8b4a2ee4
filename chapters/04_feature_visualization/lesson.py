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
# # 4. Feature visualization: enemies and remedies
#
# What does a single channel inside a network look for? Ask it as lesson 3 asked a class: change an image until the channel is excited as
# much as possible. Done plainly this gives noise. This lesson shows where the noise comes from, and three kinds of remedy that turn it into
# pictures that people can read.
#
# ## Learning goals
#
# After this lesson you can
#
# - write down what to maximise for a neuron, a channel, a layer and a class,
# - explain why strides and pooling put high frequencies into a gradient,
# - say what a frequency penalty, random transforms and another parameterization each do,
# - write the Fourier parameterization and decorrelated colours from their equations,
# - ask for several different pictures of one channel, and say what a single picture hides.
#
# ## Before you start
#
# You need gradient ascent on an image (lesson 3), convolution and stride (lesson 1), and a rough idea of the Fourier transform: an image is a sum of waves, each of a spatial
# frequency in cycles per pixel. The page takes 40 minutes to read and try, the exercises about an hour.

# %% tags=["parameters"]
network = "googlenet"  # or "efficientnet_lite0", which needs no download
channel = None  # index of a channel; None takes one that comes out clearly
other = "ladybug"  # a class for the comparison of objectives
photograph = "skimage/chelsea"  # for showing transforms; or skimage/coffee, skimage/astronaut, skimage/rocket
size = 96  # pixels
steps = 40  # of each ascent
learning_rate = 0.05  # of Adam
decay = 1.0  # exponent d of the Fourier parameterization: 0 weighs all frequencies alike, 1 as photographs have them
variety = 0.5  # weight of the diversity term, as a share of the objective

# %%
# %matplotlib inline
import torch
from torch.nn import functional as F

import innerview as iv
from innerview.core.spectrum import high_frequency_share, radial_spectrum
from innerview.figures import bars, lines, panels
from innerview.optimize import RELEASED, Decorrelated, Fourier, Pixels, transformed
from innerview.replicate.photos import photo

model = iv.load_model(network)
layer, usual, penalty = {"googlenet": ("inception_4b", 504, 0.1), "efficientnet_lite0": ("blocks.8", 24, 0.02)}[network]
channel = usual if channel is None else channel
unit = iv.channel(layer, channel)
photographed = photo(photograph, width=round(1.6 * size))[..., :size, size // 4 : size // 4 + size]
print(
    f"{network}, layer {layer}, channel {channel}; on the photograph its mean activation is {float(unit(model, photographed)):.2f}"
)

# %% [markdown]
# ## What to maximise
#
# Let $A_{k,i,j}$ be the activation of channel $k$ at row $i$ and column $j$ of a layer. Common objectives are
#
# | objective | maximise | shows |
# |---|---|---|
# | neuron | $A_{k,i,j}$ at one place | one thing, at one place |
# | channel | $\mathrm{mean}_{i,j}\, A_{k,i,j}$ | the same thing all over the image |
# | layer | $\frac{1}{2} \sum_{k,i,j} A_{k,i,j}^2$ | whatever the layer already sees: DeepDream, lesson 5 |
# | class | the logit $z_c$ | lesson 3 |
#
# In the library each is a value that one can add, subtract and scale. `iv.visualize` takes one and a recipe.

# %%
recipe = iv.Recipe(steps=steps, learning_rate=learning_rate, parameterization=Fourier(decay=decay))
wanted = {
    "Neuron": iv.neuron(layer, channel),
    "Channel": unit,
    "Layer": iv.layer(layer),
    f"Class: {other}": iv.class_logit(other),
}
asked = {title: iv.visualize(model, objective, size=size, recipe=recipe) for title, objective in wanted.items()}

# %% mystnb={"figure": {"caption": "Four objectives, one recipe, the same start. With GoogLeNet: the neuron draws one spotted head in the middle and leaves the rest alone, the channel draws heads of cats all over, the layer whatever it could make of the start, here a dog's face."}, "image": {"alt": "Four pictures made for a neuron, a channel, a layer and a class"}}
panels({title: found.images for title, found in asked.items()}, scale=3)

# %% [markdown]
# These pictures have all remedies of this lesson in them. Take them away.
#
# ## The enemy
#
# The plainest ascent changes pixels, and the network sees just these pixels. Nothing else differs from the channel above: the objective, the
# optimizer and the number of steps are the same.

# %%
bare = iv.Recipe(steps=steps, learning_rate=learning_rate, parameterization=Pixels(decorrelated=False), transforms=())
nothing = iv.visualize(model, unit, size=size, recipe=bare)

# %% mystnb={"figure": {"caption": "The same channel in plain pixels, the whole and its middle magnified, and with all remedies."}, "image": {"alt": "A noisy picture, its magnified middle, and a clear picture"}}
a, b = size // 3, 2 * size // 3
panels(
    {
        "Plain pixels": nothing.images.repeat_interleave(3, -1).repeat_interleave(3, -2),
        "Its middle": nothing.images[..., a:b, a:b].repeat_interleave(9, -1).repeat_interleave(9, -2),
        "All remedies": asked["Channel"].images.repeat_interleave(3, -1).repeat_interleave(3, -2),
    }
)

# %%
for title, found in {"plain pixels": nothing, "all remedies": asked["Channel"]}.items():
    print(
        f"{title}: objective {float(found.values):.1f}, share of energy above 0.25 cycles per pixel {float(high_frequency_share(found.images)):.2f}"
    )

# %% [markdown]
# The plain picture does excite the channel: compare its objective with the photograph's at the top. Its energy sits at high spatial frequencies, in patterns of one or two pixels.
# Olah et al. call them the enemy of feature visualisation {cite}`olah2017feature`.
#
# ## Why high frequencies?
#
# Part of the answer lies in the network. A convolution with stride 2 looks at every second place. With a kernel three pixels wide, some pixels are
# seen by two outputs, others by one. The gradient adds up all ways from the output back to a pixel. Count them, in one dimension:

# %%
row = torch.zeros(1, 1, 23, requires_grad=True)
once = F.conv1d(row, torch.ones(1, 1, 3), stride=2)
twice = F.conv1d(once, torch.ones(1, 1, 3), stride=2)
print("ways through one layer: ", torch.autograd.grad(once.sum(), row, retain_graph=True)[0].int().flatten().tolist())
print("ways through two layers:", torch.autograd.grad(twice.sum(), row)[0].int().flatten().tolist())

# %% [markdown]
# Away from the borders the numbers repeat with period 2, and with period 4 through two layers. This is a grid, and a grid is a high frequency. The backward pass of a strided convolution is the deconvolution that generators use, and
# these leave the same checkerboards in what they draw {cite}`odena2016checkerboard`. Max pooling adds to it: it sends the whole gradient of a window to one pixel.
#
# Now the real network. Take noise, which has no grid, and differentiate the layer objective: noise hardly excites a single channel. Average the size of the gradient over all pixels at the same
# place modulo 8.

# %%
torch.manual_seed(0)
noise = (0.5 + 0.1 * torch.randn(12, 3, size, size)).clamp(0, 1).requires_grad_()
(gradient,) = torch.autograd.grad(iv.layer(layer)(model, noise).sum(), noise)
sizes = gradient.abs().mean((0, 1)).unflatten(0, (-1, 8)).unflatten(2, (-1, 8)).mean((0, 2))
print(f"mean size by place: the largest is {float(sizes.max() / sizes.min()):.1f} times the smallest")

# %% mystnb={"figure": {"caption": "Left: the gradient at one noise image, grey where it is zero. Middle: a part of it, magnified. Right: the mean size of gradients by the pixel's place modulo 8, from the smallest (black) to the largest (white)."}, "image": {"alt": "A fine-grained gradient, a magnified part of it, and a regular pattern of lighter and darker squares"}}
shown = (0.5 + gradient[:1] / (6 * gradient[0].std())).clamp(0, 1)
shade = ((sizes - sizes.min()) / (sizes.max() - sizes.min())).expand(1, 3, 8, 8)
panels(
    {
        "Gradient": shown.repeat_interleave(3, -1).repeat_interleave(3, -2),
        "Its middle": shown[..., a:b, a:b].repeat_interleave(9, -1).repeat_interleave(9, -2),
        "Size by place modulo 8": shade.repeat_interleave(3 * size // 8, -1).repeat_interleave(3 * size // 8, -2),
    }
)

# %% [markdown]
# The grid is not the whole story. A network is free to react to fine patterns that photographs hardly contain: nothing in its training told it not to. The remedies below
# come in three kinds.
#
# ## Remedy 1: penalise frequencies
#
# Subtract from the objective what fine patterns have much of. Total variation does it, as in lesson 3:
#
# $$\mathrm{mean}_{i,j}\, A_{k,i,j} - \mu \sum_{i,j} \big( |x_{i+1,j} - x_{i,j}| + |x_{i,j+1} - x_{i,j}| \big)$$
#
# Another penalty is what a blur takes away, $\frac{1}{2} \langle x, x - Kx \rangle$ with the blur $K$. By its spectrum this is an L2 penalty with a weight for each frequency, near 0 for
# coarse waves and near 1 for fine ones. All these penalties share a fault: an edge has high frequencies as well, and they punish it.
#
# ## Remedy 2: be robust to transforms
#
# Shift, turn and scale the image at random before each look. What still excites the channel is a shape, and no arrangement of single pixels. The simplest transform is jitter, a window of the image at a random place:
#
# $$J(x)_{i,j} = x_{i + t,\, j + l}, \qquad t, l \text{ drawn from } 0, \dots, d$$
#
# The library's default is a chain: padding with grey, jitter, a scaling by up to a tenth, a rotation by up to 10 degrees, jitter.

# %% mystnb={"figure": {"caption": "What the network would see of a photograph in five steps of an ascent."}, "image": {"alt": "One photograph of a cat five times, slightly shifted, turned and scaled, with grey borders"}}
draws = torch.Generator().manual_seed(0)
panels({f"Look {look}": transformed(photographed, RELEASED, draws) for look in range(1, 6)}, scale=2)

# %% [markdown]
# ## Remedy 3: another parameterization
#
# The third remedy changes no objective. It changes what is optimised. Let the image depend on other numbers, $x = B\theta$ with a fixed matrix $B$, and ascend in $\theta$. By the chain rule the
# gradient in $\theta$ is $B^\top g$, so the image moves by
#
# $$x \leftarrow x + \eta\, B B^\top g$$
#
# In place of the gradient $g$ the image follows $B B^\top g$. The hills and their tops stay where they are; which of them the ascent reaches is another matter. This is called **preconditioning**. A good $B$ makes steps of the kind by which photographs
# differ. Photographs have two striking properties.
#
# *Their energy falls with frequency $f$, roughly as $1 / f^2$.* So let $\theta$ be Fourier coefficients and divide by $f$:
#
# $$x = \tfrac{1}{4}\, \mathcal{F}^{-1}\!\left(\frac{\theta}{\max(f,\, 1/\max(w, h))^{d}}\right), \qquad d = 1$$
#
# *Their colours are correlated.* Red, green and blue rise and fall together. So let $\theta$ be three planes without correlation, and mix them by the square root $C$ of the colours' covariance, divided by the length of its
# longest column:
#
# $$\mathrm{RGB} = \sigma(M x), \qquad M = C \,/\, \max_k \|C_{\cdot k}\|$$
#
# The sigmoid $\sigma$ keeps colours in (0, 1). Both equations in code, for random numbers $\theta$:

# %%
draws = torch.Generator().manual_seed(1)
theta = 0.3 * torch.complex(*torch.randn(2, 1, 3, size, size // 2 + 1, generator=draws))
f = torch.hypot(torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None, :])
waves = torch.fft.irfft2(theta / f.clamp(min=1 / size) ** decay, s=(size, size), norm="ortho") / 4
C = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
mixed = torch.einsum("rp,bphw->brhw", C / C.norm(dim=0).max(), waves)

# %% mystnb={"figure": {"caption": "Random numbers as images: as pixels, as scaled Fourier coefficients, and with colours decorrelated as well. Each is noise; the last two have the coarse shapes, and the last has the dull colours, of photographs."}, "image": {"alt": "Coloured pixel noise, coloured clouds, and clouds in natural, mostly grey and brownish colours"}}
pixels = torch.randn(1, 3, size, size, generator=draws)
panels(
    {"Pixels": pixels.sigmoid(), "Fourier": waves.sigmoid(), "Fourier, decorrelated colours": mixed.sigmoid()}, scale=3
)

# %% [markdown]
# The same gradient, followed in both ways, for one step:

# %% mystnb={"figure": {"caption": "One step from a noise image, in pixels and in the decorrelated space. Both raise the layer objective; only the second has shapes that a photograph could have."}, "image": {"alt": "Fine-grained noise beside soft coloured clouds"}}
steepest = {"In pixels: g": gradient[:1], "In the decorrelated space: B Bᵀ g": Decorrelated()(gradient[:1])}
panels({title: (0.5 + move / (6 * move.std())).clamp(0, 1) for title, move in steepest.items()}, scale=3)

# %% [markdown]
# ## Each remedy alone
#
# Now take the channel again, with no remedy, with each alone, and with the last two together. The weight of the total variation is chosen for each network, as activations differ in size.

# %%
without = {"parameterization": Pixels(decorrelated=False)}
ways = {
    "Total variation": (unit - penalty * iv.total_variation(), bare),
    "Transforms": (unit, iv.Recipe(steps=steps, learning_rate=learning_rate, **without)),
    "Fourier, colours": (unit, iv.Recipe(steps, learning_rate, Fourier(decay=decay), transforms=())),
}
made = {"Nothing": nothing} | {
    title: iv.visualize(model, goal, size=size, recipe=how) for title, (goal, how) in ways.items()
}
made["Transforms and Fourier"] = asked["Channel"]

# %% mystnb={"figure": {"caption": "One channel, one start, one optimizer. With GoogLeNet: total variation clears flat areas, transforms let larger shapes through, the Fourier parameterization adds colour and large forms, and the last two together give the clearest picture."}, "image": {"alt": "Five pictures of one channel, from noise to clear heads of cats"}}
panels({title: found.images for title, found in made.items()}, columns=3, scale=3)

# %% mystnb={"figure": {"caption": "The spectrum of three of them and of the photograph. In Fourier space the coarse waves of a photograph are there."}, "image": {"alt": "Line chart of energy over spatial frequency on a logarithmic axis, four curves"}}
spectra = {title: made[title].images for title in ["Nothing", "Transforms", "Fourier, colours"]} | {
    "Photograph": photographed
}
curves = {title: radial_spectrum(images, bins=16) for title, images in spectra.items()}
lines(
    {
        title: (frequencies.numpy(), (energy / energy.sum())[0].numpy())
        for title, (frequencies, energy) in curves.items()
    },
    "Spatial frequency, cycles per pixel",
    "Share of the energy",
    log="y",
)

# %% [markdown]
# What do transforms do, then? They need not lower the share of high frequencies: the study of this article in this book expected that, and did not find it. What they change is *which* detail there is. Test it: move each finished
# image a little, and see how much of its objective is left.

# %% mystnb={"figure": {"caption": "How much of the objective is left when the image is shifted by four pixels or scaled by a twentieth, on average. What was made under random transforms keeps most of it, or even gains."}, "image": {"alt": "Bar chart of the share of the objective that is left, for five ways"}}
kept = {}
for title, found in made.items():
    moved = [found.images.roll(shift, (-2, -1)) for shift in [(4, 4), (-4, 0), (0, -4)]]
    moved += [F.interpolate(found.images, scale_factor=factor, mode="bilinear") for factor in (0.95, 1.05)]
    whole = float(unit(model, found.images))
    kept[title] = sum(float(unit(model, images)) for images in moved) / len(moved) / whole
bars({"kept": kept}, "Share of the objective left after a small movement")

# %% mystnb={"figure": {"caption": "The objective on the way, without transforms: in plain pixels and in the Fourier space with decorrelated colours. Both use Adam with the same learning rate."}, "image": {"alt": "Line chart of the objective over the steps for two parameterizations"}}
climbs = {"Plain pixels": nothing, "Fourier, decorrelated colours": made["Fourier, colours"]}
lines(
    {title: (range(steps), found.history[:, 0].numpy()) for title, found in climbs.items()},
    "Step",
    "Mean activation of the channel",
)

# %% [markdown]
# The two curves are much alike, and the pictures are not. A fine pattern raises the channel as fast as a shape does. The score cannot tell us which of them we want; the parameterization
# does.
#
# ## Diversity
#
# One picture shows one side of a channel. To see more, make several at once and reward what tells them apart. Let $A_i$ be the layer's activations for image $i$, one row a channel, one column a place. The Gram matrix
# $G_i = A_i A_i^\top$ says which channels are active together. The term
#
# $$-\frac{1}{b} \sum_{j \ne i} \frac{\langle G_i, G_j \rangle}{\|G_i\|\, \|G_j\|}$$
#
# is large if the pictures differ in this. Olah et al. add it with a fixed weight. Here its weight is a share of the objective itself, so that one number fits channels of any
# strength.

# %%
several = iv.channel(layer, [channel] * 3)
diverse = iv.visualize(model, several * (1 + variety * iv.diversity(layer)), size=size, recipe=recipe)

# %% mystnb={"figure": {"caption": "Three pictures of one channel, made together with the diversity term."}, "image": {"alt": "Three pictures of one channel that differ in colour, size and arrangement of what they show"}}
panels({f"Picture {number}": image[None] for number, image in enumerate(diverse.images, start=1)}, scale=3)

# %% [markdown]
# ## Change the figure
#
# Change the cell of parameters and run all cells again.
#
# - `channel = 470` (GoogLeNet): another channel of the layer, which draws windows and shiny round things. Any number up to 511 goes; some channels have no word in our language.
# - `decay = 0`: Fourier coefficients without scaling. All frequencies count alike again. Fine lines are back, and little contrast, although the ascent still works on frequencies.
# - `decay = 2`: coarse waves count for too much. Large areas of glaring colour grow first, and fine detail stays behind.
# - `learning_rate = 0.2`: stronger contrast after few steps, and harsher colours.
# - `variety = 0`: the pictures are made side by side without the term. They still differ, as their starts do; compare how much. From about 1.5 on, the term outweighs the objective, and the ascent draws what
#   excites nothing.
# - `network = "efficientnet_lite0"`: its layers end without a ReLU, and its pictures are busier. The remedies act alike.
#
# ## Common misreadings
#
# - "The remedies only make it pretty." They answer different questions. Transforms ask which shape excites the channel; plain pixels ask which pixels do.
# - "The Fourier parameterization forbids high frequencies." It forbids nothing. Each image can be reached; fine waves just take longer.
# - "This is the cat channel." A picture shows what excites it most, and our word for that. Photographs that excite it may show other things. Look at them as well.
# - "The clearer the picture, the more important the channel." Clarity says nothing of what the channel is used for.
#
# ## Limits
#
# - A regulariser draws, too. The smoother the picture, the more of it comes from the prior.
# - Strengths, number of steps and start change the picture. Channel 504 of one GoogLeNet has nothing to do with channel 504 of another, whose weights were trained apart from it.
# - A single unit is seldom the whole story: networks use combinations of channels, and a sum of two can be drawn in the same way (`iv.channel(layer, 1) + iv.channel(layer, 2)`).
# - A channel with several sides shows the one that the start leads to. The diversity term helps only as far as its Gram matrices see the difference.
#
# ## Quiz
#
# **1. Why does the channel objective fill the image, and the neuron objective not?**
#
# <details><summary>Answer</summary>
#
# The channel's mean counts all places, so each further copy adds to it. A neuron sees only its receptive field; pixels outside have no gradient.
#
# </details>
#
# **2. A convolution has kernel width 4 and stride 2. Does the number of ways differ from pixel to pixel, away from the borders?**
#
# <details><summary>Answer</summary>
#
# No. The stride divides the width, so each pixel is seen by two outputs. The weights may still differ, so the grid can come back by them.
#
# </details>
#
# **3. With $x = B\theta$, what does a gradient step in $\theta$ do to $x$? When is it the plain step?**
#
# <details><summary>Answer</summary>
#
# $x$ moves by $\eta\, B B^\top g$. It is the plain step if $B B^\top$ is the identity, such as for an orthonormal Fourier transform without scaling.
#
# </details>
#
# **4. Why does the scale have $\max(f, 1/\max(w, h))$, and not $f$?**
#
# <details><summary>Answer</summary>
#
# Frequency zero, the mean of the image, has $f = 0$. The least other frequency is $1 / \max(w, h)$, and frequency zero gets the same scale.
#
# </details>
#
# **5. An image keeps its full activation, but loses nearly all of it when it is shifted by four pixels. What do you suspect?**
#
# <details><summary>Answer</summary>
#
# It was made without random transforms and works by a pattern of single pixels at exact places, much like an adversarial example.
#
# </details>
#
# **6. Why is total variation a penalty that also hurts?**
#
# <details><summary>Answer</summary>
#
# Edges have differences, too. The penalty takes from the contrast of real edges as it takes from noise.
#
# </details>
#
# ## Exercises
#
# The exercise notebook begins with jitter and with the grid in a gradient (warm-up). You then write the Fourier parameterization and decorrelated colours from their equations (core). At the end you measure the grid of two strided
# convolutions, and how much less of high frequencies an ascent in your Fourier space makes than one in pixels (open).
#
# ## Further reading
#
# - {cite}`olah2017feature`: the article that this lesson follows; read "The Enemy of Feature Visualization" and "Preconditioning and Parameterization".
# - {cite}`odena2016checkerboard`: checkerboards of deconvolutions, with figures that one can move.
# - {cite}`mordvintsev2018differentiable`: what else can be parameterized: small networks, transparent images, several images with shared parts.
# - {cite}`nguyen2016synthesizing`: a generator as the prior, the strongest remedy, and what it adds by itself.
# - {cite}`fel2023maco`: an ascent that keeps the magnitudes of the spectrum and changes phases only.
# - {doc}`/methods` shows the methods side by side; {doc}`/scorecard` lists which claims of these papers we could repeat.
