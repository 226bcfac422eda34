"""FM-LoRA on CIFAR-100 or emoji as docs/method.md describes it, without views for the drift map, in plain PyTorch: what
bench/whole-run.ts compares with. The network that features are held to is merged, which is faster.

    PYTHON fm_lora.py OPTIONS

OPTIONS are JSON: data (CIFAR-100's folder, or one that bench/emoji-records.ts has written), benchmark ("cifar100" or "emoji"),
backbone, imageSize, tasks, limitPerClass, testLimitPerClass (CIFAR-100's, or null), orderSeed, seed, epochs, firstEpochs, batchSize, threads, precision ("fp32"; "autocast": bf16 autocast; "bf16": frozen weights are bf16, too),
attention ("default", or one of transformers' attn_implementation), cached (what the frozen first layers leave of a task's
images, and of their mirror images, is computed once a task), method and head: fm-lora's options, with adaptLast or without, and
those of its heads, by their names in TypeScript. Prints progress on stderr and one line of JSON: seconds, peak memory, and the
accuracy of the readout "lda" on all classes seen after every task.
"""
import json
import math
import pathlib
import random
import resource
import sys
import time

import torch
from torch.nn import functional as F

from adapted import AdaptedVit
from images import READERS, Cached, Cropped, Pixels
from statistics_lda import ClassStatistics

GATE_DEVIATION, PROBE_LOGITS = 0.7, 2.0
COSINE_SCALE = 20.0


