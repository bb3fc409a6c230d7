"""What PyTorch, Captum and zennit say of real networks through each lens, in double precision.

    python crates/netfold/tests/goldens/lenses.py [ZOO]

Writes `lenses.json`: of each map its sum, its norm and some of its values. Needs torch, onnx, captum and zennit. The
networks are in the folder ZOO (NETFOLD_ZOO, or ../shared/zoo from the checkout); their weights stay there.
"""

import json
import math
import os
import sys
import warnings
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from captum.attr import (
    Deconvolution,
    DeepLift,
    GuidedBackprop,
    InputXGradient,
    IntegratedGradients,
    LayerGradCam,
    Occlusion,
    Saliency,
)
from torch import nn
from zennit.attribution import Gradient
from zennit.composites import (
    EpsilonAlpha2Beta1,
    EpsilonGammaBox,
    EpsilonPlus,
    LayerMapComposite,
    SpecialFirstLayerMapComposite,
    layer_map_base,
)
from zennit.layer import Sum
from zennit.rules import AlphaBeta, Epsilon, Gamma, Norm, ZBox
from zennit.types import AvgPool, Linear

warnings.filterwarnings("ignore")
HERE = Path(__file__).parent
ROOT = HERE.parents[3]
sys.path.insert(0, str(ROOT / "bench"))
from graph import Graph

MODELS = {
    "cifar_captum_lenet": "00_cifar_test0_cat",
    "cifar_resnet2b": "00_cifar_test0_cat",
    "cifar_oval_deep": "00_cifar_test0_cat",
    "mnist_digit_recognizer": "00_mnist_0",
    "cifar_resnet20": "00_cifar_test0_cat",
}
# Numbers that the test gives to the lenses, too.
STEPS, SAMPLES, NOISE, SEED, WINDOW, BOX, EPSILON = 10, 3, 0.1, 7, 8, (-3.0, 3.0), 1e-2
VALUES = 12


class Modules(Graph):
    """The graph with a module for each layer that Captum and zennit have rules for."""

    def __init__(self, path, x):
        super().__init__(path, x, torch.float64)
        self.layers = nn.ModuleDict()
        for index, (op, a, inputs, _) in enumerate(self.steps):
            layer = self.layer(op, a, [getattr(self, self.names[i]) if i in self.names else None for i in inputs])
            if layer is not None:
                self.layers[str(index)] = layer

    @staticmethod
    def layer(op, a, x):
        if op == "Relu":
            return nn.ReLU()
        if op == "MaxPool":
            pads = a.get("pads", [0, 0, 0, 0])
            return nn.MaxPool2d(a["kernel_shape"], a["strides"], pads[:2])
        if op == "AveragePool":
            assert not any(a.get("pads", [])), "no padding"
            return nn.AvgPool2d(a["kernel_shape"], a["strides"])
        if op == "Add" and x == [None, None]:
            return Sum()
        if op == "Conv":
            out, ins, *kernel = x[1].shape
            pads, groups = a.get("pads", [0, 0, 0, 0]), a.get("group", 1)
            assert pads[:2] == pads[2:], "pads of one size"
            layer = nn.Conv2d(
                ins * groups, out, kernel, a.get("strides", 1), pads[:2], groups=groups, bias=len(x) > 2
            )
        elif op == "Gemm" and a.get("transB", 0):
            layer = nn.Linear(x[1].shape[1], x[1].shape[0])
        else:
            return None
        layer = layer.double()
        layer.weight.data = x[1].clone()
        if len(x) > 2:
            layer.bias.data = x[2].clone()
        return layer

    def forward(self, x):
        values = {self.input: x}
        for index, (op, a, inputs, output) in enumerate(self.steps):
            read = [values[i] if i in values else getattr(self, self.names[i]) if i in self.names else self.constants.get(i) for i in inputs]
            if str(index) in self.layers:
                layer = self.layers[str(index)]
                read = torch.stack(read, -1) if isinstance(layer, Sum) else read[0]
                values[output] = layer(read)
            elif op == "Reshape":
                # Captum runs several inputs at once, the file's shape is for one.
                values[output] = read[0].flatten(1)
            else:
                values[output] = self.run(op, a, read)
        return values[self.output]

    def last_map(self):
        """The module that makes the last feature map: the last convolution, or what follows it at its size."""
        order = list(self.layers.values())
        last = max(i for i, layer in enumerate(order) if isinstance(layer, nn.Conv2d))
        while last + 1 < len(order) and isinstance(order[last + 1], (nn.ReLU, Sum)):
            last += 1
        return order[last]


    def is_averaged(self):
        return any(isinstance(layer, nn.AvgPool2d) for layer in self.layers.values())


