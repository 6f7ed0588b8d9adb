// Identity passes every record on as it is: what the boundary costs, and nothing else.

import millstream.operator

fun main() = operator("identity") {
    processBatch { forwardAll() }
}
