"""Configurations and claims of the replication of Grad-CAM {cite}`selvaraju2017gradcam`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from innerview.core.intervals import Interval, bootstrap
from innerview.replicate import Measurement, Paper, Run
from innerview.replicate.photos import SKIMAGE
from replication.selvaraju2017_grad_cam import faithful, localized, objects, robust
from replication.selvaraju2017_grad_cam.config import Config
from replication.selvaraju2017_grad_cam.localized import Located

PAPER_CONFIG = Config()
BOOK = replace(
    PAPER_CONFIG, images=500, compared=100, occluded=40, curves=12, curve_steps=10, attacked=24, attack_steps=8,
    removed=64, layered=60, sane=4, segmented=60, others=(),
    layers=("conv2_3x3", "inception_3b", "inception_4a", "inception_4c", "inception_4e", "inception_5b"),
)  # fmt: skip
SMOKE = replace(
    BOOK, images=20, compared=6, occluded=4, patch=112, curves=3, curve_steps=3, scenes=16, attacked=4, attack_steps=2,
    removed=4, layered=4, segmented=4, layers=("inception_4c", "inception_5b"), sane=2,
    methods=("saliency", "occlusion", "cam", "grad_cam"),
)  # fmt: skip

STAND_INS = {
    "conv2_3x3": "blocks.0", "inception_3a": "blocks.2", "inception_3b": "blocks.4", "inception_4a": "blocks.5",
    "inception_4b": "blocks.7", "inception_4c": "blocks.8", "inception_4d": "blocks.9", "inception_4e": "blocks.10",
    "inception_5a": "blocks.13", "inception_5b": "relu1",
}  # fmt: skip


def embedded(config: Config) -> Config:
    """The same study of EfficientNet-Lite0, on six photographs of scikit-image with boxes drawn by us."""
    return replace(
        config,
        model="efficientnet_lite0",
        others=(),
        layer=STAND_INS[config.layer],
        layers=tuple(STAND_INS[layer] for layer in config.layers),
        photo=f"{SKIMAGE}chelsea",
        pair=(282, 967),  # tiger cat, espresso: two photographs pasted side by side
        imagenet="",
    )


PAPER = Paper(
    citation="selvaraju2017gradcam",
    title="Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
    presets={"paper": PAPER_CONFIG, "book": BOOK, "smoke": SMOKE},
    embedded=embedded,
    needs=lambda config: (
        [
            "bvlc_googlenet", "wsol_ilsvrc", "coco128_seg", "grad_cam_photo",
            *([] if config.imagenet else ["imagenette160_boxes"]),
        ]
        if config.model == "googlenet"
        else []
    ),
)  # fmt: skip

REPORTED: Final[Mapping[str, tuple[float, float, float, float]]] = {
    "googlenet": (31.9, 60.09, 49.34, 56.89),
    "torchvision/vgg16": (30.38, 56.51, 46.41, 55.82),
    "torchvision/alexnet": (44.2, 68.3, 56.6, 68.04),
}
"""Network -> errors in %: the paper's for the class (top-1) and for localization (top-1, top-5), and that of a
reproduction with other weights (localization, top-1)."""


def spread(values: Tensor) -> Interval:
    """Return the mean over photographs with its 95 % interval."""
    return bootstrap(values.double())


def _told(title: str, found: Interval) -> str:
    return f"{title} {found.middle:.3g} ({found.low:.3g} to {found.high:.3g})"


def _error(run: Run, network: str, guesses: int) -> Measurement:
    found = localized.table(run).get(network)
    if found is None:
        return Measurement(None, f"{network} did not run; `--set others={network}` fetches its weights and runs it")
    return _wrong(found, guesses)


def _wrong(found: Located, guesses: int) -> Measurement:
    wrong = spread(100.0 * ~found.guessed.correct(guesses))
    return Measurement(wrong.middle, f"95 % interval {wrong.low:.1f} to {wrong.high:.1f}, {_photos(found)}")


def _photos(found: Located) -> str:
    return f"{len(found.told.classified)} photographs"


@PAPER.claim("classification-error", source="Table 1, GoogLeNet", paper=31.9, unit="% top-1", tolerance=4)
def classification_error(run: Run) -> Measurement:
    """GoogLeNet names the class with an error of 31.9 %."""
    found = localized.table(run)[run.config.model]
    return Measurement(found.guessed.classification_error(1), _photos(found))


@PAPER.claim("localization-top-1", source="Table 1, GoogLeNet", paper=60.09, unit="% top-1", tolerance=4)
def localization_top_1(run: Run) -> Measurement:
    """Grad-CAM localizes GoogLeNet's first guess, which was trained without any box, with an error of 60.09 %."""
    return _error(run, run.config.model, 1)


