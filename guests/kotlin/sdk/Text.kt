package millstream

/** UTF-8 as text; null: it is none. */
internal fun decodedText(at: Int, bytes: Int): String? {
    if (isAscii(at, bytes)) return CharArray(bytes) { load8(at + it).toChar() }.concatToString()
    if (!isUtf8(at, bytes)) return null
    return ByteArray(bytes) { load8(at + it).toByte() }.decodeToString()
}

private const val HIGH_BITS = -0x7F7F7F7F7F7F7F80L

private fun isAscii(at: Int, bytes: Int): Boolean {
    var from = at
    val end = at + bytes
    while (from + 8 <= end) {
        if (load64(from) and HIGH_BITS != 0L) return false
        from += 8
    }
    while (from < end) if (load8(from++) >= 0x80) return false
    return true
}

/** Whether bytes are UTF-8: no sequence longer than it need be, no surrogates, nothing past U+10FFFF. */
internal fun isUtf8(at: Int, bytes: Int): Boolean {
    var from = at
    val end = at + bytes
    while (from < end) {
        if (from + 8 <= end && load64(from) and HIGH_BITS == 0L) {
            from += 8
            continue
        }
        val first = load8(from)
        val more = when {
            first < 0x80 -> 0
            first in 0xC2..0xDF -> 1
            first in 0xE0..0xEF -> 2
            first in 0xF0..0xF4 -> 3
            else -> return false
        }
        if (from + more >= end) return false
        if (more > 0 && !secondFits(first, load8(from + 1))) return false
        for (index in 2..more) if (load8(from + index) and 0xC0 != 0x80) return false
        from += 1 + more
    }
    return true
}

private fun secondFits(first: Int, second: Int): Boolean = when (first) {
    0xE0 -> second in 0xA0..0xBF
    0xED -> second in 0x80..0x9F
    0xF0 -> second in 0x90..0xBF
    0xF4 -> second in 0x80..0x8F
    else -> second in 0x80..0xBF
}
