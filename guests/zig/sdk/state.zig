//! Keyed state as an operator sees it: a key's entry, typed by the store's declaration, and ranges of keys.
const std = @import("std");
const Cache = @import("cache.zig").Cache;
const Call = @import("call.zig").Call;
const host = @import("host.zig");
const layout = @import("layout.zig");
const memory = @import("memory.zig");
const value = @import("value.zig");

/// One key's value in a store, during a call. What is set here is seen by whoever looks next, and written back with the batch.
pub fn Entry(comptime Value: type, comptime store: []const u8) type {
    return struct {
        call: *Call,
        cache: *Cache,
        number: u32,

        const Self = @This();

        /// The value; `null`: there is none. Bytes that are no such value stop the job: the store holds what this code cannot read.
        /// Bytes that it gives live until the key is set again.
        pub inline fn get(entry: Self) error{Fatal}!?Value {
            return try decode(Value, store, entry.call, entry.key(), entry.bytes() orelse return null);
        }

        pub inline fn set(entry: Self, new: Value) void {
            if (comptime value.width(Value)) |bytes_n| {
                value.write(Value, new, entry.cache.roomFor(entry.call, entry.number, bytes_n)[0..bytes_n]);
            } else if (Value == []const u8) {
                entry.setBytes(new);
            } else {
                entry.setBytes(new.encode(entry.call.scratch.allocator()) catch memory.outOfMemory());
            }
        }

        /// Sets what is stored itself; the bytes are copied, and may be part of what was there.
        pub fn setBytes(entry: Self, new: []const u8) void {
            @memmove(entry.cache.roomFor(entry.call, entry.number, new.len), new);
        }

        pub fn delete(entry: Self) void {
            entry.cache.delete(entry.number);
        }

        /// What is stored.
        pub inline fn bytes(entry: Self) ?[]const u8 {
            return entry.cache.slots[entry.number].value;
        }

        pub inline fn key(entry: Self) []const u8 {
            return entry.cache.slots[entry.number].key;
        }

        /// For a value that cannot be read for another reason: `return entry.unreadable("the list ends in the middle")`.
        pub fn unreadable(entry: Self, what: []const u8) error{Fatal} {
            return notReadable(entry.call, store, entry.key(), what);
        }
    };
}

inline fn decode(comptime Value: type, comptime store: []const u8, call: *Call, key: []const u8, stored: []const u8) error{Fatal}!Value {
    if (Value == []const u8) return stored;
    if (comptime value.width(Value)) |bytes_n| {
        if (stored.len == bytes_n) if (value.read(Value, stored[0..bytes_n])) |read| return read;
        return wrongWidth(call, store, key, bytes_n, stored.len);
    }
    return Value.decode(stored) catch |failure| notReadable(call, store, key, @errorName(failure));
}

fn wrongWidth(call: *Call, store: []const u8, key: []const u8, expected: usize, found: usize) error{Fatal} {
    @branchHint(.cold);
    if (expected == found) return notReadable(call, store, key, "the number is too large for its type");
    return notReadable(call, store, key, call.format("the value has {d} bytes, this operator's have {d}", .{ found, expected }));
}

fn notReadable(call: *Call, store: []const u8, key: []const u8, what: []const u8) error{Fatal} {
    @branchHint(.cold);
    call.message = call.format("store `{s}`, key `{f}`: {s}", .{ store, std.ascii.hexEscape(key, .lower), what });
    return error.Fatal;
}

/// Goes through a range: `while (try scan.next()) |pair| …`.
pub fn Scan(comptime Value: type, comptime store: []const u8) type {
    return struct {
        call: *Call,
        range: host.Range,
        page: layout.Batch = .empty,
        row: usize = 0,
        is_done: bool = false,

        const Self = @This();
        pub const Pair = struct { key: []const u8, value: Value };

        pub fn next(scan: *Self) error{Fatal}!?Pair {
            while (scan.row == scan.page.index.len) {
                if (scan.is_done) return null;
                const page = host.scan(scan.range);
                scan.page = page.rows;
                scan.row = 0;
                scan.is_done = page.done;
                if (page.rows.index.len > 0) scan.range.begin = scan.behind(page.rows.key(page.rows.index.len - 1).?);
            }
            const record = scan.page.read(scan.row);
            scan.row += 1;
            return .{ .key = record.key.?, .value = try decode(Value, store, scan.call, record.key.?, record.value.?) };
        }

        /// The first key after that one.
        fn behind(scan: *Self, key: []const u8) []const u8 {
            const begin = scan.call.scratch.bytes(key.len + 1);
            @memcpy(begin[0..key.len], key);
            begin[key.len] = 0;
            return begin;
        }
    };
}