@PAPER.claim("localization-top-5", source="Table 1, GoogLeNet", paper=49.34, unit="% top-5", tolerance=4)
def localization_top_5(run: Run) -> Measurement:
    """Grad-CAM localizes one of GoogLeNet's five guesses with an error of 49.34 %."""
    return _error(run, run.config.model, 5)


@PAPER.claim("localization-reproduced", source="a reproduction study", paper=56.89, unit="% top-1", tolerance=4)
def localization_reproduced(run: Run) -> Measurement:
    """A reproduction with other weights found a localization error of 56.89 % for GoogLeNet's first guess."""
    return _error(run, run.config.model, 1)


@PAPER.claim("vgg16-top-1", source="Table 1, VGG-16", paper=56.51, unit="% top-1", tolerance=4)
def vgg16_top_1(run: Run) -> Measurement:
    """Grad-CAM localizes VGG-16's first guess with an error of 56.51 %."""
    return _error(run, "torchvision/vgg16", 1)


@PAPER.claim("alexnet-top-1", source="Table 1, AlexNet", paper=68.3, unit="% top-1", tolerance=4)
def alexnet_top_1(run: Run) -> Measurement:
    """Grad-CAM localizes AlexNet's first guess with an error of 68.3 %."""
    return _error(run, "torchvision/alexnet", 1)


@PAPER.claim("beats-backprop", source="Table 1, VGG-16: 61.12 against 56.51", unit="percentage points", at_least=0)
def beats_backprop(run: Run) -> Measurement:
    """Grad-CAM's boxes are right more often than those cut out of the saliency map, as backpropagation's were."""
    found = localized.compared(run)
    ours, theirs = (found[name].boxes.correct() for name in ("grad_cam", "saliency, GrabCut"))
    gain = spread(100.0 * ours - 100.0 * theirs.float())
    shares = f"right: {100 * ours.float().mean():.1f} % and {100 * theirs.float().mean():.1f} %"
    return Measurement(gain.middle, f"{shares}, the class being told; {_told('difference', gain)}")


@PAPER.claim("cam-equality", source="Sec. 3.1", unit="share of the maximum", at_most=1e-5)
def cam_equality(run: Run) -> float:
    """For a network that averages over positions last, Grad-CAM is ReLU(CAM) / Z."""
    return localized.cam_difference(run)


