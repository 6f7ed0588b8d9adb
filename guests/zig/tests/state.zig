//! Keyed state: what a record writes the next one reads, keys are read and written once a batch, scans see what was set, failures keep nothing.
const std = @import("std");
const ms = @import("millstream");
const testing = std.testing;

const Pair = struct { first: u64, second: i32 };

/// A value with a format of its own.
const Word = struct {
    text: []const u8,

    pub fn encode(word: Word, allocator: std.mem.Allocator) ![]const u8 {
        return std.mem.concat(allocator, u8, &.{ "w", word.text });
    }

    pub fn decode(bytes: []const u8) error{NotAWord}!Word {
        return if (bytes.len > 0 and bytes[0] == 'w') .{ .text = bytes[1..] } else error.NotAWord;
    }
};

/// Appends each value to its key's in `a` and `b`; what else is told by a value is below.
const Operator = struct {
    pub const declaration: ms.Declaration = .{ .name = "state", .version = "1", .stores = &.{
        .{ .name = "a" },
        .{ .name = "b", .version = 2 },
        .{ .name = "pairs", .Value = Pair },
        .{ .name = "words", .Value = Word },
    } };

    pub fn process(_: *Operator, record: ms.Record, context: *Context) !void {
        const key = try context.needKey(record);
        const value = record.value orelse {
            (try context.state(.a)).delete();
            return (try context.state(.b)).delete();
        };
        const is = struct {
            fn is(of: []const u8, name: []const u8) bool {
                return std.mem.eql(u8, of, name);
            }
        }.is;
        if (is(value, "fail")) return (try context.state(.b)).unreadable("odd");
        if (is(value, "retry")) return context.retry("later, {s}", .{key});
        if (is(value, "far")) {
            const far = context.stateOf(.a, "far away");
            context.emit(.{ .value = far.bytes() });
            return far.set("seen");
        }
        if (is(value, "scan")) {
            var all = context.scan(.a, .{ .begin = "b" });
            while (try all.next()) |pair| context.emit(.{ .key = pair.key, .value = pair.value });
            return;
        }
        if (is(value, "pair")) {
            const entry = try context.state(.pairs);
            const before: Pair = try entry.get() orelse .{ .first = 0, .second = 0 };
            return entry.set(.{ .first = before.first + 1, .second = before.second - 1 });
        }
        if (is(value, "word")) {
            const entry = try context.state(.words);
            if (try entry.get()) |word| context.emit(.{ .value = word.text });
            return entry.set(.{ .text = key });
        }
        inline for (.{ .a, .b }) |store| {
            const entry = try context.state(store);
            entry.set(try std.mem.concat(context.allocator, u8, &.{ try entry.get() orelse "", value }));
        }
    }

    pub fn migrate(_: *Operator, store: []const u8, from_version: u32, rows: ms.Batch, context: *Context) !void {
        if (from_version != 1) return context.fatal("no version {d} of {s}", .{ from_version, store });
        var all = rows.iterate();
        while (all.next()) |row| if (row.value.?.len > 0) context.keep(row.key.?, row.value.?);
    }
};
const Context = ms.Context(Operator);
const Harness = ms.testing.Harness(Operator);

test "what a record writes the next one reads, in one call each way" {
    for ([_]bool{ true, false }) |numbers_keys| {
        var op: Harness = .init();
        defer op.deinit();
        try op.open("");
        op.numbers_keys = numbers_keys;
        try op.feed(&.{ .{ .key = "k", .value = "1" }, .{ .key = "l", .value = "x" }, .{ .value = "9" }, .{ .key = "k", .value = "23" } });
        try testing.expectEqualStrings("123", op.state(.a, "k").?);
        try testing.expectEqualStrings("123", op.state(.b, "k").?);
        try testing.expectEqualStrings("x", op.state(.a, "l").?);
        try testing.expectEqual(1, op.host.gets);
        try testing.expectEqual(1, op.host.puts);
        try op.expectReject(0, 2, ms.code.no_key);
        try op.feed(&.{ .{ .key = "l" }, .{ .key = "k", .value = "4" } });
        try testing.expectEqual(null, op.state(.a, "l"));
        try testing.expectEqualStrings("1234", op.state(.b, "k").?);
    }
}

