package millstream

/** Text that is not the JSON that was expected; the message says where and what should stand there. */
class JsonException(message: String) : Exception(message)

/** A JSON value. [toString] gives its text without spaces. */
sealed class Json {
    object Null : Json()

    class Bool(val value: Boolean) : Json()

    /** A number as it was written. */
    class Number(internal val written: String) : Json() {
        constructor(value: Long) : this(value.toString())

        /** Null: no whole number of 64 bits. */
        fun longOrNull(): Long? = written.toLongOrNull()

        fun toDouble(): Double = written.toDouble()
    }

    class Text(val text: String) : Json()

    class Array(val elements: List<Json>) : Json()

    /** Fields in the order in which they stood; of two with the same name the last one. */
    class Object(val fields: Map<String, Json>) : Json() {
        operator fun get(name: String): Json? = fields[name]
    }

    /** Whole numbers and others are numbers of different kinds: 1 is not 1.0. */
    override fun equals(other: Any?): Boolean = when (this) {
        is Null -> other is Null
        is Bool -> other is Bool && other.value == value
        is Number -> other is Number && sameNumber(this, other)
        is Text -> other is Text && other.text == text
        is Array -> other is Array && other.elements == elements
        is Object -> other is Object && other.fields == fields
    }

    override fun hashCode(): Int = when (this) {
        is Null -> 0
        is Bool -> value.hashCode()
        is Number -> toDouble().hashCode()
        is Text -> text.hashCode()
        is Array -> elements.hashCode()
        is Object -> fields.hashCode()
    }

    override fun toString(): String = StringBuilder().also { write(it) }.toString()

    private fun write(to: StringBuilder) {
        when (this) {
            is Null -> to.append("null")
            is Bool -> to.append(value)
            is Number -> to.append(written)
            is Text -> quote(text, to)
            is Array -> {
                to.append('[')
                elements.forEachIndexed { n, element ->
                    if (n > 0) to.append(',')
                    element.write(to)
                }
                to.append(']')
            }
            is Object -> {
                to.append('{')
                var first = true
                for ((name, value) in fields) {
                    if (!first) to.append(',')
                    first = false
                    quote(name, to)
                    to.append(':')
                    value.write(to)
                }
                to.append('}')
            }
        }
    }

    companion object {
        /** Reads UTF-8 text. Throws [JsonException]. */
        fun parse(text: Bytes): Json {
            JsonScanner(text).checkWhole()
            return JsonReader(text).read()
        }

        fun parse(text: String): Json = parse(text.toBytes())

        /** A text as it stands in JSON. */
        fun quoted(text: String): String = StringBuilder().also { quote(text, it) }.toString()

        private fun sameNumber(one: Number, other: Number): Boolean {
            val whole = one.longOrNull()
            if (whole != null || other.longOrNull() != null) return whole == other.longOrNull()
            return one.toDouble() == other.toDouble()
        }
    }
}

private const val HEX = "0123456789abcdef"

private fun quote(text: String, to: StringBuilder) {
    to.append('"')
    for (letter in text) {
        when (letter) {
            '"' -> to.append("\\\"")
            '\\' -> to.append("\\\\")
            '\n' -> to.append("\\n")
            '\r' -> to.append("\\r")
            '\t' -> to.append("\\t")
            '\b' -> to.append("\\b")
            '\u000C' -> to.append("\\f")
            else -> if (letter < ' ') to.append("\\u00").append(HEX[letter.code shr 4]).append(HEX[letter.code and 15]) else to.append(letter)
        }
    }
    to.append('"')
}

/** Makes a tree of a text that [JsonScanner] found sound. */
private class JsonReader(private val text: Bytes) {
    private var at = 0

    fun read(): Json {
        val letter = next()
        return when (letter) {
            '{'.code -> {
                at++
                val fields = LinkedHashMap<String, Json>()
                while (next() != '}'.code) {
                    if (next() == ','.code) at++
                    next()
                    val name = string()
                    next()
                    at++
                    fields.remove(name)
                    fields[name] = read()
                }
                at++
                Json.Object(fields)
            }
            '['.code -> {
                at++
                val elements = ArrayList<Json>()
                while (next() != ']'.code) {
                    if (next() == ','.code) at++
                    elements.add(read())
                }
                at++
                Json.Array(elements)
            }
            '"'.code -> Json.Text(string())
            't'.code, 'f'.code, 'n'.code -> {
                at += if (letter == 'f'.code) 5 else 4
                if (letter == 'n'.code) Json.Null else Json.Bool(letter == 't'.code)
            }
            else -> {
                val begin = at
                while (at < text.size && (text[at].toInt().toChar().isLetterOrDigit() || text[at].toInt().toChar() in "+-.")) at++
                Json.Number(text.slice(begin, at).text())
            }
        }
    }

    /** The next byte that is no space. */
    private fun next(): Int {
        while (text[at] <= ' '.code) at++
        return text[at].toInt()
    }

    private fun string(): String {
        val begin = ++at
        while (text[at] != '"'.code.toByte()) at += if (text[at] == '\\'.code.toByte()) 2 else 1
        return unescaped(text.slice(begin, at++))
    }
}

/** What the inside of a sound string stands for. Half a surrogate pair becomes U+FFFD. */
internal fun unescaped(inside: Bytes): String {
    val text = inside.text()
    if ('\\' !in text) return text
    val to = StringBuilder()
    var at = 0
    while (at < text.length) {
        if (text[at] != '\\') {
            to.append(text[at++])
            continue
        }
        val letter = text[at + 1]
        at += 2
        when (letter) {
            'b' -> to.append('\b')
            'f' -> to.append('\u000C')
            'n' -> to.append('\n')
            'r' -> to.append('\r')
            't' -> to.append('\t')
            'u' -> {
                to.append(text.substring(at, at + 4).toInt(16).toChar())
                at += 4
            }
            else -> to.append(letter)
        }
    }
    // Surrogates that belong to no pair.
    return to.toString().encodeToByteArray().decodeToString()
}
