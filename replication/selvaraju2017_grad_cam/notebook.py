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
# # Grad-CAM
#
# **Question.** A network says "tiger cat". Where in the photograph does it see one?
#
# In 2017 Selvaraju and colleagues answered with one gradient {cite}`selvaraju2017gradcam`. Their method needs no change of the
# network and no training. It works for nearly every network with convolutions, and it became the usual way to ask this question.
# This page follows the journal version of their paper, with GoogLeNet, one of its networks. Beside Grad-CAM stand the methods
# that it is compared with, and the numbers of the paper beside ours.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.selvaraju2017_grad_cam import figures
from replication.selvaraju2017_grad_cam.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## How it works
#
# A layer near the end of the network puts out maps $A^k$, one for each channel, here 1024 maps of 7 x 7 positions. Each channel
# answers to something: fur, wheels, a face. The gradient of a class's score $y^c$ (the logit, before the softmax) says how much
# each position of each map matters for that class. Its mean over the $Z$ positions is the channel's weight, and the weighted maps
# are added:
#
# $$\alpha_k^c = \frac{1}{Z} \sum_{i,j} \frac{\partial y^c}{\partial A^k_{ij}}, \qquad L^c = \mathrm{ReLU}\Big(\sum_k \alpha_k^c A^k\Big).$$
#
# These are the paper's Equations 1 and 2. The ReLU keeps what speaks for the class. The map is as coarse as the layer, and is
# enlarged to the photograph. In code:
#
# ```python
# import innerview as iv
#
# model = iv.load_model("googlenet")
# heat = iv.grad_cam(model, iv.read_image("both.png", 224), target="tiger cat", layer="inception_5b")
# ```

# %% tags=["gallery"] mystnb={"figure": {"caption": "The paper's Figure 1: two classes of one photograph, one a row. Guided backpropagation is fine and draws both animals for either class. Grad-CAM is coarse and marks the right one. Their product, Guided Grad-CAM, is fine and marks the right one. Occlusion, for comparison, covers the photograph piece by piece and sees where the score falls. Each map is divided by its own largest value."}, "image": {"alt": "A photograph of a dog and a cat, with four explanations for boxer and four for tiger cat"}}
run.show(figures.pair_figure(run), "pair")

# %% [markdown]
# ## The way back through a ReLU
#
# The fine pictures are gradients at the pixels. Three methods differ only in what a ReLU lets through on the way back. The
# gradient passes where the input was positive {cite}`simonyan2014deep`. A deconvnet passes what is itself positive
# {cite}`zeiler2014visualizing`. Guided backpropagation asks for both {cite}`springenberg2015striving`.

# %% mystnb={"figure": {"caption": "Three rules, from a class above and from one neuron in the middle of the network below. Grey is zero. The deconvnet and guided backpropagation draw edges, of either animal. A neuron of a middle layer sees only its surroundings."}, "image": {"alt": "Six gradient pictures, one for each rule, for a class and for a neuron"}}
run.show(figures.rules_figure(run), "rules")

# %% [markdown]
# ## All methods at once
#
# Each map below is divided by its own largest value, since the methods have no unit in common.

# %% mystnb={"figure": {"caption": "Tiger cat by the fifteen methods of this book. Maps of a layer mark the cat, as occlusion and RISE do. Gradients at the pixels mark edges of both animals. Red and blue: for and against. Nothing speaks against the cat, so its counterfactual map is zero."}, "image": {"alt": "Fifteen heatmaps of one photograph, for tiger cat"}}
run.show(figures.methods_figure(run), "methods")

# %% [markdown]
# Where networks average over all positions before the last layer, as GoogLeNet does, an older method needs no gradient: CAM adds
# the maps by the last layer's own weights {cite}`zhou2016cam`. Grad-CAM is then the same up to the factor $1/Z$ and the ReLU
# (Sec. 3.1); the scorecard below has the difference.
#
# ## Localization without boxes
#
# Was the object found? The paper cuts the map at 15 % of its maximum, draws a box around the largest piece that is left, and
# counts it as right if it overlaps a true box by half: their intersection is at least half of their union. The network never saw
# a box. Top-1 asks for the right class and the right box in the first guess, top-5 in one of five.

# %% mystnb={"figure": {"caption": "Ten photographs with the map of their class, the box found and the true box."}, "image": {"alt": "Ten photographs with heatmaps and two boxes each"}}
run.show(figures.examples_figure(run), "examples")

# %%
figures.error_table(run)

# %% [markdown]
# The class error is the paper's, the localization error is higher. What differs? The paper used all 50,000 validation
# photographs, we have the 500 of ten classes (the whole set runs with `--imagenet DIR`). Their objects are somewhat smaller: the
# largest true box covers 41 % of the photograph, of all 50,000 it is 44 %; boxes below a quarter are 36 % against 32 %. That
# matters, since a map of 7 x 7 positions, cut low, gives large boxes. The chart shows it by class. Besides, these photographs
# were published squeezed to 224 x 224 pixels, so that shapes are distorted; overlaps of boxes stay the same under that. And the
# paper does not say how it enlarged its maps. VGG-16 and AlexNet run with `--set others=torchvision/vgg16,torchvision/alexnet`,
# which fetches torchvision's weights; here stand the paper's numbers alone. The reproduction used other weights of the same
# networks.

