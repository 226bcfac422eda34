#!/usr/bin/env python3
"""Pre-trains vit-tiny-patch8-64 on Tiny-ImageNet on a CPU, within a time budget (interim checkpoint).

  pretrain.py --data DIR      train-0.zip, train-1.zip, val.zip (WNID/NAME.webp, 64 px)
              --teacher FILE  ViT-S/14 safetensors with HF Dinov2 names
              --work DIR      scratch: decoded images, cached teacher features, checkpoint
              --out DIR       model.safetensors, config.json, preprocessor_config.json
              --minutes N     time budget of the training itself; the learning rate reaches 0 at its end
              --resume        anneal the checkpoint in --work for --minutes more: linear to 0, labels only
              --threads N     on a machine that others load, one thread is much quicker than two

Student: ViT, patch 8, 64 px, 192 wide, 12 blocks, 3 heads. Initialised by weight selection (Xu et al.,
ICLR 2024) from the teacher: every second channel, heads 0, 2, 4, every second hidden unit.
Loss: cross-entropy on CLS against a mixture of the label (smoothed) and the teacher's prediction (a linear
head fitted on its cached features), plus the error of a linear map from CLS to the teacher's standardised
final features [CLS, mean patch], computed once, on images without augmentation.
Needs torch, safetensors, numpy, pillow.
"""
import argparse, io, json, math, os, time, zipfile
from multiprocessing import Pool
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file

EPS = 1e-6


