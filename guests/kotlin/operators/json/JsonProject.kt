// Json keeps the JSON records whose field equals a value, and of those the fields named, in that order; it may make one field the key.

import millstream.BytesBuilder
import millstream.Codes
import millstream.Json
import millstream.JsonFields
import millstream.fatal
import millstream.operator
import millstream.reject
import millstream.toBytes

fun main() = operator("json") {
    // Only records that have this; none: all.
    val only = config.section("only")
    val field = only?.text("field")
    val equals = only?.json("equals")
    if (only != null && equals == null) fatal("config: `only` needs `field` and `equals`")
    // The fields to keep, in order; those that a record lacks are left out. Empty: the value stays as it is.
    val select = config.texts("select")
    val names = select.map { "${Json.quoted(it)}:".toBytes() }
    // The field whose text becomes the key.
    val keyField = config.textOrNull("key")
    val value = BytesBuilder()

    process { record ->
        val fields = record.valueFields()
        if (field != null) {
            val raw = fields.raw(field) ?: return@process
            val matches = if (equals is Json.Text) JsonFields.textOf(raw) == equals.text else Json.parse(raw) == equals
            if (!matches) return@process
        }
        var key = record.key
        if (keyField != null) {
            val raw = fields.raw(keyField) ?: reject(Codes.BAD_JSON, "the value has no field `$keyField`")
            key = (JsonFields.textOf(raw) ?: Json.parse(raw).toString()).toBytes()
        }
        if (select.isEmpty()) return@process emit(key, record.value, headers = record.headers)
        value.clear()
        for (n in select.indices) {
            val raw = fields.raw(select[n]) ?: continue
            value.append(if (value.size == 0) '{'.code.toByte() else ','.code.toByte()).append(names[n]).append(raw)
        }
        if (value.size == 0) value.append('{'.code.toByte())
        emit(key, value.append('}'.code.toByte()).bytes, headers = record.headers)
    }
}
