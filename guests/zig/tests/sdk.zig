//! JSON, config, text, headers and memory: what operators build on.
const std = @import("std");
const ms = @import("millstream");
const testing = std.testing;
const json = ms.json;

const Arena = std.heap.ArenaAllocator;

fn read(arena: *Arena, text: []const u8) !json.Value {
    var problem: json.Problem = .{};
    return json.parse(arena.allocator(), text, &problem);
}

test "json is what the grammar says, in a tree and without one" {
    var arena: Arena = .init(testing.allocator);
    defer arena.deinit();
    var good: std.ArrayList([]const u8) = .empty;
    var bad: std.ArrayList([]const u8) = .empty;
    const allocator = arena.allocator();
    try good.appendSlice(allocator, &.{ "0", "-0.5e+7", "\"\"", "[]", "{}", "[ 1 , {\"a\":[null,true,false]} ]", "\"\\ud83d\\ude00\\u00e9\\n\"", "1E9", "[{},[],[[1],2]]", "{\"a\":{},\"b\":[{}]}" });
    try bad.appendSlice(allocator, &.{ "", "01", "1.", "-", "+1", "[1,]", "{\"a\"}", "{\"a\":1,}", "nul", "\"", "\"\\x\"", "[1 2]", "1 2", "\"\t\"", "{a:1}", "[}", "\"\\u12g4\"", "{1:2}", "1e", ".5", "\"\\", "[[1}", "{\"a\":[}", "\"0123456789abcde\x01\"" });
    for ([_]usize{ 127, 128 }) |depth| {
        const deep = try allocator.alloc(u8, 2 * depth);
        @memset(deep[0..depth], '[');
        @memset(deep[depth..], ']');
        try (if (depth == 127) &good else &bad).append(allocator, deep);
    }
    var raws: [1]?[]const u8 = undefined;
    var problem: json.Problem = .{};
    for (good.items) |text| {
        _ = try read(&arena, text);
        const object = try std.mem.concat(allocator, u8, &.{ "{\"x\": ", text, " }" });
        if (text.len == 2 * 127) {
            // The object is open already.
            try testing.expectError(error.BadJson, json.find(allocator, object, &.{"x"}, &raws, &problem));
            const less = try std.mem.concat(allocator, u8, &.{ "{\"x\":", text[1 .. text.len - 1], "}" });
            try json.find(allocator, less, &.{"x"}, &raws, &problem);
            continue;
        }
        try json.find(allocator, object, &.{"x"}, &raws, &problem);
        try testing.expectEqualStrings(text, raws[0].?);
    }
    for (bad.items) |text| {
        try testing.expectError(error.BadJson, read(&arena, text));
        try testing.expectError(error.BadJson, json.find(allocator, try std.mem.concat(allocator, u8, &.{ "{\"x\":", text, "}" }), &.{"x"}, &raws, &problem));
    }
    try testing.expectError(error.BadJson, read(&arena, "\"\\ud800\""));
}

test "json values mean what they say" {
    var arena: Arena = .init(testing.allocator);
    defer arena.deinit();
    const allocator = arena.allocator();
    try testing.expectEqual(std.math.minInt(i64), (try read(&arena, "-9223372036854775808")).whole(i64));
    try testing.expectEqual(null, (try read(&arena, "9223372036854775808")).whole(i64));
    try testing.expectEqual(std.math.maxInt(u64), (try read(&arena, "18446744073709551615")).whole(u64));
    try testing.expectEqual(null, (try read(&arena, "-1")).whole(u64));
    try testing.expectEqual(null, (try read(&arena, "1.0")).whole(i64));
    try testing.expectEqual(null, (try read(&arena, "-0")).whole(i64));
    try testing.expectEqual(-25.0, (try read(&arena, "-2.5e1")).float());
    try testing.expectEqual(null, (try read(&arena, "1e400")).float());
    try testing.expectEqualStrings("A😀\\", (try read(&arena, "\"\\u0041\\ud83d\\ude00\\\\\"")).string);
    const pairs = [_]struct { []const u8, []const u8, bool }{
        .{ "{\"a\":1,\"b\":[\"x\"]}", " {\"b\":[\"\\u0078\"],\"a\":0,\"a\":1}", true },
        .{ "{\"a\":1}", "{\"a\":1,\"b\":2}", false },
        .{ "1", "1.0", false },
        .{ "1.0", "10e-1", true },
        .{ "18446744073709551615", "1", false },
        .{ "[1]", "[1,2]", false },
        .{ "null", "false", false },
    };
    for (pairs) |pair| {
        try testing.expectEqual(pair[2], json.equal(try read(&arena, pair[0]), try read(&arena, pair[1])));
        try testing.expectEqual(pair[2], json.equal(try read(&arena, pair[1]), try read(&arena, pair[0])));
    }
    // A name twice at each of 100 levels: what counts is compared once.
    var nested: std.ArrayList(u8) = .empty;
    for (0..100) |_| try nested.appendSlice(allocator, "{\"a\":0,\"a\":");
    try nested.append(allocator, '1');
    for (0..100) |_| try nested.append(allocator, '}');
    try testing.expect(json.equal(try read(&arena, nested.items), try read(&arena, nested.items)));
    try testing.expectEqualStrings("{\"a b\":[1,\"\\\" \"]}", try json.compact(allocator, "{ \"a b\" : [ 1 , \"\\\" \" ] }"));
    try testing.expectEqualStrings("\"a\\\"\\\\\\n\\u0001é\"", try json.quote(allocator, "a\"\\\n\x01é"));
}

