//! Whether a batch keeps the rules of the layout: what the host checks on all that it is given.
const std = @import("std");
const Headers = @import("../headers.zig").Headers;
const Flags = @import("../layout.zig").Flags;
const Row = @import("../layout.zig").Row;

const known_flags = Flags.key_is_null | Flags.value_is_null | Flags.has_headers;

/// The rule that a batch breaks, by the name that the host has for it; `null`: none. The index is bytes: its length may be wrong.
pub fn brokenRule(index: []const u8, arena: []const u8) ?[]const u8 {
    if (index.len % @sizeOf(Row) != 0) return "IndexLength";
    var begin: u32 = 0;
    var at: usize = 0;
    while (at < index.len) : (at += @sizeOf(Row)) {
        const row: *align(1) const Row = @ptrCast(index[at..][0..@sizeOf(Row)]);
        if (brokenByRow(row, begin, arena)) |rule| return rule;
        begin = row.headers_end;
    }
    return if (begin == arena.len) null else "ArenaNotUsedUp";
}

fn brokenByRow(row: *align(1) const Row, begin: u32, arena: []const u8) ?[]const u8 {
    if (row.key_end < begin or row.value_end < row.key_end or row.headers_end < row.value_end) return "EndsGoBackwards";
    if (row.headers_end > arena.len) return "EndOutsideArena";
    if (row.flags & ~known_flags != 0) return "UnknownFlags";
    if (row.flags & Flags.key_is_null != 0 and row.key_end > begin) return "NullWithBytes";
    if (row.flags & Flags.value_is_null != 0 and row.value_end > row.key_end) return "NullWithBytes";
    const packed_headers = arena[row.value_end..row.headers_end];
    const is_sound = if (row.flags & Flags.has_headers != 0) areHeaders(packed_headers) else packed_headers.len == 0;
    return if (is_sound) null else "Headers";
}

/// Whether headers are as the layout says, with nothing behind them.
fn areHeaders(bytes: []const u8) bool {
    if (bytes.len < 2) return false;
    var all = (Headers{ .bytes = bytes }).iterate();
    while (all.next()) |_| {}
    return all.left == 0 and all.rest.len == 0;
}
