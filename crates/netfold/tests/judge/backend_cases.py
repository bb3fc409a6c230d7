"""Writes the ONNX package's own test cases of some operators as plain files.

    python backend_cases.py FOLDER OPERATOR...

Each case whose nodes are all among the operators becomes FOLDER/<case>/ with model.onnx, input_<i>.npy and
output_<i>.npy (float64, int64 or bool) and tolerance.txt. Needs the packages onnx and numpy.
"""

import os
import pathlib
import sys
import warnings

import numpy
import onnx
from onnx.backend.test.case.node import collect_testcases

# Relative to the largest expected value, by the narrowest float type of the case.
TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2}


def plain(array):
    """The array in one of the three types that a test reads, or None."""
    if isinstance(array, onnx.TensorProto):
        if array.data_type > onnx.TensorProto.BFLOAT16:
            return None
        array = onnx.numpy_helper.to_array(array)
    if not isinstance(array, (numpy.ndarray, numpy.generic)):
        return None
    array = numpy.asarray(array, order="C")
    if array.dtype == bool:
        return array
    if array.dtype.kind in "iu":
        return array.astype(numpy.int64)
    if array.dtype.kind == "f" or array.dtype.name == "bfloat16":
        return array.astype(numpy.float64)
    return None


def write(folder, case, data):
    inputs, outputs = data
    arrays = {}
    for kind, values in (("input", inputs), ("output", outputs)):
        for i, value in enumerate(values):
            if value is None:
                continue
            array = plain(value)
            if array is None:
                return False
            arrays[f"{kind}_{i}.npy"] = array
    graph = case.model.graph
    types = [info.type.tensor_type.elem_type for info in [*graph.input, *graph.output]]
    names = [onnx.TensorProto.DataType.Name(number).lower() for number in types]
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    tolerance = max(TOLERANCE.get(name, 2e-6) for name in names)
    (folder / "tolerance.txt").write_text(f"{tolerance}\n")
    for name, array in arrays.items():
        numpy.save(folder / name, array)
    return True


def main():
    folder, operators = pathlib.Path(sys.argv[1]), set(sys.argv[2:])
    warnings.simplefilter("ignore")
    for case in collect_testcases(None):
        nodes = case.model.graph.node
        if not all(node.op_type in operators and node.domain in ("", "ai.onnx") for node in nodes):
            continue
        if not write(folder / case.name, case, case.data_sets[0]):
            print(f"not tensors of numbers: {case.name}")
    sys.stdout.flush()
    # Some versions of the package start threads while collecting that do not end by themselves.
    os._exit(0)


main()
