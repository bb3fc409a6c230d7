"""Exports a small transformer and a small squeeze-and-excitation network by both exporters of PyTorch.

    python crates/netfold/tests/goldens/exported.py

Weights are drawn from a seed; everything is in double precision. For each network: NAME.torchscript.onnx and
NAME.dynamo.onnx, an input NAME.x.npy, its logits NAME.y.npy, and their Jacobian NAME.jacobian.npy (logits × input
elements). Constants that ONNX holds in single precision are exact there. Needs torch, onnx, onnxscript and numpy.
"""

import pathlib

import numpy
import onnx
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
CLASSES = 4
EPS = 2.0**-17


class Block(nn.Module):
    """Attention and a two-layer network, each behind a layer normalisation."""

    def __init__(self, width, heads):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width, EPS), nn.LayerNorm(width, EPS)])
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def attend(self, x):
        batch, places, width = x.shape
        split = self.qkv(x).reshape(batch, places, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        made = nn.functional.scaled_dot_product_attention(split[0], split[1], split[2])
        return self.out(made.transpose(1, 2).reshape(batch, places, width))

    def forward(self, x):
        x = x + self.attend(self.norms[0](x))
        return x + self.narrow(nn.functional.gelu(self.wide(self.norms[1](x))))


class Transformer(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.patches = nn.Conv2d(2, width, 4, stride=4)
        self.first, self.places = nn.Parameter(torch.randn(1, 1, width)), nn.Parameter(torch.randn(1, 5, width))
        self.blocks = nn.Sequential(Block(width, 2), Block(width, 2))
        self.norm, self.head = nn.LayerNorm(width, EPS), nn.Linear(width, CLASSES)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.head(self.norm(self.blocks(x))[:, 0])


def hard_sigmoid(x):
    return nn.functional.relu6(x + 3) / 6


class Excitation(nn.Module):
    def __init__(self, channels, gate):
        super().__init__()
        self.down, self.up, self.gate = nn.Conv2d(channels, 3, 1), nn.Conv2d(3, channels, 1), gate

    def forward(self, x):
        return x * self.gate(self.up(torch.relu(self.down(x.mean((2, 3), keepdim=True)))))


class SqueezeExcite(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6, EPS), nn.Hardswish(),
            nn.Conv2d(6, 6, 3, stride=2, padding=1, groups=6), nn.SiLU(), Excitation(6, nn.Sigmoid()),
            nn.Conv2d(6, 8, 1), nn.GroupNorm(2, 8, EPS), nn.ReLU(), Excitation(8, hard_sigmoid),
            nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))

    def forward(self, x):
        return self.layers(x)


def strip(path):
    """Leaves out what the exporter says of itself."""
    model = onnx.load(path)
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(model, path)


def main():
    for seed, (name, make) in enumerate([("transformer", Transformer), ("squeeze_excite", SqueezeExcite)]):
        torch.manual_seed(seed)
        model = make().double().eval()
        x = torch.randn(1, 2, 8, 8, dtype=torch.float64)
        names = {"input_names": ["x"], "output_names": ["y"]}
        path = lambda kind: str(HERE / f"{name}.{kind}")
        torch.onnx.export(model, (x,), path("torchscript.onnx"), opset_version=17, dynamo=False, **names)
        torch.onnx.export(model, (x,), path("dynamo.onnx"), dynamo=True, external_data=False, verbose=False, **names)
        strip(path("torchscript.onnx"))
        strip(path("dynamo.onnx"))
        with torch.no_grad():
            numpy.save(path("y.npy"), model(x).numpy())
        jacobian = torch.autograd.functional.jacobian(model, x)
        numpy.save(path("x.npy"), x.numpy())
        numpy.save(path("jacobian.npy"), jacobian.reshape(CLASSES, -1).numpy())


main()
