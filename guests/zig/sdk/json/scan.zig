//! Goes over JSON without recursion, sixteen bytes a step inside strings: texts come from anywhere, and stacks are small.
const std = @import("std");

pub const depth_max = 127;

/// What is wrong with a text.
pub const Problem = struct {
    at: usize = 0,
    expected: []const u8 = "",
    /// The byte that was found; `null`: the text ends there.
    found: ?u8 = null,

    pub fn format(problem: Problem, line: *std.Io.Writer) std.Io.Writer.Error!void {
        try line.print("expected {s} at byte {d}", .{ problem.expected, problem.at });
        const found = problem.found orelse return line.writeAll(", where the text ends");
        try line.print(", found `{c}`", .{if (std.ascii.isPrint(found)) found else '?'});
    }
};

pub const Scanner = struct {
    text: []const u8,
    problem: *Problem,
    at: usize = 0,

    const Bad = error{BadJson};

    pub fn wrong(s: *Scanner, at: usize, expected: []const u8) Bad {
        @branchHint(.cold);
        s.problem.* = .{ .at = at, .expected = expected, .found = if (at < s.text.len) s.text[at] else null };
        return error.BadJson;
    }

    /// The byte that comes next; behind the end, zero.
    pub inline fn here(s: *const Scanner) u8 {
        return if (s.at < s.text.len) s.text[s.at] else 0;
    }

    pub inline fn spaces(s: *Scanner) void {
        while (true) switch (s.here()) {
            ' ', '\n', '\r', '\t' => s.at += 1,
            else => return,
        };
    }

    /// From the opening quotes to behind the closing ones. Returns whether there are escapes in it.
    pub inline fn string(s: *Scanner) Bad!bool {
        var has_escapes = false;
        s.at += 1;
        while (true) {
            s.at = behindPlain(s.text, s.at);
            if (s.at == s.text.len) return s.wrong(s.at, "`\"` at a string's end");
            switch (s.text[s.at]) {
                '"' => {
                    s.at += 1;
                    return has_escapes;
                },
                '\\' => {
                    has_escapes = true;
                    try s.escape();
                },
                else => return s.wrong(s.at, "a control character to be escaped"),
            }
        }
    }

    fn escape(s: *Scanner) Bad!void {
        s.at += 1;
        switch (s.here()) {
            '"', '\\', '/', 'b', 'f', 'n', 'r', 't' => s.at += 1,
            'u' => {
                s.at += 1;
                for (0..4) |_| {
                    if (!std.ascii.isHex(s.here())) return s.wrong(s.at, "a hexadecimal digit");
                    s.at += 1;
                }
            },
            else => return s.wrong(s.at, "one of `\"\\/bfnrtu` after a backslash"),
        }
    }

    inline fn digits(s: *Scanner) Bad!void {
        if (!std.ascii.isDigit(s.here())) return s.wrong(s.at, "a digit");
        while (std.ascii.isDigit(s.here())) s.at += 1;
    }

    fn number(s: *Scanner) Bad!void {
        if (s.here() == '-') s.at += 1;
        const begin = s.at;
        try s.digits();
        if (s.text[begin] == '0' and s.at > begin + 1) return s.wrong(begin + 1, "no digit after a leading zero");
        if (s.here() == '.') {
            s.at += 1;
            try s.digits();
        }
        if (s.here() | 32 == 'e') {
            s.at += 1;
            if (s.here() == '+' or s.here() == '-') s.at += 1;
            try s.digits();
        }
    }

    inline fn literal(s: *Scanner, spelling: []const u8) Bad!void {
        if (!std.mem.startsWith(u8, s.text[s.at..], spelling)) return s.wrong(s.at, "`true`, `false` or `null`");
        s.at += spelling.len;
    }

    /// Over a value that has none inside.
    pub inline fn scalar(s: *Scanner) Bad!void {
        switch (s.here()) {
            '"' => _ = try s.string(),
            't' => try s.literal("true"),
            'f' => try s.literal("false"),
            'n' => try s.literal("null"),
            '-', '0'...'9' => try s.number(),
            else => return s.wrong(s.at, "a value"),
        }
    }

    /// A field's name as it stands, with its quotes.
    pub const Name = struct { at: usize, quoted: []const u8, has_escapes: bool };

    pub inline fn name(s: *Scanner) Bad!Name {
        const at = s.at;
        if (s.here() != '"') return s.wrong(at, "a field's name in quotes");
        const has_escapes = try s.string();
        return .{ .at = at, .quoted = s.text[at..s.at], .has_escapes = has_escapes };
    }

    /// From behind a field's name to its value.
    pub inline fn colon(s: *Scanner) Bad!void {
        s.spaces();
        if (s.here() != ':') return s.wrong(s.at, "`:` after a field's name");
        s.at += 1;
        s.spaces();
    }

    fn nameAndColon(s: *Scanner) Bad!void {
        _ = try s.name();
        try s.colon();
    }

    /// Over a value of an object's field: one object is open around it already.
    pub inline fn value(s: *Scanner) Bad!void {
        if (s.here() == '{' or s.here() == '[') return s.nested();
        return s.scalar();
    }

    /// Over an object or array. A bit for each that is open says whether it is an object.
    fn nested(s: *Scanner) Bad!void {
        var is_object: u128 = 0;
        var depth: u32 = 0;
        while (true) {
            const opening = s.here();
            if (opening == '{' or opening == '[') {
                if (depth + 1 == depth_max) return s.wrong(s.at, "at most 127 objects and arrays inside one another");
                depth += 1;
                is_object = is_object << 1 | @intFromBool(opening == '{');
                s.at += 1;
                s.spaces();
                if (s.here() != closing(is_object)) {
                    if (opening == '{') try s.nameAndColon();
                    continue;
                }
            } else {
                try s.scalar();
                s.spaces();
            }
            // Behind a value, or before what closes an empty one: closes what ends here.
            while (s.here() == closing(is_object)) {
                s.at += 1;
                depth -= 1;
                is_object >>= 1;
                if (depth == 0) return;
                s.spaces();
            }
            if (s.here() != ',') return s.wrong(s.at, if (is_object & 1 == 1) "`,` or `}` after a field" else "`,` or `]` after an element");
            s.at += 1;
            s.spaces();
            if (is_object & 1 == 1) try s.nameAndColon();
        }
    }

    inline fn closing(is_object: u128) u8 {
        return if (is_object & 1 == 1) '}' else ']';
    }
};

const Block = @Vector(16, u8);

/// The first byte from `begin` on that is not plain text of a string, or the end.
inline fn behindPlain(text: []const u8, begin: usize) usize {
    var at = begin;
    while (text.len - at >= 16) : (at += 16) {
        const block: Block = text[at..][0..16].*;
        const quotes: u16 = @bitCast(block == @as(Block, @splat('"')));
        const slashes: u16 = @bitCast(block == @as(Block, @splat('\\')));
        const controls: u16 = @bitCast(block < @as(Block, @splat(' ')));
        const special = quotes | slashes | controls;
        if (special != 0) return at + @ctz(special);
    }
    while (at < text.len and text[at] != '"' and text[at] != '\\' and text[at] >= ' ') at += 1;
    return at;
}
