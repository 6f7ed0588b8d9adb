//! Misbehaves on demand, to test hosts: a record's value is the order, `name` or `name:number`; whatever is no order is passed on.
//!
//!   panic, index, overflow, null, unreachable, error, trap    what Zig checks, and a trap without a word; `error` returns one that says no more
//!   wild                               reads past the end of memory
//!   smash                              overwrites all of its own memory and returns
//!   loop, recurse, memory              never end
//!   long                               returns a list longer than memory
//!   bad-length, bad-ends, bad-arena, bad-flags, bad-port, bad-row, bad-headers, bad-overlap    break a rule of the layout
//!   bad-timer                          asks for a timer with a port that means nothing
//!   bad-reject                         rejects a row that the batch does not have
//!   huge:n, tiny:n, timers:n           emits n records of 1 MiB (default 1,024), n empty ones, sets n timers (default 1,000,000)
//!   storm:n, logs:n, counters:n        calls the host n times (10,000,000), logs n messages of 8 KiB (131,072), counts under n names (10,000)
//!   long-key:n, long-value:n, many-keys:n    writes a state key of n bytes (1 MiB), a value of n bytes (64 MiB), n keys (1,000,000)
//!   forgetful                          emits how many records this instance has seen: what an operator must not do
//!   reject:n, retry, fatal             rejects with code n (default 1), fails for now, fails for good
//!
//! Config: `open` = `panic`, `loop`, `memory` or `fatal`, done while opening; `panic-on` = values at which to panic, for traps in the middle of a batch;
//! `on-timer` = an order for when a timer fires (`later` as a value sets one at the record's time).
const std = @import("std");
const ms = @import("millstream");
const bad = @import("bad.zig");

const mib = 1 << 20;

pub const Operator = struct {
    config: Config,
    seen: u64 = 0,

    pub const declaration: ms.Declaration = .{
        .name = "misbehave",
        .version = "0.1.0",
        .inputs = &.{},
        .stores = &.{.{ .name = "state" }},
        .prefetch = .nothing,
    };
    pub const Config = struct { open: ?[]const u8 = null, @"panic-on": []const []const u8 = &.{}, @"on-timer": ?[]const u8 = null };

    pub fn open(config: Config, setup: *ms.Setup) !Operator {
        const order = config.open orelse return .{ .config = config };
        if (is(order, "fatal")) return setup.fatal("told to fail while opening", .{});
        bad.doWrong(order);
        return setup.wrong("open", "is no order that is known");
    }

    pub fn process(self: *Operator, record: ms.Record, context: *Context) !void {
        self.seen += 1;
        const value = record.value orelse "";
        for (self.config.@"panic-on") |on| if (is(on, value)) std.debug.panic("told to panic on `{s}`", .{value});
        if (is(value, "forgetful")) return context.emit(.{ .key = record.key, .value = context.digits(self.seen), .headers = record.headers });
        if (is(value, "later")) return context.setTimer(.{ .at = try context.needTime(record), .key = record.key, .payload = "later" });
        if (!try obey(value, record.row, context)) context.forward(record);
    }

    pub fn onTimer(self: *Operator, timer: ms.Timer, context: *Context) !void {
        if (self.config.@"on-timer") |order| if (try obey(order, 0, context)) return;
        context.emit(.{ .key = timer.key, .value = timer.payload });
    }
};
const Context = ms.Context(Operator);

fn is(order: []const u8, name: []const u8) bool {
    return std.mem.eql(u8, order, name);
}

/// Carries out an order; false: it is none.
fn obey(order: []const u8, row: u32, context: *Context) !bool {
    const colon = std.mem.findScalar(u8, order, ':') orelse order.len;
    const name = order[0..colon];
    const number: ?u64 = if (colon == order.len) null else ms.text.whole(u64, order[colon + 1 ..]) orelse return false;
    bad.doWrong(name);
    if (is(name, "smash")) return true;
    if (is(name, "error")) return error.ToldToFail;
    if (is(name, "reject")) return context.reject(@truncate(number orelse 1), "told to reject", .{});
    if (is(name, "retry")) return context.retry("told to retry", .{});
    if (is(name, "fatal")) return context.fatal("told to fail", .{});
    return bad.breakRule(name, row, context.call) or try tooMuch(name, number, context);
}

