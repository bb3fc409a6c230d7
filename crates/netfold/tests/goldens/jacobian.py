"""PyTorch's Jacobian, in double precision, of every network in this folder at its input."""

import sys
from pathlib import Path

import numpy
import torch

here = Path(__file__).parent
sys.path.insert(0, str(here.parents[3] / "bench"))
from graph import Graph

for model in sorted(here.glob("*.onnx")):
    x = torch.from_numpy(numpy.load(model.with_suffix(".x.npy")))
    graph = Graph(str(model), x, torch.float64)
    jacobian = torch.autograd.functional.jacobian(graph, x)
    numpy.save(model.with_suffix(".jacobian.npy"), jacobian.reshape(-1, x.numel()).numpy())
    print(model.name, tuple(jacobian.shape), float(jacobian.abs().max()))
