// The SDK's one translation unit: compile this file along with an operator. In Wasm it has the boundary to the host; elsewhere, for tests, what the
// boundary does is done by testing/millstream_testing.c.
#include "call.c"
#include "json.c"
#include "json_value.c"
#include "keyed.c"
#include "letters.c"
#include "text.c"
#ifdef __wasm__
#include "boundary.c"
#endif
