//! Values of a store as bytes. Numbers have eight, little-endian, as in the SDKs of other languages: an operator can be replaced by one in another and
//! keep its state.
//!
//! - `[]const u8`: the bytes as they are
//! - an integer or a float of at most 64 bits: eight bytes
//! - a struct of those: its numbers, one after another
//! - any type with `pub fn encode(value: T, allocator: Allocator) Allocator.Error![]const u8` and `pub fn decode(bytes: []const u8) error{…}!T`
const std = @import("std");
const Allocator = std.mem.Allocator;

/// How many bytes a value of that type always has; `null`: it depends on the value.
pub fn width(comptime T: type) ?usize {
    if (T == []const u8 or isCustom(T)) return null;
    return switch (@typeInfo(T)) {
        .int => |int| if (int.bits <= 64) 8 else unknown(T),
        .float => |float| if (float.bits <= 64) 8 else unknown(T),
        .@"struct" => |fields| {
            var bytes: usize = 0;
            for (fields.field_types) |Field| bytes += width(Field) orelse unknown(T);
            return bytes;
        },
        else => unknown(T),
    };
}

fn isCustom(comptime T: type) bool {
    return switch (@typeInfo(T)) {
        .@"struct", .@"union", .@"enum" => @hasDecl(T, "encode"),
        else => false,
    };
}

fn unknown(comptime T: type) noreturn {
    @compileError("a store cannot hold " ++ @typeName(T) ++
        ": it takes `[]const u8`, a number of at most 64 bits, a struct of those, or a type with `encode` and `decode`");
}

/// Writes a value of fixed width.
pub inline fn write(comptime T: type, value: T, to: *[width(T).?]u8) void {
    switch (@typeInfo(T)) {
        .int => |int| {
            const Wide = if (int.signedness == .signed) i64 else u64;
            std.mem.writeInt(Wide, to, value, .little);
        },
        .float => std.mem.writeInt(u64, to, @bitCast(@as(f64, value)), .little),
        .@"struct" => |fields| {
            comptime var at = 0;
            inline for (fields.field_names, fields.field_types) |name, Field| {
                const bytes = comptime width(Field).?;
                write(Field, @field(value, name), to[at..][0..bytes]);
                at += bytes;
            }
        },
        else => comptime unreachable,
    }
}

/// Reads a value of fixed width; `null`: the number does not fit the type.
pub inline fn read(comptime T: type, from: *const [width(T).?]u8) ?T {
    switch (@typeInfo(T)) {
        .int => |int| {
            const Wide = if (int.signedness == .signed) i64 else u64;
            return std.math.cast(T, std.mem.readInt(Wide, from, .little));
        },
        .float => return @floatCast(@as(f64, @bitCast(std.mem.readInt(u64, from, .little)))),
        .@"struct" => |fields| {
            var value: T = undefined;
            comptime var at = 0;
            inline for (fields.field_names, fields.field_types) |name, Field| {
                const bytes = comptime width(Field).?;
                @field(value, name) = read(Field, from[at..][0..bytes]) orelse return null;
                at += bytes;
            }
            return value;
        },
        else => comptime unreachable,
    }
}
