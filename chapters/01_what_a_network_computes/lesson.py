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
# # 1. What a network computes
#
# A convolutional network turns a photograph into a thousand numbers, one for each class. What happens between? This lesson follows one
# photograph from the pixels up: through one filter, through a layer, and to a vector of features in which like photographs lie close
# together.

# %% [markdown]
# ## Learning goals
#
# After this lesson you can
#
# - compute what one unit of a convolution puts out, by hand and with a few lines of PyTorch;
# - read a sheet of filters and a sheet of feature maps, and say what their colours do not tell;
# - work out the receptive field of a stack of layers;
# - treat the features of a photograph as a point, and find its nearest neighbours by cosine similarity;
# - say what a map of such points keeps and what it loses.
#
# ## Before you start
#
# You need tensors and their shapes, slicing and broadcasting in PyTorch, and an idea of what a classifier is. No earlier lesson is needed.
# Reading takes about 40 minutes, the exercises about 40 more.
#
# The cell below holds what you may change. The text speaks of the picture that you get without a change.

# %% tags=["parameters"]
network = "googlenet"  # or "efficientnet_lite0", which needs no download
photograph = "skimage/chelsea"  # or astronaut, coffee, rocket
unit = None  # which filter of the first layer is followed; None takes the one that fires most strongly
side = 80  # of the crops that become points, in pixels
each = 12  # crops of each photograph
neighbors = 5  # how many nearest crops are shown and counted
seed = 0  # of the places where the crops are cut

# %%
# %matplotlib inline
import torch
from torch.nn import functional as F

import innerview as iv
from innerview.core.images import contact_sheet, square, to_array
from innerview.dissection import computed_field, computed_fields, first_filters, traits
from innerview.embedding import neighbor_purity
from innerview.figures import LayerMaps, Look, Marked, colored, feature_maps, filter_pictures, filter_sheet
from innerview.figures import bars, outlines, panels, scattered
from innerview.replicate.photos import photo

model = iv.load_model(network)
image = square(photo(photograph), 224)
padding = {"googlenet": 3, "efficientnet_lite0": 0}[network]  # zeros above and left of the image, in the first layer
layers = {
    "googlenet": ["conv1_7x7_s2", "inception_3a", "inception_4c", "inception_5b"],
    "efficientnet_lite0": ["relu0", "blocks.4.relu1", "blocks.10.relu1", "relu1"],
}[network]
print(f"image {tuple(image.shape)}: {image.shape[1]} colours, {image.shape[2]} x {image.shape[3]} pixels in [0, 1]")

# %% [markdown]
# ## One filter, one place
#
# The first layer is a **convolution**. It owns a set of **filters**. A filter $w$ is a small block of weights: $k \times k$ pixels for each
# of the three colours. It is laid on the image at one place, multiplied with the pixels below it, and the products are added up. A
# **bias** $\beta$ is added, too. For filter $n$ at place $(a, b)$,
#
# $$y_{n,a,b} = \beta_n + \sum_c \sum_{i,j} w_{n,c,i,j}\; x_{c,\; s a + i,\; s b + j}$$
#
# The **stride** $s$ is the number of pixels from one place to the next. All places share the same weights. So a filter looks for one
# thing everywhere, and what it puts out is a picture again: a **feature map**, one **channel** of the layer. One number in it is an
# **activation**; it belongs to one **unit**, which is a filter at a place.
#
# The sum is largest where the pixels look like the filter: bright where its weights are positive, dark where they are negative. Here is
# the sum at one place, beside what the network says.

# %%
filters = first_filters(model)
weights, stride = filters.weights, filters.stride[0]
convolution = dict(model.named_modules())[filters.layer]
with torch.no_grad():
    pixels = F.pad(model.normalize(image), (padding, 8, padding, 8))[0]  # brightness as this network wants it
    inside = iv.activations(model, image, filters.layer)[filters.layer][0]  # what the convolution puts out

n, a, b = 5, 40, 50
k = weights.shape[-1]
window = pixels[:, stride * a : stride * a + k, stride * b : stride * b + k]
total = (weights[n] * window).sum()
if convolution.bias is not None:
    total = total + convolution.bias[n].detach()
