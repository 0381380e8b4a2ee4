"""ReLUs follow another rule on the way back, whatever they are called by, and nothing is left behind."""

import math
from collections.abc import Callable
from typing import cast

import pytest
import torch
from attribution.tiny import Calls, frozen, pictures
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.models import activations
from innerview.models.relus import relu_gradient

Function = Callable[[Tensor], Tensor]


def telling(gradient: Tensor, source: Tensor, ceiling: float) -> Tensor:
    """Show all that a rule is given in one number."""
    return 100 * gradient + source + (0 if ceiling == math.inf else 1000 * ceiling)


class Calling(nn.Module):
    """Calls one function on a copy of its input, and throws the result away if the function works in place."""

    def __init__(self, rectify: Function, inplace: bool = False) -> None:
        super().__init__()
        self.rectify, self.inplace = rectify, inplace

    def forward(self, x: Tensor) -> Tensor:
        copy = x * 1
        rectified = self.rectify(copy)
        return copy if self.inplace else rectified


TWICE = "Tensor.relu_ of a part and of the rest"
KINDS: dict[str, tuple[Function, bool, float]] = {
    "nn.ReLU": (nn.ReLU(), False, math.inf),
    "nn.ReLU in place": (nn.ReLU(inplace=True), True, math.inf),
    "F.relu": (F.relu, False, math.inf),
    "F.relu in place": (lambda x: F.relu(x, inplace=True), True, math.inf),
    "torch.relu": (torch.relu, False, math.inf),
    "torch.relu_": (torch.relu_, True, math.inf),
    "Tensor.relu": (lambda x: x.relu(), False, math.inf),
    "Tensor.relu_": (lambda x: x.relu_(), True, math.inf),
    "Tensor.relu_ of a view": (lambda x: x.view(-1).view(x.shape).relu_(), True, math.inf),
    TWICE: (lambda x: (x[:, :1].relu_(), x[:, 1:].relu_())[0], True, math.inf),
    "nn.Threshold": (nn.Threshold(0, 0), False, math.inf),
    "F.threshold in place": (lambda x: F.threshold(x, 0.0, 0.0, inplace=True), True, math.inf),
    "torch.threshold": (lambda x: torch.threshold(x, 0, 0), False, math.inf),
    "torch.threshold_": (lambda x: torch.threshold_(x, 0, 0), True, math.inf),
    "nn.ReLU6": (nn.ReLU6(), False, 6.0),
    "nn.ReLU6 in place": (nn.ReLU6(inplace=True), True, 6.0),
    "F.relu6": (F.relu6, False, 6.0),
    "F.relu6 in place": (lambda x: F.relu6(x, inplace=True), True, 6.0),
    "nn.Hardtanh from 0": (nn.Hardtanh(0, 3), False, 3.0),
    "F.hardtanh_ from 0": (lambda x: F.hardtanh_(x, 0.0, 3.0), True, 3.0),
}


PAIRS = [(1.0, -1.0), (-1.0, 2.0), (3.0, 7.0), (2.0, 0.0)]
"""What comes down to a number, and the number."""


