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
# # 10. The activation atlas
#
# Feature visualization shows a channel, or a direction that you name. But which of all the combinations of hundreds of channels does a
# network use at all? The activation atlas lets photographs answer: it collects what they cause in a layer, sorts it on a map, and
# draws each region.

# %% [markdown]
# ## Learning goals
#
# After this lesson you can
#
# - name the five steps from photographs to an atlas, and write four of them from their equations;
# - say what whitening does, and why both the layout and the icons use it;
# - compute what a cell adds to a class, and say when this number can be trusted;
# - read an atlas, and name what it does not show.
#
# ## Before you start
#
# You need lesson 1 (activations of a layer) and lesson 4 (feature visualization, its parameterization and transforms), and the gradient of a
# logit with respect to activations from lesson 6. From linear algebra you need the inverse of a matrix and principal axes. Reading takes about
# 35 minutes, the exercises about 40 more.
#
# The atlas of Carter and colleagues {cite}`carter2019atlas` takes a million photographs. This lesson takes cuts of four, so that it runs
# in half a minute. Everything else is the same in kind, and small.

# %% tags=["parameters"]
network = "googlenet"  # or "efficientnet_lite0", which needs no download
photographs = ["skimage/chelsea", "skimage/coffee", "skimage/rocket", "skimage/astronaut"]
positions = 60  # activations that are collected from each cut
layout_method = "pca"  # or "tsne" (10 seconds more), or "umap" (a minute more)
density = 5  # cells along each side of the map
steps = 44  # of the ascent of each icon; more are clearer and slower
classes = ["Egyptian cat", "espresso", "missile"]  # for the attribution, by name or number
seed = 0  # of all random numbers

# %%
# %matplotlib inline
from itertools import pairwise

import torch
from torch.nn.functional import interpolate, normalize, pad

import innerview as iv
from innerview.atlas import IconRecipe, Reduction, cell_icons, grid, reduce, whitening
from innerview.core.images import square, to_array
from innerview.figures import Arrow, Block, Mosaic, diagram, histograms, mosaics, panels, scattered, strips
from innerview.models import class_index
from innerview.optimize import Recipe
from innerview.optimize.icons import icons
from innerview.replicate.photos import photo

layer = {"googlenet": "inception_4c", "efficientnet_lite0": "blocks.9"}[network]
model = iv.load_model(network)
draws = torch.Generator().manual_seed(seed)

# %% mystnb={"figure": {"caption": "From photographs to an atlas: activations at many positions are laid out in a plane, averaged cell by cell, and each mean is drawn and named."}, "image": {"alt": "Diagram: photographs, activations, layout, cells, icons in a row; attribution to classes below"}}
blocks = [
    Block("photographs", 0, 0, "Photographs", "many", 0),
    Block("activations", 1, 0, "Activations", "one vector for\neach position", 0),
    Block("layout", 2, 0, "Layout", "whitened, on\na plane", 1),
    Block("cells", 3, 0, "Cells", "mean of what\nlies together", 1),
    Block("icons", 4, 0, "Icons", "feature\nvisualization", 2),
    Block("labels", 3, 1, "Labels", "attribution\nto classes", 2),
]
names = [block.name for block in blocks]
chain = [Arrow(one, other) for one, other in pairwise(names[:5])]
diagram(blocks, [*chain, Arrow("activations", "labels")], width=7.2)

# %% [markdown]
# ## Step 1: collect activations
#
# A convolutional layer has a vector of activations at each position, one number a channel. Call it $h$. It tells what the layer sees
# in one part of the photograph. The article takes *one* position of each of a million photographs, at random and not at the border, where
# padding speaks along. One a photograph keeps large photographs of one thing from filling the map. With four photographs we have to take
# many, from several cuts of each.

# %% mystnb={"figure": {"caption": "The cuts from which activations are collected: each photograph whole, and parts of it at random places."}, "image": {"alt": "Sixteen small pictures: a cat, a cup of coffee, a rocket at its start, a woman in a space suit, and parts of them"}}
crops = []
for name in photographs:
    pixels = photo(name)
    for share in (1, 0.7, 0.5, 0.5):
        side = int(share * min(pixels.shape[-2:]))
        top, left = (int(torch.randint(length - side + 1, (), generator=draws)) for length in pixels.shape[-2:])
        crops.append(square(pixels[..., top : top + side, left : left + side], 224))
