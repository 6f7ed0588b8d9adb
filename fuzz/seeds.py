"""Writes first inputs of a fuzz target: `seeds.py TARGET FOLDER`. What the corpus lacks is found by the fuzzer; this saves it the first steps.

decode: the shared vectors of tests/vectors, sound and broken, packed as the target unpacks them. json: a few objects.
"""

import json
import pathlib
import sys

ROW_BYTES = 40


def decode():
    vectors = json.loads((pathlib.Path(__file__).parent.parent / "tests/vectors/batches.json").read_text())
    for vector in vectors["valid"] + vectors["invalid"]:
        index, arena = bytes.fromhex(vector["index"]), bytes.fromhex(vector["arena"])
        rows, more = divmod(len(index), ROW_BYTES)
        # The target's first byte holds up to 7 rows, and whether the index has a byte too many.
        if rows < 8 and more in (0, 1):
            yield bytes([rows + 8 * 31 * more, 4]) + index + arena


def objects():
    yield b'{"flight":1545,"origin":"EWR","dest":"IAH","delay":11}'
    yield b'{ "a" : [ 1 , -2.5e+3 , { "b" : null } ] , "\\u0061" : "\\ud83d\\ude00\\n" , "c" : true }\n'
    yield '{"name of more than eight bytes":"grüße","":false,"a":{"a":[[]]}}'.encode()


target, folder = sys.argv[1], pathlib.Path(sys.argv[2])
for number, seed in enumerate({"decode": decode, "json": objects}[target]()):
    (folder / f"{number:03}").write_bytes(seed)
