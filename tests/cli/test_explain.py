"""``innerview explain``: the sheet shows what the methods compute, under what it says; what is wrong is said."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from innerview import models
from innerview.attribution import METHODS, default_layer
from innerview.core.images import read_image, write_image
from innerview.figures import Explained, heatmaps
from innerview.figures.coloring import look
from innerview.figures.sheets import rendered
from innerview.models import as_classifier, class_labels

EMBEDDED = "efficientnet_lite0"
LAYER = "blocks.9"
QUICK = ("saliency", "guided_backprop", "grad_cam", "spatial_attribution")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(invoked: Command) -> Command:
    """Run ``innerview explain`` here: images, file and options -> status, standard output, standard error."""

    def run(images: Path | Sequence[Path], out: Path, *options: object) -> tuple[int, str, str]:
        given = [images] if isinstance(images, Path) else images
        small = [] if "--size" in options else ["--size", "64"]
        small += [] if "--model" in options else ["--model", EMBEDDED]
        return invoked("explain", *given, "-o", out, *small, *options)

    return run


def photograph(path: Path, height: int, width: int, seed: int) -> Path:
    draws = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    write_image(path, F.interpolate(draws, (height, width), mode="bicubic").clamp(0, 1))
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return photograph(tmp_path / "photos" / "garden.png", 72, 96, 0)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return photograph(tmp_path / "photos" / "street.png", 120, 90, 1)


def drawn(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def said(err: str) -> list[str]:
    """Return what the command says on the standard error beside its progress."""
    lines = err.replace("\r", "\n").splitlines()
    return [line for line in lines if line.startswith("innerview: ")]


def likely(model: nn.Module, image: Tensor, count: int) -> tuple[list[int], list[str]]:
    """Return the most likely classes, and their titles."""
    classes = model(image)[0].topk(count).indices.tolist()
    return classes, [titled(model, image, one) for one in classes]


def titled(model: nn.Module, image: Tensor, index: int) -> str:
    """Return a class and its probability in an image: two digits, and no more of the smaller than of 10%."""
    percent = 100 * float(model(image).softmax(1)[0, index])
    name = class_labels(model)[index] if class_labels(model) else f"class {index}"
    return f"{name} {percent:.0f}%" if percent >= 9.5 else f"{name} {percent:.2g}%"


def panel(title: str, image: Tensor, name: str, heatmap: Tensor) -> Explained:
    method = METHODS[name]
    return Explained(title, image, heatmap, look(signed=method.signed, fine=method.fine))


def test_one_method_explains_the_predicted_class(run, embedded, photo, tmp_path):
    out = tmp_path / "new" / "a.png"
    status, told, err = run(photo, out)
    image = read_image(photo, 64)
    assert image.shape == (1, 3, 64, 85)  # the whole image
    _, (title,) = likely(embedded, image, 1)
    heat = METHODS["grad_cam"].explain(embedded, image)[0]
    wanted = heatmaps(
        [Explained("garden.png: Grad-CAM", image), panel(title, image, "grad_cam", heat)], unit="Grad-CAM, in logits"
    )
    np.testing.assert_array_equal(drawn(out), rendered(wanted))
    assert status == 0
    assert told == f"{photo}: {EMBEDDED}, {title}; Grad-CAM, layer {default_layer(embedded, image)}\n"
    assert said(err) == []
    assert [path.name for path in out.parent.iterdir()] == ["a.png"]


def test_several_methods_stand_side_by_side_each_on_its_own_scale(run, embedded, photo, tmp_path):
    options = ("--method", ",".join(QUICK), "--target", "tabby", "--layer", LAYER)
    status, told, err = run(photo, tmp_path / "a.png", *options)
    image = read_image(photo, 64)
    index = class_labels(embedded).index("tabby")
    title = titled(embedded, image, index)
    maps = {name: METHODS[name].explain(embedded, image, index, LAYER)[0] for name in QUICK}
    cells = [panel(METHODS[name].title, image, name, heat) for name, heat in maps.items()]
    wanted = heatmaps([Explained(f"garden.png: {title}", image), *cells])
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), rendered(wanted))
    assert status == 0
    assert told == f"{photo}: {EMBEDDED}, {title}; 4 methods, layer {LAYER}\n"
    assert said(err) == []


def test_the_most_likely_classes_of_one_method_share_a_scale(run, embedded, photo, tmp_path):
    _, told, _ = run(photo, tmp_path / "a.png", "--method", "cam", "--top", 3)
    image = read_image(photo, 64)
    classes, titles = likely(embedded, image, 3)
    maps = METHODS["cam"].explain(embedded, image.repeat(3, 1, 1, 1), classes)
    cells = [panel(title, image, "cam", heat) for title, heat in zip(titles, maps, strict=True)]
    wanted = heatmaps([Explained("garden.png: CAM", image), *cells], unit="CAM, in logits")
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), rendered(wanted))
    assert told.startswith(f"{photo}: {EMBEDDED}, {', '.join(titles)}; CAM, layer ")


def test_classes_are_rows_where_there_are_several_methods(run, embedded, photo, tmp_path):
    run(photo, tmp_path / "a.png", "--method", "saliency,grad_cam", "--top", 2)
    image = read_image(photo, 64)
    classes, titles = likely(embedded, image, 2)
    cells = []
    for one, title in zip(classes, titles, strict=True):
        cells.append(Explained(f"garden.png: {title}", image))
        for name in ("saliency", "grad_cam"):
            heat = METHODS[name].explain(embedded, image.repeat(2, 1, 1, 1), classes)[classes.index(one)]
            cells.append(panel(METHODS[name].title, image, name, heat))
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), rendered(heatmaps(cells, columns=3)))


def test_images_of_unequal_size_are_rows(run, embedded, photo, other, tmp_path):
    status, told, _ = run([photo, other], tmp_path / "a.png", "--method", "grad_cam_plus_plus")
    cells = []
    for path in (photo, other):
        image = read_image(path, 64)
        _, (title,) = likely(embedded, image, 1)
        heat = METHODS["grad_cam_plus_plus"].explain(embedded, image)[0]
        cells += [Explained(f"{path.name}: Grad-CAM++", image), panel(title, image, "grad_cam_plus_plus", heat)]
    assert status == 0
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), rendered(heatmaps(cells, columns=2)))
    assert [line.split(":")[0] for line in told.splitlines()] == [str(photo), str(other)]


def test_rows_of_an_image_begin_with_its_photograph(run, monkeypatch, photo, other, tmp_path):
    """Nine panels in rows of five: the tenth place is empty."""
    embedded = as_classifier(Small(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 8)))
    given(monkeypatch, embedded)
    names = [name for name in METHODS if not METHODS[name].slow][:8]
    run([photo, other], tmp_path / "a.png", "--method", ",".join(names))
    cells: list[Explained | None] = []
    for path in (photo, other):
        image = read_image(path, 64)
        _, (title,) = likely(embedded, image, 1)
        cells.append(Explained(f"{path.name}: {title}", image))
        maps = {name: METHODS[name].explain(embedded, image)[0] for name in names}
        cells += [*(panel(METHODS[name].title, image, name, heat) for name, heat in maps.items()), None]
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), rendered(heatmaps(cells, columns=5)))


def test_the_seed_and_the_size_are_the_ones_asked_for(run, embedded, photo, tmp_path):
    for seed in (0, 1):
        run(photo, tmp_path / "a.png", "--method", "smooth_grad", "--seed", seed, "--size", 32)
        image = read_image(photo, 32)
        _, (title,) = likely(embedded, image, 1)
        heat = METHODS["smooth_grad"].explain(embedded, image, seed=seed)[0]
        wanted = heatmaps(
            [Explained("garden.png: SmoothGrad", image), panel(title, image, "smooth_grad", heat)],
            unit="SmoothGrad, in logits per unit of brightness",
        )
        np.testing.assert_array_equal(drawn(tmp_path / "a.png"), rendered(wanted))


def test_progress_is_shown_by_method(run, photo, tmp_path):
    _, _, err = run(photo, tmp_path / "a.png", "--method", "occlusion,saliency", "--size", 32)
    assert "Occlusion:" in err
    assert "Saliency:" in err
    assert "1/2" in err


# Other networks


class Small(nn.Module):
    """A network of an activation function and a head of one's choice; eight classes."""

    def __init__(self, activation: nn.Module, *head: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 8, 3, stride=4, padding=1)
        self.activation = activation
        self.head = nn.Sequential(*head)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.activation(self.conv(images)))


