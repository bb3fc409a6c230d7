"""An ONNX graph as a torch module: the same weights on both sides for certain."""

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper


# Defaults of ONNX are in single precision.
EPSILON = float(np.float32(1e-5))


class Graph(torch.nn.Module):
    """Runs the nodes of a graph up to `output`. Whatever does not depend on the input is computed once, at the start."""

    def __init__(self, path, x, dtype=torch.float32):
        super().__init__()
        model = onnx.load(path)
        graph = model.graph
        self.opset = next(s.version for s in model.opset_import if s.domain in ("", "ai.onnx"))
        values = {t.name: self.constant(numpy_helper.to_array(t), dtype) for t in graph.initializer}
        self.input = next(i.name for i in graph.input if i.name not in values)
        self.output = graph.output[0].name
        nodes = list(graph.node)
        # A last softmax or sigmoid is not part of the logits.
        while True:
            maker = next(n for n in nodes if self.output in n.output)
            if maker.op_type not in ("Softmax", "Identity"):
                break
            self.output = maker.input[0]
        self.steps, varies = [], {self.input}
        values[self.input] = x
        for node in nodes:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if varies & set(node.input):
                outputs = self.run(node.op_type, attributes, [values.get(i) for i in node.input])
                # A shape is a constant: the input's size is fixed.
                if node.op_type != "Shape":
                    varies.update(node.output)
                    self.steps.append((node.op_type, attributes, list(node.input), node.output[0]))
            else:
                outputs = self.run(node.op_type, attributes, [values.get(i) for i in node.input], dtype)
            values[node.output[0]] = outputs
            if node.output[0] == self.output:
                break
        self.constants = {n: v for n, v in values.items() if n not in varies}
        self.names = {}
        used = {i for step in self.steps for i in step[2] if i in self.constants}
        for index, name in enumerate(sorted(used)):
            if isinstance(self.constants[name], torch.Tensor) and self.constants[name].is_floating_point():
                self.register_buffer(f"c{index}", self.constants[name])
                self.names[name] = f"c{index}"
        self.layout = torch.contiguous_format

    def channels_last(self, on):
        self.layout = torch.channels_last if on else torch.contiguous_format
        for name in self.names.values():
            tensor = getattr(self, name)
            if tensor.dim() == 4:
                setattr(self, name, tensor.contiguous(memory_format=self.layout))

    @staticmethod
    def constant(array, dtype):
        tensor = torch.from_numpy(np.array(array))
        return tensor.to(dtype) if tensor.is_floating_point() else tensor

    def forward(self, x):
        if x.dim() == 4 and self.layout == torch.channels_last:
            x = x.contiguous(memory_format=self.layout)
        values = {self.input: x}

        def get(name):
            if name in values:
                return values[name]
            if name in self.names:
                return getattr(self, self.names[name])
            return self.constants.get(name)

        for op, attributes, inputs, output in self.steps:
            values[output] = self.run(op, attributes, [get(i) for i in inputs])
        return values[self.output]

    def run(self, op, a, x, dtype=None):
        if op == "Constant":
            return self.constant(numpy_helper.to_array(a["value"]), dtype)
        if op == "ConstantOfShape":
            value = numpy_helper.to_array(a["value"]) if "value" in a else np.zeros(1, np.float32)
            return self.constant(np.full(x[0].tolist(), value[0]), dtype)
        if op == "Conv":
            kernel = x[1].shape[2:]
            rank = len(kernel)
            strides, dilations = a.get("strides", [1] * rank), a.get("dilations", [1] * rank)
            z, pads = self.padded(x[0], a, kernel, strides, dilations, 0.0)
            convolve = (F.conv1d, F.conv2d)[rank - 1]
            return convolve(z, x[1], x[2] if len(x) > 2 else None, strides, pads, dilations, a.get("group", 1))
        if op == "MaxPool":
            kernel = a["kernel_shape"]
            strides = a.get("strides", [1] * len(kernel))
            z, pads = self.padded(x[0], a, kernel, strides, a.get("dilations", [1] * len(kernel)), float("-inf"))
            pool = (F.max_pool1d, F.max_pool2d)[len(kernel) - 1]
            return pool(z, kernel, strides, pads, ceil_mode=bool(a.get("ceil_mode", 0)))
        if op == "AveragePool":
            kernel = a["kernel_shape"]
            strides = a.get("strides", [1] * len(kernel))
            ceil, counted = bool(a.get("ceil_mode", 0)), bool(a.get("count_include_pad", 0))
            z, pads = self.padded(x[0], a, kernel, strides, [1] * len(kernel), 0.0)
            mean = F.avg_pool2d(z, kernel, strides, pads, ceil, counted)
            if z is x[0] or counted:
                return mean
            # Of the elements of a window those that the padding does not make up.
            inside, _ = self.padded(torch.ones_like(x[0]), a, kernel, strides, [1] * len(kernel), 0.0)
            return mean / F.avg_pool2d(inside, kernel, strides, pads, ceil)
        if op == "GlobalAveragePool":
            return x[0].mean(dim=tuple(range(2, x[0].dim())), keepdim=True)
        if op == "Gemm":
            left = x[0].t() if a.get("transA", 0) else x[0]
            right = x[1].t() if a.get("transB", 0) else x[1]
            alpha, beta = a.get("alpha", 1.0), a.get("beta", 1.0)
            if len(x) > 2 and alpha == 1 and beta == 1:
                return torch.addmm(x[2], left, right)
            y = alpha * (left @ right)
            return y + beta * x[2] if len(x) > 2 else y
        if op == "BatchNormalization":
            return F.batch_norm(x[0], x[3], x[4], x[1], x[2], False, 0.0, a.get("epsilon", EPSILON))
        if op == "Clip":
            low = a.get("min", x[1].item() if len(x) > 1 and x[1] is not None else None)
            high = a.get("max", x[2].item() if len(x) > 2 and x[2] is not None else None)
            return F.relu6(x[0]) if (low, high) == (0.0, 6.0) else torch.clamp(x[0], low, high)
        if op == "PRelu":
            slope = x[1]
            return torch.where(x[0] > 0, x[0], slope * x[0])
        if op in ("Reshape", "Flatten", "Squeeze", "Unsqueeze"):
            return self.reshape(op, a, x)
        if op == "Transpose":
            return x[0].permute(a.get("perm", list(range(x[0].dim()))[::-1]))
        if op == "Concat":
            return torch.cat(x, a["axis"])
        if op == "Pad":
            pads = a["pads"] if "pads" in a else x[1].tolist()
            rank = x[0].dim()
            flat = [n for axis in reversed(range(rank)) for n in (pads[axis], pads[rank + axis])]
            return F.pad(x[0], flat, a.get("mode", b"constant").decode(), float(x[2]) if len(x) > 2 and x[2] is not None else 0.0)
        if op == "Slice":
            starts, ends, axes, steps = self.slice(a, x)
            index = [slice(None)] * x[0].dim()
            for start, end, axis, step in zip(starts, ends, axes, steps):
                if step < 0:
                    return torch.flip(x[0], [axis])
                index[axis] = slice(start, min(end, 1 << 60), step)
            return x[0][tuple(index)]
        if op == "Gather":
            index = x[1]
            y = torch.index_select(x[0], a.get("axis", 0), index.reshape(-1))
            axis = a.get("axis", 0) % x[0].dim()
            return y.reshape([*x[0].shape[:axis], *index.shape, *x[0].shape[axis + 1 :]])
        if op == "Resize" and a.get("mode") == b"nearest" and a.get("coordinate_transformation_mode") == b"asymmetric":
            return F.interpolate(x[0], scale_factor=x[2].tolist()[2:], mode="nearest")
        if op == "Shape":
            return torch.tensor(x[0].shape)
        if op == "Cast":
            kinds = {1: dtype or torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 11: torch.float64}
            return x[0].to(kinds[a["to"]])
        simple = {
            "Relu": lambda: F.relu(x[0]),
            "LeakyRelu": lambda: F.leaky_relu(x[0], a.get("alpha", 0.01)),
            "HardSigmoid": lambda: torch.clamp(a.get("alpha", float(np.float32(0.2))) * x[0] + a.get("beta", 0.5), 0, 1),
            "Sigmoid": lambda: torch.sigmoid(x[0]),
            "Tanh": lambda: torch.tanh(x[0]),
            "Add": lambda: x[0] + x[1],
            "Sum": lambda: sum(x),
            "LRN": lambda: F.local_response_norm(x[0], a["size"], a.get("alpha", 1e-4), a.get("beta", 0.75), a.get("bias", 1.0)),
            "Sub": lambda: x[0] - x[1],
            "Mul": lambda: x[0] * x[1],
            "Div": lambda: x[0] / x[1] if x[0].is_floating_point() else x[0] // x[1],
            "MatMul": lambda: x[0] @ x[1],
            "Dropout": lambda: x[0],
            "Identity": lambda: x[0],
            "Exp": lambda: torch.exp(x[0]),
            "Softmax": lambda: torch.softmax(x[0], a.get("axis", -1)),
        }
        return simple[op]()

    @staticmethod
    def padded(x, a, kernel, strides, dilations, fill):
        """The input padded where the two ends of an axis differ, and the pads that are left to the operator."""
        rank = len(kernel)
        auto = a.get("auto_pad", b"NOTSET").decode()
        if auto.startswith("SAME"):
            totals = [
                max((-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size, 0)
                for size, k, stride, dilation in zip(x.shape[2:], kernel, strides, dilations)
            ]
            begins = [t // 2 if auto == "SAME_UPPER" else -(-t // 2) for t in totals]
            ends = [t - b for t, b in zip(totals, begins)]
        else:
            pads = a.get("pads", [0] * (2 * rank))
            begins, ends = list(pads[:rank]), list(pads[rank:])
        if begins == ends:
            return x, begins
        flat = [n for axis in reversed(range(rank)) for n in (begins[axis], ends[axis])]
        return F.pad(x, flat, value=fill), [0] * rank

    @staticmethod
    def slice(a, x):
        if "starts" in a:
            starts, ends = a["starts"], a["ends"]
            return starts, ends, a.get("axes", range(len(starts))), [1] * len(starts)
        lists = [t.tolist() if t is not None else None for t in x[1:]] + [None] * (5 - len(x))
        starts, ends = lists[0], lists[1]
        return starts, ends, lists[2] or range(len(starts)), lists[3] or [1] * len(starts)

    def reshape(self, op, a, x):
        if op == "Reshape":
            shape = x[1].tolist()
            return x[0].reshape([x[0].shape[i] if n == 0 else n for i, n in enumerate(shape)])
        if op == "Flatten":
            axis = a.get("axis", 1)
            return x[0].reshape(int(np.prod(x[0].shape[:axis])), -1)
        axes = a["axes"] if "axes" in a else (x[1].tolist() if len(x) > 1 else None)
        if op == "Squeeze":
            return x[0].squeeze(tuple(axes)) if axes else x[0].squeeze()
        for axis in sorted(axes):
            x[0] = x[0].unsqueeze(axis)
        return x[0]