test "fields are found without a tree" {
    var arena: Arena = .init(testing.allocator);
    defer arena.deinit();
    var raws: [3]?[]const u8 = undefined;
    var problem: json.Problem = .{};
    const names = [_][]const u8{ "a", "none", "b c" };
    try json.find(arena.allocator(), " {\"a\":1,\"x\":{\"a\":2},\"b c\" : [ 1 ] ,\"\\u0061\":\"last\"} ", &names, &raws, &problem);
    try testing.expectEqualStrings("\"last\"", raws[0].?);
    try testing.expectEqual(null, raws[1]);
    try testing.expectEqualStrings("[ 1 ]", raws[2].?);
    for ([_][2][]const u8{
        .{ "{\"a\":EWR}", "expected a value at byte 5, found `E`" },
        .{ "{\"a\":1", "expected `,` or `}` after a field at byte 6, where the text ends" },
        .{ "[]", "expected an object at byte 0, found `[`" },
        .{ "{} x", "expected nothing after the object at byte 3, found `x`" },
    }) |pair| {
        try testing.expectError(error.BadJson, json.find(arena.allocator(), pair[0], &names, &raws, &problem));
        try testing.expectEqualStrings(pair[1], try std.fmt.allocPrint(arena.allocator(), "{f}", .{problem}));
    }
    try json.find(arena.allocator(), "{}", &names, &raws, &problem);
    try testing.expectEqual(null, raws[0]);
}

const Config = struct {
    size: i64,
    name: []const u8 = "nobody",
    way: enum { up, down } = .up,
    part: ?f64 = null,
    on: bool = false,
    steps: []const struct { at: u8 } = &.{},
    any: json.Value = .null,
};

test "config is typed and says what is wrong" {
    var arena: Arena = .init(testing.allocator);
    defer arena.deinit();
    var setup: ms.Setup = .{ .allocator = arena.allocator(), .config = "{\"size\":-4,\"name\":\"a\\tb\",\"way\":\"down\",\"part\":1,\"on\":true,\"steps\":[{\"at\":255}],\"any\":[1]}" };
    const config = try ms.config.read(Config, &setup);
    try testing.expectEqual(-4, config.size);
    try testing.expectEqualStrings("a\tb", config.name);
    try testing.expectEqual(.down, config.way);
    try testing.expectEqual(1.0, config.part);
    try testing.expect(config.on and config.any == .array);
    try testing.expectEqual(255, config.steps[0].at);
    for ([_][2][]const u8{
        .{ "", "config: missing field `size`" },
        .{ "{\"size\":1,\"seize\":2}", "config: unknown field `seize`" },
        .{ "{\"size\":1.5}", "config: `size`: expected a whole number of at most 64 bits" },
        .{ "{\"size\":1,\"name\":null}", "config: `name`: expected a text" },
        .{ "{\"size\":1,\"way\":\"left\"}", "config: `way`: expected one of `up`, `down`" },
        .{ "{\"size\":1,\"steps\":[{\"at\":1},{\"at\":256}]}", "config: `steps[1].at`: expected a whole number of at most 8 bits, not negative" },
        .{ "{\"size\":1,\"steps\":[{}]}", "config: `steps[0]`: missing field `at`" },
        .{ "{\"size\":1,\"steps\":[{\"at\":1,\"to\":2}]}", "config: `steps[0]`: unknown field `to`" },
        .{ "[]", "config: expected an object" },
        .{ "{", "config: expected a field's name in quotes at byte 1, where the text ends" },
        .{ "\xff", "config: it is not UTF-8" },
    }) |pair| {
        setup.config = pair[0];
        try testing.expectError(error.Fatal, ms.config.read(Config, &setup));
        try testing.expectEqualStrings(pair[1], setup.message.?);
    }
}