def given(monkeypatch: pytest.MonkeyPatch, network: nn.Module) -> None:
    """Let the registry know this network alone; the command does not know where networks are from."""
    monkeypatch.setattr(models, "load_model", lambda _name: network)


def transformer() -> nn.Module:
    from torchvision.models import VisionTransformer  # noqa: PLC0415

    torch.manual_seed(0)
    network = VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=5)
    nn.init.normal_(network.heads.get_parameter("head.weight"))
    return as_classifier(network, size=32)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_a_vision_transformer_is_explained_by_its_tokens(run, monkeypatch, photo, tmp_path):
    network = transformer()
    given(monkeypatch, network)
    status, told, err = run(photo, tmp_path / "a.png", "--method", "grad_cam", "--target", 3)
    image = read_image(photo, 64)
    heat = METHODS["grad_cam"].explain(network, image, 3)[0]
    assert heat.shape == (4, 4)
    title = titled(network, image, 3)
    assert status == 0
    assert said(err) == []
    assert title in told
    wanted = [Explained("garden.png: Grad-CAM", image), panel(title, image, "grad_cam", heat)]
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), rendered(heatmaps(wanted, unit="Grad-CAM, in logits")))


def test_a_network_without_relu_is_explained_with_one_line_of_warning(run, monkeypatch, photo, other, tmp_path):
    given(monkeypatch, as_classifier(Small(nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 8))))
    status, _, err = run([photo, other], tmp_path / "a.png", "--method", "guided_backprop", "--top", 2)
    assert status == 0
    (line,) = said(err)
    assert "ReLU" in line


