"""The figures of the page: what a run made, drawn."""

from matplotlib.figure import Figure

from innerview.core.images import center_crop
from innerview.core.spectrum import high_frequency_share, radial_spectrum
from innerview.figures import lines, panels
from innerview.models import class_labels
from innerview.replicate import Run
from innerview.replicate.tables import Table
from replication.simonyan2014_class_images.made import (
    class_models,
    clusters,
    distances,
    features,
    matches,
    photographs,
    regularized,
    smooth_models,
    target_probabilities,
    ways,
)

COLUMNS = 3

SPECTRA = ("None", "L2 decay", "Blur", "All four")

WAYS = {"facets": "From mean image", "random": "From noise", "centroids": "To centroid"}


def class_models_figure(run: Run) -> Figure:
    """Each class by plain ascent, and below it with all four regularisers."""
    found = {"": class_models(run).images, " regularised": smooth_models(run).images}
    titles = [name.capitalize() for name in run.config.classes]
    pictures = {}
    for first in range(0, len(titles), COLUMNS):
        for way, images in found.items():
            for place in range(first, min(first + COLUMNS, len(titles))):
                pictures[f"{titles[place]}{',' * bool(way)}{way}"] = images[place][None]
    return panels(pictures, columns=min(COLUMNS, len(titles)), scale=2)


def class_models_table(run: Run) -> Table:
    """What the network says of the images."""
    rows = []
    for place, name in enumerate(run.config.classes):
        row = {"class": name}
        for way, found in (("plain", class_models(run)), ("smooth", smooth_models(run))):
            sure = target_probabilities(run, found, run.config.classes)[place]
            row |= {f"{way} logit": f"{found.values[place]:.1f}", f"{way} probability": f"{sure:.4f}"}
            row[f"{way} deviation"] = f"{255 * found.images[place].std():.0f}"
        rows.append(row)
    titles = {"logit": "logit", "probability": "probability", "deviation": "deviation of pixels, levels"}
    columns = {f"{way} {key}": f"{told}: {title}" for way, told in (("plain", "Plain"), ("smooth", "Regularised"))
               for key, title in titles.items()}  # fmt: skip
    return Table(rows, {"class": "Class"} | columns, "What GoogLeNet says of each image")


def regularizers_figure(run: Run) -> Figure:
    """One class with each regulariser alone, and with all."""
    return panels({title: found.images for title, found in regularized(run).items()}, columns=COLUMNS, scale=2)


def details_figure(run: Run) -> Figure:
    """The middle of the same images, enlarged."""
    side = max(run.config.size // 3, 16)
    pictures = {title: center_crop(found.images, side) for title, found in regularized(run).items()}
    return panels(pictures, columns=COLUMNS, scale=6)


def regularizers_table(run: Run) -> Table:
    """What each regulariser does to score and spectrum."""
    found = regularized(run)
    rows = [
        {
            "regulariser": title,
            "logit": f"{float(one.values):.1f}",
            "share": f"{float(high_frequency_share(one.images)):.3f}",
            "deviation": f"{255 * float(one.images.std()):.0f}",
        }
        for title, one in found.items()
    ]
    columns = {
        "regulariser": "Regulariser", "logit": "Logit", "share": "Share above .25 cycles per pixel",
        "deviation": "Deviation of pixels, levels",
    }  # fmt: skip
    return Table(rows, columns, f"{run.config.studied.capitalize()}, {run.config.steps} steps")


def spectrum_figure(run: Run) -> Figure:
    """How the energy of the images is spread over spatial frequencies, beside that of photographs."""
    made, curves = regularized(run), {}
    shown = {"Photographs": photographs(run, 50)} | {title: made[title].images for title in SPECTRA}
    for title, images in shown.items():
        frequencies, energy = radial_spectrum(images)
        share = (energy / energy.sum(1, keepdim=True)).mean(0)
        curves[title] = (frequencies.numpy(), share.numpy())
    return lines(curves, "Spatial frequency, cycles per pixel", "Share of the energy", log="y")


def clusters_figure(run: Run) -> Figure:
    """The photographs nearest to each centroid, and the mean image of the nearest ones."""
    groups, means, shown = clusters(run)
    sizes, pictures = groups.labels.bincount().tolist(), {}
    for place, (mean, few) in enumerate(zip(means, shown.chunk(len(means)), strict=True)):
        pictures[f"Mean of cluster {place + 1}"] = mean[None]
        blank = " " * place  # titles tell the panels apart
        pictures[f"Nearest, of {sizes[place]}{blank}"] = few[:1]
        pictures |= {f" {blank}" + " " * len(means) * number: few[[number]] for number in range(1, len(few))}
    return panels(pictures, columns=1 + len(shown) // len(means))


def facets_figure(run: Run) -> Figure:
    """Several images of one class: from mean images, from noise, towards centroids."""
    found = ways(run)
    pictures = {}
    for way, title in WAYS.items():
        for place, image in enumerate(found[way].images, start=1):
            pictures[f"{title} {place}"] = image[None]
    return panels(pictures, columns=run.config.clusters, scale=2)


def facets_table(run: Run) -> Table:
    """How far the images of each way lie apart, and how near each is to its own cluster."""
    centroids, first = clusters(run)[0].centroids, class_labels(run.model(run.config.model))
    rows = []
    for way, found in ways(run).items():
        vectors = features(run, found.images)
        alike = matches(vectors, centroids)
        own = "-" if way == "random" else f"{int((alike.argmax(1) == alike.new_tensor(range(len(alike)))).sum())}"
        rows.append(
            {
                "way": WAYS[way],
                "apart": f"{float(distances(vectors).mean()):.3f}",
                "own": own,
                "guesses": ", ".join(first[int(row.argmax())].split(",")[0] for row in found.probabilities),
            }
        )
    columns = {
        "way": "Images", "apart": "Mean cosine distance", "own": f"Nearest to own centroid, of {run.config.clusters}",
        "guesses": "First guesses of the network",
    }  # fmt: skip
    return Table(rows, columns, f"Images of class {run.config.faceted}, in the network's last layer but one")