@PAPER.claim("deeper-layers-better", source="Sec. 3; appendix on layers", unit="percentage points", at_least=5)
def deeper_layers_better(run: Run) -> Measurement:
    """Maps get worse as the layer moves down: the last layer localizes better than one in the middle of the network."""
    right = {layer: 100 * float(found.correct().float().mean()) for layer, found in localized.by_layer(run).items()}
    first, *_, last = right.values()
    middle = list(right.values())[(len(right) - 1) // 2]
    note = ", ".join(f"{layer.removeprefix('inception_')} {share:.0f}" for layer, share in right.items())
    return Measurement(last - max(first, middle), f"% of boxes right by layer: {note}")


def _correlation(run: Run, method: str) -> Measurement:
    coarse, fine = (spread(known(faithful.correlations(run, pixels)[method])) for pixels in (None, 1))
    note = f"95 % interval {coarse.low:.3f} to {coarse.high:.3f}, on the occlusion map's own grid"
    return Measurement(coarse.middle, f"{note}; {fine.middle:.3f} by pixel")


def known(values: Tensor) -> Tensor:
    """Leave out photographs without a number: a map that is the same everywhere has no ranks."""
    return values[values.isfinite()]


@PAPER.claim("faithful-guided-grad-cam", source="Sec. 5.3", paper=0.261, unit="rank correlation", tolerance=0.05)
def faithful_guided_grad_cam(run: Run) -> Measurement:
    """Guided Grad-CAM agrees with occlusion maps to a rank correlation of .261."""
    return _correlation(run, "guided_grad_cam")


@PAPER.claim("faithful-grad-cam", source="Sec. 5.3", paper=0.254, unit="rank correlation", tolerance=0.05)
def faithful_grad_cam(run: Run) -> Measurement:
    """Grad-CAM agrees with occlusion maps to a rank correlation of .254."""
    return _correlation(run, "grad_cam")


@PAPER.claim("faithful-guided-backprop", source="Sec. 5.3", paper=0.168, unit="rank correlation", tolerance=0.05)
def faithful_guided_backprop(run: Run) -> Measurement:
    """Guided backpropagation agrees with occlusion maps to a rank correlation of .168."""
    return _correlation(run, "guided_backprop")


@PAPER.claim("faithful-cam", source="Sec. 5.3", paper=0.208, unit="rank correlation", tolerance=0.05)
def faithful_cam(run: Run) -> Measurement:
    """CAM agrees with occlusion maps to a rank correlation of .208."""
    return _correlation(run, "cam")


@PAPER.claim("more-faithful-than-guided-backprop", source="Sec. 5.3", unit="rank correlation", at_least=0.05)
def more_faithful(run: Run) -> Measurement:
    """Grad-CAM is more faithful to the network than guided backpropagation."""
    return _more_faithful(faithful.correlations(run), "on the occlusion map's own grid")


@PAPER.claim("more-faithful-by-pixel", source="Sec. 5.3", unit="rank correlation", at_least=0.05)
def more_faithful_by_pixel(run: Run) -> Measurement:
    """The same if maps are compared pixel by pixel; the paper does not say at which resolution it did."""
    return _more_faithful(faithful.correlations(run, 1), "added after the claim above was measured")


def _more_faithful(found: Mapping[str, Tensor], remark: str) -> Measurement:
    gain = spread(known(found["grad_cam"] - found["guided_backprop"]))
    return Measurement(gain.middle, f"95 % interval {gain.low:.3f} to {gain.high:.3f}; {remark}")


@PAPER.claim("deletion-insertion", source="ours, after Petsiuk et al. 2018", unit="area", at_least=0.05)
def deletion_insertion(run: Run) -> Measurement:
    """What Grad-CAM marks matters: inserted first it raises the class's probability sooner than coarse random maps."""
    grown = {method: spread(found["area"]) for method, found in faithful.curves(run, "insertion").items()}
    note = ", ".join(_told(method, area) for method, area in grown.items())
    return Measurement(grown["grad_cam"].middle - grown["random"].middle, f"area under insertion: {note}")


@PAPER.claim("pointing-game", source="Sec. 4.3", paper=70.58, unit="% hits", tolerance=10)
def pointing_game(run: Run) -> Measurement:
    """Grad-CAM's maximum points at an object of the class asked for in 70.58 % of the cases."""
    found = {method: objects.category_mean(hits) for method, hits in objects.pointing(run).items()}
    hits = torch.cat(list(objects.pointing(run)["grad_cam"].values()))
    note = ", ".join(f"{method} {share:.1f}" for method, share in found.items())
    return Measurement(found["grad_cam"], f"mean over categories, {len(hits)} objects; {note}")


@PAPER.claim("class-discriminative", source="Sec. 3, Sec. 5.1", unit="% of pairs", at_least=75, tolerance=10)
def class_discriminative(run: Run) -> Measurement:
    """Grad-CAM tells two classes in one photograph apart: each map lies more on its own object than the other does."""
    return _discriminated(run, "grad_cam")


@PAPER.claim("guided-backprop-not-discriminative", source="Sec. 1, Sec. 5.1", unit="percentage points", at_least=10)
def guided_backprop_not_discriminative(run: Run) -> Measurement:
    """Guided backpropagation is less class-discriminative than Grad-CAM and than its product with Grad-CAM."""
    shares = {method: spread(100.0 * found) for method, found in objects.discrimination(run).items()}
    least = min(shares["grad_cam"].middle, shares["guided_grad_cam"].middle)
    note = ", ".join(_told(method, share) for method, share in shares.items())
    return Measurement(least - shares["guided_backprop"].middle, note)


@PAPER.claim("guided-backprop-alike", source="Sec. 1, Figure 1", unit="rank correlation", at_least=0.3)
def guided_backprop_alike(run: Run) -> Measurement:
    """Guided backpropagation's maps of two classes are nearly identical, Grad-CAM's are not."""
    alike = {method: spread(known(found)) for method, found in objects.likeness(run).items()}
    note = ", ".join(_told(method, one) for method, one in alike.items())
    remark = f"rank correlation of the two maps: {note}; added after the claims above were measured"
    return Measurement(alike["guided_backprop"].middle - alike["grad_cam"].middle, remark)


def _discriminated(run: Run, method: str) -> Measurement:
    found = objects.discrimination(run)[method]
    share, rank = spread(100.0 * found), objects.asked_for(run)["ranks"].double().median()
    note = f"95 % interval {share.low:.0f} to {share.high:.0f}, {len(found)} pairs; the class asked for has rank"
    return Measurement(share.middle, f"{note} {rank:.0f} in the network's prediction (median)")


@PAPER.claim("segmentation-seeds", source="Sec. 4.2", unit="IoU", at_least=0)
def segmentation_seeds(run: Run) -> Measurement:
    """Grad-CAM's seeds cut objects out better than saliency does, both with GrabCut."""
    found = objects.segmentation(run)
    gain = spread(found["Grad-CAM, GrabCut"] - found["saliency, GrabCut"])
    note = ", ".join(_told(title, spread(values)) for title, values in found.items())
    return Measurement(gain.middle, f"{note}; {_told('difference', gain)}, {len(objects.segmented(run))} objects")


@PAPER.claim("adversarial-robust", source="Sec. 6.2", unit="share", at_least=0.9, tolerance=0.1)
def adversarial_robust(run: Run) -> Measurement:
    """Under noise that makes the network see something that is not there, the true class's map stays on the object."""
    return _attacked(run, "towards")


@PAPER.claim("adversarial-robust-untargeted", source="Sec. 6.2; ours", unit="share", at_least=0.9, tolerance=0.1)
def adversarial_robust_untargeted(run: Run) -> Measurement:
    """The same under noise that wipes out the true class as well as it can, where the paper's raises another."""
    return _attacked(run, "away")


def _attacked(run: Run, goal: str) -> Measurement:
    found = robust.attacked(run, goal)
    fooled = found["fooled"]
    before, after = (float(found[name][fooled].float().mean()) for name in ("before", "after"))
    wrong, true = (found[name][fooled].mean() for name in ("probability", "true_probability"))
    note = (
        f"{int(fooled.sum())} of {int(found['right'].sum())} photographs fooled, with probability {wrong:.3f} for the "
        f"wrong class and {true:.1e} for the true; the maximum lies on the object in {100 * before:.0f} % before, "
        f"{100 * after:.0f} % after"
    )
    return Measurement(after / before if before else None, note)


@PAPER.claim("counterfactual", source="Sec. 3.3", unit="logits", at_least=0)
def counterfactual(run: Run) -> Measurement:
    """What the counterfactual map marks speaks against the class: without it, the class's logit is higher."""
    found = robust.removed_from_scenes(run)
    marks = found["counterfactual/marked"]
    changes = {way: spread(found[f"{way}/change"][marks]) for way in robust.WAYS}
    flips = {way: 100 * float(found[f"{way}/flips"][marks].float().mean()) for way in robust.WAYS}
    told = ", ".join(f"{_told(f'without {way}', one)}, {flips[way]:.0f} % named" for way, one in changes.items())
    note = f"{int(marks.sum())} of {len(marks)} objects have a map that is not zero everywhere; {told}"
    return Measurement(changes["counterfactual"].middle, note)


@PAPER.claim("removal-flips", source="Sec. 3.3; ours", unit="percentage points", at_least=10)
def removal_flips(run: Run) -> Measurement:
    """Covering what Grad-CAM marks changes the prediction more often than covering as much at random."""
    found = robust.removed(run)
    flips = {way: spread(100.0 * found[f"{way}/flips"]) for way in robust.WAYS}
    note = ", ".join(_told(f"without {way}", one) for way, one in flips.items())
    return Measurement(flips["Grad-CAM"].middle - flips["random"].middle, f"% of predictions changed: {note}")


@PAPER.claim("sanity-grad-cam", source="Adebayo et al. 2018", unit="rank correlation", at_most=0.3, tolerance=0.2)
def sanity_grad_cam(run: Run) -> Measurement:
    """Grad-CAM's maps depend on the trained weights: with all layers random again, they are others."""
    return _after_all(run, "grad_cam")


@PAPER.claim("sanity-guided-backprop", source="Adebayo et al. 2018", unit="rank correlation", at_least=0.3)
def sanity_guided_backprop(run: Run) -> Measurement:
    """Guided backpropagation hardly notices when the upper half of the network is random: its maps stay similar."""
    found = faithful.sanity(run, "guided_backprop", "cascading")
    half = (len(found.layers) - 1) // 2
    grad_cam = faithful.sanity(run, "grad_cam", "cascading").absolute[half].nanmean()
    kept = found.absolute[half]
    return Measurement(float(kept.nanmean()), f"down to {found.layers[half]}; Grad-CAM {float(grad_cam):.2f}")


def _after_all(run: Run, method: str) -> Measurement:
    found = faithful.sanity(run, method, "cascading")
    return Measurement(
        float(found.absolute[-1].nanmean()), f"{len(found.layers)} layers, {run.config.sane} photographs"
    )


PAPER.unmeasured(
    "c-mwp",
    source="Sec. 4.3, Sec. 5.3, Table 1",
    statement="Grad-CAM surpasses c-MWP: 60.30 % pointing, rank correlation .220, localization error 70.92 % (VGG-16).",
    reason="contrastive excitation backpropagation is not among the methods here",
)
PAPER.unmeasured(
    "weak-segmentation-voc",
    source="Sec. 4.2",
    statement="A segmentation network trained from Grad-CAM's seeds is better than one trained from CAM's.",
    reason="needs PASCAL VOC and the training of a segmentation network; the seeds themselves are measured on COCO",
)
PAPER.unmeasured(
    "human-studies",
    source="Sec. 5.1, Sec. 5.2",
    statement="People name the class and choose the better network more often with Guided Grad-CAM.",
    reason="needs people",
)
PAPER.unmeasured(
    "bias-study",
    source="Sec. 6.3",
    statement="Grad-CAM reveals that a network tells doctors from nurses by their sex.",
    reason="needs the authors' two sets of photographs",
)
PAPER.unmeasured(
    "captioning-vqa",
    source="Sec. 8",
    statement="Grad-CAM explains image captions and answers to questions about images.",
    reason="needs networks for captions and questions, which the catalog does not hold",
)
