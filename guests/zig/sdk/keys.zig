//! Which state a call will need, as the operator names it before the call: all of it is read at once.
const Allocator = @import("std").mem.Allocator;
const Call = @import("call.zig").Call;
const operator = @import("operator.zig");

pub fn Keys(comptime Operator: type) type {
    return struct {
        /// Memory until the call returns.
        allocator: Allocator,
        call: *Call,

        /// Names a key of a store. The bytes are copied; a key that is named twice is read once.
        pub fn want(keys: *@This(), comptime store: @EnumLiteral(), key: []const u8) void {
            const place = comptime operator.placeOf(Operator, @tagName(store));
            _ = keys.call.caches[place].want(keys.call, key, .is_copied);
        }
    };
}
