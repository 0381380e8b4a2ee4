"""Configurations and claims of the page on adversarial examples.

Its papers: {cite}`szegedy2014intriguing`, {cite}`goodfellow2015explaining`, {cite}`nguyen2015deep`,
{cite}`moosavi2016deepfool`, {cite}`kurakin2017physical`, {cite}`moosavi2017universal` and {cite}`madry2018towards`.
"""

from dataclasses import replace

import torch

from innerview.core.intervals import bootstrap
from innerview.replicate import Measurement, Paper, Run
from replication.methods.adversarial_examples import attacked, basis, nothing
from replication.methods.adversarial_examples.config import Config

BOOK = Config(
    names=("goldfish", "ladybug", "espresso"), attacked=20, steps=4, levels=(0.25, 0.5, 1, 2, 4, 16),
    fine_levels=(0.25, 0.5, 1), lengths=(0.3, 1), pushed=16, universal=50, unseen=100, epochs=2, candidates=3,
    overshoot=10, nothing_steps=40, visual_steps=40, draws=6, carried=16, carried_steps=4, surveyed=300,
)  # fmt: skip
SMOKE = replace(
    BOOK, size=96, names=("espresso", "goldfish"), shown_steps=2, attacked=3, steps=2, levels=(0.5, 8),
    fine_levels=(0.5,), lengths=(0.3,), pushed=3, universal=3, unseen=4, epochs=1, candidates=2, nothing_steps=2,
    visual_steps=2, draws=1, carried=3, carried_steps=1, surveyed=20, top=4,
)  # fmt: skip


def embedded(config: Config) -> Config:
    """The same study of EfficientNet-Lite0, on crops of three photographs of scikit-image."""
    return replace(config, model="efficientnet_lite0", others=("efficientnet_lite0",), layers=("blocks.9", "pool"))


PAPER = Paper(
    citation="szegedy2014intriguing",
    title="Intriguing Properties of Neural Networks, and the attacks that came after it",
    presets={"paper": Config(), "book": BOOK, "smoke": SMOKE},
    embedded=embedded,
    needs=lambda config: (
        ["bvlc_googlenet", "squeezenet1_1", "imagenette160_boxes"] if config.model == "googlenet" else []
    ),
)


def _nearest(run: Run, norm: str, name: str, wanted: float) -> tuple[float, float, float]:
    """Return the size nearest to the wanted one, the accuracy there, and that without attack."""
    found = attacked.curve(run, norm)[name]
    sizes, accuracy = found.epsilons, found.accuracy[name]
    place = min(range(1, len(sizes)), key=lambda number: abs(sizes[number] - wanted))
    return sizes[place], accuracy[place], accuracy[0]


@PAPER.claim("one-step-halves-accuracy", source="Goodfellow et al. 2015, Sec. 4", unit="times", at_most=0.5)
def one_step_halves_accuracy(run: Run) -> Measurement:
    """One step of one level of 255 along the sign of the gradient halves the network's accuracy."""
    size, after, before = _nearest(run, "linf", "fgsm", 1)
    note = f"{before:.0%} right before, {after:.0%} after FGSM of {size:g} levels; {run.config.attacked} photographs"
    return Measurement(after / max(before, 1e-9), note)


@PAPER.claim("many-steps-do-more", source="Kurakin et al. 2017, Sec. 2", unit="share of photographs", at_least=0.05)
def many_steps_do_more(run: Run) -> Measurement:
    """Many small steps fool the network with photographs that one step of the same size leaves right."""
    size, one, _ = _nearest(run, "linf", "fgsm", 0.5)
    _, many, _ = _nearest(run, "linf", "iterative", 0.5)
    return Measurement(one - many, f"at {size:g} levels {one:.0%} are right after one step, {many:.0%} after many")


@PAPER.claim("nothing-is-right-under-pgd", source="Madry et al. 2018, Sec. 5", unit="accuracy", at_most=0.05)
def nothing_is_right_under_pgd(run: Run) -> Measurement:
    """Projected gradient descent within one level of 255 leaves next to no photograph right."""
    size, after, before = _nearest(run, "linf", "pgd", 1)
    _, short, _ = _nearest(run, "l2", "pgd", 1)
    return Measurement(after, f"{before:.0%} before; {size:g} levels. Within a Euclidean length of 1: {short:.0%}")


@PAPER.claim(
    "deepfool-norm", source="Moosavi-Dezfooli et al. 2016, Table 1, GoogLeNet, as reported", paper=1.9e-3,
    unit="of the photograph's norm", tolerance=5e-4,
)  # fmt: skip
def deepfool_norm(run: Run) -> Measurement:
    """The change that DeepFool needs is 0.0019 times as long as the photograph, on average."""
    found = attacked.pushed(run)
    note = (
        f"norm of the network's input, less its mean colour; of the plain values {found['plain'].mean():.2g}. "
        f"{int(found['success'].sum())} of {len(found['success'])} photographs fooled"
    )
    return Measurement(found["ratios"].mean(), note)


@PAPER.claim(
    "deepfool-needs-few-steps", source="Moosavi-Dezfooli et al. 2016, Sec. 3", unit="steps on average", at_most=3
)
def deepfool_needs_few_steps(run: Run) -> Measurement:
    """DeepFool reaches another class in less than 3 steps."""
    found = attacked.pushed(run)
    undone = float(found["undone"].double().mean())
    return Measurement(found["steps"].double().mean(), f"rounding to 8 bits undoes {undone:.0%} of the changes")


