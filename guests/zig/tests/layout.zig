//! The shared vectors of the packing: read as they say, written to the same bytes, refused for the rule they break.
const std = @import("std");
const ms = @import("millstream");
const testing = std.testing;
const Value = ms.json.Value;

const Vectors = struct {
    arena: std.heap.ArenaAllocator,
    all: Value,

    fn read() !Vectors {
        var arena: std.heap.ArenaAllocator = .init(testing.allocator);
        var problem: ms.json.Problem = .{};
        return .{ .all = try ms.json.parse(arena.allocator(), @embedFile("vectors"), &problem), .arena = arena };
    }

    /// Bytes that end where their memory does, aligned as rows are. Null is null.
    fn hex(vectors: *Vectors, value: Value) !?[]align(8) u8 {
        if (value == .null) return null;
        const bytes = try vectors.arena.allocator().alignedAlloc(u8, .@"8", value.string.len / 2);
        _ = try std.fmt.hexToBytes(bytes, value.string);
        return bytes;
    }

    fn batch(vectors: *Vectors, vector: Value) !struct { index: []align(8) u8, arena: []u8 } {
        return .{ .index = (try vectors.hex(vector.field("index").?)).?, .arena = (try vectors.hex(vector.field("arena").?)).? };
    }
};

fn number(row: Value, name: []const u8) !i64 {
    return row.field(name).?.whole(i64) orelse error.TestUnexpectedResult;
}

test "valid batches are read as they say and written to the same bytes" {
    var vectors: Vectors = try .read();
    defer vectors.arena.deinit();
    const allocator = vectors.arena.allocator();
    var valid: usize = 0;
    for (vectors.all.field("valid").?.array) |vector| {
        errdefer std.debug.print("{s}\n", .{vector.field("name").?.string});
        const given = try vectors.batch(vector);
        try testing.expectEqual(null, ms.testing.brokenRule(given.index, given.arena));
        const batch: ms.Batch = .{ .index = @ptrCast(given.index), .arena = given.arena };
        var built: ms.layout.Builder = .{ .gpa = testing.allocator };
        defer built.deinit();
        const rows = vector.field("rows").?.array;
        try testing.expectEqual(rows.len, batch.len());
        for (rows, 0..) |row, n| {
            const record = batch.at(n);
            try testing.expectEqualDeep(@as(?[]const u8, try vectors.hex(row.field("key").?)), record.key);
            try testing.expectEqualDeep(@as(?[]const u8, try vectors.hex(row.field("value").?)), record.value);
            try testing.expectEqual(try number(row, "port"), record.port);
            try testing.expectEqual(try number(row, "timestamp"), record.timestamp orelse ms.layout.inherit);
            try testing.expectEqual(try number(row, "offset"), record.offset);
            try testing.expectEqual(try number(row, "partition"), record.partition);
            try testing.expectEqual(try number(row, "key_id"), record.key_id);
            var headers = record.headers.iterate();
            var written: ms.Headers = .empty;
            for (row.field("headers").?.array) |pair| {
                const value: ?[]const u8 = try vectors.hex(pair.array[1]);
                const header = headers.next() orelse return error.TestUnexpectedResult;
                try testing.expectEqualStrings(pair.array[0].string, header.name);
                try testing.expectEqualDeep(value, header.value);
                written = try written.with(allocator, pair.array[0].string, value);
            }
            try testing.expectEqual(null, headers.next());
            const fields: ms.layout.Row = .{
                .port = record.port,
                .timestamp = record.timestamp orelse ms.layout.inherit,
                .offset = record.offset,
                .partition = record.partition,
                .key_id = record.key_id,
            };
            built.push(record.key, record.value, written.bytes, fields);
        }
        try testing.expectEqualSlices(u8, given.index, std.mem.sliceAsBytes(built.built().index));
        try testing.expectEqualSlices(u8, given.arena, built.built().arena);
        valid += 1;

        if (given.arena.len >= 1000) continue;
        for (0..given.index.len) |len| {
            const broken = ms.testing.brokenRule(try allocator.dupe(u8, given.index[0..len]), given.arena);
            try testing.expect(broken != null or len % @sizeOf(ms.layout.Row) == 0);
        }
        for (0..given.arena.len) |len| try testing.expect(ms.testing.brokenRule(given.index, try allocator.dupe(u8, given.arena[0..len])) != null);
    }
    try testing.expect(valid >= 10);
}

test "invalid batches are refused under the names of their rules" {
    var vectors: Vectors = try .read();
    defer vectors.arena.deinit();
    var invalid: usize = 0;
    for (vectors.all.field("invalid").?.array) |vector| {
        const given = try vectors.batch(vector);
        try testing.expectEqualStrings(vector.field("error").?.string, ms.testing.brokenRule(given.index, given.arena) orelse "nothing");
        invalid += 1;
    }
    try testing.expect(invalid >= 20);
}