# %% mystnb={"figure": {"caption": "Boxes that are right in each class, the class being told, and how much of the photograph its objects take. What Grad-CAM misses are small things: golf balls, parachutes, fish in their fishers' hands."}, "image": {"alt": "Bar chart of right boxes and of the size of objects for ten classes"}}
run.show(figures.classes_figure(run), "classes")

# %% [markdown]
# If the class is told, only the box counts. So methods can be compared, each also at the threshold that is best for it
# (MaxBoxAcc) and at three degrees of overlap (MaxBoxAccV2) {cite}`choe2020evaluating`.

# %%
figures.compared_table(run)

# %% mystnb={"figure": {"caption": "The same over all thresholds, by MaxBoxAcc. The paper's 15 % suits Grad-CAM fairly. Pixel-fine maps do as well at a threshold of their own, close to zero, where their largest piece is about the object; anywhere else they fail."}, "image": {"alt": "Curves of the share of right boxes over the threshold, one for each method"}}
run.show(figures.thresholds_figure(run), "thresholds")

# %% [markdown]
# This is not what one expects. The table has two rows that are no maps: saliency whose object is cut out by its colours (GrabCut,
# below), which does better than Grad-CAM here, and a box that simply covers the middle half of the photograph, which does as
# well. In the paper's
# Table 1, backpropagation with such a cut is behind Grad-CAM, for VGG-16. Choe et al. found the like among methods that are
# trained for localization: once every method has the threshold that suits it, little is left between them.
#
# ### Which layer?
#
# The last layer with positions knows most about classes. Lower layers are finer, and their channels answer to simpler things.

# %% mystnb={"figure": {"caption": "Both classes at layers from low to high."}, "image": {"alt": "Two rows of heatmaps, from a low to a high layer"}}
run.show(figures.layers_figure(run), "layers")

# %% mystnb={"figure": {"caption": "Right boxes by layer, the class being told."}, "image": {"alt": "Bar chart of right boxes for several layers"}}
run.show(figures.layers_chart(run), "layers-chart")

# %% [markdown]
# ## Faithfulness
#
# A map is faithful if it says what the network does. Covering a part of the photograph and asking again is such a test; a whole
# map of it is an occlusion map {cite}`zeiler2014visualizing`. The paper compares the order of the values: the rank correlation
# between a method's map and the occlusion map.

# %%
figures.correlations_table(run)

# %% [markdown]
# The paper's networks were trained on PASCAL VOC and its numbers were measured there, so the order matters more than the values.
# And the order depends on something the paper does not say: at which resolution the maps are compared. On the occlusion map's own
# grid, one number for each square that was covered, fine maps are averaged over the squares, and guided backpropagation is as
# good as Grad-CAM. Pixel by pixel its noise counts, and it falls behind, as in the paper.
#
# Another test {cite}`petsiuk2018rise`: turn pixels grey in the order of the map and see how soon the class is lost (deletion), or
# let them come into a blurred photograph and see how soon it is there (insertion). Random maps as coarse as Grad-CAM's tell what
# chance does.

# %% mystnb={"figure": {"caption": "Deletion: the sooner the probability falls, the better the map."}, "image": {"alt": "Falling curves of probability over the share of grey pixels"}}
run.show(figures.curves_figure(run, "deletion"), "deletion")

# %% mystnb={"figure": {"caption": "Insertion: the sooner it rises, the better the map."}, "image": {"alt": "Rising curves of probability over the share of sharp pixels"}}
run.show(figures.curves_figure(run, "insertion"), "insertion")

# %% [markdown]
# All three methods are far from chance, and by this test guided backpropagation is as good as Grad-CAM: the few fine pixels that it
# puts first are just those without which the class is lost.
#
# ## Class discrimination
#
# The reason for Grad-CAM was that the fine maps look alike for all classes. On photographs with two kinds of objects this can be
# counted. A pair is told apart if each class's map lies on its own object with a larger share than the other class's map does.
# The photographs are the 128 of COCO that come with outlines; each of COCO's categories is asked for by the likeliest of the
# ImageNet classes that belong to it.

# %% mystnb={"figure": {"caption": "Photographs with two categories: Grad-CAM's maps of both, and guided backpropagation's."}, "image": {"alt": "Rows of a photograph, two Grad-CAM maps and two guided backpropagation maps"}}
run.show(figures.scenes_figure(run), "scenes")

# %% mystnb={"figure": {"caption": "How often the maps of two objects in one photograph are told apart."}, "image": {"alt": "Bar chart of the share of pairs told apart, by method"}}
run.show(figures.discrimination_figure(run), "discrimination")

