"""Causal attention within each row of a stream of rows: no row sees another, and no mask of T x T is ever built.

Rows that share a beginning, of which the stream has one copy, each see it as theirs.

Registered with transformers under NAME. The rows come with each forward call, as the keyword argument `groups`.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers.modeling_utils import AttentionInterface

from runs.contract.events import Fault
from runs.engine.bins import Group
from runs.engine.failure import Failure

NAME = "isolated_rows"
UNSUPPORTED = ("softcap", "s_aux", "position_bias")  # variants of attention that this function would silently leave out


def attend(
    _module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _attention_mask: Tensor | None,
    *,
    groups: Sequence[Group],
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention of transformers' interface. `query` is [1, heads, T, size], `key` and `value` may have fewer heads.

    Returns [1, T, heads, size]. `groups` are the rows of the stream from left to right.
    """
    if present := [name for name in UNSUPPORTED if others.get(name) is not None]:
        raise Failure(Fault.MODEL, f"This architecture's attention uses {present[0]}, which the engine does not support yet.")
    if query.is_cpu and torch.is_autocast_enabled("cpu"):  # in bfloat16 the way back takes three times as long there
        with torch.autocast("cpu", enabled=False):
            wide = query.float(), key.float(), value.float()
            return _attend(*wide, groups, scaling, dropout, sliding_window), None
    return _attend(query, key, value, groups, scaling, dropout, sliding_window), None


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    groups: Sequence[Group],
    scaling: float | None,
    dropout: float,
    sliding_window: int | None,
) -> Tensor:
    # On CUDA this is the place for one varlen flash call over all rows; the loop is right there too, only slower.
    sizes = [group.count * group.length for group in groups]
    split = zip(groups, accumulate(sizes), *(part.split(sizes, dim=2) for part in (query, key, value)), strict=True)
    parts: list[Tensor] = []
    beginnings: dict[int, tuple[Tensor, Tensor]] = {}
    for group, end, *pieces in split:
        q, k, v = (_rows(piece, group) for piece in pieces)
        if group.shared:
            k, v = (_after(beginning, own) for beginning, own in zip(beginnings[group.start], (k, v), strict=True))
        else:
            beginnings[end - group.count * group.length] = k, v
        mask = _mask(group.length, group.shared, sliding_window, q.device)
        out = scaled_dot_product_attention(
            q, k, v,
            attn_mask=mask,
            dropout_p=dropout,
            is_causal=mask is None,
            scale=scaling,
            enable_gqa=k.shape[1] != q.shape[1],
        )  # fmt: skip
        parts.append(out.transpose(1, 2).reshape(1, group.count * group.length, *out.shape[1::2]))
    return torch.cat(parts, dim=1)


def _rows(piece: Tensor, group: Group) -> Tensor:
    """[1, heads, count * length, size] as [count, heads, length, size], without a copy."""
    rows: Tensor = piece[0].unflatten(1, (group.count, group.length))
    return rows.transpose(0, 1)


def _after(beginning: Tensor, rows: Tensor) -> Tensor:
    """The keys or values of `rows`, each after those of the beginning that they share."""
    return torch.cat([beginning.expand(len(rows), -1, -1, -1), rows], dim=2)


@lru_cache(maxsize=32)  # a layer's masks are the next layer's
def _mask(length: int, shared: int, width: int | None, device: torch.device) -> Tensor | None:
    """What each of a row's last `length` tokens sees of all of them: [length, shared + length]. None: causality says it all.

    Models with a sliding window look back `width` tokens only.
    """
    if not shared and (width is None or length <= width):
        return None
    places = torch.arange(shared + length, device=device)
    back = places[shared:, None] - places[None, :]
    return (back >= 0) & (back < (width or shared + length))


def register() -> None:
    """For a name without a mask function transformers builds no mask at all, which is what is wanted: the groups say it all."""
    AttentionInterface.register(NAME, attend)