print(f"{len(weights)} filters of {tuple(weights.shape[1:])} weights, stride {stride}")
print(f"the sum at one place: {total:.4f}; the network's own number: {inside[n, a, b]:.4f}")

# %% [markdown]
# Both numbers agree. The whole layer is this sum for all filters at all places. In the exercise you write it.
#
# ## A ReLU keeps what is positive
#
# Behind the convolution comes a **ReLU**, $\max(0, y)$: what is negative becomes zero. A unit that finds the opposite of what it looks for
# says nothing. Without it, a stack of convolutions would be one convolution again, since a sum of sums is a sum. (EfficientNet-Lite0
# scales each channel before the ReLU, by a batch normalisation, and also cuts off above 6.)

# %% mystnb={"figure": {"caption": "The filter that fires most strongly, enlarged; what its convolution puts out, red above zero and blue below; and what is left behind the ReLU."}, "image": {"alt": "A photograph of a cat, a filter as a coarse picture, a map in red and blue along the edges of the face, and the same map with only the positive lines, bright on black"}}
with torch.no_grad():
    maps = iv.activations(model, image, layers)
first = maps[layers[0]][0]
followed = int(first.amax((1, 2)).argmax()) if unit is None else unit
picture = to_array(image)[0]
panels(
    {
        "The photograph": picture,
        f"Filter {followed}": filter_pictures(weights[[followed]], 224 // k)[0],
        "Convolution": colored(picture, inside[followed], Look("RdBu_r", signed=True, percentile=99.5)),
        "Behind the ReLU": colored(picture, first[followed], Look("magma", percentile=99.5)),
    }
)

# %% [markdown]
# ## All filters of the first layer
#
# Only in the first layer do weights stand over red, green and blue, so only there is a filter a picture. Below, each is divided by its
# own largest absolute weight; zero becomes grey.

# %% mystnb={"figure": {"caption": "All filters of the first layer. Grey ones come first, then coloured ones by hue. With GoogLeNet: stripes of many directions, and blots with a soft border between two opposite colours."}, "image": {"alt": "A sheet of small square pictures: grey stripes in several directions, then smooth coloured blots"}}
order = traits(weights).order("hue")
panels({"": filter_sheet(weights[order], columns=16, scale=84 // k)})

# %% [markdown]
# Nobody drew these. Training found them. Stripes look for edges and textures, blots for changes of colour. Krizhevsky et al. printed the
# same two kinds for their network in 2012 {cite}`krizhevsky2012imagenet`. Filters of three pixels, as EfficientNet-Lite0 has, leave hardly room
# for a stripe.
#
# ## Feature maps, layer by layer
#
# A filter of a higher layer stands over all channels below it, so it is no picture. What can be looked at is what it puts out. Each row below
# is a layer, from the image up. Each panel is one of its strongest channels, from black, zero, to its own largest value.

# %% mystnb={"figure": {"caption": "The strongest channels of four layers, with the largest value of each in the title. Upwards the maps become coarser and the bright places fewer."}, "image": {"alt": "Four rows of maps on black: fine lines of a cat's face at the top, then bright spots at eyes and nose, then coarse patches, then blocks of seven by seven"}}
feature_maps({name: LayerMaps(maps[name][0]) for name in layers}, count=5)

# %%
for name in layers:
    one = maps[name][0]
    zeros = float((one == 0).float().mean())
    print(f"{name}: {one.shape[0]} channels of {one.shape[1]} x {one.shape[2]} positions, {zeros:.0%} of them zero")

# %% [markdown]
# Some maps have a bright line along one border. Outside the image the layer sees zeros, and a step from the photograph to zeros is an
# edge like any other.
#
# With EfficientNet-Lite0 the largest value is 6 in each panel, since its ReLU ends there.
#
# Two things change on the way up. There are more channels, and fewer positions. And most numbers are zero: at one position only some
# channels have anything to say.
#
# Positions are lost by strides and by **pooling**: a window moves over each map, and of the numbers in it only the largest stays (max
# pooling) or their mean (average pooling). So the layer above cares less about where exactly something was.
#
# ## How far a unit sees
#
# A unit of the first layer sees $k \times k$ pixels. A unit above it sees a window of units, each of which sees pixels. What it depends on
# in the end is its **receptive field**. Let $r$ be the side of the field and $j$ the step from one unit's field to the next
# one's, both in pixels. For a pixel $r = j = 1$. Each layer with kernel $k$ and stride $s$, from the image upwards, changes
#
# $$r \leftarrow r + (k - 1)\, j, \qquad j \leftarrow j\, s$$
#
# A kernel adds $k - 1$ steps of the layer below. A stride makes the steps of all layers above longer. `computed_field` finds the same by
# following every operation of the network; branches and padding are no trouble for it.

# %%
stack, top = {  # (kernel, stride) of each layer up to `top`
    "googlenet": ([(7, 2), (3, 2), (1, 1), (3, 1), (3, 2)], "pool2_3x3_s2"),
    "efficientnet_lite0": ([(3, 2), (3, 1), (3, 2), (3, 1)], "blocks.2"),
}[network]
r, j = 1, 1
for kernel, step in stack:
    r, j = r + (kernel - 1) * j, j * step
    print(f"kernel {kernel}, stride {step}: side {r}, step {j}")
box = computed_field(model, top, 224)
print(f"{top} by its operations: side {box.bottom - box.top}")

# %% mystnb={"figure": {"caption": "What the middle unit of each layer can see. In the upper two layers it is the whole photograph."}, "image": {"alt": "Four copies of the photograph with a square each: a tiny one, one that holds part of the face, and two along the border of the photograph"}}
fields = computed_fields(model, layers, 224)
outlines(
    [
        Marked(
            f"{name}: {box.bottom - box.top} pixels",
            picture,
            {"receptive field": torch.tensor([[box[1], box[0], box[3], box[2]]])},
        )
        for name, box in fields.items()
    ],
    columns=4,
)

# %% [markdown]
# ## A photograph as a point
#
# Take all channels of a layer and average each over its positions. The photograph is now one vector $f$: its **features**. As many
# channels, as many numbers. Two photographs are alike to the network if their vectors point the same way. **Cosine similarity** measures
# that. It ignores how long the vectors are:
#
# $$\cos(f, g) = \frac{f \cdot g}{\|f\|\, \|g\|}$$
#
# It is 1 for the same direction and 0 for vectors at a right angle. After a ReLU no feature is negative, so it lies between 0 and 1.
#
# We cut crops out of four photographs, at random places. Each crop becomes two points: one by the features of the last layer, one by its
# pixels, shrunk to 8 x 8.


# %%
def crops(name, random):
    whole = photo(f"skimage/{name}", 256)
    cut = []
    for _ in range(each):
        top, left = (int(torch.randint(extent - side + 1, (), generator=random)) for extent in whole.shape[2:])
        cut.append(whole[..., top : top + side, left : left + side])
    return torch.cat(cut)


names = ["astronaut", "chelsea", "coffee", "rocket"]
random = torch.Generator().manual_seed(seed)
cut = torch.cat([crops(name, random) for name in names])
origin = [name for name in names for _ in range(each)]  # the photograph of each crop
with torch.no_grad():
    read = iv.activations(model, cut, layers, pieces=16)
spaces = {"pixels": F.interpolate(cut, (8, 8), mode="area").flatten(1)}
spaces |= {name: maps.mean((2, 3)) for name, maps in read.items()}
features = spaces[layers[-1]]
print(f"{len(cut)} crops: {spaces['pixels'].shape[1]} numbers each by pixels, {features.shape[1]} by features")


# %%
def cosines(vectors):
    unit_vectors = F.normalize(vectors, dim=1)  # each divided by its length
    return unit_vectors @ unit_vectors.T


likeness = cosines(features)
for number in (1, each, 3 * each):
    print(f"{origin[0]}, crop 0, and {origin[number]}, crop {number % each}: {likeness[0, number]:.3f}")

# %% mystnb={"figure": {"caption": "Four crops at the left, and the nearest other crops of each. By features with GoogLeNet, most come from the same photograph. By pixels, they have like colours in like places: fur and wood, for instance."}, "image": {"alt": "Two blocks of four rows of small crops: in the first each row stays with one photograph, in the second rows mix faces, fur and wood; only the night sky finds its own"}}
queries = [each // 2 + each * number for number in range(4)]
rows = {}
for title, space in {"By features": layers[-1], "By pixels": "pixels"}.items():
    nearest = cosines(spaces[space])[queries].topk(neighbors + 1).indices  # the first is the crop itself
    rows[title] = to_array(cut[nearest.flatten()])
panels({title: contact_sheet(pictures, neighbors + 1) for title, pictures in rows.items()})

# %% [markdown]
# ## A map of the points
#
# Nobody can look into a space of a thousand dimensions. **Principal axes** (PCA) are the simplest way to flatten it. Take the mean away from
# the vectors, and find the two directions in which they spread most; the points' places along them are the map. With the centred
# vectors as the rows of $F$,
#
# $$F = U \Sigma V^\top, \qquad \text{map} = F\, V_{:, 1:2}$$
#
# We divide each vector by its length first. Then near on the map means alike by cosine, as far as two axes can tell.


# %%
def principal_map(vectors):
    centred = F.normalize(vectors, dim=1)
    centred = centred - centred.mean(0)
    _, spread, axes = torch.linalg.svd(centred, full_matrices=False)
    points = centred @ axes[:2].T
    share = spread[:2].square().sum() / spread.square().sum()
    return (points - points.amin(0)) / (points.amax(0) - points.amin(0)), float(share)


# %% mystnb={"figure": {"caption": "The same crops on two maps, each picture at its point. By features with GoogLeNet, crops of one photograph lie together. By pixels, blue ones lie on one side and orange ones on the other, whatever they show."}, "image": {"alt": "Two clouds of small crops: in the first the four photographs form regions, in the second, cats, cups and orange suits are mixed"}}
small = to_array(F.interpolate(cut, (48, 48), mode="area"))
shown = {}
for title, space in {"By features": layers[-1], "By pixels": "pixels"}.items():
    points, share = principal_map(spaces[space])
    shown[f"{title}; the two axes hold {share:.0%} of the spread"] = scattered(small, points.numpy(), 560)
panels(shown)

# %% [markdown]
# With GoogLeNet one crop of the astronaut, with the model of a space shuttle, lies among the rockets. By colours it would not.
#
# ## Where in the network does this happen?
#
# **Purity** is the share of a crop's nearest others that come from its own photograph. Here it is for the pixels and for each layer,
# from the image up, beside what chance gives.

# %% mystnb={"figure": {"caption": "Purity of the nearest neighbours: by chance, for pixels, and for each layer from the image up."}, "image": {"alt": "Bars: a short one for chance, a longer one for pixels, and the longest ones for the four layers of the network"}}
purity = {name: float(neighbor_purity(vectors, origin, neighbors).mean()) for name, vectors in spaces.items()}
for name, share in purity.items():
    print(f"{name}: {share:.2f}")
bars(
    {"": {"chance": (each - 1) / (len(cut) - 1), **purity}},
    "Share of the nearest crops that come from the same photograph",
)

# %% [markdown]
# Two crops of one photograph share colours and textures, not always things: an astronaut's flag and her face have nothing in common but
# their photograph. The middle layers know colours and textures. The last layer is trained to know things. So it need not be the best at this
# game. In the exercise you measure it for another network.
#
# ## Change the figure
#
# The cell at the top holds the parameters.
#
# - Set `unit` to 0, 1, 2, ...: each filter answers to other lines. Look at the filter first, guess where it will fire, then look at the map.
# - Set `photograph` to `"skimage/coffee"`: in the first layer smooth surfaces stay dark. What is left is the rim of cup and saucer, and each
#   filter takes the part of it that runs in its own direction.
# - Set `side` to 40: crops hold less, and the upper layers have hardly a position left to see with. Purity falls. With 150 the
#   crops of one photograph overlap, and purity rises for pixels, too.
# - Set `neighbors` to `each - 1`: now all crops of the photograph must be nearest, the unlike ones as well, and every purity falls.
# - Set `network` to `"efficientnet_lite0"`: its filters have three pixels a side. The numbers change, the story stays.
#
# ## Common misreadings
#
# - **"A bright map means an important channel."** Each panel is divided by its own largest value. A channel that hardly does anything looks as
#   bright as its neighbour; compare the numbers in the titles.
# - **"The filter is the unit."** The bias, and what the network subtracts from the pixels, decide as well whether a unit fires.
# - **"A unit looks at its whole receptive field."** It can. In fact pixels near the middle matter far more than those at the rim
#   {cite}`luo2016effective`.
# - **"Coarse maps of the last layer see only coarse things."** Their positions are few, but their channels answer to fine things, such as
#   eyes or whiskers.
# - **"Points that are close on the map are alike."** Two axes hold only part of the spread. Far points can fall on one another.
# - **"The network compares pictures as I do."** It compares what helps to tell a thousand classes apart. It was never asked what looks
#   alike to people.
#
# ## Limits
#
# Four photographs show how it works, and prove nothing about networks in general. The strongest channels for one cat are not the most
# important ones of the layer. Feature maps tell that something is there, not what: a channel that fires at the eyes may want dark spots.
# The average over positions throws away where things are. And all of this is description. It does not show which of these numbers the
# network's decision depends on; that is the question of the next lesson.
#
# ## Quiz
#
# **1. An image has 224 pixels a side. A convolution has kernel 7, stride 2 and padding 3. How many positions does its map have along one side?**
#
# <details><summary>Answer</summary>
#
# $\lfloor (224 + 2 \cdot 3 - 7) / 2 \rfloor + 1 = \lfloor 111.5 \rfloor + 1 = 112$.
#
# </details>
#
# **2. A layer has 64 channels, the next one has 128 filters of 3 x 3. How many weights do these have, without biases?**
#
# <details><summary>Answer</summary>
#
# Each filter stands over all 64 channels: $64 \cdot 3 \cdot 3 = 576$ weights. All filters together have $128 \cdot 576 = 73{,}728$.
#
# </details>
#
# **3. Why would a network of convolutions without any ReLU be no stronger than a single layer?**
#
# <details><summary>Answer</summary>
#
# A convolution is linear, up to its bias. Linear maps one after the other make one linear map, so the whole stack could be written as one
# layer (with a larger kernel).
#
# </details>
#
# **4. Two layers of kernel 3 and stride 1, or one of kernel 5: which sees farther?**
#
# <details><summary>Answer</summary>
#
# Neither. $1 + 2 + 2 = 5$, and $1 + 4 = 5$. Two layers have a ReLU between them, and $2 \cdot 9 = 18$ weights for each pair of channels in
# place of 25.
#
# </details>
#
# **5. You double all features of a photograph. What happens to its cosine similarity to others, and to its Euclidean distance?**
#
# <details><summary>Answer</summary>
#
# The cosine stays: the length is divided away. The distance changes.
#
# </details>
#
# **6. Why are features after a ReLU never opposite, with a cosine of $-1$?**
#
# <details><summary>Answer</summary>
#
# No component is negative, so no product $f_k g_k$ is, and the sum is at least 0.
#
# </details>
#
# **7. A colleague shows two islands on a PCA map and says that the network has found two kinds. What do you ask for?**
#
# <details><summary>Answer</summary>
#
# How much of the spread the two axes hold; whether neighbours on the map are neighbours in the whole space; and what the two islands are:
# bright and dark photographs make islands as well.
#
# </details>
#
# ## Exercises
#
# The exercise notebook asks for six things. Warm-up: the size of a layer's output, and a ReLU with max pooling. Core: a convolution from its
# sum, the receptive field of a stack of layers, and cosine similarity. Open: in which of three layers do crops of one photograph stand
# out as alike? Its numbers come from crops of your own course.
#
# ## Further reading
#
# - Krizhevsky et al. {cite}`krizhevsky2012imagenet`: read it for the filters of the first layer, and for nearest neighbours by features.
# - Zeiler and Fergus {cite}`zeiler2014visualizing`: read it for what the channels of all layers answer to.
# - Luo et al. {cite}`luo2016effective`: read it for how unevenly a receptive field is used.
# - van der Maaten and Hinton {cite}`vandermaaten2008tsne`: read it for maps that keep neighbours in place of distances.
# - In this book: {doc}`/methods`.
