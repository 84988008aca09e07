"""Memory does not grow with vocabulary times context: Llama 3's 128,256 tokens at a context of 8,192, every one trained."""

import subprocess
import sys

TOKENS, VOCABULARY, HIDDEN = 8_192, 128_256, 64
LOGITS = 4 * TOKENS * VOCABULARY  # bytes of float32, once; with their gradient and softmax three times that

MEASURED = f"""
import resource, torch
from runs.engine.loss import cross_entropy
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
hidden = torch.randn({TOKENS}, {HIDDEN}, requires_grad=True)
weight = (0.1 * torch.randn({VOCABULARY}, {HIDDEN})).requires_grad_()
targets = torch.randint({VOCABULARY}, ({TOKENS},))
weight.grad = torch.zeros_like(weight)
before = peak()
loss = cross_entropy(hidden, weight, targets, 1 / {TOKENS})
loss.backward()
assert hidden.grad is not None and float(loss) > 11
print(peak() - before)
"""


def test_logits_of_a_large_vocabulary_never_stand_in_memory_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True)
    grown = int(done.stdout)
    print(f"\n{TOKENS:,} tokens of {VOCABULARY:,}: loss and gradients {grown >> 20:,} MiB, all logits {LOGITS >> 20:,} MiB")
    assert grown < LOGITS / 10
