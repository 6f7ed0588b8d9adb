//! JSON: a few fields of an object as they stand, without a tree; or a tree of a whole text. The grammar, and what is equal to what, are those of all SDKs.
const std = @import("std");
const Allocator = std.mem.Allocator;
const Scanner = @import("json/scan.zig").Scanner;
const values = @import("json/value.zig");

pub const Problem = @import("json/scan.zig").Problem;
pub const Value = values.Value;
pub const Field = values.Field;
pub const equal = values.equal;

/// Objects and arrays inside one another, at most.
pub const depth_max = @import("json/scan.zig").depth_max;

pub const Error = error{ BadJson, OutOfMemory };

/// Reads a whole text, which must be UTF-8, into a tree. On `error.BadJson` the problem says what was expected at which byte.
pub fn parse(allocator: Allocator, text: []const u8, problem: *Problem) Error!Value {
    var scanner: Scanner = .{ .text = text, .problem = problem };
    scanner.spaces();
    const value = try values.read(&scanner, allocator, 0);
    scanner.spaces();
    if (scanner.at != text.len) return scanner.wrong(scanner.at, "nothing after the value");
    return value;
}

/// Goes over an object's text, which must be UTF-8, and finds fields by name: their values as they stand, null where there is none. Of fields with the same
/// name the last one counts. The allocator is used for names with escapes only.
pub fn find(allocator: Allocator, text: []const u8, names: []const []const u8, raws: []?[]const u8, problem: *Problem) Error!void {
    if (names.len != raws.len) @panic("there is to be a place for each field that is looked for");
    var s: Scanner = .{ .text = text, .problem = problem };
    @memset(raws, null);
    s.spaces();
    if (s.here() != '{') return s.wrong(s.at, "an object");
    s.at += 1;
    s.spaces();
    if (s.here() != '}') while (true) {
        const name = try values.textOf(&s, allocator, try s.name());
        try s.colon();
        const begin = s.at;
        try s.value();
        const raw = text[begin..s.at];
        for (names, raws) |wanted, *to| {
            if (std.mem.eql(u8, wanted, name)) to.* = raw;
        }
        s.spaces();
        switch (s.here()) {
            ',' => {
                s.at += 1;
                s.spaces();
            },
            '}' => break,
            else => return s.wrong(s.at, "`,` or `}` after a field"),
        }
    };
    s.at += 1;
    s.spaces();
    if (s.at != text.len) return s.wrong(s.at, "nothing after the object");
}

/// What a string's text, quotes and all, reads. `error.BadJson`: it is no string, or has half a surrogate pair.
pub fn unescape(allocator: Allocator, raw: []const u8) Error![]const u8 {
    return values.unescape(allocator, raw);
}

/// A value's text without spaces.
pub fn compact(allocator: Allocator, raw: []const u8) Allocator.Error![]const u8 {
    const to = try allocator.alloc(u8, raw.len);
    var len: usize = 0;
    var is_inside = false;
    var n: usize = 0;
    while (n < raw.len) : (n += 1) {
        const byte = raw[n];
        if (!is_inside and (byte == ' ' or byte == '\n' or byte == '\r' or byte == '\t')) continue;
        to[len] = byte;
        len += 1;
        if (byte == '"') is_inside = !is_inside;
        if (is_inside and byte == '\\' and n + 1 < raw.len) {
            n += 1;
            to[len] = raw[n];
            len += 1;
        }
    }
    return to[0..len];
}

/// A string that reads so.
pub fn quote(allocator: Allocator, text: []const u8) Allocator.Error![]const u8 {
    const to = try allocator.alloc(u8, 6 * text.len + 2);
    var line: std.Io.Writer = .fixed(to);
    writeQuoted(&line, text) catch unreachable;
    return line.buffered();
}

fn writeQuoted(line: *std.Io.Writer, text: []const u8) std.Io.Writer.Error!void {
    try line.writeByte('"');
    for (text) |byte| switch (byte) {
        '"', '\\' => try line.writeAll(&.{ '\\', byte }),
        '\n' => try line.writeAll("\\n"),
        '\r' => try line.writeAll("\\r"),
        '\t' => try line.writeAll("\\t"),
        8 => try line.writeAll("\\b"),
        12 => try line.writeAll("\\f"),
        0...7, 11, 14...31 => try line.print("\\u00{x:0>2}", .{byte}),
        else => try line.writeByte(byte),
    };
    try line.writeByte('"');
}
