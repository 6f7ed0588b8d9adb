// Linear memory. Kotlin's objects live in the collector's heap, so all of linear memory is ours: what is exchanged with the host, and nothing else.
@file:OptIn(UnsafeWasmMemoryApi::class)

package millstream

import kotlin.wasm.unsafe.Pointer
import kotlin.wasm.unsafe.UnsafeWasmMemoryApi
import kotlin.wasm.unsafe.withScopedMemoryAllocator

internal fun load8(at: Int): Int = Pointer(at.toUInt()).loadByte().toInt() and 0xFF

internal fun load16(at: Int): Int = Pointer(at.toUInt()).loadShort().toInt() and 0xFFFF

internal fun load32(at: Int): Int = Pointer(at.toUInt()).loadInt()

internal fun load64(at: Int): Long = Pointer(at.toUInt()).loadLong()

internal fun store8(at: Int, value: Int) = Pointer(at.toUInt()).storeByte(value.toByte())

internal fun store16(at: Int, value: Int) = Pointer(at.toUInt()).storeShort(value.toShort())

internal fun store32(at: Int, value: Int) = Pointer(at.toUInt()).storeInt(value)

internal fun store64(at: Int, value: Long) = Pointer(at.toUInt()).storeLong(value)

/** The first 64 KiB are left to Kotlin's own allocator of linear memory, which `println` uses. */
private const val PAGE_BYTES = 1 shl 16

private var kept = PAGE_BYTES
private var next = PAGE_BYTES

/** Up to here there is memory; none has been asked for yet. */
private var end = 0

/** Counts the calls of the host; what is older than the current one is gone. */
internal var callNumber = 0
    private set

/** A block until the call is over. Until the operator is open, blocks are kept for good. */
internal fun lend(bytes: Int): Int {
    val at = next
    next = reach(at, bytes)
    return at
}

/** A block with so many bytes more: where it stood, if it is the last one, or elsewhere with its first `used` bytes. */
internal fun enlarged(at: Int, bytes: Int, used: Int, wanted: Int): Int {
    if (roundedUp(at + bytes) == next) {
        next = reach(at, wanted)
        return at
    }
    return lend(wanted).also { copy(at, it, used) }
}

/** The end of a block, up to which there is memory. */
private fun reach(at: Int, bytes: Int): Int {
    val after = roundedUp(at + bytes)
    if (bytes < 0 || after < at) throw OutOfMemoryError("a block of $bytes bytes")
    if (after > end) {
        val wanted = (after + (PAGE_BYTES - 1)) and (PAGE_BYTES - 1).inv()
        // Asking for that much from address 0 grows the memory; the allocator's block itself is given back at once.
        withScopedMemoryAllocator { it.allocate(wanted) }
        end = wanted
    }
    return after
}

private fun roundedUp(at: Int) = (at + 7) and 7.inv()

/** All that was lent so far stays. */
internal fun keepAll() {
    kept = next
}

/** Takes back what was lent since [keepAll]. */
internal fun endCall() {
    next = kept
    callNumber++
}

internal fun copy(from: Int, to: Int, bytes: Int) {
    var at = 0
    while (at + 8 <= bytes) {
        store64(to + at, load64(from + at))
        at += 8
    }
    while (at < bytes) {
        store8(to + at, load8(from + at))
        at++
    }
}

internal fun sameBytes(one: Int, other: Int, bytes: Int): Boolean {
    var at = 0
    while (at + 8 <= bytes) {
        if (load64(one + at) != load64(other + at)) return false
        at += 8
    }
    while (at < bytes) {
        if (load8(one + at) != load8(other + at)) return false
        at++
    }
    return true
}

internal fun hashOf(at: Int, bytes: Int): Int {
    var hash = bytes * -0x7ee3623b
    var from = 0
    while (from + 4 <= bytes) {
        hash = (hash xor load32(at + from)) * 0x01000193
        hash = hash xor (hash ushr 15)
        from += 4
    }
    while (from < bytes) {
        hash = (hash xor load8(at + from)) * 0x01000193
        from++
    }
    return hash xor (hash ushr 13)
}
