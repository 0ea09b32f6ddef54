"""The programs of examples/pytorch, as PyTorch users write them: their numbers are what the tests expect.

Run by hand when an example changes, with any Python that has PyTorch (2.13 made the present file):
    python3 scripts/pytorch_examples.py        writes packages/testing/fixtures/pytorch-examples.json
Inputs and first weights follow closed formulas (`wave`), so that no random numbers differ.
"""

import copy
import json
import math
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vmap

torch.set_num_threads(1)
f64 = torch.float64


def wave(shape, start=0, scale=1.0, dtype=f64):
    size = math.prod(shape)
    values = [scale * math.sin(start + i + (i * i) / 10) for i in range(size)]
    return torch.tensor(values, dtype=f64).reshape(shape).to(dtype)


def fill(model, scale=0.5):
    with torch.no_grad():
        for p, one in enumerate(model.parameters()):
            one.copy_(wave(one.shape, p, scale, one.dtype))
    return model


def custom_layer():
    class RadialBasis(nn.Module):
        def __init__(self, inputs, count):
            super().__init__()
            self.centers = nn.Parameter(torch.zeros(count, inputs))
            self.log_widths = nn.Parameter(torch.zeros(count))

        def forward(self, x):
            apart = x.unsqueeze(1) - self.centers
            return torch.exp(-(apart.square().sum(-1) * self.log_widths.exp()))

    model = fill(nn.Sequential(RadialBasis(3, 5), nn.Linear(5, 2)))
    x, y = wave([8, 3], 1, 1, torch.float32), wave([8, 2], 2, 1, torch.float32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    state = model.state_dict()
    return {
        "losses": losses,
        "parameterCount": sum(one.numel() for one in model.parameters()),
        "centers": state["0.centers"],
        "logWidths": state["0.log_widths"],
        "gradientOfCenters": next(model.parameters()).grad,
    }


def linear_regression():
    x = wave([16, 3])
    y = x @ wave([3, 1], 4, 2) + 0.5 + wave([16, 1], 9, 0.01)
    weight = torch.zeros(3, 1, dtype=f64, requires_grad=True)
    bias = torch.zeros(1, dtype=f64, requires_grad=True)
    losses = []
    for _ in range(50):
        loss = (x @ weight + bias - y).square().mean()
        loss.backward()
        with torch.no_grad():
            for one in (weight, bias):
                one -= 0.2 * one.grad
                one.grad = None
        losses.append(loss.item())
    return {"losses": losses, "weight": weight, "bias": bias}


def logistic_regression():
    x = wave([32, 4])
    y = (x @ wave([4, 1], 3) + wave([32, 1], 7, 0.3) > 0).to(f64)
    model = fill(nn.Linear(4, 1, dtype=f64), 0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05, betas=(0.8, 0.99), weight_decay=0.01)
    pos_weight = torch.tensor([1.5], dtype=f64)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(x), y, pos_weight=pos_weight)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        correct = ((model(x) > 0) == (y > 0)).to(f64).mean()
    return {"losses": losses, "accuracy": correct, "weight": model.weight, "bias": model.bias}


def gan_step():
    generator = fill(
        nn.Sequential(nn.Linear(2, 6, dtype=f64), nn.Tanh(), nn.Linear(6, 2, dtype=f64))
    )
    discriminator = fill(
        nn.Sequential(nn.Linear(2, 6, dtype=f64), nn.LeakyReLU(0.2), nn.Linear(6, 1, dtype=f64))
    )
    criterion = nn.BCEWithLogitsLoss()
    of_generator = torch.optim.Adam(generator.parameters(), lr=0.01, betas=(0.5, 0.999))
    of_discriminator = torch.optim.Adam(discriminator.parameters(), lr=0.01, betas=(0.5, 0.999))

    def judged(x, is_real):
        logits = discriminator(x)
        return criterion(logits, torch.ones_like(logits) if is_real else torch.zeros_like(logits))

    discriminator_losses, generator_losses = [], []
    for step in range(5):
        real = wave([8, 2], 5 * step, 0.3) + 1
        fake = generator(wave([8, 2], 3 * step))
        of_discriminator.zero_grad()
        discriminator_loss = judged(real, True) + judged(fake.detach(), False)
        discriminator_loss.backward()
        of_discriminator.step()
        of_generator.zero_grad()
        generator_loss = judged(fake, True)
        generator_loss.backward()
        of_generator.step()
        discriminator_losses.append(discriminator_loss.item())
        generator_losses.append(generator_loss.item())
    return {
        "discriminatorLosses": discriminator_losses,
        "generatorLosses": generator_losses,
        "generatorWeight": generator[0].weight,
        "discriminatorWeight": discriminator[0].weight,
    }


