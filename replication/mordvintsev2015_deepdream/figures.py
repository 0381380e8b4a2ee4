"""The figures of the page: what a run computed, drawn."""

from matplotlib.figure import Figure

from innerview.core.images import to_array
from innerview.core.spectrum import radial_spectrum
from innerview.figures import bars, lines, panels, signed_map
from innerview.models import class_labels
from innerview.replicate import Run
from replication.mordvintsev2015_deepdream.dreams import (
    changed_windows,
    class_map,
    energies,
    gains,
    guide,
    guided_dreams,
    jitter_variants,
    layer_variants,
    noise_dream,
    octave_variants,
    sky,
    sky_classes,
    sky_dream,
    variants,
    zoom_frames,
)


def sky_figure(run: Run) -> Figure:
    """The dream of the sky, at its own resolution."""
    return panels({"": sky_dream(run)})


def details_figure(run: Run) -> Figure:
    """The places that changed most, in the photograph and in the dream."""
    before, after = sky(run), sky_dream(run)
    windows = changed_windows(before, after)
    pairs = (("Photograph", before), ("Dream", after))
    pictures = {
        f"{title}, window {number}": image[..., rows, columns]
        for title, image in pairs
        for number, (rows, columns) in enumerate(windows, start=1)
    }
    return panels(pictures, columns=len(windows), scale=2)


def layers_figure(run: Run) -> Figure:
    """One dream for each layer, low to high."""
    return panels(variants(run, layer_variants(run.config)), columns=2)


def octaves_figure(run: Run) -> Figure:
    """With and without octaves."""
    return panels(variants(run, octave_variants(run.config)))


def jitter_figure(run: Run) -> Figure:
    """With and without jitter."""
    return panels(variants(run, jitter_variants(run.config)))


def spectrum_figure(run: Run) -> Figure:
    """Energy of the change over spatial frequencies, for octaves and jitter."""
    image = sky(run, run.config.study_width)
    chosen = {**octave_variants(run.config), "No jitter": jitter_variants(run.config)["No jitter"]}
    curves = {}
    for title, dream in variants(run, chosen).items():
        frequencies, energy = radial_spectrum(dream - image)
        curves[title] = (frequencies.numpy(), (energy[0] / energy[0].sum()).numpy())
    return lines(curves, "Spatial frequency, cycles per pixel", "Share of the change's energy", log="y")


def guided_figure(run: Run) -> Figure:
    """The dream without and with the guide, and the guide."""
    return panels({**guided_dreams(run), "The guide": guide(run)}, columns=2)


def zoom_figure(run: Run) -> Figure:
    """Six frames of the endless zoom."""
    frames = zoom_frames(run)
    chosen = sorted({round(i * (len(frames) - 1) / 5) for i in range(6)})
    return panels({f"Frame {i}" if i else "Photograph": frames[i : i + 1] for i in chosen}, columns=min(3, len(chosen)))


def zoom_animation(run: Run) -> list:
    """All frames of the endless zoom, as bytes."""
    return list(to_array(zoom_frames(run)))


def noise_figure(run: Run) -> Figure:
    """What is dreamt into noise."""
    noise, dream = noise_dream(run)
    return panels({"Noise": noise, "Dream": dream})


def energies_figure(run: Run) -> Figure:
    """What the dream at one layer does to all layers."""
    model, config = run.model(run.config.model), run.config
    before, after = (energies(model, image, config.layers) for image in (sky(run), sky_dream(run)))
    return bars({"Photograph": before, "Dream": after}, "Half the mean squared activation", xscale="log")


def classes_figure(run: Run, most: int = 8) -> Figure:
    """The classes that gain and lose most probability."""
    gain, labels = gains(run), class_labels(run.model(run.config.model))
    order = gain.argsort(descending=True).tolist()
    chosen = order[:most] + order[-most // 2 :]
    rows = {f"{labels[index]} ({'gains' if gain[index] > 0 else 'loses'})": index for index in chosen}
    found = sky_classes(run)
    drawn = {
        group: {row: float(found[group][index]) for row, index in rows.items()} for group in ("Photograph", "Dream")
    }
    return bars(drawn, "Mean probability over windows of 224 pixels")


def class_map_figure(run: Run, most: int = 6) -> Figure:
    """All classes on a map of their similarity, coloured by what the dream does to them."""
    gain = gains(run)
    labels = class_labels(run.model(run.config.model))
    order = gain.argsort(descending=True).tolist()
    names = {index: labels[index] for index in order[:most] + order[-most // 2 :]}
    return signed_map(class_map(run).numpy(), gain.numpy(), names, "Gain of mean probability")
