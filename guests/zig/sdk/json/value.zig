//! JSON as a tree, and what its values mean: numbers, strings, equality.
const std = @import("std");
const Allocator = std.mem.Allocator;
const Scanner = @import("scan.zig").Scanner;
const depth_max = @import("scan.zig").depth_max;
const text = @import("../text.zig");

const Error = error{ BadJson, OutOfMemory };

pub const Field = struct { name: []const u8, value: Value };

pub const Value = union(enum) {
    null,
    bool: bool,
    /// As it is written.
    number: []const u8,
    string: []const u8,
    array: []const Value,
    object: []const Field,

    /// The last field of that name.
    pub fn field(value: Value, name: []const u8) ?Value {
        if (value != .object) return null;
        return (last(value.object, name) orelse return null).value;
    }

    /// A number that is written as a whole one and fits the type. `-0` is none, it stands for a fraction's.
    pub fn whole(value: Value, comptime T: type) ?T {
        if (value != .number or std.mem.eql(u8, value.number, "-0")) return null;
        return text.whole(T, value.number);
    }

    /// A number that is not too large.
    pub fn float(value: Value) ?f64 {
        if (value != .number) return null;
        const number = std.fmt.parseFloat(f64, value.number) catch return null;
        return if (std.math.isFinite(number)) number else null;
    }
};

fn last(fields: []const Field, name: []const u8) ?*const Field {
    var left = fields.len;
    while (left > 0) {
        left -= 1;
        if (std.mem.eql(u8, fields[left].name, name)) return &fields[left];
    }
    return null;
}

/// Reads the value that comes next.
pub fn read(s: *Scanner, allocator: Allocator, depth: usize) Error!Value {
    const begin = s.at;
    switch (s.here()) {
        '{', '[' => |opening| {
            if (depth == depth_max) return s.wrong(begin, "at most 127 objects and arrays inside one another");
            s.at += 1;
            s.spaces();
            return if (opening == '{') readObject(s, allocator, depth) else readArray(s, allocator, depth);
        },
        else => try s.scalar(),
    }
    const raw = s.text[begin..s.at];
    return switch (raw[0]) {
        't' => .{ .bool = true },
        'f' => .{ .bool = false },
        'n' => .null,
        '"' => .{ .string = unescape(allocator, raw) catch |failure| switch (failure) {
            error.OutOfMemory => return error.OutOfMemory,
            error.BadJson => return s.wrong(s.at, "text without halves of surrogate pairs"),
        } },
        else => .{ .number = raw },
    };
}

fn readArray(s: *Scanner, allocator: Allocator, depth: usize) Error!Value {
    var elements: std.ArrayList(Value) = .empty;
    if (s.here() != ']') while (true) {
        try elements.append(allocator, try read(s, allocator, depth + 1));
        s.spaces();
        if (s.here() != ',') break;
        s.at += 1;
        s.spaces();
    };
    if (s.here() != ']') return s.wrong(s.at, "`,` or `]` after an element");
    s.at += 1;
    return .{ .array = elements.items };
}

fn readObject(s: *Scanner, allocator: Allocator, depth: usize) Error!Value {
    var fields: std.ArrayList(Field) = .empty;
    if (s.here() != '}') while (true) {
        const quoted = try s.name();
        try s.colon();
        const name = try textOf(s, allocator, quoted);
        try fields.append(allocator, .{ .name = name, .value = try read(s, allocator, depth + 1) });
        s.spaces();
        if (s.here() != ',') break;
        s.at += 1;
        s.spaces();
    };
    if (s.here() != '}') return s.wrong(s.at, "`,` or `}` after a field");
    s.at += 1;
    return .{ .object = fields.items };
}

/// What a field's name reads. Memory is taken for one with escapes only.
pub inline fn textOf(s: *Scanner, allocator: Allocator, name: Scanner.Name) Error![]const u8 {
    if (!name.has_escapes) return name.quoted[1 .. name.quoted.len - 1];
    return unescape(allocator, name.quoted) catch |failure| switch (failure) {
        error.OutOfMemory => error.OutOfMemory,
        error.BadJson => s.wrong(name.at + 1, "a name that is text"),
    };
}

// ---- What strings read

/// A string's text without escapes is part of `raw`.
pub fn unescape(allocator: Allocator, raw: []const u8) Error![]const u8 {
    if (raw.len < 2 or raw[0] != '"') return error.BadJson;
    const inside = raw[1 .. raw.len - 1];
    if (std.mem.findScalar(u8, inside, '\\') == null) return inside;
    const to = try allocator.alloc(u8, inside.len);
    var len: usize = 0;
    var at: usize = 0;
    while (at < inside.len) {
        if (inside[at] != '\\') {
            to[len] = inside[at];
            len += 1;
            at += 1;
            continue;
        }
        var room: [4]u8 = undefined;
        const letter = text.put(&room, try escaped(inside, &at));
        @memcpy(to[len..][0..letter.len], letter);
        len += letter.len;
    }
    return to[0..len];
}

/// Takes the escape at `at`, and the other half of a pair with it.
fn escaped(inside: []const u8, at: *usize) error{BadJson}!u21 {
    const first = unit(inside, at.*) orelse {
        defer at.* += 2;
        return switch (inside[at.* + 1]) {
            'b' => 8,
            'f' => 12,
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            else => |byte| byte,
        };
    };
    at.* += 6;
    if (first < 0xD800 or first > 0xDFFF) return first;
    const second = unit(inside, at.*) orelse return error.BadJson;
    if (first > 0xDBFF or second < 0xDC00 or second > 0xDFFF) return error.BadJson;
    at.* += 6;
    return 0x10000 + (@as(u21, first - 0xD800) << 10 | (second - 0xDC00));
}

/// One UTF-16 unit as \uXXXX at `at`.
fn unit(inside: []const u8, at: usize) ?u16 {
    if (at + 6 > inside.len or inside[at] != '\\' or inside[at + 1] != 'u') return null;
    var number: u16 = 0;
    for (inside[at + 2 ..][0..4]) |byte| number = number << 4 | (std.fmt.charToDigit(byte, 16) catch return null);
    return number;
}

// ---- Equality

/// Whether both mean the same: fields in any order, 1 and 1.0 are different.
pub fn equal(a: Value, b: Value) bool {
    return switch (a) {
        .null => b == .null,
        .bool => |own| b == .bool and own == b.bool,
        .number => b == .number and sameNumber(a, b),
        .string => |own| b == .string and std.mem.eql(u8, own, b.string),
        .array => |own| {
            if (b != .array or own.len != b.array.len) return false;
            for (own, b.array) |one, other| if (!equal(one, other)) return false;
            return true;
        },
        .object => |own| b == .object and sameFields(own, b.object),
    };
}

fn sameNumber(a: Value, b: Value) bool {
    if (a.whole(i64)) |own| return own == b.whole(i64);
    if (a.whole(u64)) |own| return own == b.whole(u64);
    if (b.whole(i64) != null or b.whole(u64) != null) return false;
    return (a.float() orelse return false) == (b.float() orelse return false);
}

/// Of fields with the same name the last one counts, and only that is compared: each that is compared more than once would double the work at each level.
fn sameFields(a: []const Field, b: []const Field) bool {
    for (b) |other| if (last(a, other.name) == null) return false;
    for (a) |*own| {
        const other = last(b, own.name) orelse return false;
        if (last(a, own.name) == own and !equal(own.value, other.value)) return false;
    }
    return true;
}
