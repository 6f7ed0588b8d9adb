package millstream

/** A JSON object's fields, each still as text: for operators that look at a few fields of many records. The text is checked as a whole. */
class JsonFields internal constructor(text: Bytes) {
    private val names = ArrayList<Bytes>()
    private val values = ArrayList<Bytes>()

    init {
        JsonScanner(text).checkObject { name, value ->
            names.add(name)
            values.add(value)
        }
    }

    /** The text of a field's value as it stands, without spaces around it; null: no such field. Of two with the same name the last one. */
    fun raw(name: String): Bytes? {
        for (n in names.indices.reversed()) {
            val inside = names[n]
            if (if (hasEscapes(inside)) unescaped(inside) == name else inside.contentEquals(name)) return values[n]
        }
        return null
    }

    /** The text that a field's string stands for; null: no such field, or no string. */
    fun text(name: String): String? = raw(name)?.let(::textOf)

    companion object {
        /** The text that a JSON string stands for; null: the value is no string. */
        fun textOf(raw: Bytes): String? = if (raw.size > 0 && load8(raw.at) == '"'.code) unescaped(raw.slice(1, raw.size - 1)) else null
    }
}

private fun hasEscapes(inside: Bytes): Boolean {
    for (at in inside.at until inside.at + inside.size) if (load8(at) == '\\'.code) return true
    return false
}

/** Goes over JSON without making anything of it. No recursion: a bit per level says whether an object or an array is open. */
internal class JsonScanner(private val text: Bytes) {
    private val begin = text.at
    private val end = text.at + text.size

    /** Any value, with nothing but spaces around it. */
    fun checkWhole() = ended(value(spaces(begin)))

    /** An object; [see] gets the inside of each name and each value's text. */
    inline fun checkObject(see: (name: Bytes, value: Bytes) -> Unit) {
        var at = spaces(begin)
        if (byte(at) != '{'.code) wrong(at, "an object")
        at = spaces(at + 1)
        if (byte(at) != '}'.code) {
            while (true) {
                val nameEnd = string(at)
                val name = Bytes(at + 1, nameEnd - at - 2)
                val value = colon(nameEnd)
                at = value(value)
                see(name, Bytes(value, at - value))
                at = spaces(at)
                if (byte(at) == '}'.code) break
                if (byte(at) != ','.code) wrong(at, "`,` or `}`")
                at = spaces(at + 1)
            }
        }
        ended(at + 1)
    }

    /** The byte there; past the end one that JSON has nowhere. */
    fun byte(at: Int): Int = if (at < end) load8(at) else 0

    fun wrong(at: Int, expected: String): Nothing = throw JsonException("at byte ${at - begin} expected $expected")

    fun spaces(from: Int): Int {
        var at = from
        while (at < end) {
            val byte = load8(at)
            if (byte > ' '.code || byte != ' '.code && byte != '\n'.code && byte != '\t'.code && byte != '\r'.code) break
            at++
        }
        return at
    }

    fun ended(from: Int) {
        val at = spaces(from)
        if (at < end) wrong(at, "the end")
    }

    /** Where a value begins, behind a name. */
    fun colon(from: Int): Int {
        val at = spaces(from)
        if (byte(at) != ':'.code) wrong(at, "`:`")
        return spaces(at + 1)
    }

    /** Goes over a value and returns where it ends. */
    fun value(from: Int): Int {
        var at = from
        var low = 0L
        var high = 0L
        var depth = 0
        while (true) {
            val first = byte(at)
            if (first == '{'.code || first == '['.code) {
                if (depth == DEPTH_MAX) wrong(at, "at most $DEPTH_MAX objects and arrays inside one another")
                val isObject = first == '{'.code
                at = spaces(at + 1)
                if (byte(at) != first + 2) {
                    high = (high shl 1) or (low ushr 63)
                    low = (low shl 1) or (if (isObject) 1L else 0L)
                    depth++
                    if (isObject) at = colon(string(at))
                    continue
                }
                at++
            } else {
                at = scalar(at, first)
            }
            // A value is over: what is around it goes on, or is over, too.
            while (true) {
                if (depth == 0) return at
                val isObject = low and 1L == 1L
                at = spaces(at)
                if (byte(at) == ','.code) {
                    at = spaces(at + 1)
                    if (isObject) at = colon(string(at))
                    break
                }
                if (byte(at) != (if (isObject) '}' else ']').code) wrong(at, if (isObject) "`,` or `}`" else "`,` or `]`")
                low = (low ushr 1) or (high shl 63)
                high = high ushr 1
                depth--
                at++
            }
        }
    }

    private fun scalar(at: Int, first: Int): Int = when (first) {
        '"'.code -> string(at)
        't'.code -> word(at, "true")
        'f'.code -> word(at, "false")
        'n'.code -> word(at, "null")
        else -> number(at)
    }

    private fun word(at: Int, word: String): Int {
        for (n in word.indices) if (byte(at + n) != word[n].code) wrong(at, "a value")
        return at + word.length
    }

    fun string(from: Int): Int {
        if (byte(from) != '"'.code) wrong(from, "a string")
        var at = from + 1
        while (at < end) {
            val letter = load8(at)
            if (letter == '"'.code) return at + 1
            if (letter < ' '.code) wrong(at, "no control character in a string")
            at = if (letter == '\\'.code) escape(at + 1) else at + 1
        }
        wrong(end, "the end of a string")
    }

    private fun escape(at: Int): Int {
        val letter = byte(at)
        if (letter == 'u'.code) {
            for (n in 1..4) {
                val digit = byte(at + n)
                val isHex = digit in '0'.code..'9'.code || (digit or 0x20) in 'a'.code..'f'.code
                if (!isHex) wrong(at + 1, "four hexadecimal digits after `\\u`")
            }
            return at + 5
        }
        if (letter == 0 || letter.toChar() !in "\"\\/bfnrt") wrong(at, "an escape that JSON knows")
        return at + 1
    }

    private fun number(from: Int): Int {
        val begin = if (byte(from) == '-'.code) from + 1 else from
        var at = digits(begin)
        if (at == begin || byte(begin) == '0'.code && at > begin + 1) wrong(begin, "a value")
        if (byte(at) == '.'.code) at = someDigits(at + 1)
        if (byte(at) or 0x20 == 'e'.code) {
            at++
            if (byte(at) == '+'.code || byte(at) == '-'.code) at++
            at = someDigits(at)
        }
        return at
    }

    private fun digits(from: Int): Int {
        var at = from
        while (byte(at) in '0'.code..'9'.code) at++
        return at
    }

    private fun someDigits(from: Int): Int = digits(from).also { if (it == from) wrong(it, "a digit") }

    private companion object {
        const val DEPTH_MAX = 127
    }
}
