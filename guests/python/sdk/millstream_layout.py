"""The packing of batches: an index of 40-byte rows and an arena, as `batch` in the WIT says. Nothing else knows it."""

import struct

ROW = struct.Struct("<IIIHHqqII")  # key-end, value-end, headers-end, port, flags, timestamp, offset, partition, key-id
KEY_IS_NULL, VALUE_IS_NULL, HAS_HEADERS = 1, 2, 4
NONE = 0xFFFFFFFF
INHERIT = -(1 << 63)


def unpack(index, arena):
    """Rows of a batch as (key, value, headers, port, timestamp, offset, partition)."""
    rows = []
    begin = 0
    for key_end, value_end, headers_end, port, flags, timestamp, offset, partition, _ in ROW.iter_unpack(index):
        key = None if flags & KEY_IS_NULL else arena[begin:key_end]
        value = None if flags & VALUE_IS_NULL else arena[key_end:value_end]
        rows.append((key, value, arena[value_end:headers_end], port, timestamp, offset, partition))
        begin = headers_end
    return rows


def pack(rows):
    """Index and arena of rows as (key, value, headers, port, timestamp, offset, partition)."""
    index = bytearray(ROW.size * len(rows))
    pack_into = ROW.pack_into
    parts = []
    end = at = 0
    for key, value, headers, port, timestamp, offset, partition in rows:
        flags = 0
        if key is None:
            flags = KEY_IS_NULL
        else:
            parts.append(key)
            end += len(key)
        key_end = end
        if value is None:
            flags |= VALUE_IS_NULL
        else:
            parts.append(value)
            end += len(value)
        value_end = end
        if headers:
            flags |= HAS_HEADERS
            parts.append(headers)
            end += len(headers)
        pack_into(index, at, key_end, value_end, end, port, flags, timestamp, offset, partition, NONE)
        at += 40
    return bytes(index), b"".join(parts)


def unpack_headers(packed):
    if not packed:
        return []
    headers = []
    at = 2
    for _ in range(int.from_bytes(packed[:2], "little")):
        name_end = at + 2 + int.from_bytes(packed[at : at + 2], "little")
        length = int.from_bytes(packed[name_end : name_end + 4], "little")
        name = packed[at + 2 : name_end].decode(errors="replace")
        at = name_end + 4
        if length == NONE:
            headers.append((name, None))
        else:
            headers.append((name, packed[at : at + length]))
            at += length
    return headers


def pack_headers(headers):
    if not headers:
        return b""
    parts = [len(headers).to_bytes(2, "little")]
    for name, value in headers:
        name = name.encode()
        parts += [len(name).to_bytes(2, "little"), name]
        parts += [NONE.to_bytes(4, "little")] if value is None else [len(value).to_bytes(4, "little"), value]
    return b"".join(parts)


def prefix_end(prefix):
    """The first key past all that begin with `prefix`; empty: there is none."""
    head = prefix.rstrip(b"\xff")
    return head[:-1] + bytes([head[-1] + 1]) if head else b""
