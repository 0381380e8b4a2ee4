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
# # 8. Inversion, texture and style
#
# A layer turns an image into numbers. Which images have the same numbers? If we keep all of them, we learn what the layer has
# kept of the image. If we keep only how its channels go together, we get a texture. And with both at once, a photograph takes on the
# style of another picture.

# %% [markdown]
# ## Learning goals
#
# After this lesson you can
#
# - invert a layer: find an image with given activations, and say what the layer has thrown away;
# - say why such a search needs a prior, and write down total variation;
# - compute a Gram matrix, and explain why it knows no places;
# - write down the losses of content and of style, and choose their weights and layers;
# - explain how one pass of a trained network can replace hundreds of steps.
#
# ## Before you start
#
# You need lesson 1 (layers, channels, activations) and lesson 3 (changing an image's pixels along a gradient). From PyTorch you need
# `flatten`, matrix products and `torch.autograd`. Reading takes about 40 minutes, the exercises about 40 more.
#
# The network is VGG-19, as in the papers. It is slow, so the pictures here are small. The cell below holds what you may change.

# %% tags=["parameters"]
network = "vgg19_normalized"  # or "googlenet", or "efficientnet_lite0", which needs no download
content_photo = "skimage/chelsea"  # what is painted
style_photo = "skimage/immunohistochemistry"  # in whose style; or "skimage/brick", "skimage/coffee", "skimage/grass"
width = 128  # of the pictures, in pixels
steps = 20  # how often the loss of a picture in a style is computed
style_weights = [3.0, 30.0, 300.0]  # beta / alpha, one for each picture
variation = 1.0  # weight of the total variation of a picture in a style
seed = 0  # of the noise from which textures and inversions start

# %%
# %matplotlib inline
import torch

import innerview as iv
from innerview.figures import bars, lines, panels
from innerview.replicate.photos import photo
from innerview.synthesis import Descent, InversionRecipe, StyleRecipe, TextureRecipe

