//! Filter and map: keeps the records whose value contains a text, and changes the value's case.
const std = @import("std");
const ms = @import("millstream");

pub const Operator = struct {
    config: Config,

    pub const declaration: ms.Declaration = .{ .name = "filter-map", .version = "0.1.0" };
    pub const Config = struct {
        /// Records whose value does not contain this are dropped; empty: all stay.
        keep: []const u8 = "",
        /// What becomes of ASCII letters.
        map: enum { upper, lower, same } = .upper,
    };

    pub fn open(config: Config, _: *ms.Setup) !Operator {
        return .{ .config = config };
    }

    pub fn process(self: *Operator, record: ms.Record, context: *Context) !void {
        const value = try context.needText(record);
        if (std.mem.find(u8, value, self.config.keep) == null) return;
        if (self.config.map == .same) return context.forward(record);
        const mapped = try context.allocator.alloc(u8, value.len);
        const first: u8 = if (self.config.map == .upper) 'a' else 'A';
        for (value, mapped) |from, *to| to.* = if (from -% first < 26) from ^ ('a' ^ 'A') else from;
        context.emit(.{ .key = record.key, .value = mapped, .headers = record.headers });
    }
};
const Context = ms.Context(Operator);

test "what is kept changes its case" {
    var op: ms.testing.Harness(Operator) = .init();
    defer op.deinit();
    try op.open("{\"keep\":\"mill\"}");
    try op.feed(&.{ .{ .key = "k", .value = "a mill, ä Z@[`{" }, .{ .value = "else" }, .{ .value = null }, .{ .value = "\xff" } });
    try std.testing.expectEqual(1, op.outputs.items.len);
    try op.expectOutput(0, "k", "A MILL, ä Z@[`{");
    try op.expectReject(0, 2, ms.code.bad_text);
    try op.expectReject(1, 3, ms.code.bad_text);
    try op.open("{\"map\":\"lower\"}");
    try op.feed(&.{.{ .value = "A Z@[`{az" }});
    try op.expectOutput(0, null, "a z@[`{az");
    try std.testing.expectError(error.Fatal, op.open("{\"map\":\"title\"}"));
    try std.testing.expectEqualStrings("config: `map`: expected one of `upper`, `lower`, `same`", op.message);
}