crops = torch.cat(crops).clamp(0, 1)
strips({" " * place: some for place, some in enumerate(interpolate(crops, 84, mode="area").split(8))}, scale=1)

# %%
with torch.no_grad():
    maps = iv.activations(model, crops, layer)[layer]
count, channels, rows, columns = maps.shape
inner = (rows - 2) * (columns - 2)  # without the border
drawn = [torch.randperm(inner, generator=draws)[:positions] for _ in range(count)]
crop = torch.arange(count).repeat_interleave(positions)
row = torch.cat(drawn) // (columns - 2) + 1
column = torch.cat(drawn) % (columns - 2) + 1
h = maps[crop, :, row, column]  # a row for each activation
print(f"{len(h)} activations of {channels} channels, from {count} cuts of {rows} x {columns} positions")

# %% [markdown]
# ## Step 2: whiten
#
# Some channels fire everywhere, and some always fire together. They make any two activations look alike. Whitening takes away what
# all have in common. With the activations as rows of $A$, $N$ of them:
#
# $$S = \Big(\frac{1}{N} A^\top A + \lambda I\Big)^{-1}$$
#
# Multiplied by $S^{1/2}$, activations have second moments near the identity: no channel is louder than another, and none repeats
# another. The article does not centre them. $\lambda$ is an addition of this book: a channel that never fires would make the matrix
# impossible to invert, and with few activations its smallest axes are noise. Here $\lambda$ is the mean of the second moments.

# %%
moments = (h.T @ h / len(h)).double()
ridge = moments.diagonal().mean()
S = torch.linalg.inv(moments + ridge * torch.eye(channels))
whitened = whitening(h)
print("the library finds the same S:", torch.allclose(S.float(), whitened.inverse, rtol=1e-3, atol=1e-4))

# %% mystnb={"figure": {"caption": "Cosines between pairs of activations drawn at random. GoogLeNet's activations are never negative, and nearly all pairs have something in common. Whitened, most cosines are near 0, so that a pair that is alike stands out."}, "image": {"alt": "Two histograms of cosines: one mostly to the right of zero, the other narrow around zero"}}
pairs = torch.randint(len(h), (2, 4000), generator=draws)
cosines = {
    label: (normalize(some[pairs[0]], dim=1) * normalize(some[pairs[1]], dim=1)).sum(dim=1).numpy()
    for label, some in {"as they are": h, "whitened": whitened.activations(h)}.items()
}
histograms(cosines, "cosine between two activations", "share of pairs")

# %% [markdown]
# ## Step 3: lay out
#
# A map needs two numbers for each activation. The article uses UMAP {cite}`mcinnes2018umap`, which keeps neighbours together and lets
# distances go. It takes long to load, so the default here is the oldest way: the two **principal axes**, along which the whitened activations
# spread most. The library scales each axis to [0, 1].

# %%
points = reduce(h, whitened, Reduction(layout_method, neighbors=30, seed=seed))
spread = torch.linalg.svdvals(whitened.activations(h) - whitened.activations(h).mean(dim=0)).square()
print(f"the first two principal axes keep {float(spread[:2].sum() / spread.sum()):.0%} of the spread")

# %% [markdown]
# Keep that number in mind when you look at distances. To see what the plane sorts, paste at each point the piece of the photograph that
# the activation was taken from.