class Run:
    def __init__(self, options):
        self.options, self.method, self.head = options, options["method"], options["head"]
        folder = pathlib.Path(options["backbone"])
        preprocessor = json.loads((folder / "preprocessor_config.json").read_text())
        self.mean = torch.tensor(preprocessor["image_mean"]).view(1, 3, 1, 1)
        self.std = torch.tensor(preprocessor["image_std"]).view(1, 3, 1, 1)
        prompt_tokens = self.method["promptTokens"] if self.method["prompts"] else 0
        rank, last = self.method["rank"], self.method.get("adaptLast")
        self.vit = AdaptedVit(folder, rank, prompt_tokens, options["precision"], options["attention"], last)
        self.statistics = ClassStatistics(self.vit.width)
        self.moments = [torch.zeros(rank, rank) for _ in self.vit.sites]  # of all past tasks
        self.tokens = 0
        self.norms = [[] for _ in self.vit.sites]
        self.choices = [k for k in (0, 2, 4, 8, 16, 32, 64) if k < rank] + [rank]
        self.nested = torch.stack([(torch.arange(rank) < k).float() for k in self.choices])  # [choices, rank]

    def pixels(self, images):
        pixels = (images.float() / 255 - self.mean) / self.std
        return pixels.to(self.vit.vit.dtype)

    @torch.no_grad()
    def features(self, images, chosen=None):
        parts = (torch.arange(len(images)) if chosen is None else chosen).split(64)
        return torch.cat([images.features(part) for part in parts]).double()

    def observe(self, images):
        with self.vit.observing():
            return self.features(images)

    def task(self, images, labels):
        """Learns one task; labels are stream positions."""
        kind = Cached if self.options["cached"] else Cropped if self.options["benchmark"] == "emoji" else Pixels
        images = kind(self, images)
        first = not self.norms[0] and not self.statistics.means
        classes = labels.unique()
        rows = torch.searchsorted(classes, labels)
        before = self.features(images) if first else self.observe(images)
        updates = None if first else self.start_updates(images, rows, before)
        self.train(images, rows, self.classifier(before, rows), updates)
        after = self.observe(images)
        for moment, site in zip(self.moments, self.vit.sites):
            moment += site.moment
        self.tokens += self.vit.sites[0].tokens
        if not first:
            self.statistics.compensate(before, after, self.head["driftRidge"])
        self.statistics.add(after, labels)

    def start_updates(self, images, rows, features):
        """N, M, gate logits and projector of every site, from dL/dC under a tempered LDA head of the task's own."""
        method, vit = self.method, self.vit
        own = ClassStatistics(vit.width)
        own.add(features, rows)
        _, weight, bias = own.classifier(self.head["shrinkage"])
        temper = PROBE_LOGITS / (features @ weight.T + bias).std(1, unbiased=False).mean()
        size = min(method["probeImages"], len(images))
        count = len(images)
        some = [i for i in range(count) if (i + 1) * size // count > i * size // count]  # spread evenly
        for site in vit.sites:
            site.core.requires_grad_(True)
        looked = images.features(torch.tensor(some))
        logits = looked @ (weight * temper).float().T + (bias * temper).float()
        gradients = torch.autograd.grad(F.cross_entropy(logits, rows[some]), [site.core for site in vit.sites])
        updates = []
        for site, gradient, moment, norms in zip(vit.sites, gradients, self.moments, self.norms):
            site.core = site.core.detach()
            norm = gradient.norm()
            singular = torch.linalg.svdvals(gradient)
            share = singular / singular.sum()
            rank = torch.exp(-(share * share.clamp_min(1e-30).log()).sum())
            cosine = (gradient * site.core).sum().abs() / (norm * site.core.norm())
            relative = norm / (sum(norms) / len(norms) if norms else norm)
            target = rank * (1 - cosine) * relative.clamp_max(2).sqrt()
            prior = [-(math.log2(k + 1) - math.log2(target + 1)) ** 2 / (2 * GATE_DEVIATION**2) for k in self.choices]
            projector = torch.eye(method["rank"])
            if method["protection"]:
                mean = moment / max(self.tokens, 1)
                projector = torch.linalg.inv(projector + mean / (method["protectionAlpha"] * mean.trace() / len(mean)))
            norms.append(float(norm))
            updates.append({
                "core": site.core,
                "projector": projector,
                "n": torch.zeros_like(site.core, requires_grad=True),
                "m": torch.linalg.svd(gradient @ projector).Vh.contiguous().requires_grad_(True),
                "logits": torch.tensor(prior, requires_grad=method["rankSelector"]),
            })
        return updates

    def gated(self, update, gate):
        return update["core"] + (update["n"] * gate) @ update["m"] @ update["projector"]

    def draw(self, logits, temperature):
        """Straight-through Gumbel-Softmax over nested gates."""
        if not self.method["rankSelector"]:
            return self.nested[-1]
        choice = F.gumbel_softmax(logits, tau=temperature, hard=True)
        return choice @ self.nested

    def classifier(self, features, rows):
        """Cosine rows to train, from the class means of normalized features."""
        if (self.method["rows"], self.method["rowStart"]) != ("cosine", "class-means"):
            raise ValueError("rows that are linear or start elsewhere are not written")
        directions = F.normalize(features, dim=1).float()
        return Cosine(torch.stack([directions[rows == row].mean(0) for row in rows.unique()]))

    def train(self, images, rows, head, updates):
        options, method, vit = self.options, self.method, self.vit
        bases = [parameter for site in vit.sites for parameter in (site.a, site.b)]
        old_a = [site.a.detach().clone() for site in vit.sites]
        old_prompts = None if vit.prompts is None else vit.prompts.detach().clone()
        rate = method["firstBasesRate"] if updates is None else method["basesRate"]
        for parameter in bases:
            parameter.requires_grad_(rate > 0)
        groups = [{"params": head.parameters(), "lr": method["headRate"]}]
        if rate > 0:
            groups.append({"params": bases, "lr": rate})
        if vit.prompts is not None:
            groups.append({"params": [vit.prompts], "lr": method["promptRate"]})
        if updates is not None:
            groups.append({"params": [u[name] for u in updates for name in ("n", "m")], "lr": method["coreRate"]})
            if method["rankSelector"]:
                groups.append({"params": [u["logits"] for u in updates], "lr": method["gateRate"]})
        optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
        epochs = options["firstEpochs"] if updates is None else options["epochs"]
        batch_size = options["batchSize"]
        steps = epochs * math.ceil(len(images) / batch_size)
        distillation = 0 if updates is None else method["distillation"]  # every known class is one that the task has no images of
        if distillation > 0 and vit.prompts is not None:
            raise ValueError("distillation with prompts: the network before has other tokens; not written")
        old = vit.merged() if distillation > 0 else None
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmup_cosine(step / steps))
        step = 0
        for _ in range(epochs):
            for chosen in torch.randperm(len(images)).split(batch_size):
                if updates is not None:
                    temperature = 2 - 1.5 * step / steps
                    for site, update in zip(vit.sites, updates):
                        site.core = self.gated(update, self.draw(update["logits"], temperature))
                tokens = images.training_tokens(chosen)
                features = vit.after(tokens, mean=distillation > 0)
                loss = F.cross_entropy(head(features[:, : vit.width]), rows[chosen])
                if distillation > 0:
                    with torch.no_grad(), vit.merging(old):
                        features_before = vit.after(tokens, mean=True)
                    loss = loss + distillation * F.mse_loss(features, features_before)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                schedule.step()
                step += 1
        with torch.no_grad():
            if updates is None:
                for site in vit.sites:
                    canonicalize(site)
                return
            for site, update, moment, a in zip(vit.sites, updates, self.moments, old_a):
                site.core = self.gated(update, self.nested[update["logits"].argmax() if method["rankSelector"] else -1])
                if rate > 0:  # the past's moment in the new basis
                    move = site.a @ a.T @ torch.linalg.inv(a @ a.T)
                    moment.copy_(move @ moment @ move.T)
            if vit.prompts is not None:
                vit.prompts.copy_(old_prompts + method["promptStep"] * (vit.prompts - old_prompts))

    @torch.no_grad()
    def accuracy(self, images, chosen, labels):
        classes, weight, bias = self.statistics.classifier(self.head["shrinkage"])
        with self.vit.merging():
            scores = self.features(images, chosen) @ weight.T + bias
        return float((classes[scores.argmax(1)] == labels).double().mean())


