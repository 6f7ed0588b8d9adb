//! The packed batch: rows of 40 bytes over one arena, records read in place, and the builder of what is sent. As `wit/operator.wit` lays it out.
const std = @import("std");
const Allocator = std.mem.Allocator;
const Headers = @import("headers.zig").Headers;
const memory = @import("memory.zig");

/// Of a partition: by key. Of a key's number: not computed.
pub const none: u32 = std.math.maxInt(u32);
/// Of a timestamp that is sent: that of the input row. Of one that came: there is none.
pub const inherit: i64 = std.math.minInt(i64);

pub const Flags = struct {
    pub const key_is_null: u16 = 1;
    pub const value_is_null: u16 = 2;
    pub const has_headers: u16 = 4;
};

/// One row of an index, little-endian as this machine must be.
pub const Row = extern struct {
    key_end: u32 = 0,
    value_end: u32 = 0,
    headers_end: u32 = 0,
    port: u16 = 0,
    flags: u16 = 0,
    timestamp: i64 = inherit,
    offset: i64 = 0,
    partition: u32 = none,
    key_id: u32 = none,
};

comptime {
    std.debug.assert(@sizeOf(Row) == 40);
    std.debug.assert(@import("builtin").target.cpu.arch.endian() == .little);
}

/// One record, read in place: its bytes live as long as the batch.
pub const Record = struct {
    key: ?[]const u8,
    value: ?[]const u8,
    headers: Headers,
    /// Its number in the batch.
    row: u32,
    /// Place in the declared inputs.
    port: u16,
    /// Event time, ms since 1970 UTC.
    timestamp: ?i64,
    /// Its place in its stream.
    offset: i64,
    partition: u32,
    /// Number of its key in the batch, or `none`.
    key_id: u32,
};

/// Many records, packed.
pub const Batch = struct {
    index: []const Row,
    arena: []const u8,

    pub const empty: Batch = .{ .index = &.{}, .arena = &memory.nothing };

    pub inline fn len(batch: Batch) u32 {
        return @intCast(batch.index.len);
    }

    /// The record at `row`; a row that is not there is a mistake in the code.
    pub inline fn at(batch: Batch, row: usize) Record {
        if (row >= batch.index.len) noSuchRow(row, batch.index.len);
        return batch.read(row);
    }

    /// The same where the row is known to be there.
    pub inline fn read(batch: Batch, row: usize) Record {
        const r = &batch.index[row];
        return .{
            .key = batch.key(row),
            .value = if (r.flags & Flags.value_is_null != 0) null else batch.arena[r.key_end..r.value_end],
            .headers = .{ .bytes = batch.arena[r.value_end..r.headers_end] },
            .row = @intCast(row),
            .port = r.port,
            .timestamp = if (r.timestamp == inherit) null else r.timestamp,
            .offset = r.offset,
            .partition = r.partition,
            .key_id = r.key_id,
        };
    }

    /// The key alone.
    pub inline fn key(batch: Batch, row: usize) ?[]const u8 {
        const r = &batch.index[row];
        if (r.flags & Flags.key_is_null != 0) return null;
        const begin = if (row == 0) 0 else batch.index[row - 1].headers_end;
        return batch.arena[begin..r.key_end];
    }

    pub fn iterate(batch: Batch) Iterator {
        return .{ .batch = batch };
    }
};

/// Goes through a batch: `while (records.next()) |record| …`.
pub const Iterator = struct {
    batch: Batch,
    row: usize = 0,

    pub inline fn next(iterator: *Iterator) ?Record {
        if (iterator.row == iterator.batch.index.len) return null;
        defer iterator.row += 1;
        return iterator.batch.read(iterator.row);
    }
};

pub fn noSuchRow(row: usize, rows: usize) noreturn {
    @branchHint(.cold);
    std.debug.panic("index out of bounds: row {d}, the batch has {d}", .{ row, rows });
}

