"""Prints what the specification says of operators, in each operator set, as the package onnx holds it.

    python schemas.py TYPES OPERATOR...

TYPES are the element types that are told, with commas between; other ones are left out. The first line is the newest
operator set; then one line for each operator and each set that has it:

    OPERATOR SET attributes NAME:KIND[!] … inputs PLACE:TYPE,TYPE … [any] least NUMBER outputs NUMBER

`!` marks an attribute that has to be there. PLACE is that of the first input with the same type. `any` stands after the
last input where there can be any number like it. Attributes and types are in alphabetic order.
"""

import sys

from onnx import defs

MANY = 2**31 - 1


def line(name, number, schema, known):
    attributes = sorted(
        f"{key}:{value.type.name.lower()}{'!' if value.required else ''}" for key, value in schema.attributes.items()
    )
    inputs, letters = [], [formal.type_str for formal in schema.inputs]
    for formal in schema.inputs:
        types = (text.removeprefix("tensor(").removesuffix(")") for text in formal.types if text.startswith("tensor("))
        inputs.append(f"{letters.index(formal.type_str)}:{','.join(sorted(known.intersection(types)))}")
    inputs += ["any"] if schema.max_input == MANY else []
    outputs = "any" if schema.max_output == MANY else schema.max_output
    words = ["inputs", *inputs, "least", str(schema.min_input), "outputs", str(outputs)]
    return " ".join([name, str(number), "attributes", *attributes, *words])


def main():
    known, names = set(sys.argv[1].split(",")), sys.argv[2:]
    newest = defs.onnx_opset_version()
    print(newest)
    history = {}
    for schema in defs.get_all_schemas_with_history():
        if schema.domain == "":
            history.setdefault(schema.name, []).append(schema)
    for name in names:
        for number in range(1, newest + 1):
            own = [schema for schema in history.get(name, []) if schema.since_version <= number]
            newest_own = max(own, key=lambda schema: schema.since_version, default=None)
            if newest_own is not None and not newest_own.deprecated:
                print(line(name, number, newest_own, known))


main()
