package millstream

/** Reject codes from 65,000 are the SDKs' own. */
object Codes {
    /** The record has no key, and the operator keeps state by key. */
    const val NO_KEY = 65_000

    /** Key or value is not UTF-8 text, or null. */
    const val BAD_TEXT = 65_001

    /** The value is not the JSON that was expected. */
    const val BAD_JSON = 65_002

    /** The record has no timestamp, and the operator works in event time. */
    const val NO_TIME = 65_003
}

/** What an operator throws on purpose. Any other exception is a mistake: a trap, whose text the dead letter has. */
sealed class Outcome(message: String) : Exception(message)

/** Refuses the current record; see [reject]. */
class Rejected(val code: Int, message: String) : Outcome(message)

/** Asks for the same batch again later; see [retry]. */
class Retry(message: String) : Outcome(message)

/** Stops the job; see [fatal]. */
class Fatal(message: String) : Outcome(message)

/** Refuses the current record: it goes where the job sends rejects, the others go on. Codes below 65,000 are the operator's own. */
fun reject(code: Int, message: String): Nothing = throw Rejected(code, message)

/** Ends the call: nothing of it is kept, and the same batch comes again later. */
fun retry(message: String): Nothing = throw Retry(message)

/** Ends the call and the job, which shows the message. */
fun fatal(message: String): Nothing = throw Fatal(message)
