"""Writes single nodes with random inputs and what onnxruntime gives for them, as backend_cases.py does.

    python runtime_cases.py FOLDER [WINDOWS]

For what the ONNX package has no case of: old operator sets, and windows of all kinds. Needs the packages onnx,
onnxruntime and numpy.
"""

import itertools
import pathlib
import random
import sys

import numpy
import onnx
import onnxruntime
from onnx import helper

RNG = numpy.random.default_rng(11)


def reals(*shape):
    return RNG.standard_normal(shape).astype(numpy.float32)


def ints(*values):
    return numpy.array(values, dtype=numpy.int64)


def number(value):
    return numpy.array(value, dtype=numpy.float32)


def judged(op, opset, inputs, outputs, attributes):
    names = [f"x{i}" if value is not None else "" for i, value in enumerate(inputs)]
    given = {name: value for name, value in zip(names, inputs) if name}
    # In training onnxruntime wants the running statistics as outputs.
    made = [f"y{i}" for i in range(3 if attributes.get("training_mode") else outputs)]
    node = helper.make_node(op, names, made, **attributes)
    kind = lambda value: helper.np_dtype_to_tensor_dtype(value.dtype)
    info = [helper.make_tensor_value_info(name, kind(value), value.shape) for name, value in given.items()]
    # The type of an output is what onnxruntime infers.
    graph = helper.make_graph([node], op, info, [onnx.ValueInfoProto(name=name) for name in made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results = session.run(None, given)
    del model.graph.node[0].output[outputs:], model.graph.output[outputs:]
    return model, results[:outputs]


def plain(array):
    kind = {"b": bool, "i": numpy.int64, "u": numpy.int64, "f": numpy.float64}[array.dtype.kind]
    return numpy.asarray(array, order="C").astype(kind)


def windows():
    """Pools over windows of all kinds; onnxruntime refuses some."""
    draw = random.Random(5)
    for n in range(int(sys.argv[2]) if len(sys.argv) > 2 else 160):
        rank = draw.choice([1, 2, 2, 2, 3])
        sizes = [draw.randint(4, 9) for _ in range(rank)]
        kernel = [draw.randint(1, 4) for _ in range(rank)]
        attributes = {"kernel_shape": kernel, "strides": [draw.randint(1, 3) for _ in range(rank)]}
        average = n % 2 == 0
        opset = draw.choice([7, 10, 11, 18, 19, 22] if average else [8, 10, 11, 12, 22])
        padding = draw.choice(["none", "pads", "pads", "SAME_UPPER", "SAME_LOWER", "VALID"])
        if padding == "pads":
            attributes["pads"] = [draw.randint(0, k - 1) for k in kernel + kernel]
        elif padding != "none":
            attributes["auto_pad"] = padding
        if opset >= 10 and not padding.startswith("SAME"):
            attributes["ceil_mode"] = draw.randint(0, 1)
        # With `auto_pad` onnxruntime leaves dilations out of the sizes, against the specification.
        if opset >= (19 if average else 10) and padding in ("none", "pads") and draw.random() < 0.4:
            attributes["dilations"] = [draw.randint(1, 2) for _ in range(rank)]
        if average:
            attributes["count_include_pad"] = draw.randint(0, 1)
        dilations = attributes.get("dilations", [1] * rank)
        if any((k - 1) * d >= size for size, k, d in zip(sizes, kernel, dilations)):
            continue
        # Strides that jump over the end, which some versions of the operator pad by less than nothing.
        if padding.startswith("SAME") and any(k < s for k, s in zip(kernel, attributes["strides"])):
            continue
        yield ("AveragePool" if average else "MaxPool", opset, [reals(2, 3, *sizes)], 1, attributes)


def convolutions():
    draw = random.Random(6)
    for _ in range(60):
        rank, groups = draw.choice([1, 2, 2]), draw.choice([1, 1, 2, 4])
        kernel = [draw.randint(1, 3) for _ in range(rank)]
        attributes = {"group": groups, "strides": [draw.randint(1, 3) for _ in range(rank)]}
        padding = draw.choice(["none", "pads", "pads", "SAME_UPPER", "SAME_LOWER", "VALID"])
        if padding == "pads":
            attributes["pads"] = [draw.randint(0, 3) for _ in range(2 * rank)]
        elif padding != "none":
            attributes["auto_pad"] = padding
        if not padding.startswith("SAME"):
            attributes["dilations"] = [draw.randint(1, 3) for _ in range(rank)]
        if draw.random() < 0.5:
            attributes["kernel_shape"] = kernel
        x = reals(draw.randint(1, 2), 4, *[draw.randint(7, 11) for _ in range(rank)])
        inputs = [x, reals(8, 4 // groups, *kernel)] + ([reals(8)] if draw.random() < 0.5 else [])
        yield ("Conv", draw.choice([7, 11, 22]), inputs, 1, attributes)
    for strides, pads in itertools.product(([1, 1, 1], [2, 1, 1]), ([0] * 6, [1, 2, 0, 0, 1, 0])):
        attributes = {"group": 2, "strides": strides, "pads": pads, "dilations": [1, 2, 1]}
        yield ("Conv", 11, [reals(2, 4, 5, 6, 3), reals(4, 2, 2, 2, 1), reals(4)], 1, attributes)


def transposed_convolutions():
    draw = random.Random(8)
    for _ in range(50):
        rank, groups = draw.choice([1, 2, 2]), draw.choice([1, 1, 2, 4])
        kernel, strides = [draw.randint(1, 3) for _ in range(rank)], [draw.randint(1, 3) for _ in range(rank)]
        sizes = [draw.randint(4, 7) for _ in range(rank)]
        attributes = {"group": groups, "strides": strides}
        padding = draw.choice(["none", "pads", "pads", "longer", "SAME_UPPER", "SAME_LOWER", "shape"])
        if padding in ("pads", "longer"):
            attributes["pads"] = [draw.randint(0, 2) for _ in range(2 * rank)]
        if padding == "longer":
            attributes["output_padding"] = [draw.randint(0, s - 1) for s in strides]
        if padding.startswith("SAME"):
            attributes["auto_pad"] = padding
            if any(k < s for k, s in zip(kernel, strides)):
                continue
        else:
            attributes["dilations"] = [draw.randint(1, 2) for _ in range(rank)]
        if padding == "shape":
            reach = [(k - 1) * d + 1 for k, d in zip(kernel, attributes["dilations"])]
            attributes["output_shape"] = [(n - 1) * s + r - draw.randint(0, 1) for n, s, r in zip(sizes, strides, reach)]
        inputs = [reals(2, 4, *sizes), reals(4, 6 // 2, *kernel)]
        inputs += [reals(3 * groups)] if draw.random() < 0.5 else []
        yield ("ConvTranspose", draw.choice([7, 11, 22]), inputs, 1, attributes)


def resizes():
    x = reals(1, 2, 5, 6)
    scales = lambda *values: numpy.array(values, dtype=numpy.float32)
    modes = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")
    # No scale puts a place on the very border of two: there the last bit decides.
    for mode, place, (h, w) in itertools.product(("nearest", "linear", "cubic"), modes, ((2.0, 1.5), (0.8, 0.5), (1.0, 2.0))):
        attributes = {"mode": mode, "coordinate_transformation_mode": place}
        yield ("Resize", 19, [x, None, scales(1, 1, h, w)], 1, attributes)
        if mode == "nearest":
            for rounded in ("floor", "ceil", "round_prefer_ceil"):
                yield ("Resize", 13, [x, None, scales(1, 1, h, w)], 1, attributes | {"nearest_mode": rounded})
    # Ties. With `floor` and `ceil` onnxruntime's rounding moves places that are whole numbers: 14 to 2 takes element 6, not 7.
    line, rounded = reals(1, 1, 1, 22), ("round_prefer_floor", "round_prefer_ceil")
    for place, prefer, (n, m) in itertools.product(modes + ("tf_half_pixel_for_nn",), rounded,
                                                   ((18, 21), (20, 6), (14, 9), (10, 14), (7, 19), (22, 13), (9, 21), (5, 5))):
        attributes = {"mode": "nearest", "coordinate_transformation_mode": place, "nearest_mode": prefer}
        opset, nothing = (11, scales()) if place.startswith("tf_") else (19, None)
        yield ("Resize", opset, [line[..., :n], nothing, nothing, ints(1, 1, 1, m)], 1, attributes)
    for rounding, (h, w) in itertools.product(("floor", "ceil") + rounded, ((2, 12), (10, 3), (4, 6))):
        attributes = {"mode": "nearest", "coordinate_transformation_mode": "tf_half_pixel_for_nn", "nearest_mode": rounding}
        yield ("Resize", 11, [x, scales(), scales(), ints(1, 2, h, w)], 1, attributes)
    for mode, (h, w) in itertools.product(("linear", "cubic"), ((9, 4), (2, 3), (7, 12))):
        yield ("Resize", 18, [x, None, None, ints(1, 2, h, w)], 1, {"mode": mode, "cubic_coeff_a": -0.5})
    yield ("Resize", 13, [x, None, None, ints(1, 2, 8, 4)], 1, {"mode": "cubic", "exclude_outside": 1})
    yield ("Resize", 10, [x, scales(1, 1, 2, 3)], 1, {"mode": "nearest"})
    yield ("Resize", 10, [x, scales(1, 1, 0.5, 0.5)], 1, {"mode": "linear"})
    for mode in ("nearest", "linear"):
        yield ("Upsample", 7, [x], 1, {"mode": mode, "scales": [1.0, 1.0, 2.0, 1.5]})
        yield ("Upsample", 9, [x, scales(1, 1, 2, 3)], 1, {"mode": mode})


def statistics():
    x = reals(2, 4, 3, 5)
    for size in (1, 2, 3, 4, 9):
        yield ("LRN", 13, [x], 1, {"size": size, "alpha": 0.3, "beta": 0.6, "bias": 1.5})
    yield ("InstanceNormalization", 6 + 1, [x, reals(4), reals(4)], 1, {"epsilon": 1e-3})
    for axis in (-1, 1, 2):
        yield ("LayerNormalization", 17, [x, reals(*x.shape[axis:]), reals(*x.shape[axis:])], 1, {"axis": axis})
    for p in (1, 2, 3):
        yield ("GlobalLpPool", 2, [x], 1, {"p": p})
    for p, axis in itertools.product((1, 2), (1, -1)):
        yield ("LpNormalization", 13, [x], 1, {"p": p, "axis": axis})


def equations():
    for equation, a, b in [("ij,jk->ik", (3, 4), (4, 5)), ("bij,bkj->bki", (2, 3, 4), (2, 5, 4)), ("ij,kl", (2, 3), (2, 4)),
                           ("bhwc,hkc->bhwk", (2, 3, 4, 5), (3, 6, 5)), ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)),
                           ("abc,cd->bd", (2, 3, 4), (4, 5)), ("ab,bcd->ad", (2, 3), (3, 4, 5)), ("i,i->", (4,), (4,))]:
        yield ("Einsum", 12, [reals(*a), reals(*b)], 1, {"equation": equation})
    for equation, a in [("ij->ji", (3, 4)), ("iij->j", (3, 3, 4)), ("abc->b", (2, 3, 4)), ("ii", (3, 3))]:
        yield ("Einsum", 12, [reals(*a)], 1, {"equation": equation})


def paddings():
    x = reals(2, 3, 5, 6)
    for mode in ("constant", "reflect", "edge"):
        yield ("Pad", 10, [x], 1, {"mode": mode, "pads": [0, 1, 2, 3, 1, 0, 3, 2]} | ({"value": 1.5} if mode == "constant" else {}))
        yield ("Pad", 13, [x, ints(0, 0, 2, 4, 0, 0, 4, 2)], 1, {"mode": mode})
        yield ("Pad", 18, [x, ints(1, 2, 4, 0), None, ints(-1, 2)], 1, {"mode": mode})
    yield ("Pad", 10, [x], 1, {"pads": [0, 0, -1, -2, 0, 1, -2, 3], "value": -2.0})
    yield ("Pad", 13, [x, ints(0, 0, -1, -2, 0, 1, -2, 3), number(0.75)], 1, {})
    yield ("Pad", 19, [x, ints(0, 0, 2, 7, 0, 0, 9, 1)], 1, {"mode": "wrap"})


def old_sets():
    x = reals(2, 3, 4, 5)
    yield ("Slice", 9, [x], 1, {"starts": [1, -4], "ends": [100, -1], "axes": [2, 3]})
    yield ("Slice", 9, [x], 1, {"starts": [1, 0], "ends": [2, -1]})
    yield ("Slice", 11, [x, ints(-1, 3), ints(-100, 0), ints(3, 2), ints(-2, -1)], 1, {})
    yield ("Clip", 10, [x], 1, {"min": -0.5})
    yield ("Clip", 10, [x], 1, {"min": -0.5, "max": 0.75})
    yield ("Clip", 12, [x, None, number(0.25)], 1, {})
    yield ("Split", 11, [x], 2, {"axis": 3, "split": [2, 3]})
    yield ("Split", 11, [x], 3, {"axis": 1})
    yield ("Split", 13, [x, ints(1, 0, 3)], 3, {"axis": -2})
    yield ("Split", 13, [reals(1, 720), ints(*[144] * 5)], 5, {"axis": 1})
    yield ("Split", 18, [x], 3, {"axis": 3, "num_outputs": 3})
    yield ("Squeeze", 11, [reals(1, 3, 1, 2)], 1, {"axes": [0]})
    yield ("Squeeze", 13, [reals(1, 3, 1, 2)], 1, {})
    yield ("Unsqueeze", 11, [x], 1, {"axes": [0, 5]})
    yield ("Dropout", 7, [x], 2, {"ratio": 0.5})
    yield ("Dropout", 10, [x], 2, {"ratio": 0.5})
    yield ("Dropout", 12, [x], 2, {})
    for opset in (7, 8, 9, 13, 14, 15):
        scales = [reals(3), reals(3), reals(3), abs(reals(3)) + 0.1]
        yield ("BatchNormalization", opset, [x, *scales], 1, {"epsilon": 1e-3})
        yield ("BatchNormalization", opset, [reals(4, 3), *scales], 1, {})
    for shape in ((2, 3, 4, 5), (1, 3, 8)):
        statistics = [reals(3), reals(3), reals(3), abs(reals(3))]
        yield ("BatchNormalization", 15, [reals(*shape), *statistics], 1, {"training_mode": 1, "epsilon": 1e-3})
    for opset, axis in itertools.product((11, 13), (0, 1, 2, -1)):
        yield ("Softmax", opset, [x], 1, {"axis": axis})
        yield ("LogSoftmax", opset, [x], 1, {"axis": axis})
    yield ("Softmax", 11, [x], 1, {})
    for op in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"):
        yield (op, 11, [x], 1, {"axes": [2, -1]})
        yield (op, 12, [x], 1, {"axes": [1], "keepdims": 0})
        yield (op, 12, [x], 1, {"keepdims": 0})
        yield (op, 18, [x, ints(-1, 0)], 1, {"keepdims": 0})
        yield (op, 18, [x], 1, {"noop_with_empty_axes": 1})
    yield ("ReduceSum", 13, [x, ints(-3)], 1, {})
    for mode in ("DCR", "CRD"):
        yield ("DepthToSpace", 11, [reals(2, 12, 2, 3)], 1, {"blocksize": 2, "mode": mode})
    yield ("SpaceToDepth", 13, [reals(2, 3, 4, 6)], 1, {"blocksize": 2})
    for op in ("Max", "Min", "Sum"):
        yield (op, 8, [x, reals(4, 1), reals(3, 1, 5)], 1, {})
        yield (op, 8, [x], 1, {})
    for op in ("Add", "Sub", "Mul", "Div"):
        yield (op, 7, [reals(3, 1), abs(reals(2, 1, 4)) + 0.5], 1, {})
    yield ("HardSigmoid", 6 + 1, [3 * x], 1, {"alpha": 0.3, "beta": 0.4})
    yield ("PRelu", 9, [x, reals(3, 1, 1)], 1, {})
    yield ("PRelu", 16, [x, reals(1)], 1, {})
    yield ("Shape", 15, [x], 1, {"start": -3, "end": -1})
    yield ("Gather", 13, [x, numpy.array([[0, -1], [1, 1]])], 1, {"axis": -2})
    yield ("Cast", 13, [4 * x], 1, {"to": 7})
    yield ("Range", 11, [number(0.5), number(3.1), number(0.5)], 1, {})
    yield ("Range", 11, [ints(9).reshape(()), ints(-2).reshape(()), ints(-3).reshape(())], 1, {})
    yield ("Tile", 13, [reals(2, 3), ints(2, 3)], 1, {})
    yield ("Expand", 8, [reals(3, 1), ints(2, 1, 4)], 1, {})
    yield ("Gelu", 20, [2 * x], 1, {})
    yield ("Gelu", 20, [2 * x], 1, {"approximate": "tanh"})
    yield ("Concat", 13, [reals(2, 1, 3), reals(2, 4, 3), reals(2, 2, 3)], 1, {"axis": -2})


def products():
    shapes = [((5,), (5,)), ((5,), (5, 3)), ((2, 5), (5,)), ((4, 2, 5), (5,)), ((5,), (4, 5, 3)), ((2, 5), (4, 5, 3)),
              ((4, 2, 5), (5, 3)), ((4, 2, 5), (4, 5, 3)), ((3, 1, 2, 5), (4, 5, 3)), ((1, 2, 5), (3, 4, 5, 2)),
              ((2, 5), (1, 1, 5, 3))]
    for a, b in shapes:
        yield ("MatMul", 13, [reals(*a), reals(*b)], 1, {})
    for turn_a, turn_b, c in itertools.product((0, 1), (0, 1), (None, (3,), (2, 1), (1, 1), (2, 3), ())):
        a, b = reals(*((5, 2) if turn_a else (2, 5))), reals(*((3, 5) if turn_b else (5, 3)))
        inputs = [a, b] + ([] if c is None else [reals(*c)])
        yield ("Gemm", 11, inputs, 1, {"transA": turn_a, "transB": turn_b, "alpha": 0.5, "beta": 1.5})


def main():
    folder = pathlib.Path(sys.argv[1])
    refused = (onnxruntime.capi.onnxruntime_pybind11_state.Fail, onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument,
               onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException,
               onnxruntime.capi.onnxruntime_pybind11_state.InvalidGraph, onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented)
    cases = itertools.chain(windows(), convolutions(), transposed_convolutions(), resizes(), statistics(), equations(), paddings(),
                            old_sets(), products())
    for n, (op, opset, inputs, outputs, attributes) in enumerate(cases):
        name = f"{op.lower()}_{opset}_{n:03}"
        try:
            model, results = judged(op, opset, inputs, outputs, attributes)
        except refused as error:
            print(f"onnxruntime refuses {name} {attributes}: {str(error).splitlines()[0][:160]}")
            continue
        case = folder / name
        case.mkdir(parents=True)
        (case / "model.onnx").write_bytes(model.SerializeToString())
        (case / "tolerance.txt").write_text("2e-6\n")
        for kind, arrays in (("input", [value for value in inputs if value is not None]), ("output", results)):
            for i, array in enumerate(arrays):
                numpy.save(case / f"{kind}_{i}.npy", plain(array))


main()