# ---- model ----
class Block(nn.Module):
    def __init__(self, d, heads, hidden):
        super().__init__()
        self.heads = heads
        self.n1, self.qkv, self.proj = nn.LayerNorm(d, EPS), nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.n2, self.fc1, self.fc2 = nn.LayerNorm(d, EPS), nn.Linear(d, hidden), nn.Linear(hidden, d)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(self.n1(x)).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        # plain products: torch's CPU flash attention is several times slower here in bf16
        a = torch.softmax((q @ k.transpose(-1, -2)) * (d // self.heads) ** -0.5, -1) @ v
        x = x + self.proj(a.transpose(1, 2).reshape(b, n, d))
        return x + self.fc2(F.gelu(self.fc1(self.n2(x))))


class ViT(nn.Module):
    def __init__(self, d=192, heads=3, hidden=768, depth=12, patch=8, grid=8):
        super().__init__()
        self.p = patch
        self.patch = nn.Linear(3 * patch * patch, d)
        self.cls = nn.Parameter(torch.zeros(1, 1, d))
        self.pos = nn.Parameter(torch.zeros(1, grid * grid + 1, d))
        self.blocks = nn.ModuleList(Block(d, heads, hidden) for _ in range(depth))
        self.norm = nn.LayerNorm(d, EPS)

    def forward(self, x, keep=None):  # x: B,3,H,W; keep: the patches to look at (all without it)
        b, c, h, w = x.shape
        p = self.p
        x = x.view(b, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5).reshape(b, (h // p) * (w // p), c * p * p)
        pos = self.pos[:, 1:]
        if keep is not None:
            x, pos = x.index_select(1, keep), pos.index_select(1, keep)
        x = torch.cat([(self.cls + self.pos[:, :1]).expand(b, -1, -1), self.patch(x) + pos], 1)
        for blk in self.blocks:
            x = blk(x)
        return self.norm(x)


class Student(nn.Module):
    def __init__(self, classes, tdim):
        super().__init__()
        self.vit = ViT()
        self.head = nn.Linear(192, classes)
        self.distil = nn.Linear(192, tdim)
        for m in (self.head, self.distil):
            nn.init.trunc_normal_(m.weight, std=0.02)
            nn.init.zeros_(m.bias)

    def forward(self, x, keep=None):
        z = self.vit(x, keep)[:, 0]
        return self.head(z), self.distil(z)


# ---- teacher and initialisation ----
MEAN, STD = torch.tensor([.485, .456, .406]), torch.tensor([.229, .224, .225])


def resize_pos(p, grid):
    d = p.shape[-1]
    g = math.isqrt(p.shape[1] - 1)
    q = F.interpolate(p[:, 1:].reshape(1, g, g, d).permute(0, 3, 1, 2), size=(grid, grid), mode='bicubic')
    return torch.cat([p[:, :1], q.permute(0, 2, 3, 1).reshape(1, grid * grid, d)], 1)


def teacher_weights(path, depth=12):
    """The teacher with packed qkv and LayerScale folded into the output layers; positions not yet resized."""
    t = {k: v.float() for k, v in load_file(path).items()}
    s = {'cls': t['embeddings.cls_token'], 'pos': t['embeddings.position_embeddings'],
         'kernel': t['embeddings.patch_embeddings.projection.weight'],
         'patch.bias': t['embeddings.patch_embeddings.projection.bias'],
         'norm.weight': t['layernorm.weight'], 'norm.bias': t['layernorm.bias']}
    for i in range(depth):
        a, b = f'encoder.layer.{i}.', f'blocks.{i}.'
        for w in ('weight', 'bias'):
            scale = [t[a + f'layer_scale{j}.lambda1'] for j in (1, 2)]
            if w == 'weight':
                scale = [v[:, None] for v in scale]
            s[b + 'n1.' + w], s[b + 'n2.' + w] = t[a + 'norm1.' + w], t[a + 'norm2.' + w]
            s[b + 'qkv.' + w] = torch.cat([t[a + f'attention.attention.{n}.{w}'] for n in ('query', 'key', 'value')])
            s[b + 'proj.' + w] = t[a + 'attention.output.dense.' + w] * scale[0]
            s[b + 'fc1.' + w] = t[a + 'mlp.fc1.' + w]
            s[b + 'fc2.' + w] = t[a + 'mlp.fc2.' + w] * scale[1]
    return s


def load_teacher(path, px=84):
    s = teacher_weights(path)
    m = ViT(384, 6, 1536, 12, 14, px // 14)
    s['pos'] = resize_pos(s['pos'], px // 14)
    s['patch.weight'] = s.pop('kernel').flatten(1)
    m.load_state_dict(s)
    return m.eval()


def select_weights(path):
    s = teacher_weights(path)
    ch = torch.arange(0, 384, 2)                                                # residual stream
    hd = torch.cat([torch.arange(64 * h, 64 * h + 64) for h in (0, 2, 4)])      # attention channels
    qkv = torch.cat([hd, hd + 384, hd + 768])
    hid = torch.arange(0, 1536, 2)                                              # MLP units
    # kernel 14x14 -> 8x8, the sum kept; then the input normalisation changes from ImageNet's to 0.5, 0.5
    k = F.interpolate(s['kernel'], size=(8, 8), mode='bicubic', antialias=True) * (14 / 8) ** 2
    bias = s['patch.bias'] + (k * ((0.5 - MEAN) / STD)[None, :, None, None]).sum((1, 2, 3))
    k = k * (0.5 / STD)[None, :, None, None]
    o = {'cls': s['cls'][..., ch], 'pos': resize_pos(s['pos'], 8)[..., ch], 'patch.weight': k.flatten(1)[ch],
         'patch.bias': bias[ch], 'norm.weight': s['norm.weight'][ch], 'norm.bias': s['norm.bias'][ch]}
    for i in range(12):
        b = f'blocks.{i}.'
        for n, r, c in (('qkv', qkv, ch), ('proj', ch, hd), ('fc1', hid, ch), ('fc2', ch, hid)):
            o[b + n + '.weight'], o[b + n + '.bias'] = s[b + n + '.weight'][r][:, c], s[b + n + '.bias'][r]
        for n in ('n1', 'n2'):
            for w in ('weight', 'bias'):
                o[b + f'{n}.{w}'] = s[b + f'{n}.{w}'][ch]
    return o


# ---- data ----
_zips = {}


def _decode(item):
    f, n = item
    if f not in _zips:
        _zips[f] = zipfile.ZipFile(f)
    return np.asarray(Image.open(io.BytesIO(_zips[f].read(n))).convert('RGB'))


def decode_all(data, work):
    items = {'train': [], 'val': []}
    for f, part in (('train-0', 'train'), ('train-1', 'train'), ('val', 'val')):
        f = os.path.join(data, f + '.zip')
        items[part] += [(f, n) for n in zipfile.ZipFile(f).namelist() if n.endswith('.webp')]
    classes = {c: i for i, c in enumerate(sorted({n.split('/')[0] for _, n in items['train']}))}
    for part, lst in items.items():
        x = np.lib.format.open_memmap(f'{work}/{part}_x.npy', 'w+', np.uint8, (len(lst), 64, 64, 3))
        with Pool(2) as pool:
            for i, a in enumerate(pool.imap(_decode, lst, chunksize=256)):
                x[i] = a
        x.flush()
        np.save(f'{work}/{part}_y.npy', np.array([classes[n.split('/')[0]] for _, n in lst], np.int64))


def cache_teacher(path, work, batch=128):
    """[CLS, mean patch] after the final LayerNorm, 84 px bicubic, bf16."""
    net = torch.compile(load_teacher(path).bfloat16())
    for part in ('val', 'train'):
        x = np.load(f'{work}/{part}_x.npy', mmap_mode='r')
        out = np.zeros((len(x), 768), np.float16)
        for i in range(0, len(x), batch):
            b = torch.from_numpy(x[i:i + batch].copy())
            n = len(b)
            b = torch.cat([b, b[:1].expand(batch - n, -1, -1, -1)]).permute(0, 3, 1, 2).float()
            b = F.interpolate(b, size=(84, 84), mode='bicubic').clamp(0, 255) / 255
            b = (b - MEAN[:, None, None]) / STD[:, None, None]
            with torch.no_grad():
                y = net(b.bfloat16()).float()
            out[i:i + n] = torch.cat([y[:, 0], y[:, 1:].mean(1)], 1)[:n].half().numpy()
        np.save(f'{work}/{part}_t.npy', out)


def augment(u8, lo):
    """Random flip and crop (side lo..1 of the image, each side on its own by up to 10 %), bilinear."""
    n = len(u8)
    x = u8.permute(0, 3, 1, 2).contiguous().float().div_(127.5).sub_(1)
    s = lo + (1 - lo) * torch.rand(n)
    s = torch.stack([s, s * (1 + 0.2 * (torch.rand(n) - 0.5) * (1 - lo) / 0.3)], 1).clamp_(max=1)
    t = (torch.rand(n, 2) * 2 - 1) * (1 - s)
    flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    th = torch.zeros(n, 2, 3)
    th[:, 0, 0], th[:, 1, 1], th[:, :, 2] = s[:, 0] * flip, s[:, 1], t
    return F.grid_sample(x, F.affine_grid(th, x.shape, align_corners=False), padding_mode='reflection', align_corners=False)


# ---- export ----
def hf_names(sd):
    o = {'embeddings.cls_token': sd['cls'], 'embeddings.position_embeddings': sd['pos'],
         'embeddings.patch_embeddings.projection.weight': sd['patch.weight'].reshape(-1, 3, 8, 8),
         'embeddings.patch_embeddings.projection.bias': sd['patch.bias'],
         'layernorm.weight': sd['norm.weight'], 'layernorm.bias': sd['norm.bias']}
    for i in range(12):
        a, b = f'encoder.layer.{i}.', f'blocks.{i}.'
        for w in ('weight', 'bias'):
            for n, v in zip(('query', 'key', 'value'), sd[b + 'qkv.' + w].chunk(3)):
                o[a + f'attention.attention.{n}.{w}'] = v
            for n, m in (('attention.output.dense', 'proj'), ('intermediate.dense', 'fc1'), ('output.dense', 'fc2'),
                         ('layernorm_before', 'n1'), ('layernorm_after', 'n2')):
                o[a + n + '.' + w] = sd[b + m + '.' + w]
    return {k: v.detach().half().contiguous() for k, v in o.items()}


CONFIG = {'architectures': ['ViTModel'], 'model_type': 'vit', 'hidden_size': 192, 'num_hidden_layers': 12,
          'num_attention_heads': 3, 'intermediate_size': 768, 'hidden_act': 'gelu', 'layer_norm_eps': EPS,
          'image_size': 64, 'patch_size': 8, 'num_channels': 3, 'qkv_bias': True, 'hidden_dropout_prob': 0.0,
          'attention_probs_dropout_prob': 0.0, 'initializer_range': 0.02, 'torch_dtype': 'float16'}
PREPROCESSOR = {'image_processor_type': 'ViTImageProcessor', 'do_resize': True, 'size': {'height': 64, 'width': 64},
                'resample': 3, 'do_rescale': True, 'rescale_factor': 1 / 255, 'do_normalize': True,
                'image_mean': [0.5, 0.5, 0.5], 'image_std': [0.5, 0.5, 0.5]}


def export(sd, out):
    os.makedirs(out, exist_ok=True)
    save_file(hf_names(sd), f'{out}/model.safetensors.part', metadata={'format': 'pt'})
    os.chmod(f'{out}/model.safetensors.part', 0o644)
    os.replace(f'{out}/model.safetensors.part', f'{out}/model.safetensors')
    for name, obj in (('config.json', CONFIG), ('preprocessor_config.json', PREPROCESSOR)):
        with open(f'{out}/{name}', 'w') as f:
            f.write(json.dumps(obj, indent=2) + '\n')


# ---- training ----
def fit_head(t, y, classes):
    """The teacher's linear head, on its cached features (about 20 s)."""
    w = torch.zeros(classes, t.shape[1], requires_grad=True)
    b = torch.zeros(classes, requires_grad=True)
    opt = torch.optim.AdamW([w, b], lr=3e-3, weight_decay=0.01)
    steps = 400
    for i in range(steps):
        opt.param_groups[0]['lr'] = 3e-3 * (1 - i / steps)
        j = torch.randint(len(t), (1024,))
        loss = F.cross_entropy(F.linear(t[j].float(), w, b), y[j])
        opt.zero_grad(); loss.backward(); opt.step()
    return w.detach(), b.detach()


def accuracy(net, x, y, batch=128):
    hit = 0
    with torch.no_grad():
        for i in range(0, len(x), batch):
            b = torch.from_numpy(x[i:i + batch].copy()).permute(0, 3, 1, 2).float() / 127.5 - 1
            hit += (net(b.to(net.head.weight.dtype))[0].argmax(1) == y[i:i + batch]).sum().item()
    return hit / len(x)


def main():
    p = argparse.ArgumentParser()
    for n in ('data', 'teacher', 'work', 'out'):
        p.add_argument('--' + n, required=True)
    p.add_argument('--minutes', type=float, default=45)
    p.add_argument('--lr', type=float, default=8e-4)
    p.add_argument('--batch', type=int, default=128)
    p.add_argument('--drop-until', type=float, default=0.4, help='share of the time with half of the patches only')
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--resume', action='store_true')
    p.add_argument('--seed', type=int, default=0)
    a = p.parse_args()
    torch.set_num_threads(a.threads); torch.manual_seed(a.seed)
    os.makedirs(a.work, exist_ok=True)
    if not os.path.exists(f'{a.work}/val_y.npy'):
        decode_all(a.data, a.work)
    if not os.path.exists(f'{a.work}/train_t.npy'):
        cache_teacher(a.teacher, a.work)
    x, vx = (np.load(f'{a.work}/{s}_x.npy', mmap_mode='r') for s in ('train', 'val'))
    y, vy = (torch.from_numpy(np.load(f'{a.work}/{s}_y.npy')) for s in ('train', 'val'))
    t, vt = (torch.from_numpy(np.load(f'{a.work}/{s}_t.npy')) for s in ('train', 'val'))
    mu, sd = t.float().mean(0), t.float().std(0)
    t, vt = ((v.float() - mu).div_(sd).bfloat16() for v in (t, vt))
    classes = int(y.max()) + 1
    hw, hb = fit_head(t, y, classes)
    print('teacher head, val top-1', (F.linear(vt.float(), hw, hb).argmax(1) == vy).float().mean().item(), flush=True)
    sub = torch.randperm(len(vx))[:1024].sort().values.numpy()
    sx, sy = vx[sub], vy[sub]

    net = Student(classes, t.shape[1])
    if a.resume:
        net.load_state_dict(torch.load(f'{a.work}/checkpoint.pt'))
    else:
        net.vit.load_state_dict(select_weights(a.teacher))
    master = {k: v.detach().clone().requires_grad_() for k, v in net.named_parameters()}   # fp32
    net.bfloat16()
    pairs = [(v, master[k]) for k, v in net.named_parameters()]
    opt = torch.optim.AdamW([{'params': [v for v in master.values() if v.dim() == 2], 'weight_decay': 0.05},
                             {'params': [v for v in master.values() if v.dim() != 2], 'weight_decay': 0}],
                            lr=a.lr, betas=(0.9, 0.98), fused=True)
    vit_of = lambda: {k[4:]: v.detach() for k, v in master.items() if k.startswith('vit.')}
    fast = torch.compile(net, dynamic=False)

    budget, start = a.minutes * 60, time.time()
    saved = shown = start
    step, run, order = 0, [], torch.empty(0, dtype=torch.long)
    while True:
        now = time.time()
        pr = (now - start) / budget
        if pr >= 1:
            break
        lr = a.lr * (pr / 0.03 if pr < 0.03 else 0.5 + 0.5 * math.cos(math.pi * (pr - 0.03) / 0.97))
        if a.resume:
            lr = a.lr * min(1, (step + 1) / 15) * (1 - pr)
        for g in opt.param_groups:
            g['lr'] = max(lr, 1e-7)
        if len(order) < a.batch:
            order = torch.randperm(len(x))
        j, order = order[:a.batch].sort().values, order[a.batch:]
        im = augment(torch.from_numpy(x[j.numpy()]), 0.9 if a.resume or pr > 0.85 else 0.7).bfloat16()
        tj = t[j].float()
        with torch.no_grad():
            soft = 0.9 * F.one_hot(y[j], classes) + 0.1 / classes
            if not a.resume:
                soft = 0.5 * soft + 0.5 * torch.softmax(F.linear(tj, hw, hb), 1)
        keep = torch.randperm(64)[:32].sort().values if pr < a.drop_until and not a.resume else None
        logits, z = fast(im, keep)
        ce = -(soft * F.log_softmax(logits.float(), 1)).sum(1).mean()
        mse = F.mse_loss(z.float(), tj)
        (ce + 4 * mse).backward()
        for w, m in pairs:
            m.grad = w.grad.float(); w.grad = None
        gn = torch.nn.utils.clip_grad_norm_(list(master.values()), 1.0)
        opt.step()
        with torch.no_grad():
            for w, m in pairs:
                w.copy_(m)
        step += 1
        run.append((ce.item(), mse.item(), gn.item()))
        if now - shown > 30 or step in (1, 20, 60):
            c = np.mean(run, 0)
            print(f'{(now-start)/60:5.1f} min step {step} epoch {step*a.batch/len(x):.2f} ce {c[0]:.3f} mse {c[1]:.3f} '
                  f'grad {c[2]:.2f} lr {lr:.1e} {len(run)*a.batch/(now-shown+1e-9):.0f} img/s', flush=True)
            shown, run = now, []
        if now - saved > 240:
            torch.save(master, f'{a.work}/checkpoint.pt')
            export(vit_of(), a.out)
            print(f'  saved; val top-1 on 1,024 images {accuracy(net, sx, sy):.3f}', flush=True)
            saved = now
    torch.save(master, f'{a.work}/checkpoint.pt')
    export(vit_of(), a.out)
    net.float().load_state_dict(master)
    print(f'{step} steps, {step*a.batch/len(x):.2f} epochs, {(time.time()-start)/60:.1f} min, '
          f'Tiny-ImageNet val top-1 {accuracy(net, vx, vy):.4f} ({len(vx)} images)', flush=True)


if __name__ == '__main__':
    main()