def hypergradient():
    def loss_of(weight, x, y):
        return ((x @ weight).tanh() - y).square().mean()

    truth = wave([3, 1], 2)
    x, held = wave([12, 3]), wave([6, 3], 50)
    y, held_y = (x @ truth).tanh(), (held @ truth).tanh()
    log_rate = torch.tensor(math.log(0.1), dtype=f64, requires_grad=True)
    rates, losses, gradients = [], [], []
    for _ in range(8):
        weight = torch.zeros(3, 1, dtype=f64, requires_grad=True)
        for _ in range(5):
            (slope,) = torch.autograd.grad(loss_of(weight, x, y), weight, create_graph=True)
            weight = weight - slope * log_rate.exp()
        loss = loss_of(weight, held, held_y)
        (gradient,) = torch.autograd.grad(loss, log_rate)
        rates.append(math.exp(log_rate.item()))
        losses.append(loss.item())
        gradients.append(gradient.item())
        log_rate = torch.tensor(
            log_rate.item() - 2 * gradient.item(), dtype=f64, requires_grad=True
        )
    return {"rates": rates, "losses": losses, "gradients": gradients}


def maml():
    def model(weights, x):
        w1, b1, w2, b2 = weights
        return F.linear(F.linear(x, w1, b1).tanh(), w2, b2)

    def loss_of(weights, x, y):
        return (model(weights, x) - y).square().mean()

    def adapted(weights, x, y):
        for _ in range(2):
            slopes = torch.autograd.grad(loss_of(weights, x, y), weights, create_graph=True)
            weights = [one - 0.1 * slope for one, slope in zip(weights, slopes)]
        return weights

    shapes = [[8, 1], [8], [1, 8], [1]]
    weights = [nn.Parameter(wave(shape, p, 0.5)) for p, shape in enumerate(shapes)]
    optimizer = torch.optim.Adam(weights, lr=0.01)
    support, query = wave([10, 1], 0, 2), wave([10, 1], 20, 2)
    meta_losses = []
    for _ in range(5):
        optimizer.zero_grad()
        losses = []
        for phase in range(3):
            task = lambda x: (x + phase).sin() * (1 + phase / 2)
            losses.append(loss_of(adapted(weights, support, task(support)), query, task(query)))
        meta_loss = torch.stack(losses).mean()
        meta_loss.backward()
        optimizer.step()
        meta_losses.append(meta_loss.item())
    return {"metaLosses": meta_losses, "firstLayer": weights[0], "lastGradient": weights[2].grad}


def conjugate_gradient():
    def objective(x):
        return (wave([7, 5]) @ x).logsumexp(0) + x.square().sum() * 0.05

    x = wave([5], 3).requires_grad_()
    (gradient,) = torch.autograd.grad(objective(x), x, create_graph=True)

    def product(v):
        return torch.autograd.grad((gradient * v).sum(), x, retain_graph=True)[0]

    solution = torch.zeros_like(x.detach())
    residual = -gradient.detach()
    direction = residual
    residuals = []
    for _ in range(5):
        image = product(direction)
        rate = residual.dot(residual) / direction.dot(image)
        solution = solution + direction * rate
        following = residual - image * rate
        direction = following + direction * (following.dot(following) / residual.dot(residual))
        residual = following
        residuals.append(residual.norm().item())
    v = wave([5], 8)
    return {
        "gradient": gradient,
        "product": product(v),
        "productByTransform": jvp(grad(objective), (x.detach(),), (v,))[1],
        "firstResiduals": residuals[:3],
        "solution": solution,
        "before": objective(x),
        "after": objective(x.detach() + solution),
    }


