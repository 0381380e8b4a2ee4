"""Damaged files: one seeded mutation after another of a sound file's bytes, by what kind of file it is."""

import io
import json
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

Mutate = Callable[[bytes, random.Random], bytes]


def mutated(name: str, sound: bytes, seed: int) -> bytes:
    """Return other bytes for a file of this name; half of the cases know its format."""
    draws = random.Random(f"{name} {seed}")
    knowing = KNOWING.get(name.rpartition(".")[2], [])
    pools: list[list[Mutate]] = [BLIND, knowing] if knowing else [BLIND]
    data = draws.choice(draws.choice(pools))(sound, draws)
    return draws.choice(BLIND)(data, draws) if draws.random() < 0.15 else data


def _cut(data: bytes, draws: random.Random) -> bytes:
    return data[: draws.randrange(len(data) or 1)]


def _flipped(data: bytes, draws: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draws.choice((1, 1, 4, 64))):
        if changed:
            changed[draws.randrange(len(changed))] ^= 1 << draws.randrange(8)
    return bytes(changed)


def _swapped(data: bytes, draws: random.Random) -> bytes:
    a, b, c = sorted(draws.randrange(len(data) + 1) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _doubled(data: bytes, draws: random.Random) -> bytes:
    a, b = sorted(draws.randrange(len(data) + 1) for _ in range(2))
    return data[:b] + data[a:b] + data[b:]


def _inserted(data: bytes, draws: random.Random) -> bytes:
    at = draws.randrange(len(data) + 1)
    piece = draws.choice(
        (b"\x00" * 16, draws.randbytes(32), b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3\x28", b"\r\n", b"\x1b[2J")
    )
    return data[:at] + piece + data[at:]


def _zeroed(data: bytes, draws: random.Random) -> bytes:
    a, b = sorted(draws.randrange(len(data) + 1) for _ in range(2))
    return data[:a] + bytes(b - a) + data[b:]


def _other(data: bytes, draws: random.Random) -> bytes:
    return draws.choice(
        (b"", b"\x00", b"\n", b"{}", b"[]", b"null", b"PK\x03\x04", b"\x80\x04K\x01.", draws.randbytes(200))
    )


BLIND: list[Mutate] = [_cut, _flipped, _swapped, _doubled, _inserted, _zeroed, _other]

ODD_FIELDS = [
    "", " ", "x", "-1", "0", "1e400", "nan", "inf", "-0", "99999999999999999999", "²", "1.5", "é" * 9, "a,b", '"',
    "../../x", "/etc/hostname", "\x00", "\x1b[31m", "x" * 9000,
]  # fmt: skip


def _lines(change: Callable[[list[str], random.Random], list[str]]) -> Mutate:
    def mutate(data: bytes, draws: random.Random) -> bytes:
        return "\n".join(change(data.decode().split("\n"), draws)).encode()

    return mutate


def _field(lines: list[str], draws: random.Random) -> list[str]:
    """Put something odd in the place of one field."""
    at = draws.randrange(len(lines))
    sign = next((sign for sign in ("\t", ",", ";", " ") if sign in lines[at]), " ")
    fields = lines[at].split(sign)
    fields[draws.randrange(len(fields))] = draws.choice(ODD_FIELDS)
    return [*lines[:at], sign.join(fields), *lines[at + 1 :]]


def _column(lines: list[str], draws: random.Random) -> list[str]:
    """Drop the first or last column, or add one, in every line or in one."""
    sign = next((sign for sign in ("\t", ",", " ") if sign in lines[0]), " ")
    some = set(range(len(lines))) if draws.random() < 0.5 else {draws.randrange(len(lines))}
    cut = draws.choice((slice(1, None), slice(None, -1), None))
    return [
        line if number not in some else f"{line}{sign}more" if cut is None else sign.join(line.split(sign)[cut])
        for number, line in enumerate(lines)
    ]


def _row(lines: list[str], draws: random.Random) -> list[str]:
    """Repeat, drop, or move a line."""
    at, to = draws.randrange(len(lines)), draws.randrange(len(lines))
    rest = [*lines[:at], *lines[at + 1 :]]
    return draws.choice(([*lines, lines[at]], rest, [*rest[:to], lines[at], *rest[to:]]))


def _windows(data: bytes, draws: random.Random) -> bytes:
    return draws.choice((b"\xef\xbb\xbf", b"")) + data.replace(b"\n", draws.choice((b"\r\n", b"\r", b"\n\n")))


def _recoded(data: bytes, draws: random.Random) -> bytes:
    return data.decode(errors="replace").encode(draws.choice(("utf-16", "utf-32", "utf-7")))


TEXT: list[Mutate] = [_lines(_field), _lines(_field), _lines(_column), _lines(_row), _windows, _recoded]

ODD_VALUES: list[Any] = [
    None, True, -1, 0, 10**30, 1.5, float("nan"), float("inf"), "", "x", "\x00\x1b[31m", "\udcff", "../x", [], {}, [[]],
    [None], {"": 0}, ["x"] * 40, "x" * 9000,
]  # fmt: skip


def _json(change: Callable[[Any, random.Random], str]) -> Mutate:
    return lambda data, draws: change(json.loads(data), draws).encode(errors="surrogatepass")


def _value(told: Any, draws: random.Random) -> str:
    """Put something odd in the place of one value, drop it, or rename its key."""
    places = list(_places(told))
    if not places:
        return json.dumps(draws.choice(ODD_VALUES))
    holder, key = draws.choice(places)
    what = draws.random()
    if what < 0.7:
        holder[key] = draws.choice(ODD_VALUES)
    elif what < 0.85 or isinstance(holder, list):
        del holder[key]
    else:
        holder[f"{key}_"] = holder.pop(key)
    return json.dumps(told)


def _places(told: Any) -> Any:
    pairs = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, value in pairs:
        yield told, key
        yield from _places(value)


def _whole(_: Any, draws: random.Random) -> str:
    """Return a document that is something else altogether, or nested too deep."""
    depth = draws.choice((400, 100_000))
    deep = draws.choice(("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth))
    return draws.choice((deep, json.dumps(draws.choice(ODD_VALUES))))


def _twice(told: Any, draws: random.Random) -> str:
    """Give a key two times, the second time with something odd."""
    text = json.dumps(told)
    key = draws.choice(list(told)) if isinstance(told, dict) and told else "a"
    return text.rstrip("}") + f", {json.dumps(key)}: {json.dumps(draws.choice(ODD_VALUES))}" + "}"


JSON: list[Mutate] = [_json(_value), _json(_value), _json(_value), _json(_whole), _json(_twice), _recoded]


def _header(data: bytes, draws: random.Random) -> bytes:
    """Change what a safetensors file says of its tensors."""
    (length,) = struct.unpack("<Q", data[:8])
    told = json.loads(data[8 : 8 + length])
    if draws.random() < 0.25:
        said = draws.choice((0, 1, length + 1, length - 1, 2**31, 2**63, 2**64 - 1))
        return struct.pack("<Q", said) + data[8:]
    names = [name for name in told if name != "__metadata__"]
    one = told[draws.choice(names)]
    match draws.randrange(5):
        case 0:
            one["dtype"] = draws.choice(("F64", "I64", "BOOL", "U8", "F8_E4M3", "BF16", "C64", "nonsense"))
        case 1:
            one["shape"] = draws.choice(([], [-1], [0], [10**18], [2**62, 4], [1.5], ["x"], one["shape"][::-1], None))
        case 2:
            one["data_offsets"] = draws.choice(([0, 0], [8, 4], [0, 10**12], [-4, 4], [0], "x"))
        case 3:
            told.pop(draws.choice(names))
        case _:
            told["__metadata__"] = draws.choice(({}, None, [], {"x": 1}, {"sha256": "0"}, {"innerview generator": "["}))
    return _packed(told, data[8 + length :])


def _metadata(data: bytes, draws: random.Random) -> bytes:
    """Change the JSON that stands in a safetensors file's metadata."""
    (length,) = struct.unpack("<Q", data[:8])
    told = json.loads(data[8 : 8 + length])
    held = told.get("__metadata__", {})
    for key, text in held.items():
        if text.startswith("{"):
            held[key] = draws.choice((_value, _value, _value, _twice, _whole))(json.loads(text), draws)
    return _packed(told, data[8 + length :])


def _packed(told: Any, rest: bytes) -> bytes:
    written = json.dumps(told).encode()
    return struct.pack("<Q", len(written)) + written + rest


def _numbers(data: bytes, draws: random.Random) -> bytes:
    """Fill the tensors with NaN or infinity."""
    (length,) = struct.unpack("<Q", data[:8])
    odd = draws.choice((b"\xff", b"\x00\x7c", b"\x00\x00\x80\x7f"))
    rest = len(data) - 8 - length
    return data[: 8 + length] + (odd * rest)[:rest]


SAFETENSORS: list[Mutate] = [_header, _header, _metadata, _metadata, _numbers]


def _declared(data: bytes, draws: random.Random) -> bytes:
    """Let a PNG say that it has other sides, with a right checksum: a bomb, or nothing."""
    if not data.startswith(b"\x89PNG"):
        return _flipped(data[:64], draws) + data[64:]
    sides = draws.choice(((0, 0), (1, 1), (7, 9), (10**6, 10**6), (2**31 - 1, 1), (60_000, 60_000), (300, 8), (8, 60)))
    head = b"IHDR" + struct.pack(">II", *sides) + data[24:29]
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]


def _variant(data: bytes, draws: random.Random) -> bytes:
    """Save the picture in another mode and format, which may be none of its ending."""
    try:
        with Image.open(io.BytesIO(data)) as file:
            picture = file.convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return data
    mode = draws.choice(("CMYK", "L", "1", "P", "RGBA", "LA", "I", "F", "I;16", "YCbCr", "HSV", "LAB"))
    kind = draws.choice(("PNG", "JPEG", "TIFF", "GIF", "WEBP", "BMP", "PPM", "ICO", "TGA", "PCX", "JPEG2000"))
    exif = Image.Exif()
    exif[0x0112] = draws.choice((0, 1, 3, 6, 8, 9, 65535))
    deep = np.asarray(picture.convert("L"), dtype=np.uint16) * 257
    other = Image.fromarray(deep) if mode == "I;16" else picture.convert(mode)
    more = {"save_all": True, "append_images": [other] * 3} if kind in ("GIF", "WEBP", "TIFF") else {}
    into = io.BytesIO()
    try:
        other.save(into, kind, exif=exif, **more)
    except (OSError, ValueError, KeyError, TypeError):
        return data
    return into.getvalue()


PICTURE: list[Mutate] = [_declared, _variant, _variant, _variant]


def _array(data: bytes, draws: random.Random) -> bytes:
    """Save another array, or one that says something else of itself."""
    if draws.random() < 0.5:
        head = draws.choice((b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999,), }",
                             b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
                             b"{'descr': '<f4', 'fortran_order': 5, 'shape': (-1,), }", b"{" * 5000, b"1"))  # fmt: skip
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data[-12:]
    made = draws.choice((
        np.ones(3), np.ones((0,)), np.full(40, np.nan), np.ones((2, 2)), np.array("x"), np.array(1.0), np.zeros(40),
        np.ones(40, complex), np.ones(40, bool), np.array(["a"] * 40), np.full(40, np.inf), np.ones((1, 2, 3, 4)),
        np.array(["2020"] * 40, "M8[Y]"), np.ones(40, "i8,f4"),
    ))  # fmt: skip
    into = io.BytesIO()
    draws.choice((np.save, np.savez))(into, made)
    return into.getvalue()


KNOWING: dict[str, list[Mutate]] = {
    "txt": TEXT, "csv": TEXT, "tsv": TEXT, "jsonl": TEXT, "py": TEXT, "json": JSON, "ipynb": JSON,
    "safetensors": SAFETENSORS, "png": PICTURE, "jpg": PICTURE, "webp": PICTURE, "gif": PICTURE, "tif": PICTURE,
    "npy": [_array],
}  # fmt: skip