layers = {  # from low to high: the layers of texture and style
    "vgg19_normalized": ("relu1_1", "pool1", "pool2", "relu3_1"),
    "googlenet": ("pool1_3x3_s2", "pool2_3x3_s2", "inception_3a", "inception_3b"),
    "efficientnet_lite0": ("relu0", "blocks.0", "blocks.2", "blocks.4"),
}[network]
inverted = {
    "vgg19_normalized": ("relu2_1", "relu3_1", "relu4_1"),
    "googlenet": ("pool1_3x3_s2", "inception_3a", "inception_4a"),
    "efficientnet_lite0": ("blocks.0", "blocks.4", "blocks.8"),
}[network]
content_layer = inverted[1]
model = iv.load_model(network)
content = photo(content_photo, width)
painting = photo(style_photo, 3 * width // 2)[..., : content.shape[2], :width]  # a part of the same size

# %% mystnb={"figure": {"caption": "What we start from: a photograph, and a picture that lends its texture and style. The default is stained tissue under a microscope."}, "image": {"alt": "A cat's face beside brown and blue tissue with stripes"}}
panels({"Content": content, "Style": painting}, scale=2)

# %% [markdown]
# ## Inversion: what a layer has kept
#
# Let $\Phi(x)$ be the activations of a layer for the image $x$, and $\Phi_0$ those of our photograph. Mahendran and Vedaldi look for
# an image with the same activations {cite}`mahendran2015understanding`:
#
# $$\min_x \; \frac{\|\Phi(x) - \Phi_0\|^2}{\|\Phi_0\|^2} + \lambda R(x)$$
#
# Many images have nearly the same activations, and most of them look like noise. So a *prior* $R$ says what images are like.
# Total variation is one: neighbouring pixels shall be alike. Summed over colours it is
#
# $$R_{V^\beta}(x) = \sum_{ij} \big((x_{i,j+1} - x_{ij})^2 + (x_{i+1,j} - x_{ij})^2\big)^{\beta / 2}$$
#
# In code it is three lines. Below it takes noise off a photograph: we look for an image that stays near to the noisy one and has little
# total variation.


# %%
def total_variation(x, beta):
    """Return the total variation of one image; the small number keeps the slope finite where all pixels are alike."""
    right, down = x[..., :-1, 1:] - x[..., :-1, :-1], x[..., 1:, :-1] - x[..., :-1, :-1]
    return (right**2 + down**2 + 1e-6).pow(beta / 2).sum()


def smoothed(noisy, beta, strength, rounds=40):
    """Trade the distance from a noisy image against total variation."""
    x = noisy.clone().requires_grad_()
    adam = torch.optim.Adam([x], lr=0.03)
    for _ in range(rounds):
        adam.zero_grad()
        ((x - noisy).square().sum() + strength * total_variation(x, beta)).backward()
        adam.step()
    return x.detach().clamp(0, 1)


noise = 0.15 * torch.randn(content.shape, generator=torch.Generator().manual_seed(seed))
noisy = (content + noise).clamp(0, 1)

# %% mystnb={"figure": {"caption": "Total variation as a prior. With beta = 2 everything becomes soft, edges too. With beta = 1 flat places become flat and edges stay."}, "image": {"alt": "A noisy cat, a soft one, and one with flat areas and sharp edges"}}
panels({"With noise": noisy, "beta = 2": smoothed(noisy, 2, 1.5), "beta = 1": smoothed(noisy, 1, 0.25)}, scale=2)

# %% [markdown]
# Now the inversion itself. The search starts from grey noise and follows the gradient, by L-BFGS, a method that learns the
# curvature of the loss from its last steps. `iv.invert` adds one more prior, which keeps pixels from extreme values.

# %% mystnb={"figure": {"caption": "The photograph found again from one layer at a time. With VGG-19, a low layer gives back nearly every pixel. Higher up, colours drift and edges waver: the layer no longer tells such images apart."}, "image": {"alt": "A cat, and three reconstructions of it, less exact from left to right"}}
small = photo(content_photo, 3 * width // 4)
recipe = InversionRecipe(descent=Descent(steps=20))
inversions = {layer: iv.invert(model, small, layer, recipe=recipe, seed=seed) for layer in inverted}
panels({"Photograph": small} | {f"From {layer}": one.images for layer, one in inversions.items()}, scale=2)

# %%
for layer, one in inversions.items():
    target, made = (iv.activations(model, image, layer)[layer] for image in (small, one.images))
    distance = float((made - target).square().sum() / target.square().sum())
    pixels = float((one.images - small).square().mean().sqrt())
    print(
        f"{layer:14s} activations differ by {distance:6.2%} of their squares, pixels by {pixels:.2f} (root mean square)"
    )

# %% [markdown]
# Read the two numbers together. Where the activations agree and the pixels do not, the layer does not know the difference. With so
# few steps, part of what is missing may also be a search that has not ended.
#
# ## Texture: forget the places
#
# What makes bricks bricks, wherever each one lies? Gatys, Ecker and Bethge answer: which channels are active *together*
# {cite}`gatys2015texture`. Write the activations of a layer as a matrix $F$, a row for each of $N$ channels and a column for each
# of $M$ positions. The **Gram matrix** is
#
# $$G_{ij} = \frac{1}{M} \sum_k F_{ik} F_{jk}$$
#
# The sum runs over all positions $k$. Put the columns of $F$ in another order and $G$ stays the same. That is why it knows no places.
# (The paper leaves out $1/M$ here and divides later.)


# %%
def gram_matrix(features):
    """Return the Gram matrix (c, c) of one image's activations (1, c, h, w)."""
    rows = features[0].flatten(1)
    return rows @ rows.T / rows.shape[1]


F = iv.activations(model, painting, layers[-1])[layers[-1]]
G = gram_matrix(F)
print(f"{layers[-1]}: activations {tuple(F.shape)}, Gram matrix {tuple(G.shape)}")
print("as the library's:", torch.allclose(G, iv.gram_matrix(F)[0], rtol=1e-4, atol=1e-5 * float(G.abs().max())))

# %% [markdown]
# How far apart are two Gram matrices? Take $\|G - A\| / \|A\|$, layer by layer, and compare our picture with four others: with
# itself moved to the right (what leaves comes in at the left), turned upside down, with the same pixels in another order, and with the
# content photograph.

# %% mystnb={"figure": {"caption": "Distance of Gram matrices from those of the style picture. The moved picture is nearest, though no pixel is in its place. Upside down is further, since a filter for a slant answers another slant. Shuffled pixels are far: each filter looks at several pixels, and their order within its window counts."}, "image": {"alt": "Bar chart: shortest bars for the moved picture, longest for shuffled pixels"}}
mixed = torch.randperm(painting[0, 0].numel(), generator=torch.Generator().manual_seed(seed))
compared = {
    "Moved": painting.roll(width // 4, dims=3),
    "Upside down": painting.flip(2),
    "Shuffled": painting.flatten(2)[..., mixed].reshape(painting.shape),
    "Content": content,
}
grams = {layer: gram_matrix(one) for layer, one in iv.activations(model, painting, layers).items()}
bars(
    {
        name: {
            layer: float((gram_matrix(one) - grams[layer]).norm() / grams[layer].norm())
            for layer, one in iv.activations(model, other, layers).items()
        }
        for name, other in compared.items()
    },
    "Distance of Gram matrices, share of the style picture's",
)

# %% [markdown]
# To make a texture, start from noise and change the pixels until the Gram matrices $G^l$ are those of the picture, $A^l$:
#
# $$E_l = \frac{1}{4 N_l^2} \sum_{ij} (G^l_{ij} - A^l_{ij})^2, \qquad L_{style} = \sum_l w_l E_l$$
#
# Gram matrices of different layers differ in size by orders of magnitude. We choose $w_l$ so that each layer counts alike: one over the
# mean square of $A^l$.

# %%
weights = {layer: 1 / float(A.square().mean()) for layer, A in grams.items()}
sample = painting[..., : content.shape[2]]  # a square
sets = {f"{count} layer{'s' * (count > 1)}": layers[:count] for count in (1, 2, 4)}
textures = {
    name: iv.texture(
        model,
        sample,
        recipe=TextureRecipe(layers={layer: weights[layer] for layer in some}, descent=Descent(steps=30)),
        seed=seed,
    )
    for name, some in sets.items()
}

# %% mystnb={"figure": {"caption": "The texture from more and more layers. The lowest layer alone knows fine grain; with the higher ones come lines and then bent strands, in other places than in the sample. The rim differs because convolutions see zeros beyond it."}, "image": {"alt": "Sample of tissue and three textures of it, from grain to strands"}}
panels({"Sample": sample} | {name: one.images for name, one in textures.items()}, scale=2)

# %% mystnb={"figure": {"caption": "The smallest loss so far of each texture, as a share of the first. The axis is logarithmic. In its first steps L-BFGS has to find out how far to go."}, "image": {"alt": "Three falling curves on a logarithmic axis, one for each texture, steep at first and then flat"}}
lines(
    {
        name: (range(1, one.history.shape[1] + 1), (one.history[0].cummin(0).values / one.history[0, 0]).tolist())
        for name, one in textures.items()
    },
    "Step",
    "Smallest loss so far, share of the first",
    log="y",
)

# %% [markdown]
# A small loss is no proof of a good texture: it tells nothing about what the chosen layers do not see.
#
# ## Style: both at once
#
# Now keep the places in one layer and forget them in the others {cite}`gatys2016style`. The **content** loss compares the activations
# $F$ of the new picture with those of the photograph, $P$, position by position (Eq. 1). The style loss is the one above. The new
# picture $x$ minimises
#
# $$\alpha L_{content} + \beta L_{style}, \qquad L_{content} = \frac{1}{2} \sum_{ij} (F_{ij} - P_{ij})^2$$
#
# Only the ratio $\beta / \alpha$ matters, and its unit depends on how both sums are scaled. Here both losses are shares:
# `StyleRecipe` takes the mean of squares for the content, and we divide it by the mean square of $P$.

# %%
P = iv.activations(model, content, content_layer)[content_layer]


def painted(picture, beta):
    """Return the photograph in the style of a picture."""
    style = {
        layer: 1 / float(gram_matrix(one).square().mean())
        for layer, one in iv.activations(model, picture, layers).items()
    }
    recipe = StyleRecipe(
        content=(content_layer,), style=style, content_weight=1 / float(P.square().mean()), style_weight=beta / len(layers),
        variation_weight=variation / content[0, 0].numel(), descent=Descent(steps=steps),
    )  # fmt: skip
    return iv.style_transfer(model, content, picture, recipe=recipe)


made = {f"beta / alpha = {beta:g}": painted(painting, beta) for beta in style_weights}

# %% tags=["gallery"] mystnb={"figure": {"caption": "From content to style. With VGG-19 and a small weight the tissue lies over the cat like a glaze; with a large one the cat is made of tissue."}, "image": {"alt": "Three pictures of the cat, more and more made of brown strands"}}
panels({name: one.images for name, one in made.items()}, scale=2)

# %% [markdown]
# The same pictures as numbers. For each we compute both losses from their equations:

# %%
for name, one in made.items():
    seen = iv.activations(model, one.images, [content_layer, *layers])
    far_content = float((seen[content_layer] - P).square().mean() / P.square().mean())
    far_style = [float((gram_matrix(seen[layer]) - grams[layer]).norm() / grams[layer].norm()) for layer in layers]
    print(f"{name:22s} content {far_content:.2f}, style {sum(far_style) / len(far_style):.2f}")

# %% [markdown]
# What is gained in style is paid for in content. The descent starts at the photograph here, where the content loss is zero. The paper
# starts from noise, its released code from the photograph.
#
# Another style, with the second of the weights:

# %% mystnb={"figure": {"caption": "The photograph made of bricks. With VGG-19 the joints follow the lines of the face."}, "image": {"alt": "A brick wall, and a cat's face with the joints of bricks on it"}}
wall = photo("skimage/brick", 3 * width // 2)[..., : content.shape[2], :width]
panels({"Brick": wall, "Content": content, "Made of bricks": painted(wall, style_weights[1]).images}, scale=2)

# %% [markdown]
# ## One pass instead of hundreds of steps
#
# Each picture above is a search of its own. Johnson, Alahi and Fei-Fei train a second network to do it at once
# {cite}`johnson2016perceptual`: it takes a photograph, puts out a picture, and its *weights* are trained so that the sum of both losses
# is small over many photographs. The network with the losses stays as it is. They call such losses *perceptual*: two
# pictures are compared by what a network sees, not pixel by pixel. The price: one trained network for each style. It pays to
# take mean and spread of each channel from the single picture (instance normalization {cite}`ulyanov2016instance`); and if scale
# and shift after it are chosen by the style, one network holds many {cite}`dumoulin2017learned`. In the library `iv.stylize` runs such
# a network.

# %% [markdown]
# ## Change the figure
#
# Change a value in the cell of parameters at the top and run all cells.
#
# - Set `style_photo` to `"skimage/coffee"`: the style is now saucer red and wood. Colours come with the style, since the lowest layers'
#   Gram matrices hold them.
# - Set `style_weights` to `[0.1, 3, 3000]`: the first picture hardly differs from the photograph, the last has lost the cat.
# - Set `steps` to 100: cleaner strokes and less grain, and five times the waiting.
# - Set `variation` to 100: with a small weight of the style the picture melts into soft areas. With a large one the style holds
#   against the prior.
# - Set `width` to 96: the same filters see larger parts of the picture, so strokes become larger compared with the cat.
# - Set `network` to `"googlenet"`: its first layer looks at the image in steps of two pixels. Textures get a grid, and what
#   is found again from its higher layers is still grey after so few steps.
#
# ## Common misreadings
#
# - **"The inversion shows what the network sees."** It shows one image of many that the layer cannot tell apart, chosen by the prior and
#   the start. Smooth areas come from the prior.
# - **"High layers throw the photograph away."** They keep much of it for longer than the picture suggests: part of the loss is a
#   search that did not end.
# - **"Gram matrices know nothing of space."** They know no *places*. But each filter spans several pixels, and the higher the
#   layer, the larger the pattern that it keeps.
# - **"Content and style are two things in the network."** They are two losses that we chose. Other layers, another content.
# - **"The ratio $\beta / \alpha$ can be taken from a paper."** Only with the same sums or means, the same weights of the layers,
#   the same network and the same size.
#
# ## Limits
#
# - A regular pattern loses its grid: a Gram matrix knows no distance beyond a filter's window.
# - Small pictures and few steps. The paper's textures took 2000 steps at 256 pixels.
# - The style works at one scale. The same painting at twice the size is another style.
# - Networks with strides and much pooling in the first layers, or with random weights, make poor textures. VGG-19 is still the usual choice.
# - Nothing here measures whether a picture is beautiful, and the loss does not even measure whether it looks right.

# %% [markdown]
# ## Quiz
#
# **1. A layer has 256 channels at 28 x 28 positions. How many numbers does its Gram matrix hold, and how many are different?**
#
# <details><summary>Answer</summary>
#
# $256^2 = 65536$ numbers. The matrix is symmetric, so $256 \cdot 257 / 2 = 32896$ of them can differ. The size of the image does not matter.
#
# </details>
#
# **2. All activations of a layer are doubled. What happens to the Gram matrix, and to $E_l$ if both images are doubled?**
#
# <details><summary>Answer</summary>
#
# The Gram matrix becomes four times as large, and $E_l$, a sum of squares of its differences, sixteen times. That is why weights of
# layers are divided by the size of their Gram matrices, or the network is normalised.
#
# </details>
#
# **3. Why does an inversion need a prior, when the photograph itself has a loss of zero?**
#
# <details><summary>Answer</summary>
#
# Because it is not the only image with (nearly) no loss. A layer maps many images to nearly the same activations, and a search from
# noise ends at one that looks like noise. The prior prefers the natural ones among them.
#
# </details>
#
# **4. You use the style layers' *activations* in place of their Gram matrices as the target of a texture. What do you get?**
#
# <details><summary>Answer</summary>
#
# An inversion: the sample itself comes back, every part at its place. No new texture.
#
# </details>
#
# **5. Which of the two losses changes if the style picture is mirrored left to right?**
#
# <details><summary>Answer</summary>
#
# Content does not, it never sees the style picture. Style changes a little: places do not matter, but a filter for lines
# leaning to the right answers elsewhere than one for lines leaning to the left. For a texture without a preferred direction the
# change is small.
#
# </details>
#
# **6. Why is $\beta = 1$ in total variation kinder to edges than $\beta = 2$?**
#
# <details><summary>Answer</summary>
#
# With squares, one step of height 1 costs more than ten steps of height 0.1 ($1$ against $0.1$), so edges are smeared. With $\beta = 1$
# both cost the same, and a sharp edge is as cheap as a soft one.
#
# </details>

# %% [markdown]
# ## Exercises
#
# The exercise notebook has five parts. *Warm-up*: the content loss. *Core*: the Gram matrix, the style loss over several layers, and
# total variation, each from its equation. *Open*: measure in a small network what a Gram matrix forgets when an image is moved, and what it
# does not forget when its pixels are shuffled.
#
# ## Further reading
#
# - {cite}`mahendran2015understanding`: inversion layer by layer, and where the priors come from.
# - {cite}`gatys2015texture`: Gram matrices as a model of texture; look at the figure with fewer and fewer parameters.
# - {cite}`gatys2016style`: style transfer; Fig. 3 has weights and layers side by side.
# - {cite}`johnson2016perceptual`: the same losses, one pass.
# - {cite}`gatys2017controlling`: styles for parts of a picture, colours kept, several scales.
# - The book repeats these papers at larger sizes: see {doc}`/methods` for all pages and {doc}`/scorecard` for what was measured.