def per_sample_gradients():
    model = fill(nn.Sequential(nn.Linear(4, 6, dtype=f64), nn.Tanh(), nn.Linear(6, 3, dtype=f64)))

    def loss_of(state, x, label):
        return F.cross_entropy(functional_call(model, state, (x,)), label)

    weights = {name: one.detach() for name, one in model.named_parameters()}
    x = wave([5, 4], 4)
    labels = torch.tensor([0, 2, 1, 1, 0])
    each = vmap(grad(loss_of), in_dims=(None, 0, 0))(weights, x, labels)
    norms = sum(g.flatten(1).square().sum(1) for g in each.values()).sqrt()
    factors = (0.5 / norms).clamp(max=1)
    return {
        "norms": norms,
        "thirdSample": each["0.bias"][2],
        "clippedMean": (each["0.weight"] * factors.reshape(5, 1, 1)).mean(0),
        "mean": each["2.weight"].mean(0),
    }


def jacobian():
    model = fill(
        nn.Sequential(
            nn.Linear(3, 5, dtype=f64), nn.GELU(), nn.Linear(5, 4, dtype=f64), nn.Softplus()
        )
    )
    x = wave([3], 2)
    return {
        "jacobian": jacrev(model)(x),
        "forward": jacfwd(model)(x),
        "batchNorms": vmap(jacrev(model))(wave([6, 3], 5)).flatten(1).norm(2, 1),
        "hessian": hessian(lambda at: model(at).square().sum())(x),
        "tangent": jvp(model, (x,), (wave([3], 7),))[1],
    }


