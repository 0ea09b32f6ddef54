"""PyTorch eager as a contestant: the cases of cases.ts. Reads them from stdin, answers on stdout.
Usage: torch_peer.py <threads>"""
import json
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(1)


def gemm(m, k, n, form):
    a = torch.randn(m, k) if form[0] == "N" else torch.randn(k, m).t()
    b = torch.randn(k, n) if form[1] == "N" else torch.randn(n, k).t()
    return lambda: a @ b


def conv(channels, features, size, window, stride, padding, direction):
    x = torch.randn(32, channels, size, size)
    weight = torch.randn(features, channels, window, window)
    if direction == "forward":
        return lambda: F.conv2d(x, weight, None, stride, padding)
    grad = torch.ones_like(F.conv2d(x, weight, None, stride, padding))
    mask = [direction == "input", direction == "weight", False]
    return lambda: torch.ops.aten.convolution_backward(
        grad, x, weight, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, mask
    )


def rows(name, count, columns):
    x = torch.randn(count, columns)
    weight, bias = torch.randn(columns), torch.randn(columns)
    targets = torch.randint(0, columns, (count,))
    return {
        "copy": lambda: x.clone(),
        "gelu": lambda: F.gelu(x * weight + bias),
        "softmax": lambda: F.softmax(x, 1),
        "layernorm": lambda: F.layer_norm(x, (columns,), weight, bias),
        "crossentropy": lambda: F.cross_entropy(x, targets),
    }[name]


def op(name):
    a, b = torch.ones(16), torch.ones(16)
    w = torch.ones(16, requires_grad=True)
    seed = torch.ones(16)
    if name == "add":
        return lambda: a.add(b)
    if name == "mul":
        return lambda: a.mul(2)

    def both():
        w.mul(b).backward(seed)
        w.grad = None

    return both


class BasicBlock(nn.Module):
    def __init__(self, channels, features, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, features, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(features)
        self.conv2 = nn.Conv2d(features, features, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(features)
        self.downsample = None
        if stride != 1 or channels != features:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, features, 1, stride, bias=False), nn.BatchNorm2d(features)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


def resnet():
    stages = []
    for i, features in enumerate([64, 128, 256, 512]):
        stages.append(BasicBlock(64 if i == 0 else features // 2, features, 1 if i == 0 else 2))
        stages.append(BasicBlock(features, features, 1))
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), *stages,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10),
    )


LAYERS, WIDTH, HEADS, TIME, VOCABULARY, BATCH = 4, 256, 4, 128, 512, 8


class GptBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.projection = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        b, t, w = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(b, t, 3, HEADS, w // HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        y = x + self.projection(mixed.transpose(1, 2).reshape(b, t, w))
        return y + self.down(F.gelu(self.up(self.norm2(y))))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(TIME, WIDTH)
        self.blocks = nn.Sequential(*[GptBlock() for _ in range(LAYERS)])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, ids):
        return self.head(self.norm(self.blocks(self.tokens(ids) + self.positions(torch.arange(TIME)))))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(256, 256, 2)
        self.head = nn.Linear(256, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][-1])


def chain(*sizes):
    layers = []
    for i in range(len(sizes) - 1):
        layers += [nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def train(name):
    words = name.split()
    sgd = lambda m: torch.optim.SGD(m.parameters(), lr=0.01, momentum=0.9)
    if name == "mlp tiny":
        model = chain(2, 16, 16, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        x, y = torch.randn(32, 2), torch.randint(0, 2, (32,))
    elif words[0] == "mlp":
        model = chain(784, 512, 256, 10)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3) if words[2] == "adam" else sgd(model)
        x, y = torch.randn(int(words[1]), 784), torch.randint(0, 10, (int(words[1]),))
    elif name == "cnn":
        model = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(64 * 12 * 12, 128), nn.ReLU(), nn.Linear(128, 10),
        )
        optimizer = sgd(model)
        x, y = torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,))
    elif name == "resnet18":
        model = resnet()
        optimizer = sgd(model)
        x, y = torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,))
    elif name == "gpt":
        model = Gpt()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=1e-2)
        x = torch.randint(0, VOCABULARY, (BATCH, TIME))
        y = torch.randint(0, VOCABULARY, (BATCH * TIME,))
    else:
        model = Recurrent()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        x, y = torch.randn(64, 32, 256), torch.randint(0, 10, (32,))
    outputs = VOCABULARY if name == "gpt" else None

    def step():
        optimizer.zero_grad()
        out = model(x)
        loss = F.cross_entropy(out if outputs is None else out.reshape(-1, outputs), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def prepare(line):
    words = line.split()
    if words[0] == "gemm":
        return gemm(*map(int, words[1:4]), words[4])
    if words[0] == "conv":
        return conv(*map(int, words[1:7]), words[7])
    if words[0] == "rows":
        return rows(words[1], int(words[2]), int(words[3]))
    if words[0] == "op":
        return op(words[1])
    return train(" ".join(words[1:]))


def burst(step, milliseconds):
    steps, group = 0, 1
    start = time.perf_counter_ns()
    while True:
        for _ in range(group):
            step()
        steps += group
        elapsed = time.perf_counter_ns() - start
        if elapsed >= milliseconds * 1e6:
            return elapsed / steps
        group = 1 if elapsed / steps > 1e6 else min(group * 2, 1024)


current, step = None, None
print("ready", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["name"] != current:
        current = request["name"]
        step = prepare(current)
        if not current.startswith(("op", "train")):
            inner = step

            def step(inner=inner):
                with torch.no_grad():
                    inner()

    nanoseconds = burst(step, request["milliseconds"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"nanoseconds": nanoseconds, "peak": peak}), flush=True)
