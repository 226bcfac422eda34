"""Makes torch-goldens.json: python test/optim/torch-goldens.py > test/optim/torch-goldens.json (torch 2.14)."""
import torch, json
torch.set_num_threads(1)
start = [[0.5, -1.0, 2.0], [0.1, 0.0]]
grads = [[[0.1, -0.2, 3.0], [0.0, 1e-4]], [[-0.3, 0.2, 1.0], [0.5, -1e-4]], [[0.05, 0.0, -2.0], [0.5, 2e-4]]]
rates, factors = [0.1, 0.02], [1.0, 0.5, 0.25]
def run(make):
    ps = [torch.tensor(s, dtype=torch.float64, requires_grad=True) for s in start]
    opt = make([{"params": [p], "lr": r} for p, r in zip(ps, rates)])
    out = []
    for gs, f in zip(grads, factors):
        for group, p, g, r in zip(opt.param_groups, ps, gs, rates):
            group["lr"] = r * f; p.grad = torch.tensor(g, dtype=torch.float64)
        opt.step(); out.append([p.tolist() for p in ps])
    return out
O = torch.optim
print(json.dumps({"start": start, "gradients": grads, "rates": rates, "factors": factors, "runs": {
  "adamw": run(lambda g: O.AdamW(g, weight_decay=0)),
  "adamw decay": run(lambda g: O.AdamW(g, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
  "sgd": run(lambda g: O.SGD(g, lr=1, momentum=0.9)),
  "sgd decay": run(lambda g: O.SGD(g, lr=1, momentum=0.5, weight_decay=0.1)),
}}))
