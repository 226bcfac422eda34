"""A frozen ViT of transformers with W = W0 + B C A at query and value, and prompt tokens."""
import math

import torch
from torch import nn
from transformers import AutoModel


class SharedLinear(nn.Module):
    """A frozen linear layer with the update B C A; `moment` sums h h^T of h = A x while `observing`."""

    def __init__(self, base, rank):
        super().__init__()
        self.base = base
        self.a = nn.Parameter(torch.empty(rank, base.in_features).uniform_(-1, 1) / math.sqrt(base.in_features))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))
        self.core = torch.eye(rank)
        self.observing = False
        self.moment, self.tokens = torch.zeros(rank, rank), 0

    def forward(self, x):
        h = x @ self.a.T
        if self.observing:
            rows = h.reshape(-1, h.shape[-1]).float()
            self.moment += rows.T @ rows
            self.tokens += len(rows)
        return self.base(x) + (h @ self.core.T) @ self.b.T

    def merged(self):
        """The base layer with the update added."""
        layer = nn.Linear(self.base.in_features, self.base.out_features, dtype=self.base.weight.dtype)
        layer.weight.data = self.base.weight + (self.b @ self.core @ self.a).to(self.base.weight.dtype)
        layer.bias.data = self.base.bias
        return layer.requires_grad_(False)


class AdaptedVit(nn.Module):
    """CLS features under the frozen weights with all updates; those are in the last `adapt_last` layers (None: in all)."""

    def __init__(self, folder, rank, prompt_tokens, precision, attention="default", adapt_last=None):
        super().__init__()
        # "bf16": frozen weights are kept as bf16, which spares autocast their conversion at every pass.
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        chosen = {} if attention == "default" else {"attn_implementation": attention}
        self.vit = AutoModel.from_pretrained(folder, dtype=dtype, **chosen)
        self.vit.requires_grad_(False).eval()
        self.precision = precision
        self.layers = self.vit.layers if hasattr(self.vit, "layers") else self.vit.encoder.layer
        self.first = 0 if adapt_last is None else len(self.layers) - adapt_last
        self.sites = []
        for layer in self.layers[self.first :]:
            for name in ("q_proj", "v_proj"):
                site = SharedLinear(getattr(layer.attention, name), rank)
                setattr(layer.attention, name, site)
                self.sites.append(site)
        self.width = self.vit.config.hidden_size
        self.prompts = nn.Parameter(0.02 * torch.randn(prompt_tokens, self.width)) if prompt_tokens else None

    def forward(self, pixels):
        return self.after(self.before(pixels))

    def before(self, pixels):
        """Tokens before the first layer with an update."""
        with self.autocast():
            hidden = self.vit.embeddings(pixels)
            if self.prompts is not None:
                prompts = self.prompts.to(hidden.dtype).expand(len(pixels), -1, -1)
                hidden = torch.cat([hidden, prompts], 1)
            for layer in self.layers[: self.first]:
                hidden = layer(hidden)
            return hidden

    def after(self, hidden, mean=False):
        """Features of such tokens: CLS, or beside it the mean patch token."""
        with self.autocast():
            for layer in self.layers[self.first :]:
                hidden = layer(hidden)
            if not mean:
                return self.vit.layernorm(hidden[:, 0]).float()
            tokens = self.vit.layernorm(hidden).float()
            prompts = 0 if self.prompts is None else len(self.prompts)
            return torch.cat([tokens[:, 0], tokens[:, 1 : tokens.shape[1] - prompts].mean(1)], 1)

    def autocast(self):
        return torch.autocast("cpu", torch.bfloat16, enabled=self.precision != "fp32")

    def merged(self):
        """Layers with the updates as they are now."""
        return [site.merged() for site in self.sites]

    def merging(self, layers=None):
        """While in this context, the updates are part of the weights: as they are now, or in these layers."""
        return Merging(self, self.merged() if layers is None else layers)

    def observing(self):
        """While in this context, moments are collected: of this pass alone."""
        return Observing(self)


class Merging:
    def __init__(self, vit, layers):
        self.vit, self.layers = vit, layers

    def __enter__(self):
        self.swap(self.layers)

    def __exit__(self, *_):
        self.swap(self.vit.sites)

    def swap(self, modules):
        modules = iter(modules)
        for layer in self.vit.layers[self.vit.first :]:
            layer.attention.q_proj, layer.attention.v_proj = next(modules), next(modules)


class Observing:
    def __init__(self, vit):
        self.vit = vit

    def __enter__(self):
        for site in self.vit.sites:
            site.observing, site.tokens = True, 0
            site.moment.zero_()

    def __exit__(self, *_):
        for site in self.vit.sites:
            site.observing = False
