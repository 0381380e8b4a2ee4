"""Patches that the atlas suggests, pasted on photographs: how often the network falls for them."""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from innerview.adversarial import PatchAttack, SizeSweep, correctly_classified, noise_patch, paste, patch_attack
from innerview.adversarial import size_sweep as sweep
from innerview.assets import fetch
from innerview.atlas import Level
from innerview.atlas.patches import Pair, found_pairs, suggestions
from innerview.atlas.sources import ImageFiles, ImageSource, read_images
from innerview.core.errors import BadInput
from innerview.core.seeds import generator
from innerview.core.types import Images, Logits
from innerview.models import LOGITS, class_index, evaluate, imagenet_classes
from innerview.replicate import Run
from replication.carter2019_activation_atlas.atlases import atlas, photographs, ten_atlas, ten_classes
from replication.carter2019_activation_atlas.config import ArticleAttack

TEN_ASSETS = ("imagenette160_train", "imagenette160_val", "imagenette160_boxes")
SIZE = 224
WAYS = ("photograph", "icon", "random", "noise")
"""Patches: the naming class's photograph, the cell's icon, other photographs, noise."""

NEAR_WAYS = ("photograph", "random", "noise")


@cache
def by_class(run: Run) -> Mapping[int, list[tuple[ImageSource, int]]]:
    """Return the photographs of each of the ten classes: class -> source and number.

    Where no photographs with classes can be had, a crop's class is what the network sees in it.
    """
    found: dict[int, list[tuple[ImageSource, int]]] = {}
    if run.fallback:
        for source in (ten_classes(run), photographs(run)):
            predicted = _predicted(run, read_images(source, range(len(source)), SIZE))
            for number, index in enumerate(predicted.tolist()):
                found.setdefault(index, []).append((source, number))
        most = sorted(found, key=lambda index: -len(found[index]))[:10]
        return {index: found[index] for index in sorted(most)}
    known = {entry.wnid: index for index, entry in enumerate(imagenet_classes())}
    paths = sorted(path for asset in TEN_ASSETS for path in fetch(asset).values())
    source = ImageFiles(tuple(paths))
    for number, path in enumerate(paths):
        found.setdefault(known[path.parent.name], []).append((source, number))
    return dict(sorted(found.items()))


def _logits(run: Run, images: Images) -> Logits:
    return evaluate(run.model(run.config.model), images.to(run.device), LOGITS)[LOGITS].cpu()


def _predicted(run: Run, images: Images) -> Tensor:
    return _logits(run, images).argmax(1)


def single(run: Run, index: int) -> Images:
    """Return the one photograph of a class among those of a thousand, ``(1, 3, 224, 224)``."""
    if run.fallback:
        source = photographs(run)
        return read_images(source, [index % len(source)], SIZE)
    files = fetch("imagenet_sample")
    wanted = imagenet_classes()[index].wnid
    path = next(path for name, path in sorted(files.items()) if name.rpartition("/")[2].startswith(wanted))
    return read_images(ImageFiles((path,)), [0], SIZE)