def beam_search():
    letters = "^abcdefg$"

    class CharacterModel(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(len(letters), 6, dtype=f64)
            self.cell = nn.GRUCell(6, 8, dtype=f64)
            self.head = nn.Linear(8, len(letters), dtype=f64)

        def forward(self, tokens, hidden=None):
            following = self.cell(self.embedding(tokens), hidden)
            return self.head(following).log_softmax(-1), following

    def search(model, width, steps):
        scores, hidden = model(torch.tensor([0]))
        total, tokens = scores.flatten().topk(width)
        words = [[token] for token in tokens.tolist()]
        hidden = hidden.expand(width, 8)
        ends = torch.tensor([i < len(letters) - 1 for i in range(len(letters))])
        for _ in range(1, steps):
            scores, hidden = model(tokens, hidden)
            is_done = (tokens == len(letters) - 1).unsqueeze(1)
            scores = scores.masked_fill(is_done & ends, -math.inf)
            scores = scores.masked_fill(is_done & ~ends, 0)
            total, best = (scores + total.unsqueeze(1)).flatten().topk(width)
            parents = best // len(letters)
            tokens = best % len(letters)
            hidden = hidden.index_select(0, parents)
            words = [words[i] + [t] for i, t in zip(parents.tolist(), tokens.tolist())]
        return words, total

    model = fill(CharacterModel(), 0.8).eval()
    with torch.no_grad():
        words, total = search(model, 3, 7)
    return {"first": words[0], "second": words[1], "third": words[2], "logProbabilities": total}


def ctc():
    model = fill(nn.Sequential(nn.Linear(5, 8, dtype=f64), nn.Tanh(), nn.Linear(8, 4, dtype=f64)))
    frames = wave([9, 3, 5])
    targets = torch.tensor([[1, 2, 2], [3, 1, 0], [2, 0, 0]])
    input_lengths, target_lengths = torch.tensor([9, 7, 5]), torch.tensor([3, 2, 1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        log_probs = model(frames).log_softmax(-1)
        loss = F.ctc_loss(log_probs, targets, input_lengths, target_lengths, zero_infinity=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        best = model(frames).argmax(-1)
    return {
        "losses": losses,
        "best": best,
        "gradient": model[2].bias.grad,
        "weight": model[2].weight,
    }


def transformer_block():
    class Block(nn.Module):
        def __init__(self, size, heads):
            super().__init__()
            self.heads = heads
            self.norm1 = nn.LayerNorm(size)
            self.project = nn.Linear(size, 3 * size)
            self.out = nn.Linear(size, size)
            self.norm2 = nn.LayerNorm(size)
            self.mlp = nn.Sequential(
                nn.Linear(size, 4 * size), nn.GELU(approximate="tanh"), nn.Linear(4 * size, size)
            )

        def forward(self, x):
            batch, length, size = x.shape
            q, k, v = (
                y.view(batch, length, self.heads, -1).transpose(1, 2)
                for y in self.project(self.norm1(x)).chunk(3, -1)
            )
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            y = x + self.out(mixed.transpose(1, 2).reshape(batch, length, size))
            return y + self.mlp(self.norm2(y))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(11, 8)
            self.positions = nn.Embedding(6, 8)
            self.block = Block(8, 2)
            self.head = nn.Linear(8, 11, bias=False)

        def forward(self, index):
            places = self.positions(torch.arange(index.shape[1]))
            return self.head(self.block(self.tokens(index) + places))

    model = fill(Model(), 0.3)
    text = (torch.arange(21).square() % 11).reshape(3, 7)
    inputs, targets = text[:, :-1], text[:, 1:]
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        logits = model(inputs)[0, -1]
    return {"losses": losses, "logits": logits, "weight": model.head.weight}


def physics_informed():
    model = fill(
        nn.Sequential(
            nn.Linear(1, 8, dtype=f64), nn.Tanh(),
            nn.Linear(8, 8, dtype=f64), nn.Tanh(),
            nn.Linear(8, 1, dtype=f64),
        )
    )

    def derivative(u, x):
        return torch.autograd.grad(u.sum(), x, create_graph=True)[0]

    x = torch.linspace(0, 2, 21, dtype=f64, requires_grad=True).unsqueeze(1)
    origin = torch.zeros(1, 1, dtype=f64, requires_grad=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        u = model(x)
        residual = derivative(derivative(u, x), x) + u
        start = model(origin)
        slope = derivative(start, origin)
        loss = residual.square().mean() + start.square().sum() + (slope - 1).square().sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "solution": model(x)[::5, 0], "weight": model[0].weight}


def gradient_accumulation():
    model = fill(nn.Sequential(nn.Linear(4, 6, dtype=f64), nn.ReLU(), nn.Linear(6, 3, dtype=f64)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9, nesterov=True)
    x = wave([24, 4])
    labels = torch.tensor([(i * i) % 3 for i in range(24)])
    losses, norms = [], []
    for _ in range(6):
        optimizer.zero_grad()
        total = 0.0
        for part, its in zip(x.split(6), labels.split(6)):
            loss = F.cross_entropy(model(part), its) / 4
            loss.backward()
            total += loss.item()
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), 0.5).item())
        optimizer.step()
        losses.append(total)
    return {
        "losses": losses,
        "norms": norms,
        "clipped": model[0].bias.grad,
        "weight": model[0].weight,
    }


def straight_through():
    class Sign(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)

        @staticmethod
        def backward(ctx, upstream):
            (x,) = ctx.saved_tensors
            return upstream * (x.abs() <= 1).to(upstream.dtype)

    class BinaryLinear(nn.Linear):
        def forward(self, x):
            return F.linear(x, Sign.apply(self.weight), self.bias)

    model = BinaryLinear(6, 2, dtype=f64)
    with torch.no_grad():
        model.weight.copy_(wave([2, 6], 0, 1.2))
        model.bias.fill_(0)
    x = wave([20, 6], 3)
    y = x @ wave([2, 6], 5).sign().t()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "weight": model.weight, "gradient": model.weight.grad}


def tied_embeddings():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Embedding(9, 5, dtype=f64)
            self.mix = nn.Linear(5, 5, dtype=f64)
            self.decoder = nn.Linear(5, 9, dtype=f64)
            self.decoder.weight = self.encoder.weight

        def forward(self, index):
            return self.decoder(self.mix(self.encoder(index)).tanh())

    model = fill(Tied())
    index, following = torch.tensor([0, 3, 1, 4, 1, 5]), torch.tensor([3, 1, 4, 1, 5, 8])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(index), following)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    state = model.state_dict()
    return {
        "losses": losses,
        "parameters": len(list(model.parameters())),
        "names": len(state),
        "gradient": model.encoder.weight.grad,
        "table": state["decoder.weight"],
    }


