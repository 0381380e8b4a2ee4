"""ACoL's network: closed forms, and a loop that follows the algorithm literally."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import innerview as iv
from innerview.attribution import cam
from innerview.core.errors import BadInput, LayerNotFound
from innerview.core.maps import unit_range
from innerview.localization import PACES, Acol, AcolHeads, BranchMaps, acol, acol_loss, acol_maps
from innerview.models import Backbone, activations, stage
from innerview.models.classifier import frozen
from innerview.training import SGD, Adam, Group, TensorSamples, TrainingRecipe, train

CLASSES = 4


def draws(*shape, seed=0, dtype=torch.float64):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.fixture
def heads() -> AcolHeads:
    return AcolHeads(3, CLASSES, width=5, delta=0.6).double()


@pytest.fixture
def model() -> Acol:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        backbone = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.ReLU())
    return frozen(Acol(backbone, AcolHeads(6, CLASSES, width=5), ["ant", "bee", "cat", "dog"]).double())


FEATURES = draws(2, 3, 6, 7)
LABELS = torch.tensor([1, 3])


# The forward pass


def test_the_mean_of_a_map_is_the_logit(heads):
    maps = heads.a(FEATURES)
    torch.testing.assert_close(heads(FEATURES), maps.mean((2, 3)))
    assert maps.shape == (2, CLASSES, 6, 7)


def test_the_map_is_cams_but_for_the_bias(model):
    images = draws(2, 3, 20, 20)
    maps = acol_maps(model, images, target=[1, 3]).a
    bias = model.heads.a.maps.bias[LABELS, None, None]
    torch.testing.assert_close(maps - bias, cam(model, images, [1, 3], layer="heads.a.relu7"), rtol=1e-12, atol=1e-12)


def test_grad_cam_reads_the_same_maps(model):
    """The head is linear in what Grad-CAM averages: ReLU(CAM) / Z, Sec. 3.1 of its paper."""
    images = draws(2, 3, 20, 20)
    heat = iv.grad_cam(model, images, [1, 3], layer="heads.a.relu7")
    wanted = torch.relu(cam(model, images, [1, 3], layer="heads.a.relu7")) / heat[0].numel()
    torch.testing.assert_close(heat, wanted)


def literal_maps(heads, features, label):
    """One image, Algorithm 1: A's map, scaled; features erased where it is at least delta; B's map; the larger."""
    a = heads.a(features[None])[0, label]
    scaled = (a - a.min()) / (a.max() - a.min())
    rest = features.clone()
    for row in range(a.shape[0]):
        for column in range(a.shape[1]):
            if scaled[row, column] >= heads.delta:
                rest[:, row, column] = 0
    b = heads.b(rest[None])[0, label]
    fused = torch.empty_like(a)
    for row in range(a.shape[0]):
        for column in range(a.shape[1]):
            fused[row, column] = max(scaled[row, column], (b[row, column] - b.min()) / (b.max() - b.min()))
    return a, b, fused, heads.b(rest[None]).mean((2, 3))[0]


def test_maps_and_logits_equal_a_loop_written_after_the_algorithm(heads):
    with torch.no_grad():
        found, logits = heads.maps(FEATURES, LABELS), heads(FEATURES, LABELS)
        for image, label in enumerate(LABELS.tolist()):
            a, b, fused, logits_b = literal_maps(heads, FEATURES[image], label)
            torch.testing.assert_close(found.a[image], a)
            torch.testing.assert_close(found.b[image], b)
            torch.testing.assert_close(found.fused[image], fused)
            torch.testing.assert_close(logits[1, image], logits_b)
    assert logits.shape == (2, 2, CLASSES)


def test_what_is_erased_depends_on_delta(heads):
    a = heads.maps(FEATURES, LABELS).a
    kept = []
    for delta in (0.2, 0.6, 0.9):
        heads.delta = delta
        kept.append((heads.erased(FEATURES, a) != 0).any(1))
    assert kept[0].sum() < kept[1].sum() < kept[2].sum() < kept[2].numel()
    assert torch.equal(kept[1], unit_range(a) < 0.6)


def test_a_value_of_just_delta_is_erased(heads):
    heads.delta = 0.5
    a = torch.tensor([[[0.0, 0.5, 1.0]]], dtype=torch.float64)
    features = torch.ones(1, 3, 1, 3, dtype=torch.float64)
    assert heads.erased(features, a)[0, 0, 0].tolist() == [1, 0, 0]


def test_a_map_without_any_difference_erases_nothing(heads):
    assert torch.equal(heads.erased(FEATURES, torch.full((2, 6, 7), 3.0, dtype=torch.float64)), FEATURES)


def test_a_class_asks_for_its_own_erasing(model):
    image = draws(1, 3, 20, 20)
    first, second = (acol_maps(model, image, target=name) for name in ("ant", "dog"))
    assert not torch.equal(first.a, second.a)
    assert not torch.equal(first.fused, second.fused)


def test_no_target_is_the_class_that_a_predicts(model):
    images = draws(3, 3, 20, 20)
    found, told = acol_maps(model, images), acol_maps(model, images, model(images).argmax(1))
    assert torch.equal(found.a, told.a)
    assert torch.equal(found.fused, told.fused)


def test_smoothing_averages_the_features_first():
    plain, smooth = (AcolHeads(3, CLASSES, width=5, smoothing=side).double() for side in (1, 3))
    averaged = F.avg_pool2d(FEATURES, 3, stride=1, padding=1)
    assert torch.equal(smooth(FEATURES, LABELS), plain(averaged, LABELS))
    assert torch.equal(smooth.maps(FEATURES, LABELS).fused, plain.maps(averaged, LABELS).fused)


# One branch


def test_one_branch_is_a_plain_network(heads):
    plain = AcolHeads(3, CLASSES, width=5, delta=None).double()
    assert plain.b is None
    assert torch.equal(plain(FEATURES), heads(FEATURES))  # the same seed, the same A
    assert plain(FEATURES, LABELS).shape == (1, 2, CLASSES)
    found = plain.maps(FEATURES, LABELS)
    assert found.b is None
    assert torch.equal(found.fused, unit_range(found.a))
    torch.testing.assert_close(
        acol_loss(plain, FEATURES, LABELS), F.cross_entropy(plain(FEATURES).float(), LABELS)
    )  # fmt: skip


def test_the_loss_is_the_sum_of_both_cross_entropies(heads):
    first, second = heads(FEATURES, LABELS).float()
    wanted = F.cross_entropy(first, LABELS) + F.cross_entropy(second, LABELS)
    torch.testing.assert_close(acol_loss(heads, FEATURES, LABELS), wanted)


# Gradients and training


def test_bs_loss_reaches_the_features_but_not_a(heads):
    features = FEATURES.clone().requires_grad_()
    F.cross_entropy(heads(features, LABELS)[1], LABELS).backward()
    assert all(weight.grad is None or not weight.grad.any() for weight in heads.a.parameters())
    assert all(weight.grad is not None and weight.grad.any() for weight in heads.b.parameters())
    assert features.grad is not None
    erased = unit_range(heads.maps(FEATURES, LABELS).a) >= heads.delta
    assert features.grad.movedim(1, -1)[erased].abs().max() == 0
    assert features.grad.movedim(1, -1)[~erased].abs().max() > 0


def test_on_fixed_features_a_learns_the_same_bits_with_and_without_b():
    samples = TensorSamples((draws(12, 3, 6, 6, dtype=torch.float32), torch.arange(12) % CLASSES))
    recipe = TrainingRecipe(epochs=2, batch=4, optimizer=SGD(0.1))
    both, plain = (
        train(AcolHeads(3, CLASSES, width=5, delta=delta), samples, acol_loss, recipe).model for delta in (0.6, None)
    )
    for name, weight in plain.state_dict().items():
        assert torch.equal(weight, both.state_dict()[name]), name


def test_a_backbone_that_learns_feels_both():
    samples = TensorSamples((draws(12, 3, 9, 9, dtype=torch.float32), torch.arange(12) % CLASSES))
    recipe = TrainingRecipe(epochs=1, batch=4, optimizer=Adam(0.01), groups=PACES)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        backbone = nn.Conv2d(3, 6, 3)
    both, plain = (
        train(Acol(backbone, AcolHeads(6, CLASSES, width=5, delta=delta)), samples, acol_loss, recipe).model
        for delta in (0.6, None)
    )
    assert not torch.equal(both.get_parameter("backbone.weight"), plain.get_parameter("backbone.weight"))


def test_seeds_name_the_weights():
    first, again, other = (AcolHeads(3, CLASSES, width=5, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["a.conv6.weight"], other["a.conv6.weight"])
    assert not torch.equal(first["a.conv6.weight"], first["b.conv6.weight"])


# Bad input


@pytest.mark.parametrize("delta", [0, 1, -0.1, 2, float("nan")])
def test_delta_lies_between_0_and_1(delta):
    with pytest.raises(BadInput, match=r"delta must lie in \(0, 1\)"):
        AcolHeads(3, CLASSES, delta=delta)


@pytest.mark.parametrize("wrong", [{"channels": 0}, {"classes": 0}, {"width": 0}, {"smoothing": 2}, {"smoothing": 0}])
def test_sizes_that_make_no_heads_are_refused(wrong):
    with pytest.raises(BadInput, match="heads need at least one channel"):
        AcolHeads(**({"channels": 3, "classes": 4} | wrong))


def test_maps_say_what_cannot_be_asked_for(model):
    images = draws(2, 3, 20, 20)
    with pytest.raises(BadInput, match="out of range"):
        acol_maps(model, images, target=4)
    with pytest.raises(BadInput, match="no class is called 'cow'"):
        acol_maps(model, images, target="cow")
    with pytest.raises(BadInput, match="belong to classes"):
        acol_maps(model, images, target=lambda *_: torch.zeros(2))
    with pytest.raises(BadInput, match="is in training mode"):
        acol_maps(model.train(), images)


def test_names_are_one_for_each_class():
    with pytest.raises(BadInput, match="2 names for 4 classes"):
        Acol(nn.Identity(), AcolHeads(3, CLASSES), ["ant", "bee"])


# Real backbones


def test_a_backbone_is_the_network_up_to_a_layer_and_nothing_else(embedded):
    backbone = Backbone(embedded, "blocks.10")
    images = draws(2, 3, 64, 64, dtype=torch.float32)
    assert torch.equal(backbone(images), activations(embedded, images, "blocks.10")["blocks.10"])
    assert backbone.channels == backbone(images).shape[1]
    assert not backbone.training
    kept = {name for name, _ in backbone.network.named_parameters()}
    assert kept < {name for name, _ in embedded.named_parameters()}
    assert not any(name.startswith(("blocks.11", "fc", "conv_head")) for name in kept)
    assert not any(weight.requires_grad for weight in [*backbone.parameters(), *embedded.parameters()])


def test_a_layer_that_is_not_there_and_a_pool_that_is_none(embedded):
    with pytest.raises(LayerNotFound, match="near ones"):
        Backbone(embedded, "blocks.99")
    with pytest.raises(BadInput, match=r"blocks\.3 is a .*, not a max-pooling"):
        Backbone(embedded, "blocks.10", dense=["blocks.3"])


def test_new_heads_on_the_embedded_network(embedded):
    model = acol(embedded, "blocks.10", ["cat", "dog"], width=8, delta=0.5).eval()
    images = draws(2, 3, 224, 224, dtype=torch.float32)
    found = acol_maps(model, images, target="dog")
    assert model(images).shape == (2, 2)
    assert found.fused.shape == (2, 14, 14)
    assert found.fused.min() >= 0
    assert found.fused.amax((1, 2)).tolist() == [1, 1]
    assert {name.split(".")[0] for name, weight in model.named_parameters() if weight.requires_grad} == {"heads"}


@pytest.mark.mirror
def test_new_heads_on_googlenet(googlenet):
    model = acol(googlenet, "inception_4e", ["cat", "dog"], width=8)
    images = draws(1, 3, 224, 224, dtype=torch.float32)
    assert isinstance(model.backbone, Backbone)
    assert isinstance(model.backbone.network.inception_5a, nn.Identity)
    assert isinstance(model.backbone.network.loss3_classifier, nn.Identity)
    wanted = activations(googlenet, images, "inception_4e")["inception_4e"]
    assert torch.equal(model.backbone(images), wanted)
    assert wanted.shape == (1, 832, 14, 14)


@pytest.mark.mirror
def test_late_pools_at_stride_one_keep_the_resolution(available, googlenet):
    images = draws(1, 3, 224, 224, dtype=torch.float32)
    assert Backbone(googlenet, "inception_5b", dense=["pool4_3x3_s2"])(images).shape == (1, 1024, 14, 14)
    for name in ("vgg19_uint8", "vgg19_float32_early"):
        available(name)
    vgg = iv.load_model("vgg19")
    assert Backbone(vgg, "relu5_4", dense=["pool4"])(images).shape == (1, 512, 28, 28)
    assert Backbone(vgg, "pool5", dense=["pool4", "pool5"])(images).shape == (1, 512, 28, 28)
    assert vgg(images).shape == (1, 512, 7, 7)  # the network given is left alone


class Tied(nn.Module):
    """Two layers of the same weights; an alias; a pool."""

    aliases = {"lowest": "pool"}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.one, self.pool, self.two, self.last = (
            nn.Conv2d(3, 3, 1),
            nn.MaxPool2d(2),
            nn.Conv2d(3, 3, 1),
            nn.Conv2d(3, 3, 1),
        )
        self.two.weight = self.one.weight

    def forward(self, x):
        return self.last(self.two(self.pool(self.one(x))))


def test_layers_that_share_weights_are_kept():
    network = Tied()
    images = draws(1, 3, 8, 8, dtype=torch.float32)
    backbone = Backbone(network, "two")
    assert torch.equal(backbone(images), activations(network, images, "two")["two"])
    assert isinstance(backbone.network.get_submodule("last"), nn.Identity)


def test_a_pool_may_be_named_by_an_alias():
    assert Backbone(Tied(), "two", dense=["lowest"])(draws(1, 3, 8, 8, dtype=torch.float32)).shape == (1, 3, 8, 8)


def test_a_network_without_weights_is_no_backbone():
    with pytest.raises(BadInput, match="Sequential has no weights"):
        Backbone(nn.Sequential(nn.ReLU()), "0")


# Stages


class Blocks(nn.Module):
    def __init__(self, skip: bool = False) -> None:
        super().__init__()
        self.one, self.two, self.three = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))
        self.skip = skip

    def forward(self, x):
        first = self.one(x)
        return self.three(self.two(first)) + (first if self.skip else 0)


def test_a_stage_goes_on_where_a_layer_ends():
    blocks = Blocks()
    images = draws(2, 3, 9, 9, dtype=torch.float32)
    read = activations(blocks, images, ["one", "three"])
    made = stage(blocks, "one", "three")
    assert list(dict(made.named_children())) == ["two", "three"]
    torch.testing.assert_close(made(read["one"]), read["three"])
    made.get_parameter("two.weight").data.zero_()
    assert blocks.two.weight.abs().max() > 0  # a copy


@pytest.mark.parametrize(("start", "end"), [("two", "one"), ("one", "one")])
def test_a_stage_has_an_order(start, end):
    with pytest.raises(BadInput, match="are no two blocks of Blocks, one after the other"):
        stage(Blocks(), start, end)


def test_a_network_that_does_more_than_its_blocks_in_a_row_has_no_stage(embedded):
    with pytest.raises(BadInput, match="are no two blocks"):
        stage(embedded, "blocks.3", "blocks.10")
    with pytest.raises(LayerNotFound):
        stage(embedded, "nowhere", "blocks.10")

    class Twice(Blocks):
        def forward(self, x):
            return self.three(2 * self.two(self.one(x)))

    with pytest.raises(BadInput, match="does not run its blocks from 'one' to 'three' in a row"):
        stage(Twice(), "one", "three")


def test_paces_reach_every_kind_of_parameter():
    assert {group.pattern: group.factor for group in PACES} == {"heads.*.bias": 20, "heads.*": 10, "*.bias": 2}
    assert all(isinstance(group, Group) for group in PACES)


def test_branch_maps_fuse_by_the_larger_value():
    a = torch.tensor([[[0.0, 5.0], [10.0, 0.0]]])
    b = torch.tensor([[[1.0, 0.0], [0.0, 0.5]]])
    assert BranchMaps(a, b).fused.tolist() == [[[1.0, 0.5], [1.0, 0.5]]]
