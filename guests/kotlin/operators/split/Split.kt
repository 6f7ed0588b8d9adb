// Split is a flat-map: one record for each word of the value, with the word as key and as value. Words are runs of letters and digits, in lower case.

import millstream.operator

fun main() = operator("split") {
    process { record ->
        val text = record.valueText().lowercase()
        var begin = -1
        var at = 0
        while (at <= text.length) {
            val letter = if (at < text.length) codePointAt(text, at) else -1
            if (letter >= 0 && isWord(letter)) {
                if (begin < 0) begin = at
            } else if (begin >= 0) {
                val word = text.substring(begin, at)
                emit(word, word)
                begin = -1
            }
            at += if (letter >= 0x10000) 2 else 1
        }
    }
}

fun codePointAt(text: String, at: Int): Int {
    val first = text[at]
    if (!first.isHighSurrogate() || at + 1 == text.length) return first.code
    return 0x10000 + ((first.code - 0xD800) shl 10) + (text[at + 1].code - 0xDC00)
}

/** Unicode's Alphabetic or a number: letters, and the marks that belong to them. */
fun isWord(letter: Int): Boolean {
    if (letter < 0x80) return letter in 'a'.code..'z'.code || letter in '0'.code..'9'.code || letter in 'A'.code..'Z'.code
    var low = 0
    var high = WORD_LETTERS.size / 2
    while (low < high) {
        val middle = (low + high) / 2
        if (letter < WORD_LETTERS[2 * middle]) high = middle
        else if (letter >= WORD_LETTERS[2 * middle + 1]) low = middle + 1
        else return true
    }
    return false
}