@PAPER.claim(
    "universal-fools-unseen", source="Moosavi-Dezfooli et al. 2017, Sec. 3", unit="fooling rate", at_least=0.3,
    tolerance=0.1,
)  # fmt: skip
def universal_fools_unseen(run: Run) -> Measurement:
    """One perturbation within 10 levels, made with few photographs, fools a third of those that it never saw."""
    found = attacked.universal(run)
    rate = bootstrap(found["fooled"])
    made = f"made with {run.config.universal} photographs, of which it fools {found['rates'][-1]:.0%}"
    return Measurement(rate.middle, f"95 % interval {rate.low:.2f} to {rate.high:.2f}; {made}")


@PAPER.claim(
    "universal-is-no-noise", source="Moosavi-Dezfooli et al. 2017, Sec. 3", unit="difference of rates", at_least=0.1
)
def universal_is_no_noise(run: Run) -> Measurement:
    """It fools more photographs than random signs of the same Euclidean length do."""
    found = attacked.universal(run)
    rates = [float(found[name].double().mean()) for name in ("fooled", "noise")]
    return Measurement(rates[0] - rates[1], f"{rates[0]:.0%} and {rates[1]:.0%}")


PAPER.unmeasured(
    "universal-fooling-rate",
    source="Moosavi-Dezfooli et al. 2017, Table 1, GoogLeNet, as reported",
    statement="A universal perturbation within 10 levels fools GoogLeNet with 78.9 % of the validation photographs.",
    reason="theirs was made with 10,000 photographs of all classes; with the few that fit here the rate is above",
    paper=78.9,
    unit="%",
)


@PAPER.claim("sure-of-nothing", source="Nguyen et al. 2015, Sec. 3.4", unit="probability", at_least=0.99, tolerance=0.1)
def sure_of_nothing(run: Run) -> Measurement:
    """The network is all but certain of a class in noise, and in plain grey, changed by at most 16 levels."""
    found = nothing.pictures(run)
    lowest = {kind: float(found[kind]["sure"].min()) for kind in ("noise", "grey")}
    return Measurement(
        min(lowest.values()), f"the lowest: {lowest['noise']:.3f} from noise, {lowest['grey']:.3f} from grey"
    )


@PAPER.claim("unregularised-is-fragile", source="ours", unit="times", at_most=0.5)
def unregularised_is_fragile(run: Run) -> Measurement:
    """Small shifts and turns cost an unregularised picture of a class far more than a regularised one."""
    found = nothing.pictures(run)
    kept = {kind: float(one["moved"].mean() / one["sure"].mean()) for kind, one in found.items()}
    note = "; ".join(f"{kind} keeps {share:.0%}" for kind, share in kept.items())
    return Measurement(kept["unregularised"] / max(kept["regularised"], 1e-9), note)


@PAPER.claim("others-see-no-class", source="ours", unit="probability", at_most=0.1)
def others_see_no_class(run: Run) -> Measurement | None:
    """Another network sees nothing of the class in pictures without regularisation: they belong to one network."""
    if run.config.others[-1] == run.config.model:
        return None
    found = nothing.pictures(run)
    given = {kind: float(one["other"].mean()) for kind, one in found.items()}
    note = "; ".join(f"{kind} {chance:.2g}" for kind, chance in given.items())
    return Measurement(given["unregularised"], f"mean probability: {note}")


def carried_over(errors: torch.Tensor) -> float:
    """Return the mean error rate of networks that did not make the examples."""
    others = ~torch.eye(len(errors), dtype=torch.bool)
    return float(errors[others].double().mean())


@PAPER.claim("examples-transfer", source="Szegedy et al. 2014, Sec. 4.2", unit="difference of rates", at_least=0.1)
def examples_transfer(run: Run) -> Measurement | None:
    """Examples made on one network fool others, which noise of the same size does far less."""
    if len(run.config.others) < 2:
        return None
    found = attacked.carried(run)
    fooled, noise = carried_over(found["fgsm"].errors), float(found["noise"].errors.double().mean())
    own = float(found["fgsm"].errors.diagonal().double().mean())
    return Measurement(fooled - noise, f"one step: own network {own:.0%}, others {fooled:.0%}, noise {noise:.0%}")


@PAPER.claim("one-step-transfers-better", source="Kurakin et al. 2017", unit="difference of rates", at_least=0)
def one_step_transfers_better(run: Run) -> Measurement | None:
    """What one step makes fools others more often than what many steps make, though it fools its own network less."""
    if len(run.config.others) < 2:
        return None
    found = attacked.carried(run)
    rates = [carried_over(found[name].errors) for name in ("fgsm", "iterative")]
    return Measurement(rates[0] - rates[1], f"{rates[0]:.0%} after one step, {rates[1]:.0%} after many")


@PAPER.claim("directions-as-pure", source="Szegedy et al. 2014, Sec. 3", unit="difference of shares", at_most=0.05)
def directions_as_pure(run: Run) -> Measurement:
    """Random directions of the last layer but one mean as much as its channels: their top photographs are as alike."""
    return _purer(run, -1)


@PAPER.claim(
    "directions-as-pure-in-the-middle", source="Szegedy et al. 2014, Sec. 3", unit="difference of shares", at_most=0.05
)
def directions_as_pure_in_the_middle(run: Run) -> Measurement:
    """The same in the middle of the network."""
    return _purer(run, 0)


def _purer(run: Run, place: int) -> Measurement:
    layer = run.config.layers[place]
    means = {kind: float(found.double().mean()) for kind, found in basis.purities(run)[layer].items()}
    told = ", ".join(f"{kind} {mean:.3f}" for kind, mean in means.items())
    note = f"{layer}: {told}; top {run.config.top} of {run.config.surveyed} photographs of ten classes"
    return Measurement(means["channels"] - means["directions"], note)


PAPER.unmeasured(
    "other-training-set",
    source="Szegedy et al. 2014, Sec. 4.2",
    statement="Examples also fool a network that was trained with other data.",
    reason="all networks here were trained with ImageNet",
)