def victims(run: Run, index: int) -> Images:
    """Return photographs of a class that the network classifies correctly, as many as there are up to the setting."""
    config, members, kept = run.config, by_class(run)[index], []
    step = max(1, len(members) // (2 * config.victims))  # spread over them; the others only where these do not do
    spread = [member for first in range(step) for member in members[first::step]]
    for start in range(0, len(spread), 16):
        few = spread[start : start + 16]
        images = torch.cat([read_images(source, [number], SIZE) for source, number in few])
        right = correctly_classified(run.model(config.model), images.to(run.device), index).cpu()
        kept.append(images[right])
        if sum(map(len, kept)) >= config.victims:
            break
    return torch.cat(kept)[: config.victims]


def pairs(run: Run) -> tuple[Pair, ...]:
    """Return the pairs among the ten classes that the atlas has the strongest suggestions for."""
    level = ten_atlas(run).levels[0]
    seen = [index for index in by_class(run) if (level.attributions[:, index] > 0).any()]
    if run.config.found_pairs > 2 * len(seen):  # the stand-ins may see fewer classes
        return found_pairs(level, seen, 1, each=len(seen))
    return found_pairs(level, seen, run.config.found_pairs)


def attacked(run: Run) -> dict[Pair, dict[str, PatchAttack]]:
    """Attack photographs of each pair's source with what the atlas suggests, and with controls: way -> attack."""
    config, level, results = run.config, ten_atlas(run).levels[0], {}
    for number, pair in enumerate(pairs(run)):
        patches = {
            "photograph": single(run, pair.suggestion.named),
            "icon": level.icons.images[pair.suggestion.cell][None],
            "random": random_photographs(run, number),
            "noise": noise(run),
        }

        def compute(pair: Pair = pair, patches: Mapping[str, Images] = patches) -> dict[str, Tensor]:
            return _tried(run, victims(run, pair.source), patches, pair.target)

        told = (config.model, pair.source, pair.target, patches, config.share, config.victims, config.limit)
        kept = run.part(f"attack-{pair.source}-{pair.target}", compute, *told)
        results[pair] = {way: _attack(kept, way, pair.target) for way in WAYS}
    return results


def _tried(run: Run, images: Images, patches: Mapping[str, Images], target: int | str) -> dict[str, Tensor]:
    """Attack images in several ways; return what came out as tensors to keep."""
    found = {}
    for way, patch in patches.items():
        made = patch_attack(run.model(run.config.model), images, patch, target, share=run.config.share)
        found |= {f"{way} {name}": value for name, value in vars(made).items() if isinstance(value, Tensor)}
    return found


def _attack(kept: Mapping[str, Tensor], way: str, target: int) -> PatchAttack:
    own = {name.removeprefix(f"{way} "): value for name, value in kept.items() if name.startswith(f"{way} ")}
    return PatchAttack(target, **own)


def near(run: Run) -> dict[str, dict[str, float]]:
    """Attack single photographs towards the class that the network thinks of second: way -> rate.

    Each patch is the photograph of the class by which the atlas tells the two classes apart; a random photograph and
    noise are the controls.
    """
    config, level = run.config, atlas(run, run.config.class_layer).levels[0]

    def compute() -> dict[str, Tensor]:
        rows, source = [], photographs(run)
        for number in torch.randperm(len(source), generator=generator("near", run.seed)).tolist():
            image = read_images(source, [number], SIZE)
            own, second = _logits(run, image)[0].topk(2).indices.tolist()
            if isinstance(source, ImageFiles) and imagenet_classes()[own].wnid not in str(source.paths[number]):
                continue  # not classified correctly
            if not all((level.attributions[:, index] > 0).any() for index in (own, second)):
                continue
            found = suggestions(level, own, second, 1)[0] if _tells_apart(level, own, second) else None
            if found is None:
                continue
            controls = random_photographs(run, len(rows))[:1], noise(run)[len(rows) % 2][None]
            patches: dict[str, Images] = dict(zip(NEAR_WAYS, (single(run, found.named), *controls), strict=True))
            kept = _tried(run, image, patches, second)
            made = [_attack(kept, way, second) for way in NEAR_WAYS]
            rows.append(
                [
                    [
                        one.success_fixed,
                        one.success_best,
                        one.probability_before,
                        one.probability_fixed,
                        one.probability_best,
                    ]
                    for one in made
                ]
            )
            if len(rows) == config.near:
                break
        if not rows:
            raise BadInput(f"none of {len(source)} photographs shows classes that the atlas tells apart; take more")
        return {"rates": torch.tensor(rows), "count": torch.tensor(len(rows))}

    kept = run.part("near-classes", compute, config, level.attributions)
    means = kept["rates"].mean(0)
    keys = ("fixed", "best", "before", "probability fixed", "probability best")
    return {
        way: {"count": int(kept["count"]), **dict(zip(keys, row.tolist(), strict=True))}
        for way, row in zip(NEAR_WAYS, means, strict=True)
    }


def _tells_apart(level: Level, source: int, target: int) -> bool:
    """Tell whether some cell speaks for the target, against the source, and has another class to be named by."""
    others = level.attributions.clone()
    others[:, [source, target]] = 0
    speaks = level.attributions[:, target] > level.attributions[:, source]
    return bool((speaks & (others > 0).any(1)).any())


def random_photographs(run: Run, number: int, count: int = 2) -> Images:
    """Return photographs drawn at random from those of a thousand classes."""
    source = photographs(run)
    chosen = torch.randint(len(source), (count,), generator=generator("control", run.seed, number)).tolist()
    return read_images(source, chosen, SIZE)


def noise(run: Run) -> Images:
    """Return patches of noise: one of pixels without relation, one with the spectrum of photographs."""
    return torch.cat([noise_patch(SIZE, run.seed), noise_patch(SIZE, run.seed + 1, slope=1.0)])


def article_attack(run: Run, attack: ArticleAttack) -> tuple[PatchAttack, PatchAttack]:
    """Repeat one of the article's attacks on the single photograph at hand: with its patch, and with noise."""
    config, model = run.config, run.model(run.config.model)
    source, named = (class_index(model, name) for name in (attack.source, attack.named))

    def compute() -> dict[str, Tensor]:
        return _tried(run, single(run, source), {"patch": single(run, named), "noise": noise(run)}, attack.target)

    kept = run.part(f"article-{source}", compute, config.model, attack, config.share, config.limit)
    target = class_index(model, attack.target)
    return _attack(kept, "patch", target), _attack(kept, "noise", target)


def seen_alone(run: Run, attack: ArticleAttack) -> int:
    """Return the class that the network sees in the patch's photograph alone."""
    return int(_predicted(run, single(run, class_index(run.model(run.config.model), attack.named)))[0])


def grown(run: Run, attack: ArticleAttack) -> SizeSweep:
    """Let the patch of one of the article's attacks grow on the single photograph at hand."""
    config, model = run.config, run.model(run.config.model)
    source, target, named = (class_index(model, name) for name in (attack.source, attack.target, attack.named))

    def compute() -> dict[str, Tensor]:
        made = sweep(model, single(run, source), single(run, named), (source, target, named), config.shares)
        return {"probabilities": made.probabilities, "predicted": made.predicted}

    kept = run.part(f"sizes-{source}", compute, config.model, attack, config.shares, config.limit)
    return SizeSweep(config.shares, (source, target, named), **kept)


def shown(run: Run, attack: ArticleAttack) -> dict[str, tuple[Images, str]]:
    """Return photographs with patches: title -> image, and what the network sees in it."""
    model, config = run.model(run.config.model), run.config
    source, named = (single(run, class_index(model, name)) for name in (attack.source, attack.named))
    pictures = {attack.source.capitalize(): source}
    for share in (config.share, 0.7):
        pictures[f"With {attack.named}, {share:g} wide"] = paste(source, named, share)
    names = [
        imagenet_classes()[index].name.split(",")[0] for index in _predicted(run, torch.cat(list(pictures.values())))
    ]
    return {title: (image, name) for (title, image), name in zip(pictures.items(), names, strict=True)}
