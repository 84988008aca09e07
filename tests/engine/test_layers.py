"""Our linear layers and embeddings give what PyTorch's give, and products are float32 ones, whoever computes them."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch.nn import Embedding, Linear, Sequential
from transformers import PreTrainedModel

from runs.engine import layers, models, products
from runs.engine.loss import cross_entropy
from tests.engine.test_attention import SHAPES, examples, in_one_bin, load
from tests.engine.test_last import OTHERS, other

SMALL, LARGE = (4, 8), (512, 512)
MANY_SHAPES = """
from pathlib import Path
from runs.engine.__main__ import _prepare_libraries
_prepare_libraries(1)
import torch
from runs.engine import products
if not products._is_exact():
    raise SystemExit(print(0))
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
def multiply(rows):
    products.product(torch.ones(rows, 512), torch.ones(512, 512))
for rows in range(500, 600):
    multiply(rows)
before = resident()
for rows in range(600, 900):
    multiply(rows)
print(resident() - before)
"""


@pytest.fixture(params=["oneDNN", "MKL"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small products too are left to the library that is asked for."""
    monkeypatch.setattr(products, "WORTH_IT", 0)
    monkeypatch.setattr(products, "_is_exact", lambda: request.param == "oneDNN")


def gradients(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Of two bins one after the other, so that they add up."""
    for rows in ([30, 12, 5], [7, 40]):
        packed = in_one_bin(examples(rows))
        hidden = models.hidden_states(model, packed)
        cross_entropy(hidden[0, packed.sources], models.projection(model), packed.targets, 0.01).backward()
    return {name: param.grad for name, param in model.named_parameters()}


def assert_same(build: Callable[[], PreTrainedModel]) -> None:
    plain, ours = build(), build()
    layers.install(ours)
    for (name, expected), found in zip(gradients(plain).items(), gradients(ours).values(), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_of_pytorch(shape: str) -> None:
    assert_same(lambda: load(**SHAPES[shape]))


@pytest.mark.parametrize("kind", [*OTHERS, "qwen2"])  # Gemma scales its embeddings, Qwen 2 has biases
def test_also_in_other_architectures(kind: str) -> None:
    assert_same(lambda: other(kind))


def test_padding_learns_nothing() -> None:
    table = Embedding(10, 4, padding_idx=3)
    layers.install(table)
    table(torch.tensor([[1, 3, 3], [1, 2, 9]])).sum().backward()
    assert table.weight.grad[:, 0].tolist() == [0, 2, 1, 0, 0, 0, 0, 0, 0, 1]


def test_frozen_weights_get_no_gradient_and_pass_it_on() -> None:
    first, second = Linear(4, 8), Linear(8, 2)
    second.weight.requires_grad_(requires_grad=False)
    chain = Sequential(first, second)
    layers.install(chain)
    kept: list[tuple[int, ...]] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tuple(tensor.shape)) or tensor, lambda one: one):
        said = chain(torch.ones(3, 4))
    assert (3, 4) in kept
    assert (3, 8) not in kept, "what goes into frozen weights is not needed on the way back"
    said.sum().backward()
    assert second.weight.grad is None
    torch.testing.assert_close(first.weight.grad, 3 * second.weight.sum(0)[:, None].expand(8, 4))


def test_with_autocast_products_are_bfloat16_and_gradients_stay_float32() -> None:
    plain, ours = Linear(*SMALL), Linear(*SMALL)
    ours.load_state_dict(plain.state_dict())
    layers.install(ours)
    states = torch.randn(2, 3, 4)
    for layer in (plain, ours):
        with torch.autocast("cpu", torch.bfloat16):
            said = layer(states)
        assert said.dtype == torch.bfloat16
        said.float().pow(2).sum().backward()
    assert ours.weight.grad.dtype == torch.float32
    torch.testing.assert_close(ours.weight.grad, plain.weight.grad, atol=0.1, rtol=0.02)  # bfloat16 has 8 bits
    torch.testing.assert_close(ours.bias.grad, plain.bias.grad, atol=0.1, rtol=0.02)


def test_what_derives_from_a_layer_keeps_its_own_way() -> None:
    class Doubled(Linear):
        def forward(self, states: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(states)

    layer = Doubled(*SMALL)
    expected = layer(torch.ones(1, 4))
    layers.install(layer)
    assert torch.equal(layer(torch.ones(1, 4)), expected)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_product_is_as_exact_as_float32_and_leaves_the_process_as_it_was(size: tuple[int, int]) -> None:
    one, other = torch.randn(700, size[0]), torch.randn(*size)
    right = one.double() @ other.double()
    before = torch.backends.mkldnn.matmul.fp32_precision
    assert (products.product(one, other) - right).abs().max() < 1e-5 * right.abs().max()
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_a_processor_that_would_round_is_not_left_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    def rounded(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return one.bfloat16().float() @ other.bfloat16().float()

    monkeypatch.setattr(products, "_by_onednn", rounded)
    products._is_exact.cache_clear()
    try:
        one, other = torch.randn(700, 512), torch.randn(512, 512)
        assert torch.equal(products.product(one, other), one @ other)
    finally:
        products._is_exact.cache_clear()


def test_what_onednn_has_no_memory_for_is_computed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_memory(_one: torch.Tensor, _other: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("could not create a primitive")

    monkeypatch.setattr(products, "_is_exact", lambda: True)
    monkeypatch.setattr(products, "_by_onednn", without_memory)
    one, other = torch.randn(700, 512), torch.randn(512, 512)
    assert torch.equal(products.product(one, other), one @ other)


def test_memory_does_not_grow_with_each_new_shape() -> None:
    found = subprocess.run([sys.executable, "-c", MANY_SHAPES], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 100 << 20, "300 shapes that are all kept take 460 MB"
