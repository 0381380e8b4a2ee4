"""Presets and claims of the activation atlas {cite}`carter2019atlas`."""

import math
from itertools import pairwise

import torch

from innerview.atlas import place
from innerview.replicate import Measurement, Paper, Run
from replication.carter2019_activation_atlas import atlases, measures, patching
from replication.carter2019_activation_atlas.config import (
    ARTICLE_ATTACKS,
    BOOK,
    PAPER_CONFIG,
    RELEASED,
    SMOKE,
    Config,
    embedded,
)


def needs(config: Config) -> list[str]:
    """Return the assets of a configuration."""
    if config.model != "googlenet":
        return []
    return ["bvlc_googlenet", "imagenet_sample", config.ten, *patching.TEN_ASSETS]


PAPER = Paper(
    citation="carter2019atlas",
    title="Activation Atlas",
    presets={"smoke": SMOKE, "book": BOOK, "paper": PAPER_CONFIG, "released": RELEASED},
    embedded=embedded,
    needs=needs,
)

PAPER.sweep("objectives", atlases.objectives, atlases.objective_icons)


@PAPER.claim("neighbours-alike", source="“Activation Atlas”", unit="", at_least=0.2, tolerance=0.1)
def neighbours_alike(run: Run) -> Measurement:
    """Neighbouring cells speak for related classes; cells in shuffled places do not."""
    gains, notes = [], []
    for layer in run.config.layers:
        ours, shuffled = measures.coherence(atlases.atlas(run, layer).levels[0], run.seed)
        gains.append(ours - shuffled)
        notes.append(f"{layer} {ours:.2f} against {shuffled:.2f}")
    return Measurement(min(gains), f"cosine of attributions, neighbours against shuffled places: {'; '.join(notes)}")


@PAPER.claim("deeper-is-specific", source="“Exploring the layers”", unit="share", at_least=1)
def deeper_is_specific(run: Run) -> Measurement:
    """The deeper the layer, the fewer classes share a cell's attribution."""
    means = {
        layer: float(measures.entropies(atlases.atlas(run, layer).levels[0].attributions).mean())
        for layer in run.config.layers
    }
    falls = [deeper < higher for higher, deeper in pairwise(means.values())]
    note = "mean entropy: " + ", ".join(f"{layer} {bits:.2f} bits" for layer, bits in means.items())
    return Measurement(sum(falls) / len(falls), note)


@PAPER.claim(
    "labels-name-the-photograph", source="“Attribution”, note; ours", unit="share", at_least=0.5, tolerance=0.3
)
def labels_name_the_photograph(run: Run) -> Measurement | None:
    """The photograph's class is among the ten classes to which one of its activations adds most, in every layer."""
    found = {layer: measures.own_class(run, layer) for layer in run.config.layers}
    if math.isnan(min(found.values())):
        return None
    return Measurement(min(found.values()), ", ".join(f"{layer} {share:.2f}" for layer, share in found.items()))


@PAPER.claim("labels-predict-removal", source="“Attribution”, note", unit="correlation", at_least=0.5, tolerance=0.2)
def labels_predict_removal(run: Run) -> Measurement:
    """A cell's attributions tell which classes lose when its direction is removed from an activation."""
    found = {layer: measures.removal(run, layer).correlation for layer in run.config.layers}
    note = "over all classes: " + ", ".join(f"{layer} {value:.2f}" for layer, value in found.items())
    return Measurement(min(found.values()), note)


@PAPER.claim("class-atlas-is-specific", source="“Focusing on a single classification”", unit="share", at_least=0.5)
def class_atlas_is_specific(run: Run) -> Measurement:
    """In the atlas of a class that class is among the five to which a cell adds most."""
    shares = {}
    for name in (*run.config.classes, run.config.through):
        level = atlases.class_atlas(run, name).levels[0]
        (index,) = atlases.indices(run, (name,))
        shares[name] = float((level.attributions.topk(5).indices == index).any(1).float().mean())
    return Measurement(min(shares.values()), ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))


@PAPER.claim("two-classes-apart", source="“Further isolating classes”", unit="correlation", at_least=0.9)
def two_classes_apart(run: Run) -> Measurement:
    """From left to right, the cells of two classes' view go from the second class to the first."""
    level = atlases.pair_atlas(run).levels[0]
    first, second = atlases.indices(run, run.config.pair)
    differences = level.attributions[:, first] - level.attributions[:, second]
    both = torch.stack([level.grid.columns.double(), differences.double()])
    ranks = both.argsort(1).argsort(1).double()
    return Measurement(float(torch.corrcoef(ranks)[0, 1]), "rank correlation of column and difference of attributions")


@PAPER.claim("patches-work-between-ten", source="“Further isolating classes”", unit="points", at_least=10, tolerance=5)
def patches_work_between_ten(run: Run) -> Measurement:
    """Patches that the atlas suggests turn one of ten classes into another more often than noise does."""
    found = list(patching.attacked(run).values())
    rates = {way: 100 * sum(one[way].success_best for one in found) / len(found) for way in patching.WAYS}
    better = max(rates["photograph"], rates["icon"])
    note = f"success at the best place, {len(found)} pairs: " + ", ".join(
        f"{way} {rate:.1f} %" for way, rate in rates.items()
    )
    return Measurement(better - rates["noise"], note)