def test_all_methods_leave_out_what_the_network_does_not_suit(run, monkeypatch, photo, tmp_path):
    head = (nn.Flatten(), nn.Linear(8 * 16 * 22, 16), nn.ReLU(), nn.Linear(16, 8))
    network = as_classifier(Small(nn.ReLU(), *head))
    given(monkeypatch, network)
    status, told, err = run(photo, tmp_path / "a.png", "--method", "all")
    assert status == 0
    (line,) = said(err)
    assert line.startswith("innerview: CAM is left out: the logits of Classifier are not one linear layer")
    assert "; 14 methods, layer " in told
    image = read_image(photo, 64)
    _, (title,) = likely(network, image, 1)
    cells = [
        panel(method.title, image, method.name, method.explain(network, image)[0])
        for method in METHODS.values()
        if method.name != "cam"
    ]
    wanted = heatmaps([Explained(f"garden.png: {title}", image), *cells], columns=5)
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), rendered(wanted))
    status, _, err = run(photo, tmp_path / "b.png", "--method", "cam,saliency")
    assert status == 2
    assert "as CAM needs" in said(err)[0]
    assert not (tmp_path / "b.png").exists()


# What goes wrong


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--method", "gradcam"), "no method is called 'gradcam'; near ones: grad_cam"),
        (("--method", ""), "name at least one method"),
        (("--layer", "blocks.99"), "has no layer 'blocks.99'; near ones: blocks.9"),
        (("--layer", "fc"), "layer 'fc' has no spatial map"),
        (("--method", "all", "--layer", "fc"), "layer 'fc' has no spatial map"),
        (("--method", "saliency", "--layer", LAYER), "saliency reads no layer; leave --layer out"),
        (("--target", "1000"), "class index 1000 is out of range; it runs from 0 to 999"),
        (("--target", "-1"), "class index -1 is out of range"),
        (("--target", "cat"), "class name 'cat' is ambiguous: "),
        (("--target", "bxer"), "no class is called 'bxer'; near ones: boxer"),
        (("--target", "boxer", "--top", "2"), "--top chooses the classes itself; leave --target out"),
        (("--top", "1001"), "the model has 1000 classes; --top 1001 asks for more"),
        (("--model", "gogglenet"), "near ones: googlenet"),
        (("--device", "tpu"), "unknown device"),
    ],
)
def test_options_that_cannot_be(run, photo, tmp_path, options, says):
    refused(run, photo, tmp_path, options, says)