# %% mystnb={"figure": {"caption": "A third of the activations, each as the 64 pixels around its position, at its place on the plane. Like lies beside like: with GoogLeNet fur lies together, dark sky and backgrounds lie together, and cups and other round things lie together."}, "image": {"alt": "A cloud of small square pieces of photographs, sorted by what they show"}}
def pieces(which, side=64):
    """Cut the part of a photograph around each of some activations."""
    wide = pad(crops, (side // 2,) * 4, mode="reflect")
    tops, lefts = ((one[which] * 224 / rows + 112 / rows).long() for one in (row, column))
    cut = [wide[k, :, y : y + side, x : x + side] for k, y, x in zip(crop[which], tops, lefts, strict=True)]
    return torch.stack(cut)


third = torch.randperm(len(h), generator=draws)[: len(h) // 3]
small = to_array(interpolate(pieces(third), 48, mode="area"))
low, high = points.quantile(0.02, dim=0), points.quantile(0.98, dim=0)
placed = ((points - low) / (high - low)).clamp(0, 1)  # a few far points move to the border
panels({"": scattered(small, placed[third].numpy(), side=1100)})

# %% [markdown]
# ## Step 4: cells
#
# Cut the plane into $d \times d$ cells. A cell with enough activations keeps their mean $v$. Averaging is the heart of the method: a single
# activation says what one photograph did, the mean says what a region has in common.

# %%
cells = grid(points, density, minimum=8, clip=(2, 98))  # far points count to the cells at the border
v = cells.mean(h)
print(f"{len(cells)} of {density**2} cells hold 8 activations or more; the fullest holds {int(cells.counts.max())}")

# %% [markdown]
# The same by hand, for the fullest cell:

# %%
fullest = int(cells.counts.argmax())
by_hand = h[cells.members(fullest)].mean(dim=0)
print("the mean of the members:", torch.allclose(by_hand, v[fullest], atol=1e-5))

# %% [markdown]
# ## Step 5: icons
#
# What would a photograph have to show for the layer to answer with $v$? Lesson 4 has the tool: ascend from noise. The objective asks the
# activations $h$ of the image to go along the whitened mean $Sv$, far and in the right mixture:
#
# $$\frac{(h \cdot S v)^{n+1}}{(\|h\| \, \|S v\|)^n} = (h \cdot S v)\, \cos(h, S v)^n$$
#
# For $n = 0$ it is the dot product. Any image that excites the layer strongly has a large one. The cosine, to a power $n$, punishes what
# comes along besides. The released code takes $n = 4$, and lets cosines below 0.1 count as 0.1, since the ascent begins with noise.
# In the library it is `iv.direction(layer, vector, cosine_power=4)`, averaged over all positions.

# %% tags=["gallery"] mystnb={"figure": {"caption": "The atlas: an icon for each cell. White cells hold too few activations. With GoogLeNet there are fur and eyes, round vessels, towers and lattices, and clothes, and neighbours look alike."}, "image": {"alt": "A square of small synthesised pictures: fur, an animal's face, cups and rims, towers, cloth"}}
recipe = Recipe(steps=steps, learning_rate=0.1)  # twice the usual rate, for a few steps
made = cell_icons(model, layer, v, whitened, IconRecipe(size=64, recipe=recipe, batch=32, seed=seed))
shown = Mosaic(to_array(made.images), cells.rows.numpy(), cells.columns.numpy(), density)
mosaics({"": shown}, scale=2)

# %% [markdown]
# The article has 80 pixels and 1024 steps for each, best of four tries, and up to $160 \times 160$ cells.
#
# ## Back to the photographs
#
# An icon is a drawing. What it was drawn from are the members of its cell. Look at both, always.

# %% mystnb={"figure": {"caption": "The icons of the four cells whose members are most alike, and beside each the six members that are most like the cell's mean. An icon exaggerates what its members share."}, "image": {"alt": "Four rows, each an icon and six pieces of photographs"}}
white = normalize(whitened.activations(h), dim=1)
alike = white @ normalize(whitened.activations(v), dim=1).T  # of each activation with each cell
close = torch.stack([alike[cells.members(cell), cell].mean() for cell in range(len(cells))])
looked = close.topk(min(4, len(cells))).indices.tolist()  # the cells whose members are most alike
rows_shown = {}
for cell in looked:
    members = cells.members(cell)
    nearest = members[alike[members, cell].argsort(descending=True)[:6]]
    title = (
        f"Row {int(cells.rows[cell]) + 1}, column {int(cells.columns[cell]) + 1}: {int(cells.counts[cell])} activations"
    )
    rows_shown[title] = torch.cat([made.images[cell : cell + 1], pieces(nearest)])
strips(rows_shown, scale=2)

# %% [markdown]
# ## What a cell means to a class
#
# Does the network use a cell to say "espresso"? Around an activation the logit is nearly linear. Its **attribution** to class $c$ is the
# activation times the gradient, summed over the channels:
#
# $$R_c(h) = h \cdot \frac{\partial y_c}{\partial h}$$
#
# It says by how much the logit would fall if this position were set to zero, to first order. A cell has the mean of its members. If only
# an average and a linear layer follow, this is exact, as in lesson 6. In the middle of a network it is an estimate: ReLUs and pooling lie
# above. (The library also relaxes the gradient of max pooling, as the article does. The plain gradient stands here.)


# %%
def attribution(images, name):
    """Return what each position of some images adds to the logit of a class."""
    read = iv.activations(
        model, images.clone().requires_grad_(), [layer, ""]
    )  # the empty name is the model's own output
    score = read[""][
        :, class_index(model, name)
    ].sum()  # each image has its own logit, so that the gradients do not mix
    (gradient,) = torch.autograd.grad(score, read[layer])
    return (read[layer] * gradient).sum(dim=1).detach()


attributions = {}
for name in classes:
    everywhere = torch.cat([attribution(some, name) for some in crops.split(4)])
    attributions[name] = cells.mean(everywhere[crop, row, column][:, None])[:, 0]
    print(f"{name}: cells add {attributions[name].min():+.3f} to {attributions[name].max():+.3f} logits a position")

# %% mystnb={"figure": {"caption": "The atlas three times. A cell stands out as far as it adds to the class. With GoogLeNet the espresso lives where the cups are and the cat at an eye; but rims speak for the cat, too, and people for the missile."}, "image": {"alt": "The same map of icons three times, faded except for a few cells"}}
faded = {}
for name, values in attributions.items():
    shares = (values / values.max().clamp(min=1e-9)).clamp(0, 1)  # what speaks against the class fades, too
    faded[name] = Mosaic(
        shown.pictures, shown.rows, shown.columns, density, (0.15 + 0.85 * shares).clamp(max=1).numpy()
    )
mosaics(faded, columns=min(3, len(faded)), scale=1)

# %% [markdown]
# Some cells speak for the class that they come from, others for classes that they do not show. The numbers are small, and the layer
# stands in the middle of the network: take them as hints, and test them.
#
# ## What the objective does
#
# The same cells, drawn by three objectives that differ in one thing each.

# %% mystnb={"figure": {"caption": "The same four cells drawn by the dot product alone, with the cosine, and with cosine and whitening, as in the atlas. The dot product lets in whatever excites the layer. Whitening takes away what all cells share."}, "image": {"alt": "Three rows of four icons each"}}
several = v[looked]


def draw(directions, power):
    """Draw some directions."""
    unit = normalize(directions, dim=1)
    make = lambda some: iv.direction(layer, some, cosine_power=power)  # noqa: E731
    return icons(model, make, unit, size=64, seed=seed, recipe=recipe).images


strips(
    {
        "Dot product": draw(several, 0),
        "With the cosine": draw(several, 4),
        "With cosine and whitening": made.images[looked],
    },
    scale=2,
)

# %% [markdown]
# ## How to read an atlas
#
# - **Begin with regions.** What do neighbouring cells share? A region often holds a part or a texture, such as fur or rims, and not a
#   class. The network shares it among many classes.
# - **Then ask for a class.** Where does it live, and what else lives there? Two classes in the same cells are told apart elsewhere.
# - **Look for surprises.** The article found that a cell with something like a steam locomotive speaks for *scuba diver* and against
#   *snorkel*, and that a locomotive pasted on photographs of snorkels turned most of them into scuba divers (85 % of those tested, at the
#   best place, as reported). What an atlas suggests has to be tested so.
# - **Compare layers.** Early ones sort textures, late ones objects and scenes.
#
# ## Change the figure
#
# The cell at the top holds the parameters. Change one, run everything again, and look.
#
# - `photographs = ["skimage/chelsea"]`: a map of one cat. The network is the same, but cups and towers are gone. The map shows what the data
#   asked.
# - `layout_method = "tsne"`: other neighbours, another shape. Which regions survive? Trust those more.
# - `density = 3`: few cells, many activations each. Icons become vague where a cell mixes several things. `density = 8`: many
#   cells have too few members and stay white.
# - `steps = 200`: clearer icons, in five times the time.
# - `positions = 10`: a few activations decide a cell. Change `seed` as well, and see how much of the map is chance.
# - `classes = ["tabby", "cup", "neck brace"]`: neighbours of the classes above. Do they live in the same cells?
#
# ## Common misreadings
#
# - **"Far apart on the map is far apart for the network."** The layout keeps some neighbours and little else. The number above says how small
#   a part of the spread two axes keep. Gaps, areas and directions on a UMAP mean even less.
# - **"An icon is what the network sees in these photographs."** It is *an* image that excites the layer along the mean. Others do so as well.
# - **"All members of a cell are alike."** A mean of two different things is a third thing. Look at the members.
# - **"An empty place means that the network lacks the concept."** It means that these photographs did not ask for it.
# - **"A label names what the cell shows."** The label is the class that gains most. Fur adds to dozens of breeds.
#
# ## Limits
#
# - An atlas is made of *single* positions. What the network gets from the arrangement of parts is not in it.
# - Attribution is first order. In the middle of a network it predicts poorly what happens if a direction is removed; in the last
#   layer it predicts well. {doc}`/scorecard` has both numbers.
# - Averages hide the rare. Something that few photographs show lands in a cell with something else, or in none.
# - The whole costs a lot: a layer of a large atlas is thousands of icons.
# - It needs a layer with positions. For networks without them there is one activation an image, and the atlas is a map of images.
#
# ## Quiz
#
# **1. Why does the article take one activation from each of a million photographs, and not a thousand from each of a thousand?**
#
# <details><summary>Answer</summary>
#
# Positions of one photograph are alike: a large sky would fill a region with a thousand copies of itself. More photographs show more of
# what the layer can tell apart.
#
# </details>
#
# **2. A channel is 5 at every position of every photograph. What does it do to the cosines, and what does whitening do to it?**
#
# <details><summary>Answer</summary>
#
# It adds 25 to every dot product, so that all cosines become more alike. Its second moment is large, so that $S$ gives it a small weight.
#
# </details>
#
# **3. What happens to $S$ if $\lambda$ becomes very large?**
#
# <details><summary>Answer</summary>
#
# $S$ goes to $I / \lambda$: nothing is whitened any longer, all directions are only scaled. For $\lambda$ near zero the weakest axes, which may be noise, get the
# largest weight.
#
# </details>
#
# **4. Why is the cosine in the objective of an icon, when the dot product already grows along the direction?**
#
# <details><summary>Answer</summary>
#
# The dot product also grows when *all* activations do, whatever their mixture. The cosine is 1 only if they point along the direction.
#
# </details>
#
# **5. A cell has two members, with attributions of $+2$ and $-2$ to a class. What is the cell's attribution, and what does it hide?**
#
# <details><summary>Answer</summary>
#
# 0. It hides that the cell mixes evidence for and against. A finer grid may part them.
#
# </details>
#
# **6. Two icons look the same, but lie in opposite corners of the map. Give two reasons.**
#
# <details><summary>Answer</summary>
#
# The layout may have torn neighbours apart: two axes cannot keep all distances. Or the means differ in a way that the icons, drawn from
# chance starts and few steps, do not show. The cosine of the two whitened means decides.
#
# </details>
#
# ## Exercises
#
# The exercise notebook has six parts. To warm up, you draw random positions and compute a cell's attribution. The core is the mean of each
# cell, the whitened direction, and the objective of an icon. Then you measure how much of the spread two axes keep, with and
# without whitening.
#
# ## Further reading
#
# - {cite}`carter2019atlas`: the article, with atlases to wander in. Read the sections on classes and on what an atlas lets you find.
# - {cite}`olah2018building`: attribution and feature visualization put together; the idea of a grid of activations comes from there.
# - {cite}`olah2017feature`: how an icon is made.
# - {cite}`mcinnes2018umap`: the layout of the article.
# - {doc}`/methods`: all methods, with a page that builds large atlases to explore. {doc}`/scorecard`: what was claimed, and measured.
