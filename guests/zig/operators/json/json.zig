//! JSON: keeps the records whose field equals a value, and of those the fields named, in that order; may make one field the key.
const std = @import("std");
const ms = @import("millstream");

pub const Operator = struct {
    /// The fields that the config names: those of `select`, then `only`'s, then `key`.
    names: []const []const u8,
    /// What is found in a record, by the same numbers.
    raws: []?[]const u8,
    equals: ?ms.json.Value,
    only_at: usize,
    key_at: ?usize,
    /// The names of `select` as they stand in the output: behind a comma, quoted and with a colon.
    select: []const []const u8,

    pub const declaration: ms.Declaration = .{ .name = "json", .version = "0.1.0" };
    pub const Config = struct {
        /// Only records that have this; none: all.
        only: ?struct { field: []const u8, equals: ms.json.Value } = null,
        /// Fields to keep, in order; those that a record lacks are left out. Empty: the value stays as it is.
        select: []const []const u8 = &.{},
        /// The field whose text becomes the key.
        key: ?[]const u8 = null,
    };

    pub fn open(config: Config, setup: *ms.Setup) !Operator {
        const keep = setup.allocator;
        var names: std.ArrayList([]const u8) = .empty;
        const select = try keep.alloc([]const u8, config.select.len);
        for (config.select, select) |name, *quoted| {
            quoted.* = try std.mem.concat(keep, u8, &.{ ",", try ms.json.quote(keep, name), ":" });
            try names.append(keep, name);
        }
        const only_at = names.items.len;
        if (config.only) |only| try names.append(keep, only.field);
        const key_at = names.items.len;
        if (config.key) |key| try names.append(keep, key);
        return .{
            .names = names.items,
            .raws = try keep.alloc(?[]const u8, names.items.len),
            .equals = if (config.only) |only| only.equals else null,
            .only_at = only_at,
            .key_at = if (config.key != null) key_at else null,
            .select = select,
        };
    }

    pub fn process(self: *Operator, record: ms.Record, context: *Context) !void {
        try context.needFields(record, self.names, self.raws);
        if (self.equals) |equals| if (!try isWanted(context, self.raws[self.only_at], equals)) return;
        var out: Context.Out = .{ .key = record.key, .value = record.value, .headers = record.headers };
        if (self.key_at) |at| out.key = try keyOf(context, self.names[at], self.raws[at]);
        if (self.select.len > 0) out.value = try self.selected(context);
        context.emit(out);
    }

    fn selected(self: *const Operator, context: *Context) ![]const u8 {
        var len: usize = 2;
        for (self.select, self.raws[0..self.select.len]) |name, raw| {
            if (raw) |value| len += name.len + value.len;
        }
        const text = try context.allocator.alloc(u8, len);
        var end: usize = 0;
        for (self.select, self.raws[0..self.select.len]) |name, raw| {
            const value = raw orelse continue;
            @memcpy(text[end..][0..name.len], name);
            @memcpy(text[end + name.len ..][0..value.len], value);
            end += name.len + value.len;
        }
        // In place of the first comma.
        text[0] = '{';
        end = @max(end, 1);
        text[end] = '}';
        return text[0 .. end + 1];
    }
};
const Context = ms.Context(Operator);

/// Text without escapes is compared as it stands.
fn isWanted(context: *Context, raw: ?[]const u8, equals: ms.json.Value) !bool {
    const text = raw orelse return false;
    if (equals == .string and text[0] == '"' and std.mem.findScalar(u8, text, '\\') == null) return std.mem.eql(u8, text[1 .. text.len - 1], equals.string);
    var problem: ms.json.Problem = .{};
    const value = ms.json.parse(context.allocator, text, &problem) catch return context.badJson("{f}", .{problem});
    return ms.json.equal(value, equals);
}

fn keyOf(context: *Context, name: []const u8, raw: ?[]const u8) ![]const u8 {
    const text = raw orelse return context.badJson("it has no field `{s}`", .{name});
    if (text[0] != '"') return ms.json.compact(context.allocator, text);
    return ms.json.unescape(context.allocator, text) catch context.badJson("half a surrogate pair", .{});
}

test "matching records keep the chosen fields in order" {
    var op: ms.testing.Harness(Operator) = .init();
    defer op.deinit();
    try op.open("{\"only\":{\"field\":\"o\",\"equals\":\"JFK\"},\"select\":[\"n\",\"o\"],\"key\":\"n\"}");
    try op.feed(&.{
        .{ .key = "k", .value = "{\"o\":\"JFK\",\"x\":[1, 2],\"n\":7}" },
        .{ .value = "{\"o\":\"EWR\"}" },
        .{ .value = "{\"n\":1}" },
        .{ .value = "{\"o\":\"\\u004aFK\"}" },
        .{ .value = "{" },
    });
    try std.testing.expectEqual(1, op.outputs.items.len);
    try op.expectOutput(0, "7", "{\"n\":7,\"o\":\"JFK\"}");
    try op.expectReject(0, 3, ms.code.bad_json);
    try op.expectReject(1, 4, ms.code.bad_json);
    try op.open("{\"select\":[\"none\"]}");
    try op.feed(&.{.{ .value = "{\"a\":1}" }});
    try op.expectOutput(0, null, "{}");
    try std.testing.expectError(error.Fatal, op.open("{\"only\":{\"field\":\"a\",\"equal\":1}}"));
    try std.testing.expectEqualStrings("config: `only`: unknown field `equal`", op.message);
}