@PAPER.claim("patches-work-between-near", source="“Further isolating classes”", unit="points", at_least=10, tolerance=5)
def patches_work_between_near(run: Run) -> Measurement:
    """Between classes that the network confuses, a suggested patch at a fixed place succeeds more than noise."""
    rates = patching.near(run)
    note = f"{rates['photograph']['count']} photographs, fixed / best place: " + ", ".join(
        f"{way} {100 * rate['fixed']:.0f} / {100 * rate['best']:.0f} %" for way, rate in rates.items()
    )
    return Measurement(100 * (rates["photograph"]["fixed"] - rates["noise"]["fixed"]), note)


@PAPER.claim(
    "suggested-beats-random", source="“Further isolating classes”; ours", unit="points", at_least=10, tolerance=5
)
def suggested_beats_random(run: Run) -> Measurement:
    """There, a suggested photograph succeeds more often than a photograph drawn at random."""
    rates = patching.near(run)
    return Measurement(100 * (rates["photograph"]["fixed"] - rates["random"]["fixed"]), "at the fixed place")


@PAPER.claim("large-patch-is-itself", source="“Further isolating classes”, patch sizes", unit="share", at_least=2 / 3)
def large_patch_is_itself(run: Run) -> Measurement:
    """A patch as wide as most of the photograph is seen as what is seen in it alone."""
    seen, names, notes = [], atlases.labels(run), []
    for attack in run.config.attacks:
        last, alone = int(patching.grown(run, attack).predicted[-1].flatten()[0]), patching.seen_alone(run, attack)
        seen.append(last == alone)
        notes.append(f"{attack.named}: {names[last]}, alone {names[alone]}")
    return Measurement(sum(seen) / len(seen), f"{run.config.shares[-1]:g} of the width; {'; '.join(notes)}")


@PAPER.claim("small-patch-is-related", source="“Further isolating classes”, patch sizes", unit="share", at_least=2 / 3)
def small_patch_is_related(run: Run) -> Measurement:
    """At some smaller width the same patch turns the photograph into the related class."""
    seen = [
        bool((found.predicted == found.classes[1]).any())
        for found in (patching.grown(run, attack) for attack in run.config.attacks)
    ]
    return Measurement(sum(seen) / len(seen), "at the lower right of one photograph each")


@PAPER.claim("data-decide", source="“Conclusion”; ours", unit="times", at_least=2)
def data_decide(run: Run) -> Measurement:
    """What an atlas shows is decided by the photographs: a thousand classes name more cells than ten do."""
    kinds = {}
    for name, atlas in (("thousand", atlases.atlas(run, run.config.class_layer)), ("ten", atlases.ten_atlas(run))):
        kinds[name] = len(atlas.levels[0].attributions.argmax(1).unique())
    note = f"classes that are some cell's first: {kinds['thousand']} of a thousand, {kinds['ten']} of ten"
    return Measurement(kinds["thousand"] / kinds["ten"], note)


@PAPER.claim("other-photographs-fit", source="ours", unit="share", at_least=0.5)
def other_photographs_fit(run: Run) -> Measurement:
    """What other photographs' activations speak for most is among the first classes of the cell that they fall into."""
    layer = run.config.class_layer
    level, found = atlases.atlas(run, layer).levels[0], atlases.ten_collection(run)
    cells = place(level, atlases.whitened(run, layer), found.activations)
    own = found.attributed().classes[:, 0]
    hits = (level.attributions[cells].topk(20).indices == own[:, None]).any(1).float()
    base = torch.zeros(level.attributions.shape[1])
    base[level.attributions.mean(0).topk(20).indices] = 1
    chance = float(base[own].mean())
    note = f"first class among the cell's twenty; among the twenty first of all cells together {chance:.2f}"
    return Measurement(float(hits.mean()), note)


@PAPER.claim("aligned-neighbours", source="ours", unit="", at_least=0.02)
def aligned_neighbours(run: Run) -> Measurement:
    """Icons that start from the same noise resemble their neighbours more."""
    own, _ = measures.images_alike(atlases.atlas(run, run.config.main).levels[0], run.seed)
    one, shuffled = measures.images_alike(atlases.aligned_level(run), run.seed)
    note = f"correlation of pixels: {own:.3f} from own starts, {one:.3f} from one, {shuffled:.3f} in shuffled places"
    return Measurement(one - own, note)


for attack in ARTICLE_ATTACKS:
    for way, rate in zip(("best", "fixed"), attack.patched, strict=True):
        PAPER.unmeasured(
            f"{attack.source.replace(' ', '-')}-{way}",
            source="“Further isolating classes”, table",
            statement=f"{attack.named.capitalize()} turns {attack.source} into {attack.target}, {way} place.",
            reason="the article's hundreds of photographs of the class are ImageNet's; one of it is at hand",
            paper=rate,
            unit="% success",
        )

PAPER.unmeasured(
    "hundred-thousand-suffice",
    source="“Appendix”",
    statement="100,000 activations are often sufficient for an atlas.",
    reason="four thousand were collected here; the paper preset with --imagenet takes one of each photograph",
)