def distillation():
    def mlp(hidden):
        return nn.Sequential(
            nn.Linear(6, hidden, dtype=f64), nn.SiLU(), nn.Linear(hidden, 4, dtype=f64)
        )

    teacher = fill(mlp(12), 1.5).eval().requires_grad_(False)
    student = fill(mlp(3))
    optimizer = torch.optim.RMSprop(student.parameters(), lr=0.01, momentum=0.5)
    x = wave([16, 6])
    labels = torch.tensor([(i * 7) % 4 for i in range(16)])
    temperature = 3
    with torch.no_grad():
        soft = (teacher(x) / temperature).softmax(1)
    soft_losses, hard_losses = [], []
    for _ in range(10):
        optimizer.zero_grad()
        logits = student(x)
        told = (logits / temperature).log_softmax(1)
        soft_loss = F.kl_div(told, soft, reduction="batchmean") * temperature**2
        hard_loss = F.cross_entropy(logits, labels, label_smoothing=0.1)
        (0.7 * soft_loss + 0.3 * hard_loss).backward()
        optimizer.step()
        soft_losses.append(soft_loss.item())
        hard_losses.append(hard_loss.item())
    return {"softLosses": soft_losses, "hardLosses": hard_losses, "weight": student[0].weight}


def autoencoder():
    class Autoencoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Linear(12, 8)
            self.mean = nn.Linear(8, 2)
            self.log_variance = nn.Linear(8, 2)
            self.decoder = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 12))

        def forward(self, x, noise):
            h = self.encoder(x).relu()
            mean, log_variance = self.mean(h), self.log_variance(h)
            return self.decoder(mean + noise * (0.5 * log_variance).exp()), mean, log_variance

    model = fill(Autoencoder(), 0.3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    x = wave([10, 12], 1, 0.5, torch.float32) + 0.5
    reconstructions, divergences = [], []
    for step in range(8):
        optimizer.zero_grad()
        logits, mean, log_variance = model(x, wave([10, 2], 7 * step, 1.4, torch.float32))
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        ((reconstruction + divergence) / len(x)).backward()
        optimizer.step()
        reconstructions.append(reconstruction.item())
        divergences.append(divergence.item())
    return {
        "reconstructions": reconstructions,
        "divergences": divergences,
        "weight": model.mean.weight,
    }


def language_model():
    class LanguageModel(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(10, 6, dtype=f64)
            self.lstm = nn.LSTM(6, 7, num_layers=2, batch_first=True, dtype=f64)
            self.head = nn.Linear(7, 10, dtype=f64)

        def forward(self, index, state=None):
            outputs, following = self.lstm(self.embedding(index), state)
            return self.head(outputs), following

    model = fill(LanguageModel())
    optimizer = torch.optim.SGD(model.parameters(), lr=1)
    text = (torch.arange(42).square() % 10).reshape(2, 21)
    losses, norms = [], []
    for _ in range(2):
        state = None
        for start in range(0, text.shape[1] - 5, 5):
            optimizer.zero_grad()
            inputs, targets = text[:, start : start + 5], text[:, start + 1 : start + 6]
            logits, following = model(inputs, state)
            loss = F.cross_entropy(logits.transpose(1, 2), targets)
            loss.backward()
            norms.append(nn.utils.clip_grad_norm_(model.parameters(), 0.25).item())
            optimizer.step()
            state = tuple(one.detach() for one in following)
            losses.append(loss.item())
    return {
        "losses": losses,
        "norms": norms,
        "perplexity": math.exp(losses[-1]),
        "recurrent": model.lstm.weight_hh_l1[0],
    }


def denoiser():
    class Denoiser(nn.Module):
        def __init__(self):
            super().__init__()
            self.noise = nn.Sequential(
                nn.Conv2d(1, 4, 3, padding=1, stride=2, bias=False, dtype=f64),
                nn.BatchNorm2d(4, dtype=f64),
                nn.ReLU(),
                nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect", groups=2, dtype=f64),
                nn.ELU(),
                nn.ConvTranspose2d(4, 1, 4, padding=1, stride=2, dtype=f64),
            )

        def forward(self, x):
            return x - self.noise(x)

    model = fill(Denoiser(), 0.3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    clean = wave([2, 1, 8, 8]).cumsum(-1) * 0.3
    noisy = clean + wave([2, 1, 8, 8], 40, 0.2)
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = F.huber_loss(model(noisy), clean, delta=0.1)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        restored = model(noisy)
    state = model.state_dict()
    return {
        "losses": losses,
        "signalToNoise": -10 * math.log10((restored - clean).square().mean().item()),
        "runningMean": state["noise.1.running_mean"],
        "runningVar": state["noise.1.running_var"],
        "row": restored[1, 0, 3],
    }


def support_vectors():
    x = wave([40, 2], 0, 2)
    y = torch.where(x[:, 0] + x[:, 1] >= 0.3, 1, -1).to(f64)
    model = fill(nn.Linear(2, 1, dtype=f64), 0.1)
    optimizer = torch.optim.SGD(
        [{"params": model.weight, "weight_decay": 0.02}, {"params": model.bias, "lr": 0.2}], lr=0.1
    )
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = (1 - y * model(x).squeeze(1)).clamp(min=0).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        margins = y * model(x).squeeze(1)
    return {
        "losses": losses,
        "supportVectors": (margins < 1).sum(),
        "accuracy": (margins > 0).to(f64).mean(),
        "weight": model.weight,
        "bias": model.bias,
    }


def k_means():
    count = 4
    blobs = torch.tensor([[0, 0], [3, 1], [-2, 4], [1, -3]], dtype=f64)
    points = blobs.repeat_interleave(10, 0) + wave([40, 2], 0, 0.9)
    centers = (points[::10] + 0.7)[[1, 0, 3, 2]]
    owner = torch.zeros(40, dtype=torch.int64)
    inertias = []
    for step in range(20):
        distances, indices = torch.cdist(points, centers).min(1)
        inertias.append(distances.square().sum().item())
        moved = (indices != owner).sum().item()
        owner = indices
        if step > 0 and moved == 0:
            break
        sizes = torch.zeros(count, dtype=f64).index_add_(0, owner, torch.ones(40, dtype=f64))
        sums = torch.zeros_like(centers).index_add_(0, owner, points)
        centers = sums / sizes.clamp(min=1).unsqueeze(1)
    return {
        "inertias": inertias,
        "centers": centers,
        "owner": owner,
        "sizes": owner.bincount(minlength=count),
    }


def early_stopping():
    model = fill(
        nn.Sequential(nn.Linear(3, 10, dtype=f64), nn.Tanh(), nn.Linear(10, 1, dtype=f64))
    )
    x, y = wave([8, 3], 0), wave([8, 1], 3, 0.8)
    held, held_y = wave([6, 3], 0.4), wave([6, 1], 3.5, 0.8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.4, momentum=0.5)
    schedules = torch.optim.lr_scheduler
    schedule = schedules.SequentialLR(
        optimizer,
        [
            schedules.LinearLR(optimizer, start_factor=0.1, total_iters=4),
            schedules.CosineAnnealingLR(optimizer, 40, eta_min=0.01),
        ],
        [4],
    )
    rates, held_losses = [], []
    best, best_state, patience = math.inf, copy.deepcopy(model.state_dict()), 5
    for _ in range(50):
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        rates.append(schedule.get_last_lr()[0])
        schedule.step()
        with torch.no_grad():
            loss = F.mse_loss(model(held), held_y).item()
        held_losses.append(loss)
        patience = 5 if loss < best else patience - 1
        if loss < best:
            best, best_state = loss, copy.deepcopy(model.state_dict())
        if patience == 0:
            break
    model.load_state_dict(best_state)
    return {
        "rates": rates,
        "heldLosses": held_losses,
        "epochs": len(held_losses),
        "best": best,
        "restored": F.mse_loss(model(held), held_y),
        "bias": model[0].bias,
    }


def traced_step():
    # Eager: compiling may not change numbers.
    model = fill(
        nn.Sequential(
            nn.Linear(4, 8, dtype=f64), nn.LayerNorm(8, dtype=f64), nn.GELU(), nn.Linear(8, 2, dtype=f64)
        )
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, amsgrad=True)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5, gamma=0.3)
    losses = []
    for batch in range(15):
        x, y = wave([6, 4], batch % 3), wave([6, 2], batch % 3)
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        schedule.step()
    weight = model[0].weight
    return {
        "eagerLosses": losses,
        "tracedLosses": losses,
        "eagerWeight": weight,
        "tracedWeight": weight,
    }


def tree_network():
    class TreeNetwork(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(6, 4, dtype=f64)
            self.compose = nn.Linear(8, 4, dtype=f64)
            self.classify = nn.Linear(4, 3, dtype=f64)

        def encode(self, tree):
            if isinstance(tree, int):
                return self.words(torch.tensor(tree))
            left, right = tree
            return self.compose(torch.cat([self.encode(left), self.encode(right)])).tanh()

        def forward(self, trees):
            return self.classify(torch.stack([self.encode(tree) for tree in trees]))

    trees = [3, (0, 1), ((0, 2), 5), (4, ((1, 1), (3, 0))), ((((5, 4), 3), 2), 1)]
    model = fill(TreeNetwork())
    labels = torch.tensor([0, 1, 2, 1, 0])
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(trees), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "logits": model(trees), "compose": model.compose.weight}


def hooks():
    model = fill(
        nn.Sequential(
            nn.Conv2d(2, 3, 3, padding="same", dtype=f64),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(3, 4, dtype=f64),
        )
    )
    kept = []

    def keep(module, inputs, output):
        output.retain_grad()
        kept.append(output)

    handle = model[1].register_forward_hook(keep)
    scores = model(wave([1, 2, 5, 5]))
    handle.remove()
    scores[0, 2].backward()
    weights = kept[0].grad.mean((2, 3), keepdim=True)
    return {
        "scores": scores,
        "weights": weights,
        "map": (kept[0].detach() * weights).sum(1).relu(),
    }


programs = [
    custom_layer, linear_regression, logistic_regression, gan_step, hypergradient, maml,
    conjugate_gradient, per_sample_gradients, jacobian, beam_search, ctc, transformer_block,
    physics_informed, gradient_accumulation, straight_through, tied_embeddings, distillation,
    autoencoder, language_model, denoiser, support_vectors, k_means, early_stopping, traced_step,
    tree_network, hooks,
]  # fmt: skip


def plain(value):
    return value.detach().flatten().tolist() if isinstance(value, torch.Tensor) and value.dim() else (
        value.item() if isinstance(value, torch.Tensor) else value
    )


def main():
    fixture = {
        program.__name__.replace("_", "-"): {name: plain(value) for name, value in program().items()}
        for program in programs
    }
    target = Path(__file__).parent.parent / "packages/testing/fixtures/pytorch-examples.json"
    text = json.dumps({"torch": torch.__version__, "programs": fixture}, separators=(",", ":"))
    target.write_text(text.replace('},"', '},\n"') + "\n")
    print(f"{target}: {len(text) / 1024:.0f} kB")


if __name__ == "__main__":
    main()
