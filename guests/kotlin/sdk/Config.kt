package millstream

/**
 * The job's config for this operator, a JSON object. Each question says what is wrong by the field's name, and stops the job; a field that nobody asks for
 * is a mistake in the job.
 */
class Config private constructor(private val fields: Map<String, Json>, private val path: String) {
    private val asked = LinkedHashSet<String>()
    private val sections = ArrayList<Config>()

    fun text(name: String): String = textOrNull(name) ?: missing(name)

    fun text(name: String, default: String): String = textOrNull(name) ?: default

    fun textOrNull(name: String): String? = typed<Json.Text>(name, "a text")?.text

    fun long(name: String): Long = longOrNull(name) ?: missing(name)

    fun long(name: String, default: Long): Long = longOrNull(name) ?: default

    fun longOrNull(name: String): Long? {
        val number = typed<Json.Number>(name, "a whole number") ?: return null
        return number.longOrNull() ?: wrong(name, "expected a whole number, found $number")
    }

    fun double(name: String): Double = doubleOrNull(name) ?: missing(name)

    fun double(name: String, default: Double): Double = doubleOrNull(name) ?: default

    fun doubleOrNull(name: String): Double? = typed<Json.Number>(name, "a number")?.toDouble()

    fun boolean(name: String, default: Boolean): Boolean = typed<Json.Bool>(name, "true or false")?.value ?: default

    /** A list of texts; empty where there is none. */
    fun texts(name: String): List<String> = typed<Json.Array>(name, "a list of texts")?.elements.orEmpty().map {
        (it as? Json.Text)?.text ?: wrong(name, "expected a list of texts, found $it in it")
    }

    /** An object in the config; null: there is none. */
    fun section(name: String): Config? = typed<Json.Object>(name, "an object")?.let { found -> Config(found.fields, "$path$name.").also { sections.add(it) } }

    /** Any value; null: the field is not there. */
    fun json(name: String): Json? {
        asked.add(name)
        return fields[name]
    }

    private inline fun <reified T : Json> typed(name: String, what: String): T? = when (val value = json(name)) {
        null, Json.Null -> null
        is T -> value
        else -> wrong(name, "expected $what, found $value")
    }

    private fun missing(name: String): Nothing = fatal("config: missing field `$path$name`")

    private fun wrong(name: String, what: String): Nothing = fatal("config: `$path$name`: $what")

    internal fun refuseUnasked() {
        val unasked = fields.keys.firstOrNull { it !in asked }
        if (unasked != null && asked.isEmpty()) fatal("config: unknown field `$path$unasked`: there is none to be set here")
        if (unasked != null) fatal("config: unknown field `$path$unasked`, expected one of ${asked.joinToString { "`$it`" }}")
        sections.forEach { it.refuseUnasked() }
    }

    internal companion object {
        /** No config is the same as `{}`. */
        fun parse(text: Bytes): Config {
            if (text.isEmpty()) return Config(emptyMap(), "")
            val json = try {
                Json.parse(text)
            } catch (wrong: JsonException) {
                fatal("config: ${wrong.message}")
            }
            return Config((json as? Json.Object ?: fatal("config: expected an object, found $json")).fields, "")
        }
    }
}
