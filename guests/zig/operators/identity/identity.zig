//! Passes every record on as it is: what the boundary costs, and nothing else.
const ms = @import("millstream");

pub const Operator = struct {
    pub const declaration: ms.Declaration = .{ .name = "identity", .version = "0.1.0" };

    pub fn processBatch(_: *Operator, _: ms.Batch, context: *Context) void {
        context.forwardAll();
    }
};
const Context = ms.Context(Operator);

test "records pass as they are" {
    var op: ms.testing.Harness(Operator) = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{ .{ .key = "k", .value = "v", .timestamp = 7 }, .{ .value = "v" }, .{ .key = "k" } });
    try op.expectOutput(0, "k", "v");
    try op.expectOutput(1, null, "v");
    try op.expectOutput(2, "k", null);
    const testing = @import("std").testing;
    try testing.expectEqual(7, op.outputs.items[0].timestamp);
    try testing.expectEqual(2, op.outputs.items[2].row);
    try testing.expectError(error.Fatal, op.open("{\"a\":1}"));
    try testing.expectEqualStrings("config: unknown field `a`", op.message);
}
