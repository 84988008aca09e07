"""FLOPs counted by a model's shape are those that PyTorch sees computed, and a run says what share of the device they are."""

from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel

from runs.contract.events import Step
from runs.engine import models
from runs.engine.bins import Bin
from runs.engine.last import LastLayer
from runs.engine.loss import cross_entropy
from runs.engine.utilization import Arithmetic, peak_flops
from tests.engine.folders import chats, lines, make_run, train
from tests.engine.test_attention import SHAPES, examples, in_one_bin, load
from tests.engine.test_last import OTHERS, other

LENGTH = 20  # tokens of each row that go through the model
CAUSAL = (LENGTH + 1) / (2 * LENGTH)  # of the square that PyTorch computes where it is asked for plain products
CPU = torch.device("cpu")


def counted(model: PreTrainedModel, packed: Bin) -> float:
    """What PyTorch computes, by plain products, of which attention's fill squares; its counter does not know `addmm_`."""
    last = LastLayer(model)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), last.reading(packed):
        hidden = models.hidden_states(model, packed)
        cross_entropy(hidden[0, packed.sources], models.projection(model), packed.targets, 0.01).backward()
    found = counter.get_flop_counts()["Global"]
    added_in_place = 2 * models.projection(model).numel() * packed.sources.numel()
    return added_in_place + sum(count * (CAUSAL if kind is torch.ops.aten.bmm else 1) for kind, count in found.items())


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if "window" not in shape])
def test_as_many_as_are_computed(shape: str) -> None:
    packed = in_one_bin(examples([LENGTH + 1] * 6))
    model = load(**SHAPES[shape])
    assert Arithmetic(model, LastLayer(model)).of(packed) == pytest.approx(counted(model, packed), rel=1e-3)


@pytest.mark.parametrize("kind", OTHERS)
def test_also_in_other_architectures(kind: str) -> None:
    packed = in_one_bin(examples([LENGTH + 1] * 6))
    model = other(kind)
    assert Arithmetic(model, LastLayer(model)).of(packed) == pytest.approx(counted(model, packed), rel=1e-3)


def test_frozen_weights_need_a_third_less() -> None:
    packed, model = in_one_bin(examples([30])), load()
    moving = Arithmetic(model, LastLayer(model)).of(packed)
    model.requires_grad_(False)
    assert 0.66 < Arithmetic(model, LastLayer(model)).of(packed) / moving < 0.75, "attention needs as much"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA H100 PCIe", 756e12), ("NVIDIA L40", 181e12), ("RTX A1000", None)],
)
def test_a_gpu_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, expected: float | None) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: name)
    assert peak_flops(torch.device("cuda"), torch.bfloat16) == expected
    assert peak_flops(torch.device("cuda"), torch.float32) is None


def test_each_step_says_its_share(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", chats(8), training_duration="2ba")
    train(folder)
    shares = [line.mfu for line in lines(folder) if isinstance(line, Step)]
    assert len(shares) == 2
    assert all(share and 0 < share < 1 for share in shares)
    assert peak_flops(CPU, torch.float32) > 1e9