/// A batch to be sent. Its memory stays from call to call, so a steady state allocates nothing.
pub const Builder = struct {
    gpa: Allocator,
    /// All the room there is; `rows` and `end` say how much of it is used.
    index: []Row = &.{},
    arena: []u8 = &.{},
    rows: usize = 0,
    end: usize = 0,
    /// Bytes of the index that are kept from the host. For tests of hosts: it is never whole rows then.
    withheld: usize = 0,
    /// The call's own batch, where it goes on as a whole: nothing is copied until something is to follow it.
    lent: ?Lent = null,
    /// The room, while something is lent. There seems to be none then, so that whoever pushes comes to `makeRoom` first.
    aside: struct { index: []Row, arena: []u8 } = .{ .index = &.{}, .arena = &.{} },

    const Lent = struct { rows: []Row, arena: []const u8, port: u16 };

    pub fn deinit(b: *Builder) void {
        b.clear();
        b.gpa.free(b.index);
        b.gpa.free(b.arena);
        b.* = undefined;
    }

    pub fn clear(b: *Builder) void {
        if (b.lent != null) b.takeBack();
        b.rows = 0;
        b.end = 0;
        b.withheld = 0;
    }

    /// Adds a row. Of `fields`, ends and flags are set here. In line: a call in Wasm costs a look at the deadline.
    pub inline fn push(b: *Builder, key: ?[]const u8, value: ?[]const u8, headers: []const u8, fields: Row) void {
        const key_bytes = key orelse "";
        const value_bytes = value orelse "";
        const more = key_bytes.len +| value_bytes.len +| headers.len;
        if (b.rows == b.index.len or b.arena.len - b.end < more) b.makeRoom(more);
        const row = &b.index[b.rows];
        row.* = fields;
        b.append(key_bytes);
        row.key_end = @intCast(b.end);
        b.append(value_bytes);
        row.value_end = @intCast(b.end);
        b.append(headers);
        row.headers_end = @intCast(b.end);
        const no_key = if (key == null) Flags.key_is_null else 0;
        const no_value = if (value == null) Flags.value_is_null else 0;
        row.flags = no_key | no_value | if (headers.len > 0) Flags.has_headers else 0;
        b.rows += 1;
    }

    inline fn append(b: *Builder, bytes: []const u8) void {
        @memcpy(b.arena[b.end..][0..bytes.len], bytes);
        b.end += bytes.len;
    }

    /// For one row more, with so many bytes.
    pub noinline fn makeRoom(b: *Builder, more: usize) void {
        @branchHint(.cold);
        if (b.lent) |lent| {
            b.takeBack();
            b.pushAll(.{ .index = lent.rows, .arena = lent.arena }, lent.port);
        }
        memory.grow(Row, b.gpa, &b.index, b.rows, 1);
        memory.grow(u8, b.gpa, &b.arena, b.end, more);
    }

    /// Lends the call's own batch to the host, index and bytes; the rows are changed by `built`, until then they may be looked at.
    pub fn lend(b: *Builder, rows: []Row, arena: []const u8, port: u16) void {
        b.aside = .{ .index = b.index, .arena = b.arena };
        b.lent = .{ .rows = rows, .arena = arena, .port = port };
        b.index = &.{};
        b.arena = &.{};
    }

    fn takeBack(b: *Builder) void {
        b.index = b.aside.index;
        b.arena = b.aside.arena;
        b.lent = null;
    }

    /// Adds all rows of a batch, as they are, for the host's port.
    pub fn pushAll(b: *Builder, batch: Batch, port: u16) void {
        if (b.lent != null) b.makeRoom(0);
        memory.grow(Row, b.gpa, &b.index, b.rows, batch.index.len);
        memory.grow(u8, b.gpa, &b.arena, b.end, batch.arena.len);
        const shift: u32 = @intCast(b.end);
        for (batch.index, b.index[b.rows..][0..batch.index.len], 0..) |from, *to, row| {
            to.* = from;
            to.key_end += shift;
            to.value_end += shift;
            to.headers_end += shift;
            goOn(to, port, row);
        }
        b.rows += batch.index.len;
        b.append(batch.arena);
    }

    /// What is in it, as it is sent.
    pub fn built(b: *Builder) Batch {
        const lent = b.lent orelse return .{ .index = b.index[0..b.rows], .arena = b.arena[0..b.end] };
        for (lent.rows, 0..) |*row, number| goOn(row, lent.port, number);
        return .{ .index = lent.rows, .arena = lent.arena };
    }
};

/// A row that goes on as it is: its parts stay where they are, what the host is to know of it is new.
inline fn goOn(row: *Row, port: u16, number: usize) void {
    row.port = port;
    row.offset = @intCast(number);
    row.partition = none;
    row.key_id = none;
}