@pytest.mark.parametrize(("rectify", "inplace", "ceiling"), KINDS.values(), ids=KINDS.keys())
def test_the_rule_is_given_gradient_source_and_ceiling(rectify: Function, inplace: bool, ceiling: float) -> None:
    x = torch.tensor([[source for _, source in PAIRS]], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([[weight for weight, _ in PAIRS]], dtype=torch.float64)
    model = Calling(rectify, inplace)
    with relu_gradient(model, telling) as calls:
        output = model(x)
    (gradient,) = torch.autograd.grad((output * weights).sum(), x)
    assert torch.equal(output, x.clamp(0, ceiling))
    told = [100 * g + s + (0 if ceiling == math.inf else 1000 * ceiling) for g, s in PAIRS]
    assert gradient[0].tolist() == told
    assert calls.count == (2 if (rectify, inplace) == KINDS[TWICE][:2] else 1)


OTHERS: dict[str, Function] = {
    "Tensor.clamp": lambda x: x.clamp(min=0),
    "torch.clamp of pixels": lambda x: torch.clamp(x, 0, 1),
    "Tensor.clamp_min_": lambda x: (x * 1).clamp_min_(0),
    "torch.maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "F.hardtanh": F.hardtanh,
    "F.hardtanh_": lambda x: F.hardtanh_(x * 1),
    "F.threshold above 0": lambda x: F.threshold(x, 0.5, 0.0),
    "F.threshold to another value": lambda x: F.threshold(x, 0.0, -1.0),
    "torch.threshold_": lambda x: torch.threshold_(x * 1, 0.0, 7.0),
    "F.leaky_relu": F.leaky_relu,
    "F.silu": F.silu,
}


@pytest.mark.parametrize("function", OTHERS.values(), ids=OTHERS.keys())
def test_other_functions_keep_their_gradient_and_are_not_counted(function: Function) -> None:
    x = torch.tensor([[-1.0, 0.2, 0.7, 2.0]], requires_grad=True)
    model = Calling(function)
    with relu_gradient(model, telling) as calls:
        output = model(x)
    assert torch.equal(output, function(x))
    assert torch.equal(torch.autograd.grad(output.sum(), x)[0], torch.autograd.grad(function(x).sum(), x)[0])
    assert calls.count == 0


def test_a_layer_that_is_used_twice_follows_the_rule_twice() -> None:
    relu = nn.ReLU()
    x = torch.tensor([[-1.0, 2.0]], requires_grad=True)
    model = Calling(lambda x: relu(3 * relu(x) - 4))
    with relu_gradient(model, lambda gradient, source, _ceiling: gradient * source) as calls:
        (gradient,) = torch.autograd.grad(model(x).sum(), x)
    assert gradient.tolist() == [[-4.0 * 3 * -1, 2.0 * 3 * 2]]  # sources: 3 * 0 - 4 and 3 * 2 - 4, below them x
    assert calls.count == 2


def test_calls_are_counted_over_all_passes_of_the_block() -> None:
    model = frozen(Calls())
    with relu_gradient(model, telling) as calls:
        assert calls.count == 0
        model(pictures(1))
        assert calls.count == 7
        activations(model, pictures(1), "conv3")  # two ReLUs are below it
        assert calls.count == 9
    model(pictures(1))
    assert calls.count == 9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_forward_pass_is_equal_to_the_bit(dtype: torch.dtype) -> None:
    model, images = frozen(Calls()).to(dtype), pictures(3).to(dtype)
    wanted = model(images)
    with relu_gradient(model, telling):
        assert torch.equal(model(images), wanted)
        assert torch.equal(model(images.clone().requires_grad_()), wanted)


def test_values_that_are_not_finite_pass_as_through_a_relu() -> None:
    x = torch.tensor([[math.nan, math.inf, -math.inf, -0.0]])
    model = nn.Sequential(nn.ReLU())
    with relu_gradient(model, telling):
        assert torch.equal(model(x).nan_to_num(nan=-5.0), torch.relu(x).nan_to_num(nan=-5.0))


def telling_gradient(model: nn.Module, images: Tensor) -> Tensor:
    source = images.clone().requires_grad_()
    with relu_gradient(model, telling):
        return torch.autograd.grad(model(source).sum(), source)[0]


@pytest.mark.parametrize("wrapped", [nn.DataParallel, nn.Sequential, Calling])
def test_a_wrapped_model_follows_the_rule_as_the_model_alone(wrapped: Callable[[nn.Module], nn.Module]) -> None:
    images = pictures(2)
    model = frozen(Calls())
    assert torch.equal(telling_gradient(wrapped(model), images), telling_gradient(model, images))


def test_a_compiled_model_is_the_same_before_and_after() -> None:
    model = frozen(Calls())
    compiled = cast("nn.Module", torch.compile(model, backend="eager"))
    before = dict(vars(compiled))
    with relu_gradient(compiled, telling):
        assert vars(compiled)["forward"] is not before["forward"]
        assert "forward" not in vars(model)
    assert vars(compiled) == before


def test_torchscript_hides_its_relus(recwarn: pytest.WarningsRecorder) -> None:
    scripted = torch.jit.script(nn.Sequential(nn.ReLU()))  # it warns that it is old
    recwarn.clear()
    x = torch.tensor([[3.0, -3.0]], requires_grad=True)
    model = nn.Sequential(scripted)
    with relu_gradient(model, times(2)) as calls:
        assert torch.autograd.grad(model(x).sum(), x)[0].tolist() == [[1, 0]]
    assert calls.count == 0


def times(factor: float) -> Callable[[Tensor, Tensor, float], Tensor]:
    return lambda gradient, _source, _ceiling: factor * gradient


def slope(model: nn.Module) -> float:
    x = torch.tensor([[3.0]], requires_grad=True)
    return torch.autograd.grad(model(x).sum(), x)[0].item()


def test_a_part_of_a_model_follows_the_rule_alone() -> None:
    x = torch.tensor([[3.0]], requires_grad=True)
    model = nn.Sequential(nn.ReLU(), nn.ReLU())
    with relu_gradient(model[1], times(7)) as calls:
        assert torch.autograd.grad(model(x).sum(), x)[0].item() == 7
    assert calls.count == 1


def test_the_innermost_block_counts() -> None:
    model = nn.Sequential(nn.ReLU())
    with relu_gradient(model, times(2)) as outer:
        assert slope(model) == 2
        with relu_gradient(model, times(3)), relu_gradient(model, times(5)) as inner:
            assert slope(model) == 5
        assert inner.count == 1
        assert outer.count == 1
        assert slope(model) == 2
    assert slope(model) == 1
    assert "forward" not in vars(model)


@pytest.mark.parametrize("part_first", [True, False])
def test_a_block_around_a_part_goes_before_one_around_the_whole(part_first: bool) -> None:
    model = nn.Sequential(nn.ReLU(), nn.ReLU())
    rules = [(model[0], times(2)), (model, times(3))]
    (first, one), (second, other) = rules if part_first else rules[::-1]
    with relu_gradient(first, one), relu_gradient(second, other):
        assert slope(model) == 2 * 3


def test_a_relu_outside_the_model_keeps_its_gradient() -> None:
    model, other = nn.Sequential(nn.ReLU()), nn.Sequential(nn.ReLU())
    with relu_gradient(model, times(2)) as calls:
        activations(model, torch.rand(1, 3, 2, 2), "0")  # leaves the model in the middle of its forward pass
        count = calls.count
        assert slope(other) == 1
    assert calls.count == count == 1


class Raising(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return fail(x)


def fail(x: Tensor) -> Tensor:
    raise KeyError(F.relu(x).shape)


@pytest.mark.parametrize("own", [None, fail])
def test_nothing_is_left_behind_after_an_exception(own: Function | None) -> None:
    model = nn.Sequential(Raising())
    if own is not None:
        vars(model)["forward"] = own
    before = dict(vars(model))
    with pytest.raises(KeyError), relu_gradient(model, times(2)):
        model(torch.ones(1, 1))
    assert vars(model) == before
    assert slope(nn.Sequential(nn.ReLU())) == 1
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in model.modules())


def test_a_forward_of_the_models_own_is_run_and_comes_back() -> None:
    model = nn.Sequential(nn.ReLU())
    own = vars(model)["forward"] = lambda x: F.relu(x) + 10 * F.relu(x)
    with relu_gradient(model, times(2)):
        assert slope(model) == 22
    assert model.forward is own
    assert slope(model) == 11


def test_a_rule_has_a_second_derivative_like_any_function() -> None:
    x = torch.tensor([[3.0]], requires_grad=True)
    model = nn.Sequential(nn.ReLU())
    with relu_gradient(model, lambda gradient, source, _ceiling: gradient * source**2):
        (first,) = torch.autograd.grad(model(x).square().sum() / 2, x, create_graph=True)  # relu(x) * x**2
    assert torch.autograd.grad(first.sum(), x)[0].item() == 3**2 * 3**2 + 3 * 2 * 3
