"""The figures and tables of the page: what a run made, drawn."""

from matplotlib.figure import Figure

from innerview.core.folders import spread
from innerview.core.images import contact_sheet, to_array
from innerview.core.spectrum import high_frequency_share
from innerview.evaluation import kernel_distance
from innerview.figures import panels, strips
from innerview.replicate import Run
from innerview.replicate.tables import Table
from replication.methods.learned_priors.config import GENERATORS
from replication.methods.learned_priors.made import (
    Drawn,
    class_images,
    patch_prior,
    patched_images,
    priors,
    reconstructions,
    sample_features,
    sampled,
    samples,
)


def samples_figure(run: Run) -> Figure:
    """Photographs, and random images of each generator: a row each."""
    found, count = samples(run), run.config.shown
    rows = {"Photographs": found["Photographs"][spread(range(run.config.samples), count)]}
    rows |= {f"{title}, random codes": found[title][:count] for title in GENERATORS.values()}
    return strips(rows, scale=2)


def reconstructions_figure(run: Run) -> Figure:
    """Held-out photographs, and below each what the autoencoder leaves of it."""
    before, after = reconstructions(run)
    return strips({"Photographs that were not trained on": before, "Decoded from their codes": after}, scale=2)


def distances_table(run: Run) -> Table:
    """How far each set of images is from photographs."""
    found = sample_features(run)
    rows = [
        {"images": title, "distance": f"{kernel_distance(one, found['Photographs']):.3f}"}
        for title, one in found.items()
        if title != "Photographs"
    ]
    return Table(rows, {"images": "Images", "distance": "Kernel distance to photographs"})


def drawn(run: Run) -> dict[str, Drawn]:
    """Return images of the known classes in all ways."""
    inside = run.config.inside
    found = {title: class_images(run, inside, title) for title in priors(run.config)}
    return found | {"Fourier, transforms, patches": patched_images(run)}


def priors_figure(run: Run) -> Figure:
    """The same classes in all ways, a row each."""
    names, pictures = run.config.inside, {}
    for row, (title, one) in enumerate(drawn(run).items()):
        for place, name in enumerate(names):
            pictures[f"{title}: {name}" if place == 0 else name + " " * row] = one.images[place][None]
    return panels(pictures, columns=len(names), scale=2)


def priors_table(run: Run) -> Table:
    """What each prior costs, and what it brings."""
    known = patch_prior(run)
    rows = [
        {
            "prior": title,
            "logit": f"{float(one.values.mean()):.1f}",
            "share": f"{float(high_frequency_share(one.images).mean()):.3f}",
            "rank": f"{float(one.ranks.log().mean().exp()):.0f}",
            "patches": f"{float(known.distances(one.images).mean()):.3f}",
        }
        for title, one in drawn(run).items()
    ]
    columns = {
        "prior": "Prior", "logit": "Mean logit", "share": "Share above .25 cycles per pixel",
        "rank": "Rank of the class for the other network", "patches": "Distance of patches to photographs'",
    }  # fmt: skip
    return Table(rows, columns)


def classes_figure(run: Run) -> Figure:
    """Images sampled of classes that the generator's photographs show, then of classes that they do not."""
    pictures = {}
    for name in (*run.config.inside, *run.config.outside):
        found = sampled(run, name)
        sure = ", ".join(f"{one:.2f}" for one in found["probabilities"])
        pictures[f"{name}: {sure}"] = contact_sheet(to_array(found["images"]), columns=run.config.images)
    return panels(pictures, columns=2, scale=1)


def classes_table(run: Run) -> Table:
    """What both networks say of the sampled images."""
    rows = []
    for kind, names in (("yes", run.config.inside), ("no", run.config.outside)):
        for name in names:
            found = sampled(run, name)
            rows.append({
                "class": name, "known": kind, "sure": f"{float(found['probabilities'].mean()):.2f}",
                "rank": f"{float(found['ranks'].log().mean().exp()):.0f}",
                "norm": f"{float(found['codes'].square().mean().sqrt()):.2f}",
            })  # fmt: skip
    columns = {
        "class": "Class", "known": "Among the generator's photographs", "sure": "Mean probability",
        "rank": "Rank for the other network", "norm": "Deviation of the codes",
    }  # fmt: skip
    return Table(rows, columns)
