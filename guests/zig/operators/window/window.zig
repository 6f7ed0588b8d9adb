//! Tumbling windows: count and sum of the values (whole numbers as text) per key and window of event time.
//!
//! A window is closed, and its result emitted, when the watermark has passed its end by `lateness_ms`; a record that comes later goes to the port `late` as
//! it is. Result: the key, `{"start":…,"end":…,"count":…,"sum":…}`, timestamp the window's last millisecond.
const std = @import("std");
const ms = @import("millstream");

/// Reject codes.
const not_a_number = 1;
const overflow = 2;

const Totals = struct { count: u64, sum: i64 };

pub const Operator = struct {
    config: Config,

    pub const declaration: ms.Declaration = .{
        .name = "window",
        .version = "0.1.0",
        .outputs = &.{ "out", "late" },
        .stores = &.{.{ .name = "windows", .Value = Totals }},
    };
    pub const Config = struct { size_ms: i64, lateness_ms: i64 = 0 };

    pub fn open(config: Config, setup: *ms.Setup) !Operator {
        if (config.size_ms < 1) return setup.wrong("size_ms", "must be at least 1");
        if (config.lateness_ms < 0) return setup.wrong("lateness_ms", "must be at least 0");
        return .{ .config = config };
    }

    pub fn prefetch(self: *Operator, record: ms.Record, keys: *ms.Keys(Operator)) void {
        const key = record.key orelse return;
        const time = record.timestamp orelse return;
        keys.want(.windows, stateKey(keys.allocator, key, self.startOf(time)));
    }

    pub fn process(self: *Operator, record: ms.Record, context: *Context) !void {
        const time = try context.needTime(record);
        const key = try context.needKey(record);
        const text = try context.needText(record);
        const value = ms.text.whole(i64, ms.text.trim(text)) orelse return context.reject(not_a_number, "`{s}` is no whole number of 64 bits", .{text});
        const start = self.startOf(time);
        const closes_at = start +| self.config.size_ms +| self.config.lateness_ms;
        if (context.times.watermark) |watermark| if (closes_at <= watermark) return context.forwardTo(record, .late);
        const window = context.stateOf(.windows, stateKey(context.allocator, key, start));
        const before = try window.get();
        var totals: Totals = before orelse .{ .count = 0, .sum = 0 };
        totals.sum = std.math.add(i64, totals.sum, value) catch return context.reject(overflow, "the window's sum exceeds 64 bits", .{});
        totals.count += 1;
        window.set(totals);
        // The payload is the end of the state's key.
        if (before == null) context.setTimer(.{ .at = closes_at, .key = key, .payload = window.key()[key.len..] });
    }

    pub fn prefetchTimer(_: *Operator, timer: ms.Timer, keys: *ms.Keys(Operator)) void {
        const key = timer.key orelse return;
        keys.want(.windows, std.mem.concat(keys.allocator, u8, &.{ key, timer.payload }) catch @panic("out of memory"));
    }

    pub fn onTimer(self: *Operator, timer: ms.Timer, context: *Context) !void {
        const key = timer.key orelse return context.fatal("a timer that this operator did not set", .{});
        if (timer.payload.len != 8) return context.fatal("a timer that this operator did not set", .{});
        const window = context.stateOf(.windows, try std.mem.concat(context.allocator, u8, &.{ key, timer.payload }));
        const totals = try window.get() orelse return;
        window.delete();
        const start = std.mem.readInt(i64, timer.payload[0..8], .big);
        const end = start +| self.config.size_ms;
        const result = context.format("{{\"start\":{d},\"end\":{d},\"count\":{d},\"sum\":{d}}}", .{ start, end, totals.count, totals.sum });
        context.emit(.{ .key = key, .value = result, .timestamp = end - 1 });
    }

    fn startOf(self: *const Operator, time: i64) i64 {
        // What lies before the beginning of time wraps around, as in the other languages.
        return time -% @mod(time, self.config.size_ms);
    }
};
const Context = ms.Context(Operator);

/// Where a window's totals are: the record's key, then the window's start in eight bytes, big-endian.
fn stateKey(allocator: std.mem.Allocator, key: []const u8, start: i64) []const u8 {
    const whole = allocator.alloc(u8, key.len + 8) catch @panic("out of memory");
    @memcpy(whole[0..key.len], key);
    std.mem.writeInt(i64, whole[key.len..][0..8], start, .big);
    return whole;
}

test "a window is emitted when the watermark passes its end, and what comes later goes to late" {
    var op: ms.testing.Harness(Operator) = .init();
    defer op.deinit();
    const config = "{\"size_ms\":100,\"lateness_ms\":50}";
    try op.open(config);
    try op.feed(&.{
        .{ .key = "a", .value = "1", .timestamp = 0 },
        .{ .key = "a", .value = " 2\n", .timestamp = 99 },
        .{ .key = "a", .value = "5", .timestamp = 100 },
        .{ .key = "b", .value = "-7", .timestamp = -1 },
    });
    try std.testing.expectEqual(3, op.host.timers.items.len);
    try std.testing.expectEqual(1, op.host.gets);
    try op.advanceWatermark(50);
    try op.expectOutput(0, "b", "{\"start\":-100,\"end\":0,\"count\":1,\"sum\":-7}");
    try std.testing.expectEqual(-1, op.outputs.items[0].timestamp);

    try op.reopen(config);
    try op.advanceWatermark(149);
    try op.feed(&.{.{ .key = "a", .value = "4", .timestamp = 20 }});
    try op.advanceWatermark(150);
    try op.expectOutput(1, "a", "{\"start\":0,\"end\":100,\"count\":3,\"sum\":7}");
    try op.feed(&.{
        .{ .key = "a", .value = "8", .timestamp = 30 },
        .{ .key = "a", .value = "x", .timestamp = 200 },
        .{ .key = "a", .value = "9" },
        .{ .value = "9", .timestamp = 200 },
        .{ .key = "a", .timestamp = 200 },
    });
    try op.expectOutput(2, "a", "8");
    try std.testing.expectEqual(1, op.outputs.items[2].port);
    for ([_]u16{ not_a_number, ms.code.no_time, ms.code.no_key, ms.code.bad_text }, 0..) |code, n| try op.expectReject(n, @intCast(n + 1), code);
    try op.advanceWatermark(std.math.maxInt(i64));
    try std.testing.expectEqual(0, op.host.timers.items.len);
    try std.testing.expectEqual(0, op.host.state.items.len);
    try std.testing.expectError(error.Fatal, op.open("{\"size_ms\":0}"));
    try std.testing.expectEqualStrings("config: `size_ms` must be at least 1", op.message);
}
