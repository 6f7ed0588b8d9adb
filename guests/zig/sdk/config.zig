//! The job's config, read into the operator's own struct: its fields' types and defaults say what is allowed. What is wrong, missing or unknown is
//! refused by name.
//!
//! A field may be a whole number, a float, a bool, `[]const u8`, an enum (by its names), a struct, a list of any of these, `json.Value`, or any of them
//! with `?`.
const std = @import("std");
const Allocator = std.mem.Allocator;
const json = @import("json.zig");
const memory = @import("memory.zig");
const operator = @import("operator.zig");
const text = @import("text.zig");

/// Reads the setup's config. None given is the same as `{}`. What it gives lives as long as the instance.
pub fn read(comptime Config: type, setup: *operator.Setup) error{Fatal}!Config {
    if (!text.isText(setup.config)) return setup.fatal("config: it is not UTF-8", .{});
    const given = if (setup.config.len == 0) "{}" else setup.config;
    var problem: json.Problem = .{};
    const value = json.parse(setup.allocator, given, &problem) catch |failure| switch (failure) {
        error.OutOfMemory => memory.outOfMemory(),
        error.BadJson => return setup.fatal("config: {f}", .{problem}),
    };
    if (value != .object) return setup.fatal("config: expected an object", .{});
    var reader: Reader = .{ .setup = setup };
    return reader.object(Config, value.object, "");
}

const Reader = struct {
    setup: *operator.Setup,

    fn object(reader: *Reader, comptime T: type, given: []const json.Field, path: []const u8) error{Fatal}!T {
        const fields = @typeInfo(T).@"struct";
        next: for (given) |field| {
            inline for (fields.field_names) |name| if (std.mem.eql(u8, name, field.name)) continue :next;
            return reader.setup.fatal("config: {s}unknown field `{s}`", .{ reader.inside(path), field.name });
        }
        var result: T = undefined;
        inline for (fields.field_names, fields.field_types, fields.field_attrs) |name, Field, attributes| {
            const whole: json.Value = .{ .object = given };
            if (whole.field(name)) |found| {
                @field(result, name) = try reader.value(Field, found, reader.join(path, name));
            } else if (comptime attributes.defaultValue(Field)) |default| {
                @field(result, name) = default;
            } else if (@typeInfo(Field) == .optional) {
                @field(result, name) = null;
            } else {
                return reader.setup.fatal("config: {s}missing field `{s}`", .{ reader.inside(path), name });
            }
        }
        return result;
    }

    fn value(reader: *Reader, comptime T: type, given: json.Value, path: []const u8) error{Fatal}!T {
        if (T == json.Value) return given;
        if (T == []const u8) return if (given == .string) given.string else reader.wrong(path, "a text");
        switch (@typeInfo(T)) {
            .optional => |optional| return if (given == .null) null else try reader.value(optional.child, given, path),
            .bool => return if (given == .bool) given.bool else reader.wrong(path, "true or false"),
            .float => return @floatCast(given.float() orelse return reader.wrong(path, "a number")),
            .int => |int| return given.whole(T) orelse reader.wrong(path, if (int.signedness == .signed)
                std.fmt.comptimePrint("a whole number of at most {d} bits", .{int.bits})
            else
                std.fmt.comptimePrint("a whole number of at most {d} bits, not negative", .{int.bits})),
            .@"enum" => |names| {
                if (given == .string) if (std.meta.stringToEnum(T, given.string)) |found| return found;
                return reader.wrong(path, "one of " ++ comptime listed(names.field_names));
            },
            .@"struct" => return if (given == .object) reader.object(T, given.object, path) else reader.wrong(path, "an object"),
            .pointer => |pointer| {
                if (pointer.size != .slice) @compileError("a config cannot have a " ++ @typeName(T));
                if (given != .array) return reader.wrong(path, "a list");
                const list = reader.setup.allocator.alloc(pointer.child, given.array.len) catch memory.outOfMemory();
                for (list, given.array, 0..) |*to, element, n| to.* = try reader.value(pointer.child, element, reader.format("{s}[{d}]", .{ path, n }));
                return list;
            },
            else => @compileError("a config cannot have a " ++ @typeName(T)),
        }
    }

    fn listed(comptime names: []const [:0]const u8) []const u8 {
        var list: []const u8 = "";
        for (names, 0..) |name, n| list = list ++ (if (n == 0) "`" else ", `") ++ name ++ "`";
        return list;
    }

    fn wrong(reader: *Reader, path: []const u8, expected: []const u8) error{Fatal} {
        return reader.setup.fatal("config: `{s}`: expected {s}", .{ path, expected });
    }

    /// What is said before the name of a field that lies deeper.
    fn inside(reader: *Reader, path: []const u8) []const u8 {
        return if (path.len == 0) "" else reader.format("`{s}`: ", .{path});
    }

    fn join(reader: *Reader, path: []const u8, name: []const u8) []const u8 {
        return if (path.len == 0) name else reader.format("{s}.{s}", .{ path, name });
    }

    fn format(reader: *Reader, comptime form: []const u8, arguments: anytype) []const u8 {
        return std.fmt.allocPrint(reader.setup.allocator, form, arguments) catch memory.outOfMemory();
    }
};
