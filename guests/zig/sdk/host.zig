//! The calls to the host: imports of the component, or in a test the harness's memory.
const std = @import("std");
const builtin = @import("builtin");
const layout = @import("layout.zig");
const memory = @import("memory.zig");

const is_component = builtin.target.cpu.arch == .wasm32;
const Memory = @import("testing/memory.zig").Memory;

pub const Level = enum(u8) { err = 0, warn = 1, info = 2, debug = 3 };

pub const Range = struct {
    /// The host's number of the store.
    store: u32,
    /// First key, and first key not included; empty: to the end of the store.
    begin: []const u8 = "",
    end: []const u8 = "",
    /// At most so many rows; 0: as the host likes.
    limit: u32 = 0,
};

pub const Page = struct { rows: layout.Batch, done: bool };

pub fn log(level: Level, message: []const u8) void {
    if (!is_component) return Memory.current().log(level, message);
    imports.log(@backingInt(level), address(message.ptr, message.len), message.len);
}

pub fn count(name: []const u8, delta: u64) void {
    if (!is_component) return Memory.current().count(name, delta);
    imports.count(address(name.ptr, name.len), name.len, delta);
}

pub fn getMany(keys: layout.Batch) layout.Batch {
    if (!is_component) return Memory.current().getMany(keys);
    var found: Words4 = undefined;
    imports.@"get-many"(address(keys.index.ptr, keys.index.len), bytesOf(keys), address(keys.arena.ptr, keys.arena.len), keys.arena.len, &found);
    return batchOf(found);
}

pub fn putMany(rows: layout.Batch) void {
    if (!is_component) return Memory.current().putMany(rows);
    imports.@"put-many"(address(rows.index.ptr, rows.index.len), bytesOf(rows), address(rows.arena.ptr, rows.arena.len), rows.arena.len);
}

pub fn scan(range: Range) Page {
    if (!is_component) return Memory.current().scan(range);
    var found: extern struct { rows: Words4, done: u8 } = undefined;
    const begin = address(range.begin.ptr, range.begin.len);
    const end = address(range.end.ptr, range.end.len);
    imports.scan(range.store, begin, range.begin.len, end, range.end.len, range.limit, 0, &found);
    return .{ .rows = batchOf(found.rows), .done = found.done != 0 };
}

const Words4 = extern struct { index: usize, index_bytes: usize, arena: usize, arena_bytes: usize };

fn bytesOf(batch: layout.Batch) usize {
    return batch.index.len * @sizeOf(layout.Row);
}

/// The pointer of an empty list must lie in memory, too, and Zig's for nothing does not.
pub inline fn address(at: anytype, len: usize) usize {
    return if (len == 0) @intFromPtr(&memory.nothing) else @intFromPtr(at);
}

/// Bytes that the host put into memory of `cabi_realloc`.
pub inline fn bytesAt(at: usize, len: usize) []u8 {
    const begin: [*]u8 = @ptrFromInt(address(@as(*allowzero const u8, @ptrFromInt(at)), len));
    return begin[0..len];
}

pub inline fn rowsAt(at: usize, bytes: usize) []layout.Row {
    // An empty list may have any pointer.
    if (bytes == 0) return &.{};
    return @as([*]layout.Row, @ptrFromInt(at))[0 .. bytes / @sizeOf(layout.Row)];
}

fn batchOf(words: Words4) layout.Batch {
    return .{ .index = rowsAt(words.index, words.index_bytes), .arena = bytesAt(words.arena, words.arena_bytes) };
}

const imports = struct {
    extern "millstream:operator/telemetry@0.1.0" fn log(level: u32, at: usize, len: usize) void;
    extern "millstream:operator/telemetry@0.1.0" fn count(at: usize, len: usize, delta: u64) void;
    extern "millstream:operator/state@0.1.0" fn @"get-many"(index: usize, index_len: usize, arena: usize, arena_len: usize, found: *anyopaque) void;
    extern "millstream:operator/state@0.1.0" fn @"put-many"(index: usize, index_len: usize, arena: usize, arena_len: usize) void;
    extern "millstream:operator/state@0.1.0" fn scan(
        store: u32,
        begin: usize,
        begin_len: usize,
        end: usize,
        end_len: usize,
        limit: u32,
        bytes_max: u32,
        found: *anyopaque,
    ) void;
};