class Cosine(torch.nn.Module):
    """Logits by cosines."""

    def __init__(self, weight):
        super().__init__()
        self.weight = torch.nn.Parameter(weight)

    def forward(self, features):
        return COSINE_SCALE * F.normalize(features, dim=1) @ F.normalize(self.weight, dim=1).T


def canonicalize(site):
    """B C A = U S V^T with orthonormal bases."""
    left, right = torch.linalg.qr(site.b), torch.linalg.qr(site.a.T)
    u, s, vh = torch.linalg.svd(left.R @ site.core @ right.R.T)
    site.b.copy_(left.Q @ u)
    site.a.copy_((right.Q @ vh.T).T)
    site.core = torch.diag(s)


def warmup_cosine(progress):
    if progress < 0.1:
        return (progress + 1e-3) / (0.1 + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9))


def main(options):
    began = time.perf_counter()
    torch.set_num_threads(options["threads"])
    torch.manual_seed(options["seed"])
    random.seed(options["seed"])
    run = Run(options)
    (images, labels), (test_images, test_labels) = READERS[options["benchmark"]](options)
    classes = int(labels.max()) + 1
    per_task = classes // options["tasks"]
    tested = Pixels(run, test_images)
    accuracies = []
    for task in range(options["tasks"]):
        low, high = task * per_task, classes if task == options["tasks"] - 1 else (task + 1) * per_task
        own = (labels >= low) & (labels < high)
        run.task(images[own], labels[own])
        seen = (test_labels < high).nonzero().flatten()
        accuracies.append(run.accuracy(tested, seen, test_labels[seen]))
        print(f"task {task + 1}: {accuracies[-1]:.4f}, {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": time.perf_counter() - began, "peakMiB": peak, "accuracies": accuracies}), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