test "of a call that fails nothing is kept" {
    var op: Harness = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{.{ .key = "k", .value = "1" }});
    try testing.expectError(error.Fatal, op.feed(&.{ .{ .key = "k", .value = "2" }, .{ .key = "k", .value = "scan" }, .{ .key = "k", .value = "fail" } }));
    try testing.expectEqualStrings("1", op.state(.a, "k").?);
    try testing.expectEqualStrings("store `b`, key `k`: odd", op.message);
    try testing.expectError(error.Retry, op.feed(&.{.{ .key = "k", .value = "retry" }}));
    try testing.expectEqualStrings("later, k", op.message);
    try testing.expectEqual(0, op.outputs.items.len);
}

test "other keys are read when they are looked at, and scans see what was set" {
    var op: Harness = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{ .{ .key = "k", .value = "far" }, .{ .key = "k", .value = "far" } });
    try op.expectOutput(0, null, null);
    try op.expectOutput(1, null, "seen");
    try testing.expectEqual(2, op.host.gets);
    op.take();
    try op.feed(&.{
        .{ .key = "b", .value = "1" },
        .{ .key = "c", .value = "2" },
        .{ .key = "a", .value = "3" },
        .{ .key = "d", .value = "4" },
        .{ .key = "d", .value = "scan" },
    });
    for ([_][2][]const u8{ .{ "b", "1" }, .{ "c", "2" }, .{ "d", "4" }, .{ "far away", "seen" } }, 0..) |pair, n| try op.expectOutput(n, pair[0], pair[1]);
    try testing.expectEqual(4, op.outputs.items.len);
}

test "values are of their types, and what is none stops the job" {
    var op: Harness = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{ .{ .key = "k", .value = "pair" }, .{ .key = "k", .value = "pair" }, .{ .key = "k", .value = "word" }, .{ .key = "k", .value = "word" } });
    try testing.expectEqualSlices(u8, "\x02\x00\x00\x00\x00\x00\x00\x00\xfe\xff\xff\xff\xff\xff\xff\xff", op.state(.pairs, "k").?);
    try testing.expectEqualStrings("wk", op.state(.words, "k").?);
    try op.expectOutput(0, null, "k");
    op.host.state.items[0].value = "three";
    try testing.expectError(error.Fatal, op.feed(&.{.{ .key = "k", .value = "pair" }}));
    try testing.expectEqualStrings("store `pairs`, key `k`: the value has 5 bytes, this operator's have 16", op.message);
    op.host.state.items[0].value = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x00\x00\x00\x00";
    try testing.expectError(error.Fatal, op.feed(&.{.{ .key = "k", .value = "pair" }}));
    op.host.state.items[1].value = "x";
    try testing.expectError(error.Fatal, op.feed(&.{ .{ .key = "k\n", .value = "x" }, .{ .key = "k", .value = "word" } }));
    try testing.expectEqualStrings("store `words`, key `k`: NotAWord", op.message);
}

test "many keys are read and written at once" {
    for ([_]bool{ true, false }) |numbers_keys| {
        var op: Harness = .init();
        defer op.deinit();
        try op.open("");
        op.numbers_keys = numbers_keys;
        var inputs: [5000]ms.testing.Input = undefined;
        for (&inputs, 0..) |*input, n| input.* = .{ .key = try std.fmt.allocPrint(op.host.arena(), "{d}", .{n % 1777}), .value = "v" };
        try op.feed(&inputs);
        try testing.expectEqual(1, op.host.gets);
        try testing.expectEqualStrings("vv", op.state(.a, "1776").?);
        try testing.expectEqualStrings("vvv", op.state(.b, "0").?);
    }
}

test "a part of a batch whose keys are numbered otherwise is read all the same" {
    var op: Harness = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{.{ .key = "k", .value = "1" }});
    const instance = op.instance.?;
    var rows = [_]ms.layout.Row{ .{ .key_end = 1, .value_end = 2, .headers_end = 2, .key_id = 7 }, .{ .key_end = 3, .value_end = 4, .headers_end = 4, .key_id = 0 } };
    op.host.is_in_call = true;
    ms.testing.enter(&op.host);
    defer ms.testing.leave();
    try instance.process(.{}, &rows, "k2l3");
    instance.call.end();
    try testing.expectEqualStrings("12", op.state(.a, "k").?);
    try testing.expectEqualStrings("3", op.state(.a, "l").?);
}

test "rows of an older version are rewritten, or refused" {
    var op: Harness = .init();
    defer op.deinit();
    try op.open("");
    try op.migrate("b", 1, &.{ .{ .key = "a", .value = "1" }, .{ .key = "b", .value = "" } });
    try op.expectOutput(0, "a", "1");
    try testing.expectEqual(1, op.outputs.items.len);
    try testing.expectError(error.Fatal, op.migrate("b", 0, &.{}));
    try testing.expectEqualStrings("no version 0 of b", op.message);
}
