//! Keyed count: each record yields its key and how often that key was seen, as text. The value `poison` is rejected.
const std = @import("std");
const ms = @import("millstream");

/// Reject code.
const poisoned = 1;

pub const Operator = struct {
    pub const declaration: ms.Declaration = .{ .name = "count", .version = "0.1.0", .stores = &.{.{ .name = "counts", .Value = u64 }} };

    pub fn process(_: *Operator, record: ms.Record, context: *Context) !void {
        if (record.value) |value| if (std.mem.eql(u8, value, "poison")) return context.reject(poisoned, "poison", .{});
        const seen = try context.state(.counts);
        const count = (try seen.get() orelse 0) + 1;
        seen.set(count);
        context.emit(.{ .key = record.key, .value = context.digits(count) });
    }
};
const Context = ms.Context(Operator);

test "each key is counted on its own across instances" {
    var op: ms.testing.Harness(Operator) = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{
        .{ .key = "a", .value = "x" },
        .{ .key = "b", .value = "x" },
        .{ .key = "a", .value = "poison" },
        .{ .key = "a", .value = "" },
        .{ .value = "x" },
    });
    try op.reopen("");
    op.numbers_keys = false;
    try op.feed(&.{ .{ .key = "a", .value = "x" }, .{ .key = "b" } });
    for ([_][2][]const u8{ .{ "a", "1" }, .{ "b", "1" }, .{ "a", "2" }, .{ "a", "3" }, .{ "b", "2" } }, 0..) |pair, n| try op.expectOutput(n, pair[0], pair[1]);
    try op.expectReject(0, 2, poisoned);
    try op.expectReject(1, 4, ms.code.no_key);
    try std.testing.expectEqual(2, op.host.gets);
    try std.testing.expectEqual(2, op.host.puts);
}
