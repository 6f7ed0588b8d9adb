//! A record's headers, read and written in their packed form: `u16 count`, then per header `u16 name length · name · u32 value length · value`; a length
//! that is all ones is null.
const std = @import("std");
const Allocator = std.mem.Allocator;

pub const Header = struct { name: []const u8, value: ?[]const u8 };

pub const Headers = struct {
    /// As they lie in a batch. None: no bytes.
    bytes: []const u8 = "",

    pub const empty: Headers = .{};
    const null_value: u32 = std.math.maxInt(u32);

    pub fn count(headers: Headers) u16 {
        return if (headers.bytes.len < 2) 0 else std.mem.readInt(u16, headers.bytes[0..2], .little);
    }

    pub fn iterate(headers: Headers) Iterator {
        return .{ .rest = headers.bytes[@min(2, headers.bytes.len)..], .left = headers.count() };
    }

    /// The last header of that name.
    pub fn find(headers: Headers, name: []const u8) ?Header {
        var found: ?Header = null;
        var all = headers.iterate();
        while (all.next()) |header| {
            if (std.mem.eql(u8, header.name, name)) found = header;
        }
        return found;
    }

    /// These and one more, in new memory.
    pub fn with(headers: Headers, allocator: Allocator, name: []const u8, value: ?[]const u8) Allocator.Error!Headers {
        const before = headers.count();
        if (before == std.math.maxInt(u16) or name.len > std.math.maxInt(u16))
            @panic("a record has at most 65,535 headers, and a name 65,535 bytes");
        const own = value orelse "";
        const rest = headers.bytes[@min(2, headers.bytes.len)..];
        const bytes = try allocator.alloc(u8, 2 + rest.len + 2 + name.len + 4 + own.len);
        std.mem.writeInt(u16, bytes[0..2], before + 1, .little);
        @memcpy(bytes[2..][0..rest.len], rest);
        const added = bytes[2 + rest.len ..];
        std.mem.writeInt(u16, added[0..2], @intCast(name.len), .little);
        @memcpy(added[2..][0..name.len], name);
        std.mem.writeInt(u32, added[2 + name.len ..][0..4], if (value == null) null_value else @intCast(own.len), .little);
        @memcpy(added[6 + name.len ..], own);
        return .{ .bytes = bytes };
    }

    /// Goes through them in order, and ends where they are not as they should be: then `rest` is not empty or `left` not zero.
    pub const Iterator = struct {
        rest: []const u8,
        left: u16,

        pub fn next(iterator: *Iterator) ?Header {
            if (iterator.left == 0) return null;
            const before = iterator.rest;
            return iterator.take() orelse {
                iterator.rest = before;
                return null;
            };
        }

        fn take(iterator: *Iterator) ?Header {
            const name = iterator.bytes(iterator.number(u16) orelse return null) orelse return null;
            const length = iterator.number(u32) orelse return null;
            const value = if (length == null_value) null else iterator.bytes(length) orelse return null;
            iterator.left -= 1;
            return .{ .name = name, .value = value };
        }

        fn bytes(iterator: *Iterator, len: usize) ?[]const u8 {
            if (iterator.rest.len < len) return null;
            defer iterator.rest = iterator.rest[len..];
            return iterator.rest[0..len];
        }

        fn number(iterator: *Iterator, comptime T: type) ?T {
            const from = iterator.bytes(@sizeOf(T)) orelse return null;
            return std.mem.readInt(T, from[0..@sizeOf(T)], .little);
        }
    };
};