/// What there is too much of; false: no such order.
fn tooMuch(name: []const u8, number: ?u64, context: *Context) !bool {
    if (is(name, "huge")) {
        const value = try filled(context, 'x', mib);
        for (0..@intCast(number orelse 1024)) |_| context.emit(.{ .value = value });
    } else if (is(name, "tiny")) {
        for (0..@intCast(number orelse 1_000_000)) |_| context.emit(.{ .value = "" });
    } else if (is(name, "timers")) {
        for (0..@intCast(number orelse 1_000_000)) |at| context.setTimer(.{ .at = @intCast(at) });
    } else if (is(name, "storm")) {
        for (0..@intCast(number orelse 10_000_000)) |_| context.count("storm", 1);
    } else if (is(name, "logs")) {
        const line = try filled(context, 'x', 8192);
        for (0..@intCast(number orelse 131_072)) |_| ms.host.log(.info, line);
    } else if (is(name, "counters")) {
        for (0..@intCast(number orelse 10_000)) |one| context.count(context.format("counter-{d}", .{one}), 1);
    } else if (is(name, "long-key")) {
        context.stateOf(.state, try filled(context, 'k', @intCast(number orelse mib))).set("");
    } else if (is(name, "long-value")) {
        context.stateOf(.state, "k").set(try filled(context, 'v', @intCast(number orelse 64 * mib)));
    } else if (is(name, "many-keys")) {
        for (0..@intCast(number orelse 1_000_000)) |key| context.stateOf(.state, std.mem.asBytes(&std.mem.nativeToBig(u64, key))).set("v");
    } else return false;
    return true;
}

fn filled(context: *Context, with: u8, len: usize) ![]const u8 {
    const bytes = try context.allocator.alloc(u8, len);
    @memset(bytes, with);
    return bytes;
}

test "what is no order is passed on" {
    var op: ms.testing.Harness(Operator) = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{
        .{ .value = "fine" },
        .{ .value = "reject:7" },
        .{ .value = "panic:x" },
        .{ .value = "tiny:2" },
        .{ .value = "forgetful" },
        .{ .value = "error" },
        .{ .value = null },
    });
    for ([_]?[]const u8{ "fine", "panic:x", "", "", "5", null }, 0..) |value, n| try op.expectOutput(n, null, value);
    try op.expectReject(0, 1, 7);
    try op.expectReject(1, 5, ms.code.unspecified);
    try std.testing.expectEqualStrings("ToldToFail", op.rejects.items[1].message);
    try std.testing.expectError(error.Retry, op.feed(&.{.{ .value = "retry" }}));
    try std.testing.expectError(error.Fatal, op.feed(&.{.{ .value = "fatal" }}));
    try std.testing.expectEqualStrings("told to fail", op.message);
    try std.testing.expectError(error.Fatal, op.open("{\"open\":\"fatal\"}"));
    try std.testing.expectError(error.Fatal, op.open("{\"open\":\"what\"}"));
}

test "bad outputs are bad" {
    var call: @FieldType(ms.Instance(Operator), "call") = .init(std.testing.allocator);
    defer call.deinit();
    for ([_][2][]const u8{
        .{ "bad-ends", "EndsGoBackwards" },
        .{ "bad-arena", "EndOutsideArena" },
        .{ "bad-flags", "UnknownFlags" },
        .{ "bad-headers", "Headers" },
        .{ "bad-overlap", "EndsGoBackwards" },
    }) |pair| {
        try std.testing.expect(bad.breakRule(pair[0], 0, &call));
        const built = call.outputs.built();
        try std.testing.expectEqualStrings(pair[1], ms.testing.brokenRule(std.mem.sliceAsBytes(built.index), built.arena).?);
    }
}
