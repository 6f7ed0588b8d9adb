//! {{name}}: counts the records of each key.
const ms = @import("millstream");

pub const Operator = struct {
    pub const declaration: ms.Declaration = .{
        .name = "{{name}}",
        .version = "0.1.0",
        // What is remembered: by key, how many records it had. Kept by the host, and there again after a restart.
        .stores = &.{.{ .name = "counts", .version = 1, .Value = u64 }},
    };

    pub fn process(_: *Operator, record: ms.Record, context: *Context) !void {
        const counted = try context.state(.counts); // of the record's key; without one it is rejected
        const count = (try counted.get() orelse 0) + 1;
        counted.set(count);
        context.emit(.{ .key = record.key, .value = context.format("{d}", .{count}) });
    }
};
const Context = ms.Context(Operator);

test "each key is counted on its own" {
    var op: ms.testing.Harness(Operator) = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{ .{ .key = "ann", .value = "hello" }, .{ .key = "bob", .value = "hi" }, .{ .key = "ann", .value = "bye" }, .{ .value = "nobody" } });
    try op.expectOutput(0, "ann", "1");
    try op.expectOutput(1, "bob", "1");
    try op.expectOutput(2, "ann", "2");
    try op.expectReject(0, 3, ms.code.no_key);
}