class Wyrand:
    """The generator of the crate fastrand, and normal numbers by Box and Muller."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x2D358DCCAA6C78A5) & mask
        product = self.state * (self.state ^ 0x8BB84B93962EACC9)
        return ((product ^ (product >> 64)) & mask) >> 12

    def normal(self):
        u, v = (self.uniform() / 2**52 for _ in range(2))
        return math.sqrt(-2 * math.log(1 - u)) * math.cos(2 * math.pi * v)


def gradient(model, x, target):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model(x)[0, target], x)[0]


def spread(cells, height, width):
    """Each cell over the pixels nearest to it, evenly."""
    h, w = cells.shape
    rows, columns = (numpy.arange(height) * h // height, numpy.arange(width) * w // width)
    counts = numpy.bincount(rows)[rows][:, None] * numpy.bincount(columns)[columns][None, :]
    return cells[rows][:, columns] / torch.from_numpy(counts)


def cams(model, x, target):
    kept = []
    hook = model.last_map().register_forward_hook(lambda _, __, y: kept.append(y))
    logit = model(x.clone().requires_grad_())[0, target]
    hook.remove()
    h = kept[0]
    g = torch.autograd.grad(logit, h)[0]
    below = 2 * g**2 + g**3 * h.sum((2, 3), keepdim=True)
    alpha = torch.where(below == 0, torch.zeros_like(g), g**2 / torch.where(below == 0, torch.ones_like(g), below))
    weights = (alpha * g.clamp(min=0)).sum((2, 3), keepdim=True)
    maps = {"hirescam": (g * h).sum(1), "grad-cam++": (weights * h).sum(1).clamp(min=0)}
    return {name: spread(m[0].detach(), *x.shape[2:]) for name, m in maps.items()}


def soft_gate(model, x, target):
    class Gate(torch.autograd.Function):
        @staticmethod
        def forward(context, z):
            context.save_for_backward(z)
            return z.clamp(min=0)

        @staticmethod
        def backward(context, g):
            (z,) = context.saved_tensors
            return g / (1 + torch.exp(-z))

    def pool(layer, z):
        hard = layer(z)
        windows = F.unfold(z, layer.kernel_size, padding=layer.padding, stride=layer.stride)
        windows = windows.view(*z.shape[:2], -1, *hard.shape[2:])
        soft = (windows * torch.softmax(windows, 2)).sum(2)
        return hard.detach() + soft - soft.detach()

    layers = model.layers
    kept = dict(layers.items())
    for name, layer in kept.items():
        if isinstance(layer, nn.ReLU):
            layers[name] = Call(Gate.apply)
        elif isinstance(layer, nn.MaxPool2d):
            layers[name] = Call(lambda z, layer=layer: pool(layer, z))
    result = gradient(model, x, target)
    for name, layer in kept.items():
        layers[name] = layer
    return result


class Call(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


def smooth(model, x, target):
    random, sigma = Wyrand(SEED), NOISE * float(x.max() - x.min())
    total = torch.zeros_like(x)
    for _ in range(SAMPLES):
        noise = torch.tensor([random.normal() for _ in range(x.numel())], dtype=x.dtype).reshape(x.shape)
        total += gradient(model, x + sigma * noise, target)
    return total / SAMPLES


def full_gradient(model, x, target):
    """Input and biases of convolutions in their places; what dense layers give is the rest."""
    shapes, hooks = {}, []

    def keep(layer, _, y):
        y.retain_grad()
        shapes[layer] = y

    for layer in model.layers.values():
        if isinstance(layer, nn.Conv2d):
            hooks.append(layer.register_forward_hook(keep))
    x = x.clone().requires_grad_()
    model(x)[0, target].backward()
    for hook in hooks:
        hook.remove()
    total = (x.grad * x).sum(1)[0].detach()
    for layer, y in shapes.items():
        share = (y.grad * layer.bias[:, None, None]).sum(1)[0].detach()
        total += spread(share, *x.shape[2:])
    return total


def rescale(model, x, zero, target):
    """DeepLIFT's multipliers layer by layer. At max pools Captum 0.9 gives shares to other elements than the winners, and
    what it gives does not add up to f(x) - f(0); without pools it is compared with Captum itself."""
    layers, pairs = [], [(x, zero)]
    for index, (op, *_) in enumerate(model.steps):
        layer = model.layers[str(index)] if str(index) in model.layers else nn.Flatten()
        layers.append(layer)
        pairs.append(tuple(layer(side) for side in pairs[-1]))
    g = F.one_hot(torch.tensor([target]), pairs[-1][0].shape[1]).double()
    for layer, (a, b), (ya, yb) in zip(layers[::-1], pairs[-2::-1], pairs[::-1]):
        d = a - b
        small = d.abs() < 1e-10
        apart = torch.where(small, torch.ones_like(d), d)
        if isinstance(layer, nn.ReLU):
            g = torch.where(small, g * (a > 0), g * (ya - yb) / apart)
        elif isinstance(layer, nn.MaxPool2d):
            most = torch.max(ya, yb)
            here, there = (
                F.max_pool2d(side, layer.kernel_size, layer.stride, layer.padding, return_indices=True)[1].flatten(2)
                for side in (a, b)
            )
            # Of several that are the largest at the reference, the winner at x counts.
            there = torch.where(b.flatten(2).gather(2, here) == yb.flatten(2), here, there)

            def given(indices, shares):
                return torch.zeros_like(a).flatten(2).scatter_add(2, indices, shares.flatten(2)).view(a.shape)

            shares = given(here, g * (most - yb)) + given(there, g * (ya - most))
            g = torch.where(small, given(here, g), shares / apart)
        else:
            a = a.detach().requires_grad_()
            g = torch.autograd.grad(layer(a), a, g)[0]
    return (g * (x - zero)).detach()


def relevance(model, x, target, composite):
    with Gradient(model, composite) as attributor:
        output, values = attributor(x.clone(), lambda y: F.one_hot(torch.tensor([target]), y.shape[1]) * y)
    return values.detach()


def rule(rule_of_linear, first=None):
    layers = layer_map_base() + [(Linear, rule_of_linear)]
    if first is None:
        return LayerMapComposite(layers)
    return SpecialFirstLayerMapComposite(layers, [(Linear, first)])


def unstabilised():
    def divisor(z):
        return torch.where(z == 0, torch.full_like(z, math.inf), z)

    sums = [(Sum, Norm(divisor)), (AvgPool, Norm(divisor))]
    return LayerMapComposite(sums + layer_map_base() + [(Linear, Epsilon(divisor))])


def lenses(model, x, target):
    zero = torch.zeros_like(x)
    box = dict(low=torch.full_like(x, BOX[0]), high=torch.full_like(x, BOX[1]))
    yield "gradient", "captum", Saliency(model).attribute(x.clone().requires_grad_(), target, abs=False)
    yield "gradient-x-input", "captum", InputXGradient(model).attribute(x.clone().requires_grad_(), target)
    yield "deconvnet", "captum", Deconvolution(model).attribute(x.clone().requires_grad_(), target)
    yield "guided", "captum", GuidedBackprop(model).attribute(x.clone().requires_grad_(), target)
    cam = LayerGradCam(model, model.last_map()).attribute(x.clone(), target, relu_attributions=True)
    yield "grad-cam", "captum", spread(cam[0, 0].detach(), *x.shape[2:])
    if model.is_averaged():
        # What leads from each channel to the logit is one weight: Grad-CAM before its rectifier is CAM.
        cam = LayerGradCam(model, model.last_map()).attribute(x.clone(), target)
        yield "cam", "captum", spread(cam[0, 0].detach(), *x.shape[2:])
    for name, values in cams(model, x, target).items():
        yield name, "formula", values
    yield "smoothgrad", "formula", smooth(model, x, target)
    yield "integrated-gradients", "captum", IntegratedGradients(model).attribute(
        x.clone(), zero, target, n_steps=STEPS, method="riemann_middle"
    )
    step = -(-WINDOW // 2)
    windows = dict(sliding_window_shapes=(x.shape[1], WINDOW, WINDOW), strides=(x.shape[1], step, step))
    yield "occlusion", "captum", Occlusion(model).attribute(x.clone(), target=target, baselines=0, **windows)[:, 0]
    yield "fullgrad", "formula", full_gradient(model, x, target)
    if any(isinstance(layer, nn.MaxPool2d) for layer in model.layers.values()):
        values = rescale(model, x, zero, target)
        assert abs(float(values.sum() - (model(x) - model(zero))[0, target])) < 1e-10, "multipliers add up"
        yield "deeplift", "formula", values
    else:
        yield "deeplift", "captum", DeepLift(model).attribute(x.clone(), zero, target)
    yield "soft-gate", "formula", soft_gate(model, x, target)
    yield "lrp-0", "zennit", relevance(model, x, target, unstabilised())
    yield "lrp-epsilon", "zennit", relevance(model, x, target, rule(Epsilon(EPSILON)))
    yield "lrp-gamma", "zennit", relevance(model, x, target, rule(Gamma()))
    yield "lrp-alpha-beta", "zennit", relevance(model, x, target, rule(AlphaBeta()))
    yield "lrp-z-box", "zennit", relevance(model, x, target, rule(Epsilon(EPSILON), ZBox(**box)))
    yield "epsilon-plus", "zennit", relevance(model, x, target, EpsilonPlus(epsilon=EPSILON))
    yield "epsilon-gamma-box", "zennit", relevance(model, x, target, EpsilonGammaBox(epsilon=EPSILON, **box))
    yield "epsilon-alpha2-beta1", "zennit", relevance(model, x, target, EpsilonAlpha2Beta1(epsilon=EPSILON))


def main():
    zoo = ROOT / (sys.argv[1] if len(sys.argv) > 1 else os.environ.get("NETFOLD_ZOO", "../shared/zoo"))
    goldens = {}
    for name, sample in MODELS.items():
        x = torch.from_numpy(numpy.load(zoo / name / f"{sample}.npy")).double()
        model = Modules(str(zoo / name / "model.onnx"), x).eval()
        logits = model(x)[0].detach()
        expected = numpy.load(zoo / name / f"{sample}.expected_output.npy").reshape(-1)
        assert numpy.abs(logits.numpy() - expected).max() < 1e-3 * numpy.abs(expected).max(), "onnxruntime's logits"
        target = int(logits.argmax())
        maps = {}
        for lens, peer, values in lenses(model, x, target):
            flat = values.detach().reshape(-1)
            at = [k * len(flat) // VALUES + k for k in range(VALUES)]
            maps[lens] = {
                "peer": peer,
                "len": len(flat),
                "sum": float(flat.sum()),
                "norm": float(flat.norm()),
                "values": {str(i): float(flat[i]) for i in at},
            }
            print(f"{name:28} {lens:22} {peer:8} {float(flat.sum()):12.6f}")
        goldens[name] = {"sample": sample, "class": target, "logit": float(logits[target]), "lenses": maps}
    (HERE / "lenses.json").write_text(json.dumps(goldens, indent=1) + "\n")


main()
