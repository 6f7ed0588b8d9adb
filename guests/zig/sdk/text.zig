//! Text: UTF-8, letters in Unicode's sense, white space, whole numbers. Alike in all languages, so that an operator can be replaced by one in another.
const std = @import("std");
const letters = @import("letters.zig");

/// Is it UTF-8?
pub fn isText(bytes: []const u8) bool {
    return std.unicode.utf8ValidateSlice(bytes);
}

/// A letter or a digit, in Unicode's sense.
pub fn isWord(letter: u21) bool {
    if (letter < 0x80) return std.ascii.isAlphanumeric(@intCast(letter));
    var low: usize = 0;
    var high: usize = letters.words.len;
    while (low < high) {
        const middle = (low + high) / 2;
        const run = letters.words[middle];
        if (letter < run[0]) high = middle else if (letter > run[1]) low = middle + 1 else return true;
    }
    return false;
}

/// Its lower case, where that is one code point.
pub fn lower(letter: u21) u21 {
    if (letter < 0x80) return std.ascii.toLower(@intCast(letter));
    var low: usize = 0;
    var high: usize = letters.lower.len;
    while (low < high) {
        const middle = (low + high) / 2;
        const run = letters.lower[middle];
        if (letter < run[0]) high = middle else if (letter > run[1]) low = middle + 1 else {
            const is_in_step = @mod(letter - run[0], run[2]) == 0;
            return if (is_in_step) @intCast(letter + run[3]) else letter;
        }
    }
    return letter;
}

/// Takes one code point after the other off UTF-8.
pub const Letters = struct {
    rest: []const u8,

    pub fn next(from: *Letters) ?u21 {
        if (from.rest.len == 0) return null;
        const len = std.unicode.utf8ByteSequenceLength(from.rest[0]) catch return from.skip(1);
        if (len > from.rest.len) return from.skip(from.rest.len);
        const letter = std.unicode.utf8Decode(from.rest[0..len]) catch return from.skip(1);
        from.rest = from.rest[len..];
        return letter;
    }

    /// Over what is no UTF-8.
    fn skip(from: *Letters, len: usize) u21 {
        from.rest = from.rest[len..];
        return std.unicode.replacement_character;
    }
};

/// Writes one code point as UTF-8, and returns what was written.
pub fn put(to: *[4]u8, letter: u21) []const u8 {
    const len = std.unicode.utf8Encode(letter, to) catch unreachable;
    return to[0..len];
}

fn isSpace(letter: u21) bool {
    return switch (letter) {
        9...13, ' ', 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000 => true,
        else => false,
    };
}

/// UTF-8 without Unicode's white space around it.
pub fn trim(bytes: []const u8) []const u8 {
    var trimmed = bytes;
    var from: Letters = .{ .rest = bytes };
    while (from.next()) |letter| {
        if (!isSpace(letter)) break;
        trimmed = from.rest;
    }
    while (trimmed.len > 0) {
        var begin = trimmed.len - 1;
        while (begin > 0 and trimmed[begin] & 0xC0 == 0x80) begin -= 1;
        var last: Letters = .{ .rest = trimmed[begin..] };
        if (!isSpace(last.next().?)) break;
        trimmed = trimmed[0..begin];
    }
    return trimmed;
}

/// A whole number, signed or not; `null`: it is none, or too large. Unlike `std.fmt.parseInt` it takes no `_`.
pub fn whole(comptime T: type, digits_of: []const u8) ?T {
    const is_negative = digits_of.len > 0 and digits_of[0] == '-';
    const is_signed = is_negative or (digits_of.len > 0 and digits_of[0] == '+');
    const rest = digits_of[@intFromBool(is_signed)..];
    if (rest.len == 0) return null;
    var number: T = 0;
    for (rest) |byte| {
        if (!std.ascii.isDigit(byte)) return null;
        const digit = std.math.cast(T, byte - '0') orelse return null;
        number = std.math.mul(T, number, std.math.cast(T, 10) orelse return null) catch return null;
        number = (if (is_negative) std.math.sub(T, number, digit) else std.math.add(T, number, digit)) catch return null;
    }
    return number;
}

pub const digits_max = 20;

/// A number's digits, at the end of that room.
pub inline fn digits(number: u64, room: *[digits_max]u8) []const u8 {
    var at: usize = digits_max;
    // Most numbers have 32 bits, and those are quicker.
    var left = number;
    while (left > std.math.maxInt(u32)) : (left /= 10) {
        at -= 1;
        room[at] = '0' + @as(u8, @intCast(left % 10));
    }
    var small: u32 = @intCast(left);
    if (at < digits_max and small == 0) return room[at..];
    while (true) {
        at -= 1;
        room[at] = '0' + @as(u8, @intCast(small % 10));
        small /= 10;
        if (small == 0) return room[at..];
    }
}