# %% [markdown]
# No method does well, and none better than the others. There are two reasons. These photographs are hard for a network of
# ImageNet's classes: a table, a bowl, a chair among other things is rarely what it names first, and where it sees no evidence, no
# map can point at any. And the count asks only which share is larger, however little. So it misses what the paper means by "not
# class-discriminative": that the maps of two classes look the same. This can be measured, too.

# %% mystnb={"figure": {"caption": "How alike the maps of two classes in one photograph are. Guided backpropagation's are the same picture."}, "image": {"alt": "Bar chart of the rank correlation between the maps of two classes, by method"}}
run.show(figures.likeness_figure(run), "likeness")

# %% [markdown]
# The pointing game asks less: does the map's maximum lie on an object of the class, or within 15 pixels of it
# {cite}`zhang2018excitation`? In many photographs the object is in the middle, so pointing at the middle is the measure to beat.

# %%
figures.pointing_table(run)

# %% [markdown]
# ## Cutting objects out
#
# What a map marks can seed a segmentation. GrabCut {cite}`rother2004grabcut` learns the colours of the object and of the
# background from the seeds, and cuts between. Simonyan et al. took the seeds from saliency, the paper takes them from Grad-CAM:
# what lies above 20 % of the maximum.

# %% mystnb={"figure": {"caption": "Objects, their outlines as people drew them, and what was cut out in three ways."}, "image": {"alt": "Rows of photographs with two outlines each"}}
run.show(figures.cuts_figure(run), "cuts")

# %%
figures.segmentation_table(run)

# %% [markdown]
# Neither way is clearly better, and neither much better than a box in the middle. Most of these objects are small and stand among
# others. A map of 7 x 7 positions is too coarse to seed them, and GrabCut follows colours, not classes. What the paper adds is a
# network that is trained from many such seeds, so that their errors average out.
#
# ## What speaks against a class
#
# With the gradient's sign turned, the same equations mark what would have to go for the class to rise (Sec. 3.3). So take it
# away, and ask again. We cover the fifth of the photograph where the map is largest in grey.

# %% mystnb={"figure": {"caption": "What speaks for and against each class, and the photograph without it; behind the names, their probability. The cat speaks against the boxer, and without it the boxer becomes likelier. Nothing speaks against the tiger cat."}, "image": {"alt": "Two rows of maps for and against a class, each followed by the photograph with that part grey"}}
run.show(figures.counterfactual_figure(run), "counterfactual")

# %% [markdown]
# ## Under attack
#
# A little noise, made by gradient ascent, lets the network see something else {cite}`goodfellow2015explaining,madry2018towards`.
# The paper found that the map of the true class stays where the object is, although the network no longer believes in it. We do
# as the paper did and let the network see an airliner. The scorecard also has another test: noise that wipes out the true class
# as well as it can.

# %% mystnb={"figure": {"caption": "Three photographs before and after the attack, each with the map of its true class and that class's probability."}, "image": {"alt": "Six photographs, each with a heatmap"}}
run.show(figures.attacked_figure(run), "attacked")

# %% [markdown]
# Often that is so, not always. In about two thirds of the photographs where the maximum lay on the object before the attack it does
# after it; in the others it has moved away.
#
# ## Where the network is wrong
#
# For wrong predictions the map often gives a reason (Sec. 6.1).

# %% mystnb={"figure": {"caption": "Five photographs that are classified wrongly: what Grad-CAM marks for the class that was predicted, above, and for the true class, below."}, "image": {"alt": "Two rows of five photographs with heatmaps"}}
run.show(figures.failures_figure(run), "failures")

# %% [markdown]
# ## Sanity
#
# A map that does not change when the network forgets what it learned explains nothing about the network. Adebayo et al. made the
# weights random, layer by layer from the last down, and compared the maps {cite}`adebayo2018sanity`.

# %% mystnb={"figure": {"caption": "Tiger cat as more and more layers are random, from the last down. Grad-CAM loses the cat at once. Guided backpropagation still draws the animals when half of the network is random."}, "image": {"alt": "Three rows of maps, from the trained to the wholly random network"}}
run.show(figures.sanity_figure(run), "sanity")

# %% mystnb={"figure": {"caption": "How alike the maps stay, as rank correlation of their absolute values."}, "image": {"alt": "Falling curves of rank correlation over the number of random layers"}}
run.show(figures.sanity_chart(run, "cascading"), "sanity-cascading")

# %% [markdown]
# ## What can mislead
#
# A map shows where evidence was, not what it was, and not that the network would do without the rest. It is only as fine as the
# layer: 7 x 7 positions. It belongs to one class's score; if all classes share the evidence, so do their maps. And a map that
# looks right to people need not be faithful: guided backpropagation draws the object beautifully, also in a network that has
# forgotten half of what it learned.
#
# ## Scorecard

# %%
run.measure()