def refused(run: Command, images: Path | Sequence[Path], folder: Path, options: Sequence[object], says: str) -> None:
    """Assert that the command ends with one line that says so, and leaves nothing behind."""
    before = sorted(folder.rglob("*"))
    status, told, err = run(images, folder / "out" / "a.png", *options)
    (line,) = said(err)
    assert status == 2
    assert told == ""
    assert says in line
    assert sorted(folder.rglob("*")) == before


def test_a_class_that_a_model_without_names_lacks(run, monkeypatch, photo, tmp_path):
    given(monkeypatch, as_classifier(Small(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 8))))
    refused(run, photo, tmp_path, ("--target", 8), "class index 8 is out of range; it runs from 0 to 7")
    refused(run, photo, tmp_path, ("--target", "boxer"), "the model has no class names")


def test_a_network_without_classes(run, monkeypatch, photo, tmp_path):
    given(monkeypatch, as_classifier(Small(nn.ReLU())))
    refused(run, photo, tmp_path, (), "puts out (1, 8, 16, 22), not (b, classes)")


def test_images_that_cannot_be_read_are_said_before_the_work(run, photo, tmp_path):
    refused(run, [photo, tmp_path / "nowhere.png"], tmp_path, (), "no image at")
    (tmp_path / "text.jpg").write_text("this is not an image")
    refused(run, [photo, tmp_path / "text.jpg"], tmp_path, (), "text.jpg is not an image that can be read whole")
    refused(run, tmp_path, tmp_path, (), "is a folder; give one image file")


def test_places_that_cannot_be_written_are_said_before_the_work(run, photo, tmp_path):
    (tmp_path / "taken").write_text("a file")
    for out, says in (
        (tmp_path / "taken" / "a.png", "is a file, not a folder"),
        (tmp_path, "it is a folder" if tmp_path.suffix else "cannot tell the picture format"),
        (tmp_path / "a.txt", "cannot tell the picture format from"),
    ):
        status, told, err = run(photo, out)
        assert (status, told) == (2, "")
        assert says in said(err)[0]
        assert "%" not in err  # no bar was shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "taken"]


def test_a_map_that_is_no_number_is_an_error_and_no_sheet(run, monkeypatch, photo, tmp_path):
    network = Small(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 8))
    with torch.no_grad():
        network.head.get_parameter("2.weight")[3].fill_(float("nan"))
    given(monkeypatch, as_classifier(network))
    refused(run, photo, tmp_path, ("--target", 3), "NaN or infinite")


@pytest.mark.mirror
def test_the_dog_and_the_cat(run, googlenet, available, tmp_path):
    """The two classes of one photograph: the dog is in its upper half, the cat in its lower."""
    (path,) = available("grad_cam_photo").values()
    image = read_image(path, 224)
    for name, where in (("boxer", slice(0, 3)), ("tiger cat", slice(4, 7))):
        status, told, _ = run(path, tmp_path / "a.png", "--model", "googlenet", "--size", 224, "--target", name)
        assert status == 0
        assert f"googlenet, {name} " in told
        heat = METHODS["grad_cam"].explain(googlenet, image, name)[0]
        assert float(heat[where].sum() / heat.sum()) > 0.6
        wanted = panel(told.split(", ")[1].split(";")[0], image, "grad_cam", heat)
        sheet = heatmaps([Explained("both.png: Grad-CAM", image), wanted], unit="Grad-CAM, in logits")
        np.testing.assert_array_equal(drawn(tmp_path / "a.png"), rendered(sheet))
