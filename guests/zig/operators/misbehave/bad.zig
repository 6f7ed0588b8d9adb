//! What is wrong: results that break a rule, one each, and what Zig stops at, or does not check.
const std = @import("std");
const builtin = @import("builtin");
const ms = @import("millstream");

fn is(order: []const u8, name: []const u8) bool {
    return std.mem.eql(u8, order, name);
}

/// Breaks the rule that the order names; false: it names none. Ends and flags are the SDK's to set: here they are not what they should be.
pub fn breakRule(order: []const u8, row: u32, call: anytype) bool {
    // A row with key `k` and value `v`.
    const good: ms.layout.Row = .{ .key_end = 1, .value_end = 2, .headers_end = 2, .offset = row };
    var wrong = good;
    if (is(order, "bad-reject")) {
        call.addReject(.{ .row = std.math.maxInt(u32), .code = 1, .message = "" });
        return true;
    }
    if (is(order, "long")) {
        const at: [*]const u8 = @ptrFromInt(16);
        call.addReject(.{ .row = row, .code = 1, .message = at[0..0xFFFFFFF0] });
        return true;
    }
    if (is(order, "bad-timer")) {
        wrong.port = 9;
        call.timers.clear();
        append(&call.timers, wrong);
        return true;
    }
    const is_short = is(order, "bad-length");
    const has_headers = is(order, "bad-headers");
    const overlaps = is(order, "bad-overlap");
    if (is(order, "bad-ends")) {
        wrong.key_end = 2;
        wrong.value_end = 1;
    } else if (is(order, "bad-arena")) {
        wrong.value_end = std.math.maxInt(u32);
        wrong.headers_end = std.math.maxInt(u32);
    } else if (is(order, "bad-flags")) {
        wrong.flags = 0x8000;
    } else if (is(order, "bad-port")) {
        wrong.port = 7;
    } else if (is(order, "bad-row")) {
        wrong.offset = -1;
    } else if (has_headers) {
        wrong.flags = ms.layout.Flags.has_headers;
        wrong.headers_end = 4;
    } else if (!is_short and !overlaps) return false;
    const outputs = &call.outputs;
    outputs.clear();
    // The second row begins before the first ends.
    if (overlaps) append(outputs, good);
    append(outputs, wrong);
    outputs.end = 2;
    if (has_headers) {
        @memset(outputs.arena[2..4], 0xFF);
        outputs.end = 4;
    }
    outputs.withheld = @intFromBool(is_short);
    return true;
}

fn append(to: *ms.layout.Builder, row: ms.layout.Row) void {
    to.push("k", "v", "", .{});
    to.index[to.rows - 1] = row;
}

var sink: u32 = 0;

/// Does what never ends well. Returns where there is no such order, or where the machine let it pass.
pub noinline fn doWrong(order: []const u8) void {
    const hidden: *volatile u32 = &sink;
    if (is(order, "panic")) @panic("told to panic");
    if (is(order, "index")) {
        const three = [_]u8{ 1, 2, 3 };
        hidden.* = three[hidden.* + 3];
    }
    if (is(order, "overflow")) {
        var small: u8 = 255;
        small += @intCast(hidden.* + 1);
        hidden.* = small;
    }
    if (is(order, "null")) {
        const nothing: ?u32 = if (hidden.* == 0) null else 1;
        hidden.* = nothing.?;
    }
    if (is(order, "unreachable")) if (hidden.* == 0) unreachable;
    if (is(order, "trap")) @trap();
    if (is(order, "wild")) hidden.* = @as(*volatile u32, @ptrFromInt(0xFFFFFF00)).*;
    if (is(order, "smash")) smash();
    if (is(order, "loop")) while (true) {
        hidden.* +%= 1;
    };
    if (is(order, "recurse")) hidden.* = recurse(hidden.*);
    if (is(order, "memory")) while (true) {
        const eaten = ms.forever.alloc(u8, 1 << 20) catch @panic("out of memory");
        @memset(eaten, 1);
        hidden.* = @as(*volatile u8, &eaten[0]).*;
    };
}

fn recurse(depth: u32) u32 {
    var here: [64]u32 = undefined;
    const hidden: *volatile [64]u32 = &here;
    hidden[depth % 64] = depth;
    return recurse(depth +% 1) +% hidden[(depth +% 1) % 64];
}

fn smash() void {
    if (comptime builtin.target.cpu.arch != .wasm32) return;
    // Above the stack, which is first: the return must still work for the host to meet what is left.
    const memory: [*]volatile u8 = @ptrFromInt(1);
    for (300 << 10..@wasmMemorySize(0) * 65536 - 1) |at| memory[at] = 0xFF;
}