test "text is read as unicode" {
    try testing.expect(ms.text.isText("plain and a little more than sixteen, é €") and !ms.text.isText("plain and a little more than\xff"));
    for ([_][]const u8{ "\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5", "\xe2\x82", "\xc3" }) |bad| try testing.expect(!ms.text.isText(bad));
    try testing.expectEqualStrings("x y", ms.text.trim(" \n\u{a0}x y\u{3000} "));
    try testing.expectEqualStrings("", ms.text.trim(" \t"));
    try testing.expectEqual(std.math.maxInt(i64), ms.text.whole(i64, "+9223372036854775807"));
    try testing.expectEqual(std.math.minInt(i64), ms.text.whole(i64, "-9223372036854775808"));
    for ([_][]const u8{ "9223372036854775808", "-", "", "1_0", "0x1", " 1" }) |bad| try testing.expectEqual(null, ms.text.whole(i64, bad));
    for ([_]u21{ 0xB2, 0x3B1, 'z' }) |letter| try testing.expect(ms.text.isWord(letter));
    try testing.expect(!ms.text.isWord(0x20AC) and !ms.text.isWord('_'));
    for ([_][2]u21{ .{ 0xD6, 0xF6 }, .{ 0x410, 0x430 }, .{ 0xF7, 0xF7 }, .{ 0x23A, 0x2C65 }, .{ 'A', 'a' } }) |pair| try testing.expectEqual(pair[1], ms.text.lower(pair[0]));
    var room: [20]u8 = undefined;
    for ([_]u64{ 0, 7, 10, 4294967295, 4294967296, 10_000_000_000, 18446744073709551615 }) |number| {
        var expected: [20]u8 = undefined;
        try testing.expectEqualStrings(try std.fmt.bufPrint(&expected, "{d}", .{number}), ms.text.digits(number, &room));
    }
    var letters: ms.text.Letters = .{ .rest = "é€😀\xff" };
    for ([_]u21{ 'é', '€', '😀', 0xFFFD }) |letter| try testing.expectEqual(letter, letters.next());
    try testing.expectEqual(null, letters.next());
}

test "headers are found by their last name" {
    var arena: Arena = .init(testing.allocator);
    defer arena.deinit();
    const none: ms.Headers = .empty;
    const headers = try (try none.with(arena.allocator(), "a", "1")).with(arena.allocator(), "a", null);
    try testing.expectEqual(2, headers.count());
    try testing.expectEqual(null, headers.find("a").?.value);
    try testing.expectEqual(null, headers.find("b"));
    try testing.expectEqual(null, none.find("a"));
}

test "scratch memory is taken back at once, and one block stays" {
    var counted: std.testing.FailingAllocator = .init(testing.allocator, .{});
    var scratch: @FieldType(@FieldType(ms.Instance(Nothing), "call"), "scratch") = .{ .gpa = counted.allocator() };
    defer scratch.deinit();
    try testing.expectEqual(0, scratch.bytes(0).len);
    for (0..3) |_| {
        for (0..100) |n| @memset(scratch.bytes(10_000 + n), 1);
        const list = try scratch.allocator().alignedAlloc(u8, .@"64", 3);
        try testing.expect(@intFromPtr(list.ptr) % 64 == 0);
        scratch.reset();
    }
    const before = counted.allocations;
    for (0..1000) |_| {
        for (0..100) |n| _ = scratch.bytes(10_000 + n);
        scratch.reset();
    }
    try testing.expectEqual(before, counted.allocations);
}

const Nothing = struct {
    pub const declaration: ms.Declaration = .{ .name = "nothing", .version = "1", .outputs = &.{} };

    pub fn process(_: *Nothing, _: ms.Record, _: *ms.Context(Nothing)) void {}
};
