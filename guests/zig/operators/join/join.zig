//! Joins two inputs, `left` and `right`, by key: every pair whose times are at most `within_ms` apart yields one record.
//!
//! Value: the left value, `separator`, the right value; timestamp: the later of the two. Both sides wait in state and are forgotten, by a timer, when no
//! partner can come any more. A record that comes later than that goes to the port `late`.
const std = @import("std");
const ms = @import("millstream");

/// Reject code: a record without value has nothing to join.
const no_value = 1;
const torn = "the waiting records end in the middle of one";

pub const Operator = struct {
    config: Config,

    pub const declaration: ms.Declaration = .{
        .name = "join",
        .version = "0.1.0",
        .inputs = &.{ "left", "right" },
        .outputs = &.{ "out", "late" },
        // One a side. Per key its records that still wait, in the order in which they came: time (i64), length (u32), bytes.
        .stores = &.{ .{ .name = "left" }, .{ .name = "right" } },
    };
    pub const Config = struct { within_ms: i64, separator: []const u8 = "|" };

    pub fn open(config: Config, setup: *ms.Setup) !Operator {
        if (config.within_ms < 0) return setup.wrong("within_ms", "must be at least 0");
        return .{ .config = config };
    }

    pub fn process(self: *Operator, record: ms.Record, context: *Context) !void {
        const time = try context.needTime(record);
        const value = record.value orelse return context.reject(no_value, "a record to join needs a value", .{});
        const forgotten_at = self.forgottenAt(time);
        if (context.times.watermark) |watermark| if (forgotten_at <= watermark) return context.forwardTo(record, .late);
        const key = try context.needKey(record);
        const left = try context.state(.left);
        const right = try context.state(.right);
        const is_left = record.port == 0;
        const own, const others = if (is_left) .{ left.bytes(), right.bytes() } else .{ right.bytes(), left.bytes() };

        var partners: Waiting = .{ .rest = others orelse "" };
        while (partners.next() catch return if (is_left) right.unreadable(torn) else left.unreadable(torn)) |partner| {
            if (@abs(@as(i128, time) - partner.time) > self.config.within_ms) continue;
            const parts = if (is_left) .{ value, partner.value } else .{ partner.value, value };
            const pair = try std.mem.concat(context.allocator, u8, &.{ parts[0], self.config.separator, parts[1] });
            context.emit(.{ .key = key, .value = pair, .timestamp = @max(time, partner.time) });
        }
        const length: u32 = @intCast(value.len);
        const waiting = try std.mem.concat(context.allocator, u8, &.{ own orelse "", std.mem.asBytes(&time), std.mem.asBytes(&length), value });
        if (is_left) left.set(waiting) else right.set(waiting);
        context.setTimer(.{ .at = forgotten_at, .key = key });
    }

    pub fn onTimer(self: *Operator, timer: ms.Timer, context: *Context) !void {
        if (timer.key == null) return;
        try self.forget(context, try context.state(.left), timer.at);
        try self.forget(context, try context.state(.right), timer.at);
    }

    /// Keeps what still has partners to come.
    fn forget(self: *const Operator, context: *Context, entry: anytype, now: i64) !void {
        const stored = entry.bytes() orelse return;
        var kept: std.ArrayList(u8) = try .initCapacity(context.allocator, stored.len);
        var waiting: Waiting = .{ .rest = stored };
        while (waiting.next() catch return entry.unreadable(torn)) |one| {
            if (self.forgottenAt(one.time) > now) kept.appendSliceAssumeCapacity(one.bytes);
        }
        if (kept.items.len > 0) entry.set(kept.items) else entry.delete();
    }

    /// From this watermark on no partner can come for a record of that time.
    fn forgottenAt(self: *const Operator, time: i64) i64 {
        return time +| self.config.within_ms +| 1;
    }
};
const Context = ms.Context(Operator);

/// Goes through the records of a side that wait.
const Waiting = struct {
    rest: []const u8,

    const head_bytes = 12;
    const One = struct { time: i64, value: []const u8, bytes: []const u8 };

    fn next(waiting: *Waiting) error{Torn}!?One {
        const rest = waiting.rest;
        if (rest.len == 0) return null;
        if (rest.len < head_bytes) return error.Torn;
        const len = std.mem.readInt(u32, rest[8..12], .little);
        if (len > rest.len - head_bytes) return error.Torn;
        waiting.rest = rest[head_bytes + len ..];
        return .{ .time = std.mem.readInt(i64, rest[0..8], .little), .value = rest[head_bytes..][0..len], .bytes = rest[0 .. head_bytes + len] };
    }
};

test "pairs come out once, whoever comes first, and are forgotten in time" {
    var op: ms.testing.Harness(Operator) = .init();
    defer op.deinit();
    try op.open("{\"within_ms\":50}");
    try op.feed(&.{
        .{ .port = 1, .key = "a", .value = "1", .timestamp = 1000 },
        .{ .port = 0, .key = "a", .value = "2", .timestamp = 1010 },
        .{ .port = 0, .key = "a", .value = "3", .timestamp = 5000 },
        .{ .port = 1, .key = "a", .value = "4", .timestamp = 4950 },
    });
    try op.expectOutput(0, "a", "2|1");
    try op.expectOutput(1, "a", "3|4");
    try std.testing.expectEqual(1010, op.outputs.items[0].timestamp);
    try op.advanceWatermark(1061);
    try std.testing.expectEqual(14 - 1, op.state(.left, "a").?.len);
    try op.feed(&.{ .{ .port = 0, .key = "a", .value = "5", .timestamp = 1000 }, .{ .key = "a", .timestamp = 5000 }, .{ .value = "x", .timestamp = 5000 } });
    try std.testing.expectEqual(1, op.outputs.items[2].port);
    try op.expectReject(0, 1, no_value);
    try op.expectReject(1, 2, ms.code.no_key);
    try op.advanceWatermark(std.math.maxInt(i64));
    try std.testing.expectEqual(0, op.host.state.items.len);
    try std.testing.expectError(error.Fatal, op.open(""));
    try std.testing.expectEqualStrings("config: missing field `within_ms`", op.message);
}
