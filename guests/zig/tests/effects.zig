//! What a call may ask for: records on ports, batches that go on, timers, rejects, logs and counters; in `process` and in `processBatch`.
const std = @import("std");
const ms = @import("millstream");
const testing = std.testing;

const Operator = struct {
    pub const declaration: ms.Declaration = .{ .name = "effects", .version = "1", .outputs = &.{ "out", "late" } };

    /// `all` emits the whole batch, `more` the batch, the record, and the batch once more; `bad` is rejected, `wrong` fails with an error.
    pub fn processBatch(_: *Operator, batch: ms.Batch, context: *Context) !void {
        var all = batch.iterate();
        while (all.next()) |record| {
            context.turnTo(record);
            one(batch, record, context) catch |failure| try context.settle(failure);
        }
    }

    fn one(batch: ms.Batch, record: ms.Record, context: *Context) !void {
        const value = record.value orelse return;
        if (std.mem.eql(u8, value, "all") or std.mem.eql(u8, value, "more")) {
            context.forwardAll();
            // What came in is still there.
            try testing.expectEqual(0, batch.at(record.row).partition);
            if (value.len == 3) return;
            context.forward(record);
            return context.forwardAll();
        }
        if (std.mem.eql(u8, value, "bad")) return context.reject(7, "no such {s}", .{record.key.?});
        if (std.mem.eql(u8, value, "wrong")) return error.Wrong;
        if (std.mem.eql(u8, value, "fatal")) return context.fatal("no more", .{});
        if (std.mem.eql(u8, value, "timers")) {
            for ([_]i64{ 20, 10, 20 }) |at| context.setTimer(.{ .at = at, .key = record.key, .payload = "p" });
            context.setTimer(.{ .clock = .processing, .at = 5 });
            context.setTimer(.{ .at = 15 });
            return context.deleteTimer(.{ .at = 15 });
        }
        context.log(.warn, "seen {d}", .{record.row});
        context.count("seen", 2);
        const headers = try record.headers.with(context.allocator, "h", value);
        context.emit(.{ .key = record.key, .value = value, .headers = headers, .port = .late, .timestamp = 9, .partition = 3 });
    }

    pub fn onTimer(_: *Operator, timer: ms.Timer, context: *Context) !void {
        if (timer.at == 10) context.setTimer(.{ .at = 11, .key = "again" });
        if (timer.at == 11) return context.reject(8, "a timer", .{});
        context.emit(.{ .key = timer.key, .value = context.format("{t} {d} {s} {?d}", .{ timer.clock, timer.at, timer.payload, context.times.watermark }) });
    }
};
const Context = ms.Context(Operator);
const Harness = ms.testing.Harness(Operator);

test "a record has all that it is given" {
    var op: Harness = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{ .{}, .{ .key = "k", .value = "v" } });
    const out = op.outputs.items[0];
    try testing.expectEqualStrings("v", out.headers.find("h").?.value.?);
    try testing.expectEqual(1, out.port);
    try testing.expectEqual(9, out.timestamp);
    try testing.expectEqual(3, out.partition);
    try testing.expectEqual(1, out.row);
    try testing.expectEqualStrings("seen 1", op.host.logs.items[0].message);
    try testing.expectEqual(2, op.host.counters.get("seen"));
}

test "a batch goes on as it is, alone and among others" {
    var op: Harness = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{ .{ .timestamp = 7 }, .{ .key = "k", .value = "all", .timestamp = 8 } });
    try testing.expectEqual(2, op.outputs.items.len);
    try op.expectOutput(0, null, null);
    try op.expectOutput(1, "k", "all");
    try testing.expectEqual(7, op.outputs.items[0].timestamp);
    try testing.expectEqual(1, op.outputs.items[1].row);
    op.take();
    try op.feed(&.{ .{ .key = "a", .timestamp = 7 }, .{ .key = "k", .value = "more", .timestamp = 8 } });
    for ([_]?[]const u8{ "a", "k", "k", "a", "k" }, [_]?i64{ 7, 8, null, 7, 8 }, [_]u32{ 0, 1, 1, 0, 1 }, op.outputs.items) |key, timestamp, row, out| {
        try testing.expectEqualDeep(key, out.key);
        try testing.expectEqual(timestamp, out.timestamp);
        try testing.expectEqual(row, out.row);
        try testing.expectEqual(null, out.partition);
    }
    op.take();
    try op.feed(&.{.{ .key = "b", .value = "v" }});
    try op.expectOutput(0, "b", "v");
}

test "records are rejected alone, and a failure is the call's" {
    var op: Harness = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{ .{ .key = "a", .value = "bad" }, .{ .key = "b", .value = "wrong" }, .{ .key = "c", .value = "v" } });
    try op.expectReject(0, 0, 7);
    try testing.expectEqualStrings("no such a", op.rejects.items[0].message);
    try op.expectReject(1, 1, ms.code.unspecified);
    try testing.expectEqualStrings("Wrong", op.rejects.items[1].message);
    try op.expectOutput(0, "c", "v");
    op.take();
    try testing.expectError(error.Fatal, op.feed(&.{ .{ .key = "c", .value = "v" }, .{ .value = "fatal" } }));
    try testing.expectEqual(0, op.outputs.items.len);
}

test "timers fire once, in order, by their own clock" {
    var op: Harness = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{.{ .key = "k", .value = "timers" }});
    try testing.expectEqual(3, op.host.timers.items.len);
    try op.advanceWatermark(19);
    try op.expectOutput(0, "k", "event 10 p 19");
    try op.expectReject(0, 0, 8);
    try op.advanceNow(5);
    try op.expectOutput(1, null, "processing 5  19");
    try op.reopen("");
    try op.advanceWatermark(20);
    try op.expectOutput(2, "k", "event 20 p 20");
    op.take();
    try op.feed(&.{ .{ .key = "a", .value = "timers" }, .{ .key = "b", .value = "timers" } });
    try op.advanceNow(6);
    try op.advanceWatermark(20);
    // Both of 20 in one batch, with those of 10 before them: what each emits is of its own row.
    try op.expectOutput(1, "a", "event 10 p 20");
    try op.expectOutput(4, "b", "event 20 p 20");
    for ([_]u32{ 0, 1, 2, 3 }, op.outputs.items[op.outputs.items.len - 4 ..]) |row, out| try testing.expectEqual(row, out.row);
    try testing.expectEqual(0, op.host.timers.items.len);
}

test "a port or store that the job does not give is named" {
    var instance: ms.Instance(Operator) = .init(std.heap.page_allocator);
    defer instance.deinit();
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    var setup: ms.Setup = .{ .allocator = arena.allocator(), .outputs = &.{"late"} };
    try testing.expectError(error.Fatal, instance.open(&setup));
    try testing.expectEqualStrings("the job gives this operator no output port `out`", setup.message.?);
}
